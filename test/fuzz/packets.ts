/** What a client may send, and what only a broken or an evil one sends. */

import { PacketType, type Acknowledgement, type Packet, type QoS } from '../../src/packet/packet.js';
import { encode, Publish, type Version } from '../../src/testing.js';
import { badCases, goodCases } from '../cases/packets.js';
import { bytesOf } from '../cases/packet-case.js';
import type { Random } from './random.js';

// Few names, so that clients meet.
const TOPICS = ['a', 'a/b', 'b', 'b/c', '/', '$x/y', 'é/😀', 'a/b/c/d/e/f/g/h'];
const FILTERS = ['a', 'a/#', '+/b', '#', '+', '$x/#', 'b/+', 'é/+', 'nobody/hears', '+/+/+', 'secret'];
const BAD_FILTERS = ['a#', '+a', '#/a', ''];
export const CLIENT_IDS = ['ann', 'bob', 'eve', 'joe'];

const SEEDS = [...goodCases, ...badCases].map(bytesOf).filter(({ length }) => length < 1_000);
const ACKNOWLEDGEMENTS = [PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp] as const;

export function connectOf(random: Random, largest?: number): Extract<Packet, { type: typeof PacketType.Connect }> {
  return {
    type: PacketType.Connect,
    version: random.pick<Version>([3, 4, 4]),
    clean: random.once(2),
    keepAlive: random.pick([0, 0, 1, 10, 65_535]),
    clientId: random.once(12) ? '' : random.pick(CLIENT_IDS),
    ...(random.once(2) && {
      will: { topic: random.pick(TOPICS), payload: payloadOf(random, largest), qos: qosOf(random), retain: random.once(2) },
    }),
    ...(random.once(4) && { username: 'user', password: random.bytes(3) }),
  };
}

export function publishOf(random: Random, largest?: number): Publish {
  const qos = qosOf(random);
  const fields = { qos, retain: random.once(4), dup: qos > 0 && random.once(5), packetId: packetIdOf(random) };
  return Publish.of({ topic: random.pick(TOPICS), payload: payloadOf(random, largest), ...fields });
}

export function subscribeOf(random: Random): Packet {
  const subscriptions = listOf(random, () => ({ filter: random.pick(random.once(40) ? BAD_FILTERS : FILTERS), qos: qosOf(random) }));
  return { type: PacketType.Subscribe, packetId: packetIdOf(random), subscriptions };
}

export function acknowledgementOf(random: Random, type = random.pick<Acknowledgement['type']>(ACKNOWLEDGEMENTS)): Packet {
  return { type, packetId: packetIdOf(random), reasonCode: 0 };
}

/** What a client may send once it is connected. @param largest packets are hardly ever larger, in bytes. */
export function packetOf(random: Random, largest?: number): Packet {
  switch (random.weighted({ publish: 10, subscribe: 4, unsubscribe: 2, acknowledge: 3, ping: 1 })) {
    case 'publish':
      return publishOf(random, largest);
    case 'subscribe':
      return subscribeOf(random);
    case 'unsubscribe':
      return { type: PacketType.Unsubscribe, packetId: packetIdOf(random), filters: listOf(random, () => random.pick(FILTERS)) };
    case 'acknowledge':
      return acknowledgementOf(random);
    case 'ping':
      return { type: PacketType.Pingreq };
  }
}

/** A packet that is broken in some way, or perhaps not. */
export function brokenPacketOf(random: Random): Buffer {
  let bytes = random.once(2) ? random.pick(SEEDS) : encode(random.once(5) ? connectOf(random) : packetOf(random), 4);
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
