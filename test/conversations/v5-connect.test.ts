/** How a 5.0 client is let in or refused, and what its CONNACK says (MQTT 5.0 sections 3.1 and 3.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '../../src/broker/hooks.js';
import type { CreateOptions } from '../../src/create.js';
import type { Properties } from '../../src/packet/properties.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  Client,
  closeReasons,
  connect,
  expectFarewell,
  expectRefusal,
  knock,
  pingreq,
  pingresp,
  publish,
  rawPacket,
  subscribe,
  suback,
  welcomeOf,
} from './client.js';

type Asked = Parameters<typeof arrive5>[2];

/** What a broker tells that leaves nothing to be assumed. */
const SILENT: CreateOptions = { receiveMaximum: 65_535, topicAliasMaximum: 0 };

const told5: { name: string; spec: string[]; options: CreateOptions; asked: Asked; properties: Properties | undefined }[] = [
  {
    name: 'what differs from what a client would assume',
    spec: ['MQTT5-3.1.4-5', 'MQTT5-3.2.2-1'],
    options: { receiveMaximum: 20, topicAliasMaximum: 8 },
    asked: {},
    properties: { receiveMaximum: 20, topicAliasMaximum: 8 },
  },
  { name: 'nothing, where nothing differs', spec: ['MQTT5-2.2.2-1', 'MQTT5-3.2.2-9'], options: SILENT, asked: {}, properties: undefined },
  {
    name: 'a maximum QoS of 0',
    spec: ['MQTT5-3.2.2-9'],
    options: { ...SILENT, maxQos: 0 },
    asked: {},
    properties: { maximumQoS: 0 },
  },
  {
    name: 'a maximum QoS of 1',
    spec: ['MQTT5-3.2.2-9'],
    options: { ...SILENT, maxQos: 1 },
    asked: {},
    properties: { maximumQoS: 1 },
  },
  {
    name: 'the size of the largest packet it takes, fixed header and all',
    spec: [],
    options: { ...SILENT, maxPacketSize: 1_000 },
    asked: {},
    properties: { maximumPacketSize: 1_003 },
  },
  {
    name: 'the keep-alive in place of none',
    spec: [],
    options: { ...SILENT, maxKeepAlive: 60 },
    asked: { keepAlive: 0 },
    properties: { serverKeepAlive: 60 },
  },
  {
    name: 'the keep-alive in place of a longer one',
    spec: [],
    options: { ...SILENT, maxKeepAlive: 60 },
    asked: { keepAlive: 61 },
    properties: { serverKeepAlive: 60 },
  },
  {
    name: 'no keep-alive where the one asked for holds',
    spec: [],
    options: { ...SILENT, maxKeepAlive: 60 },
    asked: { keepAlive: 60 },
    properties: undefined,
  },
  {
    name: 'the session expiry in place of a longer one',
    spec: [],
    options: { ...SILENT, sessionExpiry: 100 },
    asked: { properties: { sessionExpiryInterval: 101 } },
    properties: { sessionExpiryInterval: 100 },
  },
  {
    name: 'the session expiry in place of never',
    spec: [],
    options: { ...SILENT, sessionExpiry: 100 },
    asked: { properties: { sessionExpiryInterval: 0xffff_ffff } },
    properties: { sessionExpiryInterval: 100 },
  },
  {
    name: 'no session expiry where the one asked for holds',
    spec: [],
    options: { ...SILENT, sessionExpiry: 100 },
    asked: { properties: { sessionExpiryInterval: 100 } },
    properties: undefined,
  },
  {
    name: 'response information to who asks',
    spec: ['MQTT5-3.1.2-28'],
    options: { ...SILENT, responseInformation: 'answers/' },
    asked: { properties: { requestResponseInformation: true } },
    properties: { responseInformation: 'answers/' },
  },
  {
    name: 'no response information to who asks for none',
    spec: ['MQTT5-3.1.2-28'],
    options: { ...SILENT, responseInformation: 'answers/' },
    asked: { properties: { requestResponseInformation: false } },
    properties: undefined,
  },
  {
    name: 'no response information to who does not ask',
    spec: ['MQTT5-3.1.2-28'],
    options: { ...SILENT, responseInformation: 'answers/' },
    asked: {},
    properties: undefined,
  },
  {
    name: 'no response information where there is none',
    spec: [],
    options: SILENT,
    asked: { properties: { requestResponseInformation: true } },
    properties: undefined,
  },
];
for (const { name, options, asked, properties } of told5) {
  test(`a CONNACK tells ${name} [MQTT5-3.1.4-5]`, async () => {
    const broker = await createTestBroker(options);
    const connack = await welcomeOf(broker, knock(broker, 'ann', { version: 5, ...asked }));
    assert.deepEqual(connack, {
      type: connack.type,
      sessionPresent: false,
      reasonCode: 0,
      ...(properties === undefined ? undefined : { properties }),
    });
  });
}

test('a client without an identifier is given one of its own, and told it, whether it wants a clean start or not [MQTT5-3.1.3-6][MQTT5-3.2.2-16]', async () => {
  const broker = await createTestBroker();
  const names = new Set<string>();
  for (const clean of [true, false, true, false]) {
    const { properties, sessionPresent } = await welcomeOf(broker, knock(broker, '', { version: 5, clean }));
    assert.equal(sessionPresent, false);
    names.add(properties?.assignedClientIdentifier ?? '');
  }
  assert.equal(names.size, 4);
  assert.deepEqual(new Set(Array.from(broker.broker.sessions(), ({ clientId }) => clientId)), names);
});

test('an assigned client identifier names a session like any other [MQTT5-3.1.3-7]', async () => {
  const broker = await createTestBroker();
  const client = knock(broker, '', { version: 5, properties: { sessionExpiryInterval: 60 } });
  const { properties } = await welcomeOf(broker, client);
  await client.subscribe('a', 1);
  client.hangUp();
  const name = properties?.assignedClientIdentifier ?? '';
  const again = knock(broker, name, { version: 5, clean: false });
  const welcome = await welcomeOf(broker, again);
  assert.equal(welcome.sessionPresent, true);
  assert.equal(welcome.properties?.assignedClientIdentifier, undefined);
  again.publish('a', 'mine');
  assert.deepEqual(await again.payloads(), ['mine']);
});

test('client identifiers of 1 to 23 digits and letters are accepted, and of more and other characters too [MQTT5-3.1.3-5]', async () => {
  const broker = await createTestBroker();
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  for (let length = 1; length <= 23; length++) await arrive5(broker, alphabet.slice(length, length * 2));
  for (const name of [alphabet.slice(0, 23), alphabet.slice(23, 46), alphabet.slice(39), 'ä/#+ \u{1f600}', 'x'.repeat(65_535)]) {
    await arrive5(broker, name);
    assert.equal(broker.broker.session(name)?.clientId, name);
  }
});

test('two client identifiers never share a session, and each finds its own again [MQTT5-3.1.3-2]', async () => {
  const broker = await createTestBroker();
  const kept = { properties: { sessionExpiryInterval: 60 } };
  for (const name of ['ann', 'Ann', 'ann ', 'a\u{30a}', '\u{e5}']) {
    const client = await arrive5(broker, name, { clean: false, ...kept });
    await client.subscribe(`to/${name}`);
    client.hangUp();
  }
  for (const name of ['ann', 'Ann', 'ann ', 'a\u{30a}', '\u{e5}']) {
    await arrive5(broker, name, { clean: false, sessionPresent: true, ...kept });
    assert.deepEqual(
      broker.broker.session(name)?.subscriptions.map(({ filter }) => filter),
      [`to/${name}`],
    );
  }
});

test('a CONNECT is read in the order of its fields, and whoever judges it sees them all [MQTT5-3.1.3-1][MQTT5-3.1.3-3][MQTT5-3.1.2-9][MQTT5-3.1.2-17][MQTT5-3.1.2-19]', async () => {
  const asked: unknown[] = [];
  const broker = await createTestBroker({ gates: { connect: (request) => (asked.push(request), true) } });
  const will = { topic: 'w', payload: Buffer.from('bye'), qos: 1, retain: true, properties: { contentType: 'text' } } as const;
  const properties = {
    sessionExpiryInterval: 9,
    receiveMaximum: 3,
    userProperties: [
      ['k', 'v'],
      ['k', 'w'],
    ],
  } as const;
  const fields = { will, properties, username: 'u', password: Buffer.from('p'), keepAlive: 7 };
  await arrive5(broker, 'ann', fields);
  assert.deepEqual(asked, [{ clientId: 'ann', clean: true, version: 5, remoteAddress: 'memory', ...fields }]);
});

test('5.0 allows a password without a user name, a user name without a password, and neither [MQTT5-3.1.2-16][MQTT5-3.1.2-17][MQTT5-3.1.2-18][MQTT5-3.1.2-19]', async () => {
  const seen: unknown[] = [];
  const broker = await createTestBroker();
  broker.broker.gate({ connect: ({ username, password }) => (seen.push([username, password?.toString()]), true) });
  for (const fields of [{}, { username: 'u' }, { password: Buffer.from('p') }, { username: '', password: Buffer.alloc(0) }]) {
    await arrive5(broker, 'ann', fields);
  }
  assert.deepEqual(seen, [
    [undefined, undefined],
    ['u', undefined],
    [undefined, 'p'],
    ['', ''],
  ]);
});

const HEAD = (flags: number, ...properties: number[]): (string | readonly number[])[] => [
  'MQTT',
  [5, flags, 0, 0, properties.length, ...properties],
];
const broken: { name: string; spec?: string[]; parts: (string | readonly number[])[]; code: ReasonCode }[] = [
  { name: 'has its reserved flag set', spec: ['MQTT5-3.1.2-3'], parts: [...HEAD(3), 'ann'], code: 0x81 },
  { name: 'has Will QoS 1 without a Will', spec: ['MQTT5-3.1.2-11'], parts: [...HEAD(0x0a), 'ann'], code: 0x81 },
  { name: 'has Will QoS 2 without a Will', spec: ['MQTT5-3.1.2-11'], parts: [...HEAD(0x12), 'ann'], code: 0x81 },
  { name: 'has Will QoS 3 without a Will', spec: ['MQTT5-3.1.2-11'], parts: [...HEAD(0x1a), 'ann'], code: 0x81 },
  { name: 'has Will QoS 3', spec: ['MQTT5-3.1.2-12'], parts: [...HEAD(0x1e), 'ann', [0], 'w', ''], code: 0x81 },
  { name: 'has Will Retain without a Will', spec: ['MQTT5-3.1.2-13'], parts: [...HEAD(0x22), 'ann'], code: 0x81 },
  { name: 'ends before its Will', spec: ['MQTT5-3.1.2-9'], parts: [...HEAD(6), 'ann'], code: 0x81 },
  { name: 'ends before its Will Topic', spec: ['MQTT5-3.1.2-9'], parts: [...HEAD(6), 'ann', [0]], code: 0x81 },
  { name: 'ends before its Will Payload', spec: ['MQTT5-3.1.2-9'], parts: [...HEAD(6), 'ann', [0], 'w'], code: 0x81 },
  { name: 'has a user name and no flag for it', spec: ['MQTT5-3.1.2-16'], parts: [...HEAD(2), 'ann', 'u'], code: 0x81 },
  { name: 'has a flag for a user name and none', spec: ['MQTT5-3.1.2-17'], parts: [...HEAD(0x82), 'ann'], code: 0x81 },
  { name: 'has a password and no flag for it', spec: ['MQTT5-3.1.2-18'], parts: [...HEAD(0x82), 'ann', 'u', 'p'], code: 0x81 },
  { name: 'has a flag for a password and none', spec: ['MQTT5-3.1.2-19'], parts: [...HEAD(0xc2), 'ann', 'u'], code: 0x81 },
  { name: 'has no client identifier', spec: ['MQTT5-3.1.3-3'], parts: HEAD(2), code: 0x81 },
  { name: 'has no properties and no length of them', spec: ['MQTT5-2.2.2-1'], parts: ['MQTT', [5, 2, 0, 0]], code: 0x81 },
  { name: 'has a client identifier that is no UTF-8', spec: ['MQTT5-3.1.3-4'], parts: [...HEAD(2), [0, 1, 0xff]], code: 0x81 },
  { name: 'has a client identifier with half a pair', spec: ['MQTT5-1.5.4-1'], parts: [...HEAD(2), [0, 3, 0xed, 0xa0, 0x80]], code: 0x81 },
  { name: 'has a client identifier with U+0000', spec: ['MQTT5-1.5.4-2'], parts: [...HEAD(2), 'a\0'], code: 0x81 },
  { name: 'has a user name that is no UTF-8', spec: ['MQTT5-3.1.3-12'], parts: [...HEAD(0x82), 'ann', [0, 1, 0xc0]], code: 0x81 },
  { name: 'has a Will Topic that is no UTF-8', spec: ['MQTT5-3.1.3-11'], parts: [...HEAD(6), 'ann', [0, 0, 1, 0xc0], ''], code: 0x81 },
  {
    name: 'has a name of a User Property that is no UTF-8',
    spec: ['MQTT5-1.5.7-1'],
    parts: [...HEAD(2, 0x26, 0, 1, 0xff, 0, 0), 'ann'],
    code: 0x81,
  },
  {
    name: 'has a value of a User Property that is no UTF-8',
    spec: ['MQTT5-1.5.7-1'],
    parts: [...HEAD(2, 0x26, 0, 0, 0, 1, 0xff), 'ann'],
    code: 0x81,
  },
  { name: 'has a property nobody knows', parts: [...HEAD(2, 0x7f, 0), 'ann'], code: 0x81 },
  { name: 'has a property of other packets', parts: [...HEAD(2, 0x24, 1), 'ann'], code: 0x81 },
  { name: 'has a property that reaches past the properties', parts: [...HEAD(2, 0x11, 0, 0), 'ann'], code: 0x81 },
  { name: 'has properties longer than itself', parts: ['MQTT', [5, 2, 0, 0, 100], 'ann'], code: 0x81 },
  {
    name: 'has a property length longer than it need be',
    spec: ['MQTT5-1.5.5-1'],
    parts: ['MQTT', [5, 2, 0, 0, 0x80, 0], 'ann'],
    code: 0x81,
  },
  {
    name: 'has a property length of five bytes',
    spec: ['MQTT5-1.5.5-1'],
    parts: ['MQTT', [5, 2, 0, 0, 0x80, 0x80, 0x80, 0x80, 1], 'ann'],
    code: 0x81,
  },
  { name: 'has a Receive Maximum of 0', parts: [...HEAD(2, 0x21, 0, 0), 'ann'], code: 0x82 },
  { name: 'has a Maximum Packet Size of 0', parts: [...HEAD(2, 0x27, 0, 0, 0, 0), 'ann'], code: 0x82 },
  { name: 'has Request Problem Information 2', parts: [...HEAD(2, 0x17, 2), 'ann'], code: 0x82 },
  { name: 'has Request Response Information 2', parts: [...HEAD(2, 0x19, 2), 'ann'], code: 0x82 },
  { name: 'has Authentication Data and no method', parts: [...HEAD(2, 0x16, 0, 0), 'ann'], code: 0x82 },
  ...[
    ['Session Expiry Interval', [0x11, 0, 0, 0, 1]],
    ['Receive Maximum', [0x21, 0, 1]],
    ['Maximum Packet Size', [0x27, 0, 0, 1, 0]],
    ['Topic Alias Maximum', [0x22, 0, 1]],
    ['Request Response Information', [0x19, 1]],
    ['Request Problem Information', [0x17, 1]],
    ['Authentication Method', [0x15, 0, 1, 0x61]],
    ['Authentication Data', [0x16, 0, 0]],
  ].map(([name, bytes]) => ({
    name: `gives its ${name as string} twice`,
    parts: [...HEAD(2, ...(bytes as number[]), ...(bytes as number[])), 'ann'],
    code: 0x82 as const,
  })),
];
for (const { name, parts, code } of broken) {
  test(`a CONNECT that ${name} is refused with CONNACK 0x${code.toString(16)} and a reason [MQTT5-3.1.4-1][MQTT5-4.13.1-1]`, async () => {
    const broker = await createTestBroker();
    const client = new Client(broker);
    client.connection.version = 5;
    client.sendBytes(rawPacket(0x10, ...parts));
    const properties = await expectRefusal(broker, client, code);
    assert.ok((properties?.reasonString ?? '').length > 0);
    assert.equal(broker.broker.session('ann'), undefined);
  });
}

test('a CONNECT of an unknown protocol closes the connection unanswered [MQTT5-3.1.2-1]', async () => {
  const broker = await createTestBroker();
  for (const name of ['MQTTX', 'mqtt', 'HTTP', '']) {
    const client = new Client(broker).sendBytes(rawPacket(0x10, name, [5, 2, 0, 0, 0], 'ann'));
    await client.expectClosed();
  }
});

test('a CONNECT of a protocol level nobody speaks closes the connection [MQTT5-3.1.2-2]', async () => {
  const broker = await createTestBroker();
  for (const level of [6, 7, 255]) {
    const client = new Client(broker);
    client.connection.version = 5;
    client.sendBytes(rawPacket(0x10, 'MQTT', [level, 2, 0, 0, 0], 'ann'));
    assert.deepEqual(
      (await client.take()).filter((packet) => 'sessionPresent' in packet && packet.reasonCode !== ReasonCode.UnsupportedProtocolVersion),
      [],
    );
    assert.equal(client.closed, true);
    assert.equal(broker.broker.session('ann'), undefined);
  }
});

test('what comes before CONNECT closes the connection unanswered [MQTT5-3.1.0-1][MQTT5-3.14.0-1]', async () => {
  const broker = await createTestBroker();
  for (const packet of [pingreq, publish('a', 'x'), subscribe(1, ['a', 0])]) {
    await new Client(broker).send(packet, connect('ann', { version: 5 })).expectClosed();
    assert.equal(broker.broker.session('ann'), undefined);
  }
});

test('a second CONNECT is a protocol error: DISCONNECT 0x82, and no second CONNACK [MQTT5-3.1.0-2][MQTT5-3.2.0-2]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  const other = await arrive5(broker, 'other');
  ann.send(connect('ann', { version: 5 }));
  await expectFarewell(ann, 0x82);
  await other.send(pingreq).expect(pingresp);
  assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
});

test('a client that is taken over is told so, and the newer has the only connection [MQTT5-3.1.4-3]', async () => {
  const broker = await createTestBroker();
  const older = await arrive5(broker, 'ann');
  const newer = await arrive5(broker, 'ann');
  await expectFarewell(older, 0x8e);
  await newer.send(pingreq).expect(pingresp);
  const last = await arrive(broker, 'ann');
  await expectFarewell(newer, 0x8e);
  await last.send(pingreq).expect(pingresp);
});

const verdicts: { verdict: Verdict; code: ReasonCode; properties: Properties }[] = [
  { verdict: ReasonCode.BadUserNameOrPassword, code: 0x86, properties: { reasonString: 'the connect gate refused' } },
  { verdict: ReasonCode.NotAuthorized, code: 0x87, properties: { reasonString: 'the connect gate refused' } },
  { verdict: ReasonCode.Banned, code: 0x8a, properties: { reasonString: 'the connect gate refused' } },
  { verdict: ReasonCode.ClientIdentifierNotValid, code: 0x85, properties: { reasonString: 'the connect gate refused' } },
  { verdict: { reasonCode: ReasonCode.QuotaExceeded, because: 'not today' }, code: 0x97, properties: { reasonString: 'not today' } },
  {
    verdict: { reasonCode: ReasonCode.UseAnotherServer, because: 'full', serverReference: 'b.example:1883' },
    code: 0x9c,
    properties: { reasonString: 'full', serverReference: 'b.example:1883' },
  },
  {
    verdict: { reasonCode: ReasonCode.ServerMoved, because: 'gone', serverReference: 'c.example' },
    code: 0x9d,
    properties: { reasonString: 'gone', serverReference: 'c.example' },
  },
  { verdict: { reasonCode: ReasonCode.ServerShuttingDown, because: 'soon' }, code: 0x88, properties: { reasonString: 'soon' } },
  { verdict: { reasonCode: ReasonCode.SessionTakenOver, because: 'no' }, code: 0x80, properties: { reasonString: 'no' } },
  { verdict: { reasonCode: ReasonCode.AdministrativeAction, because: 'no' }, code: 0x80, properties: { reasonString: 'no' } },
];
for (const { verdict, code, properties } of verdicts) {
  const given = typeof verdict === 'object' ? verdict.reasonCode : Number(verdict);
  test(`a gate that answers 0x${given.toString(16)} refuses with CONNACK 0x${code.toString(16)} [MQTT5-3.1.4-2][MQTT5-3.1.3-8][MQTT5-3.2.2-6][MQTT5-3.2.2-7][MQTT5-3.2.2-8][MQTT5-4.13.2-1]`, async () => {
    let open = true;
    const broker = await createTestBroker({ gates: { connect: () => open || verdict } });
    const kept = await arrive5(broker, 'ann', { properties: { sessionExpiryInterval: 60 } });
    kept.hangUp();
    open = false;
    const refused = knock(broker, 'ann', { version: 5, clean: false }).publish('a', 'behind');
    assert.deepEqual(await expectRefusal(broker, refused, code), properties);
    assert.notEqual(broker.broker.session('ann'), undefined);
  });
}

test('what comes behind a CONNECT that is refused has no effect and no answer [MQTT5-3.1.4-6]', async () => {
  const broker = await createTestBroker({ gates: { connect: ({ clientId }) => clientId === 'bob' || ReasonCode.NotAuthorized } });
  const bob = await arrive5(broker, 'bob');
  await bob.subscribe('#');
  const ann = knock(broker, 'ann', { version: 5 })
    .publish('a', 'x', { qos: 1 })
    .send(subscribe(1, ['a', 0]), pingreq);
  await expectRefusal(broker, ann, 0x87);
  await bob.expect();
});

test('nothing comes before CONNACK, however long it is thought about [MQTT5-3.2.0-1][MQTT5-3.1.4-4]', async () => {
  let decide: (verdict: true) => void = () => {};
  const broker = await createTestBroker();
  const kept = await arrive5(broker, 'ann', { properties: { sessionExpiryInterval: 60 } });
  await kept.subscribe('a', 1);
  kept.hangUp();
  const bob = await arrive5(broker, 'bob');
  bob.publish('a', 'waited', { qos: 1 });
  broker.broker.gate({ connect: () => new Promise((resolve) => (decide = resolve)) });
  const ann = knock(broker, 'ann', { version: 5, clean: false }).send(pingreq);
  bob.publish('a', 'came', { qos: 1 });
  await ann.expect();
  decide(true);
  assert.equal((await welcomeOf(broker, ann)).sessionPresent, true);
  const [first, second, answer] = await ann.take();
  assert.deepEqual(
    [first, second].map((packet) => (packet && 'payload' in packet ? packet.payload.toString() : packet)),
    ['waited', 'came'],
  );
  assert.deepEqual(answer, pingresp);
});

for (const [size, hasReason] of [
  [100, true],
  [20, false],
  [5, false],
] as const) {
  test(`a refusal to a client that takes ${size} bytes has ${hasReason ? 'a' : 'no'} reason [MQTT5-3.2.2-19][MQTT5-3.2.2-20]`, async () => {
    const because = 'you are not on the list of guests';
    const broker = await createTestBroker({ gates: { connect: () => ({ reasonCode: ReasonCode.NotAuthorized, because }) } });
    const ann = knock(broker, 'ann', { version: 5, properties: { maximumPacketSize: size } });
    const properties = await expectRefusal(broker, ann, 0x87);
    assert.deepEqual(properties, hasReason ? { reasonString: because } : undefined);
    assert.ok(ann.connection.bytesReceived <= size);
  });
}

test('a Will above the maximum QoS is refused with 0x9B, one that does not say what it is with 0x99 [MQTT5-3.2.2-12]', async () => {
  const broker = await createTestBroker({ maxQos: 1, payloadFormat: 'check' });
  const will = { topic: 'w', payload: Buffer.of(0xff), retain: false };
  await expectRefusal(broker, knock(broker, 'ann', { version: 5, will: { ...will, qos: 2 } }), 0x9b);
  const text: Asked = { will: { ...will, qos: 1, properties: { payloadFormatIndicator: 1 } } };
  await expectRefusal(broker, knock(broker, 'ann', { version: 5, ...text }), 0x99);
  await arrive5(broker, 'ann', { will: { ...will, qos: 1 } });
});

test('as many connections, and sessions, as are allowed: one more is told 0x89, or 0x97', async () => {
  const full = await createTestBroker({ maxConnections: 1 });
  await arrive5(full, 'ann');
  await expectRefusal(full, knock(full, 'bob', { version: 5 }), 0x89);
  const crowded = await createTestBroker({ maxSessions: 1 });
  await arrive5(crowded, 'ann', { properties: { sessionExpiryInterval: 60 } });
  await expectRefusal(crowded, knock(crowded, 'bob', { version: 5 }), 0x97);
});

/** A client that says nothing for a time, in ms, and whether it is still there then. */
async function silence(broker: TestBroker, client: Client, milliseconds: number): Promise<boolean> {
  broker.advance(milliseconds);
  await broker.settle();
  return !client.closed;
}

for (const { name, options, keepAlive, cutOffAt } of [
  { name: 'its own where it is told none', options: {}, keepAlive: 10, cutOffAt: 15_000 },
  { name: 'its own where that is short enough', options: { maxKeepAlive: 20 }, keepAlive: 10, cutOffAt: 15_000 },
  { name: 'the one it is told', options: { maxKeepAlive: 20 }, keepAlive: 600, cutOffAt: 30_000 },
  { name: 'the one it is told in place of none', options: { maxKeepAlive: 20 }, keepAlive: 0, cutOffAt: 30_000 },
]) {
  test(`the keep-alive of a client is ${name}, and who is silent for longer is told 0x8D [MQTT5-3.1.2-22][MQTT5-3.2.2-22]`, async () => {
    const broker = await createTestBroker(options);
    const ann = await arrive5(broker, 'ann', { keepAlive });
    assert.equal(await silence(broker, ann, cutOffAt - 200), true);
    ann.send(pingreq);
    await ann.expect(pingresp);
    assert.equal(await silence(broker, ann, cutOffAt - 200), true);
    assert.equal(await silence(broker, ann, 400), false);
    await expectFarewell(ann, 0x8d);
    assert.deepEqual(closeReasons(broker), { 'keep-alive-timeout': 1 });
  });
}

test('a keep-alive of 0 is never cut off [MQTT5-3.1.2-22]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', { keepAlive: 0 });
  assert.equal(await silence(broker, ann, 1_000_000), true);
});

test('a 3.1.1 client can be told of no other keep-alive, so its own holds; of the maximum QoS it learns what is granted', async () => {
  const broker = await createTestBroker({ maxKeepAlive: 20, maxQos: 1, responseInformation: 'x' });
  const ann = await arrive(broker, 'ann', { keepAlive: 600 });
  assert.equal(await silence(broker, ann, 800_000), true);
  await ann.send(subscribe(1, ['a', 2])).expect(suback(1, 1));
});
