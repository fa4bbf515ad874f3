/** Export and import: what goes out comes back, whatever a broker has left in its store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as parcels from '../../src/broker/parcel-record.js';
import * as record from '../../src/broker/records.js';
import { Message } from '../../src/session/message.js';
import { LevelStorage } from '../../src/storage/level.js';
import { createTestBroker, MemoryStorage, Publish } from '../../src/testing.js';
import { arrive, arrive5, comeBack, having, puback, publish } from '../conversations/client.js';
import { ownFolder } from '../util/folder.js';
import { runs } from '../util/runs.js';
import { anyStory, served, stock } from './stock.js';
import { checked, exported, imported, keysOf } from './text.js';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test('what was exported and imported is exported again as the same lines, and is sound', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, fc.integer({ min: 1, max: 300 }), async (story, piece) => {
      const storage = new MemoryStorage();
      await stock(storage, story);
      assert.deepEqual((await checked(storage)).damages, []);
      const { text, leftOut } = await exported(storage);
      assert.deepEqual(leftOut, []);
      const copy = await imported(text, new MemoryStorage(), piece);
      assert.equal((await exported(copy)).text, text);
      const { check, damages } = await checked(copy);
      assert.deepEqual(damages, []);
      assert.equal(check.leftovers.records, 0);
    }),
    runs(16),
  );
});

test('a broker on an imported store serves every client as one on the store it came from', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, async (story) => {
      const storage = new MemoryStorage();
      await stock(storage, story);
      const copy = await imported((await exported(storage)).text);
      assert.deepEqual(await served(copy), await served(storage));
    }),
    runs(10),
  );
});

test('the same holds on disk', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, async (story) => {
      const memory = new MemoryStorage();
      await stock(memory, story);
      const { text } = await exported(memory);
      const level = await LevelStorage.open(ownFolder(), { sync: false, minFreeDisk: 0, log: silent });
      try {
        await imported(text, level);
        assert.equal((await exported(level)).text, text);
      } finally {
        await level.close();
      }
    }),
    runs(4),
  );
});

/** The lines of a store, as objects, without its first and last. */
async function linesIn(storage: MemoryStorage): Promise<readonly object[]> {
  const { text } = await exported(storage);
  const lines = text.trimEnd().split('\n');
  assert.deepEqual([lines.at(0), lines.at(-1)], ['{"posmq":"store","format":2}', '{"posmq":"end"}']);
  return lines.slice(1, -1).map((line) => JSON.parse(line) as object);
}

test('the lines say everything in the words of MQTT, each message once', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const will = { topic: 'w', payload: Buffer.of(0xff), qos: 1 as const, retain: true, properties: { willDelayInterval: 5 } };
  const ann = await arrive5(broker, 'ann', { will, username: 'anna', properties: { sessionExpiryInterval: 60 } });
  const bob = await arrive(broker, 'bob', { clean: false });
  await ann.subscribe('#', 2);
  await bob.subscribe('#', 1);
  bob.leave();
  ann.publish('a', 'text', having({ messageExpiryInterval: 10, correlationData: Buffer.from('c') }, { qos: 2, retain: true, packetId: 7 }));
  ann.publish('b', 'x', { qos: 1, version: 5, packetId: 8 });
  await broker.settle();
  const now = new Date(broker.now);
  const inSeconds = (seconds: number): string => new Date(broker.now + seconds * 1_000).toISOString();
  const common = { noLocal: false, retainAsPublished: false };
  const a = {
    topic: 'a',
    payload: 'text',
    qos: 2,
    retain: true,
    properties: { messageExpiryInterval: 10, correlationData: 'Yw==' },
    expiresAt: inSeconds(10),
    publisher: 'ann',
  };
  assert.deepEqual(await linesIn(storage), [
    {
      type: 'session',
      clientId: 'ann',
      createdAt: now.toISOString(),
      expiryInterval: 60,
      isConnected: true,
      subscriptions: [{ filter: '#', qos: 2, ...common }],
      received: [7],
    },
    {
      type: 'session',
      clientId: 'bob',
      createdAt: now.toISOString(),
      expiryInterval: 2_592_000,
      expiresAt: inSeconds(2_592_000),
      subscriptions: [{ filter: '#', qos: 1, ...common }],
    },
    { type: 'message', order: 3, message: a },
    { type: 'message', order: 4, message: { topic: 'b', payload: 'x', qos: 1, retain: false, properties: {}, publisher: 'ann' } },
    { type: 'queued', clientId: 'ann', order: 3, qos: 2, retain: false, packetId: 1 },
    { type: 'queued', clientId: 'ann', order: 4, qos: 1, retain: false, packetId: 2 },
    { type: 'queued', clientId: 'bob', order: 3, qos: 1, retain: false },
    { type: 'queued', clientId: 'bob', order: 4, qos: 1, retain: false },
    { type: 'retained', message: a },
    {
      type: 'will',
      clientId: 'ann',
      username: 'anna',
      expiryInterval: 60,
      will: { topic: 'w', payloadBase64: '/w==', qos: 1, retain: true, properties: { willDelayInterval: 5 } },
    },
  ]);
});

test('a payload is text where it is UTF-8 and not long, base64 elsewhere, and comes back byte by byte', async () => {
  const payloads = [
    { bytes: Buffer.from('ü\u{1f600}\u2028\0"\n'), form: 'payload' },
    { bytes: Buffer.from('\ufeffwith a byte order mark'), form: 'payload' },
    { bytes: Buffer.alloc(0), form: 'payload' },
    { bytes: Buffer.alloc(1 << 20, 'x'), form: 'payload' },
    { bytes: Buffer.alloc((1 << 20) + 1, 'x'), form: 'payloadBase64' },
    { bytes: Buffer.from([0xed, 0xa0, 0x80]), form: 'payloadBase64' },
  ];
  for (const { bytes, form } of payloads) {
    const storage = new MemoryStorage();
    const origin = Publish.of({ topic: 'a', payload: bytes, qos: 1, retain: true });
    storage.put(keys.key(Kind.Retained, 'a'), record.writeMessage(new Message(origin, undefined, Infinity)));
    await storage.commit();
    const [line] = (await linesIn(storage)) as { message: object }[];
    assert.ok(form in line!.message, form);
    const copy = await imported((await exported(storage)).text);
    assert.ok(record.readMessage((await copy.get(keys.key(Kind.Retained, 'a')))!).payload.equals(bytes));
  }
});

test('a broker goes on behind the numbers of an import: nothing new comes before what waits, or takes its place', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const ann = await arrive(broker, 'ann');
  for (const name of ['bob', 'cy']) (await (await arrive(broker, name, { clean: false })).subscribe('#', 1)).leave();
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 1 });
  await broker.settle();
  const again = await createTestBroker({ storage: await imported((await exported(storage)).text) });
  const eve = await arrive(again, 'eve', { clean: false });
  await eve.subscribe('#', 1);
  (await arrive(again, 'dan')).publish('a', '4', { qos: 1 });
  await eve.expect(publish('a', '4', { qos: 1, packetId: 1 }));
  for (const name of ['bob', 'cy']) {
    assert.deepEqual(await (await comeBack(again, name)).payloads(), ['1', '2', '3', '4'], name);
  }
});

test('of a parcel what is over is not exported, and one message that cannot be read costs no other', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  (await (await arrive(broker, 'bob', { clean: false })).subscribe('#', 1)).leave();
  const ann = await arrive(broker, 'ann');
  for (const payload of ['1', '2', '3', '4']) ann.publish('a', payload, { qos: 1 });
  await broker.settle();
  const bob = await comeBack(broker, 'bob');
  await bob.take();
  await bob.send(puback(2)).expect();
  bob.hangUp();
  await broker.settle();
  const [parcel, ...others] = await keysOf(storage, Kind.Delivery);
  assert.equal(others.length, 0);
  const value = Buffer.from((await storage.get(parcel!))!);
  const { bounds } = parcels.readParcel(value);
  for (const i of [1, 2]) value[bounds[i]! + 4]! |= 6;
  storage.put(parcel!, value);
  await storage.commit();
  const { text, leftOut } = await exported(storage);
  assert.deepEqual(leftOut, [`${parcel!.toString('hex')} a record has QoS 3`]);
  const again = await createTestBroker({ storage: await imported(text) });
  const dup = { qos: 1, dup: true } as const;
  await (await comeBack(again, 'bob')).expect(publish('a', '1', { ...dup, packetId: 1 }), publish('a', '4', { ...dup, packetId: 4 }));
});

test('what was in flight when it was exported does not expire in the queue of a broker on the import', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, maxInflight: 1 });
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('#', 2);
  const ann = await arrive5(broker, 'ann');
  for (const payload of ['1', '2']) ann.publish('a', payload, having({ messageExpiryInterval: 5 }, { qos: 2 }));
  assert.deepEqual(await bob.payloads(), ['1']);
  const again = await createTestBroker({ storage: await imported((await exported(storage)).text), maxInflight: 1 });
  await again.settle();
  for (let i = 0; i < 8; i++) {
    again.advance(1_000);
    await again.settle();
  }
  assert.equal(again.broker.stats.dropped['message-expired'], 1);
  await (await comeBack(again, 'bob')).expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }));
});

test('an empty store is exported and imported', async () => {
  const storage = new MemoryStorage();
  await createTestBroker({ storage });
  const { text } = await exported(storage);
  assert.equal(text, '{"posmq":"store","format":2}\n{"posmq":"end"}\n');
  assert.equal((await exported(await imported(text))).text, text);
});

test('what cannot be read is named and left out, and the rest is exported as it is', async () => {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  const ann = await arrive(broker, 'ann');
  for (const name of ['bob', 'cy']) (await (await arrive(broker, name, { clean: false })).subscribe('#', 1)).leave();
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 1, retain: true });
  await broker.settle();
  const [first, , third] = await keysOf(storage, Kind.Body);
  const [delivery] = await keysOf(storage, Kind.Delivery);
  storage.put(first!, Buffer.of(1, 2, 3));
  storage.delete(third!);
  storage.put(delivery!, Buffer.alloc(0));
  storage.put(keys.key(Kind.Retained, 'z'), Buffer.alloc(20));
  storage.put(keys.key(Kind.Session, 'zed'), Buffer.alloc(3));
  await storage.commit();
  const { text, leftOut } = await exported(storage);
  assert.equal(leftOut.length, 7);
  for (const named of [first!, delivery!, keys.key(Kind.Retained, 'z'), keys.key(Kind.Session, 'zed')]) {
    assert.ok(leftOut.some((line) => line.startsWith(`${named.toString('hex')} `)));
  }
  const copy = await imported(text);
  assert.deepEqual((await checked(copy)).damages, []);
  const again = await createTestBroker({ storage: copy });
  for (const name of ['bob', 'cy']) assert.deepEqual(await (await comeBack(again, name)).payloads(), ['2']);
});
