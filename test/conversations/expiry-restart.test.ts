/** What has expired, before a restart, over it or after it: it does not come back, and nothing of it stays on record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QoS } from '../../src/packet/packet.js';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, having, knock, connack, puback, pubcomp, publish, pubrec, pubrel, toldWhole, type Client } from './client.js';
import { APART, expectDrained, inventory, startAt } from './store.js';

/** Seconds: what expires does so after SOON; sessions, where nothing else is said, stay. */
const SOON = 10;
const LONG = 100_000;

const kept = (expiry = LONG): object => ({ properties: { sessionExpiryInterval: expiry } });

interface Stage {
  readonly storage: MemoryStorage;
  readonly broker: TestBroker;
  readonly ann: Client;
}

/** A broker with `ann`, who publishes; the others hear `t` at QoS 2, in sessions that are kept for so long, and are away. */
async function away(others: Record<string, number>, maxInflight = 100): Promise<Stage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, maxInflight });
  for (const [clientId, expiry] of Object.entries(others)) {
    const client = await arrive5(broker, clientId, kept(expiry));
    await client.subscribe('t', 2);
    client.leave();
  }
  return { storage, broker, ann: await arrive5(broker, 'ann') };
}

const expiring = (seconds: number, qos: QoS = 1): object => having({ messageExpiryInterval: seconds }, { qos });

/** The next process starts so many seconds later. */
async function restart({ storage, broker }: Stage, seconds: number): Promise<TestBroker> {
  await broker.settle();
  const again = await startAt(broker.now + seconds * 1_000, { storage, maxInflight: 100 });
  await again.settle();
  return again;
}

/** Lets time pass a second at a time, with everything that goes on in the background. */
async function pass(broker: TestBroker, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    broker.advance(1_000);
    await broker.settle();
  }
}

const expired = ({ broker }: TestBroker): number => broker.stats.dropped['message-expired'];
const queued = ({ broker }: TestBroker): number => broker.stats.queued.messages;

/** Published to who is away: a message that expires soon between two that do not. */
async function publishThree({ ann, broker }: Stage): Promise<void> {
  ann.publish('t', '1', { qos: 1, version: 5 }).publish('t', '2', expiring(SOON)).publish('t', '3', expiring(LONG, 2));
  await broker.settle();
}

/** The packet identifiers of the first and third message that wait for the session of number 1. */
const FIRST = identifierAt(2);
const THIRD = identifierAt(4);

const back = (broker: TestBroker, clientId = 'bob'): Promise<Client> =>
  arrive5(broker, clientId, { clean: false, sessionPresent: true, ...kept() });

for (const { says, others } of [
  { says: 'with its body', others: {} },
  { says: 'whose body is another session’s too', others: { cy: LONG } },
]) {
  test(`a message ${says} that expires in a queue on record is deleted and counted, though nobody comes for it [MQTT5-3.3.2-5]`, async () => {
    const stage = await away({ bob: LONG, ...others });
    await publishThree(stage);
    const sessions = 1 + Object.keys(others).length;
    await pass(stage.broker, SOON + 2);
    assert.deepEqual([queued(stage.broker), expired(stage.broker)], [2 * sessions, sessions]);
    const { Delivery, Body, Expiry } = await inventory(stage.storage);
    assert.deepEqual({ Delivery, Body, Expiry }, { Delivery: 2 * sessions, Body: sessions === 1 ? undefined : 2, Expiry: sessions });
    assert.deepEqual(await (await back(stage.broker)).payloads(), ['1', '3']);
  });

  test(`a message ${says} that expires while no process runs does not come back [MQTT5-3.3.2-5]`, async () => {
    const stage = await away({ bob: LONG, ...others });
    await publishThree(stage);
    const again = await restart(stage, SOON + 1);
    await pass(again, 2);
    const sessions = 1 + Object.keys(others).length;
    assert.deepEqual([queued(again), expired(again)], [2 * sessions, sessions]);
    assert.deepEqual(await (await back(again)).payloads(), ['1', '3']);
    assert.equal((await inventory(stage.storage)).Body, sessions === 1 ? undefined : 2);
  });
}

test('a client that is there before the expired message was swept away is not sent it', async () => {
  const stage = await away({ bob: LONG });
  await publishThree(stage);
  const again = await restart(stage, SOON + 1);
  const bob = await back(again);
  assert.deepEqual(await bob.accept(), ['1', '3']);
  await bob.expect(pubrel(THIRD));
  await bob.send(pubcomp(THIRD)).expect();
  assert.equal(expired(again), 1);
  await expectDrained(stage.storage);
});

test('what is left of a message’s time is counted on over the restart [MQTT5-3.3.2-6]', async () => {
  const stage = await away({ bob: LONG });
  await publishThree(stage);
  const again = await restart(stage, 4);
  const left = toldWhole(await (await back(again)).take()).map(
    (told) => (told as { properties?: { messageExpiryInterval?: number } }).properties,
  );
  assert.deepEqual(left, [undefined, { messageExpiryInterval: SOON - 4 }, { messageExpiryInterval: LONG - 4 }]);
});

for (const qos of [1, 2] as const) {
  const ask = async (stage: Stage): Promise<Client> => {
    const bob = await back(stage.broker);
    stage.ann.publish('t', 'x', expiring(SOON, qos));
    assert.deepEqual(await bob.payloads(), ['x']);
    return bob;
  };
  const finish = async (bob: Client, { storage }: Stage, packetId = 1): Promise<void> => {
    if (qos === 2) await bob.send(pubrec(packetId)).expect(pubrel(packetId));
    await bob.send(qos === 1 ? puback(packetId) : pubcomp(packetId)).expect();
    await expectDrained(storage);
  };

  test(`what was sent at QoS ${qos} runs its course, however long its receiver is away [MQTT-4.4.0-1]`, async () => {
    const stage = await away({ bob: LONG });
    (await ask(stage)).hangUp();
    await pass(stage.broker, 2 * SOON);
    const again = await back(stage.broker);
    assert.deepEqual(await again.payloads(), ['x']);
    assert.deepEqual([queued(stage.broker), expired(stage.broker)], [0, 0]);
    await finish(again, stage);
  });

  test(`what was sent at QoS ${qos} runs its course over a restart too [MQTT-4.4.0-1]`, async () => {
    const stage = await away({ bob: LONG });
    await ask(stage);
    const broker = await restart(stage, 2 * SOON);
    await pass(broker, 2);
    const again = await back(broker);
    assert.deepEqual(await again.payloads(), ['x']);
    await finish(again, stage);
  });

  test(`what had waited before it was sent at QoS ${qos} runs its course too, over a restart or without one [MQTT-4.4.0-1]`, async () => {
    for (const isRestarted of [false, true]) {
      const stage = await away({ bob: LONG });
      stage.ann.publish('t', 'x', expiring(SOON, qos));
      await stage.broker.settle();
      const bob = await back(stage.broker);
      assert.deepEqual(await bob.payloads(), ['x']);
      // The next turn puts on record that it was sent.
      stage.broker.advance(200);
      await stage.broker.settle();
      if (!isRestarted) bob.hangUp();
      const broker = isRestarted ? await restart(stage, 2 * SOON) : stage.broker;
      await pass(broker, 2 * SOON);
      const again = await back(broker);
      assert.deepEqual(await again.payloads(), ['x']);
      await finish(again, stage, qos === 1 ? 1 : FIRST);
      assert.deepEqual([queued(broker), expired(broker)], [0, 0]);
    }
  });

  test(`nothing stays on record of a message that would have expired later, at QoS ${qos}`, async () => {
    const stage = await away({ bob: LONG });
    const bob = await back(stage.broker);
    stage.ann.publish('t', 'x', expiring(LONG, qos));
    assert.deepEqual(await bob.payloads(), ['x']);
    await finish(bob, stage);
  });
}

test('thousands of messages that expire together are deleted together', async () => {
  const stage = await away({ bob: LONG, cy: LONG });
  for (let i = 0; i < 3_000; i++) stage.ann.publish('t', `${i}`, { ...expiring(SOON), packetId: i + 1 });
  await stage.broker.settle();
  await pass(stage.broker, SOON + 2);
  assert.deepEqual([queued(stage.broker), expired(stage.broker)], [0, 6_000]);
  await expectDrained(stage.storage);
});

const ends: { readonly how: string; readonly end: (stage: Stage) => Promise<TestBroker> }[] = [
  {
    how: 'whose time is up',
    end: async ({ broker }) => {
      await pass(broker, SOON + 1);
      return broker;
    },
  },
  { how: 'whose time is up while no process runs', end: (stage) => restart(stage, SOON + 1) },
  {
    how: 'whose time is up after a restart',
    end: async (stage) => {
      const again = await restart(stage, 1);
      await pass(again, SOON + 1);
      return again;
    },
  },
  {
    how: 'whose client wants a new one',
    end: async ({ broker }) => {
      (await arrive5(broker, 'bob')).leave();
      await broker.settle();
      return broker;
    },
  },
];

for (const { how, end } of ends) {
  test(`of a session ${how} nothing stays on record, whatever it had [MQTT5-3.1.2-23]`, async () => {
    const stage = await away({ bob: SOON, cy: LONG });
    const { ann, broker, storage } = stage;
    const bob = await arrive5(broker, 'bob', {
      clean: false,
      sessionPresent: true,
      properties: { sessionExpiryInterval: SOON, receiveMaximum: 3 },
    });
    await bob.subscribe(APART, 1);
    for (let id = 1; id <= 400; id++) ann.publish('t', `${id}`, { ...expiring(LONG, id % 2 === 0 ? 2 : 1), packetId: id });
    bob.publish('own', 'x', { qos: 2, version: 5, packetId: 1 });
    await bob.take();
    bob.send(pubrec(2));
    await bob.take();
    bob.hangUp();
    await broker.settle();
    const again = await end(stage);
    await again.settle();
    assert.equal(again.broker.session('bob'), undefined);
    await knock(again, 'dan').expect(connack());
    const cys = { Session: 1, Delivery: 400, Body: 400, Expiry: 400 };
    const { Format: _, Sequence: __, ...left } = await inventory(storage);
    assert.deepEqual(left, cys);
    assert.equal(queued(again), 400);
    (await arrive5(again, 'cy')).leave();
    await again.settle();
    await expectDrained(storage);
  });
}

test('a retained message that expires is deleted and counted, though nobody asks for it', async () => {
  const { storage, broker, ann } = await away({});
  ann.publish('r/1', 'x', having({ messageExpiryInterval: SOON }, { retain: true })).publish('r/2', 'x', { retain: true, version: 5 });
  await pass(broker, SOON + 2);
  assert.deepEqual([broker.broker.stats.retained.messages, expired(broker)], [1, 1]);
  assert.equal((await inventory(storage)).Retained, 1);
});

test('a retained message that expires while no process runs does not come back', async () => {
  const stage = await away({});
  stage.ann
    .publish('r/1', 'x', having({ messageExpiryInterval: SOON }, { retain: true }))
    .publish('r/2', 'y', { retain: true, version: 5 });
  const again = await restart(stage, SOON + 1);
  const cy = await arrive(again, 'cy');
  await cy.subscribe('r/#');
  await cy.expect(publish('r/2', 'y', { retain: true }));
  await again.settle();
  assert.equal((await inventory(stage.storage)).Retained, 1);
});

test('among thousands of retained messages each that expires is found', async () => {
  const { storage, broker, ann } = await away({});
  for (let i = 0; i < 2_500; i++) {
    ann.publish(`r/${i}`, 'x', i % 5 === 0 ? having({ messageExpiryInterval: SOON }, { retain: true }) : { retain: true, version: 5 });
  }
  await pass(broker, SOON + 5);
  assert.deepEqual([broker.broker.stats.retained.messages, expired(broker)], [2_000, 500]);
  assert.equal((await inventory(storage)).Retained, 2_000);
});
