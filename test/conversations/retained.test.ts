/** Retained messages: what is kept for a topic, who is sent it and how, and where it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QoS } from '../../src/packet/packet.js';
import { createTestBroker, Publish, type Packet } from '../../src/testing.js';
import { arrive, comeBack, puback, publish, pubrec, suback, subscribe, unsuback, unsubscribe, type Client } from './client.js';

const retain = { retain: true };

/** A broker where `ann` has published these topics with RETAIN 1 and themselves for payloads. */
async function keeping(...topics: readonly string[]): Promise<{ broker: Awaited<ReturnType<typeof createTestBroker>>; ann: Client }> {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  for (const topic of topics) ann.publish(topic, topic, retain);
  await ann.expect();
  return { broker, ann };
}

/** What comes to a new client because of a new subscription, besides the SUBACK. */
async function heardUnder(broker: Awaited<ReturnType<typeof createTestBroker>>, filter: string, qos: QoS = 0): Promise<Packet[]> {
  const client = await arrive(broker, 'new', { clean: true });
  client.send(subscribe(1, [filter, qos]));
  await client.expectFirst(suback(1, qos));
  const packets = await client.take();
  client.leave();
  return packets;
}

const topicsOf = (packets: readonly Packet[]): string[] => packets.map((packet) => (packet instanceof Publish ? packet.topic : '')).sort();

test('a retained message goes to those who subscribe later with RETAIN 1, behind the SUBACK [MQTT-3.3.1-5][MQTT-3.3.1-6][MQTT-3.3.1-8]', async () => {
  const { broker } = await keeping('a');
  const bob = await arrive(broker, 'bob');
  await bob.send(subscribe(1, ['a', 0])).expect(suback(1, 0), publish('a', 'a', retain));
});

test('to those who have subscribed it goes with RETAIN 0 [MQTT-3.3.1-9]', async () => {
  const { broker, ann } = await keeping();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('a', 1);
  ann.publish('a', '0', retain).publish('a', '1', { qos: 1, retain: true });
  await bob.expect(publish('a', '0'), publish('a', '1', { qos: 1, packetId: 1 }));
});

test('it is the broker’s own: the buffer its bytes were read into may be used again', async () => {
  const { broker, ann } = await keeping();
  const read = Buffer.from(publish('a', 'true', retain).bytes);
  ann.connection.transport.send(read);
  read.fill(0x21);
  const bob = await arrive(broker, 'bob');
  await bob.send(subscribe(1, ['a', 0])).expect(suback(1, 0), publish('a', 'true', retain));
});

test('it stays for the next who subscribe, its publisher being gone or not', async () => {
  const { broker, ann } = await keeping('a');
  ann.hangUp();
  for (let i = 0; i < 3; i++) assert.deepEqual(topicsOf(await heardUnder(broker, 'a')), ['a']);
});

for (const published of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    test(`retained at QoS ${published}, granted ${granted}: sent at the lower of the two [MQTT-3.8.4-6][MQTT-3.3.1-5]`, async () => {
      const { broker, ann } = await keeping();
      ann.publish('a', 'x', { qos: published, packetId: 9, retain: true });
      const bob = await arrive(broker, 'bob');
      const qos = Math.min(published, granted) as QoS;
      bob.send(subscribe(1, ['a', granted]));
      await bob.expect(suback(1, granted), publish('a', 'x', { qos, packetId: qos === 0 ? 0 : 1, retain: true }));
    });
  }
}

test('each RETAIN 1 replaces what the topic had, whatever the QoS of either [MQTT-3.3.1-5][MQTT-3.3.1-7]', async () => {
  const { broker, ann } = await keeping();
  for (const [payload, qos] of [
    ['first', 2],
    ['second', 0],
    ['third', 1],
  ] as const) {
    ann.publish('a', payload, { qos, retain: true });
    const [packet, ...others] = await heardUnder(broker, 'a', 2);
    assert.ok(packet instanceof Publish);
    assert.deepEqual([packet.payload.toString(), packet.qos, others.length], [payload, qos, 0]);
  }
  assert.equal(broker.broker.stats.retained.messages, 1);
});

test('RETAIN 0 leaves what the topic has as it was, an empty payload too [MQTT-3.3.1-12]', async () => {
  const { broker, ann } = await keeping('a');
  ann.publish('a', 'passing').publish('a', '').publish('b', 'passing');
  const packets = await heardUnder(broker, '#');
  assert.deepEqual(packets.map(String).length, 1);
  assert.equal((packets[0] as Publish).payload.toString(), 'a');
});

test('an empty payload with RETAIN 1 is delivered like any message and clears the topic [MQTT-3.3.1-10][MQTT-3.3.1-11]', async () => {
  for (const qos of [0, 1, 2] as const) {
    const { broker, ann } = await keeping('a', 'b');
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('a', 2);
    await bob.expect(publish('a', 'a', retain));
    ann.publish('a', '', { qos, packetId: 9, retain: true });
    await bob.expect(publish('a', '', { qos, packetId: qos === 0 ? 0 : 1 }));
    await ann.expect(...[[], [puback(9)], [pubrec(9)]][qos]!);
    assert.deepEqual(topicsOf(await heardUnder(broker, '#')), ['b']);
    assert.equal(broker.broker.stats.retained.messages, 1);
    ann.publish('nothing/there', '', { qos: 1, packetId: 10, retain: true });
    await ann.expect(puback(10));
    ann.publish('b', '', retain);
    await broker.settle();
    assert.deepEqual(broker.broker.stats.retained, { messages: 0, bytes: 0 });
  }
});

test('a new subscription is sent every topic it matches, once each, by the rules of filters [MQTT-3.3.1-6][MQTT-4.7.2-1][MQTT-4.7.1-2][MQTT-4.7.1-3]', async () => {
  const { broker } = await keeping('a', 'a/b', 'a/b/c', 'b', '/a', '$own/a', '$own/b/c');
  for (const [filter, topics] of [
    ['#', ['/a', 'a', 'a/b', 'a/b/c', 'b']],
    ['+', ['a', 'b']],
    ['+/+', ['/a', 'a/b']],
    ['a/#', ['a', 'a/b', 'a/b/c']],
    ['a/+', ['a/b']],
    ['+/b/#', ['a/b', 'a/b/c']],
    ['a', ['a']],
    ['A', []],
    ['$own/#', ['$own/a', '$own/b/c']],
    ['$own/+', ['$own/a']],
    ['+/a', ['/a']],
  ] as const) {
    assert.deepEqual(topicsOf(await heardUnder(broker, filter)), [...topics].sort(), filter);
  }
});

test('the filters of one SUBSCRIBE are each sent what they match, as if they came one by one [MQTT-3.8.4-4]', async () => {
  const { broker } = await keeping('a', 'b');
  const bob = await arrive(broker, 'bob');
  bob.send(subscribe(1, ['a', 0], ['+', 0], ['c', 0]));
  await bob.expectFirst(suback(1, 0, 0, 0));
  assert.deepEqual(topicsOf(await bob.take()), ['a', 'a', 'b']);
});

test('subscribing again to the same filter sends it again [MQTT-3.8.4-3]', async () => {
  const { broker, ann } = await keeping('a');
  const bob = await arrive(broker, 'bob');
  for (let id = 1; id <= 3; id++) await bob.send(subscribe(id, ['a', 0])).expect(suback(id, 0), publish('a', 'a', retain));
  ann.publish('a', 'b', retain);
  await bob.expect(publish('a', 'b'));
  await bob.send(subscribe(4, ['a', 0])).expect(suback(4, 0), publish('a', 'b', retain));
});

test('a session that is resumed keeps its subscriptions and is not sent again what it had', async () => {
  const { broker } = await keeping('a');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('a');
  await bob.expect(publish('a', 'a', retain));
  bob.hangUp();
  await (await comeBack(broker, 'bob')).expect();
});

test('a refused filter is sent nothing', async () => {
  const { broker } = await keeping('a', 'b');
  broker.broker.gate({ subscribe: ({ filter }) => filter !== 'a' });
  const bob = await arrive(broker, 'bob');
  await bob.send(subscribe(1, ['a', 0], ['b', 0])).expect(suback(1, 0x80, 0), publish('b', 'b', retain));
});

test('a Will with RETAIN 1 is retained [MQTT-3.3.1-5]', async () => {
  const { broker } = await keeping();
  const will = { topic: 'a', payload: Buffer.from('gone'), qos: 1, retain: true } as const;
  (await arrive(broker, 'bob', { will })).hangUp();
  const cy = await arrive(broker, 'cy');
  await cy.send(subscribe(1, ['a', 1])).expect(suback(1, 1), publish('a', 'gone', { qos: 1, packetId: 1, retain: true }));
});

for (const granted of [0, 1] as const) {
  test(`5,000 retained messages reach a slow reader complete, at QoS ${granted}, and others are served between [MQTT-3.3.1-6]`, async () => {
    const broker = await createTestBroker({ maxBufferedBytes: 65_536, maxInflight: 50, maxQueuedMessages: 10 });
    const ann = await arrive(broker, 'ann');
    for (let i = 0; i < 5_000; i++) ann.publish(`t/${i}`, 'x'.repeat(100), { qos: 1, packetId: 1, retain: true });
    await ann.take();
    const bob = await arrive(broker, 'bob');
    const cy = await arrive(broker, 'cy');
    await cy.subscribe('news');
    bob.connection.transport.freeze();
    bob.send(subscribe(1, ['#', granted]));
    await broker.settle();
    const buffered = broker.broker.session('bob')?.connection?.bytesBuffered ?? 0;
    assert.ok(buffered < 2 * 65_536, `${buffered} bytes wait for who does not read`);
    const heard = new Set<string>();
    for (let round = 0; heard.size < 5_000 && round < 1_000; round++) {
      bob.connection.transport.thaw();
      ann.publish('news', `${round}`);
      broker.endTurn();
      // One turn is enough for everybody else, however much bob still has to be sent.
      assert.deepEqual(
        cy.connection.take().map((packet) => (packet as Publish).payload.toString()),
        [`${round}`],
      );
      for (const packet of bob.connection.take()) {
        if (!(packet instanceof Publish) || packet.topic === 'news') continue;
        assert.equal(packet.retain, true);
        assert.ok(!heard.has(packet.topic), 'each once');
        heard.add(packet.topic);
        if (packet.qos === 1) bob.send(puback(packet.packetId));
      }
      if (round % 3 === 0) bob.connection.transport.freeze();
    }
    assert.equal(heard.size, 5_000);
    const { dropped } = broker.broker.stats;
    assert.deepEqual([dropped['queue-full'], dropped['slow-consumer']], [0, 0]);
  });
}

test('who goes while it is being sent retained messages is sent the rest when it comes back [MQTT-3.3.1-6]', async () => {
  const topics = Array.from({ length: 1_000 }, (_, i) => `t/${i}`);
  const { broker } = await keeping(...topics);
  const bob = await arrive(broker, 'bob', { clean: false });
  bob.send(subscribe(1, ['#', 0]));
  broker.endTurn();
  const [, ...first] = bob.connection.take();
  assert.ok(first.length > 0 && first.length < topics.length);
  bob.hangUp();
  await broker.settle();
  const again = await comeBack(broker, 'bob');
  assert.deepEqual(topicsOf([...first, ...(await again.take())]), topics.sort());
});

test('a filter that is unsubscribed while its messages are sent is sent no more', async () => {
  const topics = Array.from({ length: 1_000 }, (_, i) => `t/${i}`);
  const { broker } = await keeping(...topics);
  const bob = await arrive(broker, 'bob');
  bob.send(subscribe(1, ['#', 0]));
  broker.endTurn();
  assert.ok(bob.connection.take().length < topics.length);
  await bob.send(unsubscribe(2, '#')).expect(unsuback(2));
});

test('messages beyond maxRetainedMessages are delivered and not retained, and counted; those there can be replaced and cleared', async () => {
  const broker = await createTestBroker({ maxRetainedMessages: 2 });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('#');
  for (const topic of ['a', 'b', 'c']) ann.publish(topic, topic, { qos: 1, retain: true });
  await ann.expect(puback(1), puback(2), puback(3));
  assert.deepEqual(await bob.payloads(), ['a', 'b', 'c']);
  assert.equal(broker.broker.stats.dropped['retained-full'], 1);
  assert.deepEqual(topicsOf(await heardUnder(broker, '#')), ['a', 'b']);
  ann.publish('a', 'new', retain).publish('b', '', retain).publish('c', 'c', retain);
  await broker.settle();
  assert.deepEqual(topicsOf(await heardUnder(broker, '#')), ['a', 'c']);
  assert.equal(broker.broker.stats.dropped['retained-full'], 1);
});

test('messages beyond maxRetainedBytes are not retained and counted, and bytes are given back', async () => {
  const broker = await createTestBroker({ maxRetainedBytes: 1_000 });
  const ann = await arrive(broker, 'ann');
  const bytes = (): number => broker.broker.stats.retained.bytes;
  ann.publish('a', 'x'.repeat(600), retain);
  await ann.expect();
  assert.ok(bytes() >= 600 && bytes() < 650);
  ann.publish('b', 'x'.repeat(600), retain);
  await ann.expect();
  assert.equal(broker.broker.stats.dropped['retained-full'], 1);
  ann.publish('a', 'x'.repeat(100), retain).publish('b', 'x'.repeat(600), retain);
  await ann.expect();
  assert.equal(broker.broker.stats.dropped['retained-full'], 1);
  ann.publish('a', '', retain).publish('b', '', retain);
  await ann.expect();
  assert.equal(bytes(), 0);
});

test('what no longer fits is not shown as it was before either: the topic has no retained message then [MQTT-3.3.1-7]', async () => {
  const broker = await createTestBroker({ maxRetainedBytes: 1_000 });
  const ann = await arrive(broker, 'ann');
  ann.publish('door', 'open', retain).publish('door', 'x'.repeat(2_000), retain);
  await ann.expect();
  assert.equal(broker.broker.stats.dropped['retained-full'], 1);
  assert.deepEqual(await heardUnder(broker, 'door'), []);
});
