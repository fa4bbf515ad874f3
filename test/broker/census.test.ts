/** Queues are counted in the background after a restart, or at once for a client that is there; whatever happens meanwhile, the counts are right. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import type { Entry } from '../../src/broker/contracts.js';
import type { CreateOptions } from '../../src/create.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import { arrive, Client, comeBack, connack, connect, knock, puback, publish } from '../conversations/client.js';
import { Peer } from '../conversations/peer.js';
import { expectDrained, inventory } from '../conversations/store.js';

/** A storage whose answers can be held back: what is asked for then waits. */
class SlowStorage extends MemoryStorage {
  #waiting: (() => void)[] | undefined;

  hold(): void {
    this.#waiting ??= [];
  }

  /** Answers this many questions that wait, or all from now on. */
  release(count = Infinity): void {
    const waiting = this.#waiting?.splice(0, count) ?? [];
    if (count === Infinity) this.#waiting = undefined;
    for (const go of waiting) go();
  }

  override async range(from: Buffer, to: Buffer, limit: number): Promise<Entry[]> {
    const waiting = this.#waiting;
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    return super.range(from, to, limit);
  }
}

const NAMES = ['bob', 'cy', 'dan'];
const EACH = 1_500;

/** What a process left behind: three sessions that wait for the same messages. */
async function stored(options: CreateOptions = {}): Promise<SlowStorage> {
  const storage = new SlowStorage();
  const broker = await createTestBroker({ storage, ...options });
  for (const name of NAMES) {
    const client = await arrive(broker, name, { clean: false });
    client.send({ type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: 't', qos: 2 }] });
    client.leave();
  }
  const ann = await arrive(broker, 'ann');
  for (let i = 0; i < EACH; i++) ann.publish('t', `${i}`, { qos: 1, packetId: i + 1 });
  await broker.settle();
  return storage;
}

const queued = ({ broker }: TestBroker): number => broker.stats.queued.messages;

/** The next process, up to where it would listen; its queues are not counted. */
async function restart(storage: SlowStorage, options: CreateOptions = {}): Promise<TestBroker> {
  const broker = await createTestBroker({ storage, ...options });
  storage.hold();
  await turned();
  return broker;
}

async function fetch(broker: TestBroker, name: string): Promise<string[]> {
  const peer = new Peer(name);
  peer.join(broker);
  do await broker.settle();
  while (peer.handle() && drainOf(peer));
  peer.lose();
  return peer.received;
}

function drainOf(peer: Peer): boolean {
  while (peer.handle());
  return true;
}

const numbers = Array.from({ length: EACH }, (_, i) => `${i}`);

test('the start does not wait for it; then every queue is counted, by messages and bytes', async () => {
  const storage = await stored();
  const broker = await restart(storage);
  assert.equal(queued(broker), 0);
  storage.release();
  await broker.settle();
  assert.equal(queued(broker), NAMES.length * EACH);
  for (const name of NAMES) assert.equal(broker.broker.session(name)?.queuedMessages, EACH);
});

test('what comes meanwhile is counted once, and comes behind what was there', async () => {
  const storage = await stored();
  const broker = await restart(storage);
  const ann = new Client(broker).send(connect('ann'), publish('t', 'new', { qos: 1, packetId: 1 }));
  broker.endTurn();
  await turned();
  assert.equal(queued(broker), NAMES.length);
  storage.release();
  await broker.settle();
  assert.equal(ann.closed, false);
  assert.equal(queued(broker), NAMES.length * (EACH + 1));
  for (const name of NAMES) assert.deepEqual(await fetch(broker, name), [...numbers, 'new']);
  assert.equal(queued(broker), 0);
  await expectDrained(storage);
});

for (const step of [1, 2, 3, 5, 8, 13]) {
  test(`a client that is there after ${step} answers of the storage is let in when its own queue is counted, and sent all of it`, async () => {
    const storage = await stored();
    const broker = await restart(storage);
    for (let i = 0; i < step; i++) {
      storage.release(1);
      await turned();
    }
    const cy = new Peer('cy');
    cy.join(broker);
    broker.endTurn();
    await turned();
    storage.release();
    await broker.settle();
    while (drainOf(cy) && cy.received.length < EACH) await broker.settle();
    assert.deepEqual(cy.received, numbers);
    cy.lose();
    await broker.settle();
    assert.equal(queued(broker), 2 * EACH);
    for (const name of ['bob', 'dan']) assert.deepEqual(await fetch(broker, name), numbers);
    await expectDrained(storage);
  });

  test(`a session that ends after ${step} answers of the storage is neither counted nor left behind`, async () => {
    const storage = await stored({ sessionExpiry: 10 });
    const broker = await restart(storage, { sessionExpiry: 10 });
    for (let i = 0; i < step; i++) {
      storage.release(1);
      await turned();
    }
    knock(broker, 'bob');
    broker.advance(20_000);
    storage.release();
    await broker.settle();
    const { Format: _, Sequence: __, Session: ___, ...left } = await inventory(storage);
    assert.deepEqual(left, {});
    assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
    assert.equal(broker.broker.stats.bugs, 0);
  });
}

/** Three sessions that wait for messages of their own, in parcels; of the first hundred every third is over. */
async function storedInParcels(): Promise<SlowStorage> {
  const storage = new SlowStorage();
  const broker = await createTestBroker({ storage, maxInflight: 100 });
  for (const name of NAMES) {
    const client = await arrive(broker, name, { clean: false });
    await client.subscribe(name, 2);
    client.leave();
  }
  const ann = await arrive(broker, 'ann');
  for (let i = 0; i < EACH; i++) for (const name of NAMES) ann.publish(name, `${i}`, { qos: 1, packetId: i + 1 });
  await broker.settle();
  for (const name of NAMES) {
    const client = await comeBack(broker, name);
    for (const packet of await client.take()) {
      if ('payload' in packet && isOver(packet.payload.toString())) client.send(puback(packet.packetId));
    }
    client.hangUp();
  }
  await broker.settle();
  return storage;
}

const isOver = (payload: string): boolean => Number(payload) < 100 && Number(payload) % 3 === 0;
const remaining = numbers.filter((payload) => !isOver(payload));

for (const step of [0, 2, 4, 6, 8]) {
  test(`what is over of parcels is not counted and does not come again, also to a client that is there after ${step} answers`, async () => {
    const storage = await storedInParcels();
    const { Settled, Delivery } = await inventory(storage);
    assert.deepEqual({ Settled, Delivery }, { Settled: NAMES.length * 4, Delivery: NAMES.length * EACH });
    const broker = await restart(storage);
    for (let i = 0; i < step; i++) {
      storage.release(1);
      await turned();
    }
    const cy = new Peer('cy');
    cy.join(broker);
    broker.endTurn();
    // Some is settled while the others are still being counted.
    for (let i = 0; i < 8; i++) {
      storage.release(1);
      await turned();
      broker.endTurn();
      while (cy.handle());
    }
    storage.release();
    await broker.settle();
    while (drainOf(cy) && cy.received.length < remaining.length) await broker.settle();
    assert.deepEqual(cy.received, remaining);
    cy.lose();
    await broker.settle();
    assert.equal(queued(broker), 2 * remaining.length);
    for (const name of ['bob', 'dan']) assert.deepEqual(await fetch(broker, name), remaining);
    assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
    await expectDrained(storage);
  });
}

test('where the time of a session is up while its client waits to be let in, the client gets a new one, and nothing of the old is counted', async () => {
  const storage = await stored({ sessionExpiry: 10 });
  const broker = await restart(storage, { sessionExpiry: 10 });
  const cy = knock(broker, 'cy', { clean: false });
  broker.advance(20_000);
  storage.release();
  await cy.expect(connack(0, false));
  const { Delivery, Body, Session, Subscription } = await inventory(storage);
  assert.deepEqual(
    { Delivery, Body, Session, Subscription },
    { Delivery: undefined, Body: undefined, Session: 1, Subscription: undefined },
  );
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
});

test('two connections of one client that come before its queue is counted are let in one after the other, and the last one has the session', async () => {
  const storage = await stored();
  const broker = await restart(storage, { maxInflight: 1 });
  const first = knock(broker, 'cy', { clean: false });
  const second = knock(broker, 'cy', { clean: false });
  storage.release();
  await broker.settle();
  assert.deepEqual([first.closed, second.closed], [true, false]);
  assert.equal(broker.broker.session('cy')?.connection !== undefined, true);
  assert.equal(broker.broker.session('cy')?.queuedMessages, EACH - 1);
});

test('a client that is gone before its queue is counted is not let in', async () => {
  const storage = await stored();
  const broker = await restart(storage);
  const cy = knock(broker, 'cy', { clean: false });
  cy.hangUp();
  storage.release();
  await broker.settle();
  assert.equal(broker.broker.stats.sessions.connected, 0);
  assert.equal(queued(broker), NAMES.length * EACH);
});

test('a stop in the middle leaves everything as it was', async () => {
  const storage = await stored();
  const before = await inventory(storage);
  const broker = await restart(storage);
  const closed = broker.broker.close();
  storage.release();
  await Promise.all([closed, broker.settle()]);
  assert.deepEqual(await inventory(storage), before);
});

test('the bounds of queues hold again when they are counted', async () => {
  const storage = await stored();
  const broker = await restart(storage, { maxQueuedMessages: EACH + 1 });
  storage.release();
  await broker.settle();
  const ann = await arrive(broker, 'ann');
  for (let i = 0; i < 5; i++) ann.publish('t', 'new', { qos: 1, packetId: i + 1 });
  await broker.settle();
  assert.equal(queued(broker), NAMES.length * (EACH + 1));
  assert.equal(broker.broker.stats.dropped['queue-full'], NAMES.length * 4);
});
