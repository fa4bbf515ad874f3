/** A message that several sessions wait for: on record once, as long as somebody needs it, and no longer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, comeBack, knock, puback, publish, suback, subscribe, type Client } from './client.js';
import { copyOf, expectDrained, inventory } from './store.js';

interface Stage {
  readonly storage: MemoryStorage;
  readonly broker: TestBroker;
  readonly ann: Client;
}

/** A broker with `ann`, who publishes; sessions that hear `t` at QoS 1 and are away. */
async function away(...clientIds: string[]): Promise<Stage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  for (const clientId of clientIds) {
    const client = await arrive(broker, clientId, { clean: false });
    await client.subscribe('t', 1);
    client.leave();
  }
  return { storage, broker, ann: await arrive(broker, 'ann') };
}

const FIVE = ['a', 'b', 'c', 'd', 'e'];

async function say({ ann }: Stage, payload: string): Promise<void> {
  await ann.publish('t', payload, { qos: 1, packetId: 1 }).expect(puback(1));
}

/** A client takes what waits for it, and acknowledges it. */
async function fetch(broker: TestBroker, clientId: string): Promise<string[]> {
  const client = await comeBack(broker, clientId);
  const packets = await client.take();
  for (const packet of packets) if (packet.type === PacketType.Publish) client.send(puback(packet.packetId));
  client.leave();
  await broker.settle();
  return packets.map((packet) => (packet.type === PacketType.Publish ? packet.payload.toString() : ''));
}

async function bodies({ storage }: Pick<Stage, 'storage'>): Promise<number> {
  return (await inventory(storage)).Body ?? 0;
}

test('however many sessions wait for a message, it has one body on record', async () => {
  const stage = await away(...FIVE);
  const payload = 'x'.repeat(1_000);
  await say(stage, payload);
  assert.deepEqual([await bodies(stage), (await inventory(stage.storage)).Delivery], [1, 5]);
  let bytes = 0;
  for (const { value } of await stage.storage.range(Buffer.of(0), Buffer.of(0xff), 1_000)) bytes += value.length;
  assert.ok(bytes < 2_000, `${bytes} bytes`);
  for (const clientId of FIVE) assert.deepEqual(await fetch(stage.broker, clientId), [payload]);
});

test('where one session waits for it the body stands with the delivery', async () => {
  const stage = await away('a');
  await say(stage, '1');
  assert.equal(await bodies(stage), 0);
  assert.deepEqual(await fetch(stage.broker, 'a'), ['1']);
});

for (const { when, next } of [
  { when: 'without a restart', next: async ({ broker }: Stage): Promise<TestBroker> => broker },
  {
    when: 'with a restart before each',
    next: async ({ storage }: Stage): Promise<TestBroker> => {
      const broker = await createTestBroker({ storage });
      await broker.settle();
      return broker;
    },
  },
  {
    when: 'with a client that is there at once after each restart',
    next: ({ storage }: Stage): Promise<TestBroker> => createTestBroker({ storage }),
  },
]) {
  test(`the body goes with the last that needed it, and not before, ${when}`, async () => {
    const stage = await away(...FIVE);
    for (const payload of ['1', '2', '3']) await say(stage, payload);
    for (const [i, clientId] of FIVE.entries()) {
      assert.equal(await bodies(stage), 3);
      const broker = await next(stage);
      assert.deepEqual(await fetch(broker, clientId), ['1', '2', '3'], `${i}`);
    }
    await expectDrained(stage.storage);
  });

  test(`a session that ends lets go of its bodies, and of no other’s, ${when}`, async () => {
    const stage = await away(...FIVE);
    for (const payload of ['1', '2', '3']) await say(stage, payload);
    for (const clientId of FIVE.slice(1)) {
      const broker = await next(stage);
      (await arrive(broker, clientId)).leave();
      await broker.settle();
      assert.equal(await bodies(stage), 3);
    }
    const broker = await next(stage);
    assert.deepEqual(await fetch(broker, 'a'), ['1', '2', '3']);
    await expectDrained(stage.storage);
  });
}

test('killed while an ended session is being removed, the next process finishes that', async () => {
  const stage = await away('a', 'b');
  for (let i = 0; i < 700; i++) stage.ann.publish('t', `${i}`, { qos: 1, packetId: i + 1 });
  await stage.broker.settle();
  knock(stage.broker, 'b');
  // The end is committed, then a page of what is to go; then the process dies.
  for (let turn = 0; turn < 4; turn++) {
    stage.broker.endTurn();
    await turned();
  }
  const storage = await copyOf(stage.storage);
  const before = await inventory(storage);
  assert.equal(before.Ended, 1);
  assert.ok(before.Delivery! > 700 && before.Delivery! < 1_400, `${before.Delivery} deliveries are left`);
  const again = await createTestBroker({ storage });
  await again.settle();
  const { Delivery, Body, Ended } = await inventory(storage);
  assert.deepEqual({ Delivery, Body, Ended }, { Delivery: 700, Body: 700, Ended: undefined });
  assert.equal((await fetch(again, 'a')).length, 700);
  await expectDrained(storage);
});

test('a body nobody needs that a killed process left behind is deleted', async () => {
  const stage = await away('a', 'b');
  await say(stage, '1');
  const [body] = await stage.storage.range(Buffer.of(Kind.Body), Buffer.of(Kind.Body + 1), 1);
  stage.storage.put(keys.numberKey(Kind.Body, keys.numberOf(body!.key) - 1), body!.value);
  await stage.storage.commit();
  assert.equal(await bodies(stage), 2);
  await (await createTestBroker({ storage: stage.storage })).settle();
  assert.equal(await bodies(stage), 1);
});

test('a message that is retained comes to a later session with a body of its own, after the first is gone', async () => {
  const stage = await away('a', 'b');
  await stage.ann.publish('t', '1', { qos: 1, retain: true, packetId: 1 }).expect(puback(1));
  for (const clientId of ['a', 'b']) await fetch(stage.broker, clientId);
  assert.equal(await bodies(stage), 0);
  const cy = await arrive(stage.broker, 'cy', { clean: false });
  await cy.send(subscribe(1, ['t', 1])).expect(publish('t', '1', { qos: 1, retain: true, packetId: 1 }), suback(1, 1));
  cy.hangUp();
  const again = await createTestBroker({ storage: stage.storage });
  const back = await comeBack(again, 'cy');
  await back.expect(publish('t', '1', { qos: 1, retain: true, dup: true, packetId: 1 }));
  await back.send(puback(1)).expect();
  await expectDrained(stage.storage);
});

test('a message of an ended member of a Shared Subscription goes to another, also where its body was shared [MQTT5-4.8.2-4]', async () => {
  const stage = await away('a');
  const { broker, storage } = stage;
  for (const clientId of ['m1', 'm2']) {
    const member = await arrive(broker, clientId, { clean: false });
    await member.subscribe('$share/g/t', 1);
    member.leave();
  }
  for (const payload of ['1', '2', '3', '4']) await say(stage, payload);
  const again = await createTestBroker({ storage });
  (await arrive(again, 'm1')).leave();
  await again.settle();
  assert.deepEqual((await fetch(again, 'm2')).sort(), ['1', '2', '3', '4']);
  assert.deepEqual(await fetch(again, 'a'), ['1', '2', '3', '4']);
  await expectDrained(storage);
});

test('a 5.0 session and one of 3.1.1 read the same body, each as its own version', async () => {
  const { storage, broker, ann } = await away('a');
  const five = await arrive5(broker, 'five', { properties: { sessionExpiryInterval: 60 } });
  await five.subscribe('t', 1);
  five.leave();
  await ann.publish('t', '1', { qos: 1, packetId: 1 }).expect(puback(1));
  const again = await createTestBroker({ storage });
  const back = await arrive5(again, 'five', { clean: false, sessionPresent: true });
  await back.expect(publish('t', '1', { qos: 1, packetId: 1 }));
  assert.deepEqual(await fetch(again, 'a'), ['1']);
});
