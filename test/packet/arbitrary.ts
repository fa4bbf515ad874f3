/** Any packet, for tests of what holds for all of them. */

import * as fc from 'fast-check';
import { PacketType, type Packet, type QoS, type SubscriptionRequest, type Version } from '../../src/packet/packet.js';
import { WILL, type Properties } from '../../src/packet/properties.js';
import { Publish } from '../../src/packet/publish.js';
import { isReasonCodeOf, ReasonCode } from '../../src/packet/reason-code.js';
import { anyString } from '../util/any-string.js';

export const anyVersion = fc.constantFrom<Version>(3, 4, 5);
export const anyQoS = fc.constantFrom<QoS>(0, 1, 2);
export const anyPacketId = fc.oneof(fc.constantFrom(1, 255, 256, 65_535), fc.integer({ min: 1, max: 65_535 }));
/** Well-formed and without NUL; characters of one to four bytes. */
export const anyText = anyString({ maxLength: 24 }).map((s) => s.replaceAll('\0', ''));
export const anyTopic = fc
  .oneof(anyText, fc.constantFrom('a', 'a/b', '/', '$SYS/a', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(129), 'é'.repeat(64)))
  .map((s) => s.replaceAll(/[+#]/gu, ''))
  .filter((s) => s !== '');
export const anyFilter = fc.oneof(anyTopic, fc.constantFrom('#', '+', 'a/+', 'a/#', '+/b'));

/** Mostly short; sometimes around the borders of the Remaining Length. */
export const anyPayload = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 110, max: 130 }), fc.integer({ min: 0, max: 255 })).map(([n, b]) => new Uint8Array(n).fill(b)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 16_360, max: 16_390 }), fc.integer({ min: 0, max: 255 }))
      .map(([n, b]) => new Uint8Array(n).fill(b)),
  },
);

export const anyPublish: fc.Arbitrary<Publish> = fc
  .record({ topic: anyTopic, payload: anyPayload, qos: anyQoS, retain: fc.boolean(), dup: fc.boolean(), packetId: anyPacketId })
  .map((fields) => Publish.of({ ...fields, dup: fields.qos > 0 && fields.dup }));

const anyBytes = anyPayload.map((payload) => Buffer.from(payload));
const anyUint16 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_535), fc.integer({ min: 0, max: 65_535 }));
const anyUint32 = fc.oneof(fc.constantFrom(0, 1, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }));
const anyBit = fc.constantFrom<0 | 1>(0, 1);
const anyIdentifier = fc.oneof(
  fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_152, 268_435_455),
  fc.integer({ min: 1, max: 268_435_455 }),
);
const anyUserProperties = fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 3 });

const ofMessages = {
  payloadFormatIndicator: anyBit,
  messageExpiryInterval: anyUint32,
  contentType: anyText,
  responseTopic: anyText,
  correlationData: anyBytes,
};
const ofAnswers = { reasonString: anyText, userProperties: anyUserProperties };
const ofExchanges = { authenticationMethod: anyText, authenticationData: anyBytes };

/** The properties of each packet type, in the order in which they are written. */
const PROPERTIES: { readonly [place: number]: { readonly [N in keyof Properties]: fc.Arbitrary<Properties[N]> } } = {
  [WILL]: { ...ofMessages, willDelayInterval: anyUint32, userProperties: anyUserProperties },
  [PacketType.Connect]: {
    sessionExpiryInterval: anyUint32,
    ...ofExchanges,
    requestProblemInformation: fc.boolean(),
    requestResponseInformation: fc.boolean(),
    receiveMaximum: anyUint16.map((value) => Math.max(1, value)),
    topicAliasMaximum: anyUint16,
    userProperties: anyUserProperties,
    maximumPacketSize: anyUint32.map((value) => Math.max(1, value)),
  },
  [PacketType.Connack]: {
    sessionExpiryInterval: anyUint32,
    assignedClientIdentifier: anyText,
    serverKeepAlive: anyUint16,
    ...ofExchanges,
    responseInformation: anyText,
    serverReference: anyText,
    reasonString: anyText,
    receiveMaximum: anyUint16.map((value) => Math.max(1, value)),
    topicAliasMaximum: anyUint16,
    maximumQoS: anyBit,
    retainAvailable: fc.boolean(),
    userProperties: anyUserProperties,
    maximumPacketSize: anyUint32.map((value) => Math.max(1, value)),
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifierAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
  },
  [PacketType.Publish]: {
    ...ofMessages,
    subscriptionIdentifiers: fc.array(anyIdentifier, { minLength: 1, maxLength: 3 }),
    topicAlias: anyUint16,
    userProperties: anyUserProperties,
  },
  [PacketType.Puback]: ofAnswers,
  [PacketType.Pubrec]: ofAnswers,
  [PacketType.Pubrel]: ofAnswers,
  [PacketType.Pubcomp]: ofAnswers,
  [PacketType.Subscribe]: { subscriptionIdentifiers: anyIdentifier.map((identifier) => [identifier]), userProperties: anyUserProperties },
  [PacketType.Suback]: ofAnswers,
  [PacketType.Unsubscribe]: { userProperties: anyUserProperties },
  [PacketType.Unsuback]: ofAnswers,
  [PacketType.Disconnect]: { sessionExpiryInterval: anyUint32, serverReference: anyText, ...ofAnswers },
  [PacketType.Auth]: { ...ofExchanges, ...ofAnswers },
};

/** `{ properties }` of a packet of this type, or nothing. */
function anyProperties(place: number): fc.Arbitrary<{ properties?: Properties }> {
  const some = fc.record(PROPERTIES[place]!, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<Properties>;
  return some.map((properties) => (Object.keys(properties).length === 0 ? {} : { properties }));
}

const anyWill = fc.record({ topic: anyTopic, payload: anyBytes, qos: anyQoS, retain: fc.boolean() }, { noNullPrototype: true });

function anyWillOf(version: Version): typeof anyWill {
  return version === 5 ? fc.tuple(anyWill, anyProperties(WILL)).map(([will, properties]) => ({ ...will, ...properties })) : anyWill;
}

export function anyConnect(version: Version): fc.Arbitrary<Packet> {
  return fc
    .record({
      properties: version === 5 ? anyProperties(PacketType.Connect) : fc.constant({}),
      clean: fc.boolean(),
      keepAlive: fc.integer({ min: 0, max: 65_535 }),
      clientId: anyText,
      will: fc.option(anyWillOf(version), { nil: undefined }),
      username: fc.option(anyText, { nil: undefined }),
      password: fc.option(anyBytes, { nil: undefined }),
    })
    .map(({ will, username, password, properties, ...fields }) => ({
      type: PacketType.Connect,
      version,
      ...fields,
      ...(will === undefined ? undefined : { will }),
      ...(username === undefined ? undefined : { username }),
      ...((username === undefined && version !== 5) || password === undefined ? undefined : { password }),
      ...properties,
    }));
}

const acknowledgementTypes = fc.constantFrom(PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp);
const connackCodes = fc.constantFrom(
  ReasonCode.UnsupportedProtocolVersion,
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.ServerUnavailable,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
);

export function anyPacket(version: Version): fc.Arbitrary<Packet> {
  return version === 5 ? anyPacketOf5 : anyPacketBefore5(version);
}

function anyPacketBefore5(version: 3 | 4): fc.Arbitrary<Packet> {
  const granted = [0, 1, 2] as const;
  const subackCode = fc.constantFrom<ReasonCode>(...granted, ...(version === 3 ? [] : [ReasonCode.UnspecifiedError]));
  return fc.oneof(
    { weight: 4, arbitrary: anyPublish },
    { weight: 3, arbitrary: anyConnect(version) },
    fc.boolean().map(
      (present): Packet => ({
        type: PacketType.Connack,
        sessionPresent: version === 4 && present,
        reasonCode: ReasonCode.Success,
      }),
    ),
    connackCodes.map((reasonCode): Packet => ({ type: PacketType.Connack, sessionPresent: false, reasonCode })),
    fc.tuple(acknowledgementTypes, anyPacketId).map(([type, packetId]): Packet => ({ type, packetId, reasonCode: ReasonCode.Success })),
    fc
      .tuple(
        anyPacketId,
        fc.array(fc.record({ filter: anyFilter, qos: anyQoS }, { noNullPrototype: true }), { minLength: 1, maxLength: 5 }),
      )
      .map(([packetId, subscriptions]): Packet => ({ type: PacketType.Subscribe, packetId, subscriptions })),
    fc
      .tuple(anyPacketId, fc.array(subackCode, { minLength: 1, maxLength: 5 }))
      .map(([packetId, reasonCodes]): Packet => ({ type: PacketType.Suback, packetId, reasonCodes })),
    fc
      .tuple(anyPacketId, fc.array(anyFilter, { minLength: 1, maxLength: 5 }))
      .map(([packetId, filters]): Packet => ({ type: PacketType.Unsubscribe, packetId, filters })),
    anyPacketId.map((packetId): Packet => ({ type: PacketType.Unsuback, packetId, reasonCodes: [] })),
    fc.constantFrom<Packet>(
      { type: PacketType.Pingreq },
      { type: PacketType.Pingresp },
      { type: PacketType.Disconnect, reasonCode: ReasonCode.NormalDisconnection },
    ),
  );
}

/** A reason code a packet of this type may have. */
function anyReason(type: number): fc.Arbitrary<ReasonCode> {
  return fc.constantFrom(...new Set(Object.values(ReasonCode).filter((code) => isReasonCodeOf(type, code))));
}

const anyRequest: fc.Arbitrary<SubscriptionRequest> = fc.record(
  {
    filter: anyFilter,
    qos: anyQoS,
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    retainHandling: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
  },
  { noNullPrototype: true },
);

function anyListOf<T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(one, { minLength: 1, maxLength: 5 });
}

const { Connack, Subscribe, Suback, Unsubscribe, Unsuback, Disconnect, Auth } = PacketType;

const anyPacketOf5: fc.Arbitrary<Packet> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyPublish, fc.boolean(), anyProperties(PacketType.Publish))
      .map(([{ topic, payload, qos, retain, dup, packetId }, isNameless, properties]) =>
        Publish.of({ topic: isNameless ? '' : topic, payload, qos, retain, dup, packetId, version: 5, ...properties }),
      ),
  },
  { weight: 3, arbitrary: anyConnect(5) },
  fc.tuple(fc.boolean(), anyReason(Connack), anyProperties(Connack)).map(
    ([present, reasonCode, properties]): Packet => ({
      type: Connack,
      sessionPresent: present && reasonCode === ReasonCode.Success,
      reasonCode,
      ...properties,
    }),
  ),
  acknowledgementTypes.chain((type) =>
    fc
      .tuple(anyPacketId, anyReason(type), anyProperties(type))
      .map(([packetId, reasonCode, properties]): Packet => ({ type, packetId, reasonCode, ...properties })),
  ),
  fc
    .tuple(anyPacketId, anyListOf(anyRequest), anyProperties(Subscribe))
    .map(([packetId, subscriptions, properties]): Packet => ({ type: Subscribe, packetId, subscriptions, ...properties })),
  fc
    .tuple(anyPacketId, anyListOf(anyReason(Suback)), anyProperties(Suback))
    .map(([packetId, reasonCodes, properties]): Packet => ({ type: Suback, packetId, reasonCodes, ...properties })),
  fc
    .tuple(anyPacketId, anyListOf(anyFilter), anyProperties(Unsubscribe))
    .map(([packetId, filters, properties]): Packet => ({ type: Unsubscribe, packetId, filters, ...properties })),
  fc
    .tuple(anyPacketId, anyListOf(anyReason(Unsuback)), anyProperties(Unsuback))
    .map(([packetId, reasonCodes, properties]): Packet => ({ type: Unsuback, packetId, reasonCodes, ...properties })),
  fc
    .tuple(anyReason(Disconnect), anyProperties(Disconnect))
    .map(([reasonCode, properties]): Packet => ({ type: Disconnect, reasonCode, ...properties })),
  fc.tuple(anyReason(Auth), anyProperties(Auth)).map(([reasonCode, properties]): Packet => ({ type: Auth, reasonCode, ...properties })),
  fc.constantFrom<Packet>({ type: PacketType.Pingreq }, { type: PacketType.Pingresp }),
);
