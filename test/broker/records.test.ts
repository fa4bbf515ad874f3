/** Records: what is written is what is read, keys lie where a restart looks for them, and an unknown version is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as record from '../../src/broker/records.js';
import { Kind } from '../../src/broker/records.js';
import type { QoS, Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { PLAIN } from '../../src/session/contracts.js';
import { Awaiting } from '../../src/session/inflight.js';
import { Message } from '../../src/session/message.js';

const name = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
const qos = fc.constantFrom<QoS>(0, 1, 2);
const packetId = fc.integer({ min: 1, max: 65_535 });
const sequence = fc.maxSafeNat();
const identifier = fc.integer({ min: 1, max: 268_435_455 });
const moment = fc.oneof(fc.constant(Infinity), fc.integer({ min: 0 }), fc.double({ min: 0, noNaN: true }));

test('a key gives back the name it was made with and what follows it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(Kind)), name, fc.uint8Array(), (kind, name, rest) => {
      assert.deepEqual(record.partsOf(record.key(kind, name)), { name, rest: Buffer.alloc(0) });
      assert.deepEqual(record.partsOf(record.key(kind, name, Buffer.from(rest))), { name, rest: Buffer.from(rest) });
    }),
  );
});

test('every key lies in the range of its kind and of no other', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(Kind)), name, fc.uint8Array(), (kind, name, rest) => {
      const key = record.key(kind, name, Buffer.from(rest));
      const around = Object.values(Kind).filter((other) => {
        const { from, to } = record.rangeOf(other);
        return Buffer.compare(from, key) <= 0 && Buffer.compare(key, to) < 0;
      });
      assert.deepEqual(around, [kind]);
    }),
  );
});

test('keys of one session keep the order of their sequences', () => {
  fc.assert(
    fc.property(name, sequence, sequence, (name, a, b) => {
      const keyOf = (sequence: number): Buffer => record.key(Kind.Delivery, name, record.sequenceBytes(sequence));
      assert.equal(Math.sign(Buffer.compare(keyOf(a), keyOf(b))), Math.sign(a - b));
      assert.equal(record.sequenceOf(record.partsOf(keyOf(a)).rest), a);
    }),
  );
});

test('two sessions share no key, whatever their client identifiers begin with', () => {
  fc.assert(
    fc.property(name, name, sequence, sequence, (a, b, first, second) => {
      fc.pre(a !== b);
      const key = record.key(Kind.Delivery, a, record.sequenceBytes(first));
      assert.notDeepEqual(key, record.key(Kind.Delivery, b, record.sequenceBytes(second)));
    }),
  );
});

test('a session is read as it was written, also one that never expires', () => {
  const seconds = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);
  fc.assert(
    fc.property(moment, seconds, moment, (createdAt, expiryInterval, expiresAt) => {
      const session = { createdAt, expiryInterval, expiresAt };
      assert.deepEqual(record.readSession(record.writeSession(session)), session);
    }),
  );
});

const anySubscription = fc.record(
  { qos, noLocal: fc.boolean(), retainAsPublished: fc.boolean(), identifier: fc.option(identifier, { nil: undefined }) },
  { noNullPrototype: true },
);

test('a subscription and the progress of a delivery are read as they were written', () => {
  fc.assert(
    fc.property(anySubscription, packetId, fc.constantFrom(...Object.values(Awaiting)), (subscription, packetId, awaiting) => {
      assert.deepEqual(record.readSubscription(record.writeSubscription(subscription)), subscription);
      assert.deepEqual(record.readProgress(record.writeProgress(packetId, awaiting)), { packetId, awaiting });
      assert.equal(Buffer.concat([record.packetIdBytes(packetId)]).readUInt16BE(), packetId);
    }),
  );
});

const anyDelivery = fc.record(
  {
    qos,
    retain: fc.boolean(),
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

test("a message is written from where it stands, and read with its publisher, its end and what is its delivery's", () => {
  const publisher = fc.option(name, { nil: undefined });
  fc.assert(
    fc.property(anyOrigin, publisher, moment, anyDelivery, fc.nat(20), (origin, publisher, expiresAt, delivery, margin) => {
      const bytes = Buffer.from(origin.bytes);
      // As it stands in the middle of a read: with other bytes around it.
      origin.bytes = Buffer.concat([Buffer.alloc(margin, 0xaa), bytes, Buffer.alloc(margin, 0xbb)]);
      origin.start = margin;
      origin.end = margin + bytes.length;
      const { message, ...rest } = record.readMessage(
        record.writeMessage({ message: new Message(origin, publisher, expiresAt), ...delivery }),
      );
      assert.deepEqual(rest, delivery);
      assert.equal(message.publisher, publisher);
      assert.equal(message.expiresAt, expiresAt);
      assert.deepEqual(Buffer.from(message.origin.bytes.subarray(message.origin.start, message.origin.end)), bytes);
      assert.equal(message.origin.version, origin.version);
      assert.deepEqual(message.properties, origin.version === 5 ? origin.properties : undefined);
    }),
  );
});

test('a message no client published is read again, though it had no packet identifier', () => {
  const origin = Publish.of({ topic: 'a', payload: Buffer.from('x'), qos: 2, retain: false });
  const value = record.writeMessage({ message: new Message(origin, undefined, Infinity), qos: 1, retain: false, ...PLAIN });
  const { message } = record.readMessage(value);
  assert.deepEqual([message.topic, message.payload.toString(), message.qos], ['a', 'x', 2]);
});

const values = [
  { name: 'a session', value: record.writeSession({ createdAt: 0, expiryInterval: 0, expiresAt: 0 }), read: record.readSession },
  {
    name: 'a subscription',
    value: record.writeSubscription({ qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined }),
    read: record.readSubscription,
  },
  {
    name: 'a message',
    value: record.writeMessage({
      message: new Message(Publish.of({ topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false }), undefined, Infinity),
      qos: 0,
      retain: false,
      ...PLAIN,
    }),
    read: record.readMessage,
  },
  { name: 'progress', value: record.writeProgress(1, Awaiting.Puback), read: record.readProgress },
  { name: 'a received identifier', value: record.writeReceived(), read: record.readReceived },
];

for (const { name, value, read } of values) {
  test(`${name} of another version is refused in a sentence`, () => {
    const foreign = Buffer.from(value);
    foreign[0] = 9;
    assert.throws(() => read(foreign), { message: 'a record has version 9, this version of PosMQ reads version 1' });
  });

  test(`${name} that is cut short is refused in a sentence`, () => {
    assert.throws(() => read(Buffer.alloc(0)), /^Error: a record /);
    if (value.length > 1) assert.throws(() => read(value.subarray(0, 1)), { message: 'a record is shorter than its fields' });
  });
}
