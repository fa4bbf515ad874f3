/** What a message has besides topic and payload, and how it reaches those who hear it (MQTT 5.0 section 3.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Properties } from '../../src/packet/properties.js';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, PacketType, Publish, type QoS, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  closeReasons,
  comeBack,
  expectFarewell,
  expectWhole,
  having,
  puback,
  pubcomp,
  saying,
  publish,
  pubrec,
  pubrel,
  rawPacket,
  subscribe5,
  suback,
  type Client,
} from './client.js';

const kept = { properties: { sessionExpiryInterval: 1_000 } };
const resumed = { clean: false, sessionPresent: true, ...kept };

/** Everything an Application Message may have. */
const WHOLE: Properties = {
  payloadFormatIndicator: 1,
  contentType: 'text/plain \u{1f600}\u{feff}',
  responseTopic: 'answers/ann',
  correlationData: Buffer.of(0, 255, 0),
  userProperties: [
    ['b', '1'],
    ['a', '2'],
    ['b', '1'],
    ['', ''],
    ['b', '3'],
  ],
};
const some: [name: string, properties: Properties][] = [
  ['all properties', WHOLE],
  ['empty properties', { contentType: '', correlationData: Buffer.alloc(0), payloadFormatIndicator: 0, userProperties: [['', '']] }],
];

/** The ways a message may take to Ann, who hears `a`. */
const ways: { name: string; deliver: (message: (qos: QoS, retain: boolean) => void, broker: TestBroker) => Promise<Client> }[] = [
  {
    name: 'at once',
    async deliver(message, broker) {
      const ann = await arrive5(broker, 'ann');
      await ann.subscribe('a', 1);
      message(0, false);
      return ann;
    },
  },
  {
    name: 'through a queue',
    async deliver(message, broker) {
      const ann = await arrive5(broker, 'ann', kept);
      await ann.subscribe('a', 1);
      ann.hangUp();
      message(1, false);
      return arrive5(broker, 'ann', resumed);
    },
  },
  {
    name: 'for the second time',
    async deliver(message, broker) {
      const ann = await arrive5(broker, 'ann', kept);
      await ann.subscribe('a', 1);
      message(1, false);
      await ann.take();
      ann.hangUp();
      return arrive5(broker, 'ann', resumed);
    },
  },
  {
    name: 'as a retained message',
    async deliver(message, broker) {
      message(0, true);
      const ann = await arrive5(broker, 'ann');
      return ann.subscribe('a', 1);
    },
  },
];
for (const [what, properties] of some) {
  for (const { name, deliver } of ways) {
    test(`${what} reach a subscriber ${name} as they were [MQTT5-3.3.2-4][MQTT5-3.3.2-15][MQTT5-3.3.2-16][MQTT5-3.3.2-17][MQTT5-3.3.2-18][MQTT5-3.3.2-20][MQTT5-1.5.4-3]`, async () => {
      const broker = await createTestBroker();
      const bob = await arrive5(broker, 'bob');
      const send = (qos: QoS, retain: boolean): void => void bob.publish('a', 'x', having(properties, { qos, retain }));
      const [packet] = await (await deliver(send, broker)).take();
      assert.ok(packet instanceof Publish);
      assert.deepEqual(packet.properties, properties);
    });
  }
}

test('all properties of messages in flight, queued and retained outlive a restart [MQTT5-3.3.2-18][MQTT5-3.3.2-4][MQTT5-3.3.2-20]', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, maxInflight: 1 });
  const ann = await arrive5(broker, 'ann', kept);
  await ann.send(subscribe5(1, [{ filter: 'a', qos: 2 }], 5)).expect(suback(1, 2));
  const bob = await arrive5(broker, 'bob');
  for (const payload of ['sent', 'waits']) bob.publish('a', payload, having(WHOLE, { qos: 2 }));
  bob.publish('r', 'stays', having({ ...WHOLE, messageExpiryInterval: 500 }, { qos: 1, retain: true }));
  await bob.take();
  await ann.take();
  const restarted = await createTestBroker({ storage });
  restarted.advance(100_000);
  const again = await arrive5(restarted, 'ann', resumed);
  const properties = { ...WHOLE, subscriptionIdentifiers: [5] };
  await expectWhole(
    again,
    publish('a', 'sent', having(properties, { qos: 2, packetId: 1, dup: true })),
    // It might have been sent, without that being on record, and says so.
    publish('a', 'waits', having(properties, { qos: 2, packetId: identifierAt(3), dup: true })),
  );
  again.send(subscribe5(2, [{ filter: 'r', qos: 1 }]));
  const left = having({ ...WHOLE, messageExpiryInterval: 400 }, { qos: 1, packetId: 2, retain: true });
  // The SUBACK waits for the disk, the message does not.
  await expectWhole(again, publish('r', 'stays', left), suback(2, 1));
});

test('what a program publishes with properties reaches 5.0 subscribers with them, and others without', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  const old = await arrive(broker, 'old');
  await old.subscribe('a', 2);
  await Promise.all([broker.broker.publish('a', 'x', { qos: 1, properties: WHOLE }), broker.settle()]);
  await expectWhole(ann, publish('a', 'x', having(WHOLE, { qos: 1, packetId: 1 })));
  await old.expect(publish('a', 'x', { qos: 1, packetId: 1 }));
});

for (const [publisher, properties, heard] of [
  [4, undefined, undefined],
  [5, WHOLE, WHOLE],
] as const) {
  test(`what a client of version ${publisher} publishes is heard by 5.0 with its properties, if any, and by 3.1.1 without`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive5(broker, 'ann', { version: publisher });
    const hearer = await arrive5(broker, 'hearer');
    const old = await arrive(broker, 'old');
    for (const client of [hearer, old]) await client.subscribe('a', 2);
    for (const qos of [0, 1, 2] as const) ann.publish('a', 'x', { version: publisher, properties, qos });
    const options = { version: 5, properties: heard } as const;
    await expectWhole(
      hearer,
      publish('a', 'x', options),
      publish('a', 'x', { ...options, qos: 1, packetId: 1 }),
      publish('a', 'x', { ...options, qos: 2, packetId: 2 }),
    );
    await expectWhole(old, publish('a', 'x'), publish('a', 'x', { qos: 1, packetId: 1 }), publish('a', 'x', { qos: 2, packetId: 2 }));
  });
}

// Expiry.

test('a message that waits is sent with what is left of its time, whole seconds taken off [MQTT5-3.3.2-6]', async () => {
  for (const [waits, left] of [
    [0, 60],
    [900, 60],
    [1_000, 59],
    [1_900, 59],
    [59_900, 1],
  ] as const) {
    const broker = await createTestBroker();
    const ann = await arrive5(broker, 'ann', kept);
    await ann.subscribe('a', 1);
    ann.hangUp();
    const bob = await arrive5(broker, 'bob');
    bob.publish('a', 'x', having({ messageExpiryInterval: 60 }, { qos: 1 }));
    bob.publish('r', 'x', having({ messageExpiryInterval: 60 }, { retain: true }));
    broker.advance(waits);
    const again = await arrive5(broker, 'ann', resumed);
    await expectWhole(again, publish('a', 'x', having({ messageExpiryInterval: left }, { qos: 1, packetId: 1 })));
    await again.subscribe('r');
    await expectWhole(again, publish('r', 'x', having({ messageExpiryInterval: left }, { retain: true })));
  }
});

test('a message that has expired goes to nobody, of any version, from a queue or as a retained message [MQTT5-3.3.2-5][MQTT5-3.3.1-5]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', kept);
  const old = await arrive(broker, 'old', { clean: false });
  for (const client of [ann, old]) {
    await client.subscribe('a', 1);
    client.hangUp();
  }
  const bob = await arrive5(broker, 'bob');
  bob.publish('a', 'short', having({ messageExpiryInterval: 1 }, { qos: 1 }));
  bob.publish('a', 'long', having({ messageExpiryInterval: 100 }, { qos: 1 }));
  bob.publish('r', 'short', having({ messageExpiryInterval: 1 }, { retain: true }));
  broker.advance(1_000);
  const listened: string[] = [];
  broker.broker.subscribe('r', ({ topic }) => listened.push(topic));
  assert.deepEqual(await (await arrive5(broker, 'ann', resumed)).payloads(), ['long']);
  assert.deepEqual(await (await comeBack(broker, 'old')).payloads(), ['long']);
  for (const client of [await arrive5(broker, 'cat'), await arrive(broker, 'dan')]) {
    await client.subscribe('r');
    await client.expect();
  }
  assert.deepEqual(listened, []);
  assert.equal(broker.broker.stats.retained.messages, 0);
  assert.equal(broker.broker.stats.dropped['message-expired'], 3);
});

test('messages that have expired leave the way free for those behind them, and take no identifier', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', { properties: { receiveMaximum: 1 } });
  await ann.subscribe('a', 2);
  const bob = await arrive5(broker, 'bob');
  bob.publish('a', 'first', { qos: 1 });
  for (let i = 0; i < 5; i++) bob.publish('a', 'short', having({ messageExpiryInterval: 2 }, { qos: 2 }));
  bob.publish('a', 'last', { qos: 1 });
  await ann.expect(publish('a', 'first', { qos: 1, packetId: 1 }));
  broker.advance(2_000);
  await ann.send(puback(1)).expect(publish('a', 'last', { qos: 1, packetId: 2 }));
});

test('a message that was sent once is completed, expired or not [MQTT5-4.3.3-7][MQTT5-4.3.3-13]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', kept);
  await ann.subscribe('a', 2);
  const bob = await arrive5(broker, 'bob');
  bob.publish('a', '1', having({ messageExpiryInterval: 1 }, { qos: 1 }));
  bob.publish('a', '2', having({ messageExpiryInterval: 1 }, { qos: 2 }));
  bob.publish('a', '3', having({ messageExpiryInterval: 1 }, { qos: 2 }));
  await ann.take();
  await ann.send(pubrec(3)).expect(pubrel(3));
  broker.advance(5_000);
  await ann.send(pubrec(2)).expect(pubrel(2));
  ann.hangUp();
  const again = await arrive5(broker, 'ann', resumed);
  const packets = await again.take();
  const [resent, released] = [packets.at(-1), packets.slice(0, -1)];
  assert.deepEqual(resent instanceof Publish && [resent.payload.toString(), resent.dup], ['1', true]);
  assert.deepEqual(released, [pubrel(3), pubrel(2)]);
  await again.send(puback(1), pubcomp(2), pubcomp(3)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 0);
});

test('an interval of 0 reaches who is there and nobody later [MQTT5-3.3.2-5][MQTT5-3.3.2-6]', async () => {
  const broker = await createTestBroker();
  const away = await arrive5(broker, 'away', kept);
  await away.subscribe('a', 1);
  away.hangUp();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a');
  ann.publish('a', 'now', having({ messageExpiryInterval: 0 }, { qos: 1, retain: true }));
  const packets = await ann.take();
  assert.ok(packets[0] instanceof Publish);
  assert.deepEqual(packets[0].properties, { messageExpiryInterval: 0 });
  await (await arrive5(broker, 'away', resumed)).expect();
  const late = await arrive5(broker, 'late');
  await late.subscribe('a');
  await late.expect();
});

// What is refused.

const wrong: { name: string; bytes: Buffer; code: 0x81 | 0x82 | 0x90 | 0x94; spec: string }[] = [
  { name: 'QoS 3', bytes: rawPacket(0x36, 'a', [0, 1, 0]), code: 0x81, spec: '[MQTT5-3.3.1-4]' },
  { name: 'DUP at QoS 0', bytes: rawPacket(0x38, 'a', [0]), code: 0x81, spec: '[MQTT5-3.3.1-2]' },
  { name: 'no topic name at all', bytes: rawPacket(0x30), code: 0x81, spec: '[MQTT5-3.3.2-1]' },
  { name: 'a topic name that is cut off', bytes: rawPacket(0x30, [0, 9, 97]), code: 0x81, spec: '[MQTT5-3.3.2-1]' },
  { name: 'a topic name that is no UTF-8', bytes: rawPacket(0x30, [0, 1, 0xff, 0]), code: 0x81, spec: '[MQTT5-3.3.2-1]' },
  { name: 'a topic name with half a pair', bytes: rawPacket(0x30, [0, 3, 0xed, 0xbf, 0xbf, 0]), code: 0x81, spec: '[MQTT5-1.5.4-1]' },
  { name: 'a topic name with U+0000', bytes: rawPacket(0x30, 'a\0', [0]), code: 0x81, spec: '[MQTT5-4.7.3-2]' },
  { name: 'a topic name with +', bytes: rawPacket(0x30, 'a/+', [0]), code: 0x90, spec: '[MQTT5-3.3.2-2][MQTT5-4.7.0-1]' },
  { name: 'a topic name with #', bytes: rawPacket(0x30, '#', [0]), code: 0x90, spec: '[MQTT5-3.3.2-2][MQTT5-4.7.0-1]' },
  { name: 'neither topic name nor alias', bytes: rawPacket(0x30, '', [0]), code: 0x82, spec: '[MQTT5-4.7.3-1]' },
  { name: 'neither topic name nor alias, but properties', bytes: rawPacket(0x30, '', [2, 1, 1]), code: 0x82, spec: '[MQTT5-4.7.3-1]' },
  { name: 'packet identifier 0', bytes: rawPacket(0x32, 'a', [0, 0, 0]), code: 0x82, spec: '[MQTT5-2.2.1-3]' },
  { name: 'no packet identifier', bytes: rawPacket(0x32, 'a'), code: 0x81, spec: '[MQTT5-2.2.1-3]' },
  { name: 'no property length', bytes: rawPacket(0x30, 'a'), code: 0x81, spec: '[MQTT5-2.2.2-1]' },
  { name: 'a subscription identifier', bytes: rawPacket(0x30, 'a', [2, 0x0b, 1]), code: 0x82, spec: '[MQTT5-3.3.4-6]' },
  { name: 'a response topic with #', bytes: rawPacket(0x30, 'a', [5, 8, 0, 2, 97, 35]), code: 0x82, spec: '[MQTT5-3.3.2-14]' },
  { name: 'a response topic with +', bytes: rawPacket(0x30, 'a', [4, 8, 0, 1, 43]), code: 0x82, spec: '[MQTT5-3.3.2-14]' },
  { name: 'a response topic that is no UTF-8', bytes: rawPacket(0x30, 'a', [4, 8, 0, 1, 255]), code: 0x81, spec: '[MQTT5-3.3.2-13]' },
  { name: 'a content type that is no UTF-8', bytes: rawPacket(0x30, 'a', [4, 3, 0, 1, 255]), code: 0x81, spec: '[MQTT5-3.3.2-19]' },
  { name: 'a user property with U+0000', bytes: rawPacket(0x30, 'a', [6, 0x26, 0, 1, 0, 0, 0]), code: 0x81, spec: '[MQTT5-1.5.4-2]' },
  { name: 'a payload format of 2', bytes: rawPacket(0x30, 'a', [2, 1, 2]), code: 0x82, spec: '' },
  { name: 'two content types', bytes: rawPacket(0x30, 'a', [6, 3, 0, 0, 3, 0, 0]), code: 0x82, spec: '' },
  { name: 'two expiry intervals', bytes: rawPacket(0x30, 'a', [10, 2, 0, 0, 0, 1, 2, 0, 0, 0, 1]), code: 0x82, spec: '' },
  { name: 'two topic aliases', bytes: rawPacket(0x30, 'a', [6, 0x23, 0, 1, 0x23, 0, 1]), code: 0x82, spec: '' },
  { name: 'a property of CONNECT', bytes: rawPacket(0x30, 'a', [5, 0x11, 0, 0, 0, 1]), code: 0x81, spec: '' },
  { name: 'a remaining length with a byte too many', bytes: Buffer.of(0x30, 0x84, 0, 0, 1, 97, 0), code: 0x81, spec: '[MQTT5-1.5.5-1]' },
];
for (const { name, bytes, code, spec } of wrong) {
  test(`a PUBLISH with ${name} closes its connection with DISCONNECT 0x${code.toString(16)}, and no other ${spec}[MQTT5-4.13.1-1]`, async () => {
    const broker = await createTestBroker();
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('#');
    const ann = await arrive5(broker, 'ann');
    ann.sendBytes(bytes);
    await expectFarewell(ann, code);
    await bob.publish('b', 'here').expect(publish('b', 'here'));
  });
}

test('a PUBLISH above the maximum QoS is told 0x9B and goes to nobody, one at the maximum is served [MQTT5-3.2.2-11]', async () => {
  const broker = await createTestBroker({ maxQos: 1 });
  const bob = await arrive5(broker, 'bob');
  await bob.subscribe('a');
  const ann = await arrive5(broker, 'ann');
  await ann.publish('a', 'fine', { qos: 1 }).expect(puback(1));
  ann.publish('a', 'too high', { qos: 2 });
  await expectFarewell(ann, 0x9b);
  assert.deepEqual(await bob.payloads(), ['fine']);
  assert.deepEqual(closeReasons(broker), { 'quality-not-supported': 1 });
});

test('a payload that is not the UTF-8 it says it is: told 0x99 where payloads are checked, and passed on where they are trusted', async () => {
  for (const payloadFormat of ['check', 'trust'] as const) {
    const broker = await createTestBroker({ payloadFormat });
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('a');
    const ann = await arrive5(broker, 'ann');
    const send = (payload: Buffer, payloadFormatIndicator: 0 | 1): void => {
      ann.send(Publish.of({ topic: 'a', payload, qos: 0, retain: false, ...having({ payloadFormatIndicator }) }));
    };
    send(Buffer.from('grün \u{1f600}\0'), 1);
    send(Buffer.of(0xff), 0);
    assert.equal((await bob.take()).length, 2);
    send(Buffer.of(0xc3), 1);
    if (payloadFormat === 'check') await expectFarewell(ann, 0x99);
    assert.equal((await bob.take()).length, payloadFormat === 'check' ? 0 : 1);
  }
});

test('DUP and RETAIN of a message as it came are not passed on, nor is what is not asked for [MQTT5-3.3.1-3][MQTT5-3.3.1-12][MQTT5-4.3.1-1][MQTT5-4.3.2-2][MQTT5-4.3.3-2]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  const bob = await arrive5(broker, 'bob');
  bob.publish('a', '0', { retain: true });
  bob.publish('a', '1', { qos: 1, dup: true, retain: true });
  bob.publish('a', '2', { qos: 2, dup: true, retain: true });
  await ann.expect(publish('a', '0'), publish('a', '1', { qos: 1, packetId: 1 }), publish('a', '2', { qos: 2, packetId: 2 }));
});

test('a retained message replaces the last one with all its properties; an empty one removes it and is not kept [MQTT5-3.3.1-5][MQTT5-3.3.1-6][MQTT5-3.3.1-7][MQTT5-3.3.1-8]', async () => {
  const broker = await createTestBroker();
  const here = await arrive5(broker, 'here');
  await here.subscribe('r', 1);
  const ann = await arrive5(broker, 'ann');
  const late = await arrive5(broker, 'late');
  const retained = async (...packets: Publish[]): Promise<void> => {
    await late.send(subscribe5(1, [{ filter: 'r', qos: 1 }])).expectFirst(suback(1, 1));
    await expectWhole(late, ...packets);
    await late.send({ type: 10, packetId: 2, filters: ['r'] }).take();
  };
  ann.publish('r', 'first', having({ contentType: 'a', userProperties: [['k', 'v']] }, { retain: true }));
  ann.publish('r', 'second', having({ responseTopic: 'b' }, { retain: true }));
  ann.publish('r', 'passes', having({ contentType: 'c' }));
  await retained(publish('r', 'second', having({ responseTopic: 'b' }, { retain: true })));
  ann.publish('r', '', having({ contentType: 'd' }, { retain: true }));
  await retained();
  const heard = await here.take();
  assert.deepEqual(
    heard.map((packet) => packet instanceof Publish && [packet.payload.toString(), packet.retain]),
    ['first', 'second', 'passes', ''].map((payload) => [payload, false]),
  );
});

test('each QoS is answered as it should be [MQTT5-3.3.4-1][MQTT5-2.2.1-5][MQTT5-4.3.2-4][MQTT5-4.3.2-5][MQTT5-4.3.3-8][MQTT5-4.3.3-10][MQTT5-4.3.3-11][MQTT5-4.3.3-12]', async () => {
  const broker = await createTestBroker();
  const bob = await arrive5(broker, 'bob', kept);
  await bob.subscribe('a');
  const ann = await arrive5(broker, 'ann', kept);
  await ann.publish('a', '0').expect();
  await ann.publish('a', '1', { qos: 1, packetId: 7 }).expect(puback(7));
  await ann.publish('a', '1 anew', { qos: 1, packetId: 7, dup: true }).expect(puback(7));
  await ann.publish('a', '2', { qos: 2, packetId: 7 }).expect(pubrec(7));
  await ann.publish('a', '2', { qos: 2, packetId: 7, dup: true }).expect(pubrec(7));
  ann.hangUp();
  const again = await arrive5(broker, 'ann', resumed);
  await again.publish('a', '2', { qos: 2, packetId: 7, dup: true }).expect(pubrec(7));
  await again.send(pubrel(7)).expect(pubcomp(7));
  await again.send(pubrel(7)).expect(saying(PacketType.Pubcomp, 7, 0x92));
  await again.publish('a', '2 anew', { qos: 2, packetId: 7 }).expect(pubrec(7));
  assert.deepEqual(await bob.payloads(), ['0', '1', '1 anew', '2', '2 anew']);
});

test('what is sent has identifiers of its own, in use until it is done, and is released once [MQTT5-2.2.1-4][MQTT5-4.3.2-1][MQTT5-4.3.2-3][MQTT5-4.3.3-1][MQTT5-4.3.3-3][MQTT5-4.3.3-4][MQTT5-4.3.3-5][MQTT5-4.6.0-5]', async () => {
  const broker = await createTestBroker({ maxInflight: 65_535 });
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  const bob = await arrive5(broker, 'bob');
  const round = async (qos: QoS): Promise<number> => {
    bob.publish('a', 'x', { qos, packetId: 1 });
    if (qos === 2) bob.send(pubrel(1));
    const [packet] = await ann.take();
    assert.ok(packet instanceof Publish);
    return packet.packetId;
  };
  const stays = [await round(1), await round(2), await round(2)];
  assert.deepEqual(stays, [1, 2, 3]);
  await ann.send(pubrec(3)).expect(pubrel(3));
  const seen = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const packetId = await round(1);
    assert.ok(packetId > 0 && !stays.includes(packetId));
    seen.add(packetId);
    ann.send(puback(packetId));
  }
  await ann.send(pubrec(2)).expect(pubrel(2));
  await ann.send(pubcomp(2), pubcomp(3), puback(1)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 0);
});

test('every topic is ordered, at each QoS, whatever window and reconnects do to it [MQTT5-4.6.0-5][MQTT5-4.6.0-6]', async () => {
  const broker = await createTestBroker({ maxInflight: 3 });
  const bob = await arrive5(broker, 'bob');
  let ann = await arrive5(broker, 'ann', kept);
  await ann.subscribe('#', 2);
  const heard = new Map<string, string[]>();
  for (let i = 0; i < 60; i++) {
    const qos = ((i % 2) + 1) as QoS;
    bob.publish(`t/${i % 3}`, `${i}`, { qos, packetId: 1 });
    if (qos === 2) bob.send(pubrel(1));
    if (i % 20 === 10) {
      ann.hangUp();
      ann = await arrive5(broker, 'ann', resumed);
    }
  }
  for (let packets = await ann.take(); packets.length > 0; packets = await ann.take()) {
    for (const packet of packets) {
      if (!(packet instanceof Publish)) continue;
      const { topic, qos, packetId, payload } = packet;
      const way = `${topic} at ${qos}`;
      heard.set(way, [...(heard.get(way) ?? []), payload.toString()]);
      ann.send(...(qos === 1 ? [puback(packetId)] : [pubrec(packetId), pubcomp(packetId)]));
    }
  }
  assert.equal([...heard.values()].flat().length, 60);
  for (const payloads of heard.values()) {
    assert.deepEqual(
      payloads,
      [...payloads].sort((a, b) => Number(a) - Number(b)),
    );
  }
});

test('topic names of up to 65,535 bytes are taken whole and matched as they are [MQTT5-4.7.3-3][MQTT5-4.7.3-4][MQTT5-3.3.2-3]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  const longest = `${'ä'.repeat(32_767)}x`;
  for (const filter of [longest, 'Caf\u{e9}', ' a', '/b', 'c/']) await ann.subscribe(filter);
  for (const topic of ['Cafe\u{301}', 'caf\u{e9}', 'a', 'b', 'c', longest.slice(1), ' a ']) ann.publish(topic, 'no');
  for (const topic of ['Caf\u{e9}', ' a', '/b', 'c/', longest]) ann.publish(topic, 'yes');
  assert.deepEqual(
    (await ann.take()).map((packet) => packet instanceof Publish && packet.topic),
    ['Caf\u{e9}', ' a', '/b', 'c/', longest],
  );
});

test('identifiers belong to QoS 1 and 2: a PUBLISH at QoS 0 has its properties where they would stand [MQTT5-2.2.1-2]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann');
  await ann.subscribe('a', 2);
  ann.sendBytes(rawPacket(0x30, 'a', [2, 1, 1], [120, 121]));
  await expectWhole(ann, publish('a', 'xy', having({ payloadFormatIndicator: 1 })));
});
