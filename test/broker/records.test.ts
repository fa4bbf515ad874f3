/** Records: what is written is what is read, keys lie where a restart looks for them, and what is damaged is said to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as parcels from '../../src/broker/parcel-record.js';
import * as record from '../../src/broker/records.js';
import type { QoS, Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { PLAIN } from '../../src/session/contracts.js';
import { Delivery } from '../../src/session/inflight.js';
import { Message } from '../../src/session/message.js';
import { MAX_DELIVERIES, Parcel } from '../../src/session/parcel.js';
import { MAX_PACKET_IDS } from '../../src/session/release.js';
import { anyString } from '../util/any-string.js';
import { runs } from '../util/runs.js';

const name = anyString();
const qos = fc.constantFrom<QoS>(0, 1, 2);
const packetId = fc.integer({ min: 1, max: 65_535 });
/** Also those where one half of the 48 bits is full, or a sign could be seen. */
const number = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 48 - 2 }), fc.constantFrom(0x7fff_ffff, 0xffff_ffff, 2 ** 48 - 2));
const size = fc.oneof(fc.nat(1_000), fc.constantFrom(0, 268_435_460, 0x7fff_ffff));
const identifier = fc.integer({ min: 1, max: 268_435_455 });
const moment = fc.oneof(fc.constant(Infinity), fc.integer({ min: 0 }), fc.double({ min: 0, noNaN: true }));
const place = fc.record({ number, sequence: number, size, isApart: fc.boolean() }, { noNullPrototype: true });

const anyKey = fc.oneof(
  fc.tuple(fc.constantFrom(Kind.Session, Kind.Retained, Kind.Will), name).map(([kind, name]) => ({ kind, key: keys.key(kind, name) })),
  fc.constantFrom(Kind.Format, Kind.Sequence).map((kind) => ({ kind, key: keys.key(kind) })),
  fc.tuple(fc.constantFrom(Kind.Ended, Kind.Body), number).map(([kind, number]) => ({ kind, key: keys.numberKey(kind, number) })),
  fc.tuple(number, name).map(([number, filter]) => ({ kind: Kind.Subscription, key: keys.subscriptionKey(number, filter) })),
  place.map(({ number, sequence, size, isApart }) => ({ kind: Kind.Delivery, key: keys.deliveryKey(number, sequence, size, isApart) })),
  fc
    .tuple(fc.constantFrom(Kind.Sent, Kind.Settled, Kind.Released), number, number)
    .map(([kind, number, sequence]) => ({ kind, key: keys.noteKey(kind, number, sequence) })),
  fc.tuple(number, packetId).map(([number, packetId]) => ({ kind: Kind.Received, key: keys.receivedKey(number, packetId) })),
  fc.tuple(moment, place).map(([at, { number, sequence, size, isApart }]) => ({
    kind: Kind.Expiry,
    key: keys.expiryKey(at, number, sequence, size, isApart),
  })),
);

const isIn = (key: Buffer, { from, to }: keys.Range): boolean => Buffer.compare(from, key) <= 0 && Buffer.compare(key, to) < 0;

test('a key gives back what it was made of', () => {
  fc.assert(
    fc.property(name, place, packetId, (name, place, packetId) => {
      const { number, sequence, size, isApart } = place;
      const clean = Buffer.from(name).toString();
      assert.equal(keys.nameOf(keys.key(Kind.Session, name)), clean);
      assert.equal(keys.numberOf(keys.numberKey(Kind.Body, number)), number);
      assert.equal(keys.numberOf(keys.subscriptionKey(number, name)), number);
      assert.equal(keys.filterOf(keys.subscriptionKey(number, name)), clean);
      assert.deepEqual(keys.placeOf(keys.deliveryKey(number, sequence, size, isApart)), { ...place, count: 1 });
      assert.deepEqual(keys.placeOf(keys.deliveryKey(number, sequence, size, isApart, 32)), { ...place, count: 32 });
      assert.deepEqual(keys.placeOfExpiry(keys.expiryKey(1, number, sequence, size, isApart)), place);
      assert.equal(keys.sequenceOf(keys.noteKey(Kind.Sent, number, sequence)), sequence);
      assert.equal(keys.packetIdOf(keys.receivedKey(number, packetId)), packetId);
    }),
  );
});

test('every key lies in the range of its kind and of no other', () => {
  fc.assert(
    fc.property(anyKey, ({ kind, key }) => {
      assert.deepEqual(
        Object.values(Kind).filter((other) => isIn(key, keys.rangeOf(other))),
        [kind],
      );
    }),
  );
});

test('what is of one session lies in the range of its number, and of no other number', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...keys.KINDS_OF_A_SESSION),
      number,
      number,
      number,
      packetId,
      (kind, number, other, sequence, packetId) => {
        const key = {
          [Kind.Subscription]: () => keys.subscriptionKey(number, 'a/b'),
          [Kind.Delivery]: () => keys.deliveryKey(number, sequence, 1, false),
          [Kind.Sent]: () => keys.noteKey(Kind.Sent, number, sequence),
          [Kind.Settled]: () => keys.noteKey(Kind.Settled, number, sequence),
          [Kind.Released]: () => keys.noteKey(Kind.Released, number, sequence),
          [Kind.Received]: () => keys.receivedKey(number, packetId),
        }[kind]();
        assert.equal(isIn(key, keys.rangeOfNumber(kind, number)), true);
        assert.equal(isIn(key, keys.rangeOfNumber(kind, other)), other === number);
      },
    ),
  );
});

test('deliveries of one session lie in the order of their sequences, and behind a sequence are those above it', () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      const keyOf = ({ sequence, size, isApart }: keys.Place): Buffer => keys.deliveryKey(a.number, sequence, size, isApart);
      fc.pre(a.sequence !== b.sequence);
      assert.equal(Math.sign(Buffer.compare(keyOf(a), keyOf(b))), Math.sign(a.sequence - b.sequence));
      assert.equal(isIn(keyOf(b), keys.rangeBehind(a.number, a.sequence)), b.sequence > a.sequence);
      assert.equal(isIn(keyOf(a), keys.rangeBehind(a.number, a.sequence)), false);
    }),
  );
});

test('what has expired is what expires up to now, and what never does is not among it', () => {
  const time = fc.integer({ min: 0, max: 2 ** 47 });
  fc.assert(
    fc.property(time, time, place, (at, now, { number, sequence, size, isApart }) => {
      const { from, to } = keys.rangeOfExpired(now);
      assert.equal(isIn(keys.expiryKey(at, number, sequence, size, isApart), { from, to }), at <= now);
      assert.equal(isIn(keys.expiryKey(Infinity, number, sequence, size, isApart), { from, to }), false);
    }),
  );
});

test('the first key after another has nothing before it', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const [key, other] = [Buffer.from(a), Buffer.from(b)];
      fc.pre(Buffer.compare(key, other) < 0);
      assert.ok(Buffer.compare(key, keys.after(key)) < 0);
      assert.ok(Buffer.compare(keys.after(key), other) <= 0);
    }),
  );
});

const filter = fc.string({ unit: 'grapheme', maxLength: 80 }).filter((text) => Buffer.byteLength(text) <= 255);
const anySubscription = fc.record(
  { filter, qos, noLocal: fc.boolean(), retainAsPublished: fc.boolean(), identifier: fc.option(identifier, { nil: undefined }) },
  { noNullPrototype: true },
);

test('a session is read as it was written, also one that never expires, and the subscriptions within it', () => {
  const seconds = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);
  const anySession = fc.record(
    { number, createdAt: moment, expiryInterval: seconds, expiresAt: moment, isConnected: fc.boolean() },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anySession, fc.array(anySubscription, { maxLength: 16 }), (session, subscriptions) => {
      const value = record.writeSession(session, subscriptions);
      assert.deepEqual(record.readSession(value), session);
      assert.deepEqual([...record.subscriptionsWithin(value)], subscriptions);
    }),
  );
});

test('of a session that is cut short the subscriptions before that are read', () => {
  const session = { number: 1, createdAt: 0, expiryInterval: 0, expiresAt: 0, isConnected: false };
  const value = record.writeSession(session, [granted, granted]);
  const lengths = [0, 1, 2].map(
    (count) =>
      record.writeSession(
        session,
        Array.from({ length: count }, () => granted),
      ).length,
  );
  for (let end = lengths[0]!; end < value.length; end++) {
    const read: unknown[] = [];
    const readAll = (): void => {
      for (const subscription of record.subscriptionsWithin(value.subarray(0, end))) read.push(subscription);
    };
    if (lengths.includes(end)) readAll();
    else assert.throws(readAll, record.RecordError, `${end} of ${value.length} bytes`);
    assert.equal(read.length, lengths.filter((length) => length <= end).length - 1);
  }
});

test('a subscription, a number and packet identifiers are read as they were written', () => {
  const packetIds = fc.array(packetId, { minLength: 1, maxLength: MAX_PACKET_IDS });
  fc.assert(
    fc.property(anySubscription, packetId, packetIds, number, (subscription, packetId, packetIds, number) => {
      assert.deepEqual(record.readPacketIds(record.writePacketIds(packetIds)), packetIds);
      assert.deepEqual(record.readSubscription(record.writeSubscription(subscription), subscription.filter), subscription);
      assert.equal(record.readSent(record.writeSent(packetId)), packetId);
      assert.equal(record.readNumber(record.writeNumber(number)), number);
    }),
  );
});

const anyExtras = fc.record(
  {
    identifiers: fc.option(fc.array(identifier, { minLength: 1, maxLength: 5 }), { nil: undefined }),
    share: fc.constantFrom(undefined, '$share/group/a/b', '$share/группа/#'),
  },
  { noNullPrototype: true },
);

const anyOrigin = fc
  .record({
    qos,
    retain: fc.boolean(),
    packetId,
    payload: fc.uint8Array({ maxLength: 300 }),
    version: fc.constantFrom<Version>(4, 5),
    properties: fc.constantFrom(undefined, { contentType: 'text', userProperties: [['a', 'b']] as const }),
  })
  .map((fields) => Publish.of({ topic: 'a/b', ...fields }));

/** A message as it stands in the middle of a read: with other bytes around it. */
const anyMessage = fc
  .record({ origin: anyOrigin, publisher: fc.option(name, { nil: undefined }), expiresAt: moment, margin: fc.nat(20) })
  .map(({ origin, publisher, expiresAt, margin }) => {
    const bytes = Buffer.from(origin.bytes.subarray(origin.start, origin.end)); // which shrinking may have placed before
    origin.bytes = Buffer.concat([Buffer.alloc(margin, 0xaa), bytes, Buffer.alloc(margin, 0xbb)]);
    origin.start = margin;
    origin.end = margin + bytes.length;
    return { bytes, message: new Message(origin, publisher, expiresAt) };
  });

function mustBe(read: Message, { bytes, message }: { readonly bytes: Buffer; readonly message: Message }): void {
  assert.equal(read.publisher, message.publisher === undefined ? undefined : Buffer.from(message.publisher).toString());
  assert.equal(read.expiresAt, message.expiresAt);
  assert.deepEqual(Buffer.from(read.origin.bytes.subarray(read.origin.start, read.origin.end)), bytes);
  assert.equal(read.origin.version, message.origin.version);
  assert.deepEqual(read.properties, message.origin.version === 5 ? message.properties : undefined);
}

test('a message is written from where it stands, and read with its publisher and its end', () => {
  fc.assert(fc.property(anyMessage, (written) => mustBe(record.readMessage(record.writeMessage(written.message)), written)));
});

test('a delivery is read as it was written: with its message, or without where that is apart', () => {
  fc.assert(
    fc.property(anyMessage, qos, fc.boolean(), fc.nat(65_535), number, anyExtras, (written, qos, retain, packetId, sequence, extras) => {
      const delivery = Object.assign(new Delivery(written.message, qos, retain, extras, written.bytes.length), { packetId, sequence });
      const { message, ...rest } = record.readDelivery(record.writeDelivery(delivery, false));
      assert.deepEqual(rest, { sequence, qos, retain, packetId, extras });
      mustBe(message!, written);
      assert.deepEqual(record.readDelivery(record.writeDelivery(delivery, true)), { ...rest, message: undefined });
    }),
  );
});

/** Deliveries of a parcel, in the order of their sequences. */
const anyParcel = fc
  .array(fc.record({ written: anyMessage, qos, retain: fc.boolean(), packetId: fc.nat(65_535), extras: anyExtras, gap: fc.nat(3) }), {
    minLength: 1,
    maxLength: MAX_DELIVERIES,
  })
  .map((all) => {
    let sequence = 0;
    const deliveries = all.map(({ written, qos, retain, packetId, extras, gap }) => {
      sequence += 1 + gap * 0x1_0000_0000;
      return Object.assign(new Delivery(written.message, qos, retain, extras, written.bytes.length), { packetId, sequence });
    });
    const bytes = deliveries.reduce((sum, { size }) => sum + size, 0);
    const value = parcels.writeParcel(new Parcel(1, deliveries.length, sequence, bytes), deliveries);
    return { all, deliveries, value, last: sequence, size: bytes };
  });

test('a parcel is read as it was written, each of its deliveries by itself, and none that stands alone is taken for one', () => {
  fc.assert(
    fc.property(anyParcel, ({ all, deliveries, value, last, size }) => {
      assert.equal(parcels.isParcel(value), true);
      const parcel = parcels.readParcel(value);
      assert.deepEqual(
        { ...parcel, bounds: parcel.bounds.length },
        { count: deliveries.length, last, size, bounds: deliveries.length + 1 },
      );
      for (const [i, delivery] of deliveries.entries()) {
        const { message, ...rest } = parcels.readPacked(value, parcel, i);
        assert.equal(parcels.isParcel(record.writeDelivery(delivery, false)), false);
        assert.deepEqual(rest, {
          sequence: delivery.sequence,
          qos: all[i]!.qos,
          retain: all[i]!.retain,
          packetId: all[i]!.packetId,
          extras: all[i]!.extras,
        });
        mustBe(message!, all[i]!.written);
      }
    }),
  );
});

test('whatever one byte of a parcel says in place of what it should, the others of its messages are found, in order, or none is', () => {
  fc.assert(
    fc.property(anyParcel, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ deliveries, value, last }, at, change) => {
      const harmed = Buffer.from(value);
      const harmedAt = at % value.length;
      harmed[harmedAt]! ^= change;
      const found = parcels.salvage(harmed, deliveries.length, last, 0);
      assert.equal(found.length, deliveries.length);
      const places = found.map(({ sequence }) => sequence);
      assert.ok(places.every((place, i) => i === 0 || place > places[i - 1]!) && places.at(-1)! <= last, `in order: ${places.join()}`);
      // One that is said to stand far ahead leaves the others no place.
      const { bounds } = parcels.readParcel(value);
      if (bounds.some((start) => harmedAt >= start + 7 && harmedAt < start + 13)) return;
      const strange = found.filter(({ sequence, whole }, i) => whole === undefined || sequence !== deliveries[i]!.sequence).length;
      assert.ok(strange <= 1 || found.every(({ whole }) => whole === undefined), `${strange} of ${found.length}`);
    }),
    runs(300),
  );
});

test('what is over of a parcel is read as it was written, whichever of its 32 bits are set', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 0xffff_ffff }), (bits, size) => {
      assert.deepEqual(parcels.readSettled(parcels.writeSettled({ bits, size })), { bits, size });
    }),
  );
});

for (const count of [0, MAX_DELIVERIES + 1, 255]) {
  test(`a parcel that says it has ${count} messages is refused in a sentence`, () => {
    const value = Buffer.alloc(2_000);
    value[0] = 0x80;
    value[1] = count;
    assert.throws(() => parcels.readParcel(value), { name: 'RecordError', message: `a parcel has ${count} messages` });
  });
}

test('a message no client published is read again, though it had no packet identifier', () => {
  const origin = Publish.of({ topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false });
  const { topic, payload, qos } = record.readMessage(record.writeMessage(new Message(origin, undefined, Infinity)));
  assert.deepEqual([topic, payload.toString(), qos], ['a', 'x', 2]);
});

const granted = { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined } as const;
const plainMessage = new Message(Publish.of({ topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false }), undefined, Infinity);
const will = { topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false } as const;
const values = [
  {
    name: 'a session',
    value: record.writeSession({ number: 1, createdAt: 0, expiryInterval: 0, expiresAt: 0, isConnected: false }, []),
    read: record.readSession,
  },
  {
    name: 'a subscription',
    value: record.writeSubscription(granted),
    read: (value: Buffer) => record.readSubscription(value, 'a'),
  },
  { name: 'a message', value: record.writeMessage(plainMessage), read: (value: Buffer) => record.readMessage(value) },
  {
    name: 'a delivery',
    value: record.writeDelivery(new Delivery(plainMessage, 1, false, PLAIN, plainMessage.size), true),
    read: record.readDelivery,
  },
  {
    name: 'a Will',
    value: record.writeWill({ will, username: undefined, expiryInterval: 0, dueAt: 0 }),
    read: record.readWill,
  },
  {
    name: 'a parcel',
    value: parcels.writeParcel(
      new Parcel(1, 2, 9, 1),
      [1, 2].map(() => new Delivery(plainMessage, 1, false, PLAIN, plainMessage.size)),
    ),
    read: parcels.readParcel,
  },
  { name: 'a note of what is over', value: parcels.writeSettled({ bits: 5, size: 7 }), read: parcels.readSettled },
  { name: 'a number', value: record.writeNumber(1), read: record.readNumber },
  { name: 'a packet identifier', value: record.writeSent(1), read: record.readSent },
];

test('a release has one packet identifier at least, and no more than it may', () => {
  for (const length of [0, 1, 3, 2 * MAX_PACKET_IDS + 2]) {
    assert.throws(() => record.readPacketIds(Buffer.alloc(length, 1)), { name: 'RecordError' }, `${length} bytes`);
  }
  assert.equal(record.readPacketIds(Buffer.alloc(2 * MAX_PACKET_IDS, 1)).length, MAX_PACKET_IDS);
});

for (const { name, value, read } of values) {
  test(`${name} that is cut short is refused in a sentence, wherever it is cut`, () => {
    for (let length = 0; length < value.length; length++) {
      assert.throws(() => read(value.subarray(0, length)), { name: 'RecordError' }, `${length} of ${value.length} bytes`);
    }
  });
}

test('a delivery with a QoS there is none of is refused in a sentence', () => {
  const value = record.writeDelivery(new Delivery(plainMessage, 1, false, PLAIN, plainMessage.size), true);
  value[0] = 3 << 1;
  assert.throws(() => record.readDelivery(value), { name: 'RecordError', message: 'a record has QoS 3' });
});

test('a key of a delivery of another length is refused in a sentence', () => {
  const key = keys.deliveryKey(1, 2, 3, false);
  assert.throws(() => keys.placeOf(key.subarray(0, 16)), { name: 'RecordError', message: 'the key of a delivery has 16 bytes' });
});
