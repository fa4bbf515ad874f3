/** Bounds: how many connections, sessions and subscriptions there may be, and how large a packet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gates } from '../../src/broker/hooks.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import type { CloseReason } from '../../src/session/tally.js';
import { createTestBroker, encode, type Packet } from '../../src/testing.js';
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
  publish,
  rawPacket,
  suback,
  subscribe,
  unsuback,
  unsubscribe,
} from './client.js';

const stay = { clean: false };
const unavailable: Packet = connack(ReasonCode.ServerUnavailable);
const refusedSubscription = ReasonCode.UnspecifiedError;

test('one client more than are allowed is told return code 3 and closed, until another leaves [MQTT-3.2.2-5]', async () => {
  const broker = await createTestBroker({ maxConnections: 2 });
  const alice = await arrive(broker, 'alice');
  const bob = await arrive(broker, 'bob');
  await knock(broker, 'carol').expectClosed(unavailable);
  assert.deepEqual(closeReasons(broker), { 'too-many-connections': 1 });
  assert.deepEqual(held(broker), { ...NOTHING, transports: 2, connections: 2, connected: 2 });
  alice.leave();
  await arrive(broker, 'carol');
  await bob.send(pingreq).expect(pingresp);
});

test('a client may take over its own connection also where as many are connected as are allowed [MQTT-3.1.4-2]', async () => {
  const broker = await createTestBroker({ maxConnections: 2 });
  const alice = await arrive(broker, 'alice');
  await arrive(broker, 'bob');
  const fresh = await arrive(broker, 'alice');
  await alice.expectClosed();
  await fresh.send(pingreq).expect(pingresp);
});

test('sessions without a connection do not count as connections', async () => {
  const broker = await createTestBroker({ maxConnections: 1 });
  for (const name of ['alice', 'bob', 'carol']) (await arrive(broker, name, stay)).leave();
  const back = await comeBack(broker, 'alice');
  await knock(broker, 'bob', stay).expectClosed(unavailable);
  back.leave();
  await comeBack(broker, 'bob');
});

test('64 connections more than are allowed are kept to be told so, those beyond are closed at once', async () => {
  const broker = await createTestBroker({ maxConnections: 2 });
  const silent = Array.from({ length: 2 + 64 }, () => new Client(broker));
  assert.equal(silent.filter(({ closed }) => closed).length, 0);
  await new Client(broker).expectClosed();
  await knock(broker, 'late').expectClosed();
  assert.deepEqual(closeReasons(broker), { 'too-many-connections': 2 });
  assert.deepEqual(held(broker), { ...NOTHING, transports: 66, connections: 66 });
  silent[0]!.hangUp();
  await arrive(broker, 'alice');
});

test('connections that say nothing give their place back when their time is over', async () => {
  const broker = await createTestBroker({ maxConnections: 1 });
  for (let i = 0; i < 65; i++) void new Client(broker);
  await knock(broker, 'alice').expectClosed();
  broker.advance(30_000);
  assert.deepEqual(held(broker), NOTHING);
  await arrive(broker, 'alice');
});

test('a gate that lets in more than are allowed at once lets in as many as are allowed', async () => {
  const broker = await createTestBroker({ maxConnections: 2, gates: { connect: async () => true as const } });
  const clients = ['alice', 'bob', 'carol', 'dave'].map((name) => knock(broker, name));
  await broker.settle();
  assert.deepEqual(
    clients.map(({ closed }) => closed),
    [false, false, true, true],
  );
});

test('a session more than are allowed is refused with return code 3, connected or not', async () => {
  const broker = await createTestBroker({ maxSessions: 2 });
  (await arrive(broker, 'alice', stay)).leave();
  const bob = await arrive(broker, 'bob');
  await knock(broker, 'carol').expectClosed(unavailable);
  await knock(broker, 'carol', stay).expectClosed(unavailable);
  const back = await comeBack(broker, 'alice');
  back.leave();
  await arrive(broker, 'alice');
  bob.leave();
  await arrive(broker, 'carol', stay);
});

test('a subscription more than are allowed is refused, one that replaces another is not', async () => {
  const broker = await createTestBroker({ maxSubscriptions: 2 });
  const alice = await arrive(broker, 'alice');
  await alice.send(subscribe(1, ['a', 0], ['b', 0], ['c', 0])).expect(suback(1, 0, 0, refusedSubscription));
  await alice.send(subscribe(2, ['a', 1], ['d', 0])).expect(suback(2, 1, refusedSubscription));
  assert.equal(broker.broker.stats.subscriptions, 2);
  for (const topic of ['a', 'b', 'c', 'd']) alice.publish(topic, topic);
  assert.deepEqual(await alice.payloads(), ['a', 'b']);
  await alice.send(unsubscribe(3, 'a'), subscribe(4, ['c', 0])).expect(unsuback(3), suback(4, 0));
});

test('a refused subscription is sent no retained messages', async () => {
  const broker = await createTestBroker({ maxSubscriptions: 1 });
  const alice = await arrive(broker, 'alice');
  alice.publish('a', 'retained', { retain: true }).publish('b', 'retained', { retain: true });
  await alice.send(subscribe(1, ['a', 0], ['b', 0])).expect(suback(1, 0, refusedSubscription), publish('a', 'retained', { retain: true }));
});

// The most a CONNECT can say: five fields of 65,535 bytes.
const FIELD = 'x'.repeat(65_535);
const LARGEST = rawPacket(0x10, 'MQTT', [4, 0xf6, 0, 0], FIELD, FIELD, FIELD, FIELD, FIELD);
const announcing = (first: number, remaining: readonly number[]): Buffer => Buffer.from([first, ...remaining]);

test('the largest CONNECT there is, is accepted', async () => {
  const broker = await createTestBroker();
  await new Client(broker).sendBytes(LARGEST).expect(connack());
  assert.equal(broker.broker.session(FIELD)?.username, FIELD);
});

const beyond: [string, Buffer, CloseReason][] = [
  ['CONNECT', announcing(0x10, [0x92, 0x80, 0x14]), 'packet-too-large'],
  ['CONNECT as large as a packet can be', announcing(0x10, [0xff, 0xff, 0xff, 0x7f]), 'packet-too-large'],
  // At its first byte already.
  ['PUBLISH', announcing(0x30, [0x92, 0x80, 0x14]), 'protocol-error'],
];
for (const [what, header, reason] of beyond) {
  test(`a first packet larger than any CONNECT is refused at its header: ${what}`, async () => {
    const broker = await createTestBroker();
    await new Client(broker).sendBytes(header).expectClosed();
    const drop = new Client(broker);
    for (const byte of header) drop.sendBytes(Buffer.of(byte));
    await drop.expectClosed();
    assert.deepEqual(closeReasons(broker), { [reason]: 2 });
  });
}

test('after CONNECT a packet may be as large as the option says, and not a byte more', async () => {
  const maxPacketSize = 400_000;
  const broker = await createTestBroker({ maxPacketSize });
  const alice = await arrive(broker, 'alice');
  await alice.subscribe('a');
  const whole = 'x'.repeat(maxPacketSize - 3);
  await alice.publish('a', whole).expect(publish('a', whole));
  await alice.publish('a', `${whole}y`).expectClosed();
  assert.deepEqual(closeReasons(broker), { 'packet-too-large': 1 });
});

test('what is sent behind a CONNECT may be large as well, whether a gate thinks about it or not', async () => {
  let answer = (_verdict: true): void => {};
  const slow: Gates['connect'] = () => new Promise((resolve) => (answer = resolve));
  for (const gates of [{}, { connect: slow }]) {
    const broker = await createTestBroker({ gates });
    const alice = new Client(broker);
    const large = publish('a', 'x'.repeat(500_000), { retain: true });
    alice.sendBytes(Buffer.concat([encode(connect('alice'), 4), encode(large, 4), encode(pingreq, 4)]));
    answer(true);
    await alice.expect(connack(), pingresp);
    assert.equal(broker.broker.stats.retained.messages, 1);
  }
});

test('a CONNECT is bound by the option too, where that allows less', async () => {
  const broker = await createTestBroker({ maxPacketSize: 64 });
  await arrive(broker, 'x'.repeat(64 - 12));
  await knock(broker, 'x'.repeat(64 - 11)).expectClosed();
  assert.deepEqual(closeReasons(broker), { 'packet-too-large': 1 });
});
