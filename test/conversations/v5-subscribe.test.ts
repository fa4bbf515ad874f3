/** Subscriptions and their options (MQTT 5.0 sections 3.3.1.3, 3.3.4 and 3.8 to 3.11). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SubscriptionRequest } from '../../src/packet/packet.js';
import type { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, MemoryStorage, PacketType, Publish, type Packet, type QoS, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  expectFarewell,
  expectWhole,
  having,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  rawPacket,
  subscribe,
  subscribe5,
  suback,
  type Client,
} from './client.js';

async function scene(options?: Parameters<typeof createTestBroker>[0]): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker(options);
  return { broker, ann: await arrive5(broker, 'ann'), bob: await arrive5(broker, 'bob') };
}

const unsubscribe = (packetId: number, ...filters: string[]): Packet => ({ type: PacketType.Unsubscribe, packetId, filters });
const unsuback = (packetId: number, ...reasonCodes: ReasonCode[]): Packet => ({ type: PacketType.Unsuback, packetId, reasonCodes });
const identified = (...subscriptionIdentifiers: number[]): ReturnType<typeof having> => having({ subscriptionIdentifiers });

/** Subscribes under packet identifier 1 to filters that are all granted as they ask. */
async function subscribed(client: Client, requests: readonly SubscriptionRequest[], identifier?: number): Promise<void> {
  await client.send(subscribe5(1, requests, identifier)).expectFirst(suback(1, ...requests.map(({ qos }) => qos)));
}

// Subscription Identifiers.

test('a message has the identifiers of all subscriptions it is sent for, each as often as it matches, and of no other [MQTT5-3.3.4-2][MQTT5-3.3.4-3][MQTT5-3.3.4-4]', async () => {
  const { ann, bob } = await scene();
  await subscribed(ann, [{ filter: 'a/b', qos: 0 }], 1);
  await subscribed(
    ann,
    [
      { filter: 'a/+', qos: 1 },
      { filter: '#', qos: 0 },
    ],
    268_435_455,
  );
  await subscribed(ann, [{ filter: '+/b', qos: 0 }]);
  await subscribed(ann, [{ filter: 'c', qos: 0 }], 3);
  bob.publish('a/b', 'x', { qos: 2 });
  const [packet, ...others] = await ann.take();
  assert.ok(packet instanceof Publish);
  assert.deepEqual(others, []);
  assert.equal(packet.qos, 1);
  assert.deepEqual(
    [...(packet.properties?.subscriptionIdentifiers ?? [])].sort((a, b) => a - b),
    [1, 268_435_455, 268_435_455],
  );
  bob.publish('z', 'x');
  await expectWhole(ann, publish('z', 'x', identified(268_435_455)));
});

test('a message for subscriptions without identifiers has none, also where another client’s have [MQTT5-3.3.4-3]', async () => {
  const { ann, bob } = await scene();
  await subscribed(bob, [{ filter: 'a', qos: 0 }], 9);
  await subscribed(ann, [{ filter: 'a', qos: 0 }]);
  bob.publish('a', 'x', having({ contentType: 'c' }));
  await expectWhole(ann, publish('a', 'x', having({ contentType: 'c' })));
  await expectWhole(bob, publish('a', 'x', having({ contentType: 'c', subscriptionIdentifiers: [9] })));
});

test('identifiers come with retained and with queued messages, as they were when the message came [MQTT5-3.3.4-3]', async () => {
  const broker = await createTestBroker();
  const kept = { properties: { sessionExpiryInterval: 60 } };
  const ann = await arrive5(broker, 'ann', kept);
  const bob = await arrive5(broker, 'bob');
  bob.publish('r/1', 'retained', { retain: true });
  await subscribed(ann, [{ filter: 'r/+', qos: 1 }], 4);
  await expectWhole(ann, publish('r/1', 'retained', { ...identified(4), retain: true }));
  ann.hangUp();
  bob.publish('r/2', 'queued', { qos: 1 });
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, ...kept });
  await expectWhole(again, publish('r/2', 'queued', { ...identified(4), qos: 1, packetId: 1 }));
});

test('subscribing again replaces the subscription with its options and its identifier, or leaves it without [MQTT5-3.8.4-3][MQTT5-3.8.4-4]', async () => {
  const { broker, ann, bob } = await scene();
  bob.publish('a', 'kept', { retain: true });
  await subscribed(ann, [{ filter: 'a', qos: 0, retainAsPublished: true }], 4);
  await expectWhole(ann, publish('a', 'kept', { ...identified(4), retain: true }));
  await subscribed(ann, [{ filter: 'a', qos: 2 }], 5);
  await expectWhole(ann, publish('a', 'kept', { ...identified(5), retain: true }));
  bob.publish('a', 'new', { qos: 2, retain: true });
  await expectWhole(ann, publish('a', 'new', { ...identified(5), qos: 2, packetId: 1 }));
  await subscribed(ann, [{ filter: 'a', qos: 0 }]);
  await expectWhole(ann, publish('a', 'new', { version: 5, retain: true }));
  bob.publish('a', 'last');
  await ann.expect(publish('a', 'last'));
  assert.equal(broker.broker.stats.subscriptions, 1);
});

test('subscriptions have their options and identifiers after a restart', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const kept = { properties: { sessionExpiryInterval: 60 } };
  const ann = await arrive5(broker, 'ann', kept);
  await subscribed(ann, [{ filter: 'a', qos: 1, noLocal: true, retainAsPublished: true }], 268_435_455);
  const restarted = await createTestBroker({ storage });
  const again = await arrive5(restarted, 'ann', { clean: false, sessionPresent: true, ...kept });
  again.publish('a', 'my own');
  (await arrive5(restarted, 'bob')).publish('a', 'x', { qos: 2, retain: true });
  await expectWhole(again, publish('a', 'x', { ...identified(268_435_455), qos: 1, packetId: 1, retain: true }));
  await again.send(subscribe5(2, [{ filter: 'a', qos: 1, retainHandling: 1 }])).expect(suback(2, 1));
});

test('a client with a shared subscription beside its own gets a copy for each, with the identifiers of its side [MQTT5-3.3.4-5]', async () => {
  const { ann, bob } = await scene();
  await subscribed(ann, [{ filter: 'a', qos: 0 }], 1);
  await subscribed(ann, [{ filter: '#', qos: 0 }], 2);
  await subscribed(ann, [{ filter: '$share/g/a', qos: 0 }], 3);
  bob.publish('a', 'x');
  const identifiers = (await ann.take()).map((packet) => packet instanceof Publish && packet.properties?.subscriptionIdentifiers);
  assert.deepEqual(new Set(identifiers.map((some) => JSON.stringify(some))), new Set(['[1,2]', '[3]']));
  assert.equal(identifiers.length, 2);
});

// No Local, Retain As Published, Retain Handling.

test('with No Local a message does not come back to its publisher, over any connection, from queue or retained store [MQTT5-3.8.3-3]', async () => {
  const broker = await createTestBroker();
  const kept = { properties: { sessionExpiryInterval: 60 } };
  const ann = await arrive5(broker, 'ann', kept);
  const bob = await arrive5(broker, 'bob');
  await subscribed(ann, [{ filter: 'a', qos: 1, noLocal: true }]);
  await subscribed(bob, [{ filter: 'a', qos: 0 }]);
  ann.publish('a', 'my own', { qos: 1, packetId: 1, retain: true });
  await ann.expect(puback(1));
  await bob.expect(publish('a', 'my own'));
  bob.publish('a', 'bob’s', { qos: 1, packetId: 1 });
  await ann.expect(publish('a', 'bob’s', { qos: 1, packetId: 1 }));
  await subscribed(ann, [{ filter: 'a', qos: 1, noLocal: true }]);
  await ann.expect();
  const will = { topic: 'a', payload: Buffer.from('my will'), qos: 1, retain: false } as const;
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, will, ...kept });
  again.hangUp();
  const last = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, ...kept });
  assert.deepEqual(
    (await last.take()).map((packet) => packet instanceof Publish && packet.payload.toString()),
    ['bob’s'],
  );
});

test('where subscriptions overlap, No Local takes away those that have it and no other [MQTT5-3.8.3-3][MQTT5-3.3.4-3]', async () => {
  const { ann, bob } = await scene();
  await subscribed(ann, [{ filter: 'a', qos: 2, noLocal: true }], 1);
  await subscribed(ann, [{ filter: '#', qos: 1 }], 2);
  ann.publish('a', 'x', { qos: 2, packetId: 1 });
  const own = (await ann.take()).filter((packet) => packet instanceof Publish);
  assert.deepEqual(
    own.map(({ qos, properties }) => [qos, properties]),
    [[1, { subscriptionIdentifiers: [2] }]],
  );
  bob.publish('a', 'x', { qos: 2, packetId: 1 });
  const foreign = (await ann.take()).filter((packet) => packet instanceof Publish);
  assert.deepEqual(
    foreign.map(({ qos, properties }) => [qos, properties?.subscriptionIdentifiers]),
    [[2, [1, 2]]],
  );
});

test('No Local on a shared subscription is a protocol error, and nothing of that SUBSCRIBE is carried out [MQTT5-3.8.3-4]', async () => {
  const { broker, ann } = await scene();
  ann.send(
    subscribe5(1, [
      { filter: 'a', qos: 0 },
      { filter: '$share/g/a', qos: 0, noLocal: true },
    ]),
  );
  await expectFarewell(ann, 0x82);
  assert.equal(broker.broker.stats.subscriptions, 0);
});

for (const { name, retainAsPublished } of [
  { name: 'with Retain As Published 0 RETAIN is 0, however it was published', retainAsPublished: false, spec: 'MQTT5-3.3.1-12' },
  { name: 'with Retain As Published 1 RETAIN is as it was published', retainAsPublished: true, spec: 'MQTT5-3.3.1-13' },
]) {
  test(name, async () => {
    const { ann, bob } = await scene();
    await subscribed(ann, [{ filter: 'a', qos: 1, retainAsPublished }]);
    for (const qos of [0, 1] as const) {
      bob.publish('a', 'plain', { qos }).publish('a', 'retained', { qos, retain: true });
      const retains = (await ann.take()).map((packet) => packet instanceof Publish && packet.retain);
      assert.deepEqual(retains, [false, retainAsPublished]);
    }
  });
}

test('of overlapping subscriptions one with Retain As Published is enough [MQTT5-3.3.1-13]', async () => {
  const { ann, bob } = await scene();
  await subscribed(ann, [
    { filter: 'a', qos: 0, retainAsPublished: true },
    { filter: '#', qos: 0 },
  ]);
  bob.publish('a', 'x', { retain: true });
  await ann.expect(publish('a', 'x', { retain: true }));
});

for (const { retainHandling, fresh, again } of [
  { retainHandling: 0, fresh: true, again: true },
  { retainHandling: 1, fresh: true, again: false },
  { retainHandling: 2, fresh: false, again: false },
] as const) {
  test(`Retain Handling ${retainHandling} sends what is retained to a new subscription: ${fresh}, to one that was there: ${again} [MQTT5-3.3.1-9][MQTT5-3.3.1-10][MQTT5-3.3.1-11]`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive5(broker, 'bob');
    for (const topic of ['r/1', 'r/2']) bob.publish(topic, topic, { retain: true, qos: 1 });
    const kept = { properties: { sessionExpiryInterval: 60 } };
    const requests = [{ filter: 'r/+', qos: 0, retainHandling }] as const;
    const all = [publish('r/1', 'r/1', { retain: true }), publish('r/2', 'r/2', { retain: true })];
    const ann = await arrive5(broker, 'ann', kept);
    await subscribed(ann, requests);
    await ann.expect(...(fresh ? all : []));
    await subscribed(ann, requests);
    await ann.expect(...(again ? all : []));
    ann.hangUp();
    const resumed = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, ...kept });
    await subscribed(resumed, requests);
    await resumed.expect(...(again ? all : []));
    await resumed.send(unsubscribe(2, 'r/+')).expect(unsuback(2, 0));
    await subscribed(resumed, requests);
    await resumed.expect(...(fresh ? all : []));
  });
}

// What SUBACK and UNSUBACK say.

test('each filter is answered in its place, and one that fails does not touch the others [MQTT5-3.8.4-1][MQTT5-3.8.4-2][MQTT5-3.8.4-5][MQTT5-3.8.4-6][MQTT5-3.8.4-7][MQTT5-3.9.3-1][MQTT5-3.9.3-2][MQTT5-2.2.1-6][MQTT5-4.7.1-1][MQTT5-4.7.1-2][MQTT5-4.7.3-1]', async () => {
  const { broker, ann, bob } = await scene({ gates: { subscribe: ({ filter }) => filter !== 'secret' }, maxSubscriptions: 9 });
  const asked: [filter: string, qos: QoS, code: ReasonCode][] = [
    ['a', 0, 0],
    ['#/a', 0, 0x8f],
    ['b', 1, 1],
    ['a#', 1, 0x8f],
    ['c/#', 2, 2],
    ['#a', 0, 0x8f],
    ['+', 0, 0],
    ['a+', 0, 0x8f],
    ['+/+/#', 1, 1],
    ['a/+b', 0, 0x8f],
    ['', 0, 0x8f],
    ['secret', 2, 0x87],
    ['/', 2, 2],
    ['$share//x', 0, 0x8f],
    ['x/+/y', 0, 0],
    ['a', 2, 2],
    ['d', 0, 0],
    ['e', 0, 0],
    ['f', 0, 0x97],
    ['b', 0, 0],
  ];
  ann.send(
    subscribe5(
      300,
      asked.map(([filter, qos]) => ({ filter, qos })),
    ),
  );
  await ann.expect(suback(300, ...asked.map(([, , code]) => code)));
  assert.equal(broker.broker.stats.subscriptions, 9);
  bob.publish('a', 'x', { qos: 2 }).publish('secret', 'x').publish('f/g/h', 'x', { qos: 2 });
  await ann.expect(
    publish('a', 'x', { qos: 2, packetId: 1 }),
    publish('secret', 'x'), // through `+`
    publish('f/g/h', 'x', { qos: 1, packetId: 2 }),
  );
});

test('a maximum QoS lowers what is granted, and no subscription is refused for it [MQTT5-3.2.2-10][MQTT5-3.8.4-8]', async () => {
  for (const maxQos of [0, 1] as const) {
    const { broker, ann } = await scene({ maxQos });
    await ann
      .send(
        subscribe5(
          1,
          [0, 1, 2].map((qos) => ({ filter: `t/${qos}`, qos: qos as QoS })),
        ),
      )
      .expect(suback(1, 0, maxQos, maxQos));
    await Promise.all([broker.broker.publish('t/2', 'x', { qos: 2 }), broker.settle()]);
    await ann.expect(publish('t/2', 'x', maxQos === 0 ? {} : { qos: 1, packetId: 1 }));
  }
});

test('a message comes at the lower of its QoS and the QoS granted [MQTT5-3.8.4-8]', async () => {
  const { broker, bob } = await scene();
  for (const granted of [0, 1, 2] as const) {
    const client = await arrive5(broker, `grants ${granted}`);
    await subscribed(client, [{ filter: 'a', qos: granted }]);
    for (const qos of [0, 1, 2] as const) bob.publish('a', 'x', { qos });
    assert.deepEqual(
      (await client.take()).map((packet) => packet instanceof Publish && packet.qos),
      [0, 1, 2].map((qos) => Math.min(qos, granted)),
    );
  }
});

test('a filter that ends a session in being asked about is answered all the same', async () => {
  const { broker, ann } = await scene();
  broker.broker.gate({ subscribe: () => broker.broker.kick('ann') });
  ann.send(subscribe(1, ['a', 0]));
  await expectFarewell(ann, 0x98);
  assert.equal(broker.broker.stats.subscriptions, 0);
});

test('each filter to be removed is answered in its place: 0x00, 0x11 where there was none, 0x8F where there can be none [MQTT5-3.10.4-1][MQTT5-3.10.4-2][MQTT5-3.10.4-4][MQTT5-3.10.4-5][MQTT5-3.10.4-6][MQTT5-3.11.3-1][MQTT5-3.11.3-2]', async () => {
  const { broker, ann, bob } = await scene();
  const filters = ['a', 'a/#', 'a/+', '#', '$share/g/a'];
  await subscribed(
    ann,
    filters.map((filter) => ({ filter, qos: 0 })),
  );
  ann.send(unsubscribe(400, 'a/b', 'a/+', '+', '#/x', 'a/+', '', '$share/h/a', '$share/g/a', 'A'));
  await ann.expect(unsuback(400, 0x11, 0, 0x11, 0x8f, 0x11, 0x8f, 0x11, 0, 0x11));
  assert.equal(broker.broker.stats.subscriptions, 3);
  await ann.send(unsubscribe(401, 'a', 'a/#', '#')).expect(unsuback(401, 0, 0, 0));
  bob.publish('a', 'x').publish('a/b', 'x', { qos: 1 });
  await ann.expect();
  await ann.send(unsubscribe(402, 'a')).expect(unsuback(402, 0x11));
});

test('what was on its way when its subscription was removed is completed [MQTT5-3.10.4-3]', async () => {
  const { ann, bob } = await scene();
  await subscribed(ann, [{ filter: 'a', qos: 2 }]);
  bob.publish('a', '1', { qos: 1 }).publish('a', '2', { qos: 2 });
  await ann.take();
  await ann.send(unsubscribe(2, 'a')).expect(unsuback(2, 0));
  await ann.send(puback(1), pubrec(2)).expect(pubrel(2));
  await ann.send(pubcomp(2)).expect();
});

test('filters that begin with a wildcard match no topic that begins with $ [MQTT5-4.7.2-1]', async () => {
  const { ann, bob } = await scene();
  await subscribed(
    ann,
    ['#', '+/x', '+'].map((filter) => ({ filter, qos: 0 })),
  );
  bob.publish('$other/x', 'no').publish('$other', 'no');
  await ann.expect();
  await subscribed(ann, [{ filter: '$other/#', qos: 0 }]);
  bob.publish('$other/x', 'yes');
  await ann.expect(publish('$other/x', 'yes'));
});

// What is refused.

const wrong: { name: string; bytes: Buffer; code: 0x81 | 0x82; spec: string }[] = [
  { name: 'SUBSCRIBE with flags 0000', bytes: rawPacket(0x80, [0, 1, 0], 'a', [0]), code: 0x81, spec: '[MQTT5-3.8.1-1][MQTT5-2.1.3-1]' },
  { name: 'SUBSCRIBE with flags 0011', bytes: rawPacket(0x83, [0, 1, 0], 'a', [0]), code: 0x81, spec: '[MQTT5-3.8.1-1][MQTT5-2.1.3-1]' },
  { name: 'SUBSCRIBE with packet identifier 0', bytes: rawPacket(0x82, [0, 0, 0], 'a', [0]), code: 0x82, spec: '[MQTT5-2.2.1-3]' },
  { name: 'SUBSCRIBE without filters', bytes: rawPacket(0x82, [0, 1, 0]), code: 0x82, spec: '[MQTT5-3.8.3-2]' },
  { name: 'SUBSCRIBE without options', bytes: rawPacket(0x82, [0, 1, 0], 'a'), code: 0x81, spec: '[MQTT5-3.8.3-2]' },
  { name: 'SUBSCRIBE without a property length', bytes: rawPacket(0x82, [0, 1]), code: 0x81, spec: '[MQTT5-2.2.2-1]' },
  { name: 'SUBSCRIBE to what is no UTF-8', bytes: rawPacket(0x82, [0, 1, 0, 0, 1, 255, 0]), code: 0x81, spec: '[MQTT5-3.8.3-1]' },
  { name: 'SUBSCRIBE to a filter with U+0000', bytes: rawPacket(0x82, [0, 1, 0], 'a\0', [0]), code: 0x81, spec: '[MQTT5-4.7.3-2]' },
  { name: 'SUBSCRIBE with bit 6 of its options', bytes: rawPacket(0x82, [0, 1, 0], 'a', [0x40]), code: 0x81, spec: '[MQTT5-3.8.3-5]' },
  { name: 'SUBSCRIBE with bit 7 of its options', bytes: rawPacket(0x82, [0, 1, 0], 'a', [0x80]), code: 0x81, spec: '[MQTT5-3.8.3-5]' },
  { name: 'SUBSCRIBE at QoS 3', bytes: rawPacket(0x82, [0, 1, 0], 'a', [3]), code: 0x82, spec: '' },
  { name: 'SUBSCRIBE with Retain Handling 3', bytes: rawPacket(0x82, [0, 1, 0], 'a', [0x30]), code: 0x82, spec: '' },
  { name: 'SUBSCRIBE with identifier 0', bytes: rawPacket(0x82, [0, 1, 2, 0x0b, 0], 'a', [0]), code: 0x82, spec: '' },
  { name: 'SUBSCRIBE with two identifiers', bytes: rawPacket(0x82, [0, 1, 4, 0x0b, 1, 0x0b, 2], 'a', [0]), code: 0x82, spec: '' },
  {
    name: 'SUBSCRIBE with an identifier of five bytes',
    bytes: rawPacket(0x82, [0, 1, 6, 0x0b, 255, 255, 255, 255, 1], 'a', [0]),
    code: 0x81,
    spec: '[MQTT5-1.5.5-1]',
  },
  { name: 'SUBSCRIBE with a property of PUBLISH', bytes: rawPacket(0x82, [0, 1, 2, 1, 1], 'a', [0]), code: 0x81, spec: '' },
  { name: 'UNSUBSCRIBE with flags 0000', bytes: rawPacket(0xa0, [0, 1, 0], 'a'), code: 0x81, spec: '[MQTT5-3.10.1-1][MQTT5-2.1.3-1]' },
  { name: 'UNSUBSCRIBE with packet identifier 0', bytes: rawPacket(0xa2, [0, 0, 0], 'a'), code: 0x82, spec: '[MQTT5-2.2.1-3]' },
  { name: 'UNSUBSCRIBE without filters', bytes: rawPacket(0xa2, [0, 1, 0]), code: 0x82, spec: '[MQTT5-3.10.3-2]' },
  { name: 'UNSUBSCRIBE from what is no UTF-8', bytes: rawPacket(0xa2, [0, 1, 0, 0, 1, 255]), code: 0x81, spec: '[MQTT5-3.10.3-1]' },
  {
    name: 'UNSUBSCRIBE with a gap between its filters',
    bytes: rawPacket(0xa2, [0, 1, 0], 'a', [0], 'b'),
    code: 0x81,
    spec: '[MQTT5-3.10.3-1]',
  },
  { name: 'UNSUBSCRIBE with an identifier', bytes: rawPacket(0xa2, [0, 1, 2, 0x0b, 1], 'a'), code: 0x81, spec: '' },
];
for (const { name, bytes, code, spec } of wrong) {
  test(`${name} closes its connection with DISCONNECT 0x${code.toString(16)}, and no other ${spec}[MQTT5-4.13.1-1]`, async () => {
    const { broker, ann, bob } = await scene();
    ann.sendBytes(bytes);
    await expectFarewell(ann, code);
    assert.equal(broker.broker.stats.subscriptions, 0);
    await bob.send(pingreq).expect(pingresp);
  });
}

test('a 3.1.1 client has no options: RETAIN is 0, its own messages come back, and what is retained comes each time', async () => {
  const { broker, bob } = await scene();
  const old = await arrive(broker, 'old');
  bob.publish('a', 'kept', having({ contentType: 'c' }, { retain: true }));
  for (let i = 0; i < 2; i++) {
    await old.subscribe('a');
    await old.expect(publish('a', 'kept', { retain: true }));
  }
  await old.publish('a', 'my own', { retain: true }).expect(publish('a', 'my own'));
});
