/** How connections end: for a reason that is counted, alone, and leaving nothing behind (MQTT 3.1.1 sections 3.14 and 4.8). */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { Arena } from '../../src/net/arena.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { Session } from '../../src/session/session.js';
import { CLOSE_REASONS, type CloseReason } from '../../src/session/tally.js';
import { createTestBroker, encode, MemoryStorage, packetName, type Packet, type TestBroker } from '../../src/testing.js';
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
  publish,
  pubrec,
  rawPacket,
  suback,
  subscribe,
  unsuback,
} from './client.js';

const stay = { clean: false };

/** A storage whose commits fail once it is broken, and wait while it is full. */
class FrailStorage extends MemoryStorage {
  broken = false;
  full = false;
  #freed: () => void = () => {};

  override async commit(): Promise<void> {
    if (this.broken) throw new Error('no space left on device');
    if (this.full) await new Promise<void>((resolve) => (this.#freed = resolve));
    await super.commit();
  }

  free(): void {
    this.full = false;
    this.#freed();
  }
}

interface Stage {
  readonly broker: TestBroker;
  readonly storage: FrailStorage;
  readonly context: TestContext;
}

/** Every way for a connection to end that a client brought about in the name of alice, or that others bring upon her. */
const ways: Record<CloseReason, (alice: Client, stage: Stage) => unknown> = {
  'client-disconnect': (alice) => alice.leave(),
  'connection-lost': (alice) => alice.hangUp(),
  'socket-error': (alice) => alice.connection.transport.hangUp(new Error('ECONNRESET')),
  'keep-alive-timeout': (_, { broker }) => broker.advance(15_000),
  'taken-over': (_, { broker }) => knock(broker, 'alice').leave(),
  'malformed-packet': (alice) => alice.sendBytes(Buffer.of(0xc1, 0)),
  'protocol-error': (alice) => alice.send(connect('alice')),
  'packet-too-large': (alice) => alice.sendBytes(Buffer.of(0x30, 0x80, 0x80, 0x80, 1)),
  'server-stopping': (_, { broker }) => broker.broker.close(),
  'storage-failed': async (_, { broker, storage }) => {
    storage.broken = true;
    const refused = assert.rejects(broker.broker.publish('a', 'x', { retain: true }), /no space left/);
    await broker.settle();
    await refused;
  },
  'quota-exceeded': (alice) => alice.publish('a', 'one too many for her own queue', { qos: 1 }),
  'storage-full': (alice, { broker, storage }) => {
    alice.publish('b', 'x', { qos: 1, retain: true });
    storage.full = true;
    broker.advance(3_000);
    storage.free();
  },
  kicked: (_, { broker }) => broker.broker.kick('alice'),
  'internal-error': (alice, { context }) => {
    const bug = context.mock.method(Session.prototype, 'acknowledged', () => {
      throw new Error('a bug of the test');
    });
    alice.send(puback(1));
    bug.mock.restore();
  },
  'connect-timeout': (_, { broker }) => (void new Client(broker), broker.advance(30_000)),
  'unsupported-protocol-version': (_, { broker }) => new Client(broker).sendBytes(rawPacket(0x10, 'MQTT', [2, 2, 0, 0], 'alice')),
  'client-identifier-not-valid': (_, { broker }) => knock(broker, '', stay),
  'bad-user-name-or-password': (_, { broker }) => refusedWith(broker, ReasonCode.BadUserNameOrPassword),
  'not-authorized': (_, { broker }) => refusedWith(broker, ReasonCode.NotAuthorized),
  'server-unavailable': (_, { broker }) => refusedWith(broker, ReasonCode.ServerUnavailable),
  'too-many-connections': (_, { broker }) => knock(broker, 'carol'),
  'quality-not-supported': (_, { broker }) => refusedWith(broker, ReasonCode.QoSNotSupported),
  'bad-authentication-method': (_, { broker }) => refusedWith(broker, ReasonCode.BadAuthenticationMethod),
  'receive-maximum-exceeded': (_, { broker }) =>
    knock(broker, 'alice', { version: 5 }).publish('b', 'one', { qos: 2 }).publish('b', 'one too many', { qos: 2 }),
  'topic-alias-invalid': (_, { broker }) =>
    knock(broker, 'alice', { version: 5 }).publish('b', 'x', { version: 5, properties: { topicAlias: 33 } }),
  'payload-format-invalid': (_, { broker }) => knock(broker, 'alice', { version: 5 }).sendBytes(rawPacket(0x30, 'b', [2, 0x01, 1], [0xff])),
};

/** The ways that take alice's session over first. */
const ARRIVES_AGAIN: readonly CloseReason[] = ['taken-over', 'receive-maximum-exceeded', 'topic-alias-invalid', 'payload-format-invalid'];

function refusedWith(broker: TestBroker, verdict: ReasonCode): void {
  broker.broker.gate({ connect: () => verdict });
  knock(broker, 'alice');
}

const options: CreateOptions = {
  maxConnections: 1,
  maxPacketSize: 1_000_000,
  maxInflight: 1,
  maxQueuedMessages: 2,
  whenQueueFull: 'reject',
  receiveMaximum: 1,
  payloadFormat: 'check',
};

for (const reason of CLOSE_REASONS) {
  test(`a connection that ends for the reason '${reason}' gives everything back and is counted`, async (context) => {
    const take = context.mock.method(Arena.prototype, 'take');
    const give = context.mock.method(Arena.prototype, 'give');
    const storage = new FrailStorage();
    const broker = await createTestBroker({ ...options, storage });
    const told: string[] = [];
    broker.broker.on('disconnected', (event) => told.push(event.reason));
    const alice = await arrive(broker, 'alice', { keepAlive: 10 });
    await alice.subscribe('a', 2);
    for (let i = 0; i < 3; i++) await broker.broker.publish('a', 'x'.repeat(5_000), { qos: 2 });
    alice.publish('b', 'half', { qos: 2, packetId: 5 });
    await ways[reason](alice, { broker, storage, context });
    await broker.settle();

    assert.equal(broker.broker.stats.closed[reason], 1);
    if (!alice.closed) alice.leave();
    await broker.settle();
    assert.deepEqual(held(broker), NOTHING);
    assert.ok(reason in closeReasons(broker));
    assert.equal(told.length, ARRIVES_AGAIN.includes(reason) ? 2 : 1);
    assert.equal(take.mock.callCount() - give.mock.callCount(), 0, 'slabs that are still lent');
    assert.equal(broker.broker.stats.bugs, reason === 'internal-error' ? 1 : 0);
  });
}

test('a peer that takes no bytes is let go two seconds after the end, with all that waited for it', async (context) => {
  const take = context.mock.method(Arena.prototype, 'take');
  const give = context.mock.method(Arena.prototype, 'give');
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice');
  await alice.subscribe('a', 1);
  alice.connection.transport.freeze();
  for (let i = 0; i < 10; i++) {
    void broker.broker.publish('a', 'x'.repeat(7_000), { qos: 1 });
    broker.endTurn();
  }
  broker.broker.kick('alice');
  broker.advance(1_900);
  assert.deepEqual(held(broker), { ...NOTHING, transports: 1 });
  assert.ok(take.mock.callCount() > give.mock.callCount());
  broker.advance(100);
  await alice.expectClosed();
  assert.deepEqual(held(broker), NOTHING);
  assert.equal(take.mock.callCount(), give.mock.callCount());
});

test('a connection that is closed while it is not read is read again, to learn that its peer has closed too', async () => {
  const broker = await createTestBroker({ gates: { connect: async () => ReasonCode.NotAuthorized } });
  const alice = knock(broker, 'alice').send(pingreq);
  const { transport } = alice.connection;
  transport.freeze();
  assert.equal(transport.paused, true);
  await alice.expect();
  assert.equal(transport.paused, false);
  transport.thaw();
  await alice.expectClosed(connack(ReasonCode.NotAuthorized));
});

test('a peer that is slow is still handed everything sent before the end', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice');
  await alice.subscribe('a', 0);
  alice.connection.transport.freeze();
  const sent = Array.from({ length: 20 }, (_, i) => String(i).repeat(3_000));
  for (const payload of sent) await broker.broker.publish('a', payload);
  broker.broker.kick('alice');
  broker.advance(1_000);
  alice.connection.transport.thaw();
  assert.deepEqual(await alice.payloads(), sent);
  assert.equal(alice.closed, true);
  assert.deepEqual(held(broker), NOTHING);
});

const forClientsOnly: Packet[] = [connack(), suback(1, 0), unsuback(1), pingresp];
for (const packet of forClientsOnly) {
  test(`${packetName(packet.type)}, which only a server sends, closes the connection it came on [MQTT-4.8.0-1]`, async () => {
    const broker = await createTestBroker();
    const alice = await arrive(broker, 'alice');
    const bob = await arrive(broker, 'bob');
    await alice.send(packet).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
    await bob.send(pingreq).expect(pingresp);
  });
}

const malformed: { name: string; spec: string[]; bytes: Buffer }[] = [
  { name: 'packet type 0', spec: ['MQTT-4.8.0-1'], bytes: Buffer.of(0, 0) },
  { name: 'packet type 15', spec: ['MQTT-4.8.0-1'], bytes: Buffer.of(0xf0, 0) },
  { name: 'a Remaining Length of five bytes', spec: ['MQTT-4.8.0-1'], bytes: Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 1) },
  { name: 'PINGREQ with reserved bits set', spec: ['MQTT-2.2.2-2'], bytes: Buffer.of(0xc4, 0) },
  { name: 'PINGREQ with a payload', spec: ['MQTT-4.8.0-1'], bytes: Buffer.of(0xc0, 1, 0) },
  { name: 'DISCONNECT with a reserved bit set', spec: ['MQTT-3.14.1-1', 'MQTT-2.2.2-2'], bytes: Buffer.of(0xe2, 0) },
  { name: 'DISCONNECT with a payload', spec: ['MQTT-4.8.0-1'], bytes: Buffer.of(0xe0, 1, 0) },
  { name: 'a surrogate in a Topic Name', spec: ['MQTT-1.5.3-1', 'MQTT-3.3.2-1'], bytes: rawPacket(0x30, [0, 3, 0xed, 0xa0, 0x80]) },
  { name: 'U+0000 in a Topic Name', spec: ['MQTT-1.5.3-2'], bytes: rawPacket(0x30, 'a\0b') },
  { name: 'half a character in a Topic Filter', spec: ['MQTT-1.5.3-1', 'MQTT-3.8.3-1'], bytes: rawPacket(0x82, [0, 1, 0, 1, 0xc3, 0]) },
  { name: 'U+0000 in a Topic Filter to be removed', spec: ['MQTT-1.5.3-2'], bytes: rawPacket(0xa2, [0, 1], '\0') },
];
for (const { name, bytes } of malformed) {
  test(`${name} closes the connection it came on, as an error, after what came before was handled [MQTT-4.8.0-1]`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('#');
    const alice = await arrive(broker, 'alice', { will: { topic: 'gone', payload: Buffer.from('alice'), qos: 0, retain: false } });
    const before = encode(publish('a', 'before', { qos: 2, packetId: 1 }), 4);
    const after = encode(publish('a', 'after'), 4);
    await alice.sendBytes(Buffer.concat([before, bytes, after])).expectClosed(pubrec(1));
    assert.deepEqual(await bob.payloads(), ['before', 'alice']);
    assert.deepEqual(closeReasons(broker), { 'malformed-packet': 1 });
  });
}

test('every end is one line of log with client, address and reason, and none with a password', async () => {
  const lines: object[] = [];
  const write = (fields: object, message: string): void => void lines.push({ message, ...fields });
  const broker = await createTestBroker({ log: { debug: write, info: write, warn: write, error: write } });
  const address = '192.0.2.7:50112';
  const unnamed = new Client(broker, address).send(connect(''));
  const [assigned] = Array.from(broker.broker.sessions(), ({ clientId }) => clientId);
  unnamed.leave();
  broker.broker.gate({ connect: () => ReasonCode.BadUserNameOrPassword });
  new Client(broker, address).send(connect('alice', { username: 'alice', password: Buffer.from('a secret') }));
  new Client(broker, address).send(pingreq);
  const line = { message: 'connection closed', address };
  assert.deepEqual(lines, [
    { ...line, client: assigned, reason: 'client-disconnect', because: undefined },
    { ...line, client: 'alice', reason: 'bad-user-name-or-password', because: 'the connect gate refused' },
    { ...line, client: undefined, reason: 'protocol-error', because: 'the first byte is not that of a CONNECT' },
  ]);
});

test('nothing that comes behind DISCONNECT is handled', async () => {
  const broker = await createTestBroker();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('#');
  const alice = await arrive(broker, 'alice');
  alice.sendBytes(Buffer.concat([encode(disconnect, 4), encode(publish('a', 'too late'), 4), Buffer.of(0xff, 0xff)]));
  await alice.send(publish('a', 'later still')).expectClosed();
  await bob.expect();
  assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1 });
});

test('what a storage could not keep is not acknowledged: the connection is closed instead [MQTT-4.8.0-2]', async () => {
  const storage = new FrailStorage();
  const broker = await createTestBroker({ storage });
  const alice = await arrive(broker, 'alice', stay);
  await alice.subscribe('a', 2);
  const bob = await arrive(broker, 'bob');
  storage.broken = true;
  bob.publish('a', 'perhaps', { qos: 1 }).publish('a', 'lost', { qos: 2 });
  await bob.expectClosed();
  await alice.expectClosed(publish('a', 'perhaps', { qos: 1, packetId: 1 }));
  assert.deepEqual(closeReasons(broker), { 'storage-failed': 2 });
  assert.equal(broker.broker.transports, 0);
  await new Client(broker).expectClosed();
});

test('a bug in what one connection does closes that one, and is counted', async (context) => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice');
  const bob = await arrive(broker, 'bob');
  const bug = context.mock.method(Session.prototype, 'recorded', () => {
    throw new Error('a bug of the test');
  });
  await alice.send(pingreq, pubrec(1), pingreq).expectClosed(pingresp);
  bug.mock.restore();
  assert.equal(broker.broker.stats.bugs, 1);
  assert.deepEqual(closeReasons(broker), { 'internal-error': 1 });
  await bob.send(pingreq).expect(pingresp);
});

test('what listeners of lifecycle events throw harms no connection', async () => {
  const broker = await createTestBroker();
  for (const event of ['connected', 'disconnected', 'subscribed', 'unsubscribed', 'sessionEnded'] as const) {
    broker.broker.on(event, () => {
      throw new Error(`a listener of ${event}`);
    });
  }
  const alice = await arrive(broker, 'alice');
  await alice.subscribe('a');
  alice.leave();
  assert.equal(broker.broker.stats.bugs, 4);
  assert.deepEqual(held(broker), NOTHING);
});

test('a listener may kick the client it is told of, whatever it is told', async () => {
  const broker = await createTestBroker();
  const off = broker.broker.on('connected', ({ clientId }) => assert.equal(broker.broker.kick(clientId), true));
  broker.broker.on('subscribed', ({ clientId }) => assert.equal(broker.broker.kick(clientId), true));
  broker.broker.on('disconnected', ({ clientId }) => assert.equal(broker.broker.kick(clientId), false));
  await knock(broker, 'alice', stay)
    .send(subscribe(1, ['a', 0]))
    .expectClosed(connack());
  off();
  const alice = await comeBack(broker, 'alice');
  await alice.send(subscribe(1, ['a', 0])).expectClosed();
  assert.deepEqual(held(broker), { ...NOTHING, disconnected: 1, subscriptions: 1 });
  assert.deepEqual(closeReasons(broker), { kicked: 2 });
  assert.equal(broker.broker.stats.bugs, 0);
});

test('kick tells whether there was a connection to end', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', stay);
  assert.equal(broker.broker.kick('nobody'), false);
  assert.equal(broker.broker.kick('alice'), true);
  assert.equal(broker.broker.kick('alice'), false);
  await alice.expectClosed();
  await comeBack(broker, 'alice');
});

test('a broker that stops hands everybody what was sent, closes every connection and lets nobody in', async () => {
  const broker = await createTestBroker({
    gates: { connect: ({ clientId }) => (clientId === 'undecided' ? new Promise(() => {}) : true) },
  });
  const alice = await arrive(broker, 'alice', stay);
  await alice.subscribe('a', 1);
  const bob = await arrive(broker, 'bob');
  const silent = new Client(broker);
  const undecided = knock(broker, 'undecided');
  bob.publish('a', 'the last thing', { qos: 1 });
  const closing = Promise.all([broker.broker.close(), broker.broker.close()]);
  await alice.expectClosed(publish('a', 'the last thing', { qos: 1, packetId: 1 }));
  await bob.expectClosed(puback(1));
  await silent.expectClosed();
  await undecided.expectClosed();
  await closing;
  await knock(broker, 'late').expectClosed();
  assert.deepEqual(closeReasons(broker), { 'server-stopping': 5 });
  assert.deepEqual(held(broker), { ...NOTHING, disconnected: 1, subscriptions: 1 });
});

for (const event of ['connected', 'disconnected'] as const) {
  test(`a broker that is stopped by a listener of '${event}' stops all the same`, async () => {
    const broker = await createTestBroker();
    const alice = await arrive(broker, 'alice');
    broker.broker.on(event, () => void broker.broker.close());
    const next = knock(broker, 'alice');
    await broker.settle();
    assert.deepEqual([alice.closed, next.closed], [true, true]);
    assert.deepEqual(held(broker), NOTHING);
  });
}
