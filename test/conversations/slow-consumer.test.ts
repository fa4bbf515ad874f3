/** A client that stops reading costs only itself: bounded bytes, counted drops, and everybody else at full speed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { createTestBroker, PacketType, Publish, type TestBroker } from '../../src/testing.js';
import { arrive, connect, disconnect, pingreq, pingresp, puback, publish, type Client } from './client.js';

const BUDGET = 65_536;

/** A broker with `ann`, who publishes, and `bob`, who hears `#` and has stopped reading. */
async function scene(options: CreateOptions = {}, clean = true): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker({ maxBufferedBytes: BUDGET, ...options });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean });
  await bob.subscribe('#', 2);
  bob.connection.transport.freeze();
  return { broker, ann, bob };
}

/** A payload of a kilobyte that says which it is. */
const kilobyte = (i: number): string => `${i} `.padEnd(1_000, '.');

async function numbers(client: Client): Promise<number[]> {
  return (await client.payloads()).map((payload) => Number.parseInt(payload, 10));
}

const buffered = (broker: TestBroker): number => broker.broker.session('bob')?.connection?.bytesBuffered ?? 0;

test('QoS 0 beyond the budget is dropped and counted; what was within it arrives in order, and what comes after', async () => {
  const { broker, ann, bob } = await scene();
  for (let i = 0; i < 1_000; i++) {
    ann.publish('a', kilobyte(i));
    if (i % 10 === 0) broker.endTurn();
  }
  await broker.settle();
  const dropped = broker.broker.stats.dropped['slow-consumer'];
  assert.ok(dropped > 800, `${dropped} were dropped`);
  assert.equal(broker.broker.session('bob')?.messagesDropped, dropped);
  bob.connection.transport.thaw();
  const heard = await numbers(bob);
  assert.deepEqual(
    heard,
    Array.from({ length: 1_000 - dropped }, (_, i) => i),
  );
  ann.publish('a', '1000');
  assert.deepEqual(await numbers(bob), [1_000]);
  assert.equal(broker.broker.stats.dropped['slow-consumer'], dropped);
});

test('the bytes that wait for it stay within the budget and one write', async () => {
  const { broker, ann } = await scene();
  for (let i = 0; i < 2_000; i++) {
    ann.publish('a', kilobyte(i), { qos: i % 2 === 0 ? 0 : 1, packetId: 1 });
    if (i % 7 === 0) broker.endTurn();
    assert.ok(buffered(broker) <= BUDGET + 32_768, `${buffered(broker)} bytes wait`);
  }
});

test('in one turn, too: what is written early counts', async () => {
  const { broker, ann } = await scene();
  for (let i = 0; i < 2_000; i++) ann.publish('a', kilobyte(i));
  assert.ok(buffered(broker) <= BUDGET + 32_768, `${buffered(broker)} bytes wait`);
  await broker.settle();
  assert.ok(broker.broker.stats.dropped['slow-consumer'] > 1_800);
});

for (const clean of [true, false]) {
  for (const qos of [1, 2] as const) {
    test(`QoS ${qos} waits and arrives complete and in order after the thaw, in a session that ${clean ? 'ends' : 'is kept'}`, async () => {
      const { broker, ann, bob } = await scene({}, clean);
      for (let i = 0; i < 1_000; i++) {
        ann.publish('a', kilobyte(i), { qos });
        if (i % 10 === 0) broker.endTurn();
      }
      assert.equal((await ann.take()).length, 1_000, 'its publisher did not wait');
      assert.ok((broker.broker.session('bob')?.queuedMessages ?? 0) > 800);
      const heard: number[] = [];
      bob.connection.transport.thaw();
      for (let packets = await bob.take(); packets.length > 0; packets = await bob.take()) {
        for (const packet of packets) {
          if (packet instanceof Publish) heard.push(Number.parseInt(packet.payload.toString(), 10));
          if (packet instanceof Publish)
            bob.send({ type: qos === 1 ? PacketType.Puback : PacketType.Pubrec, packetId: packet.packetId, reasonCode: 0 });
          else if (packet.type === PacketType.Pubrel) bob.send({ ...packet, type: PacketType.Pubcomp });
        }
      }
      assert.deepEqual(
        heard,
        Array.from({ length: 1_000 }, (_, i) => i),
      );
      assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
      assert.equal(
        Object.values(broker.broker.stats.dropped).some((count) => count > 0),
        false,
      );
    });
  }
}

test('what waits is bounded by the limits of its queue, and the rest dropped as queue-full', async () => {
  const { broker, ann, bob } = await scene({ maxQueuedMessages: 100, maxInflight: 65_535 });
  for (let i = 0; i < 1_000; i++) {
    ann.publish('a', kilobyte(i), { qos: 1 });
    if (i % 10 === 0) broker.endTurn();
  }
  const { queuedMessages, inflight = 0 } = broker.broker.session('bob') ?? {};
  assert.equal(queuedMessages, 100);
  assert.equal(broker.broker.stats.dropped['queue-full'], 1_000 - 100 - inflight);
  bob.connection.transport.thaw();
  assert.deepEqual(
    await numbers(bob),
    Array.from({ length: inflight + 100 }, (_, i) => i),
  );
});

test('others hear everything at once meanwhile', async () => {
  const { broker, ann, bob } = await scene();
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('#', 0);
  for (let i = 0; i < 500; i++) {
    ann.publish('a', kilobyte(i), { qos: i % 3 === 0 ? 1 : 0, packetId: 1 });
    broker.endTurn();
    assert.deepEqual(
      cy.connection.take().map((packet) => Number.parseInt((packet as Publish).payload.toString(), 10)),
      [i],
    );
  }
  assert.equal((await ann.take()).length, 167);
  assert.equal(bob.closed, false);
});

test('answers are never dropped: a client that does not read them is not read either, and goes on where it was after', async () => {
  const { broker, bob } = await scene();
  const { transport } = bob.connection;
  let asked = 0;
  for (; !transport.paused && asked < 1_000_000; asked++) {
    bob.send(pingreq);
    if (asked % 1_000 === 0) broker.endTurn();
  }
  assert.ok(transport.paused, 'it is not read any more');
  for (let i = 0; i < 1_000; i++) bob.send(pingreq);
  const waiting = buffered(broker);
  assert.ok(waiting < 3 * BUDGET, `${waiting} bytes wait`);
  transport.thaw();
  await broker.settle();
  assert.equal(transport.paused, false);
  const answers = await bob.take();
  assert.equal(answers.length, asked + 1_000);
  assert.ok(answers.every(({ type }) => type === PacketType.Pingresp));
  await bob.send(pingreq).expect(pingresp);
});

test('packets that came in one piece with what stopped the reading are taken after the thaw', async () => {
  const { broker, ann, bob } = await scene();
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('last', 0);
  const flood = Buffer.alloc(2 * 100_000, Buffer.from([0xc0, 0]));
  const read = Buffer.concat([flood, publish('last', 'word').bytes]);
  bob.connection.transport.send(read);
  // By then others' bytes have been read into the same memory.
  read.fill(0);
  await cy.expect();
  bob.connection.transport.thaw();
  await broker.settle();
  assert.equal((await bob.take()).filter(({ type }) => type === PacketType.Pingresp).length, 100_000);
  await cy.expect(publish('last', 'word'));
  await ann.expect();
});

test('who is slow to take a large message is read all the while: it talks, so it is alive [MQTT-3.1.2-24]', async () => {
  const broker = await createTestBroker({ maxBufferedBytes: BUDGET });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { keepAlive: 10 });
  await bob.subscribe('#', 1);
  bob.connection.transport.freeze();
  ann.publish('a', 'x'.repeat(4 * BUDGET), { qos: 1 });
  for (let seconds = 0; seconds < 60; seconds += 5) {
    bob.send(pingreq);
    broker.advance(5_000);
  }
  assert.equal(bob.closed, false);
  bob.connection.transport.thaw();
  assert.equal((await bob.take()).length, 1 + 12);
});

test('who neither reads nor speaks is closed when its keep-alive is over, and everything of it is released [MQTT-3.1.2-24]', async () => {
  const broker = await createTestBroker({ maxBufferedBytes: BUDGET });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { keepAlive: 10 });
  await bob.subscribe('#', 1);
  bob.connection.transport.freeze();
  for (let i = 0; i < 200; i++) ann.publish('a', kilobyte(i), { qos: 1 });
  broker.advance(16_000);
  assert.equal(bob.closed, true);
  assert.equal(broker.broker.session('bob'), undefined);
  assert.equal(broker.broker.stats.queued.bytes, 0);
  assert.equal(broker.broker.transports, 1);
});

test('who leaves without having read is given two seconds for the rest, and then let go', async () => {
  for (const reads of [true, false]) {
    const { broker, ann, bob } = await scene();
    ann.publish('a', 'last');
    broker.endTurn();
    bob.send(disconnect);
    assert.equal(broker.broker.transports, 2);
    assert.equal(broker.broker.session('bob'), undefined);
    broker.advance(1_900);
    assert.equal(broker.broker.transports, 2);
    if (reads) bob.connection.transport.thaw();
    else broker.advance(200);
    assert.equal(bob.closed, true);
    assert.equal(broker.broker.transports, 1);
    assert.equal(bob.connection.packets.length, reads ? 1 : 0);
  }
});

test('a message larger than the budget goes to who reads, and to who does not it is one more than fits', async () => {
  const { broker, ann, bob } = await scene();
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('#', 1);
  for (let i = 1; i <= 3; i++) ann.publish('a', `${i}`.repeat(2 * BUDGET), { qos: 1 });
  await ann.expect(puback(1), puback(2), puback(3));
  assert.deepEqual(
    (await cy.payloads()).map((payload) => [payload[0], payload.length]),
    [1, 2, 3].map((i) => [`${i}`, 2 * BUDGET]),
  );
  assert.equal(broker.broker.session('bob')?.queuedMessages, 2);
  bob.connection.transport.thaw();
  await broker.settle();
  assert.deepEqual(
    (await bob.payloads()).map((payload) => payload[0]),
    ['1', '2', '3'],
  );
});

test('a client that is frozen before it is let in waits like any other', async () => {
  const { broker } = await scene();
  const connection = broker.connect();
  connection.transport.freeze();
  connection.send(connect('cy'), pingreq);
  await broker.settle();
  assert.equal(connection.packets.length, 0);
  connection.transport.thaw();
  await broker.settle();
  assert.deepEqual(
    connection.take().map(({ type }) => type),
    [PacketType.Connack, PacketType.Pingresp],
  );
});
