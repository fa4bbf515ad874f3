/** Deadlines of a connection: its CONNECT, and its silence (MQTT 3.1.1 sections 3.1.2.10 and 3.12). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunningBroker } from '../../src/create.js';
import type { Gates } from '../../src/broker/hooks.js';
import { createTestBroker, encode, MemoryTransport, packetName, type Packet } from '../../src/testing.js';
import {
  arrive,
  Client,
  closeReasons,
  comeBack,
  connack,
  connect,
  held,
  knock,
  NOTHING,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  rawPacket,
  subscribe,
  unsubscribe,
} from './client.js';

test('PINGREQ is answered with PINGRESP, as often as it comes [MQTT-3.12.4-1]', async () => {
  const alice = await arrive(await createTestBroker(), 'alice');
  await alice.send(pingreq).expect(pingresp);
  await alice.send(pingreq, pingreq, pingreq).expect(pingresp, pingresp, pingresp);
});

for (const keepAlive of [1, 10, 600]) {
  test(`a client silent for one and a half times ${keepAlive} s is cut off, not before [MQTT-3.1.2-24]`, async () => {
    const broker = await createTestBroker();
    const alice = await arrive(broker, 'alice', { keepAlive });
    broker.advance(keepAlive * 1_500 - 100);
    assert.equal(alice.closed, false);
    broker.advance(100);
    await alice.expectClosed();
    assert.deepEqual(closeReasons(broker), { 'keep-alive-timeout': 1 });
    assert.deepEqual(held(broker), NOTHING);
  });
}

test('a keep-alive of 0 is never too long [MQTT-3.1.2-24]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { keepAlive: 0 });
  broker.advance(1_000_000);
  await alice.send(pingreq).expect(pingresp);
});

const anyPacket: Packet[] = [
  pingreq,
  publish('a', 'x'),
  publish('a', 'x', { qos: 1, packetId: 1 }),
  puback(9),
  pubrec(9),
  pubrel(9),
  pubcomp(9),
  subscribe(1, ['a', 0]),
  unsubscribe(1, 'a'),
];
for (const packet of anyPacket) {
  test(`${packetName(packet.type)} begins the wait anew [MQTT-3.1.2-24]`, async () => {
    const broker = await createTestBroker();
    const alice = await arrive(broker, 'alice', { keepAlive: 10 });
    for (let i = 0; i < 3; i++) {
      broker.advance(14_900);
      alice.send(packet);
    }
    broker.advance(14_900);
    assert.equal(alice.closed, false);
    broker.advance(100);
    assert.equal(alice.closed, true);
  });
}

test('a packet that does not end is silence, one that ends after all is none [MQTT-3.1.2-24]', async () => {
  for (const ends of [false, true]) {
    const broker = await createTestBroker();
    const alice = await arrive(broker, 'alice', { keepAlive: 10 });
    const bytes = encode(publish('a', 'drop by drop'), 4);
    for (let at = 0; at < 14; at++) {
      alice.sendBytes(bytes.subarray(at, at + 1));
      broker.advance(1_000);
    }
    if (ends) alice.sendBytes(bytes.subarray(14));
    broker.advance(1_000);
    assert.equal(alice.closed, !ends);
  }
});

test('what a client is sent is no sign of life of it [MQTT-3.1.2-24]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { keepAlive: 10 });
  await alice.subscribe('a');
  const bob = await arrive(broker, 'bob');
  for (let second = 0; second < 15; second++) {
    assert.equal(alice.closed, false);
    bob.publish('a', 'x');
    broker.advance(1_000);
  }
  assert.equal(alice.closed, true);
});

test('a connection has the keep-alive it asked for, whatever its session had before', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { clean: false, keepAlive: 10 });
  alice.leave();
  const back = await comeBack(broker, 'alice', { keepAlive: 100 });
  broker.advance(149_900);
  assert.equal(back.closed, false);
  broker.advance(100);
  assert.equal(back.closed, true);
  const again = await comeBack(broker, 'alice', { keepAlive: 0 });
  broker.advance(200_000);
  assert.equal(again.closed, false);
});

test('the wait begins with CONNECT, not with the connection', async () => {
  const broker = await createTestBroker();
  const alice = new Client(broker);
  broker.advance(29_900);
  await alice.send(connect('alice', { keepAlive: 10 })).expect(connack());
  broker.advance(14_900);
  assert.equal(alice.closed, false);
  broker.advance(100);
  assert.equal(alice.closed, true);
});

test('the time a gate takes is not the silence of the client', async () => {
  let answer = (_verdict: true): void => {};
  const slow: Gates['connect'] = () => new Promise((resolve) => (answer = resolve));
  const broker = await createTestBroker({ gates: { connect: slow } });
  const alice = knock(broker, 'alice', { keepAlive: 10 });
  broker.advance(20_000);
  answer(true);
  await alice.expect(connack());
  broker.advance(14_900);
  assert.equal(alice.closed, false);
  broker.advance(100);
  assert.equal(alice.closed, true);
});

test('a client that was silent for too long is not waited for, even where bytes wait for it', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { keepAlive: 10 });
  await alice.subscribe('a');
  alice.connection.transport.freeze();
  await broker.broker.publish('a', 'x');
  broker.advance(15_000);
  assert.equal(alice.closed, true);
  assert.deepEqual(held(broker), NOTHING);
});

interface Peer {
  readonly transport: MemoryTransport;
  closed: boolean;
}

/** A broker whose clock goes on between its ticks, as a real one's does. */
async function betweenTicks(): Promise<{ accept: () => Peer; passes: (ms: number) => void; tick: () => void }> {
  let time = 0;
  const broker = await RunningBroker.assemble({}, { now: () => time, schedule: () => {}, rest: () => {}, slabs: 8 });
  const accept = (): Peer => {
    const peer: Peer = {
      transport: new MemoryTransport({ received: () => {}, closed: () => (peer.closed = true) }),
      closed: false,
    };
    broker.accept(peer.transport);
    return peer;
  };
  return { accept, passes: (ms) => (time += ms), tick: () => broker.tick() };
}

const hello = encode(connect('alice', { keepAlive: 10 }), 4);
const ping = encode(pingreq, 4);

test('silence is counted from the packet, not from the last tick before it [MQTT-3.1.2-24]', async () => {
  const { accept, passes, tick } = await betweenTicks();
  const alice = accept();
  alice.transport.send(hello);
  passes(99);
  alice.transport.send(ping);
  passes(14_999);
  tick();
  assert.equal(alice.closed, false);
  passes(101);
  tick();
  assert.equal(alice.closed, true);
});

test('a process that was held up does not blame its clients for it [MQTT-3.1.2-24]', async () => {
  const { accept, passes, tick } = await betweenTicks();
  const alice = accept();
  alice.transport.send(hello);
  passes(60_000);
  alice.transport.send(ping);
  const fresh = accept();
  tick();
  assert.deepEqual([alice.closed, fresh.closed], [false, false]);
  passes(15_000);
  tick();
  assert.deepEqual([alice.closed, fresh.closed], [true, false]);
  passes(15_000);
  tick();
  assert.equal(fresh.closed, true);
});

test('a connection that sends no CONNECT is closed after 30 s', async () => {
  const broker = await createTestBroker();
  const alice = new Client(broker);
  broker.advance(29_900);
  assert.equal(alice.closed, false);
  broker.advance(100);
  await alice.expectClosed();
  assert.deepEqual(closeReasons(broker), { 'connect-timeout': 1 });
  assert.deepEqual(held(broker), NOTHING);
});

const unfinished: [string, (at: number) => Buffer][] = [
  ['half a CONNECT, then nothing', (at) => rawPacket(0x10, 'MQTT', [4, 2, 0, 0], 'alice').subarray(0, at === 0 ? 9 : 0)],
  ['a byte of its CONNECT each second', (at) => rawPacket(0x10, 'MQTT', [4, 2, 0, 0], 'a client that is very slow').subarray(at, at + 1)],
  ['a Remaining Length that does not end', (at) => Buffer.from([0x10, 0xff, 0xff]).subarray(at, at + 1)],
];
for (const [what, bytesAt] of unfinished) {
  test(`a connection that sends ${what}, is closed after 30 s all the same`, async () => {
    const broker = await createTestBroker();
    const alice = new Client(broker);
    for (let second = 0; second < 30; second++) {
      assert.equal(alice.closed, false);
      alice.sendBytes(bytesAt(second));
      broker.advance(1_000);
    }
    await alice.expectClosed();
    assert.deepEqual(closeReasons(broker), { 'connect-timeout': 1 });
  });
}

test('the connect timeout is an option, and over with CONNECT', async () => {
  const broker = await createTestBroker({ connectTimeout: 5 });
  const silent = new Client(broker);
  const slow = new Client(broker);
  broker.advance(4_900);
  await slow.send(connect('slow')).expect(connack());
  assert.equal(silent.closed, false);
  broker.advance(100);
  assert.equal(silent.closed, true);
  broker.advance(60_000);
  assert.equal(slow.closed, false);
});
