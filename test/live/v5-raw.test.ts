/** MQTT 5.0 over a socket, in the steps by which public conformance suites judge a server, and where they differ as the standard has it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Packet } from 'mqtt-packet';
import { createBroker, type Broker } from 'posmq';
import { rawPacket } from '../conversations/client.js';
import { connectPacket, publishPacket, V5Client } from './v5-client.js';

const [CONNECT, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT, AUTH] = [0x10, 0x30, 0x62, 0x82, 0xa2, 0xe0, 0xf0];
const NO_PROPERTIES = [0];

let broker: Broker;
before(async () => {
  broker = await createBroker({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await broker.close();
  assert.equal(broker.stats.bugs, 0);
});

const open = (fields?: Parameters<typeof V5Client.open>[1]): Promise<V5Client> => V5Client.open(broker.address.port, fields);
const knock = (...what: (Packet | Buffer)[]): V5Client => new V5Client(broker.address.port).send(...what);

/** A CONNECT whose parts after the protocol level are given. */
const connectBytes = (flags: number, ...rest: (string | readonly number[])[]): Buffer =>
  rawPacket(CONNECT, 'MQTT', [5, flags, 0, 60], ...rest);

describe('a CONNECT that cannot be accepted is told why, and its connection closed', () => {
  const cases: readonly { readonly name: string; readonly bytes: Buffer; readonly reasonCode: number | undefined }[] = [
    { name: 'reserved flag [MQTT5-3.1.2-3]', bytes: connectBytes(3, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    { name: 'Will QoS without a Will [MQTT5-3.1.2-11]', bytes: connectBytes(0x0a, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    {
      name: 'Will QoS 3 [MQTT5-3.1.2-12]',
      bytes: connectBytes(0x1e, NO_PROPERTIES, 'a', NO_PROPERTIES, 'will', 'payload'),
      reasonCode: 0x81,
    },
    { name: 'Will Retain without a Will [MQTT5-3.1.2-13]', bytes: connectBytes(0x22, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    { name: 'a Will that is missing [MQTT5-3.1.2-9]', bytes: connectBytes(6, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    { name: 'a user name that is missing [MQTT5-3.1.2-17]', bytes: connectBytes(0x82, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    { name: 'a password that is missing [MQTT5-3.1.2-19]', bytes: connectBytes(0x42, NO_PROPERTIES, 'a'), reasonCode: 0x81 },
    {
      name: 'a surrogate in the client identifier [MQTT5-1.5.4-1][MQTT5-3.1.3-4]',
      bytes: connectBytes(2, NO_PROPERTIES, [0, 3, 0xed, 0xa0, 0x80]),
      reasonCode: 0x81,
    },
    {
      name: 'a NUL in the client identifier [MQTT5-1.5.4-2]',
      bytes: connectBytes(2, NO_PROPERTIES, [0, 3, 0x61, 0, 0x62]),
      reasonCode: 0x81,
    },
    {
      name: 'ill-formed UTF-8 in the Will Topic [MQTT5-3.1.3-11]',
      bytes: connectBytes(6, NO_PROPERTIES, 'a', NO_PROPERTIES, [0, 2, 0xff, 0xfe], 'payload'),
      reasonCode: 0x81,
    },
    {
      name: 'ill-formed UTF-8 in the user name [MQTT5-3.1.3-12]',
      bytes: connectBytes(0x82, NO_PROPERTIES, 'a', [0, 2, 0xff, 0xfe]),
      reasonCode: 0x81,
    },
    {
      name: 'ill-formed UTF-8 in a User Property [MQTT5-1.5.7-1]',
      bytes: connectBytes(2, [8, 0x26, 0, 1, 0xff, 0, 2], [0x61, 0x62], 'a'),
      reasonCode: 0x81,
    },
    {
      name: 'a Session Expiry Interval given twice [MQTT5-4.13.1-1]',
      bytes: connectBytes(2, [10, 0x11, 0, 0, 1, 0, 0x11, 0, 0, 2, 0], 'a'),
      reasonCode: 0x82,
    },
    { name: 'a Receive Maximum of 0 [MQTT5-3.1.4-1]', bytes: connectBytes(2, [3, 0x21, 0, 0], 'a'), reasonCode: 0x82 },
    { name: 'a Maximum Packet Size of 0 [MQTT5-3.1.4-1]', bytes: connectBytes(2, [5, 0x27, 0, 0, 0, 0], 'a'), reasonCode: 0x82 },
    { name: 'a property of a PUBLISH [MQTT5-3.1.4-1]', bytes: connectBytes(2, [2, 0x01, 1], 'a'), reasonCode: 0x81 },
    {
      name: 'an Authentication Method nobody knows [MQTT5-4.12.0-1]',
      bytes: connectBytes(2, [8, 0x15, 0, 5], [...Buffer.from('PLAIN')], 'a'),
      reasonCode: 0x8c,
    },
    {
      name: 'a protocol level to come, written as 5.0 is [MQTT5-3.1.2-2]',
      bytes: rawPacket(CONNECT, 'MQTT', [99, 2, 0, 60], NO_PROPERTIES, 'a'),
      reasonCode: 0x84,
    },
  ];
  for (const { name, bytes, reasonCode } of cases) {
    it(`${name} [MQTT5-3.2.2-6][MQTT5-3.2.2-7]`, async () => {
      const { last, reasonCode: told, packets } = await knock(bytes).end();
      assert.deepEqual([last, told], ['connack', reasonCode]);
      assert.deepEqual(
        packets.map((packet) => 'sessionPresent' in packet && packet.sessionPresent),
        [false],
      );
    });
  }

  for (const [name, ...what] of [
    ['a PUBLISH that comes first [MQTT5-3.1.0-1]', rawPacket(PUBLISH, 'topic', NO_PROPERTIES)],
    ['an unknown protocol name [MQTT5-3.1.2-1]', rawPacket(CONNECT, 'MQTX', [5, 2, 0, 60], NO_PROPERTIES, 'a')],
    ['a CONNECT with flags in its first byte [MQTT5-2.1.3-1]', rawPacket(CONNECT | 1, 'MQTT', [5, 2, 0, 60], NO_PROPERTIES, 'a')],
    ['a protocol level to come, written as 3.1.1 is [MQTT5-3.1.2-2]', rawPacket(CONNECT, 'MQTT', [99, 2, 0, 60], 'abc')],
    ['a Remaining Length of five bytes [MQTT5-1.5.5-1]', Buffer.of(CONNECT, 0x80, 0x80, 0x80, 0x80, 1)],
  ] as const) {
    it(`but ${name} is not answered`, async () => {
      const { packets } = await knock(...what).end();
      assert.deepEqual(packets, []);
    });
  }

  it('in no more bytes than the client takes [MQTT5-3.2.2-19]', async () => {
    const properties = { authenticationMethod: 'SCRAM-SHA-1', maximumPacketSize: 30 };
    const client = knock(connectPacket({ clientId: 'small', properties }));
    assert.equal((await client.end()).reasonCode, 0x8c);
    assert.ok(client.received.length <= 30);
    const roomy = knock(connectPacket({ clientId: 'roomy', properties: { ...properties, maximumPacketSize: 300 } }));
    const { packets } = await roomy.end();
    assert.match(packets[0]?.cmd === 'connack' ? (packets[0].properties?.reasonString ?? '') : '', /Authentication Method/);
  });

  it('in the code alone where the protocol level is none of ours, so that any reader finds its end [MQTT5-3.1.2-2]', async () => {
    const client = knock(rawPacket(CONNECT, 'MQTT', [6, 2, 0, 60], NO_PROPERTIES, 'a'));
    await client.end();
    assert.deepEqual([...client.received], [0x20, 3, 0, 0x84, 0]);
  });
});

describe('a packet that is not allowed gets a DISCONNECT with the reason, and its connection is closed [MQTT5-4.13.1-1]', () => {
  const subscription = (filter: string | readonly number[], options: number, properties: readonly number[] = NO_PROPERTIES): Buffer =>
    rawPacket(SUBSCRIBE, [0, 1], properties, filter, [options]);

  for (const [name, bytes, reasonCode] of [
    ['a second CONNECT [MQTT5-3.1.0-2]', connectBytes(2, NO_PROPERTIES, 'a'), 0x82],
    ['a packet of type 0', Buffer.of(0, 0), 0x81],
    ['PUBLISH at QoS 3 [MQTT5-3.3.1-4]', rawPacket(0x36, 'topic', [0, 1], NO_PROPERTIES), 0x81],
    ['DUP at QoS 0 [MQTT5-3.3.1-2]', rawPacket(0x38, 'topic', NO_PROPERTIES), 0x81],
    ['a wildcard in a Topic Name [MQTT5-3.3.2-2]', rawPacket(PUBLISH, 'a/+', NO_PROPERTIES), 0x90],
    ['a NUL in a Topic Name [MQTT5-4.7.3-2]', rawPacket(PUBLISH, [0, 3, 0x61, 0, 0x62], NO_PROPERTIES), 0x81],
    ['neither Topic Name nor Topic Alias', rawPacket(PUBLISH, '', NO_PROPERTIES), 0x82],
    ['Topic Alias 0 [MQTT5-3.3.2-8]', rawPacket(PUBLISH, 'topic', [3, 0x23, 0, 0]), 0x94],
    ['a Topic Alias above the maximum [MQTT5-3.2.2-17]', rawPacket(PUBLISH, 'topic', [3, 0x23, 0xff, 0xff]), 0x94],
    ['a Topic Alias that means nothing yet', rawPacket(PUBLISH, '', [3, 0x23, 0, 1]), 0x82],
    ['a Subscription Identifier in a PUBLISH [MQTT5-3.3.4-6]', rawPacket(PUBLISH, 'topic', [2, 0x0b, 42]), 0x82],
    ['a wildcard in a Response Topic [MQTT5-3.3.2-14]', rawPacket(PUBLISH, 'topic', [5, 0x08, 0, 2, 0x61, 0x23]), 0x82],
    ['ill-formed UTF-8 in a User Property [MQTT5-1.5.7-1]', rawPacket(PUBLISH, 'topic', [7, 0x26, 0, 1, 0xff, 0, 1, 0x61]), 0x81],
    ['PUBREL with flags 0000 [MQTT5-3.6.1-1]', rawPacket(PUBREL & 0xf0, [0, 1]), 0x81],
    ['SUBSCRIBE with flags 0000 [MQTT5-3.8.1-1]', rawPacket(SUBSCRIBE & 0xf0, [0, 1], NO_PROPERTIES, 'a', [0]), 0x81],
    ['SUBSCRIBE without a filter [MQTT5-3.8.3-2]', rawPacket(SUBSCRIBE, [0, 1], NO_PROPERTIES), 0x82],
    ['SUBSCRIBE with reserved options [MQTT5-3.8.3-5]', subscription('a', 0xc0), 0x81],
    ['ill-formed UTF-8 in a Topic Filter [MQTT5-3.8.3-1]', subscription([0, 2, 0xff, 0xfe], 0), 0x81],
    ['No Local on a Shared Subscription [MQTT5-3.8.3-4]', subscription('$share/g/a', 4), 0x82],
    ['Subscription Identifier 0 (section 3.8.2.1.2)', subscription('a', 0, [2, 0x0b, 0]), 0x82],
    ['UNSUBSCRIBE with flags 0000 [MQTT5-3.10.1-1]', rawPacket(UNSUBSCRIBE & 0xf0, [0, 1], NO_PROPERTIES, 'a'), 0x81],
    ['UNSUBSCRIBE without a filter [MQTT5-3.10.3-2]', rawPacket(UNSUBSCRIBE, [0, 1], NO_PROPERTIES), 0x82],
    ['ill-formed UTF-8 in an UNSUBSCRIBE [MQTT5-3.10.3-1]', rawPacket(UNSUBSCRIBE, [0, 1], NO_PROPERTIES, [0, 2, 0xff, 0xfe]), 0x81],
    ['DISCONNECT with an unknown reason [MQTT5-3.14.2-1]', rawPacket(DISCONNECT, [3]), 0x82],
    ['DISCONNECT that keeps a session which ends (section 3.14.2.2.2)', rawPacket(DISCONNECT, [0, 5, 0x11, 0, 0, 1, 0]), 0x82],
    ['AUTH with flags [MQTT5-3.15.1-1]', rawPacket(AUTH | 1, [0x18, 0]), 0x81],
    ['AUTH without an Authentication Method in CONNECT [MQTT5-4.12.0-7]', rawPacket(AUTH, [0x19, 5, 0x15, 0, 2, 0x61, 0x62]), 0x82],
  ] as const) {
    it(name, async () => {
      const client = await open();
      const { last, reasonCode: told, packets } = await client.send(bytes).end();
      assert.deepEqual([last, told, packets.length], ['disconnect', reasonCode, 1]);
      // [MQTT5-3.14.2-2]
      assert.deepEqual(Object.keys((packets[0]?.cmd === 'disconnect' && packets[0].properties) || {}), ['reasonString']);
    });
  }

  for (const reasonCode of [0, 4, 0x80]) {
    it(`and DISCONNECT ${reasonCode} closes it without an answer, even to what follows [MQTT5-3.14.4-1][MQTT5-3.14.4-2]`, async () => {
      const client = await open();
      const { packets } = await client.send(rawPacket(DISCONNECT, [reasonCode]), { cmd: 'pingreq' }).end();
      assert.deepEqual(packets, []);
    });
  }
});

describe('sessions', () => {
  const kept = { clean: false, properties: { sessionExpiryInterval: 300 } } as const;

  it('a client that is taken over is told so [MQTT5-3.1.4-3]', async () => {
    const first = await open({ clientId: 'twice' });
    await open({ clientId: 'twice' });
    const { last, reasonCode } = await first.end();
    assert.deepEqual([last, reasonCode], ['disconnect', 0x8e]);
  });

  it('are present where they were kept, unless Clean Start discards them [MQTT5-3.1.2-4][MQTT5-3.2.2-2][MQTT5-3.2.2-3]', async () => {
    const present: boolean[] = [];
    for (const clean of [true, false, true, false]) {
      const client = knock(connectPacket({ ...kept, clientId: 'kept', clean }));
      present.push((await client.next('connack')).sessionPresent);
      await client.send({ cmd: 'disconnect', reasonCode: 0 }).end();
    }
    assert.deepEqual(present, [false, true, false, true]);
  });

  it('an empty client identifier is replaced by a unique one, whatever Clean Start says [MQTT5-3.1.3-6][MQTT5-3.2.2-16]', async () => {
    const assigned = await Promise.all(
      [true, false].map(async (clean) => {
        const { reasonCode, properties } = await knock(connectBytes(clean ? 2 : 0, NO_PROPERTIES, '')).next('connack');
        assert.equal(reasonCode, 0);
        return properties?.assignedClientIdentifier;
      }),
    );
    assert.equal(new Set(assigned.filter(Boolean)).size, 2);
  });

  it('a message waits for its receiver, and is sent again with DUP after a connection that did not acknowledge it [MQTT5-4.4.0-1]', async () => {
    const clientId = 'again';
    const first = await open({ ...kept, clientId });
    await first.subscribe('again', 1);
    await (await open()).publish('again', 'once');
    await first.next('publish');
    first.lose();
    const second = await open({ ...kept, clientId });
    const { payload, dup } = await second.next('publish');
    assert.deepEqual([payload.toString(), dup], ['once', true]);
  });
});

describe('messages', () => {
  it('PUBACK, PUBREC and PUBCOMP carry the identifier and Success [MQTT5-2.2.1-5][MQTT5-3.4.2-1][MQTT5-3.5.2-1][MQTT5-3.7.2-1]', async () => {
    const client = await open();
    client.send(publishPacket('acks', '1', { qos: 1, messageId: 0x1234 }), publishPacket('acks', '2', { qos: 2, messageId: 77 }));
    client.send({ cmd: 'pubrel', messageId: 77 });
    const answers = [await client.next('puback'), await client.next('pubrec'), await client.next('pubcomp')];
    assert.deepEqual(
      answers.map(({ messageId, reasonCode }) => [messageId, reasonCode]),
      [
        [0x1234, 0],
        [77, 0],
        [77, 0],
      ],
    );
  });

  it('PUBREL for nothing is answered 0x92 [MQTT5-3.7.2-1]', async () => {
    const client = await open();
    const { messageId, reasonCode } = await client.send({ cmd: 'pubrel', messageId: 999 }).next('pubcomp');
    assert.deepEqual([messageId, reasonCode], [999, 0x92]);
  });

  it('QoS 2: a repetition is delivered once, and the identifier is new again after PUBCOMP [MQTT5-4.3.3-10][MQTT5-4.3.3-12]', async () => {
    const subscriber = await open();
    await subscriber.subscribe('exactly/once');
    const publisher = await open();
    for (const payload of ['first', 'second']) {
      for (const dup of [false, true]) {
        publisher.send(publishPacket('exactly/once', payload, { qos: 2, messageId: 50, dup }));
        assert.equal((await publisher.next('pubrec')).messageId, 50);
      }
      await publisher.send({ cmd: 'pubrel', messageId: 50 }).next('pubcomp');
    }
    assert.deepEqual(await subscriber.messages(), ['first', 'second']);
  });

  it('a PUBREC that refuses ends the exchange without PUBREL; a PUBACK that refuses settles the message [MQTT5-4.3.3-4][MQTT5-4.4.0-2]', async () => {
    const subscriber = await open({ properties: { receiveMaximum: 1 } });
    await subscriber.subscribe('refused', 2);
    const publisher = await open();
    for (const payload of ['2', '1', 'end']) {
      const qos = payload === '2' ? 2 : 1;
      publisher.send(publishPacket('refused', payload, { qos, messageId: 1 }));
      await publisher.next(qos === 2 ? 'pubrec' : 'puback');
    }
    const first = await subscriber.next('publish');
    subscriber.send({ cmd: 'pubrec', messageId: first.messageId!, reasonCode: 0x80 });
    const second = await subscriber.next('publish');
    subscriber.send({ cmd: 'puback', messageId: second.messageId!, reasonCode: 0x80 });
    assert.deepEqual(await subscriber.messages(), ['end']);
  });

  it('DUP is not passed on [MQTT5-3.3.1-3]', async () => {
    const client = await open();
    await client.subscribe('dup', 1);
    client.send(publishPacket('dup', 'x', { qos: 1, messageId: 1, dup: true }));
    const [message] = (await client.rest()).filter(({ cmd }) => cmd === 'publish');
    assert.equal(message?.cmd === 'publish' && message.dup, false);
  });

  it('no more come than the Receive Maximum lets through, and all else goes on meanwhile [MQTT5-4.9.0-2][MQTT5-4.9.0-3]', async () => {
    const subscriber = await open({ properties: { receiveMaximum: 2 } });
    await subscriber.subscribe('window', 2);
    const publisher = await open();
    for (const i of [1, 2, 3, 4, 5]) await publisher.publish('window', String(i));
    const [first, second, ...more] = (await subscriber.rest()).filter((packet) => packet.cmd === 'publish');
    assert.deepEqual([first?.payload.toString(), second?.payload.toString(), more.length], ['1', '2', 0]);
    assert.deepEqual(await subscriber.subscribe('other'), [0]);
    subscriber.send({ cmd: 'puback', messageId: first!.messageId! });
    assert.deepEqual(await subscriber.messages(), ['3']);
  });

  it('at QoS 2 the place in the window is free when PUBCOMP has come, not before [MQTT5-3.3.4-9]', async () => {
    const subscriber = await open({ properties: { receiveMaximum: 1 } });
    await subscriber.subscribe('slot', 2);
    const publisher = await open();
    for (const messageId of [1, 2]) {
      publisher.send(publishPacket('slot', String(messageId), { qos: 2, messageId }));
      await publisher.next('pubrec');
    }
    const { messageId } = await subscriber.next('publish');
    assert.deepEqual(await subscriber.messages(), []);
    await subscriber.send({ cmd: 'pubrec', messageId: messageId! }).next('pubrel');
    assert.deepEqual(await subscriber.messages(), []);
    subscriber.send({ cmd: 'pubcomp', messageId: messageId! });
    assert.deepEqual(await subscriber.messages(), ['2']);
  });

  it('more QoS 2 messages than the Receive Maximum of CONNACK end the connection with 0x93 [MQTT5-3.3.4-7]', async () => {
    const publisher = knock(connectPacket());
    const { properties } = await publisher.next('connack');
    const messages = Array.from({ length: (properties?.receiveMaximum ?? 65_535) + 1 }, (_, i) =>
      publishPacket('flood', '', { qos: 2, messageId: i + 1 }),
    );
    const { last, reasonCode } = await publisher.send(...messages).end();
    assert.deepEqual([last, reasonCode], ['disconnect', 0x93]);
  });

  it('all that overlaps comes in one message, at the highest QoS and with every Subscription Identifier [MQTT5-3.3.4-2][MQTT5-3.3.4-4]', async () => {
    const subscriber = await open();
    await subscriber.subscribe('over/+', 0, {}, 10);
    await subscriber.subscribe('over/#', 1, {}, 20);
    await (await open()).publish('over/lap', 'x');
    const { qos, properties } = await subscriber.next('publish');
    assert.equal(qos, 1);
    assert.deepEqual(new Set([properties?.subscriptionIdentifier].flat()), new Set([10, 20]));
    assert.deepEqual(await subscriber.messages(), []);
  });

  it('a byte order mark in a topic stays where it is [MQTT5-1.5.4-3]', async () => {
    const client = await open();
    await client.subscribe('\u{feff}mark');
    client.send(publishPacket('mark', 'without'), publishPacket('\u{feff}mark', 'with'));
    const { topic, payload } = await client.next('publish');
    assert.deepEqual([topic, payload.toString()], ['\u{feff}mark', 'with']);
  });

  it('a topic of 65,535 bytes is one like any other [MQTT5-4.7.3-3]', async () => {
    const client = await open();
    const long = 'x'.repeat(65_535);
    await client.subscribe('+');
    client.send(publishPacket(long, 'long'));
    assert.equal((await client.next('publish')).topic, long);
  });

  it('an expired message is not sent, and one under way is finished though it expires [MQTT5-3.3.2-5][MQTT5-4.3.3-7]', async () => {
    const clientId = 'late';
    const properties = { sessionExpiryInterval: 60 };
    const before = await open({ clientId, properties });
    await before.subscribe('expiry', 2);
    const publisher = await open();
    await publisher.publish('expiry', 'under way', { properties: { messageExpiryInterval: 1 } });
    const underWay = await before.next('publish');
    await before.send({ cmd: 'disconnect', reasonCode: 0 }).end();
    await publisher.publish('expiry', 'expired', { properties: { messageExpiryInterval: 1 } });
    await publisher.publish('expiry', 'fresh', { properties: { messageExpiryInterval: 100 } });
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const after = await open({ clientId, clean: false, properties });
    const again = await after.next('publish');
    assert.deepEqual([again.payload.toString(), again.dup, again.messageId], ['under way', true, underWay.messageId]);
    const fresh = await after.next('publish');
    assert.equal(fresh.payload.toString(), 'fresh');
    assert.ok(fresh.properties!.messageExpiryInterval! < 100);
  });
});

describe('Topic Aliases', () => {
  it('of a publisher can be used and changed, and reach no subscriber [MQTT5-3.3.2-12][MQTT5-3.1.2-27]', async () => {
    const subscriber = await open();
    await subscriber.subscribe('alias/+');
    const publisher = await open();
    const properties = { topicAlias: 5 };
    for (const topic of ['alias/a', '', 'alias/b', '']) publisher.send(publishPacket(topic, 'x', { properties }));
    await publisher.rest();
    const heard = (await subscriber.rest()).map((packet) => packet.cmd === 'publish' && [packet.topic, packet.properties?.topicAlias]);
    assert.deepEqual(heard, [
      ['alias/a', undefined],
      ['alias/a', undefined],
      ['alias/b', undefined],
      ['alias/b', undefined],
    ]);
  });

  it('end with their connection [MQTT5-3.3.2-7]', async () => {
    const clientId = 'aliases';
    const first = await open({ clientId });
    await first.publish('alias/kept', 'x', { properties: { topicAlias: 3 } });
    await first.send({ cmd: 'disconnect', reasonCode: 0 }).end();
    const second = await open({ clientId });
    const { last, reasonCode } = await second.send(rawPacket(PUBLISH, '', [3, 0x23, 0, 3])).end();
    assert.deepEqual([last, reasonCode], ['disconnect', 0x82]);
  });

  it('of ours name a topic as short as TopicA once, and stand for it then, at each QoS [MQTT5-3.1.2-26]', async () => {
    const client = await open({ properties: { topicAliasMaximum: 1 } });
    await client.subscribe('TopicA', 2);
    for (const qos of [0, 1, 2] as const) client.send(publishPacket('TopicA', 'x', { qos, messageId: qos }));
    const heard = (await client.rest()).flatMap((packet) =>
      packet.cmd === 'publish' ? [[packet.topic, packet.qos, packet.properties?.topicAlias]] : [],
    );
    assert.deepEqual(heard, [
      ['TopicA', 0, 1],
      ['', 1, 1],
      ['', 2, 1],
    ]);
  });
});

describe('subscriptions', () => {
  it('SUBACK has a code for each filter, and refuses just those that are none [MQTT5-3.8.4-6][MQTT5-4.7.1-1][MQTT5-4.7.1-2]', async () => {
    const filters = [
      'a',
      '#',
      '+/b/#',
      'a/#/b',
      'a#',
      'a+',
      'a/+b',
      '',
      '$share/g/a',
      '$share/g',
      '$share/g+/a',
      '$share/#/a',
      '$share//a',
    ];
    const client = await open();
    client.send({ cmd: 'subscribe', messageId: 42, subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })) });
    const { messageId, granted } = await client.next('suback');
    assert.equal(messageId, 42);
    const bad = 0x8f;
    assert.deepEqual(granted, [1, 1, 1, bad, bad, bad, bad, bad, 1, bad, bad, bad, bad]);
  });

  it('UNSUBACK tells what was there [MQTT5-3.11.3-1][MQTT5-3.11.3-2]', async () => {
    const client = await open();
    await client.subscribe('there');
    client.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['there', 'nowhere', 'there'] });
    const { messageId, granted } = (await client.next('unsuback')) as { messageId?: number; granted?: number[] };
    assert.deepEqual([messageId, granted], [7, [0, 0x11, 0x11]]);
  });

  it('one that is replaced brings a message once, at the new QoS [MQTT5-3.8.4-3]', async () => {
    const client = await open();
    await client.subscribe('replaced', 0);
    assert.deepEqual(await client.subscribe('replaced', 1), [1]);
    await (await open()).publish('replaced', 'once');
    const heard = await client.rest();
    assert.deepEqual(
      heard.map((packet) => packet.cmd === 'publish' && packet.qos),
      [1],
    );
  });

  it('a retained message comes with the Subscription Identifier, at the lower QoS, and as Retain Handling says [MQTT5-3.3.4-3][MQTT5-3.8.4-8]', async () => {
    const publisher = await open();
    await publisher.publish('retained/5', 'kept', { retain: true });
    const client = await open();
    const heard: unknown[] = [];
    for (const rh of [1, 1, 2, 0, 0]) {
      await client.subscribe('retained/5', 0, { rh }, 42);
      for (const packet of await client.rest()) {
        if (packet.cmd === 'publish') heard.push([rh, packet.qos, packet.retain, packet.properties?.subscriptionIdentifier]);
      }
    }
    assert.deepEqual(heard, [
      [1, 0, true, 42],
      [0, 0, true, 42],
      [0, 0, true, 42],
    ]);
  });

  it('a Shared Subscription gets no retained messages, and each of others once beside the ordinary ones (section 4.8.2)', async () => {
    const publisher = await open();
    await publisher.publish('shared/kept', 'kept', { retain: true });
    const members = [await open(), await open()];
    for (const member of members) {
      assert.deepEqual(await member.subscribe('$share/one/shared/+', 1), [1]);
      assert.deepEqual(await member.messages(), []);
    }
    const other = await open();
    await other.subscribe('$share/other/shared/+');
    const ordinary = await open();
    await ordinary.subscribe('shared/live');
    const sent = ['1', '2', '3', '4', '5', '6'];
    for (const payload of sent) await publisher.publish('shared/live', payload);
    const heard = await Promise.all(members.map((member) => member.messages()));
    assert.ok(heard.every((messages) => messages.length > 0));
    assert.deepEqual(heard.flat().sort(), sent);
    assert.deepEqual(await other.messages(), sent);
    assert.deepEqual(await ordinary.messages(), sent);
  });

  it('what a member of a Shared Subscription refuses goes to nobody else [MQTT5-4.8.2-6]', async () => {
    const members = [await open(), await open()];
    for (const member of members) await member.subscribe('$share/refusing/job', 1);
    await (await open()).publish('job', 'x');
    const heard = await Promise.all(members.map((member) => member.rest()));
    const who = heard.findIndex(({ length }) => length > 0);
    const [message] = heard[who]!;
    members[who]!.send({ cmd: 'puback', messageId: message!.messageId!, reasonCode: 0x80 });
    assert.deepEqual([await members[who]!.messages(), await members[1 - who]!.messages()], [[], []]);
  });
});

describe('Wills', () => {
  const will = (topic: string, retain = false, willDelayInterval = 0): object => ({
    topic,
    payload: Buffer.from('gone'),
    qos: 1,
    retain,
    properties: { willDelayInterval, userProperties: { key1: 'a', key2: 'b', key3: 'c' } },
  });

  it('come with their properties, retained where that was asked for, and not after DISCONNECT 0 [MQTT5-3.1.3-10][MQTT5-3.14.4-3]', async () => {
    const witness = await open();
    await witness.subscribe('will/#');
    const polite = await open({ will: will('will/polite') } as object);
    await polite.send({ cmd: 'disconnect', reasonCode: 0 }).end();
    const asking = await open({ will: will('will/asked') } as object);
    await asking.send({ cmd: 'disconnect', reasonCode: 4 }).end();
    const lost = await open({ will: will('will/lost', true) } as object);
    lost.lose();
    for (const [topic, retain] of [
      ['will/asked', false],
      ['will/lost', false],
    ] as const) {
      const heard = await witness.next('publish');
      assert.deepEqual([heard.topic, heard.payload.toString(), heard.retain], [topic, 'gone', retain]);
      assert.deepEqual(Object.entries(heard.properties?.userProperties ?? {}), [
        ['key1', 'a'],
        ['key2', 'b'],
        ['key3', 'c'],
      ]);
    }
    const later = await open();
    await later.subscribe('will/#');
    const kept = await later.next('publish');
    assert.deepEqual([kept.topic, kept.retain], ['will/lost', true]);
  });

  it('wait for their delay, but no longer than the session lives, and not for a client that is back [MQTT5-3.1.3-9]', async () => {
    const witness = await open();
    await witness.subscribe('delay/#');
    const session = (sessionExpiryInterval: number): object => ({ properties: { sessionExpiryInterval } });
    const mortal = await open({ clientId: 'mortal', ...session(0), will: will('delay/mortal', false, 60) } as object);
    const patient = await open({ clientId: 'patient', ...session(60), will: will('delay/patient', false, 1) } as object);
    const back = await open({ clientId: 'back', ...session(60), will: will('delay/back', false, 1) } as object);
    for (const client of [back, patient]) client.lose();
    const lostAt = performance.now();
    mortal.lose();
    assert.equal((await witness.next('publish')).topic, 'delay/mortal');
    await open({ clientId: 'back', clean: false, ...session(60) });
    assert.equal((await witness.next('publish')).topic, 'delay/patient');
    assert.ok(performance.now() - lostAt > 900);
    assert.deepEqual(await witness.messages(), []);
  });

  it('come after one and a half times the keep-alive of a silent client, who is told 0x8D [MQTT5-3.1.2-22]', async () => {
    const witness = await open();
    await witness.subscribe('silent');
    const silent = await open({ keepalive: 1, will: will('silent') } as object);
    const spokeAt = performance.now();
    const { last, reasonCode } = await silent.end();
    assert.ok(performance.now() - spokeAt > 1_400);
    assert.deepEqual([last, reasonCode], ['disconnect', 0x8d]);
    assert.equal((await witness.next('publish')).payload.toString(), 'gone');
  });
});

it('after Request Problem Information 0 no reason is given but in CONNACK and DISCONNECT [MQTT5-3.1.2-29]', async () => {
  const client = await open({ properties: { requestProblemInformation: false } });
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#/b', qos: 0 }] });
  const { granted, properties } = await client.next('suback');
  assert.deepEqual([granted, Object.keys(properties ?? {})], [[0x8f], []]);
});

it('no Response Information comes unasked [MQTT5-3.1.2-28]', async () => {
  const { properties } = await knock(connectPacket({ properties: { requestResponseInformation: false } })).next('connack');
  assert.equal(properties?.responseInformation, undefined);
});
