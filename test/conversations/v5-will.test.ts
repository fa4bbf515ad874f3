/** Wills of 5.0: whether and when they are published, as the table in docs/mqtt-5.md says, and what arrives of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import type { Will } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import { MemoryStorage, PacketType, createTestBroker, type Packet, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, Client, closeReasons, connect, knock, publish, rawPacket, toldWhole, welcomeOf } from './client.js';

function willOf(payload: string, options: Partial<Will> = {}): Will {
  return { topic: 'gone', payload: Buffer.from(payload), qos: 0, retain: false, ...options };
}

const delayed = (seconds: number, properties: Properties = {}): Partial<Will> => ({
  properties: { willDelayInterval: seconds, ...properties },
});

const bye = (reasonCode: 0 | 4, properties?: Properties): Packet => ({
  type: PacketType.Disconnect,
  reasonCode,
  ...(properties === undefined ? undefined : { properties }),
});

/** Alice, whose Will may wait and whose session may be kept (both in seconds), and Bob, who hears of her. */
async function aliceAndBob({
  delay = 0,
  expiry = 0,
  will = {},
  options = {},
}: {
  delay?: number;
  expiry?: number;
  will?: Partial<Will>;
  options?: CreateOptions;
} = {}): Promise<{
  broker: TestBroker;
  alice: Client;
  bob: Client;
}> {
  const broker = await createTestBroker(options);
  const bob = await arrive5(broker, 'bob');
  await bob.subscribe('gone', options.maxQos === 1 ? 1 : 2);
  const alice = await arrive5(broker, 'alice', {
    keepAlive: 10,
    properties: { sessionExpiryInterval: expiry },
    will: willOf('alice', { ...delayed(delay), ...will }),
  });
  return { broker, alice, bob };
}

/** The session is there, or gone. */
const present = ({ broker }: TestBroker): boolean => broker.session('alice') !== undefined;

type End = (alice: Client, broker: TestBroker) => unknown;

/** When a Will is published, in seconds after the end of the connection. */
type When = number | 'never';

const DELAY = 20;
const SHORT = 5;
const LONG = 60;

interface Row {
  readonly name: string;
  readonly reason: string;
  readonly end: End;
  /** Without a delay. */
  readonly none: When;
  /** With a delay of 20 s, where the session ends with its connection, is kept for 5 s, or for 60 s. */
  readonly ends: When;
  readonly short: When;
  readonly long: When;
}

const lost = { none: 0, ends: 0, short: SHORT, long: DELAY } as const;
const atOnce = { none: 0, ends: 0, short: 0, long: 0 } as const;
const never = { none: 'never', ends: 'never', short: 'never', long: 'never' } as const;

const takeOver =
  (clean: boolean): End =>
  (_, broker) =>
    knock(broker, 'alice', { version: 5, clean, properties: { sessionExpiryInterval: LONG } });

const rows: readonly Row[] = [
  { name: 'DISCONNECT 0x00', reason: 'client-disconnect', end: (alice) => alice.send(bye(0)), ...never },
  { name: 'DISCONNECT 0x04', reason: 'client-disconnect', end: (alice) => alice.send(bye(4)), ...lost },
  { name: 'a lost connection', reason: 'connection-lost', end: (alice) => alice.hangUp(), ...lost },
  { name: 'a missed keep-alive', reason: 'keep-alive-timeout', end: (_, broker) => broker.advance(15_000), ...lost },
  { name: 'a take-over with Clean Start 0', reason: 'taken-over', end: takeOver(false), none: 0, ends: 0, short: 'never', long: 'never' },
  { name: 'a take-over with Clean Start 1', reason: 'taken-over', end: takeOver(true), ...atOnce },
  { name: 'a protocol error', reason: 'protocol-error', end: (alice) => alice.send(connect('alice', { version: 5 })), ...lost },
  { name: 'a malformed packet', reason: 'malformed-packet', end: (alice) => alice.sendBytes(Buffer.of(0xc1, 0)), ...lost },
  { name: 'a kick', reason: 'kicked', end: (_, { broker }) => broker.kick('alice'), ...lost },
];

const columns = [
  { column: 'none', delay: 0, expiry: 0, says: 'no delay and a session that ends' },
  { column: 'none', delay: 0, expiry: SHORT, says: 'no delay and a session that is kept' },
  { column: 'none', delay: 0, expiry: LONG, says: 'no delay and a session that is kept for long' },
  { column: 'ends', delay: DELAY, expiry: 0, says: 'a delay and a session that ends' },
  { column: 'short', delay: DELAY, expiry: SHORT, says: 'a delay and a session that is kept for less' },
  { column: 'long', delay: DELAY, expiry: LONG, says: 'a delay and a session that is kept for longer' },
] as const;

const tags = '[MQTT5-3.1.2-8] [MQTT5-3.1.2-10] [MQTT5-3.1.3-9] [MQTT5-3.14.4-3]';

for (const { name, reason, end, ...when } of rows) {
  for (const { column, delay, expiry, says } of columns) {
    const due = when[column];
    test(`after ${name}, with ${says}, the Will is published ${due === 'never' ? due : `after ${due} s`}, once ${tags}`, async () => {
      const { broker, alice, bob } = await aliceAndBob({ delay, expiry });
      await end(alice, broker);
      assert.deepEqual(closeReasons(broker), { [reason]: 1 });
      if (due !== 'never' && due > 0) {
        broker.advance(due * 1_000 - 200);
        await bob.expect();
        broker.advance(300);
      }
      await bob.expect(...(due === 'never' ? [] : [publish('gone', 'alice')]));
      broker.advance(100_000);
      await bob.expect();
    });
  }
}

for (const { delay, expiry, says } of columns) {
  test(`a stop publishes the Will at once, with ${says}, before its connection is closed [MQTT5-3.1.2-8]`, async () => {
    const { broker } = await aliceAndBob({ delay, expiry });
    const heard: string[] = [];
    broker.broker.subscribe('gone', ({ payload }) => heard.push(payload.toString()));
    await broker.broker.close();
    assert.deepEqual(heard, ['alice']);
  });
}

test('a stop publishes the Wills that wait already, to everybody who is still there', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  const heard: string[] = [];
  broker.broker.subscribe('gone', ({ payload }) => heard.push(payload.toString()));
  alice.hangUp();
  await bob.expect();
  await broker.broker.close();
  assert.deepEqual(heard, ['alice']);
  assert.equal(bob.connection.packets[0]?.type, PacketType.Publish);
});

test('a stop keeps a Will that waited for who is away, and publishes it once', async () => {
  const storage = new MemoryStorage();
  const { broker, alice } = await aliceAndBob({ delay: DELAY, expiry: LONG, will: { qos: 1 }, options: { storage } });
  const cy = await arrive5(broker, 'cy', { properties: { sessionExpiryInterval: LONG } });
  await cy.subscribe('gone', 1);
  cy.leave();
  alice.hangUp();
  await Promise.all([broker.broker.close(), broker.settle()]);
  const again = await createTestBroker({ storage });
  const back = await arrive5(again, 'cy', { clean: false, sessionPresent: true });
  again.advance(30_000);
  assert.deepEqual(await back.payloads(), ['alice']);
});

for (const seconds of [1, DELAY - 1]) {
  test(`a client that resumes its session after ${seconds} s of ${DELAY} cancels the Will for good [MQTT5-3.1.3-9] [MQTT5-3.1.2-8]`, async () => {
    const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
    alice.hangUp();
    broker.advance(seconds * 1_000);
    const back = await arrive5(broker, 'alice', { clean: false, sessionPresent: true, properties: { sessionExpiryInterval: LONG } });
    back.hangUp();
    broker.advance(100_000);
    await bob.expect();
  });
}

test('a client that begins a new session within the delay ends the old one, and that publishes the Will [MQTT5-3.1.3-9]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  alice.hangUp();
  broker.advance(1_000);
  await bob.expect();
  await arrive5(broker, 'alice', { clean: true });
  await bob.expect(publish('gone', 'alice'));
});

test('a client that is not let in cancels nothing [MQTT5-3.1.3-9]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  alice.hangUp();
  broker.broker.gate({ connect: () => 0x87 });
  const refused = knock(broker, 'alice', { version: 5, clean: false });
  assert.equal((await welcomeOf(broker, refused)).reasonCode, 0x87);
  broker.advance((DELAY + 1) * 1_000);
  await bob.expect(publish('gone', 'alice'));
});

test('of two connections of one session each has its own Will, and only the last one waits [MQTT5-3.1.2-7] [MQTT5-3.1.2-10]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  const fields = { clean: false, sessionPresent: true, properties: { sessionExpiryInterval: LONG } };
  alice.hangUp();
  const second = await arrive5(broker, 'alice', { ...fields, will: willOf('second', delayed(DELAY)) });
  second.hangUp();
  broker.advance((DELAY + 1) * 1_000);
  assert.deepEqual(await bob.payloads(), ['second']);
  const third = await arrive5(broker, 'alice', fields);
  third.hangUp();
  broker.advance(100_000);
  await bob.expect();
});

test('DISCONNECT 0x04 may change how long the session is kept, and so when the Will is due at the latest [MQTT5-3.1.2-8] [MQTT5-3.14.4-3]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  alice.send(bye(4, { sessionExpiryInterval: SHORT }));
  broker.advance((SHORT - 1) * 1_000);
  await bob.expect();
  assert.equal(present(broker), true);
  broker.advance(2_000);
  await bob.expect(publish('gone', 'alice'));
  assert.equal(present(broker), false);
});

test('DISCONNECT 0x04 that ends the session publishes the Will at once [MQTT5-3.1.2-8]', async () => {
  const { alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  alice.send(bye(4, { sessionExpiryInterval: 0 }));
  await bob.expect(publish('gone', 'alice'));
});

test('a DISCONNECT that wants to keep a session that ends is an error, so the Will is published, also with 0x00 [MQTT5-3.14.4-3]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  alice.send(bye(0, { sessionExpiryInterval: 5 }));
  await bob.expect(publish('gone', 'alice'));
  assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
});

for (const reasonCode of [0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x95, 0x96, 0x97, 0x98, 0x99] as const) {
  test(`DISCONNECT 0x${reasonCode.toString(16)} leaves the Will to be published [MQTT5-3.14.4-3]`, async () => {
    const { alice, bob } = await aliceAndBob();
    alice.send({ type: PacketType.Disconnect, reasonCode });
    await bob.expect(publish('gone', 'alice'));
  });
}

test('a session that the broker keeps for less than its client asked ends, and publishes the Will, after that', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG, options: { sessionExpiry: SHORT } });
  alice.hangUp();
  broker.advance((SHORT - 1) * 1_000);
  await bob.expect();
  broker.advance(2_000);
  await bob.expect(publish('gone', 'alice'));
});

test('a session that never expires has its Will published after the delay', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: 0xffff_ffff, options: { sessionExpiry: 0xffff_ffff } });
  alice.hangUp();
  broker.advance((DELAY + 1) * 1_000);
  await bob.expect(publish('gone', 'alice'));
  assert.equal(present(broker), true);
});

const properties: Properties = {
  payloadFormatIndicator: 1,
  contentType: 'text/plain',
  responseTopic: 'why',
  correlationData: Buffer.of(0, 1, 2),
  userProperties: [
    ['b', '2'],
    ['a', '1'],
    ['b', '2'],
  ],
};

for (const delay of [0, DELAY]) {
  test(`a Will arrives with all its properties but the delay of ${delay} s, User Properties in their order [MQTT5-3.1.3-10]`, async () => {
    const { broker, alice, bob } = await aliceAndBob({ expiry: LONG, will: { qos: 2, ...delayed(delay, properties) } });
    alice.hangUp();
    broker.advance((delay + 1) * 1_000);
    assert.deepEqual(toldWhole(await bob.take()), [{ ...toldWhole([publish('gone', 'alice', { qos: 2, packetId: 1 })])[0], properties }]);
  });
}

test('the Message Expiry of a Will begins when it is published, not when it was given or the connection ended', async () => {
  const { broker, alice } = await aliceAndBob({ expiry: LONG, will: { qos: 1, ...delayed(DELAY, { messageExpiryInterval: 30 }) } });
  const cy = await arrive5(broker, 'cy', { properties: { sessionExpiryInterval: 1_000 } });
  const dan = await arrive5(broker, 'dan', { properties: { sessionExpiryInterval: 1_000 } });
  for (const client of [cy, dan]) {
    await client.subscribe('gone', 1);
    client.leave();
  }
  broker.advance(5_000);
  alice.hangUp();
  broker.advance((DELAY + 10) * 1_000);
  const back = { clean: false, sessionPresent: true };
  const [heard] = toldWhole(await (await arrive5(broker, 'cy', back)).take()) as [{ properties: Properties }];
  assert.deepEqual(heard.properties, { messageExpiryInterval: 20 });
  broker.advance(20_000);
  await (await arrive5(broker, 'dan', back)).expect();
  assert.equal(broker.broker.stats.dropped['message-expired'], 1);
});

test('a 3.1.1 subscriber hears a Will of 5.0, without its properties', async () => {
  const { broker, alice } = await aliceAndBob({ will: { properties } });
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('gone');
  alice.hangUp();
  await cy.expect(publish('gone', 'alice'));
});

for (const qos of [0, 1, 2] as const) {
  test(`a Will of QoS ${qos} is accepted and published at QoS ${qos} [MQTT5-3.1.2-12]`, async () => {
    const { alice, bob } = await aliceAndBob({ will: { qos } });
    alice.hangUp();
    await bob.expect(publish('gone', 'alice', { qos, packetId: qos === 0 ? 0 : 1 }));
  });
}

test('a Will with Will Retain is retained when it is published, one without leaves what is retained alone [MQTT5-3.1.2-14] [MQTT5-3.1.2-15]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG, will: { retain: true } });
  alice.hangUp();
  await bob.take();
  assert.equal(broker.broker.stats.retained.messages, 0);
  broker.advance((DELAY + 1) * 1_000);
  await bob.expect(publish('gone', 'alice'));
  const eve = await arrive5(broker, 'eve', { will: willOf('eve') });
  eve.hangUp();
  await bob.expect(publish('gone', 'eve'));
  const cy = await arrive5(broker, 'cy');
  await cy.subscribe('gone');
  await cy.expect(publish('gone', 'alice', { retain: true }));
});

test('a retained Will that has expired is sent to nobody', async () => {
  const { broker, alice } = await aliceAndBob({ will: { retain: true, properties: { messageExpiryInterval: 10 } } });
  alice.hangUp();
  broker.advance(9_000);
  const cy = await arrive5(broker, 'cy');
  await cy.subscribe('gone');
  assert.deepEqual(toldWhole(await cy.take()), [
    { ...toldWhole([publish('gone', 'alice', { retain: true })])[0], properties: { messageExpiryInterval: 1 } },
  ]);
  broker.advance(1_000);
  const dan = await arrive5(broker, 'dan');
  await dan.subscribe('gone');
  await dan.expect();
  assert.equal(broker.broker.stats.retained.messages, 0);
});

test('the will gate is asked when the Will is due, and sees its properties and the name of who left it', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG, will: delayed(DELAY, { contentType: 'x' }) });
  const asked: object[] = [];
  broker.broker.gate({
    will: ({ topic, properties }, { clientId }) => {
      asked.push({ topic, properties, clientId });
      return false;
    },
  });
  alice.hangUp();
  assert.deepEqual(asked, []);
  broker.advance((DELAY + 1) * 1_000);
  assert.deepEqual(asked, [{ topic: 'gone', properties: { contentType: 'x' }, clientId: 'alice' }]);
  await bob.expect();
  assert.equal(broker.broker.stats.dropped['not-authorized'], 1);
});

test('a client that resumes its session hears the Will it left, if it was published meanwhile', async () => {
  const { broker, alice } = await aliceAndBob({ delay: DELAY, expiry: LONG, will: { qos: 1 } });
  await alice.subscribe('gone', 1);
  alice.hangUp();
  broker.advance((DELAY + 1) * 1_000);
  const back = await arrive5(broker, 'alice', { clean: false, sessionPresent: true });
  assert.deepEqual(await back.payloads(), ['alice']);
});

test('a 3.1.1 client takes over a session of 5.0: its delayed Will is cancelled, for the client is back [MQTT5-3.1.3-9]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ delay: DELAY, expiry: LONG });
  alice.hangUp();
  knock(broker, 'alice', { clean: false });
  broker.advance(100_000);
  await bob.expect();
});

test('a Will of 3.1.1 knows no delay: it is published at once, also where the session is kept', async () => {
  const { broker, bob } = await aliceAndBob();
  const cy = await arrive(broker, 'cy', { clean: false, will: willOf('cy') });
  cy.hangUp();
  await bob.expect(publish('gone', 'cy'));
});

/** CONNECTs with a Will that are answered with a reason code. */
const refused: { name: string; reasonCode: number; tags: string; will: Partial<Will>; options?: CreateOptions }[] = [
  { name: 'a QoS above the maximum', reasonCode: 0x9b, tags: ' [MQTT5-3.2.2-12]', will: { qos: 2 }, options: { maxQos: 1 } },
  { name: 'no topic', reasonCode: 0x90, tags: '', will: { topic: '' } },
  { name: 'a wildcard in its topic', reasonCode: 0x90, tags: '', will: { topic: 'a/#' } },
  { name: 'a wildcard in its Response Topic', reasonCode: 0x82, tags: '', will: { properties: { responseTopic: 'a/+' } } },
  {
    name: 'a payload that is not the UTF-8 it says it is, where that is looked at,',
    reasonCode: 0x99,
    tags: '',
    will: { payload: Buffer.of(0xff), properties: { payloadFormatIndicator: 1 } },
    options: { payloadFormat: 'check' },
  },
];
for (const { name, reasonCode, tags, will, options } of refused) {
  test(`a Will with ${name} is refused with CONNACK 0x${reasonCode.toString(16)}, and never published${tags}`, async () => {
    const { broker, bob } = await aliceAndBob({ options: options ?? {} });
    await bob.subscribe('#', 1);
    const cy = knock(broker, 'cy', { version: 5, will: willOf('cy', will) });
    assert.equal((await welcomeOf(broker, cy)).reasonCode, reasonCode);
    await cy.expectClosed();
    await bob.expect();
  });
}

test('a Will at the maximum QoS is accepted [MQTT5-3.2.2-12]', async () => {
  const { alice, bob } = await aliceAndBob({ will: { qos: 1 }, options: { maxQos: 1 } });
  alice.hangUp();
  await bob.expect(publish('gone', 'alice', { qos: 1, packetId: 1 }));
});

/** CONNECT flags, and what is wrong with them. */
const flags: readonly (readonly [name: string, flags: number, tag: string])[] = [
  ['Will QoS 1 without a Will', 0x0a, 'MQTT5-3.1.2-11'],
  ['Will QoS 2 without a Will', 0x12, 'MQTT5-3.1.2-11'],
  ['Will QoS 3', 0x1e, 'MQTT5-3.1.2-12'],
  ['Will Retain without a Will', 0x22, 'MQTT5-3.1.2-13'],
  ['a Will Flag and nothing behind it', 0x06, 'MQTT5-3.1.2-9'],
];
for (const [name, bits, tag] of flags) {
  test(`${name} makes a CONNECT malformed: CONNACK 0x81 and the end [${tag}]`, async () => {
    const broker = await createTestBroker();
    const client = new Client(broker);
    client.connection.version = 5;
    client.sendBytes(rawPacket(0x10, 'MQTT', [5, bits, 0, 0, 0], 'cy'));
    assert.equal((await welcomeOf(broker, client)).reasonCode, 0x81);
    await client.expectClosed();
  });
}
