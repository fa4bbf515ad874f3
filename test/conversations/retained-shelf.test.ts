/** Retained messages of more than a small size: on record only, and complete for whoever asks, whatever becomes of them meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import { createTestBroker, PacketType, type Packet, type TestBroker } from '../../src/testing.js';
import { HeldStorage } from '../storage/held.js';
import { arrive, puback, publish, suback, subscribe, unsubscribe, unsuback, type Client } from './client.js';
import { CountingStorage } from './store.js';

const large = (name: string): string => name.repeat(1_000).slice(0, 1_000);

/** A broker with `ann`, who publishes, on a storage that counts what is read. */
async function scene(): Promise<{ storage: CountingStorage; broker: TestBroker; ann: Client }> {
  const storage = new CountingStorage();
  const broker = await createTestBroker({ storage, maxInflight: 10_000 });
  return { storage, broker, ann: await arrive(broker, 'ann') };
}

/** Topics and payloads of PUBLISHes, without the SUBACK. */
function told(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) =>
    packet.type === PacketType.Publish ? [`${packet.topic} ${packet.payload.toString().slice(0, 3)}`] : [],
  );
}

async function subscriber(broker: TestBroker, filter = '#'): Promise<Client> {
  const client = await arrive(broker, `cy${filter}`);
  return client.send(subscribe(1, [filter, 1]));
}

test('small and large ones arrive alike, complete', async () => {
  const { broker, ann } = await scene();
  ann
    .publish('a', large('1'), { retain: true })
    .publish('b', 'small', { qos: 1, retain: true })
    .publish('c', large('3'), { qos: 2, retain: true });
  await ann.take();
  const cy = await subscriber(broker);
  await cy.expect(
    suback(1, 1),
    publish('a', large('1'), { retain: true }),
    publish('b', 'small', { qos: 1, retain: true, packetId: 1 }),
    publish('c', large('3'), { qos: 1, retain: true, packetId: 2 }),
  );
});

test('thousands arrive complete, with a restart or without one, read back a few at a time', async () => {
  const stage = await scene();
  const topics = Array.from({ length: 3_000 }, (_, i) => `t/${i}`);
  for (const topic of topics) stage.ann.publish(topic, large(topic), { retain: true });
  await stage.broker.settle();
  for (const broker of [stage.broker, await createTestBroker({ storage: stage.storage })]) {
    stage.storage.mostEntries = 0;
    const cy = await subscriber(broker, 't/+');
    const packets = await cy.take();
    assert.deepEqual(told(packets).sort(), topics.map((topic) => `${topic} t/${topic.slice(2, 3)}`).sort());
    assert.ok(stage.storage.mostEntries <= 1_000);
  }
});

test('another connection is served between two slices', async () => {
  const { broker, ann } = await scene();
  for (let i = 0; i < 1_000; i++) ann.publish(`t/${i}`, large('x'), { retain: true });
  await broker.settle();
  const bob = await arrive(broker, 'bob');
  const cy = (await arrive(broker, 'cy')).send(subscribe(1, ['#', 1]));
  for (let turn = 0; turn < 3; turn++) {
    broker.endTurn();
    await turned();
  }
  const before = cy.connection.packets.length;
  assert.ok(before > 1 && before < 1_001, `${before} packets are there already`);
  bob.send({ type: PacketType.Pingreq });
  broker.endTurn();
  assert.deepEqual(bob.connection.take(), [{ type: PacketType.Pingresp }]);
  assert.equal(told(await cy.take()).length, 1_000);
});

test('their payloads are not in memory', async () => {
  const { broker, storage, ann } = await scene();
  const payload = 'x'.repeat(100_000);
  const onRecord = (): number => storage.size;
  for (let i = 0; i < 20; i++) await ann.publish(`t/${i}`, payload, { qos: 1, retain: true, packetId: 1 }).expect(puback(1));
  assert.ok(onRecord() >= 20);
  assert.equal(broker.broker.stats.retained.messages, 20);
  assert.equal(broker.broker.stats.retained.bytes > 2_000_000, true);
  storage.bytesRead = 0;
  const cy = await subscriber(broker);
  assert.equal(told(await cy.take()).length, 20);
  assert.ok(storage.bytesRead > 2_000_000, `${storage.bytesRead} bytes were read back`);
});

test('small ones are not read back', async () => {
  const { broker, storage, ann } = await scene();
  for (let i = 0; i < 20; i++) ann.publish(`t/${i}`, 'small', { retain: true });
  await broker.settle();
  storage.bytesRead = 0;
  const cy = await subscriber(broker);
  assert.equal(told(await cy.take()).length, 20);
  assert.equal(storage.bytesRead, 0);
});

const meanwhile: { readonly what: string; readonly act: (ann: Client) => void; readonly comes: readonly string[] }[] = [
  { what: 'replaced', act: (ann) => ann.publish('b', large('new'), { retain: true }), comes: ['b new', 'a 111', 'c 333'] },
  { what: 'replaced by a small one', act: (ann) => ann.publish('b', 'new', { retain: true }), comes: ['b new', 'a 111', 'c 333'] },
  { what: 'deleted', act: (ann) => ann.publish('b', '', { retain: true }), comes: ['b ', 'a 111', 'c 333'] },
  {
    what: 'deleted and published again',
    act: (ann) => ann.publish('b', '', { retain: true }).publish('b', large('new'), { retain: true }),
    comes: ['b ', 'b new', 'a 111', 'c 333'],
  },
];

for (const { what, act, comes } of meanwhile) {
  test(`one that is ${what} while it is read back comes once, as it is then`, async () => {
    const { broker, ann } = await scene();
    for (const [topic, payload] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ] as const)
      ann.publish(topic, large(payload), { retain: true });
    await broker.settle();
    const cy = await subscriber(broker);
    broker.endTurn();
    act(ann);
    assert.deepEqual(told(await cy.take()), comes);
  });
}

test('one that is asked for before it is on record comes from memory', async () => {
  const storage = new HeldStorage();
  const assembled = createTestBroker({ storage });
  await turned();
  await storage.land();
  const broker = await assembled;
  const connection = broker.connect();
  connection.send({ type: PacketType.Connect, version: 4, clean: true, keepAlive: 0, clientId: 'cy' });
  connection.send(publish('a', large('1'), { retain: true }), subscribe(1, ['a', 0]));
  broker.endTurn();
  await turned();
  broker.endTurn();
  assert.equal(storage.underWay, true);
  assert.deepEqual(told(connection.take()), ['a 111']);
});

test('who unsubscribes, or goes away, while they are read back is sent no more of them', async () => {
  const { broker, ann } = await scene();
  for (let i = 0; i < 500; i++) ann.publish(`t/${i}`, large('x'), { retain: true });
  await broker.settle();
  const cy = await subscriber(broker);
  cy.send(unsubscribe(2, '#'));
  await cy.expect(suback(1, 1), unsuback(2));
  const dan = await subscriber(broker, 't/#');
  dan.hangUp();
  await broker.settle();
  assert.equal(broker.broker.stats.bugs, 0);
});

test('a subscriber of this process hears large ones as well, those that are there when it is their turn', async () => {
  const { broker, ann } = await scene();
  for (const topic of ['a', 'b', 'c']) ann.publish(topic, large(topic), { retain: true });
  ann.publish('d', 'small', { retain: true });
  await broker.settle();
  const heard: string[] = [];
  broker.broker.subscribe('#', ({ topic, payload }) => heard.push(`${topic} ${payload.length}`));
  ann.publish('b', '', { retain: true });
  await broker.settle();
  assert.deepEqual(heard.sort(), ['a 1000', 'b 0', 'c 1000', 'd 5']);
});

test('a subscriber of this process that ends its subscription hears no more', async () => {
  const { broker, ann } = await scene();
  for (const topic of ['a', 'b', 'c']) ann.publish(topic, large(topic), { retain: true });
  await broker.settle();
  const heard: string[] = [];
  const end = broker.broker.subscribe('#', ({ topic }) => heard.push(topic));
  end();
  await broker.settle();
  assert.deepEqual(heard, []);
});

test('a subscriber of this process that asks for very many large ones does not bring all of them into memory', async () => {
  const { broker, ann, storage } = await scene();
  const payload = 'x'.repeat(500_000);
  for (let i = 0; i < 100; i++) await ann.publish(`t/${i}`, payload, { qos: 1, retain: true, packetId: 1 }).expect(puback(1));
  let most = 0;
  let heard = 0;
  storage.bytesRead = 0;
  broker.broker.subscribe('#', () => {
    heard++;
    most = Math.max(most, storage.bytesRead - heard * payload.length);
  });
  await broker.settle();
  assert.equal(heard, 100);
  assert.ok(most < 10 * payload.length, `${most} bytes were read ahead`);
});
