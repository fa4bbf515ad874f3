/**
 * What MQTT demands: every normative statement of MQTT 3.1.1 (OASIS Standard, Appendix B) in our own words,
 * and the rules by which MQTT 3.1 differs. How the list is used: docs/spec/README.md.
 *
 * @typedef {object} Statement
 * @property {string} tag as the specification prints it; MQTT31-n is ours, since MQTT 3.1 numbers nothing
 * @property {'server' | 'client' | 'both'} binds whose behaviour it rules; `both` includes what a server must refuse
 * @property {string} says what PosMQ does about it, or, for a statement that binds clients only, what they do
 * @property {string} [untested] why no test names it
 */

/**
 * MQTT 3.1.1. Two tags are misprinted in the standard: `MQTT-3.1.2.7` and `MQTT-3-8.3-4` are MQTT-3.1.2-7 and MQTT-3.8.3-4 here.
 *
 * @type {readonly Statement[]}
 */
export const mqtt311 = [
  // 1.5.3 UTF-8 encoded strings
  {
    tag: 'MQTT-1.5.3-1',
    binds: 'both',
    says: 'A packet with a string that is not well-formed UTF-8, encoded surrogates (U+D800 to U+DFFF) included, closes the connection; strings we send are well formed.',
  },
  {
    tag: 'MQTT-1.5.3-2',
    binds: 'both',
    says: 'A packet with U+0000 inside a UTF-8 string closes the connection; no string we send holds one.',
  },
  {
    tag: 'MQTT-1.5.3-3',
    binds: 'both',
    says: 'The bytes EF BB BF in a string are the character U+FEFF wherever they stand, and pass through unchanged.',
  },

  // 2.2.2 Fixed header flags
  {
    tag: 'MQTT-2.2.2-1',
    binds: 'both',
    says: 'Reserved flag bits of every packet type carry exactly the values of the flag table in each packet we send.',
  },
  {
    tag: 'MQTT-2.2.2-2',
    binds: 'both',
    says: 'A packet whose reserved flag bits have other values closes the connection.',
  },

  // 2.3.1 Packet Identifier
  {
    tag: 'MQTT-2.3.1-1',
    binds: 'both',
    says: 'SUBSCRIBE, UNSUBSCRIBE and PUBLISH above QoS 0 carry a Packet Identifier other than 0: ours always do, and a received 0 closes the connection.',
  },
  {
    tag: 'MQTT-2.3.1-2',
    binds: 'client',
    says: 'A new packet gets an identifier that is not in use.',
  },
  {
    tag: 'MQTT-2.3.1-3',
    binds: 'client',
    says: 'A resent packet keeps its identifier, which is free again only after its acknowledgement.',
  },
  {
    tag: 'MQTT-2.3.1-4',
    binds: 'server',
    says: 'A PUBLISH we send above QoS 0 gets an identifier free in that session, keeps it when resent, and frees it only after PUBACK (QoS 1) or PUBCOMP (QoS 2).',
  },
  {
    tag: 'MQTT-2.3.1-5',
    binds: 'both',
    says: 'A QoS 0 PUBLISH has no Packet Identifier: we send none, and read none (the bytes after the topic are payload).',
  },
  {
    tag: 'MQTT-2.3.1-6',
    binds: 'both',
    says: 'Our PUBACK, PUBREC, PUBREL and PUBCOMP carry the identifier of the PUBLISH they belong to.',
  },
  {
    tag: 'MQTT-2.3.1-7',
    binds: 'server',
    says: 'SUBACK and UNSUBACK carry the identifier of the request they answer.',
  },

  // 3.1.0 CONNECT
  {
    tag: 'MQTT-3.1.0-1',
    binds: 'both',
    says: 'The first packet of a connection is CONNECT; any other first packet closes it unanswered.',
  },
  {
    tag: 'MQTT-3.1.0-2',
    binds: 'server',
    says: 'A second CONNECT on a connection is a protocol violation: the client is disconnected.',
  },

  // 3.1.2 CONNECT variable header
  {
    tag: 'MQTT-3.1.2-1',
    binds: 'server',
    says: 'A CONNECT with an unknown protocol name is not processed as MQTT 3.1.1: the connection is closed.',
  },
  {
    tag: 'MQTT-3.1.2-2',
    binds: 'server',
    says: 'A protocol level we do not speak is answered with CONNACK 0x01, then the connection is closed.',
  },
  {
    tag: 'MQTT-3.1.2-3',
    binds: 'server',
    says: 'A CONNECT whose reserved flag (bit 0) is set closes the connection.',
  },
  {
    tag: 'MQTT-3.1.2-4',
    binds: 'both',
    says: 'CleanSession 0 resumes the session of that client identifier, or begins one if there is none, and the session outlives the connection.',
  },
  {
    tag: 'MQTT-3.1.2-5',
    binds: 'server',
    says: 'While a persistent session is offline, QoS 1 and QoS 2 messages that match its subscriptions are kept for it.',
  },
  {
    tag: 'MQTT-3.1.2-6',
    binds: 'both',
    says: 'CleanSession 1 discards any earlier session of that client identifier; the new one ends with its connection and nothing of it is ever reused.',
  },
  {
    tag: 'MQTT-3.1.2-7',
    binds: 'server',
    says: 'Retained messages belong to no session: they remain when the session of their publisher ends.',
  },
  {
    tag: 'MQTT-3.1.2-8',
    binds: 'server',
    says: 'The will of an accepted CONNECT is kept with the connection and published when the connection ends, unless a DISCONNECT came first.',
  },
  {
    tag: 'MQTT-3.1.2-9',
    binds: 'both',
    says: 'With the will flag set, will QoS and will retain are honoured, and a payload without will topic or will message is refused.',
  },
  {
    tag: 'MQTT-3.1.2-10',
    binds: 'server',
    says: 'A will is forgotten once published or once DISCONNECT is received: it is never published again, nor by a later connection of the same session.',
  },
  {
    tag: 'MQTT-3.1.2-11',
    binds: 'both',
    says: 'Without the will flag, will QoS and will retain must be 0 and the payload has no will fields; a CONNECT that says otherwise is refused.',
  },
  {
    tag: 'MQTT-3.1.2-12',
    binds: 'server',
    says: 'A connection that gave no will publishes none, however it ends.',
  },
  {
    tag: 'MQTT-3.1.2-13',
    binds: 'both',
    says: 'A CONNECT without the will flag but with a will QoS of 1 or 2 closes the connection.',
  },
  {
    tag: 'MQTT-3.1.2-14',
    binds: 'both',
    says: 'A will QoS of 3 closes the connection; 0, 1 and 2 are accepted.',
  },
  {
    tag: 'MQTT-3.1.2-15',
    binds: 'both',
    says: 'A CONNECT with will retain set but no will flag closes the connection.',
  },
  {
    tag: 'MQTT-3.1.2-16',
    binds: 'server',
    says: 'A will without the retain bit is published as an ordinary message and leaves the retained one alone.',
  },
  {
    tag: 'MQTT-3.1.2-17',
    binds: 'server',
    says: 'A will with the retain bit is published as a retained message and stays for later subscribers.',
  },
  {
    tag: 'MQTT-3.1.2-18',
    binds: 'both',
    says: 'Without the user name flag the payload holds no user name; bytes left over are refused.',
  },
  {
    tag: 'MQTT-3.1.2-19',
    binds: 'both',
    says: 'With the user name flag the payload holds a user name; a payload that ends before it is refused.',
  },
  {
    tag: 'MQTT-3.1.2-20',
    binds: 'both',
    says: 'Without the password flag the payload holds no password; bytes left over are refused.',
  },
  {
    tag: 'MQTT-3.1.2-21',
    binds: 'both',
    says: 'With the password flag the payload holds a password; a payload that ends before it is refused.',
  },
  {
    tag: 'MQTT-3.1.2-22',
    binds: 'both',
    says: 'A CONNECT with the password flag but without the user name flag closes the connection.',
  },
  {
    tag: 'MQTT-3.1.2-23',
    binds: 'client',
    says: 'Something is sent within every keep-alive period, PINGREQ if nothing else.',
  },
  {
    tag: 'MQTT-3.1.2-24',
    binds: 'server',
    says: 'A client that is silent for one and a half times its keep-alive is cut off as if the network had failed (its will is published); a keep-alive of 0 is never cut off.',
  },

  // 3.1.3 CONNECT payload
  {
    tag: 'MQTT-3.1.3-1',
    binds: 'both',
    says: 'The payload is read in the order client identifier, will topic, will message, user name, password.',
  },
  {
    tag: 'MQTT-3.1.3-2',
    binds: 'both',
    says: 'The client identifier names the session: two identifiers never share state, and one identifier finds its own again.',
  },
  {
    tag: 'MQTT-3.1.3-3',
    binds: 'both',
    says: 'The client identifier is the first field of the payload; a CONNECT without this field is refused.',
  },
  {
    tag: 'MQTT-3.1.3-4',
    binds: 'both',
    says: 'A client identifier that is not valid UTF-8 (1.5.3) refuses the CONNECT.',
  },
  {
    tag: 'MQTT-3.1.3-5',
    binds: 'server',
    says: 'Every client identifier of 1 to 23 bytes out of 0-9, a-z and A-Z is accepted.',
  },
  {
    tag: 'MQTT-3.1.3-6',
    binds: 'server',
    says: 'An empty client identifier with CleanSession 1 gets a unique one assigned, and from then on the connection is like any other.',
  },
  {
    tag: 'MQTT-3.1.3-7',
    binds: 'client',
    says: "An empty client identifier comes with CleanSession 1 (the server's part is MQTT-3.1.3-8).",
  },
  {
    tag: 'MQTT-3.1.3-8',
    binds: 'server',
    says: 'An empty client identifier with CleanSession 0 is answered with CONNACK 0x02, then the connection is closed.',
  },
  {
    tag: 'MQTT-3.1.3-9',
    binds: 'server',
    says: 'A client identifier that is refused, for whatever reason, is answered with CONNACK 0x02, then the connection is closed.',
  },
  {
    tag: 'MQTT-3.1.3-10',
    binds: 'both',
    says: 'A will topic that is not valid UTF-8 (1.5.3) refuses the CONNECT.',
  },
  {
    tag: 'MQTT-3.1.3-11',
    binds: 'both',
    says: 'A user name that is not valid UTF-8 (1.5.3) refuses the CONNECT.',
  },

  // 3.1.4 CONNECT response
  {
    tag: 'MQTT-3.1.4-1',
    binds: 'server',
    says: 'A CONNECT that breaks any rule of its format closes the connection and gets no CONNACK.',
  },
  {
    tag: 'MQTT-3.1.4-2',
    binds: 'server',
    says: 'When a client identifier connects that is already connected, the older connection is closed.',
  },
  {
    tag: 'MQTT-3.1.4-3',
    binds: 'server',
    says: 'An accepted CONNECT has its CleanSession flag carried out: the session is discarded or resumed before the CONNACK.',
  },
  {
    tag: 'MQTT-3.1.4-4',
    binds: 'server',
    says: 'An accepted CONNECT is answered with CONNACK 0x00.',
  },
  {
    tag: 'MQTT-3.1.4-5',
    binds: 'server',
    says: 'Whatever a client sent behind a CONNECT that is refused has no effect and no answer.',
  },

  // 3.2 CONNACK
  {
    tag: 'MQTT-3.2.0-1',
    binds: 'server',
    says: 'The first packet a client receives is CONNACK; nothing overtakes it, queued and resent messages included.',
  },
  {
    tag: 'MQTT-3.2.2-1',
    binds: 'server',
    says: 'A CONNACK 0x00 for CleanSession 1 says session present 0, even if a session was discarded.',
  },
  {
    tag: 'MQTT-3.2.2-2',
    binds: 'server',
    says: 'A CONNACK 0x00 for CleanSession 0 says session present 1 if a session was stored for the client identifier.',
  },
  {
    tag: 'MQTT-3.2.2-3',
    binds: 'server',
    says: 'A CONNACK 0x00 for CleanSession 0 says session present 0 if no session was stored.',
  },
  {
    tag: 'MQTT-3.2.2-4',
    binds: 'server',
    says: 'A CONNACK that refuses says session present 0, even if a session is stored.',
  },
  {
    tag: 'MQTT-3.2.2-5',
    binds: 'server',
    says: 'A CONNACK that refuses is followed by the close of the connection.',
  },
  {
    tag: 'MQTT-3.2.2-6',
    binds: 'server',
    says: 'A refusal that none of the CONNACK codes describes closes the connection without CONNACK.',
  },

  // 3.3.1 PUBLISH fixed header
  {
    tag: 'MQTT-3.3.1-1',
    binds: 'both',
    says: 'A PUBLISH that is sent again has DUP 1.',
  },
  {
    tag: 'MQTT-3.3.1-2',
    binds: 'both',
    says: 'A QoS 0 PUBLISH has DUP 0: we never send it otherwise.',
  },
  {
    tag: 'MQTT-3.3.1-3',
    binds: 'server',
    says: 'DUP of an outgoing PUBLISH says only whether we resend it; the DUP it arrived with is not passed on.',
  },
  {
    tag: 'MQTT-3.3.1-4',
    binds: 'both',
    says: 'A PUBLISH with QoS 3 closes the connection, and we send none.',
  },
  {
    tag: 'MQTT-3.3.1-5',
    binds: 'server',
    says: 'A PUBLISH with RETAIN 1 is stored with its QoS for later subscribers of its topic.',
  },
  {
    tag: 'MQTT-3.3.1-6',
    binds: 'server',
    says: 'A new subscription receives the retained message of every topic name it matches.',
  },
  {
    tag: 'MQTT-3.3.1-7',
    binds: 'server',
    says: 'A QoS 0 PUBLISH with RETAIN 1 replaces whatever was retained for its topic, also of a higher QoS (we keep it; we could drop it).',
  },
  {
    tag: 'MQTT-3.3.1-8',
    binds: 'server',
    says: 'A message sent because of a new subscription has RETAIN 1.',
  },
  {
    tag: 'MQTT-3.3.1-9',
    binds: 'server',
    says: 'A message sent because of an established subscription has RETAIN 0, whatever it arrived with.',
  },
  {
    tag: 'MQTT-3.3.1-10',
    binds: 'server',
    says: 'An empty payload with RETAIN 1 goes to present subscribers like any message, and removes the retained message of its topic.',
  },
  {
    tag: 'MQTT-3.3.1-11',
    binds: 'server',
    says: 'An empty retained message is not itself stored: later subscribers receive nothing.',
  },
  {
    tag: 'MQTT-3.3.1-12',
    binds: 'server',
    says: 'A PUBLISH with RETAIN 0 is not stored and leaves the retained message of its topic as it was.',
  },

  // 3.3.2 PUBLISH variable header
  {
    tag: 'MQTT-3.3.2-1',
    binds: 'both',
    says: 'The topic name is the first field of PUBLISH; one that is missing, cut off or not valid UTF-8 closes the connection.',
  },
  {
    tag: 'MQTT-3.3.2-2',
    binds: 'both',
    says: 'A PUBLISH to a topic name with # or + closes the connection.',
  },
  {
    tag: 'MQTT-3.3.2-3',
    binds: 'server',
    says: 'A client receives only messages whose topic name matches one of its filters by the rules of 4.7.',
  },

  // 3.3.4 and 3.3.5 PUBLISH response and actions
  {
    tag: 'MQTT-3.3.4-1',
    binds: 'both',
    says: 'A PUBLISH is answered as its QoS says: 0 with nothing, 1 with PUBACK, 2 with PUBREC.',
  },
  {
    tag: 'MQTT-3.3.5-1',
    binds: 'server',
    says: 'A message that matches several subscriptions of a client is delivered at the highest QoS among them (we send it once).',
  },
  {
    tag: 'MQTT-3.3.5-2',
    binds: 'server',
    says: 'A PUBLISH that is not authorised is either acknowledged as usual (and goes nowhere) or closes the connection; there is no third answer.',
  },

  // 3.6.1 PUBREL fixed header
  {
    tag: 'MQTT-3.6.1-1',
    binds: 'both',
    says: 'PUBREL has the flags 0010: ours do, and any other value closes the connection.',
  },

  // 3.8.1 SUBSCRIBE fixed header
  {
    tag: 'MQTT-3.8.1-1',
    binds: 'both',
    says: 'SUBSCRIBE with flags other than 0010 closes the connection.',
  },

  // 3.8.3 SUBSCRIBE payload
  {
    tag: 'MQTT-3.8.3-1',
    binds: 'both',
    says: 'A topic filter in SUBSCRIBE that is not valid UTF-8 (1.5.3) closes the connection.',
  },
  {
    tag: 'MQTT-3.8.3-2',
    binds: 'server',
    says: 'A server without wildcard filters refuses subscriptions that use them.',
    untested: 'Does not apply: PosMQ supports wildcards in every filter (see MQTT-4.7.1-2 and MQTT-4.7.1-3).',
  },
  {
    tag: 'MQTT-3.8.3-3',
    binds: 'both',
    says: 'A SUBSCRIBE without a single filter is a protocol violation and closes the connection.',
  },
  {
    tag: 'MQTT-3.8.3-4',
    binds: 'server',
    says: 'A requested QoS byte with reserved bits set, or a QoS of 3, closes the connection.',
  },

  // 3.8.4 SUBSCRIBE response
  {
    tag: 'MQTT-3.8.4-1',
    binds: 'server',
    says: 'SUBSCRIBE is answered with SUBACK.',
  },
  {
    tag: 'MQTT-3.8.4-2',
    binds: 'server',
    says: 'The SUBACK has the Packet Identifier of its SUBSCRIBE.',
  },
  {
    tag: 'MQTT-3.8.4-3',
    binds: 'server',
    says: 'Subscribing again to the same filter replaces the subscription and its QoS, sends the retained messages again, and neither loses nor doubles messages in between.',
  },
  {
    tag: 'MQTT-3.8.4-4',
    binds: 'server',
    says: 'A SUBSCRIBE with several filters acts like that many SUBSCRIBEs in that order, with one SUBACK for all.',
  },
  {
    tag: 'MQTT-3.8.4-5',
    binds: 'server',
    says: 'The SUBACK has one code per filter: the QoS granted, or failure.',
  },
  {
    tag: 'MQTT-3.8.4-6',
    binds: 'server',
    says: 'A message is delivered at the lower of its own QoS and the QoS granted.',
  },

  // 3.9.3 SUBACK payload
  {
    tag: 'MQTT-3.9.3-1',
    binds: 'server',
    says: 'The codes of SUBACK stand in the order of the filters of SUBSCRIBE.',
  },
  {
    tag: 'MQTT-3.9.3-2',
    binds: 'server',
    says: 'SUBACK codes are 0x00, 0x01, 0x02 or 0x80 and nothing else.',
  },

  // 3.10 UNSUBSCRIBE
  {
    tag: 'MQTT-3.10.1-1',
    binds: 'both',
    says: 'UNSUBSCRIBE with flags other than 0010 closes the connection.',
  },
  {
    tag: 'MQTT-3.10.3-1',
    binds: 'both',
    says: 'A filter in UNSUBSCRIBE that is not valid UTF-8 (1.5.3) closes the connection; filters follow each other without gaps.',
  },
  {
    tag: 'MQTT-3.10.3-2',
    binds: 'both',
    says: 'An UNSUBSCRIBE without a single filter is a protocol violation and closes the connection.',
  },
  {
    tag: 'MQTT-3.10.4-1',
    binds: 'server',
    says: 'UNSUBSCRIBE removes the subscription whose filter is the same character by character, wildcards taken literally, and touches no other.',
  },
  {
    tag: 'MQTT-3.10.4-2',
    binds: 'server',
    says: 'After a subscription is removed, no new message is sent because of it.',
  },
  {
    tag: 'MQTT-3.10.4-3',
    binds: 'server',
    says: 'QoS 1 and QoS 2 messages already on their way when their subscription is removed are completed.',
  },
  {
    tag: 'MQTT-3.10.4-4',
    binds: 'server',
    says: 'UNSUBSCRIBE is answered with UNSUBACK and the same Packet Identifier.',
  },
  {
    tag: 'MQTT-3.10.4-5',
    binds: 'server',
    says: 'UNSUBSCRIBE is answered with UNSUBACK even if nothing was subscribed under that filter.',
  },
  {
    tag: 'MQTT-3.10.4-6',
    binds: 'server',
    says: 'An UNSUBSCRIBE with several filters acts like that many UNSUBSCRIBEs, with one UNSUBACK for all.',
  },

  // 3.12.4 PINGREQ response
  {
    tag: 'MQTT-3.12.4-1',
    binds: 'server',
    says: 'PINGREQ is answered with PINGRESP.',
  },

  // 3.14 DISCONNECT
  {
    tag: 'MQTT-3.14.1-1',
    binds: 'server',
    says: 'A DISCONNECT with a reserved bit set closes the connection as an error, not as a farewell.',
  },
  {
    tag: 'MQTT-3.14.4-1',
    binds: 'client',
    says: 'The connection is closed by the client after its DISCONNECT.',
  },
  {
    tag: 'MQTT-3.14.4-2',
    binds: 'client',
    says: 'Nothing is sent by the client after its DISCONNECT.',
  },
  {
    tag: 'MQTT-3.14.4-3',
    binds: 'server',
    says: 'DISCONNECT discards the will of the connection unpublished.',
  },

  // 4.1 Session state
  {
    tag: 'MQTT-4.1.0-1',
    binds: 'both',
    says: "A session's state (subscriptions, messages in flight and waiting, received QoS 2 identifiers) is kept for as long as the session lasts.",
  },
  {
    tag: 'MQTT-4.1.0-2',
    binds: 'both',
    says: 'A session never ends while its connection is open.',
  },

  // 4.3 Quality of service
  {
    tag: 'MQTT-4.3.1-1',
    binds: 'both',
    says: 'A QoS 0 message is sent as PUBLISH with QoS 0 and DUP 0.',
  },
  {
    tag: 'MQTT-4.3.2-1',
    binds: 'both',
    says: 'A new QoS 1 message is sent with an unused Packet Identifier, QoS 1 and DUP 0, and stays unacknowledged until its PUBACK.',
  },
  {
    tag: 'MQTT-4.3.2-2',
    binds: 'both',
    says: 'A QoS 1 PUBLISH is answered with PUBACK once the message is ours to deliver; after that the same identifier is a new message, whatever its DUP.',
  },
  {
    tag: 'MQTT-4.3.3-1',
    binds: 'both',
    says: 'A new QoS 2 message is sent with an unused identifier, QoS 2 and DUP 0, waits for PUBREC, is followed by PUBREL under the same identifier, waits for PUBCOMP, and its PUBLISH is never sent again after the PUBREL.',
  },
  {
    tag: 'MQTT-4.3.3-2',
    binds: 'both',
    says: 'A QoS 2 PUBLISH is answered with PUBREC, its repetitions with PUBREC and without another delivery, PUBREL with PUBCOMP; after that the same identifier is a new message.',
  },

  // 4.4 Delivery retry
  {
    tag: 'MQTT-4.4.0-1',
    binds: 'both',
    says: 'A resumed session has its unacknowledged PUBLISH and PUBREL packets sent again, with their original identifiers.',
  },

  // 4.5 Message receipt
  {
    tag: 'MQTT-4.5.0-1',
    binds: 'server',
    says: 'A message accepted is added to every session with a matching subscription, connected or not.',
  },
  {
    tag: 'MQTT-4.5.0-2',
    binds: 'client',
    says: 'Every PUBLISH is acknowledged as its QoS says, wanted or not.',
  },

  // 4.6 Message ordering
  {
    tag: 'MQTT-4.6.0-1',
    binds: 'both',
    says: 'Unacknowledged PUBLISH packets are sent again in the order they were first sent.',
  },
  {
    tag: 'MQTT-4.6.0-2',
    binds: 'client',
    says: 'PUBACKs are sent in the order of their PUBLISHes.',
  },
  {
    tag: 'MQTT-4.6.0-3',
    binds: 'client',
    says: 'PUBRECs are sent in the order of their PUBLISHes.',
  },
  {
    tag: 'MQTT-4.6.0-4',
    binds: 'both',
    says: 'PUBRELs are sent in the order their PUBRECs arrived.',
  },
  {
    tag: 'MQTT-4.6.0-5',
    binds: 'server',
    says: 'Every topic is ordered unless an administrator says otherwise (PosMQ has no such switch).',
  },
  {
    tag: 'MQTT-4.6.0-6',
    binds: 'server',
    says: 'Messages of one publisher, topic and QoS reach each subscriber in the order they were published.',
  },

  // 4.7 Topic names and filters
  {
    tag: 'MQTT-4.7.1-1',
    binds: 'both',
    says: 'Wildcards are for filters: a topic name with # or + is refused, a will topic included, and none is ever sent.',
  },
  {
    tag: 'MQTT-4.7.1-2',
    binds: 'both',
    says: '# stands alone or behind a slash, and last; a filter with # anywhere else closes the connection.',
  },
  {
    tag: 'MQTT-4.7.1-3',
    binds: 'both',
    says: '+ fills a whole level, at any level, also several times; a filter with + beside other characters closes the connection.',
  },
  {
    tag: 'MQTT-4.7.2-1',
    binds: 'server',
    says: 'A filter that begins with # or + matches no topic name that begins with $; $SYS/# and the like still do.',
  },
  {
    tag: 'MQTT-4.7.3-1',
    binds: 'both',
    says: 'An empty topic name or topic filter closes the connection; one character is enough.',
  },
  {
    tag: 'MQTT-4.7.3-2',
    binds: 'both',
    says: 'A topic name or topic filter with U+0000 closes the connection.',
  },
  {
    tag: 'MQTT-4.7.3-3',
    binds: 'both',
    says: 'Topic names and filters of up to 65535 bytes are accepted and kept whole; a longer one, as an embedding program could publish, is refused before encoding.',
  },
  {
    tag: 'MQTT-4.7.3-4',
    binds: 'server',
    says: 'Names and filters are matched as they are: case, spaces, empty levels and Unicode forms all count, and nothing is normalised.',
  },

  // 4.8 Handling errors
  {
    tag: 'MQTT-4.8.0-1',
    binds: 'both',
    says: 'A protocol violation closes the connection it came on, and only that one, unless another statement says otherwise.',
  },
  {
    tag: 'MQTT-4.8.0-2',
    binds: 'both',
    says: 'A packet that cannot be processed because of a transient error closes the connection it came on instead of being acknowledged.',
  },

  // 6 WebSocket
  {
    tag: 'MQTT-6.0.0-1',
    binds: 'both',
    says: 'MQTT travels in binary WebSocket frames; any other data frame closes the connection.',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },
  {
    tag: 'MQTT-6.0.0-2',
    binds: 'both',
    says: 'A WebSocket frame may hold several packets or a part of one: frame borders mean nothing.',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },
  {
    tag: 'MQTT-6.0.0-3',
    binds: 'client',
    says: 'The subprotocol "mqtt" is among those offered.',
  },
  {
    tag: 'MQTT-6.0.0-4',
    binds: 'server',
    says: 'The WebSocket subprotocol the server selects is "mqtt".',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },

  // 7 Conformance
  {
    tag: 'MQTT-7.0.0-1',
    binds: 'server',
    says: 'A server that also connects to other servers behaves there as a conforming client.',
    untested: 'Does not apply: PosMQ opens no MQTT connections to other servers.',
  },
  {
    tag: 'MQTT-7.0.0-2',
    binds: 'both',
    says: 'Any conforming client works with PosMQ as it is: nothing outside the specification is needed.',
  },
  {
    tag: 'MQTT-7.1.1-1',
    binds: 'server',
    says: 'Clients connect over at least one ordered, lossless transport in both directions: TCP.',
  },
  {
    tag: 'MQTT-7.1.2-1',
    binds: 'client',
    says: 'At least one ordered, lossless transport is spoken.',
  },
];

/**
 * MQTT 3.1 (protocol name MQIsdp), where it differs from MQTT 3.1.1; in all else the statements above hold.
 *
 * @type {readonly Statement[]}
 */
export const mqtt31 = [
  {
    tag: 'MQTT31-1',
    binds: 'server',
    says: 'A CONNECT with protocol name MQIsdp and level 3 is served on the same port as MQTT 3.1.1, and the two kinds of clients exchange messages.',
  },
  {
    tag: 'MQTT31-2',
    binds: 'server',
    says: 'MQIsdp with a level other than 3, or MQTT with level 3, is answered with CONNACK 0x01, then the connection is closed.',
  },
  {
    tag: 'MQTT31-3',
    binds: 'server',
    says: 'An empty client identifier is answered with CONNACK 0x02 whatever CleanSession says, then the connection is closed: 3.1 knows no assigned identifiers.',
  },
  {
    tag: 'MQTT31-4',
    binds: 'server',
    says: 'A client identifier of 1 to 23 characters is accepted; a longer one too, where 3.1 would have us refuse it (3.1.1 dropped the limit and clients in the field exceed it).',
  },
  {
    tag: 'MQTT31-5',
    binds: 'server',
    says: 'The first byte of CONNACK is always 0 for a 3.1 client, also when a session is resumed: 3.1 has no session present flag.',
  },
  {
    tag: 'MQTT31-6',
    binds: 'server',
    says: 'A user name or password flag whose field is missing at the end of CONNECT is tolerated: the connection goes on as if the flag were 0.',
  },
  {
    tag: 'MQTT31-7',
    binds: 'server',
    says: 'SUBSCRIBE, UNSUBSCRIBE and PUBREL with DUP set are accepted: 3.1 clients may resend them so.',
  },
  {
    tag: 'MQTT31-8',
    binds: 'server',
    says: 'A subscription that is not authorised is granted in the SUBACK and receives nothing: 3.1 has no failure code 0x80.',
  },
  {
    tag: 'MQTT31-9',
    binds: 'server',
    says: 'A PUBLISH that is not authorised is acknowledged as usual and goes nowhere; the connection stays open, as 3.1 has no other answer.',
  },
];
