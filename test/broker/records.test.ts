/** Records: what is written is what is read, keys lie where a restart looks for them, and an unknown version is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import * as record from '../../src/broker/records.js';
import { Kind } from '../../src/broker/records.js';
import type { QoS } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { Awaiting } from '../../src/session/inflight.js';

const name = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
const qos = fc.constantFrom<QoS>(0, 1, 2);
const packetId = fc.integer({ min: 1, max: 65_535 });
const sequence = fc.maxSafeNat();

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
  const moment = fc.oneof(fc.constant(Infinity), fc.integer({ min: 0 }), fc.double({ min: 0, noNaN: true }));
  fc.assert(
    fc.property(moment, moment, (createdAt, expiresAt) => {
      assert.deepEqual(record.readSession(record.writeSession({ createdAt, expiresAt })), { createdAt, expiresAt });
    }),
  );
});

test('a subscription and the progress of a delivery are read as they were written', () => {
  fc.assert(
    fc.property(qos, packetId, fc.constantFrom(...Object.values(Awaiting)), (qos, packetId, awaiting) => {
      assert.equal(record.readSubscription(record.writeSubscription(qos)), qos);
      assert.deepEqual(record.readProgress(record.writeProgress(packetId, awaiting)), { packetId, awaiting });
      assert.equal(Buffer.concat([record.packetIdBytes(packetId)]).readUInt16BE(), packetId);
    }),
  );
});

test('a message is written from where it stands and read with the QoS and RETAIN of its delivery', () => {
  fc.assert(
    fc.property(qos, qos, fc.boolean(), fc.uint8Array({ maxLength: 300 }), fc.nat(20), (published, qos, retain, payload, margin) => {
      const publish = Publish.of({ topic: 'a/b', payload, qos: published, retain: false, packetId: 7 });
      const bytes = Buffer.from(publish.bytes);
      // As it stands in the middle of a read: with other bytes around it.
      publish.bytes = Buffer.concat([Buffer.alloc(margin, 0xaa), bytes, Buffer.alloc(margin, 0xbb)]);
      publish.start = margin;
      publish.end = margin + bytes.length;
      assert.deepEqual(record.readMessage(record.writeMessage(publish, qos, retain)), { frame: bytes, qos, retain });
    }),
  );
});

const values = [
  { name: 'a session', value: record.writeSession({ createdAt: 0, expiresAt: 0 }), read: record.readSession },
  { name: 'a subscription', value: record.writeSubscription(1), read: record.readSubscription },
  {
    name: 'a message',
    value: record.writeMessage(Publish.of({ topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false }), 0, false),
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
