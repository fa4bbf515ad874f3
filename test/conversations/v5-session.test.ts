/** How long a 5.0 session is kept, and who finds it again (MQTT 5.0 sections 3.1.2.4, 3.1.2.11.2 and 4.1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  comeBack,
  expectFarewell,
  expectWhole,
  farewell,
  held,
  knock,
  NOTHING,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  subscribe5,
  suback,
  welcomeOf,
  type Client,
} from './client.js';

const NEVER = 0xffff_ffff;

const keptFor = (sessionExpiryInterval: number | undefined): object =>
  sessionExpiryInterval === undefined ? {} : { properties: { sessionExpiryInterval } };

/** Whether Ann finds a session, coming with Clean Start 0. */
async function isFound(broker: TestBroker, clean = false): Promise<boolean> {
  return (await welcomeOf(broker, knock(broker, 'ann', { version: 5, clean }))).sessionPresent;
}

/** How long, in seconds, the session of Ann is there when she has gone: to the second, or for ever. */
const lifetimes: { name: string; limit?: number; asked?: number; atEnd?: number; lasts: number }[] = [
  { name: 'asked for nothing', lasts: 0 },
  { name: 'asked for 0', asked: 0, lasts: 0 },
  { name: 'asked for a minute', asked: 60, lasts: 60 },
  { name: 'asked for more than is allowed', limit: 30, asked: 60, lasts: 30 },
  { name: 'asked for ever where that is not allowed', limit: 30, asked: NEVER, lasts: 30 },
  { name: 'asked for ever', limit: NEVER, asked: NEVER, lasts: Infinity },
  { name: 'asked for a minute where everything is allowed', limit: NEVER, asked: 60, lasts: 60 },
  { name: 'asked for more where nothing is allowed', limit: 0, asked: 60, lasts: 0 },
  { name: 'said less at its DISCONNECT', asked: 60, atEnd: 20, lasts: 20 },
  { name: 'said more at its DISCONNECT', asked: 60, atEnd: 90, lasts: 90 },
  { name: 'said 0 at its DISCONNECT', asked: 60, atEnd: 0, lasts: 0 },
  { name: 'said 0 again at its DISCONNECT', asked: 0, atEnd: 0, lasts: 0 },
  { name: 'said too much at its DISCONNECT', limit: 70, asked: 60, atEnd: NEVER, lasts: 70 },
  { name: 'said for ever at its DISCONNECT', limit: NEVER, asked: 60, atEnd: NEVER, lasts: Infinity },
  { name: 'said more where nothing is allowed', limit: 0, asked: 60, atEnd: 60, lasts: 0 },
];
for (const { name, limit = 100, asked, atEnd, lasts } of lifetimes) {
  test(`the session of a client that ${name} is kept for ${lasts} s [MQTT5-3.1.2-23][MQTT5-4.1.0-2][MQTT5-3.1.2-5][MQTT5-3.1.2-6][MQTT5-3.2.2-3]`, async () => {
    for (const late of [false, true]) {
      const broker = await createTestBroker({ sessionExpiry: limit });
      const ann = await arrive5(broker, 'ann', keptFor(asked));
      await ann.subscribe('a', 1);
      ann.send(farewell(0, atEnd === undefined ? undefined : { sessionExpiryInterval: atEnd }));
      await ann.expectClosed();
      if (lasts === Infinity) broker.advance(500_000);
      else if (lasts > 0) broker.advance(lasts * 1_000 - (late ? 0 : 100));
      const expected = lasts === Infinity || (lasts > 0 && !late);
      assert.equal(broker.broker.stats.subscriptions, expected ? 1 : 0);
      assert.equal(await isFound(broker), expected);
    }
  });
}

const ends: [name: string, end: (client: Client, broker: TestBroker) => void][] = [
  ['lost', (ann) => ann.hangUp()],
  ['ended with a DISCONNECT', (ann) => ann.leave()],
  ['ended with an error', (ann) => ann.sendHex('ff 00')],
  ['kicked', (_, broker) => broker.broker.kick('ann')],
];
for (const [name, end] of ends) {
  test(`a session is kept, or not, when its connection is ${name} [MQTT5-3.1.2-23]`, async () => {
    for (const asked of [0, 60]) {
      const broker = await createTestBroker();
      const ann = await arrive5(broker, 'ann', keptFor(asked));
      end(ann, broker);
      await ann.take();
      assert.equal(ann.closed, true);
      assert.equal(await isFound(broker), asked > 0);
    }
  });
}

test('a client that asked for no session cannot ask for one when it leaves: DISCONNECT 0x82, and its Will stands', async () => {
  for (const asked of [undefined, 0]) {
    const broker = await createTestBroker();
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('w');
    const will = { topic: 'w', payload: Buffer.from('bye'), qos: 0, retain: false } as const;
    const ann = await arrive5(broker, 'ann', { will, ...keptFor(asked) });
    ann.send(farewell(0, { sessionExpiryInterval: 1 }));
    await expectFarewell(ann, 0x82);
    assert.deepEqual(await bob.payloads(), ['bye']);
    assert.equal(await isFound(broker), false);
  }
});

test('Clean Start 1 ends the session that was there, with everything in it, and begins another [MQTT5-3.1.2-4][MQTT5-3.2.2-2][MQTT5-3.1.4-4]', async () => {
  const broker = await createTestBroker({ maxInflight: 1 });
  const bob = await arrive5(broker, 'bob');
  for (const isOpen of [true, false]) {
    const ann = await arrive5(broker, 'ann', keptFor(60));
    await ann.send(subscribe5(1, [{ filter: 'a', qos: 2 }], 7)).expect(suback(1, 2));
    for (const payload of ['sent', 'waits']) bob.publish('a', payload, { qos: 2 });
    await ann.publish('b', 'half', { qos: 2, packetId: 9 }).take();
    if (!isOpen) ann.hangUp();
    assert.equal(broker.broker.session('ann')?.queuedMessages, 1);
    const anew = await arrive5(broker, 'ann', { clean: true, ...keptFor(60) });
    await anew.expect();
    assert.deepEqual(broker.broker.session('ann')?.subscriptions, []);
    assert.equal(broker.broker.session('ann')?.received, 0);
    anew.leave();
    // Another session now, and again one that is found.
    const found = await arrive5(broker, 'ann', { clean: false, sessionPresent: true });
    found.leave();
  }
});

test('a session that is resumed has its subscriptions with their options, what was in flight, and what waited [MQTT5-3.1.2-5][MQTT5-4.5.0-1][MQTT5-4.4.0-1][MQTT5-3.3.1-1]', async () => {
  const broker = await createTestBroker({ maxInflight: 2 });
  const ann = await arrive5(broker, 'ann', keptFor(60));
  await ann.send(subscribe5(1, [{ filter: 'a', qos: 2, noLocal: true, retainAsPublished: true }], 7)).expect(suback(1, 2));
  const bob = await arrive5(broker, 'bob');
  for (const payload of ['1', '2', '3']) bob.publish('a', payload, { qos: 2 });
  await ann.take();
  ann.hangUp();
  bob.publish('a', '4', { qos: 1, retain: true });
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, ...keptFor(60) });
  const identified = { version: 5, properties: { subscriptionIdentifiers: [7] } } as const;
  await expectWhole(
    again,
    publish('a', '1', { ...identified, qos: 2, packetId: 1, dup: true }),
    publish('a', '2', { ...identified, qos: 2, packetId: 2, dup: true }),
  );
  await again.send(pubrec(1), pubrec(2)).expect(pubrel(1), pubrel(2));
  again.send(pubcomp(1), pubcomp(2));
  await expectWhole(
    again,
    publish('a', '3', { ...identified, qos: 2, packetId: 3 }),
    publish('a', '4', { ...identified, qos: 1, packetId: 4, retain: true }),
  );
  again.publish('a', 'my own', { qos: 0 });
  await again.expect();
});

test('each CONNECT says anew how long the session is kept, whatever it was before [MQTT5-3.1.2-5][MQTT5-3.1.2-23]', async () => {
  const broker = await createTestBroker({ sessionExpiry: NEVER });
  for (const [asked, stays] of [
    [100, 90],
    [10, 9],
    [NEVER, 1_000],
    [20, 19],
  ] as const) {
    const ann = await arrive5(broker, 'ann', { clean: false, sessionPresent: asked !== 100, ...keptFor(asked) });
    ann.hangUp();
    broker.advance(stays * 1_000);
  }
  const last = await arrive5(broker, 'ann', { clean: false, sessionPresent: true });
  last.hangUp();
  assert.deepEqual(held(broker), NOTHING);
  assert.equal(await isFound(broker), false);
});

test('a session never ends while its connection is open [MQTT5-4.1.0-1]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', keptFor(1));
  await ann.subscribe('a');
  broker.advance(10_000);
  ann.publish('a', 'here');
  assert.deepEqual(await ann.payloads(), ['here']);
  ann.hangUp();
  broker.advance(900);
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, ...keptFor(1) });
  broker.advance(10_000);
  again.publish('a', 'still');
  assert.deepEqual(await again.payloads(), ['still']);
});

test('a client takes its session over while its older connection is open, where it is kept [MQTT5-3.1.2-5][MQTT5-3.1.4-3]', async () => {
  for (const asked of [undefined, 0, 60]) {
    const broker = await createTestBroker();
    const older = await arrive5(broker, 'ann', keptFor(asked));
    await older.subscribe('a');
    const isKept = asked === 60;
    const newer = await arrive5(broker, 'ann', { clean: false, sessionPresent: isKept, ...keptFor(asked) });
    await expectFarewell(older, 0x8e);
    newer.publish('a', 'x');
    assert.deepEqual(await newer.payloads(), isKept ? ['x'] : []);
    assert.equal(broker.broker.stats.sessions.connected, 1);
  }
});

test('a session is found again by clients of either version', async () => {
  const broker = await createTestBroker();
  const bob = await arrive5(broker, 'bob');
  const ann = await arrive5(broker, 'ann', keptFor(60));
  await ann.send(subscribe5(1, [{ filter: 'a', qos: 1 }], 7)).expect(suback(1, 1));
  bob.publish('a', 'one', { version: 5, properties: { contentType: 'text' }, qos: 1 });
  await ann.take();
  ann.hangUp();
  const old = await comeBack(broker, 'ann');
  await old.expect(publish('a', 'one', { qos: 1, packetId: 1, dup: true }));
  old.hangUp();
  const properties = { contentType: 'text', subscriptionIdentifiers: [7] };
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true });
  await expectWhole(again, publish('a', 'one', { version: 5, properties, qos: 1, packetId: 1, dup: true }));
  again.send(puback(1)).leave();
  assert.equal(await isFound(broker), false);
});

test('a session outlives a restart for as long as its client asked last, and a session that was to end does not [MQTT5-4.1.0-2]', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, sessionExpiry: NEVER });
  const asked = { ann: 60, bob: 60, cat: NEVER, dan: 60, eve: 60 };
  for (const [name, seconds] of Object.entries(asked)) {
    const client = await arrive5(broker, name, keptFor(seconds));
    if (name === 'bob') client.send(farewell(0, { sessionExpiryInterval: 5 }));
    else if (name === 'dan') client.send(farewell(0, { sessionExpiryInterval: 0 }));
    else if (name !== 'eve') client.hangUp();
    await client.take();
  }
  (await arrive5(broker, 'eve', { clean: false, sessionPresent: true })).hangUp();
  await broker.settle();
  const restarted = await createTestBroker({ storage, sessionExpiry: NEVER });
  const names = (): string[] => Array.from(restarted.broker.sessions(), ({ clientId }) => clientId).sort();
  assert.deepEqual(names(), ['ann', 'bob', 'cat']);
  restarted.advance(5_100);
  assert.deepEqual(names(), ['ann', 'cat']);
  restarted.advance(60_000);
  assert.deepEqual(names(), ['cat']);
});

test('a 3.1.1 client finds what a 5.0 client left, under the rules of its own', async () => {
  const broker = await createTestBroker({ sessionExpiry: 100 });
  (await arrive5(broker, 'ann', keptFor(5))).hangUp();
  (await comeBack(broker, 'ann')).hangUp();
  broker.advance(90_000);
  (await comeBack(broker, 'ann')).leave();
  (await arrive(broker, 'ann', { clean: true })).leave();
  assert.deepEqual(held(broker), NOTHING);
});
