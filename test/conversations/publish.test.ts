/** PUBLISH: what is taken, how it is answered, and how it arrives at others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QoS } from '../../src/packet/packet.js';
import { createTestBroker, Publish, type Packet } from '../../src/testing.js';
import { arrive, puback, pubcomp, publish, pubrec, pubrel, type Client } from './client.js';

const EVERY_QOS = [0, 1, 2] as const;

/** What answers a PUBLISH of this QoS. */
function answerTo(qos: QoS, packetId: number): Packet[] {
  return qos === 0 ? [] : [qos === 1 ? puback(packetId) : pubrec(packetId)];
}

/** A broker with `ann`, who publishes, and `bob`, who hears everything at QoS 2. */
async function scene(): Promise<{ ann: Client; bob: Client; test: Awaited<ReturnType<typeof createTestBroker>> }> {
  const test = await createTestBroker();
  const ann = await arrive(test, 'ann');
  const bob = await arrive(test, 'bob');
  await bob.subscribe('#', 2);
  return { ann, bob, test };
}

for (const published of EVERY_QOS) {
  test(`a PUBLISH at QoS ${published} is answered as its QoS says, under its identifier [MQTT-3.3.4-1][MQTT-2.3.1-6]`, async () => {
    const ann = await arrive(await createTestBroker(), 'ann');
    for (const packetId of [1, 300, 65_535]) {
      ann.publish('a', 'x', { qos: published, packetId });
      await ann.expect(...answerTo(published, packetId));
    }
  });

  for (const granted of EVERY_QOS) {
    test(`published at QoS ${published}, granted ${granted}: delivered at the lower of the two [MQTT-3.8.4-6]`, async () => {
      const broker = await createTestBroker();
      const ann = await arrive(broker, 'ann');
      const bob = await arrive(broker, 'bob');
      await bob.subscribe('a', granted);
      ann.publish('a', 'x', { qos: published, packetId: 77 });
      const qos = Math.min(published, granted) as QoS;
      await bob.expect(publish('a', 'x', { qos, packetId: 1 }));
    });
  }
}

test('a QoS 0 PUBLISH leaves with DUP 0 and without a Packet Identifier [MQTT-3.3.1-2][MQTT-4.3.1-1][MQTT-2.3.1-5]', async () => {
  const { ann, bob } = await scene();
  const before = bob.connection.bytesReceived;
  ann.publish('a/b', 'hello');
  await bob.expect(publish('a/b', 'hello'));
  // 30 0a 00 03 a/b hello: the identifier would be two bytes more.
  assert.equal(bob.connection.bytesReceived - before, 12);
});

test('DUP, as it arrived, goes no further [MQTT-3.3.1-3]', async () => {
  const { ann, bob } = await scene();
  ann.publish('a', '1', { qos: 1, packetId: 5, dup: true });
  ann.publish('a', '2', { qos: 2, packetId: 6, dup: true });
  await ann.expect(puback(5), pubrec(6));
  await bob.expect(publish('a', '1', { qos: 1, packetId: 1 }), publish('a', '2', { qos: 2, packetId: 2 }));
});

test('the bytes behind the topic of a QoS 0 PUBLISH are its payload, from the first on [MQTT-2.3.1-5]', async () => {
  const { ann, bob } = await scene();
  ann.connection.sendHex('30 05 00 01 61 00 01');
  await bob.expect(publish('a', '\0\u0001'));
});

for (const qos of EVERY_QOS) {
  test(`a payload of no bytes is delivered at QoS ${qos}`, async () => {
    const { ann, bob } = await scene();
    ann.publish('a', '', { qos });
    await bob.expect(publish('a', '', { qos, packetId: qos === 0 ? 0 : 1 }));
  });

  test(`a payload of a megabyte arrives whole at QoS ${qos}, in whatever pieces it came`, async () => {
    const { ann, bob } = await scene();
    const payload = Buffer.alloc(1 << 20, 'a payload whose length has nothing to do with a power of two. ');
    const { bytes } = Publish.of({ topic: 'a', payload, qos, retain: false, packetId: qos === 0 ? 0 : 1 });
    for (let at = 0; at < bytes.length; at += 65_521) ann.connection.sendBytes(bytes.subarray(at, at + 65_521));
    await ann.expect(...answerTo(qos, 1));
    const [packet, ...others] = await bob.take();
    assert.ok(packet instanceof Publish);
    assert.equal(packet.qos, qos);
    assert.ok(packet.payload.equals(payload));
    assert.deepEqual(others, []);
  });

  test(`a message nobody hears is answered at QoS ${qos}, and nobody's loss`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('b/#', 2);
    ann.publish('a', 'x', { qos });
    await ann.expect(...answerTo(qos, 1));
    await bob.expect();
    assert.deepEqual(
      Object.values(broker.broker.stats.dropped).filter((count) => count > 0),
      [],
    );
  });

  test(`what the publish gate refuses is answered as usual at QoS ${qos}, goes nowhere and is counted [MQTT-3.3.5-2][MQTT31-9]`, async () => {
    for (const version of [4, 3] as const) {
      const broker = await createTestBroker({ gates: { publish: ({ topic }, { clientId }) => clientId !== 'ann' || topic !== 'secret' } });
      const ann = await arrive(broker, 'ann', { version });
      const bob = await arrive(broker, 'bob');
      await bob.subscribe('#', 2);
      ann.publish('secret', 'x', { qos, retain: true, packetId: 9 });
      await ann.expect(...answerTo(qos, 9));
      if (qos === 2) await ann.send(pubrel(9)).expect(pubcomp(9));
      await bob.expect();
      assert.equal(broker.broker.stats.dropped['not-authorized'], 1);
      assert.equal(broker.broker.stats.retained.messages, 0);
      ann.publish('open', 'y');
      await bob.expect(publish('open', 'y'));
    }
  });
}

test('who publishes hears it too, where a filter of its own matches', async () => {
  const ann = await arrive(await createTestBroker(), 'ann');
  await ann.subscribe('a', 1);
  ann.publish('a', 'x', { qos: 1, packetId: 3 });
  await ann.expect(publish('a', 'x', { qos: 1, packetId: 1 }), puback(3));
});

test('everybody with a matching filter receives the message, at the QoS granted to each [MQTT-4.5.0-1][MQTT-3.3.2-3]', async () => {
  const broker = await createTestBroker();
  const hearers = await Promise.all(
    (
      [
        ['exact', 'a/b', 0],
        ['plus', 'a/+', 1],
        ['hash', 'a/#', 2],
        ['parent', 'a/b/#', 0],
        ['all', '#', 1],
        ['other', 'a/b/+', 2],
        ['case', 'A/b', 2],
      ] as const
    ).map(async ([name, filter, qos]) => (await arrive(broker, name)).subscribe(filter, qos)),
  );
  (await arrive(broker, 'ann')).publish('a/b', 'x', { qos: 2 });
  const expected = [0, 1, 2, 0, 1, undefined, undefined] as const;
  for (const [i, qos] of expected.entries()) {
    await hearers[i]!.expect(...(qos === undefined ? [] : [publish('a/b', 'x', { qos, packetId: qos === 0 ? 0 : 1 })]));
  }
});

const longest = 'ä'.repeat(32_767) + 'x';

const names = [
  { name: 'one character', spec: ['MQTT-4.7.3-1'], topic: 'a', hears: ['a', '+', '#'], ignores: ['A', 'a/', '/a', '+/+'] },
  { name: 'a slash', spec: ['MQTT-4.7.3-4'], topic: '/', hears: ['/', '+/+', '/+', '#', '/#'], ignores: ['+', '//'] },
  {
    name: 'empty levels',
    spec: ['MQTT-4.7.3-4'],
    topic: '/a//b/',
    hears: ['/a//b/', '+/a/+/b/+', '/a/#'],
    ignores: ['a/b', '/a/b/', '/a//b'],
  },
  { name: 'spaces', spec: ['MQTT-4.7.3-4'], topic: ' a b ', hears: [' a b ', '+'], ignores: ['a b', ' a b'] },
  { name: 'upper case', spec: ['MQTT-4.7.3-4'], topic: 'ACCOUNTS', hears: ['ACCOUNTS'], ignores: ['Accounts', 'accounts'] },
  { name: 'ä in one character', spec: ['MQTT-4.7.3-4'], topic: 'a/\u00e4', hears: ['a/\u00e4', 'a/+'], ignores: ['a/a\u0308'] },
  { name: 'ä in two characters', spec: ['MQTT-4.7.3-4'], topic: 'a/a\u0308', hears: ['a/a\u0308', 'a/+'], ignores: ['a/\u00e4'] },
  { name: 'a character beyond 16 bits', spec: ['MQTT-4.7.3-4'], topic: 'a/\u{1f600}', hears: ['a/\u{1f600}', '+/+'], ignores: ['a'] },
  { name: 'a level that starts with $', spec: ['MQTT-4.7.2-1'], topic: 'a/$b', hears: ['a/$b', 'a/+', '#', '+/+'], ignores: ['$b'] },
  {
    name: 'a first level that starts with $',
    spec: ['MQTT-4.7.2-1'],
    topic: '$a/b',
    hears: ['$a/b', '$a/#', '$a/+'],
    ignores: ['#', '+/b', '+/+', '+/#'],
  },
  { name: 'the parent level', spec: ['MQTT-4.7.1-2'], topic: 'sport', hears: ['sport/#', 'sport', '#'], ignores: ['sport/+', 'sport/'] },
  { name: 'a single level', spec: ['MQTT-4.7.1-3'], topic: 'a/b/c', hears: ['a/+/c', '+/+/+', '+/b/#'], ignores: ['a/+', '+', 'a/+/+/c'] },
  { name: '65,535 bytes', spec: ['MQTT-4.7.3-3'], topic: longest, hears: [longest, '+', '#'], ignores: [longest.slice(0, -1)] },
];

for (const { name, spec, topic, hears, ignores } of names) {
  test(`a topic name is matched as it is: ${name} ${spec.map((tag) => `[${tag}]`).join('')}`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob');
    for (const filter of ignores) await bob.subscribe(filter);
    ann.publish(topic, 'x');
    await bob.expect();
    for (const filter of hears) {
      const hearer = await arrive(broker, 'cy');
      await hearer.subscribe(filter);
      ann.publish(topic, 'x');
      await hearer.expect(publish(topic, 'x'));
      hearer.leave();
    }
    await bob.expect();
  });
}

const offences = [
  { name: 'both QoS bits', spec: ['MQTT-3.3.1-4'], hex: '36 05 00 01 61 00 01' },
  { name: 'DUP at QoS 0', spec: ['MQTT-3.3.1-2'], hex: '38 04 00 01 61 78' },
  { name: 'Packet Identifier 0', spec: ['MQTT-2.3.1-1'], hex: '32 05 00 01 61 00 00' },
  { name: 'Packet Identifier 0 at QoS 2', spec: ['MQTT-2.3.1-1'], hex: '34 05 00 01 61 00 00' },
  { name: 'no room for a Packet Identifier', spec: ['MQTT-2.3.1-1'], hex: '32 04 00 01 61 00' },
  { name: 'a + in its topic name', spec: ['MQTT-3.3.2-2', 'MQTT-4.7.1-1'], hex: '30 05 00 03 61 2f 2b' },
  { name: 'a # in its topic name', spec: ['MQTT-3.3.2-2', 'MQTT-4.7.1-1'], hex: '30 05 00 03 61 2f 23' },
  { name: 'an empty topic name', spec: ['MQTT-4.7.3-1'], hex: '30 03 00 00 78' },
  { name: 'U+0000 in its topic name', spec: ['MQTT-4.7.3-2', 'MQTT-1.5.3-2'], hex: '30 05 00 03 61 00 62' },
  { name: 'a topic name that is not UTF-8', spec: ['MQTT-3.3.2-1', 'MQTT-1.5.3-1'], hex: '30 05 00 03 61 c3 28' },
  { name: 'a surrogate in its topic name', spec: ['MQTT-3.3.2-1', 'MQTT-1.5.3-1'], hex: '30 06 00 04 61 ed a0 80' },
  { name: 'no topic name', spec: ['MQTT-3.3.2-1'], hex: '30 00' },
  { name: 'a topic name that is cut off', spec: ['MQTT-3.3.2-1'], hex: '30 04 00 05 61 62' },
];

for (const { name, spec, hex } of offences) {
  test(`a PUBLISH with ${name} closes its connection, and no other ${spec.map((tag) => `[${tag}]`).join('')}[MQTT-4.8.0-1]`, async () => {
    const { ann, bob, test } = await scene();
    ann.connection.sendHex(hex);
    await ann.expectClosed();
    await bob.expect();
    (await arrive(test, 'cy')).publish('a', 'x');
    await bob.expect(publish('a', 'x'));
    assert.equal(test.broker.stats.bugs, 0);
  });
}

test('what stood before the offence in the same segment counts, what stands behind it does not [MQTT-4.8.0-1]', async () => {
  const { ann, bob } = await scene();
  ann.connection.sendHex('30 04 00 01 61 31  36 05 00 01 61 00 01  30 04 00 01 61 32');
  await ann.expectClosed();
  await bob.expect(publish('a', '1'));
});

test('$SYS is where the broker speaks: what a client publishes there is answered, goes nowhere and is counted [MQTT-3.3.5-2]', async () => {
  const { ann, bob, test } = await scene();
  await bob.subscribe('$SYS/#', 1);
  ann.publish('$SYS/uptime', 'x', { qos: 1, packetId: 4, retain: true });
  await ann.expect(puback(4));
  await bob.expect();
  assert.equal(test.broker.stats.dropped['not-authorized'], 1);
  assert.equal(test.broker.stats.retained.messages, 0);
});
