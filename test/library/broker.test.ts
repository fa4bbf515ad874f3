/** The rest of the library: starting and closing a broker, plugins, kicking, and what it says of its sessions and itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { test } from 'node:test';
import { ConfigurationError, createBroker, MemoryStorage, type Broker, type SessionView } from 'posmq';
import { createTestBroker, encode, MemoryTransport, type Packet } from 'posmq/testing';
import {
  arrive,
  comeBack,
  connack,
  connect,
  disconnect,
  knock,
  pingreq,
  puback,
  publish,
  pubrec,
  suback,
  subscribe,
} from '../conversations/client.js';

const size = (...packets: Packet[]): number => packets.reduce((sum, packet) => sum + encode(packet, 4).length, 0);

test('over TCP: it listens where it says, serves a client, tells of it, and closes', async () => {
  const broker = await createBroker({ port: 0, host: '127.0.0.1', statusInterval: 0 });
  const { host, port } = broker.address;
  assert.equal(host, '127.0.0.1');
  assert.ok(port > 0);
  const socket = dial({ host, port });
  socket.write(encode(connect('ann'), 4));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.deepEqual(answer, encode(connack(), 4));
  assert.match(broker.session('ann')?.connection?.address ?? '', /^127\.0\.0\.1:\d+$/);
  await assert.rejects(createBroker({ port, host }), { code: 'EADDRINUSE' });
  const ended = once(socket, 'close');
  await broker.close();
  await ended;
  assert.equal(broker.stats.connections.open, 0);
  const refused = dial({ host, port });
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('a broker without a listener has no address', async () => {
  const { broker } = await createTestBroker();
  assert.throws(() => broker.address, /this broker does not listen/);
});

test('options are checked before anything is started', async () => {
  await assert.rejects(createBroker({ port: 99_999 }), ConfigurationError);
  await assert.rejects(createBroker({ prot: 1 } as object), ConfigurationError);
});

test('plugins are called in their order, each waited for, before anybody is let in', async () => {
  const log: string[] = [];
  const plugin =
    (name: string) =>
    async (broker: Broker): Promise<void> => {
      await Promise.resolve();
      log.push(`${name} ${broker.stats.connections.total}`);
    };
  const test = await createTestBroker({ plugins: [plugin('first'), plugin('second')] });
  assert.deepEqual(log, ['first 0', 'second 0']);
  assert.equal(await test.broker.use(plugin('third')), test.broker);
  assert.equal(log.length, 3);
});

test('a plugin that fails stops the start', async () => {
  const failing = async (): Promise<void> => {
    throw new Error('no table');
  };
  await assert.rejects(createBroker({ port: 0, host: '127.0.0.1', plugins: [failing] }), /no table/);
  await assert.rejects((await createTestBroker()).broker.use(failing), /no table/);
});

test('kicking closes the connection of a client, whose Will is published; there must be one', async () => {
  const test = await createTestBroker();
  const { broker } = test;
  const bob = await arrive(test, 'bob', { clean: false });
  await bob.subscribe('#');
  const ann = await arrive(test, 'ann', { will: { topic: 'a', payload: Buffer.from('gone'), qos: 0, retain: false } });
  assert.equal(broker.kick('nobody'), false);
  assert.equal(broker.kick('ann'), true);
  await ann.expectClosed();
  await bob.expect(publish('a', 'gone'));
  assert.equal(broker.kick('bob'), true);
  assert.equal(broker.kick('bob'), false, 'its session is there, its connection is not');
  assert.equal(broker.stats.closed.kicked, 2);
  await comeBack(test, 'bob');
});

test('a session says everything there is to say of it, and of its connection', async () => {
  const test = await createTestBroker({ maxInflight: 2, maxBufferedBytes: 65_536 });
  const start = test.now;
  test.advance(1_000);
  const client = test.connect('192.0.2.7:50112');
  test.advance(500);
  const hello = connect('ann', { clean: false, keepAlive: 60, username: 'Ann', password: Buffer.from('secret') });
  const asks = subscribe(1, ['a/+', 1], ['b', 0]);
  client.send(hello, asks);
  test.advance(1_000);
  const said = publish('c', 'x', { qos: 2, packetId: 9 });
  client.send(said);
  const eve = await arrive(test, 'eve');
  for (let i = 1; i <= 4; i++) eve.publish('a/1', `${i}`, { qos: 1 });
  test.endTurn();
  client.transport.freeze();
  eve.publish('b', 'waits');
  test.endTurn();
  const waiting = publish('b', 'waits');
  const sent = [
    connack(),
    suback(1, 1, 0),
    pubrec(9),
    publish('a/1', '1', { qos: 1, packetId: 1 }),
    publish('a/1', '2', { qos: 1, packetId: 2 }),
    waiting,
  ];
  const expected: SessionView = {
    clientId: 'ann',
    username: 'Ann',
    clean: false,
    expiryInterval: 2_592_000,
    createdAt: start + 1_500,
    connection: {
      address: '192.0.2.7:50112',
      protocol: 'MQTT 3.1.1',
      connectedAt: start + 1_000,
      keepAlive: 60,
      lastPacketAt: start + 2_500,
      bytesBuffered: size(waiting),
      bytesReceived: size(hello, asks, said),
      bytesSent: size(...sent),
    },
    subscriptions: [
      { filter: 'a/+', qos: 1 },
      { filter: 'b', qos: 0 },
    ],
    inflight: 2,
    received: 1,
    queuedMessages: 2,
    queuedBytes: 2 * size(publish('a/1', '3', { qos: 1, packetId: 3 })),
    messagesReceived: 1,
    messagesSent: 3,
    messagesDropped: 0,
  };
  assert.deepEqual(test.broker.session('ann'), expected);
  client.hangUp();
  eve.publish('b', 'lost');
  assert.deepEqual(test.broker.session('ann'), { ...expected, connection: undefined, messagesDropped: 1 });
});

test('sessions are listed, those whose client is away among them, with their protocol', async () => {
  const test = await createTestBroker();
  const { broker } = test;
  await arrive(test, 'ann', { version: 3, keepAlive: 0 });
  (await arrive(test, 'bob', { clean: false })).leave();
  assert.deepEqual(
    [...broker.sessions()].map(({ clientId, clean, connection }) => [clientId, clean, connection?.protocol]),
    [
      ['ann', true, 'MQTT 3.1'],
      ['bob', false, undefined],
    ],
  );
  assert.equal(broker.session('nobody'), undefined);
});

test('the figures are those of this moment and since the start', async () => {
  const test = await createTestBroker();
  const start = test.now;
  const ann = await arrive(test, 'ann');
  (await arrive(test, 'bob', { clean: false })).leave();
  await knock(test, '', { clean: false }).take();
  await ann.subscribe('a', 1);
  ann.publish('a', 'xyz', { qos: 1, retain: true, packetId: 7 });
  await ann.expect(publish('a', 'xyz', { qos: 1, packetId: 1 }), puback(7));
  const retained = size(publish('a', 'xyz', { qos: 1, packetId: 7, retain: true }));
  const received = [
    connect('ann'),
    connect('bob', { clean: false }),
    disconnect,
    connect('', { clean: false }),
    subscribe(1, ['a', 1]),
    publish('a', 'xyz', { qos: 1, packetId: 7 }),
  ];
  const sent = [connack(), connack(), connack(0x85), suback(1, 1), publish('a', 'xyz', { qos: 1, packetId: 1 }), puback(7)];
  const { dropped, closed, ...figures } = test.broker.stats;
  assert.deepEqual(figures, {
    startedAt: start,
    connections: { open: 1, total: 3 },
    sessions: { connected: 1, disconnected: 1 },
    subscriptions: 1,
    retained: { messages: 1, bytes: retained },
    queued: { messages: 0, bytes: 0 },
    received: { messages: 1, packets: received.length, bytes: size(...received) },
    sent: { messages: 1, packets: sent.length, bytes: size(...sent) },
    bugs: 0,
  });
  const counted = (counts: object): object => Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
  assert.deepEqual(counted(closed), { 'client-disconnect': 1, 'client-identifier-not-valid': 1 });
  assert.deepEqual(counted(dropped), {});
});

test('closing publishes Wills, closes everybody, lets nobody in, and is done once', async () => {
  const test = await createTestBroker();
  const { broker } = test;
  const wills: string[] = [];
  broker.subscribe('#', ({ payload }) => wills.push(payload.toString()));
  const ann = await arrive(test, 'ann', { will: { topic: 'a', payload: Buffer.from('gone'), qos: 0, retain: false } });
  const bob = await arrive(test, 'bob', { clean: false });
  await Promise.all([broker.close(), broker.close(), test.settle()]);
  await broker.close();
  assert.deepEqual([ann.closed, bob.closed], [true, true]);
  assert.deepEqual(wills, ['gone']);
  assert.equal(broker.stats.closed['server-stopping'], 2);
  assert.equal(broker.transports, 0);
  const late = knock(test, 'late');
  assert.equal(late.closed, true);
  assert.equal(broker.stats.closed['too-many-connections'], 0, 'there are not too many');
});

test('a connection may be brought from elsewhere', async () => {
  const test = await createTestBroker();
  let received = Buffer.alloc(0);
  const transport = new MemoryTransport(
    { received: (bytes) => (received = Buffer.concat([received, bytes])), closed: () => {} },
    'serial:/dev/ttyS0',
  );
  assert.equal(test.broker.accept(transport), true);
  transport.send(encode(connect('ann'), 4));
  transport.send(encode(pingreq, 4));
  test.endTurn();
  assert.deepEqual(received, Buffer.concat([encode(connack(), 4), Buffer.from([0xd0, 0])]));
  assert.equal(test.broker.session('ann')?.connection?.address, 'serial:/dev/ttyS0');
});

test('a storage is its opener’s: the broker keeps things in it and does not close it', async () => {
  const storage = new MemoryStorage();
  const test = await createTestBroker({ storage });
  await Promise.all([test.broker.publish('a', 'x', { retain: true }), test.settle()]);
  await Promise.all([test.broker.close(), test.settle()]);
  assert.equal(storage.size, 2, 'the message, and the version of the store');
  const again = await createTestBroker({ storage });
  assert.equal(again.broker.stats.retained.messages, 1);
});
