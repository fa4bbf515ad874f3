/** What a 5.0 client is told, and by which code (MQTT 5.0 sections 2.4, 3.4 to 3.7, 3.14 and 4.13). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  closeReasons,
  expectFarewell,
  farewell,
  knock,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  saying,
  publish,
  pubrec,
  pubrel,
  rawPacket,
  subscribe,
  suback,
  unsubscribe,
  welcomeOf,
  type Client,
} from './client.js';

// Acknowledgements.

for (const version of [4, 5] as const) {
  test(`a message that may not be published is ${version === 5 ? 'answered with 0x87' : 'acknowledged, as 3.1.1 has no other answer'}, and goes nowhere [MQTT5-4.3.2-4][MQTT5-3.4.2-1][MQTT5-3.5.2-1][MQTT5-4.3.3-9]`, async () => {
    const broker = await createTestBroker({ gates: { publish: ({ topic }) => topic !== 'no' } });
    const hearer = await arrive5(broker, 'hearer');
    await hearer.subscribe('#');
    const ann = await arrive5(broker, 'ann', { version });
    const code = version === 5 ? 0x87 : 0;
    for (const topic of ['no', '$SYS/x']) {
      await ann.publish(topic, 'x').expect();
      await ann.publish(topic, 'x', { qos: 1, packetId: 5 }).expect(saying(PacketType.Puback, 5, code));
      await ann.publish(topic, 'x', { qos: 2, packetId: 6, retain: true }).expect(saying(PacketType.Pubrec, 6, code));
      if (version === 4) await ann.send(pubrel(6)).expect(pubcomp(6));
    }
    await ann.publish('yes', 'x', { qos: 2, packetId: 6 }).expect(pubrec(6));
    assert.deepEqual(await hearer.payloads(), ['x']);
    assert.equal(broker.broker.stats.dropped['not-authorized'], 6);
    assert.equal(broker.broker.stats.retained.messages, 0);
  });
}

test('a refusal waits its turn behind acknowledgements that wait for the disk, and says the same', async () => {
  const broker = await createTestBroker({ storage: new MemoryStorage(), gates: { publish: ({ topic }) => topic !== 'no' } });
  const kept = { properties: { sessionExpiryInterval: 60 } };
  await (await arrive5(broker, 'bob', kept)).subscribe('#', 1);
  const ann = await arrive5(broker, 'ann', kept);
  ann.publish('a', 'x', { qos: 1, packetId: 1 }).publish('no', 'x', { qos: 1, packetId: 2 }).publish('a', 'x', { qos: 2, packetId: 3 });
  await ann.expect(puback(1), saying(PacketType.Puback, 2, 0x87), pubrec(3));
});

test('PUBREL and PUBCOMP say where an identifier is not known: 0x92 [MQTT5-3.6.2-1][MQTT5-3.7.2-1][MQTT5-4.3.3-11][MQTT5-2.2.1-5]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.send(pubrec(700)).expect(saying(PacketType.Pubrel, 700, 0x92));
  await ann.send(pubrel(701)).expect(saying(PacketType.Pubcomp, 701, 0x92));
  await ann.send(puback(702), pubcomp(703), saying(PacketType.Pubrec, 704, 0x80), saying(PacketType.Puback, 705, 0x97)).expect();
  const old = await arrive(broker, 'old');
  await old.send(pubrec(700)).expect(pubrel(700));
  await old.send(pubrel(701)).expect(pubcomp(701));
});

test('a refusal that means nothing here is no offence', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  await ann.publish('a', 'x', { qos: 1, packetId: 9 }).take();
  await ann.publish('a', 'x', { qos: 2, packetId: 9 }).take();
  await ann.send(saying(PacketType.Puback, 2, 0x80), saying(PacketType.Pubcomp, 2, 0x92)).expect();
  await ann.send(saying(PacketType.Pubrec, 2, 0x10)).expect(pubrel(2));
  await ann.send(saying(PacketType.Pubrec, 2, 0x80)).expect();
  await ann.send(saying(PacketType.Pubcomp, 2, 0x92)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 1);
});

test('reason strings and user properties of a client’s acknowledgements are read, and mean nothing', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  const properties = { reasonString: 'why', userProperties: [['k', 'v']] } as const;
  await ann.publish('a', 'x', { qos: 1, packetId: 8 }).take();
  await ann.send(saying(PacketType.Puback, 1, 0, properties)).expect();
  await ann.publish('a', 'x', { qos: 2, packetId: 9 }).take();
  await ann.send(saying(PacketType.Pubrel, 9, 0, properties)).expect(pubcomp(9));
  await ann.send(saying(PacketType.Pubrec, 2, 0, properties)).expect(pubrel(2));
  await ann.send(saying(PacketType.Pubcomp, 2, 0, properties)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 0);
});

test('PINGREQ is answered with PINGRESP [MQTT5-3.12.4-1]', async () => {
  const broker = await createTestBroker();
  await (await arrive5(broker, 'ann')).send(pingreq, pingreq).expect(pingresp, pingresp);
});

test('a client that wants no problem information gets codes alone, but for CONNACK and DISCONNECT [MQTT5-3.1.2-29]', async () => {
  for (const requestProblemInformation of [true, false]) {
    const broker = await createTestBroker({ gates: { publish: () => false, subscribe: () => false } });
    const ann = knock(broker, 'ann', { version: 5, properties: { requestProblemInformation } });
    await welcomeOf(broker, ann);
    ann.publish('a', 'x', { qos: 1, packetId: 1 }).publish('a', 'x', { qos: 2, packetId: 2 });
    ann.send(pubrec(3), pubrel(4), subscribe(5, ['a', 0]), unsubscribe(6, 'a'));
    await ann.expect(
      saying(PacketType.Puback, 1, 0x87),
      saying(PacketType.Pubrec, 2, 0x87),
      saying(PacketType.Pubrel, 3, 0x92),
      saying(PacketType.Pubcomp, 4, 0x92),
      suback(5, 0x87),
      {
        type: PacketType.Unsuback,
        packetId: 6,
        reasonCodes: [0x11],
      },
    );
  }
});

test('user properties of messages are delivered whatever problem information is wanted [MQTT5-3.1.2-29]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', { properties: { requestProblemInformation: false } });
  await ann.subscribe('a');
  ann.publish('a', 'x', { version: 5, properties: { userProperties: [['k', 'v']] } });
  const [packet] = await ann.take();
  assert.ok(packet?.type === PacketType.Publish);
  assert.deepEqual(packet.properties, { userProperties: [['k', 'v']] });
});

// DISCONNECT of the broker.

const wrong: { name: string; bytes: Buffer; code: ReasonCode; spec?: string }[] = [
  { name: 'packet type 0', bytes: Buffer.of(0x00, 0), code: 0x81, spec: '[MQTT5-2.1.3-1]' },
  { name: 'CONNACK', bytes: rawPacket(0x20, [0, 0, 0]), code: 0x82 },
  { name: 'SUBACK', bytes: rawPacket(0x90, [0, 1, 0, 0]), code: 0x82 },
  { name: 'UNSUBACK', bytes: rawPacket(0xb0, [0, 1, 0, 0]), code: 0x82 },
  { name: 'PINGRESP', bytes: Buffer.of(0xd0, 0), code: 0x82 },
  { name: 'PINGREQ with a payload', bytes: rawPacket(0xc0, [0]), code: 0x81 },
  { name: 'PINGREQ with flags', bytes: Buffer.of(0xc1, 0), code: 0x81, spec: '[MQTT5-2.1.3-1]' },
  { name: 'PUBACK with flags', bytes: rawPacket(0x41, [0, 1]), code: 0x81, spec: '[MQTT5-2.1.3-1]' },
  { name: 'PUBREC with flags', bytes: rawPacket(0x52, [0, 1]), code: 0x81, spec: '[MQTT5-2.1.3-1]' },
  { name: 'PUBCOMP with flags', bytes: rawPacket(0x72, [0, 1]), code: 0x81, spec: '[MQTT5-2.1.3-1]' },
  { name: 'PUBREL with flags 0000', bytes: rawPacket(0x60, [0, 1]), code: 0x81, spec: '[MQTT5-3.6.1-1][MQTT5-2.1.3-1]' },
  { name: 'PUBREL with flags 0011', bytes: rawPacket(0x63, [0, 1]), code: 0x81, spec: '[MQTT5-3.6.1-1][MQTT5-2.1.3-1]' },
  { name: 'PUBACK without an identifier', bytes: rawPacket(0x40, [0]), code: 0x81 },
  { name: 'PUBACK with packet identifier 0', bytes: rawPacket(0x40, [0, 0]), code: 0x82 },
  { name: 'PUBACK with 0x92', bytes: rawPacket(0x40, [0, 1, 0x92]), code: 0x82, spec: '[MQTT5-3.4.2-1]' },
  { name: 'PUBACK with 0x01', bytes: rawPacket(0x40, [0, 1, 1, 0]), code: 0x82, spec: '[MQTT5-3.4.2-1]' },
  { name: 'PUBREC with 0x92', bytes: rawPacket(0x50, [0, 1, 0x92]), code: 0x82, spec: '[MQTT5-3.5.2-1]' },
  { name: 'PUBREL with 0x80', bytes: rawPacket(0x62, [0, 1, 0x80]), code: 0x82, spec: '[MQTT5-3.6.2-1]' },
  { name: 'PUBCOMP with 0x80', bytes: rawPacket(0x70, [0, 1, 0x80]), code: 0x82, spec: '[MQTT5-3.7.2-1]' },
  { name: 'PUBACK with two reason strings', bytes: rawPacket(0x40, [0, 1, 0, 6, 0x1f, 0, 0, 0x1f, 0, 0]), code: 0x82 },
  { name: 'PUBACK with a property of CONNECT', bytes: rawPacket(0x40, [0, 1, 0, 3, 0x21, 0, 1]), code: 0x81 },
  { name: 'PUBACK longer than its fields', bytes: rawPacket(0x40, [0, 1, 0, 0, 0]), code: 0x81 },
  { name: 'DISCONNECT with flags', bytes: Buffer.of(0xe1, 0), code: 0x81, spec: '[MQTT5-3.14.1-1][MQTT5-2.1.3-1]' },
  { name: 'DISCONNECT with 0x01', bytes: rawPacket(0xe0, [1]), code: 0x82, spec: '[MQTT5-3.14.2-1]' },
  { name: 'DISCONNECT with 0x8C', bytes: rawPacket(0xe0, [0x8c]), code: 0x82, spec: '[MQTT5-3.14.2-1]' },
  { name: 'DISCONNECT with two expiry intervals', bytes: rawPacket(0xe0, [0, 10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1]), code: 0x82 },
  { name: 'a remaining length of five bytes', bytes: Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 1), code: 0x81, spec: '[MQTT5-1.5.5-1]' },
];
for (const { name, bytes, code, spec = '' } of wrong) {
  test(`${name} closes its connection with DISCONNECT 0x${code.toString(16)}, and publishes its Will; no other hears of it ${spec}[MQTT5-4.13.1-1][MQTT5-4.13.2-1][MQTT5-3.14.4-2]`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('#');
    const will = { topic: 'w', payload: Buffer.from('bye'), qos: 0, retain: false } as const;
    const ann = await arrive5(broker, 'ann', { will });
    ann.sendBytes(bytes).publish('a', 'behind');
    await expectFarewell(ann, code);
    assert.deepEqual(await bob.payloads(), ['bye']);
    assert.deepEqual(closeReasons(broker), { [code === 0x81 ? 'malformed-packet' : 'protocol-error']: 1 });
  });
}

const ends: { name: string; code: ReasonCode; reason: string; end: (broker: TestBroker, client: Client) => unknown }[] = [
  { name: 'is silent for too long', code: 0x8d, reason: 'keep-alive-timeout', end: (broker) => broker.advance(15_100) },
  { name: 'is kicked', code: 0x98, reason: 'kicked', end: ({ broker }) => broker.kick('ann') },
  {
    name: 'is there when the broker stops',
    code: 0x8b,
    reason: 'server-stopping',
    end: (test) => Promise.all([test.broker.close(), test.settle()]),
  },
  { name: 'is taken over', code: 0x8e, reason: 'taken-over', end: (broker) => arrive5(broker, 'ann') },
  { name: 'sends what is too large', code: 0x95, reason: 'packet-too-large', end: (_, ann) => ann.sendBytes(Buffer.of(0x30, 0xff, 0x7f)) },
];
for (const { name, code, reason, end } of ends) {
  test(`a client that ${name} is told 0x${code.toString(16)}, with no session expiry; then its connection is closed [MQTT5-3.14.2-1][MQTT5-3.14.2-2][MQTT5-3.14.4-1][MQTT5-3.14.4-2][MQTT5-4.13.2-1]`, async () => {
    const broker = await createTestBroker({ maxPacketSize: 1_000 });
    const ann = await arrive5(broker, 'ann', { keepAlive: 10, properties: { sessionExpiryInterval: 60 } });
    await ann.subscribe('a');
    await end(broker, ann);
    await Promise.all([broker.broker.publish('a', 'later'), broker.settle()]);
    const [packet, ...more] = await ann.take();
    assert.ok(packet?.type === PacketType.Disconnect);
    assert.equal(packet.reasonCode, code);
    assert.equal(packet.properties?.sessionExpiryInterval, undefined);
    assert.deepEqual(more, []);
    assert.equal(ann.closed, true);
    assert.equal(closeReasons(broker)[reason as never], 1);
  });
}

test('a DISCONNECT comes although acknowledgements wait for the disk, which nobody waits for now [MQTT5-4.13.2-1]', async () => {
  const broker = await createTestBroker({ storage: new MemoryStorage() });
  const kept = { properties: { sessionExpiryInterval: 60 } };
  await (await arrive5(broker, 'bob', kept)).subscribe('#', 1);
  const ann = await arrive5(broker, 'ann', kept);
  ann.publish('a', 'x', { qos: 1 }).sendBytes(Buffer.of(0xc1, 0));
  await expectFarewell(ann, 0x81);
});

// DISCONNECT of the client.

test('only DISCONNECT 0x00 takes the Will away; each other code leaves it, and is answered with a close alone [MQTT5-3.14.4-3][MQTT5-3.14.4-2]', async () => {
  const codes = [0x00, 0x04, ...Array.from({ length: 4 }, (_, i) => 0x80 + i), 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
  for (const code of codes) {
    const broker = await createTestBroker();
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('w');
    const will = { topic: 'w', payload: Buffer.from('bye'), qos: 0, retain: false } as const;
    const ann = await arrive5(broker, 'ann', { will });
    ann.send(farewell(code as ReasonCode, { reasonString: 'enough', userProperties: [['k', 'v']] }));
    await ann.expectClosed();
    assert.deepEqual(await bob.payloads(), code === 0 ? [] : ['bye']);
    assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1 });
  }
});

test('what comes behind a DISCONNECT has no effect, and nothing is sent behind one [MQTT5-3.14.4-1]', async () => {
  const broker = await createTestBroker();
  const bob = await arrive5(broker, 'bob');
  await bob.subscribe('#');
  const ann = await arrive5(broker, 'ann');
  ann.sendBytes(Buffer.concat([Buffer.of(0xe0, 0), publish('a', 'x', { version: 5 }).bytes, Buffer.of(0xc0, 0)]));
  await ann.expectClosed();
  await bob.expect();
});

test('a 3.1.1 client is closed without a word where a 5.0 client is told', async () => {
  const broker = await createTestBroker();
  const old = await arrive(broker, 'old');
  old.sendBytes(Buffer.of(0xc1, 0));
  await old.expectClosed();
  const kicked = await arrive(broker, 'old');
  broker.broker.kick('old');
  await kicked.expectClosed();
});
