/**
 * What MQTT 5.0 demands: every normative statement of the OASIS Standard of 7 March 2019 in our own words. Its numbers mean other things
 * than those of 3.1.1, so its tags have a prefix: MQTT5-3.1.4-2 is the standard's MQTT-3.1.4-2. How the list is used: docs/spec/README.md.
 *
 * A packet that is malformed or a protocol error closes the connection it came on, and no other. From CONNACK 0x00 on the client is told
 * with DISCONNECT, before it with CONNACK: 0x81 when malformed, 0x82 for a protocol error, or the code given here. A packet that gets
 * a DISCONNECT is the end of its connection, too.
 *
 * The standard has no MQTT-2.2.1-1. Its body misprints two tags, `MQTT-4.2-1` and `T-3.2.2-8`; they are MQTT5-4.2.0-1 and MQTT5-3.2.2-8
 * here, as in its Appendix B. Where the sentences of that appendix differ (at MQTT-3.3.1-10 it says the opposite), the body holds.
 *
 * @type {readonly import('./mqtt-3.1.1.mjs').Statement[]}
 */
export const mqtt50 = [
  // 1.5.4 UTF-8 Encoded String
  {
    tag: 'MQTT5-1.5.4-1',
    binds: 'both',
    says: 'A packet with a string that is not well-formed UTF-8, encoded surrogates (U+D800 to U+DFFF) included, is malformed; strings we send are well formed.',
  },
  {
    tag: 'MQTT5-1.5.4-2',
    binds: 'both',
    says: 'A packet with U+0000 inside a UTF-8 string is malformed; no string we send holds one.',
  },
  {
    tag: 'MQTT5-1.5.4-3',
    binds: 'both',
    says: 'The bytes EF BB BF in a string are the character U+FEFF wherever they stand, and pass through unchanged.',
  },

  // 1.5.5 Variable Byte Integer
  {
    tag: 'MQTT5-1.5.5-1',
    binds: 'both',
    says: 'Every Variable Byte Integer we send has as few bytes as its value needs; a received one of more than four bytes, or longer than it needs to be, is malformed.',
  },

  // 1.5.7 UTF-8 String Pair
  {
    tag: 'MQTT5-1.5.7-1',
    binds: 'both',
    says: 'A User Property whose name or value is not valid UTF-8 (1.5.4) makes its packet malformed.',
  },

  // 2.1.3 Flags
  {
    tag: 'MQTT5-2.1.3-1',
    binds: 'both',
    says: 'Reserved flag bits of every packet type carry exactly the values of the flag table: ours always do, and a packet with other values is malformed.',
  },

  // 2.2.1 Packet Identifier
  {
    tag: 'MQTT5-2.2.1-2',
    binds: 'both',
    says: 'A QoS 0 PUBLISH has no Packet Identifier: we send none, and read none (the bytes after the topic are its properties).',
  },
  {
    tag: 'MQTT5-2.2.1-3',
    binds: 'both',
    says: 'A new SUBSCRIBE, UNSUBSCRIBE or PUBLISH above QoS 0 has an unused Packet Identifier other than 0; a received 0 is a protocol error.',
  },
  {
    tag: 'MQTT5-2.2.1-4',
    binds: 'server',
    says: 'A new PUBLISH we send above QoS 0 gets an identifier other than 0 that is not in use to that session; it is free again after PUBACK, PUBCOMP, or a PUBREC of 0x80 or above.',
  },
  {
    tag: 'MQTT5-2.2.1-5',
    binds: 'both',
    says: 'Our PUBACK, PUBREC, PUBREL and PUBCOMP carry the identifier of the PUBLISH they belong to.',
  },
  {
    tag: 'MQTT5-2.2.1-6',
    binds: 'server',
    says: 'SUBACK and UNSUBACK carry the identifier of the request they answer.',
  },

  // 2.2.2 Properties
  {
    tag: 'MQTT5-2.2.2-1',
    binds: 'both',
    says: 'A packet we send without properties has a Property Length of 0 where the format does not let us leave it out; a received packet that lacks it is malformed.',
  },

  // 3.1.0 CONNECT
  {
    tag: 'MQTT5-3.1.0-1',
    binds: 'both',
    says: 'The first packet of a connection is CONNECT; any other first packet closes it unanswered.',
  },
  {
    tag: 'MQTT5-3.1.0-2',
    binds: 'server',
    says: 'A second CONNECT on a connection is a protocol error: DISCONNECT 0x82, then the connection is closed.',
  },

  // 3.1.2 CONNECT variable header
  {
    tag: 'MQTT5-3.1.2-1',
    binds: 'both',
    says: 'A CONNECT with an unknown protocol name closes the connection.',
  },
  {
    tag: 'MQTT5-3.1.2-2',
    binds: 'server',
    says: 'A CONNECT for a protocol level we do not speak closes the connection, with or without a CONNACK before.',
  },
  {
    tag: 'MQTT5-3.1.2-3',
    binds: 'server',
    says: 'A CONNECT whose reserved flag (bit 0) is set is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-4',
    binds: 'both',
    says: 'Clean Start 1 discards any session of that client identifier, with its subscriptions, messages and Subscription Identifiers, and begins a new one.',
  },
  {
    tag: 'MQTT5-3.1.2-5',
    binds: 'server',
    says: 'Clean Start 0 resumes the session of that client identifier: subscriptions, messages in flight and messages waiting, whatever its Session Expiry Interval was.',
  },
  {
    tag: 'MQTT5-3.1.2-6',
    binds: 'server',
    says: 'Clean Start 0 begins a new session if there is none for that client identifier, one that has expired included.',
  },
  {
    tag: 'MQTT5-3.1.2-7',
    binds: 'server',
    says: 'The will of an accepted CONNECT is kept with its session; without a Will Flag there is none, not even that of an earlier connection.',
  },
  {
    tag: 'MQTT5-3.1.2-8',
    binds: 'server',
    says: 'The will is published when the connection has ended and its delay has passed or the session ends, whichever is first, unless DISCONNECT 0x00 came or, within the delay, a connection that resumes the session.',
  },
  {
    tag: 'MQTT5-3.1.2-9',
    binds: 'both',
    says: 'With the Will Flag set, the payload holds Will Properties, Will Topic and Will Payload; a CONNECT that ends before them is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-10',
    binds: 'server',
    says: 'A will is forgotten once published or once DISCONNECT 0x00 is received: it is never published again, nor by a later connection of the same session.',
  },
  {
    tag: 'MQTT5-3.1.2-11',
    binds: 'both',
    says: 'A CONNECT without the Will Flag but with a Will QoS of 1, 2 or 3 is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-12',
    binds: 'both',
    says: 'A Will QoS of 0, 1 or 2 is accepted and used; 3 is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-13',
    binds: 'both',
    says: 'A CONNECT with Will Retain set but no Will Flag is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-14',
    binds: 'server',
    says: 'A will without the retain bit is published as an ordinary message and leaves the retained one alone.',
  },
  {
    tag: 'MQTT5-3.1.2-15',
    binds: 'server',
    says: 'A will with the retain bit is published as a retained message and stays for later subscribers.',
  },
  {
    tag: 'MQTT5-3.1.2-16',
    binds: 'both',
    says: 'Without the user name flag the payload holds no user name; bytes left over are malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-17',
    binds: 'both',
    says: 'With the user name flag the payload holds a user name; a payload that ends before it is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-18',
    binds: 'both',
    says: 'Without the password flag the payload holds no password; bytes left over are malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-19',
    binds: 'both',
    says: 'With the password flag the payload holds a password, also without a user name, which 5.0 allows; a payload that ends before it is malformed.',
  },
  {
    tag: 'MQTT5-3.1.2-20',
    binds: 'client',
    says: 'Something is sent within every keep-alive period, PINGREQ if nothing else.',
  },
  {
    tag: 'MQTT5-3.1.2-21',
    binds: 'client',
    says: 'A Server Keep Alive in CONNACK is used instead of the keep-alive asked for.',
  },
  {
    tag: 'MQTT5-3.1.2-22',
    binds: 'server',
    says: 'A client silent for one and a half times the keep-alive in force is cut off as if the network had failed (DISCONNECT 0x8D, and its will is published); a keep-alive of 0 is never cut off.',
  },
  {
    tag: 'MQTT5-3.1.2-23',
    binds: 'both',
    says: 'A Session Expiry Interval above 0 keeps the session that long after its connection ended, 0xFFFFFFFF for ever; without one, or with 0, the session ends with the connection.',
  },
  {
    tag: 'MQTT5-3.1.2-24',
    binds: 'server',
    says: 'No packet we send is larger, as a whole, than the Maximum Packet Size of the client; one of just that size is sent.',
  },
  {
    tag: 'MQTT5-3.1.2-25',
    binds: 'server',
    says: 'A PUBLISH too large for its client is dropped for that client as if it had been delivered: counted, no identifier, quota or Topic Alias used, and the next message follows.',
  },
  {
    tag: 'MQTT5-3.1.2-26',
    binds: 'server',
    says: "No Topic Alias we send is above the Topic Alias Maximum of the client's CONNECT.",
  },
  {
    tag: 'MQTT5-3.1.2-27',
    binds: 'server',
    says: 'A client whose CONNECT has no Topic Alias Maximum, or 0, is sent no Topic Alias.',
  },
  {
    tag: 'MQTT5-3.1.2-28',
    binds: 'server',
    says: 'CONNACK has no Response Information unless the CONNECT asked for it with Request Response Information 1.',
  },
  {
    tag: 'MQTT5-3.1.2-29',
    binds: 'server',
    says: 'After Request Problem Information 0 only CONNACK and DISCONNECT may carry a Reason String or User Properties of ours; the User Properties of messages are delivered all the same.',
  },
  {
    tag: 'MQTT5-3.1.2-30',
    binds: 'both',
    says: 'After a CONNECT with an Authentication Method only AUTH and DISCONNECT may come before CONNACK; any other packet is a protocol error, told with CONNACK 0x82.',
  },

  // 3.1.3 CONNECT payload
  {
    tag: 'MQTT5-3.1.3-1',
    binds: 'both',
    says: 'The payload is read in the order client identifier, Will Properties, Will Topic, Will Payload, user name, password.',
  },
  {
    tag: 'MQTT5-3.1.3-2',
    binds: 'both',
    says: 'The client identifier names the session: two identifiers never share state, and one identifier finds its own again.',
  },
  {
    tag: 'MQTT5-3.1.3-3',
    binds: 'both',
    says: 'The client identifier is the first field of the payload; a CONNECT without this field is malformed.',
  },
  {
    tag: 'MQTT5-3.1.3-4',
    binds: 'both',
    says: 'A client identifier that is not valid UTF-8 (1.5.4) makes the CONNECT malformed.',
  },
  {
    tag: 'MQTT5-3.1.3-5',
    binds: 'server',
    says: 'Every client identifier of 1 to 23 bytes out of 0-9, a-z and A-Z is accepted.',
  },
  {
    tag: 'MQTT5-3.1.3-6',
    binds: 'server',
    says: 'An empty client identifier gets a unique one assigned, with Clean Start 0 as with 1.',
  },
  {
    tag: 'MQTT5-3.1.3-7',
    binds: 'server',
    says: 'An assigned client identifier is returned in CONNACK and works like one the client chose: its session can be resumed under it.',
  },
  {
    tag: 'MQTT5-3.1.3-8',
    binds: 'server',
    says: 'A client identifier that is refused, for whatever reason, is answered with CONNACK 0x85, then the connection is closed.',
  },
  {
    tag: 'MQTT5-3.1.3-9',
    binds: 'server',
    says: 'A connection that resumes the session within the Will Delay cancels the will; one with Clean Start 1 does not, since it ends the session and that publishes the will.',
  },
  {
    tag: 'MQTT5-3.1.3-10',
    binds: 'server',
    says: 'A will is published with its User Properties in the order they were given, repeated names included.',
  },
  {
    tag: 'MQTT5-3.1.3-11',
    binds: 'both',
    says: 'A Will Topic that is not valid UTF-8 (1.5.4) makes the CONNECT malformed.',
  },
  {
    tag: 'MQTT5-3.1.3-12',
    binds: 'both',
    says: 'A user name that is not valid UTF-8 (1.5.4) makes the CONNECT malformed.',
  },

  // 3.1.4 CONNECT actions
  {
    tag: 'MQTT5-3.1.4-1',
    binds: 'server',
    says: 'A CONNECT that breaks any rule of its format closes the connection, after a CONNACK with the reason where its version could be read.',
  },
  {
    tag: 'MQTT5-3.1.4-2',
    binds: 'server',
    says: 'A CONNECT that is well formed but not authenticated or not allowed closes the connection, after a CONNACK with the reason.',
  },
  {
    tag: 'MQTT5-3.1.4-3',
    binds: 'server',
    says: 'When a client identifier connects that is already connected, the older connection is sent DISCONNECT 0x8E and closed, and its will is dealt with as 3.1.2-8 says.',
  },
  {
    tag: 'MQTT5-3.1.4-4',
    binds: 'server',
    says: 'An accepted CONNECT has its Clean Start flag carried out: the session is discarded or resumed before the CONNACK.',
  },
  {
    tag: 'MQTT5-3.1.4-5',
    binds: 'server',
    says: 'An accepted CONNECT is answered with CONNACK 0x00.',
  },
  {
    tag: 'MQTT5-3.1.4-6',
    binds: 'server',
    says: 'Whatever a client sent behind a CONNECT that is refused has no effect and no answer.',
  },

  // 3.2 CONNACK
  {
    tag: 'MQTT5-3.2.0-1',
    binds: 'server',
    says: 'Before CONNACK 0x00 a client receives nothing but AUTH; nothing overtakes it, queued and resent messages included.',
  },
  {
    tag: 'MQTT5-3.2.0-2',
    binds: 'server',
    says: 'A connection receives one CONNACK at most, also after a second CONNECT or a second authentication.',
  },
  {
    tag: 'MQTT5-3.2.2-1',
    binds: 'server',
    says: 'Bits 7 to 1 of the acknowledge flags of CONNACK are 0.',
  },
  {
    tag: 'MQTT5-3.2.2-2',
    binds: 'server',
    says: 'A CONNACK 0x00 for Clean Start 1 says session present 0, even if a session was discarded.',
  },
  {
    tag: 'MQTT5-3.2.2-3',
    binds: 'server',
    says: 'A CONNACK 0x00 for Clean Start 0 says session present 1 if there was a session, an empty one included, and 0 if there was none or it had expired.',
  },
  {
    tag: 'MQTT5-3.2.2-4',
    binds: 'client',
    says: "Session present 1 without a session of one's own closes the connection.",
  },
  {
    tag: 'MQTT5-3.2.2-5',
    binds: 'client',
    says: 'Session present 0 discards the session one still has.',
  },
  {
    tag: 'MQTT5-3.2.2-6',
    binds: 'server',
    says: 'A CONNACK that refuses says session present 0, even if a session is stored.',
  },
  {
    tag: 'MQTT5-3.2.2-7',
    binds: 'server',
    says: 'A CONNACK of 0x80 or above is followed by the close of the connection.',
  },
  {
    tag: 'MQTT5-3.2.2-8',
    binds: 'server',
    says: 'The reason code of CONNACK is one that CONNACK may have; what it has no code for (a server that stops, a client that was taken over) is told with one of those.',
  },
  {
    tag: 'MQTT5-3.2.2-9',
    binds: 'server',
    says: 'With a maximum QoS of 0 or 1 configured, CONNACK says so; with 2 the property is absent, for it has no such value.',
  },
  {
    tag: 'MQTT5-3.2.2-10',
    binds: 'server',
    says: 'With a maximum QoS of 0 or 1 configured, SUBSCRIBE may still ask for any QoS and is granted at most the maximum.',
  },
  {
    tag: 'MQTT5-3.2.2-11',
    binds: 'both',
    says: 'No PUBLISH is above the Maximum QoS of CONNACK; one that is gets DISCONNECT 0x9B.',
  },
  {
    tag: 'MQTT5-3.2.2-12',
    binds: 'server',
    says: 'A will above the maximum QoS configured is refused with CONNACK 0x9B, then the connection is closed.',
  },
  {
    tag: 'MQTT5-3.2.2-13',
    binds: 'server',
    says: 'A server without retained messages refuses a will with the retain bit.',
    untested: 'Does not apply: PosMQ never declares retained messages unavailable.',
  },
  {
    tag: 'MQTT5-3.2.2-14',
    binds: 'client',
    says: 'Nothing is published with RETAIN 1 to a server that said Retain Available 0.',
  },
  {
    tag: 'MQTT5-3.2.2-15',
    binds: 'both',
    says: 'No packet is larger, as a whole, than the Maximum Packet Size of CONNACK; one that is gets DISCONNECT 0x95 before it is read.',
  },
  {
    tag: 'MQTT5-3.2.2-16',
    binds: 'server',
    says: 'The Assigned Client Identifier comes with every CONNACK 0x00 for an empty client identifier, and belongs to no other session.',
  },
  {
    tag: 'MQTT5-3.2.2-17',
    binds: 'both',
    says: 'A Topic Alias above the Topic Alias Maximum of CONNACK gets DISCONNECT 0x94.',
  },
  {
    tag: 'MQTT5-3.2.2-18',
    binds: 'both',
    says: 'Where our CONNACK has no Topic Alias Maximum, or 0, every Topic Alias gets DISCONNECT 0x94.',
  },
  {
    tag: 'MQTT5-3.2.2-19',
    binds: 'server',
    says: 'CONNACK goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.2.2-20',
    binds: 'server',
    says: 'CONNACK goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.2.2-21',
    binds: 'client',
    says: 'A Server Keep Alive replaces the keep-alive of CONNECT.',
  },
  {
    tag: 'MQTT5-3.2.2-22',
    binds: 'server',
    says: 'Without a Server Keep Alive in CONNACK, the keep-alive of CONNECT is the one enforced; with one, that is.',
  },

  // 3.3.1 PUBLISH fixed header
  {
    tag: 'MQTT5-3.3.1-1',
    binds: 'both',
    says: 'A PUBLISH that is sent again has DUP 1.',
  },
  {
    tag: 'MQTT5-3.3.1-2',
    binds: 'both',
    says: 'A QoS 0 PUBLISH has DUP 0: we never send it otherwise, and a received one with DUP 1 is malformed.',
  },
  {
    tag: 'MQTT5-3.3.1-3',
    binds: 'server',
    says: 'DUP of an outgoing PUBLISH says only whether we resend it; the DUP it arrived with is not passed on.',
  },
  {
    tag: 'MQTT5-3.3.1-4',
    binds: 'both',
    says: 'A PUBLISH with QoS 3 is malformed (0x81, not 0x9B), and we send none.',
  },
  {
    tag: 'MQTT5-3.3.1-5',
    binds: 'server',
    says: 'A PUBLISH with RETAIN 1 replaces the retained message of its topic, properties included, and is kept for later subscribers until it expires.',
  },
  {
    tag: 'MQTT5-3.3.1-6',
    binds: 'server',
    says: 'An empty payload with RETAIN 1 goes to present subscribers like any message, and removes the retained message of its topic.',
  },
  {
    tag: 'MQTT5-3.3.1-7',
    binds: 'server',
    says: 'An empty retained message is not itself stored: later subscribers receive nothing.',
  },
  {
    tag: 'MQTT5-3.3.1-8',
    binds: 'server',
    says: 'A PUBLISH with RETAIN 0 is not stored and leaves the retained message of its topic as it was.',
  },
  {
    tag: 'MQTT5-3.3.1-9',
    binds: 'server',
    says: 'Retain Handling 0 sends the retained message of every topic name the filter matches, with RETAIN 1, each time it is subscribed to.',
  },
  {
    tag: 'MQTT5-3.3.1-10',
    binds: 'server',
    says: 'Retain Handling 1 sends the retained messages if the session had no subscription to that filter, and none if it had, a resumed one included.',
  },
  {
    tag: 'MQTT5-3.3.1-11',
    binds: 'server',
    says: 'Retain Handling 2 sends no retained messages.',
  },
  {
    tag: 'MQTT5-3.3.1-12',
    binds: 'server',
    says: 'With Retain As Published 0 a message is forwarded with RETAIN 0, whatever it arrived with.',
  },
  {
    tag: 'MQTT5-3.3.1-13',
    binds: 'server',
    says: 'With Retain As Published 1 a message is forwarded with the RETAIN it arrived with.',
  },

  // 3.3.2 PUBLISH variable header
  {
    tag: 'MQTT5-3.3.2-1',
    binds: 'both',
    says: 'The topic name is the first field of PUBLISH; one that is missing, cut off or not valid UTF-8 is malformed.',
  },
  {
    tag: 'MQTT5-3.3.2-2',
    binds: 'both',
    says: 'A PUBLISH to a topic name with # or + closes the connection.',
  },
  {
    tag: 'MQTT5-3.3.2-3',
    binds: 'server',
    says: 'A client receives only messages whose topic name matches one of its filters by the rules of 4.7.',
  },
  {
    tag: 'MQTT5-3.3.2-4',
    binds: 'server',
    says: 'Payload Format Indicator reaches every 5.0 subscriber as it came, with retained and queued messages and wills too.',
  },
  {
    tag: 'MQTT5-3.3.2-5',
    binds: 'server',
    says: "A message whose Message Expiry Interval has passed goes to nobody it was not sent to before, from a queue or as a retained message; a will's interval begins when it is published.",
  },
  {
    tag: 'MQTT5-3.3.2-6',
    binds: 'server',
    says: 'A message with a Message Expiry Interval is sent with what is left of it, the whole seconds it waited taken off, a retained one included.',
  },
  {
    tag: 'MQTT5-3.3.2-7',
    binds: 'both',
    says: 'Topic Alias mappings of both directions end with their connection, also when the session is resumed.',
  },
  {
    tag: 'MQTT5-3.3.2-8',
    binds: 'both',
    says: 'A PUBLISH with Topic Alias 0 gets DISCONNECT 0x94, and we send none.',
  },
  {
    tag: 'MQTT5-3.3.2-9',
    binds: 'both',
    says: 'A PUBLISH with a Topic Alias above our Topic Alias Maximum gets DISCONNECT 0x94, a topic name beside it or not.',
  },
  {
    tag: 'MQTT5-3.3.2-10',
    binds: 'client',
    says: 'Every Topic Alias from 1 to the Topic Alias Maximum of CONNECT is accepted.',
  },
  {
    tag: 'MQTT5-3.3.2-11',
    binds: 'server',
    says: "We never use a Topic Alias above the client's Topic Alias Maximum, and none before a PUBLISH that was really sent has set it.",
  },
  {
    tag: 'MQTT5-3.3.2-12',
    binds: 'server',
    says: 'Every Topic Alias from 1 to our Topic Alias Maximum can be set, used with an empty topic name, and set anew to another name.',
  },
  {
    tag: 'MQTT5-3.3.2-13',
    binds: 'both',
    says: 'A Response Topic that is not valid UTF-8 (1.5.4) makes the PUBLISH or the CONNECT malformed.',
  },
  {
    tag: 'MQTT5-3.3.2-14',
    binds: 'both',
    says: 'A PUBLISH, or a will, with # or + in its Response Topic closes the connection.',
  },
  {
    tag: 'MQTT5-3.3.2-15',
    binds: 'server',
    says: 'Response Topic reaches every 5.0 subscriber as it came, with retained and queued messages and wills too.',
  },
  {
    tag: 'MQTT5-3.3.2-16',
    binds: 'server',
    says: 'Correlation Data reaches every 5.0 subscriber byte for byte, empty data included, with retained and queued messages and wills too.',
  },
  {
    tag: 'MQTT5-3.3.2-17',
    binds: 'server',
    says: 'All User Properties of a PUBLISH reach every 5.0 subscriber unaltered, repeated names included.',
  },
  {
    tag: 'MQTT5-3.3.2-18',
    binds: 'server',
    says: 'User Properties keep their order on the way to every subscriber, through queue, retained store and storage.',
  },
  {
    tag: 'MQTT5-3.3.2-19',
    binds: 'both',
    says: 'A Content Type that is not valid UTF-8 (1.5.4) makes the PUBLISH or the CONNECT malformed.',
  },
  {
    tag: 'MQTT5-3.3.2-20',
    binds: 'server',
    says: 'Content Type reaches every 5.0 subscriber as it came, with retained and queued messages and wills too.',
  },

  // 3.3.4 PUBLISH actions
  {
    tag: 'MQTT5-3.3.4-1',
    binds: 'both',
    says: 'A PUBLISH is answered as its QoS says: 0 with nothing, 1 with PUBACK, 2 with PUBREC.',
  },
  {
    tag: 'MQTT5-3.3.4-2',
    binds: 'server',
    says: 'A message that matches several subscriptions of a client is delivered at the highest QoS among them (we send it once).',
  },
  {
    tag: 'MQTT5-3.3.4-3',
    binds: 'server',
    says: 'A message carries the Subscription Identifiers of the subscriptions it is sent for, as they are then, and those of no other.',
  },
  {
    tag: 'MQTT5-3.3.4-4',
    binds: 'server',
    says: 'The one copy sent for several subscriptions carries the identifier of each that has one, an identifier used for several of them as often.',
  },
  {
    tag: 'MQTT5-3.3.4-5',
    binds: 'server',
    says: 'A client that has a shared subscription besides its own gets a copy for each, and each carries the identifiers of its side alone.',
  },
  {
    tag: 'MQTT5-3.3.4-6',
    binds: 'both',
    says: 'A PUBLISH from a client with a Subscription Identifier is a protocol error.',
  },
  {
    tag: 'MQTT5-3.3.4-7',
    binds: 'both',
    says: 'No more QoS 1 and 2 messages of a client are unfinished than our Receive Maximum; one beyond it gets DISCONNECT 0x93, and a resent one is not counted twice.',
  },
  {
    tag: 'MQTT5-3.3.4-8',
    binds: 'client',
    says: 'Packets other than PUBLISH are sent however many PUBLISHes are unacknowledged.',
  },
  {
    tag: 'MQTT5-3.3.4-9',
    binds: 'server',
    says: "No more QoS 1 and 2 messages than the client's Receive Maximum are unfinished at once, resent ones included; a QoS 2 message counts until PUBCOMP or a PUBREC of 0x80 or above.",
  },
  {
    tag: 'MQTT5-3.3.4-10',
    binds: 'server',
    says: 'A client whose Receive Maximum is used up still gets every packet but QoS 1 and 2 PUBLISH at once: acknowledgements, PUBREL, SUBACK, PINGRESP.',
  },

  // 3.4 to 3.7 Acknowledgements
  {
    tag: 'MQTT5-3.4.2-1',
    binds: 'both',
    says: 'The reason code of PUBACK is one that PUBACK may have: ours always is, and a received one that is not is a protocol error.',
  },
  {
    tag: 'MQTT5-3.4.2-2',
    binds: 'both',
    says: 'PUBACK goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.4.2-3',
    binds: 'both',
    says: 'PUBACK goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.5.2-1',
    binds: 'both',
    says: 'The reason code of PUBREC is one that PUBREC may have: ours always is, and a received one that is not is a protocol error.',
  },
  {
    tag: 'MQTT5-3.5.2-2',
    binds: 'both',
    says: 'PUBREC goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.5.2-3',
    binds: 'both',
    says: 'PUBREC goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.6.1-1',
    binds: 'both',
    says: 'PUBREL has the flags 0010: ours do, and any other value is malformed.',
  },
  {
    tag: 'MQTT5-3.6.2-1',
    binds: 'both',
    says: 'The reason code of PUBREL is 0x00 or 0x92 (for a PUBREC whose identifier we do not know): ours always is, and any other is a protocol error.',
  },
  {
    tag: 'MQTT5-3.6.2-2',
    binds: 'both',
    says: 'PUBREL goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.6.2-3',
    binds: 'both',
    says: 'PUBREL goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.7.2-1',
    binds: 'both',
    says: 'The reason code of PUBCOMP is 0x00 or 0x92 (for a PUBREL whose identifier we do not know): ours always is, and any other is a protocol error.',
  },
  {
    tag: 'MQTT5-3.7.2-2',
    binds: 'both',
    says: 'PUBCOMP goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.7.2-3',
    binds: 'both',
    says: 'PUBCOMP goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },

  // 3.8 SUBSCRIBE
  {
    tag: 'MQTT5-3.8.1-1',
    binds: 'both',
    says: 'SUBSCRIBE with flags other than 0010 is malformed.',
  },
  {
    tag: 'MQTT5-3.8.3-1',
    binds: 'both',
    says: 'A topic filter in SUBSCRIBE that is not valid UTF-8 (1.5.4) makes it malformed.',
  },
  {
    tag: 'MQTT5-3.8.3-2',
    binds: 'both',
    says: 'A SUBSCRIBE without a single filter, or with a filter that has no Subscription Options, closes the connection; an empty one is a protocol error.',
  },
  {
    tag: 'MQTT5-3.8.3-3',
    binds: 'server',
    says: 'With No Local 1 a message does not go back to the client identifier that published it, whichever of its connections it came by and would be delivered on.',
  },
  {
    tag: 'MQTT5-3.8.3-4',
    binds: 'both',
    says: 'No Local on a shared subscription is a protocol error: DISCONNECT 0x82, and nothing of that SUBSCRIBE is carried out.',
  },
  {
    tag: 'MQTT5-3.8.3-5',
    binds: 'server',
    says: 'Subscription Options with bit 6 or 7 set make the SUBSCRIBE malformed.',
  },
  {
    tag: 'MQTT5-3.8.4-1',
    binds: 'server',
    says: 'SUBSCRIBE is answered with SUBACK.',
  },
  {
    tag: 'MQTT5-3.8.4-2',
    binds: 'server',
    says: 'SUBACK has the Packet Identifier of its SUBSCRIBE.',
  },
  {
    tag: 'MQTT5-3.8.4-3',
    binds: 'server',
    says: 'Subscribing again to the same filter replaces the subscription with all its options and its Subscription Identifier, and goes on with none if none is given.',
  },
  {
    tag: 'MQTT5-3.8.4-4',
    binds: 'server',
    says: 'Replacing a subscription with Retain Handling 0 sends the retained messages again, and neither loses nor doubles messages in between.',
  },
  {
    tag: 'MQTT5-3.8.4-5',
    binds: 'server',
    says: 'A SUBSCRIBE with several filters acts like that many SUBSCRIBEs in that order, with one SUBACK for all.',
  },
  {
    tag: 'MQTT5-3.8.4-6',
    binds: 'server',
    says: 'The SUBACK has one reason code per filter.',
  },
  {
    tag: 'MQTT5-3.8.4-7',
    binds: 'server',
    says: 'Each code of SUBACK is the QoS granted or says why there is no subscription; one filter that fails does not touch the others.',
  },
  {
    tag: 'MQTT5-3.8.4-8',
    binds: 'server',
    says: 'A message is delivered at the lower of its own QoS and the QoS granted.',
  },

  // 3.9 SUBACK
  {
    tag: 'MQTT5-3.9.2-1',
    binds: 'server',
    says: 'SUBACK goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.9.2-2',
    binds: 'server',
    says: 'SUBACK goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.9.3-1',
    binds: 'server',
    says: 'The codes of SUBACK stand in the order of the filters of SUBSCRIBE.',
  },
  {
    tag: 'MQTT5-3.9.3-2',
    binds: 'server',
    says: 'Every code of SUBACK is one that SUBACK may have: 0 to 2, or the reason why not (0x8F, 0x87, 0x97 and so on).',
  },

  // 3.10 UNSUBSCRIBE
  {
    tag: 'MQTT5-3.10.1-1',
    binds: 'both',
    says: 'UNSUBSCRIBE with flags other than 0010 is malformed.',
  },
  {
    tag: 'MQTT5-3.10.3-1',
    binds: 'both',
    says: 'A filter in UNSUBSCRIBE that is not valid UTF-8 (1.5.4) makes it malformed; filters follow each other without gaps.',
  },
  {
    tag: 'MQTT5-3.10.3-2',
    binds: 'both',
    says: 'An UNSUBSCRIBE without a single filter is a protocol error.',
  },
  {
    tag: 'MQTT5-3.10.4-1',
    binds: 'server',
    says: 'UNSUBSCRIBE removes the subscription whose filter is the same character by character, wildcards and $share taken literally, and touches no other.',
  },
  {
    tag: 'MQTT5-3.10.4-2',
    binds: 'server',
    says: 'After a subscription is removed, no new message is sent because of it.',
  },
  {
    tag: 'MQTT5-3.10.4-3',
    binds: 'server',
    says: 'QoS 1 and QoS 2 messages already on their way when their subscription is removed are completed.',
  },
  {
    tag: 'MQTT5-3.10.4-4',
    binds: 'server',
    says: 'UNSUBSCRIBE is answered with UNSUBACK.',
  },
  {
    tag: 'MQTT5-3.10.4-5',
    binds: 'server',
    says: 'UNSUBACK has the Packet Identifier of its UNSUBSCRIBE, and comes (with 0x11) even if nothing was subscribed under that filter.',
  },
  {
    tag: 'MQTT5-3.10.4-6',
    binds: 'server',
    says: 'An UNSUBSCRIBE with several filters acts like that many UNSUBSCRIBEs, with one UNSUBACK for all.',
  },

  // 3.11 UNSUBACK
  {
    tag: 'MQTT5-3.11.2-1',
    binds: 'server',
    says: 'UNSUBACK goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.11.2-2',
    binds: 'server',
    says: 'UNSUBACK goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.11.3-1',
    binds: 'server',
    says: 'The codes of UNSUBACK, one per filter, stand in the order of the filters of UNSUBSCRIBE.',
  },
  {
    tag: 'MQTT5-3.11.3-2',
    binds: 'server',
    says: 'Every code of UNSUBACK is one that UNSUBACK may have: 0x00 for a subscription removed, 0x11 for none there, or the reason why not.',
  },

  // 3.12 PINGREQ
  {
    tag: 'MQTT5-3.12.4-1',
    binds: 'server',
    says: 'PINGREQ is answered with PINGRESP.',
  },

  // 3.14 DISCONNECT
  {
    tag: 'MQTT5-3.14.0-1',
    binds: 'server',
    says: 'No DISCONNECT is sent before CONNACK 0x00: what goes wrong before it is told with CONNACK, or not at all.',
  },
  {
    tag: 'MQTT5-3.14.1-1',
    binds: 'both',
    says: 'A DISCONNECT with a reserved bit set is answered with DISCONNECT 0x81 and counts as an error, not as a farewell.',
  },
  {
    tag: 'MQTT5-3.14.2-1',
    binds: 'both',
    says: 'The reason code of DISCONNECT is one that DISCONNECT may have: ours always is, and a received one that is not is a protocol error.',
  },
  {
    tag: 'MQTT5-3.14.2-2',
    binds: 'server',
    says: 'A DISCONNECT we send has no Session Expiry Interval.',
  },
  {
    tag: 'MQTT5-3.14.2-3',
    binds: 'both',
    says: 'DISCONNECT goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.14.2-4',
    binds: 'both',
    says: 'DISCONNECT goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.14.4-1',
    binds: 'both',
    says: "Nothing follows a DISCONNECT on its connection: we send nothing after ours, and what comes after the client's has no effect.",
  },
  {
    tag: 'MQTT5-3.14.4-2',
    binds: 'both',
    says: "A DISCONNECT of ours is followed by the close of the connection, and so is one of the client's.",
  },
  {
    tag: 'MQTT5-3.14.4-3',
    binds: 'server',
    says: 'DISCONNECT 0x00 discards the will of the connection unpublished; every other code, 0x04 first of all, leaves it to be published.',
  },

  // 3.15 AUTH
  {
    tag: 'MQTT5-3.15.1-1',
    binds: 'both',
    says: 'AUTH with a flag bit set is malformed.',
  },
  {
    tag: 'MQTT5-3.15.2-1',
    binds: 'both',
    says: 'The reason code of AUTH is 0x00, 0x18 or 0x19: ours is 0x00 or 0x18, and a received one that is none of them, or not due, is a protocol error.',
  },
  {
    tag: 'MQTT5-3.15.2-2',
    binds: 'both',
    says: 'AUTH goes without its Reason String where that would make it larger than the Maximum Packet Size of the client.',
  },
  {
    tag: 'MQTT5-3.15.2-3',
    binds: 'both',
    says: 'AUTH goes without its User Properties where they would make it larger than the Maximum Packet Size of the client.',
  },

  // 4.1 Session State
  {
    tag: 'MQTT5-4.1.0-1',
    binds: 'both',
    says: 'A session never ends while its connection is open, however short its Session Expiry Interval is.',
  },
  {
    tag: 'MQTT5-4.1.0-2',
    binds: 'server',
    says: 'When the Session Expiry Interval has passed since the connection ended, the session ends: subscriptions, messages and identifiers go, and a will still waiting is published.',
  },

  // 4.2 Network Connections
  {
    tag: 'MQTT5-4.2.0-1',
    binds: 'both',
    says: 'Clients connect over at least one ordered, lossless transport in both directions: TCP.',
  },

  // 4.3 Quality of Service
  {
    tag: 'MQTT5-4.3.1-1',
    binds: 'both',
    says: 'A QoS 0 message is sent as PUBLISH with QoS 0 and DUP 0.',
  },
  {
    tag: 'MQTT5-4.3.2-1',
    binds: 'both',
    says: 'A new QoS 1 message is sent with a Packet Identifier that is not in use.',
  },
  {
    tag: 'MQTT5-4.3.2-2',
    binds: 'both',
    says: 'A new QoS 1 message is sent with QoS 1 and DUP 0.',
  },
  {
    tag: 'MQTT5-4.3.2-3',
    binds: 'both',
    says: 'A QoS 1 message stays unacknowledged, and its identifier in use, until its PUBACK.',
  },
  {
    tag: 'MQTT5-4.3.2-4',
    binds: 'both',
    says: 'A QoS 1 PUBLISH is answered with PUBACK and its identifier once the message is ours to deliver; one that is refused gets a PUBACK of 0x80 or above and goes nowhere.',
  },
  {
    tag: 'MQTT5-4.3.2-5',
    binds: 'both',
    says: 'After our PUBACK the same identifier is a new message, whatever its DUP.',
  },
  {
    tag: 'MQTT5-4.3.3-1',
    binds: 'both',
    says: 'A new QoS 2 message is sent with a Packet Identifier that is not in use.',
  },
  {
    tag: 'MQTT5-4.3.3-2',
    binds: 'both',
    says: 'A new QoS 2 message is sent with QoS 2 and DUP 0.',
  },
  {
    tag: 'MQTT5-4.3.3-3',
    binds: 'both',
    says: 'A QoS 2 PUBLISH of ours stays unacknowledged until its PUBREC.',
  },
  {
    tag: 'MQTT5-4.3.3-4',
    binds: 'both',
    says: 'A PUBREC below 0x80 is answered with PUBREL and the same identifier; one of 0x80 or above is not answered and frees the identifier.',
  },
  {
    tag: 'MQTT5-4.3.3-5',
    binds: 'both',
    says: 'A PUBREL of ours stays unacknowledged, and its identifier in use, until its PUBCOMP.',
  },
  {
    tag: 'MQTT5-4.3.3-6',
    binds: 'both',
    says: 'A PUBLISH is never sent again after its PUBREL.',
  },
  {
    tag: 'MQTT5-4.3.3-7',
    binds: 'both',
    says: 'A message that has been sent once does not expire: it is resent and completed.',
  },
  {
    tag: 'MQTT5-4.3.3-8',
    binds: 'both',
    says: 'A QoS 2 PUBLISH is answered with PUBREC and its identifier once the message is ours to deliver.',
  },
  {
    tag: 'MQTT5-4.3.3-9',
    binds: 'both',
    says: 'After a PUBREC of 0x80 or above the same identifier is a new message.',
  },
  {
    tag: 'MQTT5-4.3.3-10',
    binds: 'both',
    says: 'Until its PUBREL a QoS 2 PUBLISH that comes again, on a later connection of the session too, is answered with PUBREC 0x00 and delivered to nobody a second time.',
  },
  {
    tag: 'MQTT5-4.3.3-11',
    binds: 'both',
    says: 'PUBREL is answered with PUBCOMP and the same identifier, one we do not know with 0x92.',
  },
  {
    tag: 'MQTT5-4.3.3-12',
    binds: 'both',
    says: 'After our PUBCOMP the same identifier is a new message.',
  },
  {
    tag: 'MQTT5-4.3.3-13',
    binds: 'both',
    says: 'A QoS 2 exchange is carried to its PUBCOMP even if its message expired in between.',
  },

  // 4.4 Message delivery retry
  {
    tag: 'MQTT5-4.4.0-1',
    binds: 'both',
    says: 'A resumed session has its unacknowledged PUBLISH and PUBREL packets sent again, with their original identifiers; nothing is sent again at any other time.',
  },
  {
    tag: 'MQTT5-4.4.0-2',
    binds: 'both',
    says: 'A PUBACK or PUBREC of 0x80 or above settles its message: it is not sent again, and the next one may go.',
  },

  // 4.5 Message receipt
  {
    tag: 'MQTT5-4.5.0-1',
    binds: 'server',
    says: 'A message accepted is added to every session with a matching subscription, connected or not.',
  },
  {
    tag: 'MQTT5-4.5.0-2',
    binds: 'client',
    says: 'Every PUBLISH is acknowledged as its QoS says, wanted or not.',
  },

  // 4.6 Message ordering
  {
    tag: 'MQTT5-4.6.0-1',
    binds: 'both',
    says: 'Unacknowledged PUBLISH packets are sent again in the order they were first sent.',
  },
  {
    tag: 'MQTT5-4.6.0-2',
    binds: 'client',
    says: 'PUBACKs are sent in the order of their PUBLISHes.',
  },
  {
    tag: 'MQTT5-4.6.0-3',
    binds: 'client',
    says: 'PUBRECs are sent in the order of their PUBLISHes.',
  },
  {
    tag: 'MQTT5-4.6.0-4',
    binds: 'both',
    says: 'PUBRELs are sent in the order their PUBRECs arrived.',
  },
  {
    tag: 'MQTT5-4.6.0-5',
    binds: 'server',
    says: 'Messages of one publisher, topic and QoS reach each subscriber in the order they were published.',
  },
  {
    tag: 'MQTT5-4.6.0-6',
    binds: 'server',
    says: 'Every topic is ordered for subscriptions that are not shared, unless an administrator says otherwise (PosMQ has no such switch).',
  },

  // 4.7 Topic Names and Topic Filters
  {
    tag: 'MQTT5-4.7.0-1',
    binds: 'both',
    says: 'Wildcards are for filters: a topic name with # or + is refused, a Will Topic included, and none is ever sent.',
  },
  {
    tag: 'MQTT5-4.7.1-1',
    binds: 'both',
    says: '# stands alone or behind a slash, and last; a filter with # anywhere else gets 0x8F in the SUBACK.',
  },
  {
    tag: 'MQTT5-4.7.1-2',
    binds: 'both',
    says: '+ fills a whole level, at any level, also several times; a filter with + beside other characters gets 0x8F in the SUBACK.',
  },
  {
    tag: 'MQTT5-4.7.2-1',
    binds: 'server',
    says: 'A filter that begins with # or +, behind $share/name/ too, matches no topic name that begins with $; $SYS/# and the like still do.',
  },
  {
    tag: 'MQTT5-4.7.3-1',
    binds: 'both',
    says: 'An empty topic filter gets 0x8F, an empty topic name without a Topic Alias is a protocol error, an empty Will Topic is refused; one character is enough.',
  },
  {
    tag: 'MQTT5-4.7.3-2',
    binds: 'both',
    says: 'A topic name or topic filter with U+0000 is malformed.',
  },
  {
    tag: 'MQTT5-4.7.3-3',
    binds: 'both',
    says: 'Topic names and filters of up to 65535 bytes are accepted and kept whole; a longer one, as an embedding program could publish, is refused before encoding.',
  },
  {
    tag: 'MQTT5-4.7.3-4',
    binds: 'server',
    says: 'Names and filters are matched as they are: case, spaces, empty levels and Unicode forms all count, and nothing is normalised.',
  },

  // 4.8.2 Shared Subscriptions
  {
    tag: 'MQTT5-4.8.2-1',
    binds: 'both',
    says: 'A filter that begins with $share/ is shared and has a name of at least one character; $share//x gets 0x8F, and plain $share is an ordinary filter.',
  },
  {
    tag: 'MQTT5-4.8.2-2',
    binds: 'both',
    says: 'The name between $share/ and the next slash holds no + or #, and a valid filter follows that slash, /x being one; anything else gets 0x8F.',
  },
  {
    tag: 'MQTT5-4.8.2-3',
    binds: 'server',
    says: 'A message for a shared subscription is delivered at the lower of its own QoS and the QoS granted to the member that gets it.',
  },
  {
    tag: 'MQTT5-4.8.2-4',
    binds: 'server',
    says: "A QoS 2 message on its way to a member of a shared subscription stays that member's: it is completed when the session is resumed.",
  },
  {
    tag: 'MQTT5-4.8.2-5',
    binds: 'server',
    says: 'If the session of that member ends first, the QoS 2 message sent to it goes to no other member.',
  },
  {
    tag: 'MQTT5-4.8.2-6',
    binds: 'server',
    says: 'A PUBACK or PUBREC of 0x80 or above from a member of a shared subscription discards the message: no other member gets it.',
  },

  // 4.9 Flow Control
  {
    tag: 'MQTT5-4.9.0-1',
    binds: 'both',
    says: "The send quota of a connection begins with at least 1 and at most the client's Receive Maximum (65535 if it has none), anew on each connection.",
  },
  {
    tag: 'MQTT5-4.9.0-2',
    binds: 'both',
    says: 'At a send quota of 0 no QoS 1 or 2 PUBLISH is sent; PUBACK, PUBCOMP and a PUBREC of 0x80 or above each give one back, never beyond the start.',
  },
  {
    tag: 'MQTT5-4.9.0-3',
    binds: 'both',
    says: 'At a send quota of 0 every other packet is still read and answered.',
  },

  // 4.12 Enhanced authentication
  {
    tag: 'MQTT5-4.12.0-1',
    binds: 'server',
    says: 'An Authentication Method that nobody here knows is answered with CONNACK 0x8C, then the connection is closed.',
  },
  {
    tag: 'MQTT5-4.12.0-2',
    binds: 'server',
    says: 'An AUTH we send to ask for more has reason code 0x18.',
  },
  {
    tag: 'MQTT5-4.12.0-3',
    binds: 'both',
    says: 'An AUTH that answers ours has reason code 0x18; any other is a protocol error.',
  },
  {
    tag: 'MQTT5-4.12.0-4',
    binds: 'server',
    says: 'An exchange that fails at any step is answered with a CONNACK of 0x80 or above, then the connection is closed.',
  },
  {
    tag: 'MQTT5-4.12.0-5',
    binds: 'both',
    says: 'Every AUTH, and CONNACK 0x00, has the Authentication Method of the CONNECT; a received AUTH without one or with another is refused.',
  },
  {
    tag: 'MQTT5-4.12.0-6',
    binds: 'server',
    says: 'A client whose CONNECT has no Authentication Method is sent no AUTH, and a CONNACK without the property.',
  },
  {
    tag: 'MQTT5-4.12.0-7',
    binds: 'both',
    says: 'An AUTH from a client whose CONNECT had no Authentication Method is a protocol error.',
  },
  {
    tag: 'MQTT5-4.12.1-1',
    binds: 'both',
    says: 'A re-authentication (AUTH 0x19) has the Authentication Method of the CONNECT, and runs while other packets flow; one with another method closes the connection.',
  },
  {
    tag: 'MQTT5-4.12.1-2',
    binds: 'both',
    says: 'A re-authentication that fails gets a DISCONNECT of 0x80 or above, and the connection is closed.',
  },

  // 4.13 Handling errors
  {
    tag: 'MQTT5-4.13.1-1',
    binds: 'server',
    says: 'A malformed packet or a protocol error closes the connection it came on, and only that one, after a CONNACK or DISCONNECT with the most specific code.',
  },
  {
    tag: 'MQTT5-4.13.2-1',
    binds: 'both',
    says: 'Where we say, or would say, 0x80 or above in CONNACK or DISCONNECT, the connection is closed, also if that packet can no longer be sent.',
  },

  // 6 WebSocket
  {
    tag: 'MQTT5-6.0.0-1',
    binds: 'both',
    says: 'MQTT travels in binary WebSocket frames; any other data frame closes the connection.',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },
  {
    tag: 'MQTT5-6.0.0-2',
    binds: 'both',
    says: 'A WebSocket frame may hold several packets or a part of one: frame borders mean nothing.',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },
  {
    tag: 'MQTT5-6.0.0-3',
    binds: 'client',
    says: 'The subprotocol "mqtt" is among those offered.',
  },
  {
    tag: 'MQTT5-6.0.0-4',
    binds: 'server',
    says: 'The WebSocket subprotocol the server selects is "mqtt".',
    untested: 'PosMQ has no WebSocket transport yet; drop this line with the change that adds it.',
  },
];
