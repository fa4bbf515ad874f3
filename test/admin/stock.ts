/** Stores with something of everything in them: what a broker leaves behind that clients did all sorts of things with. */
import * as fc from 'fast-check';
import type { Storage } from '../../src/broker/contracts.js';
import type { CreateOptions } from '../../src/create.js';
import { writePacketId } from '../../src/packet/publish.js';
import { createTestBroker, PacketType, Publish, type Packet, type QoS, type TestConnection, type Version } from '../../src/testing.js';
import { answerTo, connect } from '../conversations/client.js';
import { APART } from '../conversations/store.js';
import { anyString } from '../util/any-string.js';

const NAMES = ['ann', 'bob', 'cy', 'ü/😀'] as const;
const TOPICS = ['a', 'a/b', 'ü/b', '$x/y'] as const;
const FILTERS = ['a', '#', 'a/+', '+/b', '$share/g/#', '$share/h/a/b', '$x/+', APART] as const;

const client = fc.nat(NAMES.length - 1);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const properties = fc.constantFrom(
  undefined,
  {},
  { messageExpiryInterval: 60 },
  {
    payloadFormatIndicator: 0 as const,
    contentType: 'text/x',
    responseTopic: 'r',
    correlationData: Buffer.from([0, 255]),
    userProperties: [['a', '1'] as const, ['a', ''] as const],
  },
);
const payload = fc.oneof(anyString({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }));

/** One thing a client does. */
const anyDeed = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('connect' as const),
      client,
      version: fc.constantFrom<Version>(4, 5),
      expiry: fc.constantFrom(0, 1, 3_600, 0xffff_ffff),
      hasWill: fc.boolean(),
      delay: fc.constantFrom(0, 30),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('subscribe' as const),
      client,
      filter: fc.constantFrom(...FILTERS),
      qos,
      option: fc.boolean(),
      identifier: fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('publish' as const),
      client,
      topic: fc.constantFrom(...TOPICS),
      payload,
      qos,
      retain: fc.boolean(),
      properties,
      packetId: fc.integer({ min: 1, max: 20 }),
      many: fc.constantFrom(1, 1, 4),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('answer' as const), client, packets: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('leave' as const, 'vanish' as const), client }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 40 }) }) },
);
/** Everybody comes and subscribes to much, one to what nobody else hears; then anything may happen. */
const beginning = NAMES.flatMap((_, client) => [
  { does: 'connect' as const, client, version: client === 0 ? (4 as const) : (5 as const), expiry: 3_600, hasWill: false, delay: 0 },
  { does: 'subscribe' as const, client, filter: FILTERS[1 + client]!, qos: 2 as const, option: false, identifier: client || undefined },
]).concat({ does: 'subscribe', client: 1, filter: '$x/+', qos: 2, option: false, identifier: 9 });
export const anyStory = fc.array(anyDeed, { maxLength: 60, size: 'max' }).map((deeds) => [...beginning, ...deeds]);
type Deed = (typeof anyStory extends fc.Arbitrary<infer S> ? S : never)[number];

/** Has a broker live through a story with a storage, and dies with it. */
export async function stock(storage: Storage, story: readonly Deed[], options: CreateOptions = {}): Promise<void> {
  const broker = await createTestBroker({ storage, maxInflight: 3, ...options });
  const callers = new Map<number, Caller>();
  for (const deed of story) {
    if (deed.does === 'wait') broker.advance(deed.seconds * 1_000);
    else if (deed.does === 'connect') {
      callers.get(deed.client)?.connection.hangUp();
      callers.set(deed.client, { connection: broker.connect().send(connectOf(deed)), version: deed.version });
    } else {
      const caller = callers.get(deed.client);
      if (caller?.connection.closed === false) act(caller, deed);
    }
    await broker.settle();
  }
  await broker.settle();
}

function connectOf({ client, version, expiry, hasWill, delay }: Extract<Deed, { does: 'connect' }>): Packet {
  const will = { topic: 'a/b', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  return connect(NAMES[client]!, {
    version,
    clean: false,
    ...(version === 5 ? { properties: { sessionExpiryInterval: expiry } } : undefined),
    ...(hasWill ? { will: version === 5 ? { ...will, properties: { willDelayInterval: delay } } : will, username: 'u' } : undefined),
  });
}

interface Caller {
  readonly connection: TestConnection;
  readonly version: Version;
}

function act({ connection, version }: Caller, deed: Exclude<Deed, { does: 'connect' | 'wait' }>): void {
  switch (deed.does) {
    case 'subscribe': {
      const { filter, option, qos, identifier } = deed;
      const isFive = version === 5;
      const noLocal = option && !filter.startsWith('$share/');
      const request = isFive ? { filter, qos, noLocal, retainAsPublished: option } : { filter, qos };
      const properties = isFive && identifier !== undefined ? { properties: { subscriptionIdentifiers: [identifier] } } : undefined;
      connection.send({ type: PacketType.Subscribe, packetId: 99, subscriptions: [request], ...properties });
      return;
    }
    case 'publish': {
      const { topic, payload, properties, packetId, qos, retain, many } = deed;
      for (let id = packetId; id < packetId + many; id++) {
        connection.send(
          Publish.of({ topic, payload: Buffer.from(payload), qos, retain, packetId: qos === 0 ? 0 : id, version, properties }),
        );
      }
      return;
    }
    case 'answer':
      for (const packet of connection.packets.splice(0, deed.packets)) answer(connection, packet);
      return;
    case 'leave':
      connection.send({ type: PacketType.Disconnect, reasonCode: 0 });
      return;
    case 'vanish':
      connection.hangUp();
  }
}

function answer(connection: TestConnection, packet: Packet): void {
  const answer = answerTo(packet);
  if (answer !== undefined) connection.send(answer);
}

/**
 * What every client is sent that comes back, and how many messages wait. In place of each packet identifier stands which message of the connection went
 * by it: it is made of the message's place among those of all clients, and what comes after an import has another one.
 */
export async function served(storage: Storage): Promise<readonly object[]> {
  const broker = await createTestBroker({ storage });
  await broker.settle();
  const told: object[] = [{ ...broker.broker.stats.retained, ...broker.broker.stats.sessions }];
  for (const name of NAMES) {
    const connection = broker.connect().send(connect(name, { version: 5, clean: false, properties: { sessionExpiryInterval: 60 } }));
    const inOrder = new InOrder();
    for (let last = -1; last !== connection.bytesReceived; ) {
      last = connection.bytesReceived;
      await broker.settle();
      for (const packet of connection.take()) {
        told.push({ name, hex: inOrder.told(packet) });
        answer(connection, packet);
      }
    }
  }
  return told;
}

/** Messages of one connection, which answers all it is sent, numbered in the order they came. */
class InOrder {
  #last = 0;
  /** Of QoS 2, until PUBREL, by packet identifier. */
  readonly #open = new Map<number, number>();

  /** A packet, with that number in place of the packet identifier. */
  told(packet: Packet): string {
    if (packet.type === PacketType.Pubrel) return JSON.stringify({ ...packet, packetId: this.#numberOf(packet.packetId, true) });
    if (packet.type !== PacketType.Publish) return JSON.stringify(packet);
    const bytes = Buffer.from(packet.bytes);
    if (packet.qos > 0) writePacketId(bytes, packet.packetIdOffset, this.#numberOf(packet.packetId, packet.qos === 1));
    return bytes.toString('hex');
  }

  #numberOf(packetId: number, isLast: boolean): number {
    const number = this.#open.get(packetId) ?? ++this.#last;
    if (isLast) this.#open.delete(packetId);
    else this.#open.set(packetId, number);
    return number;
  }
}
