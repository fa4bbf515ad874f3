/** Records of sessions that are over: deleted in the background, a page at a time, and what others may have of them is theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as record from '../../src/broker/records.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import { arrive, comeBack, knock, pingreq, pingresp, puback, pubrec, pubrel, subscribe, type Client } from '../conversations/client.js';
import { copyOf, inventory, recordsOf } from '../conversations/store.js';

interface Stage {
  readonly storage: MemoryStorage;
  readonly broker: TestBroker;
  readonly ann: Client;
}

/** `bob`, in a session that is kept, hears `filter` at QoS 2 and is away; so many messages wait for him. */
async function waiting(messages: number, filter = 't'): Promise<Stage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  await (await arrive(broker, 'bob', { clean: false })).subscribe(filter, 2);
  (await comeBack(broker, 'bob')).leave();
  const ann = await arrive(broker, 'ann');
  for (let i = 1; i <= messages; i++) ann.publish('t', `${i}`, { qos: 1, packetId: i });
  await ann.take();
  return { storage, broker, ann };
}

/** His client wants a new session, that ends with its connection. */
async function begin({ broker }: Stage, clientId = 'bob'): Promise<void> {
  knock(broker, clientId).leave();
  await broker.settle();
}

const LEFT = { Format: 1, Sequence: 1 };
const dropped = ({ broker }: Stage): number => broker.broker.stats.dropped['session-ended'];

test('when it is done nothing is left of the session, and what nobody was sent is counted', async () => {
  const stage = await waiting(1_000);
  assert.deepEqual(stage.broker.broker.stats.queued.messages, 1_000);
  await begin(stage);
  assert.deepEqual(await inventory(stage.storage), LEFT);
  assert.equal(dropped(stage), 1_000);
  assert.deepEqual(stage.broker.broker.stats.queued, { messages: 0, bytes: 0 });
});

test('it goes a page at a time, and others are served meanwhile', async () => {
  const stage = await waiting(1_000);
  const { storage, broker, ann } = stage;
  knock(broker, 'bob').leave();
  const left: number[] = [];
  for (let turn = 0; turn < 100 && (left.at(-1) ?? 1) > 0; turn++) {
    ann.send(pingreq);
    broker.endTurn();
    await turned();
    assert.deepEqual(ann.connection.take(), [pingresp]);
    left.push((await inventory(storage)).Delivery ?? 0);
  }
  const steps = left.map((now, i) => (i === 0 ? 1_000 : left[i - 1]!) - now);
  assert.equal(left.at(-1), 0);
  assert.ok(Math.max(...steps) <= 200, `${Math.max(...steps)} at a time`);
});

test('a restart in the middle goes on where it was, however often', async () => {
  const stage = await waiting(1_000);
  let { storage, broker } = stage;
  knock(broker, 'bob').leave();
  for (let start = 0; start < 5; start++) {
    for (let turn = 0; turn < 4; turn++) {
      broker.endTurn();
      await turned();
    }
    storage = await copyOf(storage);
    broker = await createTestBroker({ storage });
  }
  await broker.settle();
  assert.deepEqual(await inventory(storage), LEFT);
});

test('the new session of the same client is not touched', async () => {
  const stage = await waiting(500);
  const { storage, broker, ann } = stage;
  knock(broker, 'bob').leave();
  const bob = knock(broker, 'bob', { clean: false })
    .send(subscribe(1, ['t', 1]))
    .send({ type: PacketType.Disconnect, reasonCode: 0 });
  for (let i = 1; i <= 3; i++) ann.publish('t', `new ${i}`, { qos: 1, packetId: i });
  await broker.settle();
  assert.equal(bob.closed, true);
  assert.deepEqual(await inventory(storage), { ...LEFT, Session: 1, Delivery: 3 });
  assert.deepEqual(await (await comeBack(broker, 'bob')).payloads(), ['new 1', 'new 2', 'new 3']);
});

test('what was sent and not acknowledged, received and not released, goes too, and is not counted as dropped', async () => {
  const stage = await waiting(3);
  const { storage, broker } = stage;
  const bob = await comeBack(broker, 'bob');
  assert.deepEqual(await bob.payloads(), ['1', '2', '3']);
  await bob.publish('own', 'x', { qos: 2, packetId: 9 }).expect(pubrec(9));
  bob.hangUp();
  await begin(stage);
  assert.deepEqual(await inventory(storage), LEFT);
  assert.equal(dropped(stage), 0);
});

for (const isRestarted of [false, true]) {
  const how = isRestarted ? ' after a restart' : '';

  test(`what came through a Shared Subscription goes to another member${how}, but for QoS 2 messages that were sent once [MQTT5-4.8.2-4] [MQTT5-4.8.2-5]`, async () => {
    const stage = await waiting(0, '$share/g/t');
    const { storage, ann } = stage;
    const bob = await comeBack(stage.broker, 'bob');
    ann.publish('t', 'sent at 1', { qos: 1, packetId: 1 }).publish('t', 'sent at 2', { qos: 2, packetId: 2 });
    ann.publish('t', 'released', { qos: 2, packetId: 3 });
    assert.deepEqual(await bob.payloads(), ['sent at 1', 'sent at 2', 'released']);
    await bob.send(pubrec(3)).expect(pubrel(3));
    bob.hangUp();
    ann.publish('t', 'waits at 1', { qos: 1, packetId: 4 }).publish('t', 'waits at 2', { qos: 2, packetId: 5 });
    await stage.broker.settle();
    const broker = isRestarted ? await createTestBroker({ storage }) : stage.broker;
    const cy = await arrive(broker, 'cy');
    await cy.subscribe('$share/g/t', 2);
    await begin({ ...stage, broker });
    assert.deepEqual(await cy.payloads(), ['sent at 1', 'waits at 1', 'waits at 2']);
    assert.deepEqual(await inventory(storage), LEFT);
  });
}

test('whenever the process dies, each message that goes to another member is on record once: with the session that is over, or with that member', async () => {
  const stage = await waiting(100, '$share/g/t');
  const { storage, broker, ann } = stage;
  (await (await arrive(broker, 'cy', { clean: false })).subscribe('$share/g/t', 2)).leave();
  await broker.settle();
  const counts = async (): Promise<number[]> => (await recordsOf(storage, Kind.Delivery)).map(({ key }) => keys.placeOf(key).number);
  const before = new Set(await counts());
  knock(broker, 'bob').leave();
  const onRecord: number[] = [];
  for (let turn = 0; turn < 50; turn++) {
    // Somebody else has a commit under way.
    ann.publish('held', `${turn}`, { retain: true });
    broker.endTurn();
    for (let i = 0; i < turn % 7; i++) await Promise.resolve();
    broker.endTurn();
    await turned();
    onRecord.push((await inventory(storage)).Delivery ?? 0);
  }
  assert.deepEqual([...new Set(onRecord)], [100]);
  assert.notDeepEqual(new Set(await counts()), before);
  assert.deepEqual((await (await comeBack(broker, 'cy')).payloads()).length, 100);
});

test('where there is no other member it is dropped and counted', async () => {
  const stage = await waiting(3, '$share/g/t');
  await begin(stage);
  assert.equal(stage.broker.broker.stats.dropped['no-member'], 3);
  assert.deepEqual(await inventory(stage.storage), LEFT);
});

test('a damaged record of deliveries of a session that is over goes like the others', async () => {
  const stage = await waiting(40);
  const [first, second] = await recordsOf(stage.storage, Kind.Delivery);
  assert.deepEqual(
    [first, second].map((entry) => keys.placeOf(entry!.key).count),
    [32, 8],
  );
  stage.storage.put(second!.key, Buffer.of(1));
  await stage.storage.commit();
  await begin(stage);
  assert.deepEqual(await inventory(stage.storage), LEFT);
  assert.equal(dropped(stage), 40);
});

/** What was sent is not dropped; where a record cannot be read it is not known whether it was. */
for (const { what, harm, count } of [
  { what: 'a parcel', harm: (value: Buffer) => value, count: 2 },
  { what: 'a parcel that is damaged', harm: (value: Buffer) => value.subarray(1), count: 3 },
]) {
  test(`of ${what} nothing is counted as dropped that was over when its session ended`, async () => {
    const { storage } = await waiting(4);
    const broker = await createTestBroker({ storage, maxInflight: 1 });
    const bob = await comeBack(broker, 'bob');
    await bob.accept();
    await bob.take();
    bob.hangUp();
    await broker.settle();
    const [parcel] = await recordsOf(storage, Kind.Delivery);
    assert.equal(keys.placeOf(parcel!.key).count, 4);
    storage.put(parcel!.key, harm(parcel!.value));
    await storage.commit();
    knock(broker, 'bob').leave();
    await broker.settle();
    assert.equal(broker.broker.stats.dropped['session-ended'], count);
    assert.deepEqual(await inventory(storage), LEFT);
  });
}

test('one after the other: sessions that end together are all removed', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const names = Array.from({ length: 50 }, (_, i) => `s${i}`);
  for (const name of names) {
    const client = await arrive(broker, name, { clean: false });
    await client.subscribe('t', 1);
    client.leave();
  }
  const ann = await arrive(broker, 'ann');
  for (let i = 1; i <= 20; i++) await ann.publish('t', `${i}`, { qos: 1, packetId: i }).expect(puback(i));
  assert.equal((await inventory(storage)).Delivery, 1_000);
  for (const name of names) knock(broker, name).leave();
  await broker.settle();
  assert.deepEqual(await inventory(storage), LEFT);
});

test('a number that has ended and of which nothing is left is forgotten at the next start', async () => {
  const storage = new MemoryStorage();
  await createTestBroker({ storage });
  storage.put(keys.numberKey(Kind.Ended, 7), record.NOTHING);
  await storage.commit();
  await (await createTestBroker({ storage })).settle();
  assert.equal((await inventory(storage)).Ended, undefined);
});
