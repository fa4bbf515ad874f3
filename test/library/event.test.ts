/** Lifecycle events: what is told, with what, and in which order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker, EventName } from 'posmq';
import { createTestBroker, PacketType } from 'posmq/testing';
import { arrive, comeBack, connect, knock, subscribe, unsubscribe } from '../conversations/client.js';

const NAMES: readonly EventName[] = ['connected', 'disconnected', 'subscribed', 'unsubscribed', 'sessionEnded'];

/** Everything a broker tells from now on: `[name, event]`. */
function told(broker: Broker): [EventName, object][] {
  const events: [EventName, object][] = [];
  for (const name of NAMES) broker.on(name, (event) => events.push([name, event]));
  return events;
}

test('a visit is told from its beginning to its end', async () => {
  const test = await createTestBroker();
  const events = told(test.broker);
  const client = test.connect('192.0.2.7:50112');
  client.send(connect('ann', { username: 'Ann', password: Buffer.from('secret') }));
  client.send(subscribe(1, ['a/+', 1], ['b', 2]), unsubscribe(2, 'b', 'never'));
  assert.deepEqual(events.splice(0), [
    [
      'connected',
      { clientId: 'ann', username: 'Ann', version: 4, remoteAddress: '192.0.2.7:50112', sessionPresent: false, properties: undefined },
    ],
    ['subscribed', { clientId: 'ann', filter: 'a/+', qos: 1, identifier: undefined }],
    ['subscribed', { clientId: 'ann', filter: 'b', qos: 2, identifier: undefined }],
    ['unsubscribed', { clientId: 'ann', filter: 'b' }],
  ]);
  client.hangUp();
  assert.deepEqual(
    new Map(events),
    new Map<string, object>([
      ['disconnected', { clientId: 'ann', reason: 'connection-lost' }],
      ['sessionEnded', { clientId: 'ann' }],
    ]),
  );
});

test('the properties of a 5.0 client are told with what it does', async () => {
  const test = await createTestBroker();
  const events = told(test.broker);
  const properties = { sessionExpiryInterval: 60, userProperties: [['till', '7']] as [string, string][] };
  const client = test.connect('192.0.2.7:50112');
  client.send({ type: PacketType.Connect, version: 5, clean: true, keepAlive: 0, clientId: 'ann', properties });
  client.send({
    type: PacketType.Subscribe,
    packetId: 1,
    subscriptions: [{ filter: 'a', qos: 1 }],
    properties: { subscriptionIdentifiers: [9] },
  });
  assert.deepEqual(events, [
    [
      'connected',
      { clientId: 'ann', username: undefined, version: 5, remoteAddress: '192.0.2.7:50112', sessionPresent: false, properties },
    ],
    ['subscribed', { clientId: 'ann', filter: 'a', qos: 1, identifier: 9 }],
  ]);
});

test('a session that is kept ends when it expires, or when a clean one takes its place', async () => {
  const test = await createTestBroker({ sessionExpiry: 10 });
  const events = told(test.broker);
  const ended = (): number => events.splice(0).filter(([name]) => name === 'sessionEnded').length;
  (await arrive(test, 'ann', { clean: false })).leave();
  assert.equal(ended(), 0);
  (await comeBack(test, 'ann')).leave();
  assert.deepEqual(events[0], [
    'connected',
    { clientId: 'ann', username: undefined, version: 4, remoteAddress: 'memory', sessionPresent: true, properties: undefined },
  ]);
  assert.equal(ended(), 0);
  test.advance(11_000);
  assert.equal(ended(), 1);
  (await arrive(test, 'ann', { clean: false })).leave();
  await arrive(test, 'ann', { clean: true });
  assert.equal(ended(), 1);
});

test('a take-over is told as the end of the old connection and the beginning of the new', async () => {
  const test = await createTestBroker();
  await arrive(test, 'ann', { clean: false });
  const events = told(test.broker);
  await comeBack(test, 'ann');
  assert.deepEqual(events, [
    ['disconnected', { clientId: 'ann', reason: 'taken-over' }],
    [
      'connected',
      { clientId: 'ann', username: undefined, version: 4, remoteAddress: 'memory', sessionPresent: true, properties: undefined },
    ],
  ]);
});

test('what never was a session is not told', async () => {
  const test = await createTestBroker({ gates: { connect: () => 0x87 } });
  const events = told(test.broker);
  test.connect().sendHex('00 00');
  test.connect().hangUp();
  await knock(test, 'ann').take();
  assert.deepEqual(events, []);
});

test('a client can be kicked by who hears that it is connected', async () => {
  const test = await createTestBroker();
  test.broker.on('connected', ({ clientId }) => void test.broker.kick(clientId));
  const ann = knock(test, 'ann');
  await ann.take();
  assert.equal(ann.closed, true);
  assert.equal(test.broker.session('ann'), undefined);
  assert.equal(test.broker.stats.sessions.connected, 0);
});

test('by the time something is told it can be asked about', async () => {
  const test = await createTestBroker();
  const seen: unknown[] = [];
  const { broker } = test;
  broker.on('connected', ({ clientId }) => seen.push(broker.session(clientId)?.connection?.address, broker.session(clientId)?.username));
  broker.on('subscribed', ({ clientId }) => seen.push(broker.session(clientId)?.subscriptions.length));
  broker.on('disconnected', ({ clientId }) => seen.push(broker.session(clientId)?.connection));
  broker.on('sessionEnded', ({ clientId }) => seen.push(broker.session(clientId)));
  const ann = await arrive(test, 'ann', { username: 'Ann' });
  await ann.subscribe('a');
  ann.leave();
  assert.deepEqual(seen, ['memory', 'Ann', 1, undefined, undefined]);
});

test('listening ends when told', async () => {
  const test = await createTestBroker();
  const names: string[] = [];
  const end = test.broker.on('connected', ({ clientId }) => names.push(clientId));
  await arrive(test, 'ann');
  end();
  await arrive(test, 'bob');
  assert.deepEqual(names, ['ann']);
});

test('a listener that throws, at once or later, harms nobody and is counted', async () => {
  const test = await createTestBroker();
  test.broker.on('connected', () => {
    throw new Error('at once');
  });
  test.broker.on('connected', async () => {
    throw new Error('later');
  });
  const names: string[] = [];
  test.broker.on('connected', ({ clientId }) => names.push(clientId));
  await arrive(test, 'ann');
  assert.deepEqual(names, ['ann']);
  assert.equal(test.broker.stats.bugs, 2);
});
