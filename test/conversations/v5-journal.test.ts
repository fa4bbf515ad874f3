/** A restart of sessions and messages of 5.0: their properties, options and deadlines are there again as well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import type { SubscriptionRequest } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, PacketType, Publish, type Packet, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  comeBack,
  connack,
  knock,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  toldWhole,
  welcomeOf,
  type Client,
} from './client.js';

const keptFor = (seconds: number): { properties: Properties } => ({ properties: { sessionExpiryInterval: seconds } });
/** Records of a store that keeps nothing for anybody: its version, and how far its numbers go. */
const BARE = 2;

const back = { clean: false, sessionPresent: true, ...keptFor(1_000) };

/** A broker on a storage, Ann, who publishes, and Bob, whose session is kept for 1,000 s. */
async function scene(
  options: CreateOptions = {},
): Promise<{ storage: MemoryStorage; broker: TestBroker; ann: Client; bob: Client; restart: () => Promise<TestBroker> }> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, ...options });
  const ann = await arrive5(broker, 'ann');
  const bob = await arrive5(broker, 'bob', keptFor(1_000));
  // The first broker is left as it stands: a process that dies says nothing. Its successor's clock begins where the first one's began.
  const restart = async (): Promise<TestBroker> => {
    await broker.settle();
    const again = await createTestBroker({ storage, ...options });
    again.advance(broker.now - again.now);
    return again;
  };
  return { storage, broker, ann, bob, restart };
}

async function granted(client: Client, request: SubscriptionRequest, identifier?: number): Promise<void> {
  const properties = identifier === undefined ? undefined : { subscriptionIdentifiers: [identifier] };
  const packet: Packet = { type: PacketType.Subscribe, packetId: 99, subscriptions: [request] };
  await client.send(properties === undefined ? packet : { ...packet, properties }).expectFirst(suback(99, request.qos));
}

/** A PUBLISH with its properties, as a subscriber is to hear it. */
function heard(topic: string, payload: string, options: Parameters<typeof publish>[2], properties: Properties | undefined): object {
  return { ...toldWhole([publish(topic, payload, options)])[0], properties };
}

async function expectHeard(client: Client, ...messages: object[]): Promise<void> {
  assert.deepEqual(toldWhole(await client.take()), messages);
}

const every: Properties = {
  payloadFormatIndicator: 1,
  contentType: 'text/plain',
  responseTopic: 'answers/ü',
  correlationData: Buffer.of(0, 255),
  userProperties: [
    ['b', '1'],
    ['a', ''],
    ['b', '1'],
  ],
};

for (const qos of [1, 2] as const) {
  test(`a message of QoS ${qos} that waits comes back with all its properties`, async () => {
    const { ann, bob, restart } = await scene();
    await bob.subscribe('t', 2);
    bob.hangUp();
    ann.publish('t', 'x', { qos, version: 5, properties: every });
    const again = await arrive5(await restart(), 'bob', back);
    await expectHeard(again, heard('t', 'x', { qos, packetId: qos === 1 ? 1 : identifierAt(2) }, every));
  });

  test(`a message of QoS ${qos} in flight comes back with all its properties, under its identifier, with DUP`, async () => {
    const { ann, bob, restart } = await scene();
    await bob.subscribe('t', 2);
    ann.publish('t', 'x', { qos, version: 5, properties: every });
    await expectHeard(bob, heard('t', 'x', { qos, packetId: 1 }, every));
    const again = await arrive5(await restart(), 'bob', back);
    await expectHeard(again, heard('t', 'x', { qos, packetId: 1, dup: true }, every));
    await again.send(qos === 1 ? puback(1) : pubrec(1)).expect(...(qos === 1 ? [] : [pubrel(1)]));
    if (qos === 2) await again.send(pubcomp(1)).expect();
  });
}

test('a retained message comes back with all its properties', async () => {
  const { ann, restart } = await scene();
  ann.publish('t', 'x', { qos: 1, retain: true, version: 5, properties: every });
  await ann.take();
  const cy = await arrive5(await restart(), 'cy');
  await cy.subscribe('t', 1);
  await expectHeard(cy, heard('t', 'x', { qos: 1, retain: true, packetId: 1 }, every));
});

test('a message that was published under a Topic Alias comes back under its topic', async () => {
  const { ann, bob, restart } = await scene();
  await bob.subscribe('#', 1);
  bob.hangUp();
  ann.publish('a/topic', '1', { qos: 1, retain: true, version: 5, properties: { topicAlias: 3 } });
  ann.publish('', '2', { qos: 1, version: 5, properties: { topicAlias: 3, contentType: 'x' } });
  await ann.take();
  const broker = await restart();
  await expectHeard(
    await arrive5(broker, 'bob', back),
    heard('a/topic', '1', { qos: 1, packetId: 1 }, undefined),
    heard('a/topic', '2', { qos: 1, packetId: 2 }, { contentType: 'x' }),
  );
  const cy = await arrive5(broker, 'cy');
  await cy.subscribe('#');
  await expectHeard(cy, heard('a/topic', '1', { retain: true }, undefined));
});

test('the time a message has left goes on through a restart, and what has expired does not come back [MQTT5-3.3.2-5] [MQTT5-3.3.2-6]', async () => {
  const { broker, ann, bob, restart } = await scene();
  await bob.subscribe('t', 1);
  bob.hangUp();
  for (const [payload, messageExpiryInterval] of [
    ['short', 10],
    ['long', 100],
  ] as const) {
    ann.publish('t', payload, { qos: 1, version: 5, properties: { messageExpiryInterval } });
    ann.publish(payload, payload, { retain: true, version: 5, properties: { messageExpiryInterval } });
  }
  await ann.take();
  broker.advance(4_000);
  const again = await restart();
  again.advance(26_000);
  await expectHeard(await arrive5(again, 'bob', back), heard('t', 'long', { qos: 1, packetId: 1 }, { messageExpiryInterval: 70 }));
  const cy = await arrive5(again, 'cy');
  await cy.subscribe('#');
  await expectHeard(cy, heard('long', 'long', { retain: true }, { messageExpiryInterval: 70 }));
  assert.equal(again.broker.stats.retained.messages, 1);
  assert.equal(again.broker.stats.dropped['message-expired'], 2);
});

test('what expired while the process was down does not come back, and leaves no record when it has been asked for', async () => {
  const { storage, broker, ann, bob, restart } = await scene();
  await bob.subscribe('t', 1);
  bob.hangUp();
  await broker.settle();
  const before = storage.size;
  const soon = { version: 5, properties: { messageExpiryInterval: 5 } } as const;
  ann.publish('t', 'x', { ...soon, qos: 1, retain: true });
  await ann.take();
  assert.equal(storage.size, before + 3, 'what is retained, what waits, and when that expires');
  const again = await restart();
  again.advance(6_000);
  await (await arrive5(again, 'bob', back)).expect();
  await (await (await arrive5(again, 'cy')).subscribe('#')).expect();
  await again.settle();
  assert.equal(storage.size, before);
});

test('Subscription Identifiers come back with the subscription, and with the messages that wait [MQTT5-3.3.4-3] [MQTT5-3.3.4-4]', async () => {
  const { ann, bob, restart } = await scene();
  await granted(bob, { filter: 't', qos: 1 }, 1);
  await granted(bob, { filter: '#', qos: 1 }, 268_435_455);
  await granted(bob, { filter: 'plain', qos: 1 });
  bob.hangUp();
  ann.publish('t', 'waits', { qos: 1 });
  await ann.take();
  const broker = await restart();
  const again = await arrive5(broker, 'bob', back);
  (await arrive5(broker, 'cy')).publish('t', 'new').publish('other', 'new');
  const identifiers = (await again.take()).map((packet) => {
    assert.ok(packet instanceof Publish);
    return [...(packet.properties?.subscriptionIdentifiers ?? [])].sort((one, other) => one - other);
  });
  assert.deepEqual(identifiers, [[1, 268_435_455], [1, 268_435_455], [268_435_455]]);
});

test('the options of a subscription come back: QoS, No Local and Retain As Published', async () => {
  const { bob, restart } = await scene();
  await granted(bob, { filter: 'local', qos: 0, noLocal: true });
  await granted(bob, { filter: 'retain', qos: 1, retainAsPublished: true });
  await granted(bob, { filter: 'plain', qos: 2 });
  const broker = await restart();
  const again = await arrive5(broker, 'bob', back);
  const cy = await arrive5(broker, 'cy');
  const publishBoth = async (topic: string): Promise<void> => {
    again.publish(topic, 'own', { retain: true });
    await broker.settle();
    cy.publish(topic, 'foreign', { qos: 2, retain: true });
  };
  await publishBoth('local');
  await again.expect(publish('local', 'foreign'));
  await publishBoth('retain');
  await again.expect(publish('retain', 'own', { retain: true }), publish('retain', 'foreign', { qos: 1, retain: true, packetId: 1 }));
  await publishBoth('plain');
  await again.expect(publish('plain', 'own'), publish('plain', 'foreign', { qos: 2, packetId: 2 }));
});

test('No Local holds for what waits as a retained message too, by whose it was before the restart [MQTT5-3.8.3-3]', async () => {
  const { bob, restart } = await scene();
  bob.publish('t', 'own', { retain: true });
  await bob.take();
  const broker = await restart();
  const again = await arrive5(broker, 'bob', back);
  await granted(again, { filter: 't', qos: 0, noLocal: true });
  await again.expect();
  const cy = await arrive5(broker, 'cy');
  await granted(cy, { filter: 't', qos: 0, noLocal: true });
  await cy.expect(publish('t', 'own', { retain: true }));
});

test('a message told to a subscriber with Retain As Published comes back with its RETAIN', async () => {
  const { ann, bob, restart } = await scene();
  await granted(bob, { filter: 't', qos: 1, retainAsPublished: true });
  bob.hangUp();
  ann.publish('t', '1', { qos: 1, retain: true }).publish('t', '2', { qos: 1 });
  await ann.take();
  await (await arrive5(await restart(), 'bob', back)).expect(
    publish('t', '1', { qos: 1, retain: true, packetId: 1 }),
    publish('t', '2', { qos: 1, packetId: 2 }),
  );
});

test('a 5.0 message that waited comes back to a 3.1.1 connection of its session, and the other way round', async () => {
  const { broker, ann, bob, restart } = await scene();
  await granted(bob, { filter: 't', qos: 1 }, 4);
  const cy = await arrive(broker, 'cy', { clean: false });
  await cy.subscribe('t', 1);
  for (const client of [bob, cy]) client.hangUp();
  ann.publish('t', 'x', { qos: 1, version: 5, properties: every });
  await ann.take();
  const again = await restart();
  await (await comeBack(again, 'bob')).expect(publish('t', 'x', { qos: 1, packetId: 1 }));
  await expectHeard(await arrive5(again, 'cy', back), heard('t', 'x', { qos: 1, packetId: 1 }, every));
});

/** Seconds a session is kept, and whether it is there so many seconds after the process died, or after its connection ended. */
const expiries = [
  { expiry: 10, connected: false, at: 9, found: true },
  { expiry: 10, connected: false, at: 11, found: false },
  { expiry: 10, connected: true, at: 9, found: true },
  { expiry: 10, connected: true, at: 11, found: false },
  { expiry: 0xffff_ffff, connected: false, at: 10_000, found: true },
  { expiry: 0xffff_ffff, connected: true, at: 10_000, found: true },
  { expiry: 0, connected: true, at: 0, found: false },
] as const;
for (const { expiry, connected, at, found } of expiries) {
  const state = connected ? 'connected' : 'away';
  test(`a session kept for ${expiry} s that was ${state} is ${found ? '' : 'not '}there ${at} s after a restart [MQTT5-3.1.2-23]`, async () => {
    const { broker, restart } = await scene({ sessionExpiry: 0xffff_ffff });
    const dan = await arrive5(broker, 'dan', keptFor(expiry));
    if (!connected) dan.hangUp();
    const again = await restart();
    again.advance(at * 1_000);
    await knock(again, 'dan', { clean: false }).expect(connack(0, found));
  });
}

test('a session keeps the interval its DISCONNECT, or its last CONNECT, gave it', async () => {
  const { broker, restart } = await scene();
  const [dan, eve] = [await arrive5(broker, 'dan', keptFor(10)), await arrive5(broker, 'eve', keptFor(10))];
  dan.send({ type: PacketType.Disconnect, reasonCode: 0, properties: { sessionExpiryInterval: 100 } });
  eve.hangUp();
  await arrive5(broker, 'eve', { clean: false, sessionPresent: true, ...keptFor(100) });
  const again = await restart();
  assert.deepEqual(
    ['dan', 'eve'].map((name) => again.broker.session(name)?.expiryInterval),
    [100, 100],
  );
  again.advance(99_000);
  assert.deepEqual(
    ['dan', 'eve'].map((name) => again.broker.session(name) !== undefined),
    [true, true],
  );
  again.advance(2_000);
  assert.deepEqual(
    ['dan', 'eve'].map((name) => again.broker.session(name)),
    [undefined, undefined],
  );
});

test('a session that was told to end leaves nothing behind', async () => {
  const { storage, broker, ann, bob, restart } = await scene();
  await granted(bob, { filter: '$share/g/t', qos: 1 }, 5);
  await granted(bob, { filter: 't', qos: 2 }, 6);
  ann.publish('t', 'x', { qos: 2, version: 5, properties: every });
  bob.publish('u', 'y', { qos: 2, packetId: 8 });
  await bob.take();
  assert.ok(storage.size > 6);
  bob.send({ type: PacketType.Disconnect, reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await broker.settle();
  assert.equal(storage.size, BARE);
  assert.deepEqual([...(await restart()).broker.sessions()], []);
});

test('a session that a client of 5.0 resumes to end it with its connection leaves nothing behind after a crash', async () => {
  const { storage, broker, bob, restart } = await scene();
  await bob.subscribe('t', 1);
  bob.hangUp();
  await arrive5(broker, 'bob', { clean: false, sessionPresent: true });
  const again = await restart();
  await again.settle();
  assert.equal(storage.size, BARE);
  assert.equal((await welcomeOf(again, knock(again, 'bob', { version: 5, clean: false }))).sessionPresent, false);
});
