/** What waits in the queue of a session: for its client to come back, or for room in its window; in order, and within limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import { arrive, comeBack, puback, publish, type Client } from './client.js';

/** A broker with `ann`, who publishes, and `bob`, who hears `#` at QoS 1 in a session that is kept, and is away. */
async function bobAway(options: CreateOptions = {}): Promise<{ broker: TestBroker; ann: Client }> {
  const broker = await createTestBroker(options);
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('#', 1);
  bob.leave();
  return { broker, ann };
}

const queued = (broker: TestBroker): number | undefined => broker.broker.session('bob')?.queuedMessages;

test('messages at QoS 1 and 2 wait for a session whose client is away, and are sent in order when it comes back [MQTT-4.5.0-1][MQTT-4.1.0-1]', async () => {
  const { broker, ann } = await bobAway();
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: payload === '2' ? 2 : 1 });
  await ann.take();
  assert.equal(queued(broker), 3);
  const bob = await comeBack(broker, 'bob');
  await bob.expect(
    publish('a', '1', { qos: 1, packetId: 1 }),
    publish('a', '2', { qos: 1, packetId: 2 }),
    publish('a', '3', { qos: 1, packetId: 3 }),
  );
  assert.equal(queued(broker), 0);
});

test('QoS 0 does not wait for who is away, and is counted', async () => {
  const { broker, ann } = await bobAway();
  ann.publish('a', '0').publish('a', '1', { qos: 1 });
  await (await comeBack(broker, 'bob')).expect(publish('a', '1', { qos: 1, packetId: 1 }));
  assert.equal(broker.broker.stats.dropped['session-offline'], 1);
  assert.equal(broker.broker.session('bob')?.messagesDropped, 1);
});

test('what waits outlives several visits and is sent once', async () => {
  const { broker, ann } = await bobAway({ maxInflight: 1 });
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 1 });
  const first = await comeBack(broker, 'bob');
  await first.expect(publish('a', '1', { qos: 1, packetId: 1 }));
  first.hangUp();
  const second = await comeBack(broker, 'bob');
  await second.expect(publish('a', '1', { qos: 1, packetId: 1, dup: true }));
  await second.send(puback(1)).expect(publish('a', '2', { qos: 1, packetId: 2 }));
  second.leave();
  ann.publish('a', '4', { qos: 1 });
  const third = await comeBack(broker, 'bob');
  await third.expect(publish('a', '2', { qos: 1, packetId: 2, dup: true }));
  await third.send(puback(2)).expect(publish('a', '3', { qos: 1, packetId: 3 }));
  await third.send(puback(3)).expect(publish('a', '4', { qos: 1, packetId: 4 }));
});

test('the queue takes maxQueuedMessages; the rest is dropped and counted, the publisher acknowledged', async () => {
  const { broker, ann } = await bobAway({ maxQueuedMessages: 3 });
  for (let i = 1; i <= 5; i++) ann.publish('a', `${i}`, { qos: 1 });
  assert.equal((await ann.take()).length, 5);
  assert.equal(queued(broker), 3);
  assert.equal(broker.broker.stats.dropped['queue-full'], 2);
  assert.equal(broker.broker.session('bob')?.messagesDropped, 2);
  assert.deepEqual(await (await comeBack(broker, 'bob')).payloads(), ['1', '2', '3']);
});

test('the queue takes maxQueuedBytes, and a smaller message still fits where a larger did not', async () => {
  const { broker, ann } = await bobAway({ maxQueuedBytes: 1_000 });
  for (const size of [600, 600, 300, 300]) ann.publish('a', 'x'.repeat(size), { qos: 1 });
  await ann.take();
  assert.equal(broker.broker.stats.dropped['queue-full'], 2);
  const { queuedBytes = 0 } = broker.broker.session('bob') ?? {};
  assert.ok(queuedBytes > 900 && queuedBytes <= 1_000);
  const payloads = await (await comeBack(broker, 'bob')).payloads();
  assert.deepEqual(
    payloads.map(({ length }) => length),
    [600, 300],
  );
});

test('a queue of no messages, or of no bytes, queues none', async () => {
  for (const options of [{ maxQueuedMessages: 0 }, { maxQueuedBytes: 0 }]) {
    const { broker, ann } = await bobAway(options);
    ann.publish('a', 'x', { qos: 1 });
    await ann.expect(puback(1));
    assert.equal(broker.broker.stats.dropped['queue-full'], 1);
    const bob = await comeBack(broker, 'bob');
    ann.publish('a', 'y', { qos: 1 });
    await bob.expect(publish('a', 'y', { qos: 1, packetId: 1 }));
  }
});

test('a full queue takes messages again as soon as it is shorter', async () => {
  const { broker, ann } = await bobAway({ maxQueuedMessages: 2, maxInflight: 1 });
  for (const payload of ['1', '2', 'lost']) ann.publish('a', payload, { qos: 1 });
  const bob = await comeBack(broker, 'bob');
  await bob.expect(publish('a', '1', { qos: 1, packetId: 1 }));
  for (const payload of ['3', 'lost too']) ann.publish('a', payload, { qos: 1 });
  await bob.send(puback(1)).expect(publish('a', '2', { qos: 1, packetId: 2 }));
  await bob.send(puback(2)).expect(publish('a', '3', { qos: 1, packetId: 3 }));
  await bob.send(puback(3)).expect();
  assert.equal(broker.broker.stats.dropped['queue-full'], 2);
});

test('limits are each session’s own', async () => {
  const { broker, ann } = await bobAway({ maxQueuedMessages: 1 });
  const cy = await arrive(broker, 'cy', { clean: false });
  await cy.subscribe('#', 1);
  cy.leave();
  ann.publish('a', '1', { qos: 1 }).publish('a', '2', { qos: 1 });
  for (const name of ['bob', 'cy']) assert.deepEqual(await (await comeBack(broker, name)).payloads(), ['1']);
  assert.equal(broker.broker.stats.dropped['queue-full'], 2);
});

test('in a session that ends with its connection messages wait for room in the window all the same', async () => {
  const broker = await createTestBroker({ maxInflight: 1, maxQueuedMessages: 2 });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('#', 1);
  for (const payload of ['1', '2', '3', 'lost']) ann.publish('a', payload, { qos: 1 });
  await bob.expect(publish('a', '1', { qos: 1, packetId: 1 }));
  assert.equal(broker.broker.stats.dropped['queue-full'], 1);
  await bob.send(puback(1)).expect(publish('a', '2', { qos: 1, packetId: 2 }));
  await bob.send(puback(2)).expect(publish('a', '3', { qos: 1, packetId: 3 }));
});

test('the figures of all queues follow what waits, and what a session leaves behind is counted', async () => {
  const { broker, ann } = await bobAway({ sessionExpiry: 60 });
  const cy = await arrive(broker, 'cy', { clean: false });
  await cy.subscribe('a', 1);
  cy.leave();
  ann.publish('a', 'xyz', { qos: 1 }).publish('b', 'xyz', { qos: 1 });
  await ann.take();
  const { queued } = broker.broker.stats;
  assert.equal(queued.messages, 3);
  assert.equal(
    queued.bytes,
    [...broker.broker.sessions()].reduce((sum, { queuedBytes }) => sum + queuedBytes, 0),
  );
  const again = await arrive(broker, 'cy', { clean: true });
  await again.expect();
  assert.equal(broker.broker.stats.queued.messages, 2);
  broker.advance(61_000);
  assert.equal(broker.broker.session('bob'), undefined);
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  assert.equal(broker.broker.stats.dropped['session-ended'], 3);
});

test('a clean CONNECT throws away what waited [MQTT-3.1.2-6]', async () => {
  const { broker, ann } = await bobAway();
  ann.publish('a', 'x', { qos: 1 });
  (await arrive(broker, 'bob', { clean: true })).leave();
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.expect();
  assert.deepEqual(broker.broker.session('bob')?.subscriptions, []);
});

test('what waits, or is sent again, is the session’s own: the buffer the bytes were read into may be used again', async () => {
  const { broker, ann } = await bobAway({ maxInflight: 1 });
  for (const payload of ['first', 'second']) {
    const read = Buffer.from(publish('a', payload, { qos: 1, packetId: 1 }).bytes);
    ann.connection.transport.send(read);
    read.fill(0x21);
  }
  const bob = await comeBack(broker, 'bob');
  await bob.expect(publish('a', 'first', { qos: 1, packetId: 1 }));
  bob.hangUp();
  const again = await comeBack(broker, 'bob');
  await again.expect(publish('a', 'first', { qos: 1, packetId: 1, dup: true }));
  await again.send(puback(1)).expect(publish('a', 'second', { qos: 1, packetId: 2 }));
});

test('a publisher may be its own hearer when it is back', async () => {
  const broker = await createTestBroker();
  const will = { topic: 'a', payload: Buffer.from('last words'), qos: 1, retain: false } as const;
  const bob = await arrive(broker, 'bob', { clean: false, will });
  await bob.subscribe('a', 1);
  bob.hangUp();
  await (await comeBack(broker, 'bob')).expect(publish('a', 'last words', { qos: 1, packetId: 1 }));
});
