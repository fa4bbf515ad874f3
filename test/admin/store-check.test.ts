/** Check: what a broker leaves is sound, and whatever is broken, missing or strange is named. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { mustBeOfThisVersion } from '../../src/admin/store/check.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as parcels from '../../src/broker/parcel-record.js';
import * as record from '../../src/broker/records.js';
import { createTestBroker, MemoryStorage } from '../../src/testing.js';
import { arrive, arrive5, comeBack, having, puback } from '../conversations/client.js';
import { recordsOf } from '../conversations/store.js';
import { runs } from '../util/runs.js';
import { anyStory, stock } from './stock.js';
import { checked, keysOf } from './text.js';

/** Two sessions, `ann` of number 1 and `bob` of number 2, and three messages for both, of which the last expires. */
async function soundStore(): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  for (const name of ['ann', 'bob']) (await (await arrive(broker, name, { clean: false })).subscribe('#', 1)).leave();
  const cy = await arrive5(broker, 'cy');
  for (const payload of ['1', '2']) cy.publish('a', payload, { qos: 1, version: 5 });
  cy.publish('b', '3', having({ messageExpiryInterval: 60 }, { qos: 1, retain: true }));
  await broker.settle();
  return storage;
}

test('a store is sound whatever clients have done to its broker', async () => {
  await fc.assert(
    fc.asyncProperty(anyStory, async (story) => {
      const storage = new MemoryStorage();
      await stock(storage, story);
      assert.deepEqual((await checked(storage)).damages, []);
    }),
    runs(8),
  );
});

test('what there is is counted, and the largest queues are named', async () => {
  const { check } = await checked(await soundStore());
  assert.equal(check.damages, 0);
  const counts = [...check.sums].map(([kind, { records }]) => [kind, records]);
  assert.deepEqual(counts, [
    [Kind.Format, 1],
    [Kind.Sequence, 1],
    [Kind.Session, 2],
    [Kind.Subscription, 2],
    [Kind.Delivery, 6],
    [Kind.Body, 3],
    [Kind.Expiry, 2],
    [Kind.Retained, 1],
  ]);
  const sizes = { records: 3, bytes: 9 + 9 + 14 };
  assert.deepEqual(check.queued, { records: 6, bytes: sizes.bytes * 2 });
  assert.deepEqual(
    check.largest.map(({ clientId, records, bytes }) => ({ clientId, records, bytes })),
    [
      { clientId: 'ann', ...sizes },
      { clientId: 'bob', ...sizes },
    ],
  );
});

interface Case {
  readonly what: string;
  /** Puts and deletes; @returns the keys that must be named, in order. */
  readonly harm: (storage: MemoryStorage) => Promise<readonly Buffer[]> | readonly Buffer[];
  readonly says: RegExp;
}

const granted = { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined } as const;
const nobody = keys.deliveryKey(9, 3, 5, false);
const damages: readonly Case[] = [
  {
    what: 'a session that cannot be read, with all that is of it',
    harm: async (storage) => {
      const key = keys.key(Kind.Session, 'ann');
      storage.put(key, Buffer.alloc(5));
      const subscription = keys.subscriptionKey(1, 'a');
      storage.put(subscription, record.writeSubscription(granted));
      const [delivery] = await keysOf(storage, Kind.Delivery);
      return [key, subscription, delivery!];
    },
    says: /shorter than its fields.*no session of number 1.*no session of number 1, and there are 3 records like this one/s,
  },
  {
    what: 'a number that two sessions have',
    harm: (storage) => {
      storage.put(
        keys.key(Kind.Session, 'dan'),
        record.writeSession({ number: 1, createdAt: 0, expiryInterval: 1, expiresAt: 0, isConnected: false }, []),
      );
      return [keys.key(Kind.Session, 'dan')];
    },
    says: /that of another session/,
  },
  {
    what: 'a number that would be given again',
    harm: (storage) => {
      storage.put(
        keys.key(Kind.Session, 'dan'),
        record.writeSession({ number: 1e9, createdAt: 0, expiryInterval: 1, expiresAt: 0, isConnected: false }, []),
      );
      return [keys.key(Kind.Session, 'dan')];
    },
    says: /number 1000000000 is above 65536/,
  },
  {
    what: 'a Client Identifier that is no UTF-8',
    harm: (storage) => {
      const key = Buffer.of(Kind.Session, 0xff);
      storage.put(key, record.writeSession({ number: 9, createdAt: 0, expiryInterval: 1, expiresAt: 0, isConnected: false }, []));
      return [key];
    },
    says: /no UTF-8/,
  },
  {
    what: 'a session that is over and is there',
    harm: (storage) => {
      storage.put(keys.numberKey(Kind.Ended, 1), record.NOTHING);
      return [keys.numberKey(Kind.Ended, 1)];
    },
    says: /said to be over/,
  },
  {
    what: 'records of a session that is not there',
    harm: (storage) => {
      const subscription = keys.subscriptionKey(9, 'a');
      storage.put(subscription, record.writeSubscription(granted));
      storage.put(keys.noteKey(Kind.Sent, 9, 3), record.writeSent(1));
      storage.put(keys.noteKey(Kind.Released, 9, 3), record.writePacketIds([1]));
      storage.put(keys.receivedKey(9, 1), record.NOTHING);
      return [subscription, keys.noteKey(Kind.Sent, 9, 3), keys.noteKey(Kind.Released, 9, 3), keys.receivedKey(9, 1)];
    },
    says: /no session of number 9/,
  },
  {
    what: 'a subscription to what is no Topic Filter',
    harm: (storage) => {
      const key = keys.subscriptionKey(1, 'a/#/b');
      storage.put(key, record.writeSubscription(granted));
      return [key];
    },
    says: /no Topic Filter/,
  },
  {
    what: 'a subscription in the record of its session, to what is no Topic Filter',
    harm: async (storage) => {
      const key = keys.key(Kind.Session, 'ann');
      const session = record.readSession((await storage.get(key))!);
      storage.put(key, record.writeSession(session, [granted, { ...granted, filter: 'a/#/b' }]));
      return [key];
    },
    says: /no Topic Filter/,
  },
  {
    what: 'a message that is not there, for everybody who waits for it',
    harm: async (storage) => {
      const [body] = await keysOf(storage, Kind.Body);
      storage.delete(body!);
      return (await keysOf(storage, Kind.Delivery)).filter((key) => keys.placeOf(key).sequence === keys.numberOf(body!));
    },
    says: /is not there.*is not there/s,
  },
  {
    what: 'a message that is cut short',
    harm: async (storage) => {
      const [body] = await keysOf(storage, Kind.Body);
      storage.put(body!, (await storage.get(body!))!.subarray(0, -1));
      return [body!];
    },
    says: /no PUBLISH/,
  },
  {
    what: 'a delivery under the key of another',
    harm: async (storage) => {
      const [first, second] = await keysOf(storage, Kind.Delivery);
      storage.put(second!, (await storage.get(first!))!);
      return [second!];
    },
    says: /that of another/,
  },
  {
    what: 'a key that is too short, or too long',
    harm: (storage) => {
      const damaged = [nobody.subarray(0, 4), Buffer.concat([keys.numberKey(Kind.Body, 3), Buffer.of(0)]), Buffer.of(Kind.Expiry, 1)];
      for (const key of damaged) storage.put(key, record.NOTHING);
      return damaged;
    },
    says: /4 bytes in place of 18.*8 bytes in place of 7.*2 bytes in place of 23/s,
  },
  {
    what: 'a retained message under the name of another topic',
    harm: async (storage) => {
      storage.put(keys.key(Kind.Retained, 'x'), (await storage.get(keys.key(Kind.Retained, 'b')))!);
      return [keys.key(Kind.Retained, 'x')];
    },
    says: /another topic/,
  },
  {
    what: 'a Will that cannot be read',
    harm: (storage) => {
      storage.put(keys.key(Kind.Will, 'ann'), Buffer.alloc(30));
      return [keys.key(Kind.Will, 'ann')];
    },
    says: /no PUBLISH/,
  },
  {
    what: 'records of no kind',
    harm: (storage) => {
      const keys = [Buffer.of(0), Buffer.of(0x11, 1), Buffer.of(0xff, 0xff)];
      for (const key of keys) storage.put(key, record.NOTHING);
      return keys;
    },
    says: /of no kind/,
  },
];

describe('check names', () => {
  for (const { what, harm, says } of damages) {
    it(what, async () => {
      const storage = await soundStore();
      const keys = await harm(storage);
      await storage.commit();
      const { check, damages } = await checked(storage);
      assert.deepEqual(
        damages.map((line) => line.slice(0, line.indexOf(' '))),
        keys.map((key) => key.toString('hex')),
      );
      assert.equal(check.damages, keys.length);
      assert.match(damages.join('\n'), says);
    });
  }
});

/** A session, `ann` of number 1, for whom three messages waited in one record; the second is over. */
async function parcelStore(): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage });
  (await (await arrive(broker, 'ann', { clean: false })).subscribe('#', 1)).leave();
  const cy = await arrive(broker, 'cy');
  for (const payload of ['1', '22', '333']) cy.publish('a', payload, { qos: 1 });
  await broker.settle();
  const ann = await comeBack(broker, 'ann');
  await ann.take();
  await ann.send(puback(2)).expect();
  return storage;
}

test('of a parcel what is not over is counted', async () => {
  const { check, damages } = await checked(await parcelStore());
  assert.deepEqual(damages, []);
  assert.deepEqual(check.queued, { records: 2, bytes: 8 + 10 });
  assert.deepEqual(
    check.largest.map(({ clientId, records, bytes }) => ({ clientId, records, bytes })),
    [{ clientId: 'ann', records: 2, bytes: 8 + 10 }],
  );
});

interface ParcelCase {
  readonly what: string;
  /** Changes the record, which is put again under its key, or another. */
  readonly harm: (
    value: Buffer,
    bounds: readonly number[],
    place: keys.Shelved,
  ) => { readonly size?: number; readonly count?: number } | void;
  readonly says: RegExp;
}

const parcelDamages: readonly ParcelCase[] = [
  { what: 'under the key of another', harm: (_value, _bounds, { size }) => ({ size: size + 1 }), says: /that of another/ },
  { what: 'whose key says more messages than it has', harm: () => ({ count: 4 }), says: /that of another/ },
  {
    what: 'whose messages are larger than it says',
    harm: (value, _bounds, { size }) => {
      value.writeUInt32BE(size - 1, 8);
      return { size: size - 1 };
    },
    says: /another size/,
  },
  { what: 'that says it has more messages than there may be', harm: (value) => void (value[1] = 33), says: /has 33 messages/ },
  {
    what: 'with a length that is wrong',
    harm: (value, [, second]) => void value[second! + 3]!++,
    says: /does not end where its last message does/,
  },
  {
    what: 'whose messages are in no order',
    harm: (value, [first, second]) => void value.copy(value, second! + 7, first! + 7, first! + 13),
    says: /no order/,
  },
  { what: 'with a message that is apart', harm: (value, [, second]) => void (value[second! + 4]! |= 8), says: /is apart/ },
];

describe('check names a parcel', () => {
  for (const { what, harm, says } of parcelDamages) {
    it(what, async () => {
      const storage = await parcelStore();
      const [entry] = await recordsOf(storage, Kind.Delivery);
      const { key, value } = entry!;
      const place = keys.placeOf(key);
      const copy = Buffer.from(value);
      const { size, count, number, sequence, isApart } = { ...place, ...harm(copy, parcels.readParcel(value).bounds, place) };
      storage.delete(key);
      storage.put(keys.deliveryKey(number, sequence, size, isApart, count), copy);
      await storage.commit();
      const { damages } = await checked(storage);
      assert.equal(damages.length, 1);
      assert.match(damages[0]!, says);
    });
  }

  for (const { what, note } of [
    { what: 'of which more is over than it has', note: { bits: 0b1010, size: 9 } },
    { what: 'of which others are over than their size says', note: { bits: 0b011, size: 9 } },
  ]) {
    it(what, async () => {
      const storage = await parcelStore();
      const [key] = await keysOf(storage, Kind.Settled);
      storage.put(key!, parcels.writeSettled(note));
      await storage.commit();
      assert.match((await checked(storage)).damages.join(), /what is said to be over is not what it has/);
    });
  }
});

test('a note of what is over of a parcel is named where it cannot be read, and left over where there is no such parcel', async () => {
  const storage = await parcelStore();
  const [note] = await keysOf(storage, Kind.Settled);
  const value = (await storage.get(note!))!;
  for (const sequence of [1, 2, 60_000]) storage.put(keys.noteKey(Kind.Settled, 1, sequence), value);
  storage.put(keys.noteKey(Kind.Settled, 9, 1), value);
  await storage.commit();
  const { check, damages } = await checked(storage);
  assert.deepEqual(damages, [`${keys.noteKey(Kind.Settled, 9, 1).toString('hex')} there is no session of number 9`]);
  assert.equal(check.leftovers.records, 3);
  storage.put(note!, value.subarray(1));
  await storage.commit();
  assert.match((await checked(storage)).damages.join(), new RegExp(`${note!.toString('hex')} a record is shorter than its fields`));
});

test('what is left over is counted and is no damage', async () => {
  const storage = await soundStore();
  const place = keys.placeOf((await keysOf(storage, Kind.Delivery))[0]!);
  storage.put(keys.numberKey(Kind.Body, 2), (await storage.get((await keysOf(storage, Kind.Body))[0]!))!);
  storage.put(keys.noteKey(Kind.Sent, 1, 2), record.writeSent(1));
  storage.put(keys.noteKey(Kind.Sent, 1, place.sequence), record.writeSent(1));
  storage.put(keys.expiryKey(5, 1, 2, place.size, false), record.NOTHING);
  storage.put(keys.numberKey(Kind.Ended, 9), record.NOTHING);
  storage.put(keys.receivedKey(9, 1), record.NOTHING);
  await storage.commit();
  const { check, damages } = await checked(storage);
  assert.deepEqual(damages, []);
  // All but the record of a delivery that is there.
  assert.equal(check.leftovers.records, 5);
});

test('a store of another version, or of none, is not looked at', async () => {
  const storage = await soundStore();
  await mustBeOfThisVersion(storage);
  storage.put(keys.key(Kind.Format), Buffer.of(9));
  await storage.commit();
  await assert.rejects(mustBeOfThisVersion(storage), { message: 'the records of the store are of version 9, this PosMQ reads version 4' });
  await assert.rejects(mustBeOfThisVersion(new MemoryStorage()), {
    message: 'the store says no version of its records: no PosMQ has used it',
  });
});
