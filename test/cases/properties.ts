/** The properties of MQTT 5.0 (table 2-4): each in every packet it may stand in, and in those it may not. */

import { PacketType, type Packet } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { publishOf, type BadCase, type GoodCase } from './packet-case.js';
import { badTexts, field } from './text.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const PROTOCOL_ERROR = { reasonCode: ReasonCode.ProtocolError };

type Place = keyof typeof PLACES;

/** A packet with properties: its bytes around them, and its value. */
interface Frame {
  readonly hex: (properties: string) => string;
  readonly packet: (properties: Properties) => Packet;
}

const connect = { type: PacketType.Connect, version: 5, clean: true, keepAlive: 60, clientId: 'abc' } as const;
const will = { topic: 'w', payload: Buffer.alloc(0), qos: 0, retain: false } as const;
const asked = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

function acknowledgement(type: 4 | 5 | 6 | 7, first: string): Frame {
  return {
    hex: (properties) => `${first} len 000a 00 [${properties}]`,
    packet: (properties) => ({ type, packetId: 10, reasonCode: ReasonCode.Success, properties }),
  };
}

const PLACES = {
  CONNECT: {
    hex: (properties) => `10 len 0004 "MQTT" 05 02 003c [${properties}] 0003 "abc"`,
    packet: (properties) => ({ ...connect, properties }),
  },
  Will: {
    hex: (properties) => `10 len 0004 "MQTT" 05 06 003c [] 0003 "abc" [${properties}] 0001 "w" 0000`,
    packet: (properties) => ({ ...connect, will: { ...will, properties } }),
  },
  CONNACK: {
    hex: (properties) => `20 len 00 00 [${properties}]`,
    packet: (properties) => ({ type: PacketType.Connack, sessionPresent: false, reasonCode: ReasonCode.Success, properties }),
  },
  PUBLISH: {
    hex: (properties) => `32 len 0001 "a" 000a [${properties}] "x"`,
    packet: (properties) => publishOf('a', 'x', { qos: 1, packetId: 10, version: 5, properties }),
  },
  PUBACK: acknowledgement(PacketType.Puback, '40'),
  PUBREC: acknowledgement(PacketType.Pubrec, '50'),
  PUBREL: acknowledgement(PacketType.Pubrel, '62'),
  PUBCOMP: acknowledgement(PacketType.Pubcomp, '70'),
  SUBSCRIBE: {
    hex: (properties) => `82 len 000a [${properties}] 0001 "a" 00`,
    packet: (properties) => ({ type: PacketType.Subscribe, packetId: 10, subscriptions: [asked], properties }),
  },
  SUBACK: {
    hex: (properties) => `90 len 000a [${properties}] 00`,
    packet: (properties) => ({ type: PacketType.Suback, packetId: 10, reasonCodes: [ReasonCode.GrantedQoS0], properties }),
  },
  UNSUBSCRIBE: {
    hex: (properties) => `a2 len 000a [${properties}] 0001 "a"`,
    packet: (properties) => ({ type: PacketType.Unsubscribe, packetId: 10, filters: ['a'], properties }),
  },
  UNSUBACK: {
    hex: (properties) => `b0 len 000a [${properties}] 00`,
    packet: (properties) => ({ type: PacketType.Unsuback, packetId: 10, reasonCodes: [ReasonCode.Success], properties }),
  },
  DISCONNECT: {
    hex: (properties) => `e0 len 00 [${properties}]`,
    packet: (properties) => ({ type: PacketType.Disconnect, reasonCode: ReasonCode.NormalDisconnection, properties }),
  },
  AUTH: {
    hex: (properties) => `f0 len 18 [${properties}]`,
    packet: (properties) => ({ type: PacketType.Auth, reasonCode: ReasonCode.ContinueAuthentication, properties }),
  },
} as const satisfies Record<string, Frame>;

const EVERY = Object.keys(PLACES) as Place[];
const MESSAGE: readonly Place[] = ['PUBLISH', 'Will'];
const ANSWERS: readonly Place[] = ['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'DISCONNECT', 'AUTH'];

interface Sample {
  readonly name: keyof Properties;
  readonly hex: string;
  readonly value: Properties;
  readonly places: readonly Place[];
  /** Where it may stand more than once. */
  readonly repeats?: readonly Place[];
}

const SAMPLES: readonly Sample[] = [
  { name: 'payloadFormatIndicator', hex: '01 01', value: { payloadFormatIndicator: 1 }, places: MESSAGE },
  { name: 'messageExpiryInterval', hex: '02 ffffffff', value: { messageExpiryInterval: 0xffff_ffff }, places: MESSAGE },
  { name: 'contentType', hex: '03 0002 c3a9', value: { contentType: 'é' }, places: MESSAGE },
  { name: 'responseTopic', hex: '08 0003 "r/t"', value: { responseTopic: 'r/t' }, places: MESSAGE },
  { name: 'correlationData', hex: '09 0002 00ff', value: { correlationData: Buffer.of(0, 0xff) }, places: MESSAGE },
  {
    name: 'subscriptionIdentifiers',
    hex: '0b ffffff7f',
    value: { subscriptionIdentifiers: [268_435_455] },
    places: ['PUBLISH', 'SUBSCRIBE'],
    repeats: ['PUBLISH'],
  },
  {
    name: 'sessionExpiryInterval',
    hex: '11 00000e10',
    value: { sessionExpiryInterval: 3_600 },
    places: ['CONNECT', 'CONNACK', 'DISCONNECT'],
  },
  { name: 'assignedClientIdentifier', hex: '12 0002 "me"', value: { assignedClientIdentifier: 'me' }, places: ['CONNACK'] },
  { name: 'serverKeepAlive', hex: '13 003c', value: { serverKeepAlive: 60 }, places: ['CONNACK'] },
  { name: 'authenticationMethod', hex: '15 0001 "m"', value: { authenticationMethod: 'm' }, places: ['CONNECT', 'CONNACK', 'AUTH'] },
  {
    name: 'authenticationData',
    hex: '16 0002 00ff',
    value: { authenticationData: Buffer.of(0, 0xff) },
    places: ['CONNECT', 'CONNACK', 'AUTH'],
  },
  { name: 'requestProblemInformation', hex: '17 00', value: { requestProblemInformation: false }, places: ['CONNECT'] },
  { name: 'willDelayInterval', hex: '18 00000005', value: { willDelayInterval: 5 }, places: ['Will'] },
  { name: 'requestResponseInformation', hex: '19 01', value: { requestResponseInformation: true }, places: ['CONNECT'] },
  { name: 'responseInformation', hex: '1a 0001 "i"', value: { responseInformation: 'i' }, places: ['CONNACK'] },
  { name: 'serverReference', hex: '1c 0001 "s"', value: { serverReference: 's' }, places: ['CONNACK', 'DISCONNECT'] },
  { name: 'reasonString', hex: '1f 0003 "why"', value: { reasonString: 'why' }, places: ANSWERS },
  { name: 'receiveMaximum', hex: '21 ffff', value: { receiveMaximum: 65_535 }, places: ['CONNECT', 'CONNACK'] },
  { name: 'topicAliasMaximum', hex: '22 0000', value: { topicAliasMaximum: 0 }, places: ['CONNECT', 'CONNACK'] },
  { name: 'topicAlias', hex: '23 0001', value: { topicAlias: 1 }, places: ['PUBLISH'] },
  { name: 'maximumQoS', hex: '24 00', value: { maximumQoS: 0 }, places: ['CONNACK'] },
  { name: 'retainAvailable', hex: '25 00', value: { retainAvailable: false }, places: ['CONNACK'] },
  { name: 'userProperties', hex: '26 0001 "k" 0001 "v"', value: { userProperties: [['k', 'v']] }, places: EVERY, repeats: EVERY },
  { name: 'maximumPacketSize', hex: '27 00000001', value: { maximumPacketSize: 1 }, places: ['CONNECT', 'CONNACK'] },
  { name: 'wildcardSubscriptionAvailable', hex: '28 01', value: { wildcardSubscriptionAvailable: true }, places: ['CONNACK'] },
  { name: 'subscriptionIdentifierAvailable', hex: '29 00', value: { subscriptionIdentifierAvailable: false }, places: ['CONNACK'] },
  { name: 'sharedSubscriptionAvailable', hex: '2a 01', value: { sharedSubscriptionAvailable: true }, places: ['CONNACK'] },
];

function good(place: Place, name: string, hex: string, value: Properties): GoodCase {
  const { hex: around, packet } = PLACES[place];
  return { name: `${place} with ${name}`, version: 5, hex: around(hex), packet: packet(value) };
}

function bad(place: Place, name: string, hex: string, error: BadCase['error'], told?: Pick<BadCase, 'spec'>): BadCase {
  return { name: `${place} with ${name}`, version: 5, hex: PLACES[place].hex(hex), error, ...told };
}

/** Of a property that holds a list, one list for both. */
function twice({ value, name }: Sample): Properties {
  const list = value[name] as readonly unknown[];
  return { [name]: [...list, ...list] };
}

/** All that may stand in one place, in the order of their identifiers. */
function everythingIn(place: Place): readonly Sample[] {
  return SAMPLES.filter(({ places }) => places.includes(place));
}

export const properties: readonly GoodCase[] = [
  ...SAMPLES.flatMap((sample) => sample.places.map((place) => good(place, sample.name, sample.hex, sample.value))),
  ...SAMPLES.flatMap((sample) =>
    (sample.repeats ?? []).map((place) => good(place, `${sample.name} twice`, `${sample.hex} ${sample.hex}`, twice(sample))),
  ),
  ...EVERY.map((place) => {
    const samples = everythingIn(place);
    const values = Object.assign({}, ...samples.map(({ value }) => value)) as Properties;
    return good(place, 'every property that has a place in it', samples.map(({ hex }) => hex).join(' '), values);
  }),
  good('PUBLISH', 'empty strings and data', '03 0000 08 0000 09 0000 26 0000 0000', {
    contentType: '',
    responseTopic: '',
    correlationData: Buffer.alloc(0),
    userProperties: [['', '']],
  }),
  good('PUBLISH', 'properties that are 0', '01 00 02 00000000 23 0000', {
    payloadFormatIndicator: 0,
    messageExpiryInterval: 0,
    topicAlias: 0,
  }),
  good('PUBLISH', 'subscription identifiers of one to four bytes', '0b 01 0b 7f 0b 8001 0b ff7f 0b 808001 0b ffff7f 0b 80808001', {
    subscriptionIdentifiers: [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152],
  }),
  good('PUBLISH', 'user properties in an order of their own', '26 0001 "b" 0001 "1" 26 0001 "a" 0001 "2" 26 0001 "b" 0001 "3"', {
    userProperties: [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ],
  }),
  {
    ...good('PUBLISH', 'properties in another order', '26 0001 "k" 0001 "v" 23 0001 01 01', {
      userProperties: [['k', 'v']],
      topicAlias: 1,
      payloadFormatIndicator: 1,
    }),
    canonical: false,
  },
  ...([127, 128, 16_383, 16_384] as const).map((length) => {
    const text = 'x'.repeat(length - 3);
    return good('PUBLISH', `${length} bytes of properties`, `03 ${(length - 3).toString(16).padStart(4, '0')} "${text}"`, {
      contentType: text,
    });
  }),
];

/** Samples of properties that are bytes, numbers or strings, whose last byte is taken away. */
function cutShort(hex: string): string {
  return hex.endsWith('"') ? `${hex.slice(0, -2)}"` : hex.slice(0, -2);
}

const ofByte: readonly (readonly [Place, string, string])[] = [
  ['PUBLISH', 'payloadFormatIndicator', '01'],
  ['CONNECT', 'requestProblemInformation', '17'],
  ['CONNECT', 'requestResponseInformation', '19'],
  ['CONNACK', 'maximumQoS', '24'],
  ['CONNACK', 'retainAvailable', '25'],
  ['CONNACK', 'wildcardSubscriptionAvailable', '28'],
  ['CONNACK', 'subscriptionIdentifierAvailable', '29'],
  ['CONNACK', 'sharedSubscriptionAvailable', '2a'],
];

const UNKNOWN = ['00', '04', '0a', '0c', '10', '14', '1b', '1d', '20', '2b', '7f', '8001', 'ffffff7f'];

export const badProperties: readonly BadCase[] = [
  ...SAMPLES.flatMap((sample) =>
    EVERY.filter((place) => !sample.places.includes(place)).map((place) =>
      bad(place, `${sample.name}, which has no place in it`, sample.hex, MALFORMED),
    ),
  ),
  ...SAMPLES.flatMap((sample) =>
    sample.places
      .filter((place) => sample.repeats?.includes(place) !== true)
      .map((place) => bad(place, `${sample.name} twice`, `${sample.hex} ${sample.hex}`, PROTOCOL_ERROR)),
  ),
  ...SAMPLES.map((sample) => bad(sample.places[0]!, `${sample.name} cut short`, cutShort(sample.hex), MALFORMED)),
  ...SAMPLES.map((sample) => bad(sample.places[0]!, `the identifier of ${sample.name} alone`, sample.hex.slice(0, 2), MALFORMED)),
  ...EVERY.flatMap((place) => UNKNOWN.map((id) => bad(place, `the unknown property ${id}`, `${id} 00`, MALFORMED))),

  ...ofByte.flatMap(([place, name, id]) =>
    ['02', '80', 'ff'].map((value) => bad(place, `${name} of ${value}`, `${id} ${value}`, PROTOCOL_ERROR)),
  ),
  bad('CONNECT', 'receiveMaximum of 0', '21 0000', PROTOCOL_ERROR),
  bad('CONNACK', 'receiveMaximum of 0', '21 0000', PROTOCOL_ERROR),
  bad('CONNECT', 'maximumPacketSize of 0', '27 00000000', PROTOCOL_ERROR),
  bad('CONNACK', 'maximumPacketSize of 0', '27 00000000', PROTOCOL_ERROR),
  bad('SUBSCRIBE', 'subscription identifier 0', '0b 00', PROTOCOL_ERROR),
  bad('PUBLISH', 'subscription identifier 0', '0b 00', PROTOCOL_ERROR),

  bad('SUBSCRIBE', 'a subscription identifier of five bytes', '0b 8080808001', MALFORMED),
  bad('SUBSCRIBE', 'a subscription identifier that takes more bytes than it needs', '0b 8100', MALFORMED, { spec: 'MQTT5-1.5.5-1' }),
  bad('SUBSCRIBE', 'subscription identifier 0 in four bytes', '0b 80808000', MALFORMED, { spec: 'MQTT5-1.5.5-1' }),
  bad('PUBLISH', 'the identifier of a property in more bytes than it needs', '8100 01', MALFORMED, { spec: 'MQTT5-1.5.5-1' }),
  bad('PUBLISH', 'the identifier of a property in five bytes', '8180808000 01', MALFORMED),

  ...badTexts.flatMap((text) => [
    bad('PUBLISH', `${text.name} in its content type`, `03 ${field(text)}`, MALFORMED),
    bad('PUBLISH', `${text.name} in its response topic`, `08 ${field(text)}`, MALFORMED),
    bad('PUBLISH', `${text.name} in the name of a user property`, `26 ${field(text)} 0000`, MALFORMED, { spec: 'MQTT5-1.5.7-1' }),
    bad('PUBLISH', `${text.name} in the value of a user property`, `26 0000 ${field(text)}`, MALFORMED, { spec: 'MQTT5-1.5.7-1' }),
    bad('DISCONNECT', `${text.name} in its reason string`, `1f ${field(text)}`, MALFORMED),
    bad('AUTH', `${text.name} in its authentication method`, `15 ${field(text)}`, MALFORMED),
    bad('CONNECT', `${text.name} in its authentication method`, `15 ${field(text)}`, MALFORMED),
  ]),
  bad('PUBLISH', 'a content type that reaches past its properties', '03 0002 "x"', MALFORMED),
  bad('PUBLISH', 'a user property without its value', '26 0001 "k"', MALFORMED),
];
