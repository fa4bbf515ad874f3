/** What the whole broker does for a message or a subscription, from the bytes of a read to those of a write, without a network. */
import { createTestBroker, encode, MemoryTransport, PacketType, Publish, type TestBroker } from '../../src/testing.js';
import type { Work } from './work.js';

/** As many messages as a read of 64 KiB brings, or less. */
const TIMES = 500;
/** After so many runs new topics begin again; by then nothing knows them. */
const RUNS = 10_000;

/** A client that takes what it is sent and looks at none of it. */
class Peer {
  bytesReceived = 0;
  readonly #transport = new MemoryTransport({ received: ({ length }) => void (this.bytesReceived += length), closed: () => {} });

  constructor({ broker }: TestBroker, clientId: string) {
    broker.accept(this.#transport);
    this.send(encode({ type: PacketType.Connect, version: 4, clean: true, keepAlive: 0, clientId }, 4));
  }

  send(bytes: Buffer): void {
    this.#transport.send(bytes);
  }
}

function subscribe(filters: readonly string[]): Buffer {
  return encode({ type: PacketType.Subscribe, packetId: 1, subscriptions: filters.map((filter) => ({ filter, qos: 0 })) }, 4);
}

function unsubscribe(filters: readonly string[]): Buffer {
  return encode({ type: PacketType.Unsubscribe, packetId: 1, filters }, 4);
}

/** PUBLISHes of 64 bytes, one after the other, to topics that have the number of the run and of the message in them. */
class Messages {
  readonly bytes: Buffer;
  readonly #size: number;
  readonly #at: number;

  constructor() {
    const of = (i: number): Publish => {
      const topic = `bench/0000${String(i).padStart(3, '0')}/x`;
      return Publish.of({ topic, payload: Buffer.alloc(64, 'x'), qos: 0, retain: false });
    };
    this.bytes = Buffer.concat(Array.from({ length: TIMES }, (_, i) => of(i).bytes));
    this.#size = this.bytes.length / TIMES;
    this.#at = this.bytes.indexOf('0000');
  }

  number(run: number): void {
    const digits = Buffer.from(String(run).padStart(4, '0'));
    for (let at = this.#at; at < this.bytes.length; at += this.#size) {
      for (let i = 0; i < 4; i++) this.bytes[at + i] = digits[i]!;
    }
  }
}

/** Who listens while messages are published, and how many filters there are besides that match none of them. */
interface Listening {
  readonly filter: string | undefined;
  readonly others?: number;
}

/** A message for one of 500 topics, or for one that was never seen before; both cost the same to make. */
export async function publishThrough(topics: 'known' | 'new', { filter, others = 0 }: Listening): Promise<Work> {
  const broker = await createTestBroker({ maxSubscriptions: others + 1 });
  const subscriber = new Peer(broker, 'subscriber');
  if (filter !== undefined) subscriber.send(subscribe([filter]));
  for (let i = 0; i < others; i++) subscriber.send(subscribe([`bench/${i % 97}/other/${i}/+`]));
  const publisher = new Peer(broker, 'publisher');
  await broker.settle();
  const messages = new Messages();
  let runs = 0;
  const run = (): number => {
    runs++;
    messages.number(topics === 'known' ? 0 : runs % RUNS);
    publisher.send(messages.bytes);
    broker.endTurn();
    return subscriber.bytesReceived + runs;
  };
  const heard = filter === undefined ? 'nobody' : `${filter}${others === 0 ? '' : `, ${others.toLocaleString('en-US')} others`}`;
  return { name: `PUBLISH through the broker, ${topics} topic, heard by ${heard}`, times: TIMES, run };
}

/** Subscriptions with wildcards come and go, so many in a packet and so many there at once. */
export async function subscribeThrough(count: number, each: number): Promise<Work> {
  const broker = await createTestBroker({ maxSubscriptions: count });
  const peer = new Peer(broker, 'subscriber');
  const filters = Array.from({ length: count }, (_, i) => `plant/${i % 97}/machine/${i}/#`);
  const groups = Array.from({ length: count / each }, (_, i) => filters.slice(i * each, (i + 1) * each));
  const packets = [...groups.map(subscribe), ...groups.map(unsubscribe)];
  await broker.settle();
  const run = (): number => {
    for (const packet of packets) peer.send(packet);
    broker.endTurn();
    return peer.bytesReceived;
  };
  return { name: `SUBSCRIBE and UNSUBSCRIBE, ${each} filters in a packet, ${count.toLocaleString('en-US')} at once`, times: count, run };
}

export function wholes(): Promise<readonly Work[]> {
  const listening: readonly Listening[] = [{ filter: '#' }, { filter: 'bench/+/x' }, { filter: undefined }];
  return Promise.all([
    ...listening.flatMap((one) => [publishThrough('known', one), publishThrough('new', one)]),
    publishThrough('known', { filter: '#', others: 100_000 }),
    subscribeThrough(10_000, 1),
    subscribeThrough(10_000, 100),
  ]);
}
