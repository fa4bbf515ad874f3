/** A queue that lies on the shelf: nothing is lost, doubled, reordered or counted wrongly as it goes there and comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import type { CreateOptions } from '../../src/create.js';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import { arrive, comeBack, puback, publish, pubcomp, pubrec, pubrel, type Client } from './client.js';
import { HeldStorage, heard, started } from '../storage/held.js';

const soon = { version: 5, properties: { messageExpiryInterval: 5 } } as const;

/** A broker on a storage; `bob`, whose session is kept, hears `#` at QoS 2, and a client of 5.0 says things that expire. */
async function scene(options: CreateOptions = {}): Promise<{ storage: MemoryStorage; broker: TestBroker; ann: Client; bob: Client }> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, ...options });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('#', 2);
  return { storage, broker, ann, bob };
}

async function count(storage: MemoryStorage, kind: Kind): Promise<number> {
  const { from, to } = keys.rangeOf(kind);
  return (await storage.range(from, to, 1e6)).length;
}

/** Lets five seconds and the sweep that follows pass. */
async function expire(broker: TestBroker): Promise<void> {
  for (let i = 0; i < 8; i++) {
    broker.advance(1_000);
    await broker.settle();
  }
}

test('a message that comes while what was in flight is read back passes nothing, and is not lost', async () => {
  const { broker, ann, bob } = await scene();
  for (const payload of ['1', '2']) ann.publish('a', payload, { qos: 1 });
  await bob.take();
  bob.hangUp();
  await broker.settle();
  const back = broker.connect().send({ type: 1, version: 4, clean: false, keepAlive: 0, clientId: 'bob' });
  ann.publish('a', '3', { qos: 1 });
  await broker.settle();
  const heard = back.take().flatMap((packet) => ('payload' in packet ? [packet.payload.toString()] : []));
  assert.deepEqual(heard, ['1', '2', '3']);
  assert.equal(broker.broker.stats.queued.messages, 0);
});

test('what is in flight to a client that is away does not expire in the queue: it is completed, and counted once', async () => {
  const { broker, bob } = await scene({ maxInflight: 2 });
  const eve = broker.connect().send({ type: 1, version: 5, clean: true, keepAlive: 0, clientId: 'eve' });
  for (const payload of ['1', '2', '3']) eve.send(publish('a', payload, { ...soon, qos: 2, packetId: Number(payload) }));
  assert.deepEqual(await bob.payloads(), ['1', '2']);
  bob.hangUp();
  await broker.settle();
  await expire(broker);
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  assert.equal(broker.broker.stats.dropped['message-expired'], 1);
  const back = await comeBack(broker, 'bob');
  assert.deepEqual(await back.payloads(), ['1', '2']);
  await back.send(pubrec(1), pubrec(2)).expect(pubrel(1), pubrel(2));
  await back.send(pubcomp(1), pubcomp(2)).expect();
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
});

test('what was in flight when the process ended does not expire in the queue either, whether it had waited before or not', async () => {
  const { storage, broker, bob } = await scene({ maxInflight: 2 });
  const eve = broker.connect().send({ type: 1, version: 5, clean: true, keepAlive: 0, clientId: 'eve' });
  for (const payload of ['1', '2', '3']) eve.send(publish('a', payload, { ...soon, qos: 2, packetId: Number(payload) }));
  assert.deepEqual(await bob.payloads(), ['1', '2']);
  const again = await createTestBroker({ storage, maxInflight: 2 });
  await again.settle();
  await expire(again);
  const back = await comeBack(again, 'bob');
  await back.expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }), publish('a', '2', { qos: 2, packetId: 2, dup: true }));
  assert.deepEqual(again.broker.stats.queued, { messages: 0, bytes: 0 });
});

test('where the oldest is dropped for a client that is away, what is in flight is not', async () => {
  const { broker, ann, bob } = await scene({ maxInflight: 1, maxQueuedMessages: 2, whenQueueFull: 'drop-oldest' });
  ann.publish('a', '1', { qos: 2 }).publish('a', '2', { qos: 2 });
  assert.deepEqual(await bob.payloads(), ['1']);
  bob.hangUp();
  for (const payload of ['3', '4', '5']) {
    ann.publish('a', payload, { qos: 2 });
    await broker.settle();
  }
  assert.equal(broker.broker.session('bob')!.queuedMessages, 2);
  assert.equal(broker.broker.stats.dropped['queue-full'], 2);
  const back = await comeBack(broker, 'bob');
  await back.expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }));
  await back.send(pubrec(1)).expect(pubrel(1));
  const [fourth, fifth] = [identifierAt(5), identifierAt(6)];
  await back.send(pubcomp(1)).expect(publish('a', '4', { qos: 2, packetId: fourth }));
  await back.send(pubrec(fourth)).expect(pubrel(fourth));
  await back.send(pubcomp(fourth)).expect(publish('a', '5', { qos: 2, packetId: fifth }));
});

test('the bound of all queues together holds also where the oldest is dropped of a queue on the shelf', async () => {
  const { broker, ann, bob } = await scene({ maxTotalQueuedMessages: 3, whenQueueFull: 'drop-oldest' });
  bob.leave();
  for (let i = 0; i < 10; i++) {
    ann.publish('a', `${i}`, { qos: 1 });
    await broker.settle();
  }
  assert.equal(broker.broker.stats.queued.messages, 3);
  assert.equal(broker.broker.stats.dropped['queue-full'], 7);
  assert.deepEqual(await (await comeBack(broker, 'bob')).payloads(), ['7', '8', '9']);
});

test('a restart leaves no record of what waited, was sent and is acknowledged after it', async () => {
  const { storage, broker, ann, bob } = await scene({ maxInflight: 1 });
  for (const payload of ['1', '2']) ann.publish('a', payload, { qos: 2 });
  await bob.take();
  await bob.send(pubrec(1)).expect(pubrel(1));
  const packetId = identifierAt(3);
  await bob.send(pubcomp(1)).expect(publish('a', '2', { qos: 2, packetId }));
  await broker.settle();
  assert.equal(await count(storage, Kind.Sent), 1);
  const again = await createTestBroker({ storage, maxInflight: 1 });
  const back = await comeBack(again, 'bob');
  await back.expect(publish('a', '2', { qos: 2, packetId, dup: true }));
  await back.send(pubrec(packetId)).expect(pubrel(packetId));
  await back.send(pubcomp(packetId)).expect();
  for (const kind of [Kind.Sent, Kind.Delivery, Kind.Released, Kind.Expiry]) assert.equal(await count(storage, kind), 0);
});

test('who has an identifier on record has those sent before it there too, whatever their QoS', async () => {
  const storage = new HeldStorage();
  const broker = await started(storage, { maxInflight: 4 });
  const settle = async (): Promise<void> => {
    do {
      broker.endTurn();
      await heard();
      while (storage.underWay) await storage.land();
    } while (!broker.broker.idle);
  };
  const ann = broker.connect().send({ type: 1, version: 5, clean: true, keepAlive: 0, clientId: 'ann' });
  const come = () => broker.connect().send({ type: 1, version: 4, clean: false, keepAlive: 0, clientId: 'bob' });
  come()
    .send({ type: 8, packetId: 1, subscriptions: [{ filter: '#', qos: 2 }] })
    .hangUp();
  await settle();
  for (const [i, qos] of ([1, 2, 2, 1] as const).entries()) {
    ann.send(publish('a', `${i}`, { version: 5, ...(i === 2 ? soon : undefined), qos, packetId: i + 1 }));
  }
  await settle();
  const bob = come();
  // What expires does not leave before it is on record that it was sent. What is on record by then is all a successor knows.
  do {
    broker.endTurn();
    await heard();
    if (storage.underWay) await storage.land();
  } while (!bob.packets.some((packet) => 'payload' in packet && packet.payload.toString() === '2'));
  assert.equal(await count(storage.kept, Kind.Sent), 4);
  const ids = bob
    .take()
    .flatMap((packet) => ('qos' in packet && packet.qos > 0 ? [`${packet.payload.toString()} ${packet.packetId}`] : []));
  const again = await createTestBroker({ storage: storage.kept, maxInflight: 4 });
  const back = await comeBack(again, 'bob');
  const resent = (await back.take()).flatMap((packet) =>
    'qos' in packet && packet.qos > 0 ? [`${packet.payload.toString()} ${packet.packetId}`] : [],
  );
  assert.deepEqual(resent, ids);
  assert.deepEqual(resent, ['0 1', `1 ${identifierAt(3)}`, `2 ${identifierAt(4)}`, '3 2']);
});

test('a session that comes and goes while it is read back loses and doubles nothing', async () => {
  const { broker, ann, bob } = await scene({ maxInflight: 3 });
  const payloads = Array.from({ length: 40 }, (_, i) => `${i}`);
  bob.leave();
  for (const payload of payloads) ann.publish('a', payload, { qos: 1 });
  await broker.settle();
  const heardOf: string[] = [];
  for (let round = 0; heardOf.length < payloads.length; round++) {
    assert.ok(round < 100, 'it comes to an end');
    const back = broker.connect().send({ type: 1, version: 4, clean: false, keepAlive: 0, clientId: 'bob' });
    // In the first rounds the connection ends after so many steps of the read.
    for (let i = 0; i < round % 12; i++) await Promise.resolve();
    if (round % 2 === 0) broker.endTurn();
    if (round % 3 === 0) await broker.settle();
    for (const packet of back.take()) {
      if (!('payload' in packet)) continue;
      if (!packet.dup || !heardOf.includes(packet.payload.toString())) heardOf.push(packet.payload.toString());
      back.send(puback(packet.packetId));
    }
    back.hangUp();
  }
  await broker.settle();
  assert.deepEqual(heardOf, payloads);
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  assert.equal(broker.broker.stats.bugs, 0);
});
