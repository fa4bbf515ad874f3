/** The Control Packets as MQTT 5.0 has them, apart from what their properties are. */

import { PacketType, type Acknowledgement, type Connect, type Packet, type SubscriptionRequest } from '../../src/packet/packet.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { publishOf, type BadCase, type GoodCase } from './packet-case.js';
import { badTexts, field } from './text.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const PROTOCOL_ERROR = { reasonCode: ReasonCode.ProtocolError };
const UNSUPPORTED = { reasonCode: ReasonCode.UnsupportedProtocolVersion };
const NO_TOPIC_NAME = { reasonCode: ReasonCode.TopicNameInvalid };

/** Everything before the Connect Flags. */
const MQTT = '10 len 0004 "MQTT" 05';

const ACKNOWLEDGEMENTS = [
  { word: 'PUBACK', type: PacketType.Puback, first: '40', refusal: ReasonCode.NotAuthorized },
  { word: 'PUBREC', type: PacketType.Pubrec, first: '50', refusal: ReasonCode.QuotaExceeded },
  { word: 'PUBREL', type: PacketType.Pubrel, first: '62', refusal: ReasonCode.PacketIdentifierNotFound },
  { word: 'PUBCOMP', type: PacketType.Pubcomp, first: '70', refusal: ReasonCode.PacketIdentifierNotFound },
] as const;

type Fields<P> = Partial<Omit<P, 'type'>>;

function connect(fields: Fields<Connect> = {}): Connect {
  return { type: PacketType.Connect, version: 5, clean: true, keepAlive: 60, clientId: 'abc', ...fields };
}

function acknowledgement(type: Acknowledgement['type'], reasonCode: ReasonCode): Acknowledgement {
  return { type, packetId: 10, reasonCode };
}

function subscribe(...subscriptions: readonly SubscriptionRequest[]): Packet {
  return { type: PacketType.Subscribe, packetId: 10, subscriptions };
}

function asked(filter: string, fields: Partial<SubscriptionRequest> = {}): SubscriptionRequest {
  return { filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...fields };
}

function bad(name: string, hex: string, error: BadCase['error'], told?: Pick<BadCase, 'spec'>): BadCase {
  return { name: `${name} (5.0)`, version: 5, hex, error, ...told };
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

const rows: readonly Omit<GoodCase, 'version'>[] = [
  { name: 'CONNECT', hex: `${MQTT} 02 003c [] 0003 "abc"`, packet: connect() },
  { name: 'CONNECT without Clean Start', hex: `${MQTT} 00 003c [] 0003 "abc"`, packet: connect({ clean: false }) },
  {
    name: 'CONNECT with an empty client identifier',
    hex: `${MQTT} 00 0000 [] 0000`,
    packet: connect({ clean: false, keepAlive: 0, clientId: '' }),
  },
  {
    name: 'CONNECT with a password and no user name, which 5.0 allows',
    hex: `${MQTT} 42 003c [] 0003 "abc" 0002 "pw"`,
    packet: connect({ password: Buffer.from('pw') }),
  },
  {
    name: 'CONNECT with all its fields in their order',
    hex: `${MQTT} f6 003c [21 0001] 0001 "1" [18 00000005] 0001 "2" 0001 "3" 0001 "4" 0001 "5"`,
    packet: connect({
      clientId: '1',
      properties: { receiveMaximum: 1 },
      will: { topic: '2', payload: Buffer.from('3'), qos: 2, retain: true, properties: { willDelayInterval: 5 } },
      username: '4',
      password: Buffer.from('5'),
    }),
  },

  {
    name: 'CONNACK',
    hex: '20 len 00 00 []',
    packet: { type: PacketType.Connack, sessionPresent: false, reasonCode: ReasonCode.Success },
  },
  {
    name: 'CONNACK with a session',
    hex: '20 len 01 00 []',
    packet: { type: PacketType.Connack, sessionPresent: true, reasonCode: ReasonCode.Success },
  },
  {
    name: 'CONNACK that refuses',
    hex: '20 len 00 87 []',
    packet: { type: PacketType.Connack, sessionPresent: false, reasonCode: ReasonCode.NotAuthorized },
  },

  { name: 'PUBLISH', hex: '30 len 0003 "a/b" [] "hello"', packet: publishOf('a/b', 'hello', { version: 5 }) },
  { name: 'PUBLISH, empty', hex: '30 len 0003 "a/b" []', packet: publishOf('a/b', '', { version: 5 }) },
  {
    name: 'PUBLISH at QoS 2, sent again and retained',
    hex: '3d len 0003 "a/b" 000a [] "hello"',
    packet: publishOf('a/b', 'hello', { version: 5, qos: 2, dup: true, retain: true, packetId: 10 }),
  },
  {
    name: 'PUBLISH whose alias stands for its topic',
    hex: '32 len 0000 000a [23 0005] "hello"',
    packet: publishOf('', 'hello', { version: 5, qos: 1, packetId: 10, properties: { topicAlias: 5 } }),
  },
  {
    name: 'PUBLISH of a payload that looks like properties',
    hex: '30 len 0001 "a" [] 0223',
    packet: publishOf('a', Buffer.of(2, 0x23), { version: 5 }),
  },

  {
    name: 'SUBSCRIBE with every option',
    hex: '82 len 000a [] 0001 "a" 01 0001 "b" 06 0001 "c" 08 0001 "d" 10 0001 "e" 2e',
    packet: subscribe(
      asked('a', { qos: 1 }),
      asked('b', { qos: 2, noLocal: true }),
      asked('c', { retainAsPublished: true }),
      asked('d', { retainHandling: 1 }),
      asked('e', { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }),
    ),
  },
  { name: 'SUBSCRIBE to a shared filter', hex: '82 len 000a [] 000a "$share/g/a" 00', packet: subscribe(asked('$share/g/a')) },
  {
    name: 'SUBACK',
    hex: '90 len 000a [] 02 01 00 80 87 8f a2',
    packet: { type: PacketType.Suback, packetId: 10, reasonCodes: [2, 1, 0, 0x80, 0x87, 0x8f, 0xa2] },
  },
  {
    name: 'UNSUBSCRIBE',
    hex: 'a2 len 000a [] 0001 "a" 0001 "b"',
    packet: { type: PacketType.Unsubscribe, packetId: 10, filters: ['a', 'b'] },
  },
  { name: 'UNSUBACK', hex: 'b0 len 000a [] 00 11 87', packet: { type: PacketType.Unsuback, packetId: 10, reasonCodes: [0, 0x11, 0x87] } },

  { name: 'PINGREQ', hex: 'c0 00', packet: { type: PacketType.Pingreq } },
  { name: 'PINGRESP', hex: 'd0 00', packet: { type: PacketType.Pingresp } },

  { name: 'DISCONNECT', hex: 'e0 00', packet: { type: PacketType.Disconnect, reasonCode: ReasonCode.NormalDisconnection } },
  {
    name: 'DISCONNECT with a reason',
    hex: 'e0 01 04',
    packet: { type: PacketType.Disconnect, reasonCode: ReasonCode.DisconnectWithWillMessage },
  },
  { name: 'AUTH', hex: 'f0 00', packet: { type: PacketType.Auth, reasonCode: ReasonCode.Success } },
  { name: 'AUTH with a reason', hex: 'f0 01 19', packet: { type: PacketType.Auth, reasonCode: ReasonCode.ReAuthenticate } },

  {
    name: 'DISCONNECT with its reason 0',
    hex: 'e0 01 00',
    packet: { type: PacketType.Disconnect, reasonCode: ReasonCode.NormalDisconnection },
    canonical: false,
  },
  {
    name: 'DISCONNECT with no properties',
    hex: 'e0 02 8e 00',
    packet: { type: PacketType.Disconnect, reasonCode: ReasonCode.SessionTakenOver },
    canonical: false,
  },
  {
    name: 'AUTH with no properties',
    hex: 'f0 02 00 00',
    packet: { type: PacketType.Auth, reasonCode: ReasonCode.Success },
    canonical: false,
  },

  ...ACKNOWLEDGEMENTS.flatMap(({ word, type, first, refusal }): typeof rows => [
    { name: word, hex: `${first} 02 000a`, packet: acknowledgement(type, ReasonCode.Success) },
    { name: `${word} with a reason`, hex: `${first} 03 000a ${hexByte(refusal)}`, packet: acknowledgement(type, refusal) },
    {
      name: `${word} with its reason 0`,
      hex: `${first} 03 000a 00`,
      packet: acknowledgement(type, ReasonCode.Success),
      canonical: false,
    },
    {
      name: `${word} with no properties`,
      hex: `${first} 04 000a ${hexByte(refusal)} 00`,
      packet: acknowledgement(type, refusal),
      canonical: false,
    },
  ]),
];

export const mqtt5: readonly GoodCase[] = rows.map((row) => ({ ...row, version: 5, name: `${row.name} (5.0)` }));

/** A packet up to the length of its properties, and what follows them. */
const AROUND_PROPERTIES = [
  { word: 'CONNECT', before: `${MQTT} 02 003c`, after: '0003 "abc"' },
  { word: 'CONNECT with a will', before: `${MQTT} 06 003c [] 0003 "abc"`, after: '0001 "w" 0000' },
  { word: 'CONNACK', before: '20 len 00 00', after: '' },
  { word: 'PUBLISH', before: '30 len 0001 "a"', after: '"x"' },
  { word: 'PUBLISH at QoS 1', before: '32 len 0001 "a" 000a', after: '"x"' },
  { word: 'PUBACK', before: '40 len 000a 00', after: '' },
  { word: 'PUBREC', before: '50 len 000a 00', after: '' },
  { word: 'PUBREL', before: '62 len 000a 00', after: '' },
  { word: 'PUBCOMP', before: '70 len 000a 00', after: '' },
  { word: 'SUBSCRIBE', before: '82 len 000a', after: '0001 "a" 00' },
  { word: 'SUBACK', before: '90 len 000a', after: '00' },
  { word: 'UNSUBSCRIBE', before: 'a2 len 000a', after: '0001 "a"' },
  { word: 'UNSUBACK', before: 'b0 len 000a', after: '00' },
  { word: 'DISCONNECT', before: 'e0 len 00', after: '' },
  { word: 'AUTH', before: 'f0 len 18', after: '' },
] as const;

/** Shorter packets of these kinds say nothing of properties. */
const MAY_END_BEFORE = ['PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'DISCONNECT', 'AUTH'];

export const badMqtt5: readonly BadCase[] = [
  ...AROUND_PROPERTIES.flatMap(({ word, before, after }) => [
    ...(MAY_END_BEFORE.includes(word) ? [] : [bad(`${word} that ends before the length of its properties`, before, MALFORMED)]),
    bad(`${word} with properties longer than it is`, `${before} 7f ${after}`, MALFORMED),
    bad(`${word} with a length of properties that does not end`, `${before} ff`, MALFORMED),
    bad(`${word} with a length of properties in five bytes`, `${before} 8080808001 ${after}`, MALFORMED),
    bad(`${word} with a length of properties that takes more bytes than it needs`, `${before} 8000 ${after}`, MALFORMED, {
      spec: 'MQTT5-1.5.5-1',
    }),
    bad(`${word} with properties that end within one`, `${before} 03 26 0001 "k" 0001 "v" ${after}`, MALFORMED),
    bad(`${word} with properties that end behind an identifier`, `${before} 01 26 ${after}`, MALFORMED),
  ]),
  ...['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'DISCONNECT', 'AUTH'].map((word) => {
    const { before } = AROUND_PROPERTIES.find((row) => row.word === word)!;
    return bad(`${word} with a byte behind its properties`, `${before} [] 00`, MALFORMED);
  }),

  ...[6, 7, 0x83, 0x85, 0xff].map((level) =>
    bad(`CONNECT of level ${level} in the shape of 5.0`, `10 len 0004 "MQTT" ${hexByte(level)} 02 003c [] 0003 "abc"`, UNSUPPORTED, {
      spec: 'MQTT5-3.1.2-2',
    }),
  ),
  bad('CONNECT in the shape of 3.1.1', '10 len 0004 "MQTT" 05 02 003c 0003 "abc"', MALFORMED),
  bad('CONNECT with its reserved flag', `${MQTT} 03 003c [] 0003 "abc"`, MALFORMED, { spec: 'MQTT5-3.1.2-3' }),
  bad('CONNECT with a will QoS and no will', `${MQTT} 0a 003c [] 0003 "abc"`, MALFORMED, { spec: 'MQTT5-3.1.2-11' }),
  bad('CONNECT with a will QoS of 3', `${MQTT} 1e 003c [] 0003 "abc" [] 0001 "w" 0000`, MALFORMED, { spec: 'MQTT5-3.1.2-12' }),
  bad('CONNECT with a retained will and no will', `${MQTT} 22 003c [] 0003 "abc"`, MALFORMED, { spec: 'MQTT5-3.1.2-13' }),
  bad('CONNECT without the user name it announces', `${MQTT} 82 003c [] 0003 "abc"`, MALFORMED),
  bad('CONNECT without the password it announces', `${MQTT} c2 003c [] 0003 "abc" 0001 "u"`, MALFORMED),
  bad('CONNECT with a password it does not announce', `${MQTT} 02 003c [] 0003 "abc" 0001 "p"`, MALFORMED),
  bad('CONNECT with RETAIN', '11 len 0004 "MQTT" 05 02 003c [] 0003 "abc"', MALFORMED, { spec: 'MQTT5-2.1.3-1' }),
  ...badTexts.flatMap((text) => [
    bad(`CONNECT with ${text.name} in its client identifier`, `${MQTT} 02 003c [] ${field(text)}`, MALFORMED),
    bad(`PUBLISH with ${text.name} in its topic`, `30 len ${field(text)} [] "x"`, MALFORMED, { spec: 'MQTT5-3.3.2-1' }),
    bad(`SUBSCRIBE with ${text.name} in its filter`, `82 len 000a [] ${field(text)} 00`, MALFORMED, { spec: 'MQTT5-3.8.3-1' }),
  ]),

  bad('CONNACK of 3.1.1', '20 02 00 00', MALFORMED),
  bad('CONNACK with a reserved flag', '20 len 02 00 []', MALFORMED, { spec: 'MQTT5-3.2.2-1' }),
  bad('CONNACK with return code 5 of 3.1.1', '20 len 00 05 []', PROTOCOL_ERROR),

  bad('PUBLISH at QoS 3', '36 len 0001 "a" 000a [] "x"', MALFORMED, { spec: 'MQTT5-3.3.1-4' }),
  bad('PUBLISH at QoS 0, sent again', '38 len 0001 "a" [] "x"', MALFORMED, { spec: 'MQTT5-3.3.1-2' }),
  bad('PUBLISH with packet identifier 0', '32 len 0001 "a" 0000 [] "x"', PROTOCOL_ERROR),
  bad('PUBLISH to a wildcard', '30 len 0003 "a/#" [] "x"', NO_TOPIC_NAME, { spec: 'MQTT5-3.3.2-2' }),

  ...ACKNOWLEDGEMENTS.flatMap(({ word, first }) => [
    bad(`${word} with half a packet identifier`, `${first} 01 00`, MALFORMED),
    bad(`${word} with packet identifier 0`, `${first} 02 0000`, PROTOCOL_ERROR),
    bad(`${word} with a reason it cannot have`, `${first} 03 000a 8e`, PROTOCOL_ERROR),
    bad(`${word} with wrong flags`, `${first[0]}${first[1] === '2' ? '0' : '2'} 02 000a`, MALFORMED, { spec: 'MQTT5-2.1.3-1' }),
  ]),
  bad('PUBREL with DUP', '6a 02 000a', MALFORMED, { spec: 'MQTT5-3.6.1-1' }),

  ...[0x40, 0x80, 0xc0, 0x7e].map((options) =>
    bad(`SUBSCRIBE with subscription options ${hexByte(options)}`, `82 len 000a [] 0001 "a" ${hexByte(options)}`, MALFORMED, {
      spec: 'MQTT5-3.8.3-5',
    }),
  ),
  bad('SUBSCRIBE at QoS 3', '82 len 000a [] 0001 "a" 03', PROTOCOL_ERROR),
  bad('SUBSCRIBE with Retain Handling 3', '82 len 000a [] 0001 "a" 30', PROTOCOL_ERROR),
  bad('SUBSCRIBE without a filter', '82 len 000a []', PROTOCOL_ERROR, { spec: 'MQTT5-3.8.3-2' }),
  bad('SUBSCRIBE without its options', '82 len 000a [] 0001 "a"', MALFORMED),
  bad('SUBSCRIBE with packet identifier 0', '82 len 0000 [] 0001 "a" 00', PROTOCOL_ERROR),
  bad('SUBSCRIBE with wrong flags', '80 len 000a [] 0001 "a" 00', MALFORMED, { spec: 'MQTT5-3.8.1-1' }),
  bad('SUBSCRIBE with DUP', '8a len 000a [] 0001 "a" 00', MALFORMED, { spec: 'MQTT5-3.8.1-1' }),
  bad('SUBACK without a reason', '90 len 000a []', PROTOCOL_ERROR),
  bad('SUBACK with a reason it cannot have', '90 len 000a [] 03', PROTOCOL_ERROR),
  bad('UNSUBSCRIBE without a filter', 'a2 len 000a []', PROTOCOL_ERROR, { spec: 'MQTT5-3.10.3-2' }),
  bad('UNSUBSCRIBE with packet identifier 0', 'a2 len 0000 [] 0001 "a"', PROTOCOL_ERROR),
  bad('UNSUBSCRIBE with wrong flags', 'a0 len 000a [] 0001 "a"', MALFORMED, { spec: 'MQTT5-3.10.1-1' }),
  bad('UNSUBACK without a reason', 'b0 len 000a []', PROTOCOL_ERROR),
  bad('UNSUBACK with a reason it cannot have', 'b0 len 000a [] 01', PROTOCOL_ERROR),

  bad('PINGREQ with flags', 'c1 00', MALFORMED, { spec: 'MQTT5-2.1.3-1' }),
  bad('PINGREQ with a payload', 'c0 01 00', MALFORMED),
  bad('DISCONNECT with flags', 'e1 00', MALFORMED, { spec: 'MQTT5-3.14.1-1' }),
  bad('DISCONNECT with a reason it cannot have', 'e0 01 01', PROTOCOL_ERROR),
  bad('AUTH with flags', 'f1 00', MALFORMED, { spec: 'MQTT5-3.15.1-1' }),
  bad('AUTH with a reason it cannot have', 'f0 01 87', PROTOCOL_ERROR, { spec: 'MQTT5-3.15.2-1' }),
  bad('a packet of type 0', '00 00', MALFORMED),
  bad('a Remaining Length of five bytes', 'c0 ffffffff 7f', MALFORMED),
  bad('PINGREQ whose Remaining Length takes two bytes', 'c0 8000', MALFORMED, { spec: 'MQTT5-1.5.5-1' }),
  bad('PUBLISH whose Remaining Length takes four bytes', '30 86808000 0003 "a/b" 00', MALFORMED, { spec: 'MQTT5-1.5.5-1' }),
];
