/** Wills: published on every ungraceful end of a connection and on none else (MQTT 3.1.1 section 3.1.2.5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Will } from '../../src/packet/packet.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  closeReasons,
  comeBack,
  connect,
  disconnect,
  knock,
  pingreq,
  pingresp,
  publish,
  pubrec,
  rawPacket,
  type Client,
} from './client.js';

function willOf(payload: string, options: Partial<Will> = {}): Will {
  return { topic: 'gone', payload: Buffer.from(payload), qos: 0, retain: false, ...options };
}

/** Alice with a Will, and Bob, who hears of it. */
async function aliceAndBob(fields: Parameters<typeof arrive>[2] = {}): Promise<{ broker: TestBroker; alice: Client; bob: Client }> {
  const broker = await createTestBroker();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('gone', 2);
  return { broker, bob, alice: await arrive(broker, 'alice', { will: willOf('alice'), ...fields }) };
}

type End = (alice: Client, broker: TestBroker) => unknown;

const ungraceful: { name: string; end: End; reason: string }[] = [
  { name: 'the peer hangs up', end: (alice) => alice.hangUp(), reason: 'connection-lost' },
  { name: 'the network breaks', end: (alice) => alice.connection.transport.hangUp(new Error('ECONNRESET')), reason: 'socket-error' },
  { name: 'a second CONNECT comes', end: (alice) => alice.send(connect('alice')), reason: 'protocol-error' },
  { name: 'a packet is malformed', end: (alice) => alice.send(pingreq).sendBytes(Buffer.of(0xc1, 0)), reason: 'malformed-packet' },
  { name: 'a DISCONNECT has reserved bits set', end: (alice) => alice.sendBytes(Buffer.of(0xe1, 0)), reason: 'malformed-packet' },
  { name: 'a packet is too large', end: (alice) => alice.sendBytes(Buffer.of(0x30, 0x80, 0x80, 0x10)), reason: 'packet-too-large' },
  { name: 'the client is silent for too long', end: (_, broker) => broker.advance(15_000), reason: 'keep-alive-timeout' },
  { name: 'another connection takes over', end: (_, broker) => knock(broker, 'alice'), reason: 'taken-over' },
  { name: 'an operator asks for it', end: (_, broker) => broker.broker.kick('alice'), reason: 'kicked' },
];
for (const { name, end, reason } of ungraceful) {
  for (const clean of [true, false]) {
    test(`a Will is published, once, where ${name} (Clean Session ${Number(clean)}) [MQTT-3.1.2-8] [MQTT-3.1.2-10]`, async () => {
      const broker = await createTestBroker({ maxPacketSize: 100_000 });
      const bob = await arrive(broker, 'bob');
      await bob.subscribe('gone');
      const alice = await arrive(broker, 'alice', { clean, keepAlive: 10, will: willOf('alice') });
      await end(alice, broker);
      await bob.expect(publish('gone', 'alice'));
      assert.equal(alice.closed, true);
      assert.deepEqual(closeReasons(broker), { [reason]: 1 });
      broker.broker.kick('alice');
      broker.advance(60_000);
      await bob.expect();
    });
  }
}

test('Wills are published when the broker stops [MQTT-3.1.2-8]', async () => {
  const { broker } = await aliceAndBob();
  const heard: string[] = [];
  broker.broker.subscribe('gone', ({ payload }) => heard.push(payload.toString()));
  await broker.broker.close();
  assert.deepEqual(heard, ['alice']);
});

const graceful: [string, End][] = [
  ['DISCONNECT', (alice) => alice.leave()],
  ['DISCONNECT and more behind it', (alice) => alice.sendBytes(Buffer.from('e000c000e100', 'hex'))],
  ['DISCONNECT and a broken connection', (alice) => (alice.leave(), alice.connection.transport.hangUp(new Error('ECONNRESET')))],
  ['DISCONNECT a second time', (alice) => alice.send(disconnect, disconnect)],
];
for (const [name, end] of graceful) {
  test(`${name} discards the Will unpublished [MQTT-3.14.4-3] [MQTT-3.1.2-10]`, async () => {
    const { broker, alice, bob } = await aliceAndBob({ clean: false });
    await end(alice, broker);
    await alice.expectClosed();
    const back = await comeBack(broker, 'alice');
    back.hangUp();
    await bob.expect();
    assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1, 'connection-lost': 1 });
  });
}

test('a Will belongs to its connection: the next one of the session has its own or none [MQTT-3.1.2-10] [MQTT-3.1.2-12]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ clean: false });
  alice.hangUp();
  const second = await comeBack(broker, 'alice', { will: willOf('second') });
  second.hangUp();
  const third = await comeBack(broker, 'alice');
  third.hangUp();
  assert.deepEqual(await bob.payloads(), ['alice', 'second']);
});

test('who gave no Will has none published, however the connection ends [MQTT-3.1.2-12]', async () => {
  for (const { end } of ungraceful) {
    const broker = await createTestBroker({ maxPacketSize: 100_000 });
    const bob = await arrive(broker, 'bob');
    await bob.subscribe('#');
    const alice = await arrive(broker, 'alice', { keepAlive: 10 });
    await end(alice, broker);
    assert.equal(alice.closed, true);
    await bob.expect();
  }
});

for (const qos of [0, 1, 2] as const) {
  test(`a Will of QoS ${qos} is published at QoS ${qos} [MQTT-3.1.2-9] [MQTT-3.1.2-14]`, async () => {
    const { alice, bob } = await aliceAndBob({ will: willOf('alice', { qos }) });
    alice.hangUp();
    await bob.expect(publish('gone', 'alice', { qos, packetId: 1 }));
  });
}

test('a Will at QoS 1 waits for who is away, as any message does', async () => {
  const { broker, alice } = await aliceAndBob({ will: willOf('alice', { qos: 1 }) });
  const carol = await arrive(broker, 'carol', { clean: false });
  await carol.subscribe('gone', 1);
  carol.leave();
  alice.hangUp();
  await (await comeBack(broker, 'carol')).expect(publish('gone', 'alice', { qos: 1, packetId: 1 }));
});

test('a Will with Will Retain is retained, and goes out without RETAIN to who hears it now [MQTT-3.1.2-17] [MQTT-3.1.2-9]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ will: willOf('alice', { retain: true, qos: 1 }) });
  alice.hangUp();
  await bob.expect(publish('gone', 'alice', { qos: 1, packetId: 1 }));
  const carol = await arrive(broker, 'carol');
  await carol.subscribe('gone', 1);
  await carol.expect(publish('gone', 'alice', { qos: 1, packetId: 1, retain: true }));
});

test('a Will without Will Retain leaves the retained message alone [MQTT-3.1.2-16]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  bob.publish('gone', 'nobody yet', { retain: true });
  alice.hangUp();
  assert.deepEqual(await bob.payloads(), ['nobody yet', 'alice']);
  const carol = await arrive(broker, 'carol');
  await carol.subscribe('gone');
  await carol.expect(publish('gone', 'nobody yet', { retain: true }));
});

test('an empty Will with Will Retain clears the retained message', async () => {
  const { broker, alice, bob } = await aliceAndBob({ will: willOf('', { retain: true }) });
  alice.publish('gone', 'not at all', { retain: true });
  alice.hangUp();
  assert.deepEqual(await bob.payloads(), ['not at all', '']);
  assert.equal(broker.broker.stats.retained.messages, 0);
});

test('a client may be told of its own Will when it comes back', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { clean: false, will: willOf('myself', { qos: 1 }) });
  await alice.subscribe('gone', 1);
  alice.hangUp();
  await (await comeBack(broker, 'alice')).expect(publish('gone', 'myself', { qos: 1, packetId: 1 }));
});

test('a clean session that ends hears nothing of its own Will, and its subscriptions are gone', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', { will: willOf('myself', { qos: 1 }) });
  await alice.subscribe('gone', 1);
  alice.hangUp();
  assert.equal(broker.broker.stats.dropped['session-ended'], 1);
  assert.equal(broker.broker.stats.subscriptions, 0);
});

test('the Will of a taken-over connection comes before anything of the new one', async () => {
  const { broker, bob } = await aliceAndBob();
  const next = knock(broker, 'alice');
  next.publish('gone', 'here again');
  assert.deepEqual(await bob.payloads(), ['alice', 'here again']);
});

test('what a client published last comes before its Will', async () => {
  const { alice, bob } = await aliceAndBob();
  const last = [publish('gone', 'last words', { qos: 2, packetId: 9 }).bytes, rawPacket(0x82, [0, 0])];
  alice.sendBytes(Buffer.concat(last));
  await alice.expectClosed(pubrec(9));
  assert.deepEqual(await bob.payloads(), ['last words', 'alice']);
});

test('Wills go to each other only as far as they are still there: many end at once', async () => {
  const broker = await createTestBroker();
  const clients: Client[] = [];
  for (const name of ['a', 'b', 'c']) {
    const client = await arrive(broker, name, { clean: false, will: willOf(name, { qos: 1 }), keepAlive: 10 });
    clients.push(await client.subscribe('gone', 1));
  }
  broker.advance(15_000);
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    const back = await comeBack(broker, name);
    const heard = [...(await clients[i]!.payloads()), ...(await back.payloads())];
    assert.deepEqual([...new Set(heard)].sort(), ['a', 'b', 'c']);
  }
});

test('a will gate is asked when the Will is due, of the message and its publisher, and drops it with false', async () => {
  const { broker, bob } = await aliceAndBob({ username: 'user' });
  const asked: object[] = [];
  broker.broker.gate({
    will: ({ topic, payload, qos, retain }, { clientId, username }) => {
      asked.push({ topic, payload: payload.toString(), qos, retain, clientId, username });
      return payload.toString() !== 'alice';
    },
  });
  await arrive(broker, 'carol', { will: willOf('carol', { qos: 1, retain: true }) });
  assert.deepEqual(asked, []);
  broker.broker.kick('alice');
  broker.broker.kick('carol');
  assert.deepEqual(asked, [
    { topic: 'gone', payload: 'alice', qos: 0, retain: false, clientId: 'alice', username: 'user' },
    { topic: 'gone', payload: 'carol', qos: 1, retain: true, clientId: 'carol', username: undefined },
  ]);
  assert.deepEqual(await bob.payloads(), ['carol']);
  assert.equal(broker.broker.stats.dropped['not-authorized'], 1);
});

test('a will gate that throws drops the Will and harms nobody', async () => {
  const { broker, alice, bob } = await aliceAndBob({ will: willOf('alice', { retain: true }) });
  broker.broker.gate({
    will: () => {
      throw new Error('a gate of the test');
    },
  });
  alice.hangUp();
  await bob.expect();
  const { retained, bugs, dropped } = broker.broker.stats;
  assert.deepEqual({ retained: retained.messages, bugs, dropped: dropped['not-authorized'] }, { retained: 0, bugs: 1, dropped: 1 });
  await bob.send(pingreq).expect(pingresp);
});

test('a Will is no way to speak in the name of the broker', async () => {
  const { broker, alice, bob } = await aliceAndBob({ will: willOf('forged', { topic: '$SYS/broker/version', retain: true }) });
  await bob.subscribe('$SYS/#');
  alice.hangUp();
  await bob.expect();
  assert.equal(broker.broker.stats.retained.messages, 0);
  assert.equal(broker.broker.stats.dropped['not-authorized'], 1);
});

test('the publish gate is not asked about Wills', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  broker.broker.gate({ publish: () => false });
  alice.hangUp();
  assert.deepEqual(await bob.payloads(), ['alice']);
});
