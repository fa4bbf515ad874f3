/** A restart: what was acknowledged is there again, as it was, and what has ended leaves nothing behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as record from '../../src/broker/records.js';
import type { Log } from '../../src/broker/contracts.js';
import type { CreateOptions } from '../../src/create.js';
import type { QoS } from '../../src/packet/packet.js';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import { HeldStorage, heard, started } from '../storage/held.js';
import {
  arrive,
  comeBack,
  knock,
  connack,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  unsubscribe,
  unsuback,
} from './client.js';
import { expectPromisesKept, Peer } from './peer.js';
import { APART } from './store.js';
import { runs } from '../util/runs.js';

/** Records of a store that keeps nothing for anybody: its version, and how far its numbers go. */
const BARE = 2;

/** A broker on a storage, with `ann`, who publishes, and `bob`, who hears `#` at QoS 2 in a session that is kept. */
async function scene(options: CreateOptions = {}): Promise<{
  storage: MemoryStorage;
  broker: TestBroker;
  ann: Awaited<ReturnType<typeof arrive>>;
  bob: Awaited<ReturnType<typeof arrive>>;
  restart: (others?: CreateOptions) => Promise<TestBroker>;
}> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, ...options });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('#', 2);
  // The first broker is left as it stands: a process that dies says nothing.
  return { storage, broker, ann, bob, restart: (others) => createTestBroker({ storage, ...options, ...others }) };
}

test('sessions and their subscriptions are there again [MQTT-4.1.0-1][MQTT-3.2.2-2]', async () => {
  const { broker, bob, restart } = await scene();
  await bob.send(subscribe(2, ['a/+', 1], ['b', 0], ['c', 2])).expect(suback(2, 1, 0, 2));
  await bob.send(subscribe(3, ['b', 1])).expect(suback(3, 1));
  await bob.send(unsubscribe(4, '#', 'c')).expect(unsuback(4));
  const before = broker.broker.session('bob')!;
  const again = await restart();
  const after = again.broker.session('bob')!;
  assert.deepEqual(after.subscriptions, [
    { filter: 'a/+', qos: 1 },
    { filter: 'b', qos: 1 },
  ]);
  assert.deepEqual(
    { ...after, connection: undefined, messagesReceived: 0, messagesSent: 0 },
    { ...before, connection: undefined, messagesReceived: 0, messagesSent: 0 },
  );
  assert.deepEqual(again.broker.stats.sessions, { connected: 0, disconnected: 1 });
  const back = await comeBack(again, 'bob');
  (await arrive(again, 'ann')).publish('a/x', '1', { qos: 2 }).publish('b', '2', { qos: 1 }).publish('c', '3', { qos: 2 });
  await back.expect(publish('a/x', '1', { qos: 1, packetId: 1 }), publish('b', '2', { qos: 1, packetId: 2 }));
});

test('sessions that end with their connection leave no record', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const ann = await arrive(broker, 'ann');
  await ann.subscribe('#', 2);
  ann.publish('a', 'x', { qos: 2, packetId: 3 }).publish('a', 'x', { qos: 1, packetId: 4 });
  await ann.take();
  assert.equal(storage.size, 1, 'its version');
  const again = await createTestBroker({ storage });
  assert.deepEqual([...again.broker.sessions()], []);
});

test('a queue is there again, in its order, with each message’s QoS [MQTT-4.5.0-1][MQTT-4.6.0-6]', async () => {
  const { ann, bob, restart } = await scene({ maxInflight: 10 });
  bob.leave();
  for (const [i, qos] of ([1, 2, 2, 1] as const).entries()) ann.publish('a', `${i}`, { qos });
  await ann.take();
  const again = await restart();
  await again.settle();
  assert.deepEqual(again.broker.stats.queued.messages, 4);
  const back = await comeBack(again, 'bob');
  await back.expect(
    publish('a', '0', { qos: 1, packetId: 1 }),
    publish('a', '1', { qos: 2, packetId: identifierAt(3) }),
    publish('a', '2', { qos: 2, packetId: identifierAt(4) }),
    publish('a', '3', { qos: 1, packetId: 2 }),
  );
});

test('what was in flight is sent again as it was: identifiers, DUP, PUBREL where PUBREC had come; then what waits [MQTT-4.4.0-1][MQTT-4.3.3-1][MQTT-3.3.1-1][MQTT-4.6.0-1]', async () => {
  const { ann, bob, restart } = await scene({ maxInflight: 4 });
  for (const [i, qos] of ([1, 2, 2, 1, 2, 1] as const).entries()) ann.publish('a', `${i}`, { qos });
  assert.deepEqual(await bob.payloads(), ['0', '1', '2', '3']);
  await bob.send(puback(1), pubrec(3)).expect(publish('a', '4', { qos: 2, packetId: identifierAt(6) }), pubrel(3));
  const again = await restart();
  const back = await comeBack(again, 'bob');
  await back.expect(
    pubrel(3),
    publish('a', '1', { qos: 2, packetId: 2, dup: true }),
    publish('a', '3', { qos: 1, packetId: 4, dup: true }),
    publish('a', '4', { qos: 2, packetId: identifierAt(6), dup: true }),
  );
  const view = again.broker.session('bob')!;
  assert.deepEqual([view.inflight, view.queuedMessages], [4, 1]);
  // The record of what was sent comes a little later: what waits might have been sent, and says so.
  await back.send(pubcomp(3)).expect(publish('a', '5', { qos: 1, packetId: 1, dup: true }));
});

test('identifiers in flight are not given to others after a restart [MQTT-2.3.1-4]', async () => {
  const { ann, bob, restart } = await scene();
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 1 });
  await bob.take();
  await bob.send(puback(3)).expect();
  const again = await restart();
  (await arrive(again, 'ann')).publish('a', '4', { qos: 1 });
  const back = await comeBack(again, 'bob');
  const ids = (await back.take()).map((packet) => ('packetId' in packet ? packet.packetId : 0));
  assert.equal(new Set(ids).size, 3);
});

test('QoS 2 identifiers that came in and were not released are known again [MQTT-4.3.3-2]', async () => {
  const { bob, restart } = await scene();
  bob.publish('a', '1', { qos: 2, packetId: 5 }).publish('a', '2', { qos: 2, packetId: 6 }).send(pubrel(6));
  await bob.take();
  const again = await restart();
  await again.settle();
  assert.equal(again.broker.session('bob')?.received, 1);
  const hearer = await arrive(again, 'cy');
  await hearer.subscribe('a');
  const back = await comeBack(again, 'bob');
  await back.take();
  back.publish('a', '1', { qos: 2, packetId: 5, dup: true }).publish('a', '3', { qos: 2, packetId: 6 });
  assert.deepEqual(await hearer.payloads(), ['3']);
  await back.send(pubrel(5)).expect(pubrec(5), publish('a', '3', { qos: 2, packetId: 3 }), pubrec(6), pubcomp(5));
});

test('retained messages are there again: the last of each topic, with its QoS [MQTT-3.3.1-5][MQTT-3.3.1-10]', async () => {
  const { ann, broker, restart } = await scene();
  ann.publish('a', 'old', { retain: true }).publish('a', 'new', { qos: 2, retain: true });
  ann.publish('b', 'x', { retain: true }).publish('b', '', { retain: true }).publish('ü/\u{1f600}', 'y', { qos: 1, retain: true });
  await ann.take();
  const again = await restart();
  assert.deepEqual(again.broker.stats.retained, broker.broker.stats.retained);
  const cy = await arrive(again, 'cy');
  cy.send(subscribe(1, ['a', 2], ['b', 2], ['ü/+', 2]));
  await cy.expect(
    suback(1, 2, 2, 2),
    publish('a', 'new', { qos: 2, packetId: 1, retain: true }),
    publish('ü/\u{1f600}', 'y', { qos: 1, packetId: 2, retain: true }),
  );
});

test('Wills and what this process published come back like any message', async () => {
  for (const qos of [0, 1, 2] as const) {
    const { broker, bob, restart } = await scene();
    bob.leave();
    const will = { topic: 'will', payload: Buffer.from('gone'), qos, retain: true };
    (await arrive(broker, 'cy', { will })).hangUp();
    await Promise.all([broker.broker.publish('own', 'said', { qos, retain: true }), broker.settle()]);
    const again = await restart();
    const back = await comeBack(again, 'bob');
    assert.deepEqual(await back.payloads(), qos === 0 ? [] : ['gone', 'said']);
    const dan = await arrive(again, 'dan');
    dan.send(subscribe(1, ['will', 2], ['own', 2]));
    await dan.expectFirst(suback(1, 2, 2));
    assert.deepEqual(await dan.payloads(), ['gone', 'said']);
  }
});

test('a session expires as long after its connection ended as it would have without the restart', async () => {
  const { bob, broker, restart } = await scene({ sessionExpiry: 60 });
  bob.leave();
  await broker.settle();
  const again = await restart();
  again.advance(59_000);
  assert.notEqual(again.broker.session('bob'), undefined);
  again.advance(2_000);
  assert.equal(again.broker.session('bob'), undefined);
});

test('a session that was connected when the process died expires from the restart on', async () => {
  const { broker, storage, restart } = await scene({ sessionExpiry: 60 });
  broker.advance(3_600_000);
  await broker.settle();
  const again = await restart();
  again.advance(59_000);
  assert.notEqual(again.broker.session('bob'), undefined);
  again.advance(2_000);
  await again.settle();
  assert.equal(again.broker.session('bob'), undefined);
  assert.equal(storage.size, BARE);
});

test('a session that expired while the process was down is not found again, and leaves nothing behind', async () => {
  const { ann, bob, broker, storage, restart } = await scene();
  bob.publish('own', 'x', { qos: 2, packetId: 9 });
  ann.publish('a', '1', { qos: 1 });
  bob.leave();
  await broker.settle();
  const session = record.readSession((await storage.get(keys.key(Kind.Session, 'bob')))!);
  storage.put(keys.key(Kind.Session, 'bob'), record.writeSession({ ...session, expiryInterval: 1, expiresAt: 2 }, []));
  await storage.commit();
  const again = await restart();
  await again.settle();
  assert.equal(storage.size, BARE);
  await knock(again, 'bob', { clean: false }).expect(connack(0, false));
});

test('sessions kept for ever are kept for ever, also through a restart', async () => {
  const { bob, broker, restart } = await scene({ sessionExpiry: 4_294_967_295 });
  bob.leave();
  await broker.settle();
  const again = await restart();
  again.advance(86_400_000);
  assert.notEqual(again.broker.session('bob'), undefined);
});

test('when a stop is orderly everything is there again as well', async () => {
  const { ann, bob, broker, restart } = await scene();
  ann.publish('a', '1', { qos: 2 }).publish('a', '2', { qos: 1 });
  await bob.take();
  await Promise.all([broker.broker.close(), broker.settle()]);
  const back = await comeBack(await restart(), 'bob');
  await back.expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }), publish('a', '2', { qos: 1, packetId: 2, dup: true }));
});

test('thousands of records come back, whatever pages they are read in', async () => {
  const { ann, bob, restart } = await scene({ maxInflight: 1 });
  bob.leave();
  const payloads = Array.from({ length: 1_100 }, (_, i) => `${i}`);
  for (const payload of payloads) ann.publish(`t/${payload}`, payload, { qos: 1, packetId: 1, retain: true });
  await ann.take();
  const again = await restart({ maxInflight: 65_535 });
  assert.equal(again.broker.stats.retained.messages, 1_100);
  assert.deepEqual(await (await comeBack(again, 'bob')).payloads(), payloads);
});

test('retained messages that no longer fit are dropped, counted and forgotten', async () => {
  const { ann, storage, restart } = await scene();
  for (const topic of ['a', 'b', 'c']) ann.publish(topic, topic, { retain: true });
  await ann.take();
  const size = storage.size;
  const again = await restart({ maxRetainedMessages: 2 });
  await again.settle();
  assert.equal(again.broker.stats.retained.messages, 2);
  assert.equal(again.broker.stats.dropped['retained-full'], 1);
  assert.equal(storage.size, size - 1);
});

test('when sessions have ended and topics are cleared nothing is left in the storage', async () => {
  const { ann, bob, broker, storage } = await scene({ maxInflight: 2 });
  bob.publish('own', 'x', { qos: 2, packetId: 9 });
  for (let i = 0; i < 5; i++) ann.publish('a', `${i}`, { qos: i % 2 === 0 ? 2 : 1, retain: true });
  await bob.take();
  await bob.send(pubrec(1)).expect(pubrel(1));
  assert.ok(storage.size > BARE + 5);
  ann.publish('a', '', { retain: true });
  (await arrive(broker, 'bob', { clean: true })).leave();
  await broker.settle();
  assert.equal(storage.size, BARE);
});

test('a session that came back and ends leaves nothing in the storage either', async () => {
  const { ann, bob, storage, restart } = await scene({ maxInflight: 2 });
  bob.publish('own', 'x', { qos: 2, packetId: 9 });
  for (let i = 0; i < 5; i++) ann.publish('a', `${i}`, { qos: i % 2 === 0 ? 2 : 1 });
  await bob.take();
  await bob.send(pubrec(1)).expect(pubrel(1));
  const again = await restart();
  (await arrive(again, 'bob', { clean: true })).leave();
  await again.settle();
  assert.equal(storage.size, BARE);
});

test('when everything is acknowledged only the session itself is left in the storage', async () => {
  const { ann, bob, storage, restart } = await scene();
  const left = storage.size;
  ann.publish('a', '1', { qos: 1 }).publish('a', '2', { qos: 2 });
  bob.publish('b', '3', { qos: 2, packetId: 9 });
  assert.equal((await bob.take()).length, 4);
  await bob.send(puback(1), pubrec(2), pubrec(3), pubrel(9)).expect(pubrel(2), pubrel(3), pubcomp(9));
  await bob.send(pubcomp(2), pubcomp(3)).expect();
  assert.equal(storage.size, left);
  await (await comeBack(await restart(), 'bob')).expect();
});

test('what a process did not come to delete of a session that was over the next one deletes', async () => {
  const { ann, bob, broker, storage, restart } = await scene();
  bob.publish('own', 'x', { qos: 2, packetId: 9 });
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 1 });
  bob.leave();
  await broker.settle();
  const { number } = record.readSession((await storage.get(keys.key(Kind.Session, 'bob')))!);
  storage.delete(keys.key(Kind.Session, 'bob'));
  storage.put(keys.numberKey(Kind.Ended, number), record.NOTHING);
  await storage.commit();
  const again = await restart();
  await again.settle();
  assert.equal(storage.size, BARE);
  assert.equal(again.broker.stats.dropped['session-ended'], 0, 'they had been sent');
  assert.equal(again.broker.stats.queued.messages, 0);
});

test('a store of another version stops the start with a sentence, and is left as it is', async () => {
  const { storage, restart } = await scene();
  storage.put(keys.key(Kind.Format), Buffer.of(9));
  await storage.commit();
  const { size } = storage;
  const sentence =
    'the records of the store are of version 9, this PosMQ reads version 4: start it with the PosMQ that wrote them, or export it with that one and import it into a new folder';
  await assert.rejects(restart(), { name: 'FormatError', message: sentence });
  assert.equal(storage.size, size);
});

test('a store that says no version stops the start with a sentence, and is left as it is', async () => {
  const storage = new MemoryStorage();
  storage.put(Buffer.from('somebody else’s'), Buffer.from('x'));
  await storage.commit();
  const sentence = 'the store holds records that say no version: they were not written by this PosMQ';
  await assert.rejects(createTestBroker({ storage }), { name: 'FormatError', message: sentence });
  assert.equal(storage.size, 1);
});

const filters = Array.from({ length: 24 }, (_, i) => (i % 5 === 0 ? `${i}`.padEnd(250 + i, 'ü') : `${i}`));
const wish = fc.record({ filter: fc.constantFrom(...filters), qos: fc.constantFrom<QoS | undefined>(undefined, 0, 1, 2) });

test('whatever a client has subscribed to and unsubscribed from, few or many, a restart finds it so [MQTT-3.1.2-4]', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(wish, { minLength: 1, maxLength: 20 }), { maxLength: 12, size: 'max' }), async (packets) => {
      const storage = new MemoryStorage();
      const granted = new Map<string, QoS>();
      const ann = await arrive(await createTestBroker({ storage }), 'ann', { clean: false });
      for (const wishes of packets) {
        for (const { filter, qos } of wishes) {
          if (qos === undefined) granted.delete(filter);
          else granted.set(filter, qos);
          ann.send(qos === undefined ? unsubscribe(1, filter) : subscribe(1, [filter, qos]));
        }
        await ann.take();
        const again = await createTestBroker({ storage });
        const found = again.broker.session('ann')!.subscriptions.map(({ filter, qos }) => [filter, qos] as const);
        assert.deepEqual(new Map(found), granted);
        assert.equal(again.broker.stats.subscriptions, granted.size);
      }
    }),
    runs(20),
  );
});

test('the record of a session does not grow with its subscriptions beyond a few kilobytes', async () => {
  const { bob, storage } = await scene();
  for (let i = 0; i < 100; i++) await bob.subscribe(`${i}`.padEnd(255, 'x'));
  const { length } = (await storage.get(keys.key(Kind.Session, 'bob')))!;
  assert.ok(length < 5_000, `${length} bytes`);
});

for (const does of ['subscribes', 'unsubscribes'] as const) {
  test(`a client whose connection is ended while it ${does} is on record as one that is away`, async () => {
    const { bob, broker, storage } = await scene();
    await bob.subscribe('a');
    await bob.subscribe('b');
    broker.broker.on(does === 'subscribes' ? 'subscribed' : 'unsubscribed', () => void broker.broker.kick('bob'));
    bob.send(does === 'subscribes' ? subscribe(1, ['c', 1], ['d', 1]) : unsubscribe(1, 'a', 'b'));
    await broker.settle();
    const value = (await storage.get(keys.key(Kind.Session, 'bob')))!;
    assert.equal(record.readSession(value).isConnected, false);
    assert.deepEqual(
      Array.from(record.subscriptionsWithin(value), ({ filter }) => filter),
      does === 'subscribes' ? ['#', 'a', 'b', 'c'] : ['#', 'b'],
    );
  });
}

/** Records that are damaged, and what the broker is without each of them. */
const damaged = [
  { name: 'session', key: keys.key(Kind.Session, 'bob'), to: 26, left: { sessions: 1, retained: 2, subscriptions: 2 } },
  { name: 'subscription', key: keys.key(Kind.Session, 'bob'), left: { sessions: 2, retained: 2, subscriptions: 3 } },
  { name: 'subscription apart', key: keys.subscriptionKey(2, APART), left: { sessions: 2, retained: 2, subscriptions: 3 } },
  { name: 'retained message', key: keys.key(Kind.Retained, 'a'), left: { sessions: 2, retained: 1, subscriptions: 4 } },
  { name: 'Will', key: keys.key(Kind.Will, 'bob'), left: { sessions: 2, retained: 2, subscriptions: 4 } },
];

for (const { name, key, to = -1, left } of damaged) {
  test(`a ${name} that is damaged is named, left where it is, and costs nothing else`, async () => {
    const storage = new MemoryStorage();
    const broker = await createTestBroker({ storage });
    for (const name of ['ann', 'bob']) {
      const will = { topic: 'will', payload: Buffer.from(name), qos: 1, retain: false } as const;
      const client = await arrive(broker, name, { clean: false, will });
      for (const filter of ['#', APART]) await client.subscribe(filter, 1);
    }
    for (const topic of ['a', 'b']) await Promise.all([broker.broker.publish(topic, topic, { retain: true }), broker.settle()]);
    const whole = await storage.get(key);
    assert.ok(whole !== undefined && whole.length > 1, 'the record is there');
    storage.put(key, whole.subarray(0, to));
    await storage.commit();
    const lines: object[] = [];
    const log: Log = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (fields, message) => void lines.push({ ...fields, message }),
    };
    const again = await createTestBroker({ storage, log });
    await again.settle();
    const { sessions, retained, subscriptions } = again.broker.stats;
    assert.deepEqual({ sessions: sessions.disconnected, retained: retained.messages, subscriptions }, left);
    assert.deepEqual(
      lines.map((line) => ({ ...line, because: undefined })),
      [{ because: undefined, key: key.toString('hex'), message: 'a record of the store is damaged, and left out' }],
    );
    assert.deepEqual(await storage.get(key), whole.subarray(0, to));
  });
}

/** What may happen next. */
const event = fc.record({
  who: fc.constantFrom('ann' as const, 'bob' as const),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('publish' as const) },
    { weight: 8, arbitrary: fc.constant('handle' as const) },
    { weight: 4, arbitrary: fc.constant('land' as const) },
    { weight: 3, arbitrary: fc.constant('join' as const) },
    { weight: 1, arbitrary: fc.constantFrom('lose' as const, 'mute' as const, 'repeat' as const, 'kill' as const, 'close' as const) },
  ),
  qos: fc.constantFrom<QoS>(0, 1, 2, 2),
  ends: fc.boolean(),
});

test('killed at any point, the broker keeps every promise: only what was committed survives, and that is enough [MQTT-4.3.3-1][MQTT-4.3.3-2][MQTT-4.3.2-1][MQTT-4.6.0-6]', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 10, maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 4 }),
      async (events, maxInflight) => {
        let storage = new HeldStorage();
        const start = async (): Promise<TestBroker> => started(storage, { maxInflight });
        let broker = await start();
        const ann = new Peer('ann', 'bob');
        const bob = new Peer('bob', 'ann');
        const finish = async (): Promise<void> => {
          for (const peer of [ann, bob]) peer.lose();
          for (const peer of [ann, bob]) peer.join(broker);
          do {
            broker.endTurn();
            await heard();
            while (storage.underWay) await storage.land();
          } while ([ann.handle(), bob.handle()].includes(true) || !broker.broker.idle);
        };
        const kill = async (): Promise<void> => {
          for (const peer of [ann, bob]) peer.lose();
          storage = new HeldStorage(storage.kept);
          broker = await start();
        };
        await finish();
        assert.ok(ann.subscribed && bob.subscribed);
        for (const { who, what, qos, ends } of events) {
          const peer = who === 'ann' ? ann : bob;
          if (what === 'publish') peer.publish(qos);
          else if (what === 'join') peer.join(broker);
          else if (what === 'kill') await kill();
          else if (what === 'land') await (storage.underWay ? storage.land() : heard());
          else if (what === 'close') peer.lose();
          else peer[what]();
          if (ends) broker.endTurn();
        }
        await finish();
        expectPromisesKept(ann, bob);
        expectPromisesKept(bob, ann);
        assert.equal(storage.kept.size, BARE + 2, 'two sessions, each with its subscription in its own record');
        assert.equal(broker.broker.stats.bugs, 0);
      },
    ),
    runs(12),
  );
});
