/** What a client may send, and what only a broken or an evil one sends. */

import { PacketType, type Acknowledgement, type Packet, type QoS, type SubscriptionRequest } from '../../src/packet/packet.js';
import { WILL, type Properties } from '../../src/packet/properties.js';
import { isReasonCodeOf, ReasonCode } from '../../src/packet/reason-code.js';
import { encode, Publish, type Version } from '../../src/testing.js';
import { badCases, goodCases } from '../cases/packets.js';
import { bytesOf } from '../cases/packet-case.js';
import type { Random } from './random.js';

// Few names, so that clients meet.
const TOPICS = ['a', 'a/b', 'b', 'b/c', '/', '$x/y', 'é/😀', 'a/b/c/d/e/f/g/h'];
const FILTERS = ['a', 'a/#', '+/b', '#', '+', '$x/#', 'b/+', 'é/+', 'nobody/hears', '+/+/+', 'secret'];
const SHARED_FILTERS = ['$share/g/a', '$share/g/#', '$share/h/#', '$share/h/+/b'];
const BAD_FILTERS = ['a#', '+a', '#/a', '', '$share/g', '$share//a', '$share/+/a', '$share/g/'];
export const CLIENT_IDS = ['ann', 'bob', 'eve', 'joe'];

const SEEDS = [...goodCases, ...badCases].map(bytesOf).filter(({ length }) => length < 1_000);
const ACKNOWLEDGEMENTS = [PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp] as const;

/** Seconds. */
const INTERVALS = [0, 1, 5, 60, 0xffff_ffff];
/** Authentication Methods a broker may have, and one it has not. */
export const METHODS = ['riddle', 'riddle', 'unheard of'];

export function connectOf(random: Random, largest?: number): Extract<Packet, { type: typeof PacketType.Connect }> {
  const version = random.pick<Version>([3, 4, 4, 5, 5, 5]);
  return {
    type: PacketType.Connect,
    version,
    clean: random.once(2),
    keepAlive: random.pick([0, 0, 1, 10, 65_535]),
    clientId: random.once(12) ? '' : random.pick(CLIENT_IDS),
    ...(random.once(2) && {
      will: {
        topic: random.pick(TOPICS),
        payload: payloadOf(random, largest),
        qos: qosOf(random),
        retain: random.once(2),
        ...propertiesOf(random, version, WILL),
      },
    }),
    ...(random.once(4) && { username: 'user', password: random.bytes(3) }),
    ...propertiesOf(random, version, PacketType.Connect),
  };
}

export function publishOf(random: Random, version: Version, largest?: number): Publish {
  const qos = qosOf(random);
  const { properties } = propertiesOf(random, version, PacketType.Publish);
  // An alias may stand for the name, and at times there is neither.
  const isNameless = version === 5 && random.once(properties?.topicAlias === undefined ? 60 : 2);
  const fields = { qos, retain: random.once(4), dup: qos > 0 && random.once(5), packetId: packetIdOf(random), version, properties };
  return Publish.of({ topic: isNameless ? '' : random.pick(TOPICS), payload: payloadOf(random, largest), ...fields });
}

export function subscribeOf(random: Random, version: Version): Packet {
  const subscriptions = listOf(random, (): SubscriptionRequest => {
    const filter = filterOf(random);
    // No Local goes with no Shared Subscription, or hardly ever.
    const noLocal = random.once(filter.startsWith('$share') ? 30 : 3);
    const retainHandling = random.below(3) as 0 | 1 | 2;
    return { filter, qos: qosOf(random), noLocal, retainAsPublished: random.once(2), retainHandling };
  });
  return {
    type: PacketType.Subscribe,
    packetId: packetIdOf(random),
    subscriptions,
    ...propertiesOf(random, version, PacketType.Subscribe),
  };
}

export function acknowledgementOf(
  random: Random,
  version: Version,
  type = random.pick<Acknowledgement['type']>(ACKNOWLEDGEMENTS),
  packetId = packetIdOf(random),
): Packet {
  const reasonCode = version === 5 && random.once(8) ? reasonOf(random, type) : ReasonCode.Success;
  return { type, packetId, reasonCode, ...propertiesOf(random, version, type) };
}

/** DISCONNECT, in 5.0 at times with a reason or another time to be kept. */
export function disconnectOf(random: Random, version: Version): Packet {
  const type = PacketType.Disconnect;
  const reasonCode = version === 5 && random.once(2) ? reasonOf(random, type) : ReasonCode.NormalDisconnection;
  return { type, reasonCode, ...propertiesOf(random, version, type) };
}

/** AUTH, as one sends it who answers a riddle, or asks for one, or has none. */
export function authOf(random: Random): Packet {
  const reasonCode = random.pick([ReasonCode.ContinueAuthentication, ReasonCode.ContinueAuthentication, ReasonCode.ReAuthenticate]);
  const properties = random.once(10) ? {} : { authenticationMethod: random.pick(METHODS), authenticationData: random.bytes(1) };
  return { type: PacketType.Auth, reasonCode: random.once(10) ? ReasonCode.Success : reasonCode, properties };
}

/** What a client may send once it is connected. @param largest packets are hardly ever larger, in bytes. */
export function packetOf(random: Random, version: Version, largest?: number): Packet {
  switch (random.weighted({ publish: 20, subscribe: 8, unsubscribe: 4, acknowledge: 6, ping: 2, authenticate: version === 5 ? 3 : 0 })) {
    case 'publish':
      return publishOf(random, version, largest);
    case 'subscribe':
      return subscribeOf(random, version);
    case 'unsubscribe':
      return { type: PacketType.Unsubscribe, packetId: packetIdOf(random), filters: listOf(random, () => filterOf(random)) };
    case 'acknowledge':
      return acknowledgementOf(random, version);
    case 'ping':
      return { type: PacketType.Pingreq };
    case 'authenticate':
      return authOf(random);
  }
}

/** Some of the properties such a packet of 5.0 may have; hardly ever one with a value that may not be. */
const PROPERTIES: { readonly [place: number]: (random: Random) => Properties } = {
  [WILL]: (random) => ({ ...messageOf(random), ...(random.once(2) && { willDelayInterval: random.pick(INTERVALS) }) }),
  [PacketType.Connect]: (random) => ({
    ...(!random.once(4) && { sessionExpiryInterval: random.pick(INTERVALS) }),
    ...(random.once(2) && { receiveMaximum: random.pick([1, 2, 65_535]) }),
    ...(random.once(4) && { maximumPacketSize: random.pick([1, 20, 100, 100, 10_000]) }),
    ...(random.once(2) && { topicAliasMaximum: random.pick([0, 1, 3, 65_535]) }),
    ...(random.once(4) && { requestProblemInformation: random.once(2) }),
    ...(random.once(4) && { requestResponseInformation: random.once(2) }),
    ...(random.once(4) && { authenticationMethod: random.pick(METHODS), authenticationData: random.bytes(1) }),
  }),
  [PacketType.Publish]: (random) => ({
    ...messageOf(random),
    ...(random.once(4) && { topicAlias: random.pick([1, 1, 1, 2, 2, 3, 33]) }),
    ...(random.once(60) && { subscriptionIdentifiers: [1] }),
  }),
  [PacketType.Subscribe]: (random) => (random.once(2) ? { subscriptionIdentifiers: [random.pick([1, 2, 128, 268_435_455])] } : {}),
  [PacketType.Disconnect]: (random) => (random.once(2) ? { sessionExpiryInterval: random.pick(INTERVALS) } : {}),
};

function messageOf(random: Random): Properties {
  return {
    ...(random.once(4) && { messageExpiryInterval: random.pick(INTERVALS) }),
    ...(random.once(4) && { payloadFormatIndicator: random.pick([0, 1] as const) }),
    ...(random.once(4) && { contentType: 'text' }),
    ...(random.once(6) && { responseTopic: random.pick(random.once(10) ? FILTERS : TOPICS) }),
    ...(random.once(6) && { correlationData: random.bytes(3) }),
  };
}

/** `{ properties }` for a packet of this type, or nothing. */
function propertiesOf(random: Random, version: Version, place: number): { properties?: Properties } {
  if (version !== 5 || random.once(5)) return {};
  const properties = PROPERTIES[place]?.(random) ?? {};
  if (!random.once(3)) return { properties };
  return { properties: { ...properties, userProperties: listOf(random, () => ['name', random.pick(TOPICS)] as const) } };
}

function reasonOf(random: Random, type: number): ReasonCode {
  return random.pick(Object.values(ReasonCode).filter((code) => isReasonCodeOf(type, code)));
}

function filterOf(random: Random): string {
  if (random.once(40)) return random.pick(BAD_FILTERS);
  return random.pick(random.once(4) ? SHARED_FILTERS : FILTERS);
}

/** A packet that is broken in some way, or perhaps not. */
export function brokenPacketOf(random: Random, version: Version): Buffer {
  let bytes = random.once(2) ? random.pick(SEEDS) : encode(random.once(5) ? connectOf(random) : packetOf(random, version), version);
  for (let changes = 1 + random.below(3); changes > 0; changes--) bytes = changed(random, bytes);
  return bytes;
}

/** A row of the table of packets, as it is. */
export function knownPacketOf(random: Random): Buffer {
  return random.pick(SEEDS);
}

/** The beginning of a packet that says to be far larger than what comes. */
export function announcementOf(random: Random): Buffer {
  const first = random.pick([0x10, 0x30, 0x32, 0x34, 0x82]);
  const length = random.pick(['ffffff7f', '80808001', 'ff7f', 'ff01', 'ffffffff7f']);
  return Buffer.concat([Buffer.of(first), Buffer.from(length, 'hex'), random.bytes(random.below(50))]);
}

function changed(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  const to = at + random.below(8);
  switch (random.weighted({ flip: 6, set: 3, cut: 2, drop: 2, repeat: 2, insert: 2, join: 1 })) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at]! ^= 1 << random.below(8);
      return copy;
    }
    case 'set': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
      return copy;
    }
    case 'cut':
      return bytes.subarray(0, at);
    case 'drop':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(4)), bytes.subarray(at)]);
    case 'join':
      return Buffer.concat([bytes.subarray(0, at), random.pick(SEEDS)]);
  }
}

function qosOf(random: Random): QoS {
  return random.below(3) as QoS;
}

/** Few, so that they collide; at times any. */
function packetIdOf(random: Random): number {
  return random.once(20) ? 1 + random.below(65_535) : 1 + random.below(4);
}

function payloadOf(random: Random, largest = Infinity): Buffer {
  const size = random.pick([0, 1, 1, 10, 10, 100, 1_000, 9_000, 40_000]);
  return Buffer.alloc(size < largest - 30 || random.once(20) ? size : 1, random.below(256));
}

function listOf<T>(random: Random, entry: () => T): T[] {
  return Array.from({ length: 1 + random.below(3) }, entry);
}
