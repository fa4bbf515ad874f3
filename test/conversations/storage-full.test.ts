/** A disk without space: what would need more is refused, everything else goes on, and when there is space again all does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, MemoryStorage, PacketType, type Packet, type QoS, type TestBroker } from '../../src/testing.js';
import { HeldStorage } from '../storage/held.js';
import {
  arrive,
  arrive5,
  closeReasons,
  comeBack,
  connack,
  expectRefusal,
  farewell,
  knock,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  saying,
  suback,
  subscribe,
  unsuback,
  unsubscribe,
  type Client,
} from './client.js';
import { expectDrained } from './store.js';

const { QuotaExceeded } = ReasonCode;

/** A storage that says when it is full, whether it is or not. */
class ScarceStorage extends MemoryStorage {
  full = false;
}

/** A storage whose commits wait for space. */
class StuckStorage extends HeldStorage {
  full = false;
}

const dropped = ({ broker }: TestBroker): number => broker.stats.dropped['storage-full'];

/** `bob` hears `t` at QoS 1 in a session that is kept, and is away; `cy` hears all in one that ends. */
async function scene(): Promise<{ storage: ScarceStorage; broker: TestBroker; cy: Client }> {
  const storage = new ScarceStorage();
  const broker = await createTestBroker({ storage });
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('t', 1);
  bob.leave();
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('#', 2);
  return { storage, broker, cy };
}

const needs: { readonly what: string; readonly topic: string; readonly qos: QoS; readonly retain?: boolean; readonly expiry?: number }[] = [
  { what: 'a message at QoS 1 for a session that is kept', topic: 't', qos: 1 },
  { what: 'a message at QoS 2 for a session that is kept', topic: 't', qos: 2 },
  { what: 'a message to be retained', topic: 'other', qos: 1, retain: true },
  { what: 'a QoS 2 message from a session that is kept', topic: 'other', qos: 2, expiry: 60 },
];

for (const { what, topic, qos, retain = false, expiry = 0 } of needs) {
  const answer = qos === 1 ? PacketType.Puback : PacketType.Pubrec;

  test(`${what} is refused: 5.0 is told 0x97, nobody is sent it, and later it is kept`, async () => {
    const { storage, broker, cy } = await scene();
    const dan = await arrive5(broker, 'dan', { properties: { sessionExpiryInterval: expiry } });
    storage.full = true;
    await dan.publish(topic, 'x', { qos, retain, version: 5, packetId: 1 }).expect(saying(answer, 1, QuotaExceeded));
    await cy.expect();
    assert.equal(dropped(broker), 1);
    storage.full = false;
    await dan.publish(topic, 'x', { qos, retain, version: 5, packetId: 1 }).expect(saying(answer, 1, ReasonCode.Success));
    assert.deepEqual(await cy.payloads(), ['x']);
  });

  test(`${what} is not acknowledged to 3.1.1: the connection is closed, and the message taken when it comes again`, async () => {
    const { storage, broker, cy } = await scene();
    const dan = await arrive(broker, 'dan', { clean: expiry === 0 });
    storage.full = true;
    await dan.publish(topic, 'x', { qos, retain, packetId: 1 }).expectClosed();
    assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1, 'quota-exceeded': 1 });
    await cy.expect();
    storage.full = false;
    const back = knock(broker, 'dan', { clean: expiry === 0 });
    await back.expectFirst(connack(0, expiry > 0));
    const again = publish(topic, 'x', { qos, retain, packetId: 1, dup: true });
    await back.send(again).expect(qos === 1 ? puback(1) : pubrec(1));
    assert.deepEqual(await cy.payloads(), ['x']);
  });
}

test('what needs no disk goes on: QoS 0, and QoS 1 and 2 among sessions that end with their connections', async () => {
  const { storage, broker, cy } = await scene();
  const ann = await arrive(broker, 'ann');
  storage.full = true;
  await ann
    .publish('other', '0')
    .publish('other', '1', { qos: 1, packetId: 1 })
    .publish('other', '2', { qos: 2, packetId: 2 })
    .expect(puback(1), pubrec(2));
  await ann.send(pubrel(2)).expect(pubcomp(2));
  assert.deepEqual(await cy.payloads(), ['0', '1', '2']);
  ann.publish('t', 'also where a session that is kept hears it at QoS 1');
  assert.equal((await cy.payloads()).length, 1);
  const eve = await arrive(broker, 'eve');
  await eve.subscribe('#', 2);
  assert.equal(dropped(broker), 0);
});

test('a QoS 0 message to be retained is delivered, and not kept: what the topic had is gone too [MQTT-3.3.1-7]', async () => {
  const { storage, broker, cy } = await scene();
  const ann = await arrive(broker, 'ann');
  ann.publish('r', 'old', { retain: true });
  await cy.take();
  storage.full = true;
  ann.publish('r', 'new', { retain: true });
  await cy.expect(publish('r', 'new'));
  assert.equal(broker.broker.stats.retained.messages, 0);
  assert.equal(dropped(broker), 1);
});

test('what is retained can be deleted', async () => {
  const { storage, broker } = await scene();
  const ann = await arrive(broker, 'ann');
  ann.publish('r', 'old', { retain: true });
  await broker.settle();
  storage.full = true;
  await ann.publish('r', '', { retain: true, qos: 1 }).expect(puback(1));
  assert.equal(broker.broker.stats.retained.messages, 0);
});

test('what was queued before is delivered, acknowledged and deleted', async () => {
  const { storage, broker } = await scene();
  const ann = await arrive(broker, 'ann');
  for (const id of [1, 2, 3]) ann.publish('t', `${id}`, { qos: 1, packetId: id });
  await ann.expect(puback(1), puback(2), puback(3));
  storage.full = true;
  const bob = await comeBack(broker, 'bob');
  assert.deepEqual(await bob.payloads(), ['1', '2', '3']);
  await bob.send(puback(1), puback(2), puback(3)).expect();
  await expectDrained(storage);
});

test('a session that is kept can be come back to, left, unsubscribed in and ended', async () => {
  const { storage, broker } = await scene();
  storage.full = true;
  const bob = await comeBack(broker, 'bob');
  await bob.send(unsubscribe(1, 't')).expect(unsuback(1));
  bob.leave();
  const again = await arrive(broker, 'bob', { clean: true });
  again.leave();
  await broker.settle();
  assert.equal(broker.broker.session('bob'), undefined);
});

const will = { topic: 'gone', payload: Buffer.from('x'), qos: 0, retain: false } as const;

for (const { what, fields5, fields4 } of [
  { what: 'a session that is to be kept', fields5: { properties: { sessionExpiryInterval: 60 } }, fields4: { clean: false } },
  { what: 'a Will', fields5: { will }, fields4: { will } },
]) {
  test(`a CONNECT with ${what} is refused, and let in when there is space`, async () => {
    const { storage, broker } = await scene();
    storage.full = true;
    await expectRefusal(broker, knock(broker, 'dan', { version: 5, ...fields5 }), QuotaExceeded);
    await knock(broker, 'eve', fields4).expectClosed(connack(ReasonCode.ServerUnavailable));
    storage.full = false;
    await arrive5(broker, 'dan', fields5);
    await arrive(broker, 'eve', fields4);
  });
}

test('a SUBSCRIBE in a session that is kept is refused in the SUBACK, and granted when there is space', async () => {
  const { storage, broker } = await scene();
  const dan = await arrive5(broker, 'dan', { properties: { sessionExpiryInterval: 60 } });
  const bob = await comeBack(broker, 'bob');
  storage.full = true;
  await dan.send(subscribe(1, ['a', 1])).expect(suback(1, QuotaExceeded));
  await bob.send(subscribe(1, ['a', 1])).expect(suback(1, 0x80));
  storage.full = false;
  await dan.subscribe('a', 1);
  await bob.subscribe('a', 1);
});

// Where the disk is full in earnest a commit waits for space.

/** Lets everything come to rest that does not wait for the storage. */
async function rest(broker: TestBroker): Promise<void> {
  for (let i = 0; i < 3; i++) {
    broker.endTurn();
    await turned();
  }
}

async function land(storage: StuckStorage, broker: TestBroker): Promise<void> {
  for (await rest(broker); storage.underWay; await rest(broker)) await storage.land();
}

/** `bob`, in a session that is kept, hears `#`; `dan` and `ann` publish in 5.0 and 3.1.1. */
async function stuck(): Promise<{ storage: StuckStorage; broker: TestBroker; ann: Client; bob: Client; dan: Client }> {
  const storage = new StuckStorage();
  const assembled = createTestBroker({ storage });
  await turned();
  await storage.land();
  const broker = await assembled;
  const bob = knock(broker, 'bob', { clean: false }).send(subscribe(1, ['#', 1]));
  const ann = knock(broker, 'ann');
  const dan = knock(broker, 'dan', { version: 5 });
  await land(storage, broker);
  for (const { connection } of [ann, bob, dan]) connection.take();
  return { storage, broker, ann, bob, dan };
}

/** What has come, without waiting for the storage. */
const come = ({ connection }: Client): Packet[] => connection.take();

test('who waits for an acknowledgement that cannot come is closed with a reason; who waits for nothing stays', async () => {
  const { storage, broker, ann, bob, dan } = await stuck();
  ann.publish('t', '1', { qos: 1 });
  dan.publish('t', '2', { qos: 1, version: 5 });
  await rest(broker);
  storage.full = true;
  broker.advance(2_000);
  await rest(broker);
  assert.deepEqual([ann.closed, dan.closed, bob.closed], [true, true, false]);
  assert.deepEqual(come(ann), []);
  assert.deepEqual(come(dan), [farewell(QuotaExceeded)]);
  assert.deepEqual(closeReasons(broker), { 'storage-full': 2 });
  storage.full = false;
  await land(storage, broker);
  assert.deepEqual(bob.connection.take().length, 2);
});

test('who comes to wait later is closed too', async () => {
  const { storage, broker, ann, bob } = await stuck();
  ann.publish('t', '1', { qos: 1 });
  await rest(broker);
  storage.full = true;
  broker.advance(3_000);
  bob.send(unsubscribe(2, '#'));
  broker.advance(2_000);
  await rest(broker);
  assert.equal(bob.closed, true);
  assert.deepEqual(closeReasons(broker), { 'storage-full': 2 });
});

test('where space is short and commits land nobody is closed for waiting', async () => {
  const { storage, broker, bob } = await stuck();
  storage.full = true;
  for (let id = 2; id < 30; id++) {
    bob.send(unsubscribe(id, `${id}`));
    broker.advance(500);
    await land(storage, broker);
    assert.equal(come(bob).length, 1);
  }
  assert.deepEqual(closeReasons(broker), {});
});

test('nobody is closed for a commit that is slow while there is space', async () => {
  const { storage, broker, ann } = await stuck();
  ann.publish('t', '1', { qos: 1 });
  broker.advance(30_000);
  await rest(broker);
  assert.equal(ann.closed, false);
  await land(storage, broker);
  assert.deepEqual(come(ann), [puback(1)]);
});

test('what was committed when there was space again is kept, though its publisher was not told', async () => {
  const { storage, broker, ann, bob } = await stuck();
  bob.leave();
  await land(storage, broker);
  ann.publish('t', '1', { qos: 1 });
  await rest(broker);
  storage.full = true;
  broker.advance(2_000);
  storage.full = false;
  await land(storage, broker);
  const back = await comeBack(await createTestBroker({ storage: storage.kept }), 'bob');
  await back.expect(publish('t', '1', { qos: 1, packetId: 1 }));
});

test('a 5.0 client that is closed for want of space may come back as soon as there is some', async () => {
  const { storage, broker, dan } = await stuck();
  dan.publish('t', '1', { qos: 1, version: 5 });
  await rest(broker);
  storage.full = true;
  broker.advance(2_000);
  await rest(broker);
  assert.deepEqual(come(dan), [farewell(QuotaExceeded)]);
  storage.full = false;
  await land(storage, broker);
  const again = knock(broker, 'dan', { version: 5 });
  await rest(broker);
  assert.equal(come(again)[0]?.type, PacketType.Connack);
  again.publish('t', '1', { qos: 1, version: 5, dup: true });
  await land(storage, broker);
  assert.deepEqual(come(again), [puback(1)]);
});
