/** How a connection begins: CONNECT, who judges it, and CONNACK (MQTT 3.1.1 sections 3.1 and 3.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectRequest, Gates } from '../../src/broker/hooks.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, encode, packetName, type Packet } from '../../src/testing.js';
import {
  arrive,
  Client,
  closeReasons,
  comeBack,
  connack,
  connect,
  disconnect,
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
  suback,
  subscribe,
  unsuback,
  unsubscribe,
} from './client.js';

const CONNECT = 0x10;
const refused = (reasonCode: ReasonCode): Packet => connack(reasonCode, false);

/** A connect gate that answers when it is told to, in the order it was asked. */
function slowGate(): { connect: Gates['connect']; answer: (verdict: true | ReasonCode) => void } {
  const waiting: ((verdict: true | ReasonCode) => void)[] = [];
  return {
    connect: () => new Promise((resolve) => waiting.push(resolve)),
    answer: (verdict) => waiting.shift()!(verdict),
  };
}

const notFirst: Packet[] = [
  connack(),
  publish('a', 'x'),
  puback(1),
  pubrec(1),
  pubrel(1),
  pubcomp(1),
  subscribe(1, ['a', 0]),
  suback(1, 0),
  unsubscribe(1, 'a'),
  unsuback(1),
  pingreq,
  pingresp,
  disconnect,
];
for (const packet of notFirst) {
  test(`${packetName(packet.type)} as the first packet closes the connection unanswered [MQTT-3.1.0-1]`, async () => {
    const broker = await createTestBroker();
    await new Client(broker).send(packet, connect('late')).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
    assert.deepEqual(held(broker), NOTHING);
  });
}

test('a second CONNECT closes the connection, and only that one [MQTT-3.1.0-2] [MQTT-4.8.0-1]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice');
  const bob = await arrive(broker, 'bob');
  await alice.send(connect('alice')).expectClosed();
  assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
  await bob.send(pingreq).expect(pingresp);
});

test('a second CONNECT is an offence in whatever name it comes, also in the segment of the first [MQTT-3.1.0-2]', async () => {
  const broker = await createTestBroker();
  const bob = await arrive(broker, 'bob');
  const first = rawPacket(CONNECT, 'MQTT', [4, 2, 0, 0], 'alice');
  const second = rawPacket(CONNECT, 'MQTT', [4, 2, 0, 0], 'bob');
  await new Client(broker).sendBytes(Buffer.concat([first, second])).expectClosed(connack());
  await bob.send(pingreq).expect(pingresp);
});

for (const name of ['', 'MQT', 'mqtt', 'MQTTT', 'MQIsdq', 'HTTP']) {
  test(`protocol name '${name}' closes the connection unanswered [MQTT-3.1.2-1]`, async () => {
    const broker = await createTestBroker();
    await new Client(broker).sendBytes(rawPacket(CONNECT, name, [4, 2, 0, 0], 'alice')).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
  });
}

for (const level of [0, 3, 132]) {
  test(`protocol level ${level} is answered with return code 1, then the connection is closed [MQTT-3.1.2-2] [MQTT-3.2.2-5]`, async () => {
    const broker = await createTestBroker();
    const bytes = rawPacket(CONNECT, 'MQTT', [level, 2, 0, 0], 'alice');
    await new Client(broker).sendBytes(bytes).expectClosed(refused(ReasonCode.UnsupportedProtocolVersion));
    assert.deepEqual(closeReasons(broker), { 'unsupported-protocol-version': 1 });
  });
}

for (const level of [6, 7, 131, 255]) {
  test(`protocol level ${level} in another shape than that of 5.0, of which nobody knows what it could read, closes the connection unanswered [MQTT5-3.1.2-2]`, async () => {
    const broker = await createTestBroker();
    await new Client(broker).sendBytes(rawPacket(CONNECT, 'MQTT', [level, 2, 0, 0], 'alice')).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
  });
}

test('a protocol level we do not speak is told so even where the rest is no CONNECT of ours [MQTT-3.1.2-2]', async () => {
  const broker = await createTestBroker();
  const bytes = rawPacket(CONNECT, 'MQTT', [2, 0xff], 'a field of the past');
  await new Client(broker).sendBytes(bytes).expectClosed(refused(ReasonCode.UnsupportedProtocolVersion));
});

const CLEAN = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;
const head = (flags: number, level = 4): readonly [string, number[]] => ['MQTT', [level, CLEAN | flags, 0, 10]];
const LONE_SURROGATE = [0, 3, 0xed, 0xa0, 0x80];
const OVERLONG = [0, 2, 0xc1, 0x81];
const CUT_OFF = [0, 2, 0xe2, 0x82];

const malformed: { name: string; spec: string[]; bytes: Buffer }[] = [
  { name: 'its reserved flag set', spec: ['MQTT-3.1.2-3'], bytes: rawPacket(CONNECT, ...head(1), 'alice') },
  { name: 'reserved bits of its fixed header set', spec: ['MQTT-2.2.2-2'], bytes: rawPacket(0x11, ...head(0), 'alice') },
  { name: 'Will QoS 1 and no Will', spec: ['MQTT-3.1.2-13', 'MQTT-3.1.2-11'], bytes: rawPacket(CONNECT, ...head(0x08), 'alice') },
  { name: 'Will QoS 2 and no Will', spec: ['MQTT-3.1.2-13', 'MQTT-3.1.2-11'], bytes: rawPacket(CONNECT, ...head(0x10), 'alice') },
  { name: 'Will Retain and no Will', spec: ['MQTT-3.1.2-15', 'MQTT-3.1.2-11'], bytes: rawPacket(CONNECT, ...head(WILL_RETAIN), 'alice') },
  { name: 'a Will nobody announced', spec: ['MQTT-3.1.2-11'], bytes: rawPacket(CONNECT, ...head(0), 'alice', 'gone', 'alice') },
  { name: 'Will QoS 3', spec: ['MQTT-3.1.2-14'], bytes: rawPacket(CONNECT, ...head(WILL | 0x18), 'alice', 'gone', 'alice') },
  { name: 'a Will without topic and message', spec: ['MQTT-3.1.2-9'], bytes: rawPacket(CONNECT, ...head(WILL), 'alice') },
  { name: 'a Will without message', spec: ['MQTT-3.1.2-9'], bytes: rawPacket(CONNECT, ...head(WILL), 'alice', 'gone') },
  { name: 'a user name nobody announced', spec: ['MQTT-3.1.2-18'], bytes: rawPacket(CONNECT, ...head(0), 'alice', 'user') },
  { name: 'no user name where one is announced', spec: ['MQTT-3.1.2-19'], bytes: rawPacket(CONNECT, ...head(USERNAME), 'alice') },
  { name: 'a password nobody announced', spec: ['MQTT-3.1.2-20'], bytes: rawPacket(CONNECT, ...head(USERNAME), 'alice', 'user', 'pass') },
  {
    name: 'no password where one is announced',
    spec: ['MQTT-3.1.2-21'],
    bytes: rawPacket(CONNECT, ...head(USERNAME | PASSWORD), 'alice', 'user'),
  },
  { name: 'a password and no user name', spec: ['MQTT-3.1.2-22'], bytes: rawPacket(CONNECT, ...head(PASSWORD), 'alice', 'pass') },
  { name: 'no client identifier', spec: ['MQTT-3.1.3-3'], bytes: rawPacket(CONNECT, ...head(0)) },
  { name: 'half a client identifier', spec: ['MQTT-3.1.3-3'], bytes: rawPacket(CONNECT, ...head(0), [0, 5, 0x61]) },
  {
    name: 'a surrogate in its client identifier',
    spec: ['MQTT-3.1.3-4', 'MQTT-1.5.3-1'],
    bytes: rawPacket(CONNECT, ...head(0), LONE_SURROGATE),
  },
  {
    name: 'an overlong character in its client identifier',
    spec: ['MQTT-3.1.3-4', 'MQTT-1.5.3-1'],
    bytes: rawPacket(CONNECT, ...head(0), OVERLONG),
  },
  {
    name: 'half a character in its client identifier',
    spec: ['MQTT-3.1.3-4', 'MQTT-1.5.3-1'],
    bytes: rawPacket(CONNECT, ...head(0), CUT_OFF),
  },
  { name: 'U+0000 in its client identifier', spec: ['MQTT-1.5.3-2'], bytes: rawPacket(CONNECT, ...head(0), 'a\0') },
  {
    name: 'a surrogate in its Will Topic',
    spec: ['MQTT-3.1.3-10', 'MQTT-1.5.3-1'],
    bytes: rawPacket(CONNECT, ...head(WILL), 'alice', LONE_SURROGATE, 'x'),
  },
  { name: 'U+0000 in its Will Topic', spec: ['MQTT-1.5.3-2'], bytes: rawPacket(CONNECT, ...head(WILL), 'alice', 'a\0', 'x') },
  { name: 'a wildcard in its Will Topic', spec: ['MQTT-3.2.2-6'], bytes: rawPacket(CONNECT, ...head(WILL), 'alice', 'a/+', 'x') },
  { name: 'an empty Will Topic', spec: ['MQTT-3.2.2-6'], bytes: rawPacket(CONNECT, ...head(WILL), 'alice', '', 'x') },
  {
    name: 'a surrogate in its user name',
    spec: ['MQTT-3.1.3-11', 'MQTT-1.5.3-1'],
    bytes: rawPacket(CONNECT, ...head(USERNAME), 'alice', LONE_SURROGATE),
  },
  { name: 'U+0000 in its user name', spec: ['MQTT-1.5.3-2'], bytes: rawPacket(CONNECT, ...head(USERNAME), 'alice', 'a\0') },
];
for (const { name, bytes } of malformed) {
  test(`a CONNECT with ${name} closes the connection and gets no CONNACK [MQTT-3.1.4-1] [MQTT-3.2.2-6]`, async () => {
    const broker = await createTestBroker();
    await new Client(broker).sendBytes(bytes).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
    assert.deepEqual(held(broker), NOTHING);
  });
}

test('an accepted CONNECT is answered with CONNACK 0, before anything else [MQTT-3.1.4-4] [MQTT-3.2.0-1]', async () => {
  const broker = await createTestBroker();
  const alice = new Client(broker);
  await alice.send(connect('alice'), pingreq).expect(connack(), pingresp);
  assert.equal(alice.closed, false);
  assert.equal(broker.broker.session('alice')?.connection?.protocol, 'MQTT 3.1.1');
});

test('the payload is read in the order client identifier, will, user name, password [MQTT-3.1.3-1]', async () => {
  const requests: ConnectRequest[] = [];
  const connect: Gates['connect'] = (request) => (requests.push(request), true);
  const broker = await createTestBroker({ gates: { connect } });
  const all = rawPacket(CONNECT, ...head(WILL | WILL_RETAIN | 0x10 | USERNAME | PASSWORD), 'id', 'will/topic', 'message', 'user', 'pass');
  await new Client(broker).sendBytes(all).expect(connack());
  const noWill = rawPacket(CONNECT, ...head(USERNAME | PASSWORD), 'id', 'user', 'pass');
  await new Client(broker).sendBytes(noWill).expect(connack());
  const willAndUser = rawPacket(CONNECT, ...head(WILL | USERNAME), 'id', 'will/topic', '', '');
  await new Client(broker).sendBytes(willAndUser).expect(connack());
  const told = requests.map(({ clientId, will, username, password }) => ({
    clientId,
    will: will && { ...will, payload: will.payload.toString() },
    username,
    password: password?.toString(),
  }));
  assert.deepEqual(told, [
    { clientId: 'id', will: { topic: 'will/topic', payload: 'message', qos: 2, retain: true }, username: 'user', password: 'pass' },
    { clientId: 'id', will: undefined, username: 'user', password: 'pass' },
    { clientId: 'id', will: { topic: 'will/topic', payload: '', qos: 0, retain: false }, username: '', password: undefined },
  ]);
});

test('the connect gate is told everything of a CONNECT but what is in it for the protocol alone', async () => {
  let told: ConnectRequest | undefined;
  const broker = await createTestBroker({ gates: { connect: (request) => ((told = request), true) } });
  const client = new Client(broker, '192.0.2.7:50112');
  await client.send(connect('alice', { clean: false, keepAlive: 7, username: 'u', password: Buffer.of(0, 255) })).expect(connack());
  assert.deepEqual(told, {
    clientId: 'alice',
    username: 'u',
    password: Buffer.of(0, 255),
    clean: false,
    keepAlive: 7,
    version: 4,
    will: undefined,
    properties: undefined,
    remoteAddress: '192.0.2.7:50112',
  });
});

test('client identifiers of 1 to 23 letters and digits are accepted, and longer ones and others as well [MQTT-3.1.3-5]', async () => {
  const broker = await createTestBroker();
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const short = [...alphabet.split(''), ...Array.from({ length: 23 }, (_, n) => alphabet.slice(0, n + 1)), alphabet.slice(-23)];
  const ids = [...new Set([...short, alphabet, 'ü/+#$ 漢', '\uFEFF', 'x'.repeat(65_535)])];
  for (const id of ids) await arrive(broker, id);
  assert.deepEqual(
    Array.from(broker.broker.sessions(), ({ clientId }) => clientId),
    ids,
  );
});

test('a client identifier names its session, each of its characters, and no other [MQTT-3.1.3-2] [MQTT-1.5.3-3]', async () => {
  const broker = await createTestBroker();
  const names = ['alice', 'Alice', 'alice ', '\uFEFFalice'];
  for (const name of names) await (await arrive(broker, name, { clean: false })).subscribe(`of/${names.indexOf(name)}`);
  for (const name of names) {
    assert.deepEqual(broker.broker.session(name)?.subscriptions, [{ filter: `of/${names.indexOf(name)}`, qos: 0 }]);
    await (await comeBack(broker, name)).expect();
  }
});

test('an empty client identifier with Clean Session 1 gets one nobody else has [MQTT-3.1.3-6]', async () => {
  const broker = await createTestBroker();
  const clients = [await arrive(broker, ''), await arrive(broker, ''), await arrive(broker, '')];
  const ids = new Set(Array.from(broker.broker.sessions(), ({ clientId }) => clientId));
  assert.equal(ids.size, 3);
  assert.equal(ids.has(''), false);
  for (const client of clients) await client.subscribe('all');
  clients[0]!.publish('all', 'hello');
  for (const client of clients) assert.deepEqual(await client.payloads(), ['hello']);
  for (const client of clients) client.leave();
  assert.deepEqual(held(broker), NOTHING);
});

test('an empty client identifier with Clean Session 0 is answered with return code 2 [MQTT-3.1.3-8] [MQTT-3.1.3-9] [MQTT-3.2.2-5]', async () => {
  const broker = await createTestBroker();
  await knock(broker, '', { clean: false }).expectClosed(refused(ReasonCode.ClientIdentifierNotValid));
  assert.deepEqual(closeReasons(broker), { 'client-identifier-not-valid': 1 });
  assert.deepEqual(held(broker), NOTHING);
});

const verdicts: { name: string; spec?: string[]; verdict: ReasonCode; told: ReasonCode; reason: string }[] = [
  { name: 'a protocol version', verdict: ReasonCode.UnsupportedProtocolVersion, told: 0x84, reason: 'unsupported-protocol-version' },
  {
    name: 'a client identifier',
    spec: ['MQTT-3.1.3-9'],
    verdict: ReasonCode.ClientIdentifierNotValid,
    told: 0x85,
    reason: 'client-identifier-not-valid',
  },
  { name: 'because it is busy', verdict: ReasonCode.ServerUnavailable, told: 0x88, reason: 'server-unavailable' },
  { name: 'for a reason of 5.0', verdict: ReasonCode.UseAnotherServer, told: 0x88, reason: 'server-unavailable' },
  { name: 'a password', verdict: ReasonCode.BadUserNameOrPassword, told: 0x86, reason: 'bad-user-name-or-password' },
  { name: 'a user', verdict: ReasonCode.NotAuthorized, told: 0x87, reason: 'not-authorized' },
  { name: 'somebody banned', verdict: ReasonCode.Banned, told: 0x87, reason: 'not-authorized' },
];
for (const { name, verdict, told, reason } of verdicts) {
  for (const [manner, connect] of [
    ['at once', () => verdict],
    ['later', async () => verdict],
  ] as const) {
    test(`a gate that refuses ${name}, ${manner}, has the CONNACK say so and the connection closed [MQTT-3.2.2-5]`, async () => {
      const broker = await createTestBroker({ gates: { connect } });
      await knock(broker, 'alice').expectClosed(refused(told));
      assert.deepEqual(closeReasons(broker), { [reason]: 1 });
      assert.deepEqual(held(broker), NOTHING);
      assert.equal(broker.broker.stats.bugs, 0);
    });
  }
}

test('a refusal says that no session is present and leaves the one that is alone [MQTT-3.2.2-4]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { clean: false });
  await alice.subscribe('a');
  alice.leave();
  let verdict: true | ReasonCode = ReasonCode.NotAuthorized;
  broker.broker.gate({ connect: () => verdict });
  await knock(broker, 'alice', { clean: false }).expectClosed(refused(ReasonCode.NotAuthorized));
  await knock(broker, 'alice', { clean: true }).expectClosed(refused(ReasonCode.NotAuthorized));
  verdict = true;
  await (await comeBack(broker, 'alice')).expect();
  assert.equal(broker.broker.session('alice')?.subscriptions.length, 1);
});

test('a refused CONNECT closes nobody who is connected under its name', async () => {
  const broker = await createTestBroker({ gates: { connect: ({ username }) => username === 'alice' || ReasonCode.NotAuthorized } });
  const alice = await arrive(broker, 'alice', { username: 'alice' });
  await knock(broker, 'alice', { username: 'mallory' }).expectClosed(refused(ReasonCode.NotAuthorized));
  await alice.send(pingreq).expect(pingresp);
});

const nonsense: [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('the directory is down');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the directory is down'))],
  ['answers nothing', () => undefined],
  ['answers false', () => false],
  ['answers a word', () => 'yes'],
  ['answers Success', () => ReasonCode.Success],
  ['answers a granted QoS', () => 1],
  ['answers nothing, later', async () => undefined],
  ['answers false, later', async () => false],
];
for (const [what, gate] of nonsense) {
  test(`a connect gate that ${what} refuses with return code 3 and is counted, and harms nobody else`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive(broker, 'bob');
    broker.broker.gate({ connect: gate as Gates['connect'] });
    await knock(broker, 'alice').expectClosed(refused(ReasonCode.ServerUnavailable));
    assert.deepEqual(closeReasons(broker), { 'server-unavailable': 1 });
    assert.equal(broker.broker.stats.bugs, 1);
    await bob.send(pingreq).expect(pingresp);
  });
}

test('gates are asked one after the other until one refuses', async () => {
  const asked: string[] = [];
  const gate = (name: string, verdict: true | ReasonCode | Promise<true | ReasonCode>): Partial<Gates> => ({
    connect: () => (asked.push(name), verdict),
  });
  const broker = await createTestBroker({ gates: gate('first', Promise.resolve(true)) });
  broker.broker.gate(gate('second', true)).gate(gate('third', ReasonCode.Banned)).gate(gate('fourth', true));
  await knock(broker, 'alice').expectClosed(refused(ReasonCode.NotAuthorized));
  assert.deepEqual(asked, ['first', 'second', 'third']);
});

test('what comes behind a CONNECT waits until its gate has answered, and is then handled in order [MQTT-3.2.0-1]', async () => {
  const packets = [connect('alice'), subscribe(1, ['a', 1]), publish('a', 'one', { qos: 1, packetId: 2 }), pingreq];
  const bytes = Buffer.concat(packets.map((packet) => encode(packet, 4)));
  const wholeConnect = encode(packets[0]!, 4).length;
  for (const cut of [wholeConnect, wholeConnect + 3, bytes.length - 4, bytes.length]) {
    const gate = slowGate();
    const broker = await createTestBroker({ gates: gate });
    const alice = new Client(broker);
    const { transport } = alice.connection;
    const lent = Buffer.from(bytes.subarray(0, cut));
    transport.send(lent);
    lent.fill(0xff);
    await alice.expect();
    assert.equal(transport.paused, true, 'nothing more is read meanwhile');
    alice.sendBytes(bytes.subarray(cut));
    await alice.expect();
    assert.deepEqual(held(broker), { ...NOTHING, transports: 1, connections: 1 });
    gate.answer(true);
    await alice.expect(connack(), suback(1, 1), publish('a', 'one', { qos: 1, packetId: 1 }), puback(2), pingresp);
    assert.equal(transport.paused, false);
    await alice.send(pingreq).expect(pingresp);
  }
});

test('a DISCONNECT behind a CONNECT waits for the gate as well, and withdraws the Will', async () => {
  const gate = slowGate();
  const broker = await createTestBroker();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('#');
  broker.broker.gate(gate);
  const alice = knock(broker, 'alice', { will: { topic: 'gone', payload: Buffer.from('alice'), qos: 0, retain: false } });
  alice.send(publish('a', 'one'), disconnect);
  await alice.expect();
  gate.answer(true);
  await alice.expectClosed(connack());
  assert.deepEqual(await bob.payloads(), ['one']);
});

test('what was sent behind a CONNECT that is refused has no effect and no answer [MQTT-3.1.4-5]', async () => {
  for (const connect of [() => ReasonCode.NotAuthorized, async () => ReasonCode.NotAuthorized]) {
    const broker = await createTestBroker();
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('#');
    broker.broker.gate({ connect });
    const alice = knock(broker, 'alice');
    alice.send(publish('a', 'one', { qos: 1, packetId: 1, retain: true }), subscribe(2, ['a', 1]), pingreq);
    await alice.expectClosed(refused(ReasonCode.NotAuthorized));
    await bob.expect();
    assert.equal(broker.broker.stats.retained.messages, 0);
    assert.equal(broker.broker.stats.subscriptions, 1);
  }
});

test('a connection that is gone before its gate has answered leaves nothing behind', async () => {
  const gate = slowGate();
  const broker = await createTestBroker({ gates: gate });
  const events: string[] = [];
  broker.broker.on('connected', ({ clientId }) => events.push(clientId));
  const will = { topic: 'gone', payload: Buffer.from('alice'), qos: 0 as const, retain: true };
  const alice = knock(broker, 'alice', { clean: false, will });
  alice.hangUp();
  gate.answer(true);
  await alice.expectClosed();
  assert.deepEqual(events, []);
  assert.equal(broker.broker.stats.retained.messages, 0, 'the Will of a CONNECT that was never accepted');
  assert.deepEqual(closeReasons(broker), { 'connection-lost': 1 });
  assert.deepEqual(held(broker), NOTHING);
});

test('a gate that answers too late for the connect timeout finds the connection closed', async () => {
  const gate = slowGate();
  const broker = await createTestBroker({ gates: gate });
  const alice = knock(broker, 'alice');
  broker.advance(30_000);
  await alice.expectClosed();
  gate.answer(true);
  await alice.expectClosed();
  assert.deepEqual(closeReasons(broker), { 'connect-timeout': 1 });
  assert.deepEqual(held(broker), NOTHING);
});

test('a listener of `connected` is told once the client is in, and what it throws harms nobody', async () => {
  const broker = await createTestBroker();
  const heard: object[] = [];
  broker.broker.on('connected', () => {
    throw new Error('a listener of the test');
  });
  broker.broker.on('connected', (event) => heard.push(event));
  const alice = await arrive(broker, 'alice', { clean: false, username: 'u' });
  alice.leave();
  await comeBack(broker, 'alice');
  assert.equal(broker.broker.stats.bugs, 2);
  assert.deepEqual(heard, [
    { clientId: 'alice', username: 'u', version: 4, remoteAddress: 'memory', sessionPresent: false, properties: undefined },
    { clientId: 'alice', username: undefined, version: 4, remoteAddress: 'memory', sessionPresent: true, properties: undefined },
  ]);
});
