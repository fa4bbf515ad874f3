/** Clients of MQTT 3.1 (`MQIsdp`), on the same port and in the same conversation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectRequest } from '../../src/broker/hooks.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker } from '../../src/testing.js';
import {
  arrive,
  Client,
  closeReasons,
  comeBack,
  connack,
  held,
  knock,
  NOTHING,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  rawPacket,
  suback,
  subscribe,
  unsuback,
} from './client.js';

const old = { version: 3 } as const;

test('MQIsdp at level 3 is served, and its clients talk with those of 3.1.1 at every QoS [MQTT31-1]', async () => {
  const broker = await createTestBroker();
  const ada = await arrive(broker, 'ada', old);
  const bob = await arrive(broker, 'bob');
  assert.equal(broker.broker.session('ada')?.connection?.protocol, 'MQTT 3.1');
  for (const [writer, reader, topic] of [
    [ada, bob, 'to/bob'],
    [bob, ada, 'to/ada'],
  ] as const) {
    await reader.subscribe(topic, 2);
    for (const qos of [0, 1, 2] as const) writer.publish(topic, `at ${qos}`, { qos, packetId: qos + 10 });
    await writer.expect(puback(11), pubrec(12));
    await reader.expect(
      publish(topic, 'at 0'),
      publish(topic, 'at 1', { qos: 1, packetId: 1 }),
      publish(topic, 'at 2', { qos: 2, packetId: 2 }),
    );
    await writer.send(pubrel(12)).expect(pubcomp(12));
    await reader.send(puback(1), pubrec(2)).expect(pubrel(2));
  }
});

for (const [name, level] of [
  ['MQIsdp', 0],
  ['MQIsdp', 2],
  ['MQIsdp', 4],
  ['MQIsdp', 131],
  ['MQTT', 3],
] as const) {
  test(`${name} at level ${level} is answered with return code 1, then the connection is closed [MQTT31-2] [MQTT-3.1.2-2]`, async () => {
    const broker = await createTestBroker();
    const bytes = rawPacket(0x10, name, [level, 2, 0, 0], 'ada');
    await new Client(broker).sendBytes(bytes).expectClosed(connack(ReasonCode.UnsupportedProtocolVersion));
    assert.deepEqual(closeReasons(broker), { 'unsupported-protocol-version': 1 });
  });
}

for (const clean of [true, false]) {
  test(`an empty client identifier is answered with return code 2 (Clean Session ${Number(clean)}) [MQTT31-3]`, async () => {
    const broker = await createTestBroker();
    await knock(broker, '', { ...old, clean }).expectClosed(connack(ReasonCode.ClientIdentifierNotValid));
    assert.deepEqual(held(broker), NOTHING);
  });
}

test('client identifiers of 1 to 23 characters are accepted, and longer ones as well [MQTT31-4]', async () => {
  const broker = await createTestBroker();
  for (let length = 1; length <= 24; length++) await arrive(broker, 'x'.repeat(length), old);
  await arrive(broker, 'x'.repeat(65_535), old);
  assert.equal(broker.broker.stats.sessions.connected, 25);
});

test('CONNACK says nothing of a session that is present, which is resumed all the same [MQTT31-5]', async () => {
  const broker = await createTestBroker();
  const ada = await arrive(broker, 'ada', { ...old, clean: false });
  await ada.subscribe('to/ada', 1);
  ada.leave();
  const bob = await arrive(broker, 'bob');
  bob.publish('to/ada', 'while you were away', { qos: 1 });
  const back = knock(broker, 'ada', { ...old, clean: false });
  await back.expect(connack(0, false), publish('to/ada', 'while you were away', { qos: 1, packetId: 1 }));
  back.hangUp();
  const modern = await comeBack(broker, 'ada');
  await modern.expect(publish('to/ada', 'while you were away', { qos: 1, packetId: 1, dup: true }));
});

const USERNAME = 0x80;
const PASSWORD = 0x40;
const missing = [
  { flags: USERNAME, fields: [], username: undefined, password: undefined },
  { flags: USERNAME | PASSWORD, fields: [], username: undefined, password: undefined },
  { flags: PASSWORD, fields: [], username: undefined, password: undefined },
  { flags: USERNAME | PASSWORD, fields: ['user'], username: 'user', password: undefined },
  { flags: USERNAME | PASSWORD, fields: ['user', 'pass'], username: 'user', password: 'pass' },
];
for (const { flags, fields, username, password } of missing) {
  const announced = `0x${flags.toString(16)} with ${fields.length} fields`;
  test(`a user name or password that is announced and not there counts as not announced: ${announced} [MQTT31-6]`, async () => {
    const requests: ConnectRequest[] = [];
    const broker = await createTestBroker({ gates: { connect: (request) => (requests.push(request), true) } });
    await new Client(broker).sendBytes(rawPacket(0x10, 'MQIsdp', [3, 2 | flags, 0, 0], 'ada', ...fields)).expect(connack());
    assert.deepEqual(
      requests.map((request) => [request.username, request.password?.toString()]),
      [[username, password]],
    );
  });
}

test('a user name that is announced and only begun is malformed in 3.1 too', async () => {
  const broker = await createTestBroker();
  await new Client(broker).sendBytes(rawPacket(0x10, 'MQIsdp', [3, 2 | USERNAME, 0, 0], 'ada', [0, 4, 0x75])).expectClosed();
  assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
});

const DUP = 8;

test('SUBSCRIBE, UNSUBSCRIBE and PUBREL may have DUP set in 3.1 [MQTT31-7]', async () => {
  const broker = await createTestBroker();
  const ada = await arrive(broker, 'ada', old);
  await ada.sendBytes(rawPacket(0x82 | DUP, [0, 1], 'a', [1])).expect(suback(1, 1));
  await ada.publish('a', 'x', { qos: 2, packetId: 7 }).expect(publish('a', 'x', { qos: 1, packetId: 1 }), pubrec(7));
  await ada.sendBytes(rawPacket(0x62 | DUP, [0, 7])).expect(pubcomp(7));
  await ada.sendBytes(rawPacket(0xa2 | DUP, [0, 2], 'a')).expect(unsuback(2));
  assert.equal(broker.broker.stats.subscriptions, 0);
});

const resent: [string, Buffer][] = [
  ['SUBSCRIBE', rawPacket(0x82 | DUP, [0, 1], 'a', [1])],
  ['UNSUBSCRIBE', rawPacket(0xa2 | DUP, [0, 1], 'a')],
  ['PUBREL', rawPacket(0x62 | DUP, [0, 1])],
];
for (const [name, bytes] of resent) {
  test(`${name} with DUP set is malformed in 3.1.1 [MQTT-2.2.2-2]`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive(broker, 'bob');
    await bob.sendBytes(bytes).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
  });
}

test('a subscription that is refused reads as granted in 3.1, which knows no refusal, and hears nothing [MQTT31-8]', async () => {
  const broker = await createTestBroker({ gates: { subscribe: ({ filter }) => filter !== 'secret' } });
  const bob = await arrive(broker, 'bob');
  bob.publish('secret', 'retained', { retain: true });
  const ada = await arrive(broker, 'ada', old);
  await ada.send(subscribe(1, ['open', 1], ['secret', 1])).expect(suback(1, 1, 0));
  await bob.send(subscribe(1, ['secret', 1])).expect(suback(1, ReasonCode.UnspecifiedError));
  bob.publish('secret', 'heard by nobody').publish('open', 'heard');
  assert.deepEqual(await ada.payloads(), ['heard']);
});

test('a PUBLISH that is not authorised is acknowledged and goes nowhere [MQTT31-9] [MQTT-3.3.5-2]', async () => {
  const broker = await createTestBroker({ gates: { publish: ({ topic }) => topic !== 'secret' } });
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('#');
  const ada = await arrive(broker, 'ada', old);
  ada
    .publish('secret', '0', { retain: true })
    .publish('secret', '1', { qos: 1, packetId: 1 })
    .publish('secret', '2', { qos: 2, packetId: 2 });
  await ada.expect(puback(1), pubrec(2));
  await ada.send(pubrel(2)).expect(pubcomp(2));
  await bob.expect();
  const { retained, dropped } = broker.broker.stats;
  assert.equal(retained.messages, 0);
  assert.equal(dropped['not-authorized'], 3);
});
