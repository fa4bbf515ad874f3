/** What the fuzzer has found, told as conversations. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestBroker, MemoryStorage, PacketType, type Packet } from '../../src/testing.js';
import { heard, HeldStorage, started } from '../storage/held.js';

const connect: Packet = { type: PacketType.Connect, version: 4, clean: false, keepAlive: 0, clientId: 'ann' };

test('a gate that answers the older of two connections last does not let it take the session from the newer', async () => {
  const answers: (() => void)[] = [];
  const test = await createTestBroker({ gates: { connect: () => new Promise((resolve) => answers.push(() => resolve(true))) } });
  const older = test.connect().send(connect);
  const newer = test.connect().send(connect);
  answers[1]!();
  await test.settle();
  answers[0]!();
  await test.settle();
  assert.equal(newer.closed, false);
  assert.equal(newer.take().length, 1);
  assert.equal(older.closed, true);
  assert.deepEqual(older.take(), []);
  assert.equal(test.broker.stats.closed['taken-over'], 1);
});

test('an older connection is let in if the newer is refused', async () => {
  const answers: ((verdict: true | 0x87) => void)[] = [];
  const test = await createTestBroker({ gates: { connect: () => new Promise((resolve) => answers.push(resolve)) } });
  const older = test.connect().send(connect);
  test.connect().send(connect);
  answers[1]!(0x87);
  await test.settle();
  answers[0]!(true);
  await test.settle();
  assert.equal(older.closed, false);
  assert.equal(older.take().length, 1);
});

for (const [origin, publish] of [
  ['of this process', 'library'],
  ['that is a Will', 'will'],
] as const) {
  test(`a message ${origin} above QoS 0 survives a restart, retained and queued`, async () => {
    const storage = new MemoryStorage();
    const first = await createTestBroker({ storage });
    const subscription = { filter: 'a', qos: 2 } as const;
    first
      .connect()
      .send(connect, { type: PacketType.Subscribe, packetId: 1, subscriptions: [subscription] })
      .hangUp();
    if (publish === 'library') {
      void first.broker.publish('a', 'kept', { qos: 1, retain: true });
    } else {
      const will = { topic: 'a', payload: Buffer.from('kept'), qos: 2, retain: true } as const;
      first
        .connect()
        .send({ ...connect, clientId: 'bob', clean: true, will })
        .hangUp();
    }
    await first.settle();
    const second = await createTestBroker({ storage });
    await second.settle();
    assert.equal(second.broker.stats.retained.messages, 1);
    assert.equal(second.broker.session('ann')?.queuedMessages, 1);
  });
}

test('a second CONNECT, of a version nobody here speaks, is a protocol error to a 5.0 client [MQTT5-3.1.0-2][MQTT5-3.14.2-1]', async () => {
  const test = await createTestBroker();
  const client = test.connect().send({ ...connect, version: 5 });
  client.sendHex('10 0f 0004 4d515454 02 02 003c 0003 616263');
  await test.settle();
  assert.deepEqual(
    client.take().map((packet) => [packet.type, 'reasonCode' in packet && packet.reasonCode]),
    [
      [PacketType.Connack, 0],
      [PacketType.Disconnect, 0x82],
    ],
  );
});

test('acknowledgements far more than a call has arguments wait for one commit, and leave when it lands', async () => {
  const storage = new HeldStorage();
  const test = await started(storage);
  const client = test.connect().send(connect);
  test.endTurn();
  await storage.land();
  await heard();
  assert.equal(client.take().length, 1);
  // The first writes a fact for the disk; each that follows is answered behind it.
  client.sendHex('34 06 0001 61 0001 62');
  client.sendBytes(Buffer.alloc(4 * 150_000, '62020002', 'hex'));
  test.endTurn();
  assert.equal(client.take().length, 0);
  await storage.land();
  await heard();
  assert.equal(client.take().length, 150_001);
  assert.equal(test.broker.stats.bugs, 0);
});
