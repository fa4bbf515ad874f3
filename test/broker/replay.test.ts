/** Retained messages for new subscriptions: all of them, a slice a turn, at the pace of who subscribed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetful } from '../../src/broker/journal.js';
import { Replays } from '../../src/broker/replay.js';
import { Retained } from '../../src/broker/retained.js';
import { Turn } from '../../src/broker/turn.js';
import type { QoS } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import type { Subscription, Wire } from '../../src/session/contracts.js';
import { Message } from '../../src/session/message.js';
import { Session } from '../../src/session/session.js';
import { Tally } from '../../src/session/tally.js';
import { NO_TERMS } from '../../src/session/terms.js';
import { heard } from '../storage/held.js';
import { LIMITS } from '../util/limits.js';

const SLICE = 200;

/** A session on a wire that writes down topics, in front of `retained` messages called `t/1`, `t/2` … */
class Scene {
  readonly retained = new Retained(1e6, 1e9);
  readonly turn = new Turn({ schedule: () => {}, commit: async () => {}, failed: () => {}, bug: (_where, error) => this.bugs.push(error) });
  now = 0;
  readonly expired: string[] = [];
  /** Messages that lie on record only, by topic, and the reads of them that are under way. */
  readonly record = new Map<string, Message>();
  readonly reads: { readonly topics: readonly string[]; readonly land: () => Promise<void>; readonly fail: () => Promise<void> }[] = [];
  readonly failures: unknown[] = [];
  readonly replays = new Replays({
    retained: this.retained,
    turn: this.turn,
    now: () => this.now,
    expired: ({ topic }) => this.expired.push(topic),
    read: (topics) =>
      new Promise((resolve, reject) => {
        const land = async (): Promise<void> => (resolve(topics.map((topic) => this.record.get(topic))), heard());
        const fail = async (): Promise<void> => (reject(new Error('unreadable')), heard());
        this.reads.push({ topics, land, fail });
      }),
    failed: (_session, error) => this.failures.push(error),
  });
  readonly bugs: unknown[] = [];
  readonly session = new Session('ann', 0, 0, 0, {
    limits: { ...LIMITS, maxInflight: 10, maxQueuedMessages: 1_000, maxQueuedBytes: 1e6 },
    journal: forgetful,
    shelf: undefined,
    tally: new Tally(),
    now: () => this.now,
    again: () => {},
  });
  readonly wire = { congested: false };
  #sent: string[] = [];

  constructor(messages: number, qos: QoS = 0) {
    for (let i = 1; i <= messages; i++) this.retain(`t/${i}`, qos);
    const publish: Wire['publish'] = (frame) => void this.#sent.push(frame.topic);
    this.session.resume(Object.assign(this.wire, { publish, send: () => {} }) as unknown as Wire, NO_TERMS);
  }

  /** @param expiresAt ms since the epoch. @param publisher whose message it is. */
  retain(topic: string, qos: QoS = 0, expiresAt = Infinity, publisher?: string): void {
    const origin = Publish.of({ topic, payload: Buffer.from('x'), qos, retain: true, packetId: 1 });
    this.retained.set(new Message(origin, publisher, expiresAt));
  }

  subscribe(filter: string, qos: QoS = 0, options: Partial<Subscription> = {}): Subscription {
    const subscription = { ...subscriptionOf(this.session, filter, qos), ...options };
    this.session.subscriptions.set(filter, subscription);
    this.replays.start(this.session, subscription);
    return subscription;
  }

  /** Topics sent since it was asked last. */
  sent(): string[] {
    return this.#sent.splice(0);
  }

  /** How many messages each turn sends until none is sent. */
  turns(): number[] {
    const counts: number[] = [];
    for (;;) {
      this.turn.end();
      const count = this.sent().length;
      if (count === 0) return counts;
      counts.push(count);
    }
  }
}

function subscriptionOf(subscriber: Session, filter: string, qos: QoS): Subscription {
  return { subscriber, filter, qos, noLocal: false, retainAsPublished: false, identifier: undefined };
}

test('a few messages are sent at once', () => {
  const scene = new Scene(3);
  scene.subscribe('#');
  assert.deepEqual(scene.sent().sort(), ['t/1', 't/2', 't/3']);
  assert.equal(scene.replays.size, 0);
});

test('many are sent a slice a turn, all of them', () => {
  const scene = new Scene(2 * SLICE + 50);
  scene.subscribe('#');
  assert.equal(scene.sent().length, SLICE);
  assert.equal(scene.replays.size, 1);
  assert.deepEqual(scene.turns(), [SLICE, 50]);
  assert.equal(scene.replays.size, 0);
});

test('while the wire is congested none is sent; then it goes on where it was', () => {
  const scene = new Scene(SLICE + 50);
  scene.subscribe('#');
  const first = scene.sent();
  scene.wire.congested = true;
  assert.deepEqual(scene.turns(), []);
  scene.wire.congested = false;
  assert.deepEqual(scene.turns(), [], 'nobody has said that there is room');
  scene.session.drain();
  scene.turn.end();
  const rest = scene.sent();
  assert.equal(new Set([...first, ...rest]).size, SLICE + 50);
});

test('a full window lets none through; each acknowledgement makes room for the next', () => {
  const scene = new Scene(25, 1);
  scene.subscribe('#', 1);
  assert.equal(scene.sent().length, 10);
  scene.session.acknowledged(3);
  assert.deepEqual(scene.turns(), [1]);
  for (let id = 1; id <= 65_535 && scene.replays.size > 0; id++) {
    scene.session.acknowledged(id);
    scene.turn.end();
  }
  assert.equal(scene.sent().length, 14);
  assert.equal(scene.session.queue.length, 0, 'none waits in the queue');
});

test('one session is served one subscription after the other', () => {
  const scene = new Scene(0);
  for (const level of ['a', 'b']) for (let i = 0; i < SLICE; i++) scene.retain(`${level}/${i}`);
  scene.subscribe('a/#');
  scene.subscribe('b/#');
  assert.deepEqual(new Set(scene.sent().map((topic) => topic[0])), new Set(['a']));
  scene.turn.end();
  assert.deepEqual(new Set(scene.sent().map((topic) => topic[0])), new Set(['b']));
});

test('another session is served in the same turn', () => {
  const scene = new Scene(3 * SLICE);
  const other = new Scene(0);
  scene.subscribe('#');
  const subscription = subscriptionOf(other.session, 't/+', 0);
  other.session.subscriptions.set('t/+', subscription);
  scene.replays.start(other.session, subscription);
  assert.deepEqual([scene.sent().length, other.sent().length], [SLICE, SLICE]);
  scene.turn.end();
  assert.deepEqual([scene.sent().length, other.sent().length], [SLICE, SLICE]);
});

test('what is retained, cleared or replaced meanwhile is not sent: who subscribes hears that as it comes', () => {
  const scene = new Scene(SLICE + 1);
  scene.subscribe('#');
  const first = new Set(scene.sent());
  const left = Array.from({ length: SLICE + 1 }, (_, i) => `t/${i + 1}`).find((topic) => !first.has(topic))!;
  scene.retain('t/new');
  scene.retain(left);
  assert.deepEqual(scene.turns(), []);
  scene.subscribe('t/+');
  assert.equal(scene.sent().length, SLICE);
  for (let i = 1; i <= SLICE + 1; i++) scene.retained.delete(`t/${i}`);
  scene.retained.delete('t/new');
  assert.deepEqual(scene.turns(), []);
  assert.equal(scene.replays.size, 0);
});

test('a subscription that has ended or was replaced is sent no more', () => {
  const scene = new Scene(3 * SLICE);
  scene.subscribe('#');
  scene.replays.stop(scene.session, '#');
  scene.sent();
  assert.deepEqual(scene.turns(), []);
  scene.subscribe('t/#');
  scene.subscribe('t/#');
  assert.equal(scene.sent().length, SLICE, 'the slice of the one that was replaced');
  assert.deepEqual(scene.turns(), [SLICE, SLICE, SLICE]);
});

test('who subscribes again and again and takes nothing costs no more than once', () => {
  const scene = new Scene(20, 1);
  scene.subscribe('#', 1);
  assert.equal(scene.sent().length, 10);
  for (let i = 0; i < 1_000; i++) scene.subscribe('#', 1);
  assert.equal(scene.replays.size, 1);
});

test('a session that is forgotten is sent nothing any more', () => {
  const scene = new Scene(3 * SLICE);
  scene.subscribe('#');
  scene.sent();
  scene.replays.forget(scene.session);
  assert.deepEqual(scene.turns(), []);
  assert.equal(scene.replays.size, 0);
});

test('what has expired is not sent, and who keeps it is told', () => {
  const scene = new Scene(1);
  scene.retain('t/old', 0, 1_000);
  scene.retain('t/young', 0, 1_001);
  scene.now = 1_000;
  scene.subscribe('#');
  assert.deepEqual(scene.sent().sort(), ['t/1', 't/young']);
  assert.deepEqual(scene.expired, ['t/old']);
});

test('with No Local what the subscriber published itself is not sent [MQTT5-3.8.3-3]', () => {
  const scene = new Scene(0);
  scene.retain('t/own', 0, Infinity, 'ann');
  scene.retain('t/of bob', 0, Infinity, 'bob');
  scene.retain('t/of nobody');
  scene.subscribe('#', 0, { noLocal: true });
  assert.deepEqual(scene.sent().sort(), ['t/of bob', 't/of nobody']);
  scene.subscribe('t/+');
  assert.equal(scene.sent().length, 3);
});

/** Messages of which some lie on record only: `t/1`, large, is one of them, `t/2` is not. */
function shelved(): Scene {
  const scene = new Scene(0);
  for (const topic of ['t/1', 't/2', 't/3']) {
    const isLarge = topic !== 't/2';
    const origin = Publish.of({ topic, payload: Buffer.alloc(isLarge ? 1_000 : 1), qos: 0, retain: true });
    const message = new Message(origin, undefined, Infinity);
    scene.retained.set(message);
    scene.retained.shelve(message);
    if (isLarge) scene.record.set(topic, message);
  }
  return scene;
}

test('what lies on record only is read back, and all are sent in one order', async () => {
  const scene = shelved();
  const order = [...scene.retained.match('#')].map(({ topic }) => topic);
  scene.subscribe('#');
  assert.deepEqual(scene.sent(), [], 'none passes those that are being read');
  assert.deepEqual(
    scene.reads.map(({ topics }) => topics),
    [order.filter((topic) => topic !== 't/2')],
  );
  await scene.reads[0]!.land();
  scene.turn.end();
  assert.deepEqual(scene.sent(), order);
  assert.equal(scene.replays.size, 0);
});

test('what is replaced or cleared while it is read is not sent', async () => {
  const scene = shelved();
  scene.subscribe('#');
  scene.retain('t/1');
  scene.retained.delete('t/3');
  await scene.reads[0]!.land();
  scene.turn.end();
  assert.deepEqual(scene.sent(), ['t/2']);
});

test('where one cannot be read its session is told of, and the next subscription begins anew', async () => {
  const scene = shelved();
  scene.subscribe('#');
  await scene.reads[0]!.fail();
  assert.deepEqual(scene.failures.map(String), ['Error: unreadable']);
  assert.equal(scene.replays.size, 0);
  scene.subscribe('#');
  await scene.reads[1]!.land();
  scene.turn.end();
  assert.equal(scene.sent().length, 3);
});

test('no more is read at a time than memory is to hold, however large the messages are', async () => {
  const scene = new Scene(0);
  for (let i = 0; i < 20; i++) {
    const message = new Message(Publish.of({ topic: `t/${i}`, payload: Buffer.alloc(100_000), qos: 0, retain: true }), undefined, Infinity);
    scene.retained.set(message);
    scene.retained.shelve(message);
    scene.record.set(message.topic, message);
  }
  scene.subscribe('#');
  let sent = 0;
  for (let at = 0; at < scene.reads.length; at++) {
    assert.ok(scene.reads[at]!.topics.length <= 3);
    await scene.reads[at]!.land();
    scene.turn.end();
    sent += scene.sent().length;
  }
  assert.equal(sent, 20);
});
