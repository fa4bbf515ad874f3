/** Any packet, for tests of what holds for all of them. */

import * as fc from 'fast-check';
import { PacketType, type Packet, type QoS, type Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { ReasonCode } from '../../src/packet/reason-code.js';

export const anyVersion = fc.constantFrom<3 | 4>(3, 4);
export const anyQoS = fc.constantFrom<QoS>(0, 1, 2);
export const anyPacketId = fc.oneof(fc.constantFrom(1, 255, 256, 65_535), fc.integer({ min: 1, max: 65_535 }));
/** Well-formed and without NUL; characters of one to four bytes. */
export const anyText = fc.string({ unit: 'binary', maxLength: 24 }).map((s) => s.replaceAll('\0', ''));
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

const anyWill = fc.record({ topic: anyTopic, payload: anyBytes, qos: anyQoS, retain: fc.boolean() }, { noNullPrototype: true });

export function anyConnect(version: Version): fc.Arbitrary<Packet> {
  return fc
    .record({
      clean: fc.boolean(),
      keepAlive: fc.integer({ min: 0, max: 65_535 }),
      clientId: anyText,
      will: fc.option(anyWill, { nil: undefined }),
      username: fc.option(anyText, { nil: undefined }),
      password: fc.option(anyBytes, { nil: undefined }),
    })
    .map(({ will, username, password, ...fields }) => ({
      type: PacketType.Connect,
      version,
      ...fields,
      ...(will === undefined ? undefined : { will }),
      ...(username === undefined ? undefined : { username }),
      ...(username === undefined || password === undefined ? undefined : { password }),
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
