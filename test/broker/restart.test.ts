/** What a broker makes of the store it starts on: another version's is refused, a damaged record costs no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../src/broker/contracts.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as record from '../../src/broker/records.js';
import { createTestBroker, MemoryStorage, PacketType, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, comeBack, puback, type Client } from '../conversations/client.js';
import { APART, expectDrained, inventory, recordsOf } from '../conversations/store.js';

test('a new store is of this version', async () => {
  const storage = new MemoryStorage();
  await createTestBroker({ storage });
  assert.deepEqual(await storage.get(keys.key(Kind.Format)), Buffer.of(keys.FORMAT));
});

for (const version of [1, keys.FORMAT + 1, 255]) {
  test(`a store of version ${version} is refused with a sentence, and left as it is`, async () => {
    const storage = new MemoryStorage();
    storage.put(keys.key(Kind.Format), Buffer.of(version));
    storage.put(keys.key(Kind.Retained, 'a'), Buffer.of(1, 2, 3));
    await storage.commit();
    await assert.rejects(createTestBroker({ storage }), {
      name: 'FormatError',
      message: `the records of the store are of version ${version}, this PosMQ reads version ${keys.FORMAT}: start it with the PosMQ that wrote them, or export it with that one and import it into a new folder`,
    });
    assert.equal(storage.size, 2);
  });
}

for (const [what, spoil] of [
  ['missing', (storage: MemoryStorage) => storage.delete(keys.key(Kind.Sequence))],
  ['damaged', (storage: MemoryStorage) => storage.put(keys.key(Kind.Sequence), Buffer.of(1))],
] as const) {
  test(`where the record of the last number is ${what}, numbers go on behind all that are in use`, async () => {
    const storage = await stored();
    const before = await inUse(storage);
    spoil(storage);
    await storage.commit();
    const broker = await createTestBroker({ storage });
    const ann = await arrive(broker, 'ann', { clean: false });
    ann.publish('t', 'new', { qos: 1 });
    await broker.settle();
    const added = (await inUse(storage)).filter((number) => !before.includes(number));
    assert.ok(added.length > 0 && Math.min(...added) > Math.max(...before), `${added.join()} behind ${before.join()}`);
  });
}

/** The numbers of sessions and the sequences of messages. */
async function inUse(storage: MemoryStorage): Promise<number[]> {
  const numbers: number[] = [];
  for (const { value } of await recordsOf(storage, Kind.Session)) numbers.push(record.readSession(value).number);
  for (const { key } of await recordsOf(storage, Kind.Delivery)) numbers.push(keys.placeOf(key).sequence);
  return numbers;
}

test('of many damaged records the first are named, and that there are more is said once', async () => {
  const storage = await stored();
  for (let i = 0; i < 50; i++) storage.put(keys.key(Kind.Session, `broken-${i}`), Buffer.of(1));
  await storage.commit();
  const { log, damaged } = watched();
  await createTestBroker({ storage, log });
  assert.equal(damaged.filter((key) => key.startsWith(keys.key(Kind.Session, 'broken-').toString('hex'))).length, 20);
  assert.equal(damaged.filter((key) => key === 'undefined').length, 1);
});

test('records that say no version are refused with a sentence', async () => {
  const storage = new MemoryStorage();
  storage.put(Buffer.from('foreign'), Buffer.from('x'));
  await storage.commit();
  await assert.rejects(createTestBroker({ storage }), {
    name: 'FormatError',
    message: 'the store holds records that say no version: they were not written by this PosMQ',
  });
  assert.equal(storage.size, 1);
});

/** A log that keeps what is damaged, by the keys of the records. */
function watched(): { readonly log: Log; readonly damaged: string[] } {
  const damaged: string[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields) => damaged.push(String((fields as { key?: unknown }).key)),
  };
  return { log, damaged };
}

/**
 * `bob` and `cy`, in sessions that are kept, hear `t` and own a topic each, and a third that stands apart; five messages wait for each of them, two have been retained,
 * and two Wills are on record.
 */
async function stored(): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  for (const clientId of ['bob', 'cy']) {
    const client = await arrive(broker, clientId, { clean: false });
    await client.subscribe('t', 1);
    await client.subscribe(clientId, 1);
    await client.subscribe(APART, 1);
    client.leave();
  }
  const ann = await arrive(broker, 'ann');
  for (let i = 1; i <= 5; i++) {
    for (const topic of ['bob', 'cy']) await ann.publish(topic, `${i}`, { qos: 1, packetId: i }).expect(puback(i));
  }
  for (const topic of ['r/1', 'r/2']) ann.publish(topic, topic, { retain: true });
  for (const topic of ['w/1', 'w/2']) {
    await arrive(broker, topic, { will: { topic, payload: Buffer.from(topic), qos: 0, retain: true } });
  }
  await broker.settle();
  return storage;
}

async function damage(storage: MemoryStorage, kind: Kind, which: number, value = Buffer.of(0xff)): Promise<string> {
  const { key } = (await recordsOf(storage, kind))[which]!;
  storage.put(key, value);
  await storage.commit();
  return key.toString('hex');
}

/** What a client finds waiting, until nothing more comes. */
async function waiting(broker: TestBroker, client: Client): Promise<string[]> {
  const payloads: string[] = [];
  for (let packets = await client.take(); packets.length > 0; packets = await client.take()) {
    for (const packet of packets) {
      if (packet.type !== PacketType.Publish) continue;
      payloads.push(packet.payload.toString());
      client.send(puback(packet.packetId));
    }
  }
  assert.equal(client.closed, false);
  client.leave();
  await broker.settle();
  return payloads;
}

const FIVE = ['1', '2', '3', '4', '5'];

test('what was stored is there again', async () => {
  const { log, damaged } = watched();
  const broker = await createTestBroker({ storage: await stored(), log });
  await broker.settle();
  for (const clientId of ['bob', 'cy']) assert.deepEqual(await waiting(broker, await comeBack(broker, clientId)), FIVE);
  assert.equal(broker.broker.stats.retained.messages, 4);
  assert.deepEqual(damaged, []);
});

test('a damaged session is named and left out; the other is there, whole', async () => {
  const storage = await stored();
  const key = await damage(storage, Kind.Session, 0);
  const { log, damaged } = watched();
  const broker = await createTestBroker({ storage, log });
  assert.deepEqual(damaged, [key]);
  await arrive5(broker, 'bob');
  assert.deepEqual(await waiting(broker, await comeBack(broker, 'cy')), FIVE);
});

test('a damaged subscription is named and left out; the session has the others, and its queue', async () => {
  const storage = await stored();
  const key = await damage(storage, Kind.Subscription, 0);
  const { log, damaged } = watched();
  const broker = await createTestBroker({ storage, log });
  assert.deepEqual(damaged, [key]);
  assert.deepEqual(
    broker.broker.session('bob')?.subscriptions.map(({ filter }) => filter),
    ['t', 'bob'],
  );
  assert.equal(broker.broker.session('cy')?.subscriptions.length, 3);
  assert.deepEqual(await waiting(broker, await comeBack(broker, 'bob')), FIVE);
});

test('a damaged retained message is named and left out; the others are there, and a new one takes its place', async () => {
  const storage = await stored();
  const key = await damage(storage, Kind.Retained, 0);
  const { log, damaged } = watched();
  const broker = await createTestBroker({ storage, log });
  assert.deepEqual(damaged, [key]);
  const ann = await arrive(broker, 'ann');
  await ann.subscribe('r/#');
  assert.deepEqual(await ann.payloads(), ['r/2']);
  ann.publish('r/1', 'new', { retain: true });
  await broker.settle();
  assert.equal((await createTestBroker({ storage })).broker.stats.retained.messages, broker.broker.stats.retained.messages);
});

test('a damaged Will is named and left out; the others are published', async () => {
  const storage = await stored();
  const key = await damage(storage, Kind.Will, 0);
  const { log, damaged } = watched();
  const broker = await createTestBroker({ storage, log });
  assert.deepEqual(damaged, [key]);
  const ann = await arrive(broker, 'ann');
  await ann.subscribe('w/#');
  assert.deepEqual(await ann.payloads(), ['w/2']);
});

for (const { what, kind, value } of [
  { what: 'cut short', kind: Kind.Delivery, value: Buffer.of(2) },
  { what: 'that holds no PUBLISH', kind: Kind.Delivery, value: Buffer.alloc(40, 2) },
]) {
  test(`a delivery ${what} is named and left out; those before it and behind it are delivered`, async () => {
    const storage = await stored();
    const key = await damage(storage, kind, 2, value);
    const { log, damaged } = watched();
    const broker = await createTestBroker({ storage, log });
    assert.deepEqual(await waiting(broker, await comeBack(broker, 'bob')), ['1', '2', '4', '5']);
    assert.deepEqual(damaged, [key]);
    assert.deepEqual(await waiting(broker, await comeBack(broker, 'cy')), FIVE);
    await broker.settle();
    assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  });
}

test('a body that is not there costs the message it was of, in each queue, and no other', async () => {
  const storage = new MemoryStorage();
  const first = await createTestBroker({ storage });
  for (const clientId of ['bob', 'cy']) {
    const client = await arrive(first, clientId, { clean: false });
    await client.subscribe('t', 1);
    client.leave();
  }
  const ann = await arrive(first, 'ann');
  for (let i = 1; i <= 5; i++) await ann.publish('t', `${i}`, { qos: 1, packetId: i }).expect(puback(i));
  storage.delete((await recordsOf(storage, Kind.Body))[1]!.key);
  await storage.commit();
  const broker = await createTestBroker({ storage });
  for (const clientId of ['bob', 'cy']) assert.deepEqual(await waiting(broker, await comeBack(broker, clientId)), ['1', '3', '4', '5']);
  await expectDrained(storage);
});

for (const kind of ['Sent', 'Released', 'Received'] as const) {
  test(`a damaged record of kind ${kind} does not keep the sessions from being counted`, async () => {
    const storage = await stored();
    storage.put(Buffer.concat([Buffer.of(Kind[kind]), Buffer.of(0)]), Buffer.of(1));
    await storage.commit();
    const { log, damaged } = watched();
    const broker = await createTestBroker({ storage, log });
    await broker.settle();
    assert.equal(broker.broker.stats.queued.messages, 10);
    assert.equal(damaged.length, 1);
    assert.deepEqual(await waiting(broker, await comeBack(broker, 'bob')), FIVE);
  });
}

test('numbers go on behind those of the last process, though it died', async () => {
  const storage = await stored();
  const numbers = async (): Promise<number[]> =>
    (await recordsOf(storage, Kind.Session)).map(({ value }) => record.readSession(value).number);
  const before = await numbers();
  const broker = await createTestBroker({ storage });
  await arrive(broker, 'dan', { clean: false });
  await broker.settle();
  const added = (await numbers()).filter((number) => !before.includes(number));
  assert.equal(added.length, 1);
  assert.ok(added[0]! > Math.max(...before));
});

test('what is read is told in one line: how much of what, and how long it took', async () => {
  const lines: { readonly fields: object; readonly message: string }[] = [];
  const log: Log = { debug: () => {}, warn: () => {}, error: () => {}, info: (fields, message) => lines.push({ fields, message }) };
  await createTestBroker({ storage: await stored(), log });
  assert.equal(lines.length, 1);
  assert.equal(lines[0]!.message, 'the store is read');
  const { took } = lines[0]!.fields as { took: Record<string, string> };
  assert.deepEqual(
    Object.entries(took).map(([what, says]) => `${what} ${says.split(' ')[0]}`),
    ['sessions 2', 'subscriptions apart 2', 'retained 2', 'wills 2', 'ended 0'],
  );
  const nothing: string[] = [];
  await createTestBroker({ storage: new MemoryStorage(), log: { ...log, info: (_, message) => nothing.push(message) } });
  assert.deepEqual(nothing, []);
});

test('of what was stored every kind is known', async () => {
  const { Format, Sequence, ...others } = await inventory(await stored());
  assert.deepEqual([Format, Sequence], [1, 1]);
  assert.deepEqual(others, { Session: 2, Subscription: 2, Delivery: 10, Retained: 2, Will: 2 });
});
