/** The sweep for messages that have expired: what it may take, and what is for the session to drop. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import { arrive5, having, puback, type Client } from '../conversations/client.js';
import { expectDrained, inventory } from '../conversations/store.js';

interface Stage {
  readonly storage: MemoryStorage;
  readonly broker: TestBroker;
  readonly ann: Client;
}

const kept = { properties: { sessionExpiryInterval: 100_000 } };

/** `bob` hears `t` at QoS 1 in a session that is kept, and is away. */
async function scene(maxInflight: number): Promise<Stage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, maxInflight });
  const bob = await arrive5(broker, 'bob', kept);
  await bob.subscribe('t', 1);
  bob.leave();
  return { storage, broker, ann: await arrive5(broker, 'ann') };
}

const back = ({ broker }: Stage): Promise<Client> => arrive5(broker, 'bob', { clean: false, sessionPresent: true, ...kept });

/** Publishes numbers; every third expires after ten seconds. */
async function fill({ ann, broker }: Stage, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const options = { qos: 1, packetId: i + 1 } as const;
    ann.publish('t', `${i}`, i % 3 === 0 ? having({ messageExpiryInterval: 10 }, options) : { version: 5, ...options });
  }
  await broker.settle();
}

async function pass(broker: TestBroker, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    broker.advance(1_000);
    await broker.settle();
  }
}

/** What the client is sent, acknowledging one after the other. */
async function drink(broker: TestBroker, bob: Client): Promise<number[]> {
  const heard: number[] = [];
  for (let packets = await bob.take(); packets.length > 0; packets = await bob.take()) {
    for (const packet of packets) {
      if (!('payload' in packet)) continue;
      heard.push(Number(packet.payload.toString()));
      bob.send(puback(packet.packetId));
    }
  }
  await broker.settle();
  return heard;
}

const lasting = (count: number): number[] => Array.from({ length: count }, (_, i) => i).filter((i) => i % 3 !== 0);
const expired = ({ broker }: TestBroker): number => broker.stats.dropped['message-expired'];

test('of a queue nobody reads, what has expired is taken from wherever it stands', async () => {
  const stage = await scene(1);
  await fill(stage, 3_000);
  await pass(stage.broker, 12);
  assert.deepEqual([stage.broker.broker.stats.queued.messages, expired(stage.broker)], [2_000, 1_000]);
  assert.equal((await inventory(stage.storage)).Delivery, 2_000);
  assert.deepEqual(await drink(stage.broker, await back(stage)), lasting(3_000));
  await expectDrained(stage.storage);
});

test('of a queue whose client takes nothing, what is in flight stays, and the rest is counted once, whoever finds it', async () => {
  const stage = await scene(2);
  await fill(stage, 3_000);
  const bob = await back(stage);
  await stage.broker.settle();
  await pass(stage.broker, 12);
  assert.deepEqual(await drink(stage.broker, bob), [0, ...lasting(3_000)]);
  assert.equal(expired(stage.broker), 999);
  assert.deepEqual(stage.broker.broker.stats.queued, { messages: 0, bytes: 0 });
  await expectDrained(stage.storage);
});

test('what expires while the queue is read back and its client comes and goes is counted once', async () => {
  const stage = await scene(5);
  await fill(stage, 3_000);
  let bob = await back(stage);
  const heard = new Set<number>();
  for (let i = 0; i < 30; i++) {
    for (const packet of await bob.take()) {
      if (!('payload' in packet)) continue;
      heard.add(Number(packet.payload.toString()));
      bob.send(puback(packet.packetId));
    }
    stage.broker.advance(500);
    if (i % 4 === 3) {
      bob.hangUp();
      bob = await back(stage);
    }
  }
  for (const number of await drink(stage.broker, bob)) heard.add(number);
  await pass(stage.broker, 3);
  const late = [...heard].filter((number) => number % 3 === 0).length;
  assert.deepEqual(
    [...heard].filter((number) => number % 3 !== 0),
    lasting(3_000),
  );
  assert.equal(expired(stage.broker), 1_000 - late);
  assert.deepEqual(stage.broker.broker.stats.queued, { messages: 0, bytes: 0 });
  await expectDrained(stage.storage);
});
