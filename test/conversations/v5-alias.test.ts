/** Topic Aliases in both directions (MQTT 5.0 section 3.3.2.3.4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { createTestBroker, MemoryStorage, Publish, type QoS, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, closeReasons, expectFarewell, expectWhole, having, puback, publish, pubrec, type Client } from './client.js';

/** A topic long enough for an alias to be worth it. */
const TOPIC = 'house/kitchen/temperature';
const OTHER = 'house/kitchen/humidity';

// From the client.

async function scene(options: CreateOptions = {}): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker(options);
  const bob = await arrive5(broker, 'bob');
  await bob.subscribe('#');
  return { broker, bob, ann: await arrive5(broker, 'ann', { properties: { sessionExpiryInterval: 60 } }) };
}

const alias = (topicAlias: number): ReturnType<typeof having> => having({ topicAlias });

async function topics(client: Client): Promise<string[]> {
  return (await client.take()).map((packet) => (packet instanceof Publish ? packet.topic : packet.type.toString()));
}

test('every alias up to the maximum can be set, used, and set anew, and is not passed on [MQTT5-3.3.2-12]', async () => {
  const { ann, bob } = await scene({ topicAliasMaximum: 3 });
  for (let i = 1; i <= 3; i++) ann.publish(`t/${i}`, 'set', alias(i));
  for (let i = 3; i >= 1; i--) ann.publish('', 'used', alias(i));
  ann.publish('t/new', 'set anew', alias(2));
  ann.publish('', 'used', alias(2)).publish('', 'used', alias(1));
  const packets = await bob.take();
  assert.deepEqual(
    packets.map((packet) => packet instanceof Publish && [packet.topic, packet.properties]),
    ['t/1', 't/2', 't/3', 't/3', 't/2', 't/1', 't/new', 't/new', 't/1'].map((topic) => [topic, undefined]),
  );
});

test('an alias has the other properties beside it, and is good for retained and QoS 2 messages too', async () => {
  const { broker, ann } = await scene();
  ann.publish(TOPIC, 'set', alias(1));
  await ann.publish('', 'kept', having({ topicAlias: 1, contentType: 'c' }, { qos: 2, retain: true, packetId: 5 })).expect(pubrec(5));
  await ann.publish('', 'kept', having({ topicAlias: 1 }, { qos: 2, dup: true, packetId: 5 })).expect(pubrec(5));
  const late = await arrive5(broker, 'late');
  await late.subscribe(TOPIC, 0);
  await expectWhole(late, publish(TOPIC, 'kept', having({ contentType: 'c' }, { retain: true })));
  const old = await arrive(broker, 'old');
  await old.subscribe(TOPIC, 0);
  await old.expect(publish(TOPIC, 'kept', { retain: true }));
});

const invalid: { name: string; spec: string; options?: CreateOptions; topic: string; topicAlias: number; code: 0x82 | 0x94 }[] = [
  { name: 'is 0', spec: '[MQTT5-3.3.2-8]', topic: TOPIC, topicAlias: 0, code: 0x94 },
  { name: 'is above the maximum', spec: '[MQTT5-3.3.2-9][MQTT5-3.2.2-17]', topic: '', topicAlias: 33, code: 0x94 },
  { name: 'is above the maximum, with a topic name', spec: '[MQTT5-3.3.2-9][MQTT5-3.2.2-17]', topic: TOPIC, topicAlias: 33, code: 0x94 },
  {
    name: 'is 1 where none is taken',
    spec: '[MQTT5-3.2.2-18]',
    options: { topicAliasMaximum: 0 },
    topic: TOPIC,
    topicAlias: 1,
    code: 0x94,
  },
  { name: 'stands for nothing yet', spec: '[MQTT5-4.7.3-1]', topic: '', topicAlias: 32, code: 0x82 },
];
for (const { name, spec, options = {}, topic, topicAlias, code } of invalid) {
  test(`an alias that ${name} closes the connection with 0x${code.toString(16)} ${spec}`, async () => {
    const { broker, ann, bob } = await scene(options);
    ann.publish(topic, 'x', alias(topicAlias));
    await expectFarewell(ann, code);
    await bob.expect();
    assert.deepEqual(closeReasons(broker), { [code === 0x94 ? 'topic-alias-invalid' : 'protocol-error']: 1 });
  });
}

test('what the client has named ends with its connection, though not with its session, and is no other client’s [MQTT5-3.3.2-7]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish(TOPIC, 'set', alias(1));
  const cat = await arrive5(broker, 'cat');
  cat.publish('', 'whose?', alias(1));
  await expectFarewell(cat, 0x82);
  ann.hangUp();
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true });
  again.publish('', 'lost', alias(1));
  await expectFarewell(again, 0x82);
  assert.deepEqual(await topics(bob), [TOPIC]);
});

// To the client.

/** Bob hears everything with so many aliases; Ann publishes. */
async function hearing(
  topicAliasMaximum: number | undefined,
  options: CreateOptions = {},
  more: { maximumPacketSize?: number; sessionExpiryInterval?: number } = {},
): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker(options);
  const properties = { ...more, ...(topicAliasMaximum === undefined ? undefined : { topicAliasMaximum }) };
  const bob = await arrive5(broker, 'bob', { properties });
  await bob.subscribe('#', 2);
  return { broker, bob, ann: await arrive5(broker, 'ann') };
}

/** What Bob was sent, as topic and alias. */
async function heard(client: Client): Promise<(readonly [topic: string, alias: number | undefined])[]> {
  return (await client.take())
    .filter((packet) => packet instanceof Publish)
    .map((packet) => [packet.topic, packet.properties?.topicAlias] as const);
}

test('a client that takes no alias is sent none [MQTT5-3.1.2-27]', async () => {
  for (const maximum of [undefined, 0]) {
    const { ann, bob } = await hearing(maximum);
    for (let i = 0; i < 3; i++) ann.publish(TOPIC, 'x', { qos: 1 });
    assert.deepEqual(
      await heard(bob),
      [0, 1, 2].map(() => [TOPIC, undefined]),
    );
  }
});

test('a topic is sent with an alias once, and by it alone from then on, at every QoS [MQTT5-3.3.2-11]', async () => {
  const { ann, bob } = await hearing(10);
  ann.publish(TOPIC, 'x').publish(TOPIC, 'x', { qos: 1 }).publish(TOPIC, 'x', { qos: 2 }).publish(TOPIC, 'x');
  ann.publish(OTHER, 'x', { qos: 1 }).publish(OTHER, 'x', { qos: 2 });
  assert.deepEqual(await heard(bob), [
    [TOPIC, 1],
    ['', 1],
    ['', 1],
    ['', 1],
    [OTHER, 2],
    ['', 2],
  ]);
});

test('aliases save bytes, and are not used where they would not', async () => {
  const bytes: number[] = [];
  for (const maximum of [0, 10]) {
    const { ann, bob } = await hearing(maximum);
    const before = bob.connection.bytesReceived;
    for (let i = 0; i < 100; i++) ann.publish(TOPIC, 'x');
    await bob.take();
    bytes.push(bob.connection.bytesReceived - before);
    ann.publish('a', 'x').publish('a', 'x');
    assert.deepEqual(await heard(bob), [
      ['a', undefined],
      ['a', undefined],
    ]);
  }
  const [without = 0, withAliases = 0] = bytes;
  assert.equal(without - withAliases, 99 * TOPIC.length - 100 * 3);
});

test('no alias is above what the client takes; other topics are sent in full [MQTT5-3.1.2-26][MQTT5-3.3.2-11]', async () => {
  const { ann, bob } = await hearing(2);
  for (let round = 0; round < 2; round++) for (let i = 1; i <= 4; i++) ann.publish(`${TOPIC}/${i}`, 'x');
  assert.deepEqual(await heard(bob), [
    [`${TOPIC}/1`, 1],
    [`${TOPIC}/2`, 2],
    [`${TOPIC}/3`, undefined],
    [`${TOPIC}/4`, undefined],
    ['', 1],
    ['', 2],
    [`${TOPIC}/3`, undefined],
    [`${TOPIC}/4`, undefined],
  ]);
});

test('a client that takes all there are is sent no more than a few hundred', async () => {
  const { ann, bob } = await hearing(65_535);
  for (let i = 0; i < 1_000; i++) ann.publish(`${TOPIC}/${i}`, 'x');
  const aliases = (await heard(bob)).map(([, used]) => used ?? 0);
  assert.equal(Math.max(...aliases), 256);
});

test('what was named ends with the connection, though not with the session [MQTT5-3.3.2-7]', async () => {
  const { broker, ann, bob } = await hearing(5, {}, { sessionExpiryInterval: 60 });
  ann.publish(TOPIC, 'x', { qos: 1 }).publish(TOPIC, 'x', { qos: 1 });
  assert.deepEqual(await heard(bob), [
    [TOPIC, 1],
    ['', 1],
  ]);
  bob.hangUp();
  ann.publish(TOPIC, 'x', { qos: 1 });
  const again = await arrive5(broker, 'bob', { clean: false, sessionPresent: true, properties: { topicAliasMaximum: 1 } });
  assert.deepEqual(await heard(again), [
    [TOPIC, 1],
    ['', 1],
    ['', 1],
  ]);
  again.hangUp();
});

test('an alias is never used by a message that was dropped [MQTT5-3.1.2-25][MQTT5-3.3.2-11]', async () => {
  for (const qos of [0, 1, 2] as const) {
    const { broker, ann, bob } = await hearing(5, {}, { maximumPacketSize: 100 });
    ann.publish(TOPIC, 'x'.repeat(100), { qos });
    ann.publish(TOPIC, 'small', { qos });
    assert.deepEqual(await heard(bob), [[TOPIC, 1]]);
    assert.equal(broker.broker.stats.dropped['packet-too-large'], 1);
  }
});

test('where a message fits by its alias alone, or without one alone, it is sent so', async () => {
  const { ann, bob } = await hearing(5, {}, { maximumPacketSize: 60 });
  // Fixed header 2, topic 2 + 25, property length 1: 30 bytes are left.
  ann.publish(TOPIC, 'x'.repeat(30)).publish(TOPIC, 'small').publish(TOPIC, 'y'.repeat(52));
  assert.deepEqual(await heard(bob), [
    [TOPIC, undefined],
    [TOPIC, 1],
    ['', 1],
  ]);
});

test('QoS 0, which waits for no disk, never uses an alias that is still to come [MQTT5-3.3.2-11]', async () => {
  const storage = new MemoryStorage();
  const { ann, bob } = await hearing(5, { storage }, { sessionExpiryInterval: 60 });
  const each: [QoS, string][] = [
    [1, 'first'],
    [0, 'overtakes'],
    [0, 'follows'],
    [2, 'last'],
  ];
  for (const [qos, payload] of each) ann.publish(TOPIC, payload, { qos });
  const known = new Map<number, string>();
  for (const packet of await bob.take()) {
    assert.ok(packet instanceof Publish);
    const used = packet.properties?.topicAlias ?? 0;
    if (packet.topic !== '') known.set(used, packet.topic);
    assert.equal(known.get(used), TOPIC, packet.payload.toString());
  }
  await ann.expect(puback(1), pubrec(2));
});

test('a 3.1.1 client is sent no alias, and what a 5.0 client named reaches it by name', async () => {
  const broker = await createTestBroker();
  const old = await arrive(broker, 'old');
  await old.subscribe('#');
  const ann = await arrive5(broker, 'ann');
  ann.publish(TOPIC, '1', alias(1)).publish('', '2', alias(1));
  await old.expect(publish(TOPIC, '1'), publish(TOPIC, '2'));
});
