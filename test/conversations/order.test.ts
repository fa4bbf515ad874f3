/** Messages of one publisher, topic and QoS reach each subscriber in the order they were published, whatever way they take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { forgetful } from '../../src/broker/journal.js';
import type { QoS } from '../../src/packet/packet.js';
import { PLAIN, type Wire } from '../../src/session/contracts.js';
import { Message } from '../../src/session/message.js';
import { Session } from '../../src/session/session.js';
import { Tally } from '../../src/session/tally.js';
import { NO_TERMS } from '../../src/session/terms.js';
import { LIMITS } from '../util/limits.js';
import { createTestBroker, PacketType, Publish, type TestConnection } from '../../src/testing.js';
import { arrive, comeBack, connect, disconnect, puback, pubcomp, pubrec, publish, subscribe, type Client } from './client.js';
import { runs } from '../util/runs.js';

const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

for (const qos of [0, 1, 2] as const) {
  test(`to everybody at QoS ${qos}, through one turn or many [MQTT-4.6.0-5][MQTT-4.6.0-6]`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const hearers: Client[] = [];
    for (const filter of ['a', '+', '#', 'a/#']) hearers.push(await (await arrive(broker, filter)).subscribe(filter, 2));
    for (const payload of upTo(200)) {
      ann.publish('a', payload, { qos });
      if (Number(payload) % 7 === 0) broker.endTurn();
    }
    for (const hearer of hearers) assert.deepEqual(await hearer.payloads(), upTo(200));
  });
}

test('large payloads, which are not copied, and small ones keep their order [MQTT-4.6.0-6]', async () => {
  for (const granted of [0, 1] as const) {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('a', granted);
    const sizes = [1, 20_000, 5, 8_190, 8_200, 3, 70_000, 16_384, 1, 1, 300_000, 2];
    for (const [i, size] of sizes.entries()) ann.publish('a', `${i} `.padEnd(size, 'x'), { qos: 1 });
    assert.deepEqual(
      (await bob.payloads()).map((payload) => Number.parseInt(payload, 10)),
      sizes.map((_, i) => i),
    );
  }
});

test('through a window of one, from the queue, and past a live message [MQTT-4.6.0-6]', async () => {
  const broker = await createTestBroker({ maxInflight: 1 });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('a', 1);
  for (const payload of upTo(5)) ann.publish('a', payload, { qos: 1 });
  const heard: string[] = [];
  for (let id = 1; id <= 10; id++) {
    heard.push(...(await bob.payloads()));
    // One more waits behind those in the queue, though the window is free by the time it comes.
    if (id <= 5) ann.publish('a', `${id + 4}`, { qos: 1 });
    bob.send(puback(id));
  }
  assert.deepEqual(heard, upTo(10));
});

test('not past the queue, though its wire has room again before that was said [MQTT-4.6.0-6]', () => {
  const limits = { ...LIMITS, maxInflight: 10, maxQueuedMessages: 10, maxQueuedBytes: 1_000 };
  const surroundings = { limits, journal: forgetful, shelf: undefined, tally: new Tally(), now: () => 0, again: () => {} };
  const session = new Session('bob', 0, 0, 0, surroundings);
  const sent: string[] = [];
  const wire = { congested: true, publish: (frame: Publish) => sent.push(frame.payload.toString()) };
  session.resume(wire as unknown as Wire, NO_TERMS);
  session.deliver(new Message(publish('a', '0', { qos: 1, packetId: 1 }), 'ann', Infinity), 1, false, PLAIN);
  wire.congested = false;
  session.deliver(new Message(publish('a', '1', { qos: 1, packetId: 1 }), 'ann', Infinity), 1, false, PLAIN);
  session.drain();
  assert.deepEqual(sent, ['0', '1']);
});

test('from before, during and after an absence [MQTT-4.6.0-6][MQTT-4.6.0-1]', async () => {
  const broker = await createTestBroker({ maxInflight: 3 });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('a', 2);
  for (const payload of upTo(5)) ann.publish('a', payload, { qos: 2 });
  assert.deepEqual(await bob.payloads(), ['0', '1', '2']);
  bob.hangUp();
  for (const payload of upTo(10).slice(5)) ann.publish('a', payload, { qos: 2 });
  const again = await comeBack(broker, 'bob');
  ann.publish('a', '10', { qos: 2 });
  const heard: string[] = [];
  for (let packets = await again.take(); packets.length > 0; packets = await again.take()) {
    for (const packet of packets) {
      if (packet instanceof Publish) heard.push(packet.payload.toString());
      if (packet instanceof Publish) again.send(pubrec(packet.packetId));
      else if (packet.type === PacketType.Pubrel) again.send(pubcomp(packet.packetId));
    }
  }
  assert.deepEqual(heard, upTo(11));
});

test('what its sender repeats after a reconnection keeps its place [MQTT-4.6.0-6]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann', { clean: false });
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('a', 2);
  for (const payload of upTo(3)) ann.publish('a', payload, { qos: 2 });
  ann.hangUp();
  const again = await comeBack(broker, 'ann');
  for (const payload of upTo(3)) again.publish('a', payload, { qos: 2, dup: true, packetId: Number(payload) + 1 });
  again.publish('a', '3', { qos: 2, packetId: 4 });
  assert.deepEqual(await bob.payloads(), upTo(4));
});

/** What may happen to a subscriber between two messages. */
const event = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      from: fc.constantFrom('ann' as const, 'eve' as const),
      topic: fc.constantFrom('a', 'b'),
      qos: fc.constantFrom<QoS>(0, 1, 2),
    }),
  },
  { weight: 3, arbitrary: fc.constant('read' as const) },
  { weight: 1, arbitrary: fc.constantFrom('freeze' as const, 'thaw' as const, 'turn' as const, 'leave' as const, 'return' as const) },
);

/** The numbers of messages by what must keep them in order: publisher, topic and QoS. */
class Streams {
  readonly numbers = new Map<string, number[]>();

  add(from: string, topic: string, qos: QoS, number: number): void {
    const stream = `${from} ${topic} ${qos}`;
    const numbers = this.numbers.get(stream);
    if (numbers === undefined) this.numbers.set(stream, [number]);
    else numbers.push(number);
  }
}

test('whatever its subscriber does: stops reading, goes and comes, acknowledges late [MQTT-4.6.0-5][MQTT-4.6.0-6]', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 150, size: 'max' }), fc.integer({ min: 1, max: 5 }), async (events, maxInflight) => {
      const broker = await createTestBroker({ maxInflight, maxBufferedBytes: 65_536 });
      const publishers = { ann: broker.connect().send(connect('ann')), eve: broker.connect().send(connect('eve')) };
      const come = (): TestConnection => broker.connect().send(connect('bob', { clean: false }));
      let bob = come().send(subscribe(1, ['#', 2]));
      const known = new Set<number>();
      const sent = new Streams();
      const heard = new Streams();
      const read = (): boolean => {
        broker.endTurn();
        const packets = bob.take();
        for (const packet of packets) {
          if (packet.type === PacketType.Pubrel) {
            known.delete(packet.packetId);
            bob.send(pubcomp(packet.packetId));
          } else if (packet instanceof Publish) {
            const { qos, packetId } = packet;
            const [from = '', number] = packet.payload.toString().split(' ');
            if (qos < 2 || !known.has(packetId)) heard.add(from, packet.topic, qos, Number(number));
            if (qos === 2) known.add(packetId);
            if (qos > 0) bob.send(qos === 1 ? puback(packetId) : pubrec(packetId));
          }
        }
        return packets.length > 0;
      };
      for (const [i, event] of events.entries()) {
        if (typeof event === 'object') {
          const { from, topic, qos } = event;
          sent.add(from, topic, qos, i);
          // Fifteen kilobytes: a few of them fill the budget, so that the queue is used.
          publishers[from].send(publish(topic, `${from} ${i} `.padEnd(15_000, 'x'), { qos, packetId: qos === 0 ? 0 : i + 1 }));
        } else if (event === 'read') read();
        else if (event === 'turn') broker.endTurn();
        else if (event === 'freeze' || event === 'thaw') bob.transport[event]();
        else if (event === 'leave') bob.send(disconnect);
        else if (bob.closed) bob = come();
      }
      bob.hangUp();
      bob = come();
      while (read());
      for (const [stream, numbers] of sent.numbers) {
        const arrived = heard.numbers.get(stream) ?? [];
        if (stream.endsWith('2')) assert.deepEqual(arrived, numbers, stream);
        else if (stream.endsWith('1')) assert.deepEqual([...new Set(arrived)], numbers, stream);
        else
          assert.deepEqual(
            arrived,
            [...arrived].sort((a, b) => a - b),
            stream,
          );
      }
      assert.equal(broker.broker.stats.bugs, 0);
    }),
    runs(20),
  );
});
