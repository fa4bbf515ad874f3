/** What becomes of a message for a queue that is full: it is dropped, the oldest there is, or its publisher is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  closeReasons,
  comeBack,
  knock,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  saying,
  welcomeBack,
  type Client,
} from './client.js';
import { expectDrained } from './store.js';

const { QuotaExceeded } = ReasonCode;

/** Where queues are: a broker without a store has them in memory only. */
const places = [
  { where: 'in memory', storage: (): CreateOptions => ({}) },
  { where: 'on record', storage: (): CreateOptions => ({ storage: new MemoryStorage() }) },
];

interface Stage {
  readonly broker: TestBroker;
  readonly ann: Client;
}

/** A broker with `ann`, who publishes in 3.1.1, and sessions that hear `#` at QoS 2 and are away. */
async function away(options: CreateOptions, ...clientIds: string[]): Promise<Stage> {
  const broker = await createTestBroker(options);
  for (const clientId of clientIds) {
    const client = await arrive(broker, clientId, { clean: false });
    await client.subscribe('#', 2);
    client.leave();
  }
  return { broker, ann: await arrive(broker, 'ann') };
}

/** Publishes these one after the other at QoS 1; each is acknowledged. */
async function say(ann: Client, ...payloads: string[]): Promise<void> {
  for (const payload of payloads) await ann.publish('t', payload, { qos: 1, packetId: 7 }).expect(puback(7));
}

/** What waits for a session that is away, in order; it has everything then. */
async function waiting(broker: TestBroker, clientId: string): Promise<string[]> {
  const client = await comeBack(broker, clientId);
  const payloads: string[] = [];
  for (let got = await client.take(); got.length > 0; got = await client.take()) {
    for (const packet of got) {
      assert.equal(packet.type, PacketType.Publish);
      if (packet.type !== PacketType.Publish) continue;
      payloads.push(packet.payload.toString());
      client.send(puback(packet.packetId));
    }
  }
  client.leave();
  return payloads;
}

const dropped = (broker: TestBroker): number => broker.broker.stats.dropped['queue-full'];
const queued = (broker: TestBroker): number => broker.broker.stats.queued.messages;

const TEN = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
/** The bytes of a message of {@link say} with a payload of one character: fixed header, topic, packet identifier, payload; one more in 5.0. */
const SIZE = 2 + 3 + 2 + 1;
/** There is room for three of them, in 3.1.1 and in 5.0. */
const THREE = 3 * (SIZE + 1);

const bounds: { readonly bound: string; readonly options: CreateOptions }[] = [
  { bound: 'messages', options: { maxQueuedMessages: 3 } },
  { bound: 'bytes', options: { maxQueuedBytes: THREE } },
  { bound: 'messages in all', options: { maxTotalQueuedMessages: 3 } },
  { bound: 'bytes in all', options: { maxTotalQueuedBytes: THREE } },
];

for (const { where, storage } of places) {
  for (const { bound, options } of bounds) {
    test(`drop-newest keeps the oldest of who is away, by ${bound}, ${where}`, async () => {
      const { broker, ann } = await away({ ...storage(), ...options }, 'bob');
      await say(ann, ...TEN);
      assert.deepEqual([queued(broker), dropped(broker)], [3, 7]);
      assert.deepEqual(await waiting(broker, 'bob'), ['0', '1', '2']);
    });

    test(`drop-oldest keeps the newest of who is away, by ${bound}, ${where}`, async () => {
      const { broker, ann } = await away({ ...storage(), ...options, whenQueueFull: 'drop-oldest' }, 'bob');
      await say(ann, ...TEN);
      assert.deepEqual([queued(broker), dropped(broker)], [3, 7]);
      assert.deepEqual(await waiting(broker, 'bob'), ['7', '8', '9']);
    });

    test(`drop-oldest keeps what is in flight, and the newest behind it, of who takes nothing, by ${bound}, ${where}`, async () => {
      const { broker, ann } = await away({ ...storage(), ...options, whenQueueFull: 'drop-oldest', maxInflight: 1 }, 'bob');
      const bob = await comeBack(broker, 'bob');
      await say(ann, ...TEN);
      assert.deepEqual([queued(broker), dropped(broker)], [3, 6]);
      await bob.expect(publish('t', '0', { qos: 1, packetId: 1 }));
      bob.hangUp();
      await say(ann, 'x');
      assert.deepEqual([queued(broker), dropped(broker)], [3, 7]);
      const back = await comeBack(broker, 'bob');
      await back.expect(publish('t', '0', { qos: 1, packetId: 1, dup: true }));
      await back.send(puback(1)).expect(publish('t', '8', { qos: 1, packetId: 2 }));
      await back.send(puback(2)).expect(publish('t', '9', { qos: 1, packetId: 3 }));
      await back.send(puback(3)).expect(publish('t', 'x', { qos: 1, packetId: 4 }));
    });

    test(`reject refuses a 5.0 publisher until there is room, by ${bound}, ${where} [MQTT5-4.3.2-2]`, async () => {
      const { broker } = await away({ ...storage(), ...options, whenQueueFull: 'reject' }, 'bob');
      const cy = await arrive(broker, 'cy');
      await cy.subscribe('#');
      const dan = await arrive5(broker, 'dan');
      for (const id of [1, 2, 3]) await dan.publish('t', `${id}`, { qos: 1, packetId: id, version: 5 }).expect(puback(id));
      assert.equal((await cy.payloads()).length, 3);
      await dan.publish('t', '4', { qos: 1, packetId: 4, version: 5 }).expect(saying(4, 4, QuotaExceeded));
      await dan.publish('t', '5', { qos: 2, packetId: 5, version: 5 }).expect(saying(5, 5, QuotaExceeded));
      await cy.expect();
      assert.deepEqual([queued(broker), dropped(broker)], [3, 2]);
      assert.deepEqual(await waiting(broker, 'bob'), ['1', '2', '3']);
      await dan.publish('t', '6', { qos: 2, packetId: 5, version: 5 }).expect(pubrec(5));
      await dan.send(pubrel(5)).expect(pubcomp(5));
      assert.deepEqual(await waiting(broker, 'bob'), ['6']);
    });
  }

  for (const qos of [1, 2] as const) {
    test(`reject closes the connection of a 3.1.1 publisher at QoS ${qos} without an acknowledgement, ${where}`, async () => {
      const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 1, whenQueueFull: 'reject' }, 'bob');
      await say(ann, '1');
      await ann.publish('t', '2', { qos, packetId: 8 }).expectClosed();
      assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1, 'quota-exceeded': 1 });
      assert.deepEqual(await waiting(broker, 'bob'), ['1']);
    });
  }

  test(`reject lets a message through to who has room in the window, however full the queue may be, ${where}`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 0, maxInflight: 1, whenQueueFull: 'reject' }, 'bob');
    const bob = await comeBack(broker, 'bob');
    await say(ann, '1');
    await bob.expect(publish('t', '1', { qos: 1, packetId: 1 }));
    await bob.send(puback(1)).expect();
    await say(ann, '2');
    await ann.publish('t', '3', { qos: 1 }).expectClosed();
    await bob.expect(publish('t', '2', { qos: 1, packetId: 2 }));
  });

  test(`reject lets QoS 0 through, to whoever it is for, ${where}`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 0, whenQueueFull: 'reject' }, 'bob');
    const cy = await arrive(broker, 'cy');
    await cy.subscribe('#', 2);
    ann.publish('t', '0');
    await cy.expect(publish('t', '0'));
    await ann.expect();
  });

  test(`reject does not count who will not be sent the message: No Local, QoS 0, ${where} [MQTT5-3.8.3-3]`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 0, maxInflight: 1, whenQueueFull: 'reject' });
    const zoe = await arrive(broker, 'zoe', { clean: false });
    await zoe.subscribe('#', 0);
    zoe.leave();
    const dan = await arrive5(broker, 'dan', { properties: { sessionExpiryInterval: 60 } });
    dan.send({ type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: '#', qos: 1, noLocal: true }] });
    await dan.take();
    await say(ann, 'fills the window');
    assert.deepEqual(await dan.payloads(), ['fills the window']);
    await dan.publish('t', 'is for nobody', { qos: 1, version: 5 }).expect(saying(4, 1, ReasonCode.Success));
  });

  test(`where one of many has no room, reject keeps the message from all of them, ${where}`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 1, whenQueueFull: 'reject' }, 'bob', 'cy');
    const only = await arrive(broker, 'only', { clean: false });
    await only.subscribe('u', 1);
    only.leave();
    await ann.publish('u', '1', { qos: 1, packetId: 1 }).expect(puback(1));
    const dan = await arrive5(broker, 'dan');
    await dan.publish('t', '2', { qos: 1, version: 5 }).expect(saying(4, 1, QuotaExceeded));
    assert.equal(queued(broker), 3);
    for (const clientId of ['bob', 'cy', 'only']) assert.deepEqual(await waiting(broker, clientId), ['1']);
  });

  test(`where there is room for some in all queues together, but not for all, reject keeps the message from all of them, ${where}`, async () => {
    const { broker } = await away({ ...storage(), maxTotalQueuedMessages: 3, whenQueueFull: 'reject' }, 'bob', 'cy');
    const dan = await arrive5(broker, 'dan');
    await dan.publish('t', '1', { qos: 1, version: 5 }).expect(puback(1));
    await dan.publish('t', '2', { qos: 1, version: 5 }).expect(saying(4, 2, QuotaExceeded));
    assert.equal(queued(broker), 2);
    for (const clientId of ['bob', 'cy']) assert.deepEqual(await waiting(broker, clientId), ['1']);
  });

  test(`a Shared Subscription has room as long as one of its members has, ${where}`, async () => {
    const broker = await createTestBroker({ ...storage(), maxQueuedMessages: 2, whenQueueFull: 'reject' });
    for (const clientId of ['bob', 'cy']) {
      const client = await arrive(broker, clientId, { clean: false });
      await client.subscribe('$share/g/t', 1);
      client.leave();
    }
    const dan = await arrive5(broker, 'dan');
    for (const id of [1, 2, 3, 4]) await dan.publish('t', `${id}`, { qos: 1, packetId: id, version: 5 }).expect(puback(id));
    await dan.publish('t', '5', { qos: 1, packetId: 5, version: 5 }).expect(saying(4, 5, QuotaExceeded));
    assert.deepEqual(await waiting(broker, 'cy'), ['2', '4']);
    for (const id of [6, 7]) await dan.publish('t', `${id}`, { qos: 1, packetId: id, version: 5 }).expect(puback(id));
    await dan.publish('t', '8', { qos: 1, packetId: 8, version: 5 }).expect(saying(4, 8, QuotaExceeded));
    assert.deepEqual(await waiting(broker, 'bob'), ['1', '3']);
    assert.deepEqual(await waiting(broker, 'cy'), ['6', '7']);
  });

  test(`where what is to be retained has no room, reject leaves what is retained as it was, and nobody is sent it, ${where}`, async () => {
    const broker = await createTestBroker({ ...storage(), maxRetainedMessages: 1, whenQueueFull: 'reject' });
    const dan = await arrive5(broker, 'dan');
    const cy = await arrive(broker, 'cy');
    await cy.subscribe('#');
    const retained = { retain: true, version: 5, qos: 1 } as const;
    await dan.publish('a', '1', retained).expect(puback(1));
    await cy.expect(publish('a', '1'));
    await dan.publish('b', '2', retained).expect(saying(4, 2, QuotaExceeded));
    await cy.expect();
    assert.equal(broker.broker.stats.dropped['retained-full'], 1);
    await dan.publish('a', '3', retained).expect(puback(3));
    await dan.publish('b', '', retained).expect(puback(4));
    assert.equal(broker.broker.stats.retained.messages, 1);
  });

  test(`what this process publishes, and Wills, nobody can be refused: with reject they are dropped and counted, ${where}`, async () => {
    const { broker } = await away({ ...storage(), maxQueuedMessages: 1, whenQueueFull: 'reject' }, 'bob');
    const will = { topic: 't', payload: Buffer.from('will'), qos: 1, retain: false } as const;
    const cy = await arrive(broker, 'cy', { will });
    await Promise.all([broker.broker.publish('t', '1', { qos: 1 }), broker.settle()]);
    await Promise.all([broker.broker.publish('t', '2', { qos: 1 }), broker.settle()]);
    cy.hangUp();
    await broker.settle();
    assert.equal(dropped(broker), 2);
    assert.deepEqual(await waiting(broker, 'bob'), ['1']);
  });

  test(`drop-oldest drops a message that is larger than the whole queue rather than what waits, ${where}`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedBytes: 3 * SIZE, whenQueueFull: 'drop-oldest' }, 'bob');
    await say(ann, '1', '2', 'x'.repeat(3 * SIZE), '3');
    assert.deepEqual(await waiting(broker, 'bob'), ['1', '2', '3']);
  });

  test(`a queue of no messages keeps none, with drop-oldest too, ${where}`, async () => {
    const { broker, ann } = await away({ ...storage(), maxQueuedMessages: 0, whenQueueFull: 'drop-oldest' }, 'bob');
    await say(ann, '1', '2');
    assert.deepEqual(await waiting(broker, 'bob'), []);
    assert.equal(dropped(broker), 2);
  });
}

for (const { bound, options } of [
  { bound: 'of each', options: { maxQueuedMessages: 5 } },
  { bound: 'of all together', options: { maxTotalQueuedMessages: 10 } },
]) {
  test(`a burst takes drop-oldest over the bound ${bound} by a thousand at most, until the oldest are read back and dropped`, async () => {
    const storage = new MemoryStorage();
    const { broker, ann } = await away({ storage, ...options, whenQueueFull: 'drop-oldest' }, 'bob', 'cy');
    for (let i = 1; i <= 5_000; i++) ann.publish('t', `${i}`, { qos: 1, packetId: i });
    assert.ok(queued(broker) <= 2_010, `${queued(broker)} wait`);
    await broker.settle();
    assert.equal(queued(broker), 10);
    const left = [await waiting(broker, 'bob'), await waiting(broker, 'cy')].flat();
    assert.equal(left.length, 10);
    assert.equal(dropped(broker), 10_000 - 10);
    await expectDrained(storage);
  });
}

test('what was refused may be sent again when the client comes back, and is kept then', async () => {
  const { broker, ann } = await away({ storage: new MemoryStorage(), maxQueuedMessages: 1, whenQueueFull: 'reject' }, 'bob');
  await say(ann, '1');
  const eve = await arrive(broker, 'eve', { clean: false });
  await eve.publish('t', '2', { qos: 2, packetId: 9 }).expectClosed();
  assert.deepEqual(await waiting(broker, 'bob'), ['1']);
  const again = knock(broker, 'eve', { clean: false });
  await again.expect(welcomeBack);
  await again.send(publish('t', '2', { qos: 2, packetId: 9, dup: true })).expect(pubrec(9));
  await again.send(pubrel(9)).expect(pubcomp(9));
  assert.deepEqual(await waiting(broker, 'bob'), ['2']);
});
