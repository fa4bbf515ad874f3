/** A queue longer than what of it is in memory: complete and in order, whatever happens while it is read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import type { QoS } from '../../src/packet/packet.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import { arrive, comeBack, puback, publish, type Client } from './client.js';
import { Peer } from './peer.js';
import { CountingStorage, expectDrained } from './store.js';

/** Several windows. */
const MANY = 2_000;

interface Stage {
  readonly storage: CountingStorage;
  readonly broker: TestBroker;
  readonly ann: Client;
  /** Hears topic `t` at QoS 2 in a session that is kept, and is away. */
  readonly bob: Peer;
}

async function bobAway(options: CreateOptions = {}): Promise<Stage> {
  const storage = new CountingStorage();
  const broker = await createTestBroker({ storage, ...options });
  const bob = new Peer('bob', 't');
  bob.join(broker);
  await drink(broker, bob);
  bob.lose();
  return { storage, broker, ann: await arrive(broker, 'ann'), bob };
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`);

/** What the client has received at QoS 1, and at QoS 2: each is in an order of its own. */
const apart = ({ received }: Peer): string[][] => [
  received.filter((n) => Number(n) % 2 === 0),
  received.filter((n) => Number(n) % 2 === 1),
];
const both = (to: number): string[][] => [0, 1].map((odd) => numbers(0, to).filter((n) => Number(n) % 2 === odd));

/** Publishes numbers, at one QoS or the even ones at QoS 1 and the odd ones at QoS 2. */
async function fill({ broker, ann }: Pick<Stage, 'broker' | 'ann'>, from: number, to: number, qos?: QoS): Promise<void> {
  for (let i = from; i < to; i++) ann.publish('t', `${i}`, { qos: qos ?? (i % 2 === 0 ? 1 : 2) });
  await broker.settle();
}

/** The client reads and answers until nothing more comes, or so many packets have. */
async function drink(broker: TestBroker, bob: Peer, packets = Infinity): Promise<void> {
  for (let left = packets; left > 0; ) {
    await broker.settle();
    if (!bob.handle()) return;
    left--;
    while (left > 0 && bob.handle()) left--;
  }
}

async function expectEmpty({ storage, broker }: Pick<Stage, 'storage' | 'broker'>): Promise<void> {
  await broker.settle();
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  assert.equal(broker.broker.stats.bugs, 0);
  await expectDrained(storage);
}

for (const qos of [1, 2] as const) {
  for (const maxInflight of [1, 10, 2_000]) {
    test(`a backlog at QoS ${qos} arrives complete, in order and once, ${maxInflight} in flight [MQTT-4.6.0-6][MQTT-4.4.0-1]`, async () => {
      const stage = await bobAway({ maxInflight });
      await fill(stage, 0, MANY, qos);
      assert.equal(stage.broker.broker.stats.queued.messages, MANY);
      stage.bob.join(stage.broker);
      await drink(stage.broker, stage.bob);
      assert.deepEqual(stage.bob.received, numbers(0, MANY));
      await expectEmpty(stage);
    });
  }
}

test('a backlog that grows while it is read back stays in order', async () => {
  const stage = await bobAway({ maxInflight: 20 });
  const { broker, bob } = stage;
  await fill(stage, 0, MANY);
  bob.join(broker);
  for (let i = MANY; i < 2 * MANY; i += 10) {
    await fill(stage, i, i + 10);
    await drink(broker, bob, 20);
  }
  await drink(broker, bob);
  assert.deepEqual(apart(bob), both(2 * MANY));
  await expectEmpty(stage);
});

test('a client that goes away again and again in the middle misses nothing', async () => {
  const stage = await bobAway({ maxInflight: 50 });
  const { broker, bob } = stage;
  await fill(stage, 0, MANY, 2);
  for (let visit = 0; bob.received.length < MANY; visit++) {
    bob.join(broker);
    await drink(broker, bob, 100 + (visit % 7) * 30);
    bob.lose();
    assert.ok(visit < 100, 'every visit brings it further');
  }
  bob.join(broker);
  await drink(broker, bob);
  assert.deepEqual(bob.received, numbers(0, MANY));
  await expectEmpty(stage);
});

test('what comes while messages in flight are read back to be sent again comes behind them', async () => {
  const stage = await bobAway({ maxInflight: 10 });
  const { broker, bob } = stage;
  bob.join(broker);
  await broker.settle();
  bob.handle();
  await fill(stage, 0, 10, 2);
  bob.lose();
  await broker.settle();
  bob.join(broker);
  broker.endTurn();
  await fill(stage, 10, 20, 2);
  await drink(broker, bob);
  assert.deepEqual(bob.received, numbers(0, 20));
  await expectEmpty(stage);
});

test('a restart in the middle loses nothing and repeats nothing at QoS 2', async () => {
  const stage = await bobAway({ maxInflight: 50 });
  const { storage, bob } = stage;
  await fill(stage, 0, MANY, 2);
  let { broker } = stage;
  for (let start = 0; bob.received.length < MANY; start++) {
    bob.join(broker);
    await drink(broker, bob, 333);
    bob.lose();
    broker = await createTestBroker({ storage, maxInflight: start % 2 === 0 ? 7 : 50 });
    assert.ok(start < 100, 'every start brings it further');
  }
  bob.join(broker);
  await drink(broker, bob);
  assert.deepEqual(bob.received, numbers(0, MANY));
  await expectEmpty({ storage, broker });
});

test('a client that is there at once after a restart is sent everything in order, and new messages behind that', async () => {
  const stage = await bobAway();
  await fill(stage, 0, MANY);
  const broker = await createTestBroker({ storage: stage.storage });
  stage.bob.join(broker);
  const ann = await arrive(broker, 'ann');
  await fill({ broker, ann }, MANY, MANY + 10);
  await drink(broker, stage.bob);
  assert.deepEqual(apart(stage.bob), both(MANY + 10));
  await expectEmpty({ storage: stage.storage, broker });
});

test('what a client that takes nothing is owed is not read back beyond one window', async () => {
  const { storage, broker, ann, bob } = await bobAway({ maxInflight: 1 });
  await fill({ broker, ann }, 0, 5 * MANY);
  storage.mostEntries = 0;
  storage.bytesRead = 0;
  bob.join(broker);
  await broker.settle();
  assert.ok(storage.mostEntries <= 512, `${storage.mostEntries} entries at one time`);
  assert.ok(storage.bytesRead < 1_024 * 64, `${storage.bytesRead} bytes`);
  assert.equal(broker.broker.stats.queued.messages, 5 * MANY - 1);
});

const MEBIBYTE = 1_048_576;

for (const others of [0, 1]) {
  test(`large messages are read back a few at a time, ${others === 0 ? 'with their deliveries' : 'where several sessions share them'}`, async () => {
    const { storage, broker, ann, bob } = await bobAway({ maxInflight: 1 });
    if (others > 0) {
      const cy = await arrive(broker, 'cy', { clean: false });
      await cy.subscribe('t', 1);
    }
    const payload = 'x'.repeat(MEBIBYTE);
    for (let i = 0; i < 20; i++) await ann.publish('t', payload, { qos: 1, packetId: i + 1 }).expect(puback(i + 1));
    storage.bytesRead = 0;
    const client = await comeBack(broker, 'bob');
    await client.expect(publish('t', payload, { qos: 1, packetId: 1 }));
    assert.ok(storage.bytesRead < 4 * MEBIBYTE, `${storage.bytesRead} bytes`);
    for (let id = 1; id < 20; id++) await client.send(puback(id)).expect(publish('t', payload, { qos: 1, packetId: id + 1 }));
    await client.send(puback(20)).expect();
    assert.equal(bob.received.length, 0);
  });
}
