/** What the hot files do for each message, done many times over without sockets or a disk: for the micro-benchmarks and their guard. */
import { forgetful, StorageJournal } from '../../src/broker/journal.js';
import { Router } from '../../src/broker/router.js';
import { Turn } from '../../src/broker/turn.js';
import { Arena } from '../../src/net/arena.js';
import { Outbox } from '../../src/net/outbox.js';
import type { Transport } from '../../src/net/transport.js';
import { readString } from '../../src/packet/bytes.js';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, type QoS, type Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { TopicNames } from '../../src/packet/topic-names.js';
import { PLAIN, type Subscriber, type Subscription, type Wire } from '../../src/session/contracts.js';
import { Delivery } from '../../src/session/inflight.js';
import { Message } from '../../src/session/message.js';
import { Session } from '../../src/session/session.js';
import { Tally } from '../../src/session/tally.js';
import { NO_TERMS } from '../../src/session/terms.js';
import { MemoryStorage } from '../../src/storage/memory.js';
import { FilterTree } from '../../src/topic/filter-tree.js';
import { Queue } from '../../src/util/queue.js';
import { Timer, Wheel } from '../../src/util/wheel.js';
import { LIMITS } from '../util/limits.js';

export interface Work {
  readonly name: string;
  /** How many times one {@link run} does it. */
  readonly times: number;
  /** Answers what depends on all of it, so that no compiler can leave it out. */
  readonly run: () => number;
}

/** A run of most works takes a tenth of a millisecond: short enough to pass undisturbed on a busy machine, long enough to be timed. */
const TIMES = 500;
/** More topics than a router remembers. */
const MANY_TOPICS = 40_000;

/** The same work for each of so many numbers in turn. */
function each(name: string, numbers: number, act: (number: number) => number, times = TIMES): Work {
  let next = 0;
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += act(next);
      if (++next === numbers) next = 0;
    }
    return sum;
  };
  return { name, times, run };
}

function topics(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `plant/${i % 97}/machine/${i}/state`);
}

function publishOf(topic: string, qos: QoS, version: Version = 4): Publish {
  return Publish.of({ topic, payload: Buffer.alloc(64, 'x'), qos, retain: false, packetId: qos === 0 ? 0 : 7, version });
}

/** PUBLISHes of 64 bytes to ten topics, as a read brings them. */
function publishes(qos: QoS, version: Version): Buffer {
  const names = topics(10);
  return Buffer.concat(Array.from({ length: TIMES }, (_, i) => publishOf(names[i % names.length]!, qos, version).bytes));
}

function acknowledgements(): Buffer {
  const puback = (packetId: number): Buffer => encode({ type: PacketType.Puback, packetId, reasonCode: ReasonCode.Success }, 4);
  return Buffer.concat(Array.from({ length: TIMES }, (_, i) => puback(i + 1)));
}

function decoding(name: string, chunk: Buffer, version: Version): Work {
  const decoder = new Decoder();
  decoder.version = version;
  const run = (): number => {
    decoder.feed(chunk);
    let packets = 0;
    while (decoder.next() !== undefined) packets++;
    return packets;
  };
  return { name, times: TIMES, run };
}

/** The yardstick of what reads bytes: looking at each of the same ones. */
function looking(name: string, chunk: Buffer): Work {
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < chunk.length; i++) sum = (sum + chunk[i]!) | 0;
    return sum;
  };
  return { name, times: TIMES, run };
}

export const decodePublish = (qos: QoS, version: Version): Work =>
  decoding(`decode a PUBLISH, QoS ${qos}, ${version === 5 ? '5.0' : '3.1.1'}`, publishes(qos, version), version);
export const decodeAcknowledgement = (): Work => decoding('decode a PUBACK', acknowledgements(), 4);
export const lookAtPublish = (): Work => looking('(look at each byte of a PUBLISH)', publishes(0, 4));

/** The yardstick of what makes an object: a Map that has it for a while. */
export function putAndTake(): Work {
  const map = new Map<number, { readonly number: number }>();
  return each('(put an object into a Map and take it out)', 65_536, (number) => {
    map.set(number, { number });
    const sum = map.get(number)!.number;
    map.delete(number);
    return sum;
  });
}

function finding(name: string, count: number, slots: number): Work {
  const names = new TopicNames(slots);
  const bytes = topics(count).map((topic) => Buffer.from(topic));
  return each(name, count, (i) => names.find(bytes[i]!, 0, bytes[i]!.length, readString).length);
}

export const findKnownName = (): Work => finding('find a known Topic Name', 10, 4_096);
export const findUnknownName = (): Work => finding('find an unknown Topic Name', MANY_TOPICS, 16);
export function readName(): Work {
  const bytes = topics(10).map((topic) => Buffer.from(topic));
  return each('(read a Topic Name)', 10, (i) => readString(bytes[i]!, 0, bytes[i]!.length).length);
}

/** A transport that takes everything at once. */
class Bottomless implements Transport {
  readonly remoteAddress = 'nowhere';
  readonly buffered = 0;
  taken = 0;

  write({ length }: Buffer): boolean {
    this.taken += length;
    return true;
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    for (const piece of pieces) this.write(piece);
    return true;
  }

  start(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

function turnByHand(): Turn {
  return new Turn({ schedule: () => {}, commit: async () => {}, failed: () => {}, bug: () => {} });
}

/** A PUBLISH that stands where reads land leaves by an outbox, 500 of them in a turn. */
export function copyPublish(qos: QoS): Work {
  const arena = new Arena(8);
  const turn = turnByHand();
  const transport = new Bottomless();
  const outbox = new Outbox({ eased: () => {} }, transport, turn, arena, new Tally());
  const frame = publishOf('plant/1/machine/1/state', qos);
  const { bytes } = frame;
  bytes.copy(arena.bytes);
  Object.assign(frame, { bytes: arena.bytes, start: 0, end: bytes.length });
  const run = (): number => {
    for (let i = 1; i <= TIMES; i++) outbox.publish(frame, 0x30 | (qos << 1), qos === 0 ? 0 : i, 0);
    turn.end();
    return transport.taken;
  };
  return { name: `copy a PUBLISH to an outbox, QoS ${qos}`, times: TIMES, run };
}

/** The yardstick of what copies: moving as many bytes within one block. */
export function copyBytes(): Work {
  const { length } = publishOf('plant/1/machine/1/state', 0);
  const block = Buffer.alloc(length * (TIMES + 1), 'x');
  return each('(copy the bytes of a PUBLISH)', TIMES, (i) => {
    block.copyWithin((i + 1) * length, 0, length);
    return block[(i + 1) * length]!;
  });
}

export function encodeAcknowledgement(): Work {
  return each(
    'encode a PUBACK',
    65_535,
    (i) => encode({ type: PacketType.Puback, packetId: i + 1, reasonCode: ReasonCode.Success }, 4)[3]!,
  );
}

export function subscriber(clientId: string): Subscriber {
  return { clientId, durable: false, takes: () => true, deliver: () => 0 };
}

export function subscription(to: Subscriber, filter: string): Subscription {
  return { subscriber: to, filter, qos: 0, noLocal: false, retainAsPublished: false, identifier: undefined };
}

function hearing(name: string, count: number, wasHeard: boolean, times?: number): Work {
  const router = new Router();
  router.add(subscription(subscriber('ann'), 'plant/+/machine/+/state'));
  for (const [i, topic] of topics(100).entries()) router.add(subscription(subscriber(`bob ${i}`), topic));
  // Behind the hundred that have a subscriber of their own.
  const names = topics(count + 100).slice(100);
  return each(name, count, (i) => router.audience(names[i]!, wasHeard).length, times);
}

export const hearKnown = (): Work => hearing('audience of a known topic', 100, true);
export const hearUnknown = (): Work => hearing('audience of an unknown topic', MANY_TOPICS, false);
/** Seen before, but not among those remembered. As many in a run as are: what it leaves to the collector is part of the price. */
export const hearForgotten = (): Work => hearing('audience of a forgotten topic', MANY_TOPICS, true, 16_384);

/** Filters with wildcards, of which two match each topic. */
export function matchAmong(filters: number): Work {
  const tree = new FilterTree<number>();
  for (let i = 0; i < filters - 2; i++) tree.add(`plant/${i % 97}/machine/${i + 100}/+`, i);
  tree.add('plant/+/machine/+/state', -1);
  tree.add('plant/#', -2);
  const names = topics(100);
  const found: number[] = [];
  return each(`match among ${filters.toLocaleString('en-US')} filters`, names.length, (i) => {
    found.length = 0;
    tree.match(names[i]!, found);
    return found.length;
  });
}

/** A subscription with a wildcard comes and goes, so many of them there at once. */
export function comeAndGo(count: number): Work {
  const router = new Router();
  const ann = subscriber('ann');
  const subscriptions = topics(count).map((topic) => subscription(ann, `${topic}/#`));
  const run = (): number => {
    for (const one of subscriptions) router.add(one);
    const { size } = router;
    for (const one of subscriptions) router.remove(one);
    return size;
  };
  return { name: `subscribe and unsubscribe, ${count.toLocaleString('en-US')} at once`, times: count, run };
}

/** A connected session hears a message, and acknowledges it at once. */
export function deliver(qos: 0 | 1): Work {
  const session = new Session('ann', 0, 0, 0, {
    limits: LIMITS,
    journal: forgetful,
    shelf: undefined,
    tally: new Tally(),
    now: () => 0,
    again: () => {},
  });
  let sent = 0;
  let lastId = 0;
  const wire: Pick<Wire, 'congested' | 'publish' | 'send'> = {
    congested: false,
    publish: ({ length }, _first, packetId) => {
      sent += length;
      lastId = packetId;
    },
    send: () => {},
  };
  session.resume(wire as Wire, NO_TERMS);
  const message = new Message(publishOf('plant/1/machine/1/state', qos), 'bob', Infinity);
  return each(qos === 0 ? 'deliver at QoS 0' : 'deliver at QoS 1, acknowledged at once', 1, () => {
    session.deliver(message, qos, false, PLAIN);
    if (qos === 1) session.acknowledged(lastId);
    return sent;
  });
}

/** Deliveries go on record with one commit, and are off it with the next. */
export function fileDelivery(): Work {
  const storage = new MemoryStorage();
  const journal = new StorageJournal({ storage, turn: turnByHand(), waits: true, ended: () => {} });
  const message = new Message(publishOf('plant/1/machine/1/state', 1), 'bob', Infinity);
  const session = { number: 1, lastSequence: 0 } as Session;
  const run = (): number => {
    const deliveries = Array.from({ length: TIMES }, () => new Delivery(message, 1, false, PLAIN, message.size));
    for (const delivery of deliveries) journal.enqueued(session, delivery);
    void journal.commit();
    const { size } = storage;
    for (const delivery of deliveries) {
      delivery.done = true;
      journal.settled(session, delivery);
    }
    void journal.commit();
    return size - storage.size;
  };
  return { name: 'file a delivery, and its end', times: TIMES, run };
}

export function queueUp(): Work {
  const queue = new Queue<number>();
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < TIMES; i++) queue.push(i);
    for (let i = 0; i < TIMES; i++) sum += queue.shift()!;
    return sum;
  };
  return { name: 'queue: push and shift', times: TIMES, run };
}

export function meetDeadlines(): Work {
  const wheel = new Wheel({ tick: 100, slots: 1_024, now: 0 });
  let fired = 0;
  const timers = Array.from({ length: TIMES }, () => new Timer(() => void fired++));
  const run = (): number => {
    for (let i = 0; i < TIMES; i++) wheel.schedule(timers[i]!, wheel.now + 100 + i);
    wheel.advance(wheel.now + TIMES + 200);
    return fired;
  };
  return { name: 'wheel: schedule and fire', times: TIMES, run };
}

/** Everything there is to measure, in the order a message goes through it. */
export function works(): readonly Work[] {
  return [
    lookAtPublish(),
    decodePublish(0, 4),
    decodePublish(1, 4),
    decodePublish(0, 5),
    decodeAcknowledgement(),
    readName(),
    findKnownName(),
    findUnknownName(),
    hearKnown(),
    hearUnknown(),
    hearForgotten(),
    matchAmong(10),
    matchAmong(100_000),
    putAndTake(),
    deliver(0),
    deliver(1),
    copyBytes(),
    copyPublish(0),
    copyPublish(1),
    encodeAcknowledgement(),
    fileDelivery(),
    queueUp(),
    meetDeadlines(),
    comeAndGo(10_000),
    comeAndGo(100_000),
  ];
}
