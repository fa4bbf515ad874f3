/** A PUBLISH and the bytes it stands in. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import type { Packet } from '../../src/packet/packet.js';
import { Publish, writePacketId } from '../../src/packet/publish.js';
import { publishOf, valueOf } from '../cases/packet-case.js';
import { anyPacketId, anyPublish, anyQoS } from './arbitrary.js';
import { takeAll } from './reading.js';
import { runs } from '../util/runs.js';

/** The same packet as it comes from a connection: its bytes are lent, and others stand around it. */
function lent(publish: Publish): Publish {
  const ping = Buffer.from('c000', 'hex');
  const decoder = new Decoder();
  decoder.feed(Buffer.concat([ping, encode(publish, 4), ping]));
  decoder.next();
  const packet = decoder.next();
  assert.ok(packet instanceof Publish);
  return packet;
}

function asRead(publish: Publish): Packet | undefined {
  return takeAll(new Decoder(), publish.bytes.subarray(publish.start, publish.end))[0];
}

test('a PUBLISH made of fields has those fields', () => {
  for (const qos of [0, 1, 2] as const) {
    for (const [retain, dup] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const { type, topic, payload, ...flags } = publishOf('a/b', 'hello', { qos, retain, dup, packetId: 10 });
      assert.equal(type, 3);
      assert.equal(topic, 'a/b');
      assert.equal(payload.toString(), 'hello');
      assert.deepEqual([flags.qos, flags.retain, flags.dup, flags.packetId], [qos, retain, dup, qos === 0 ? 0 : 10]);
    }
  }
});

test('a PUBLISH is read as it was made', () => {
  fc.assert(
    fc.property(anyPublish, (publish) => {
      assert.deepEqual(valueOf(asRead(publish)), valueOf(publish));
      assert.equal(publish.length, publish.end - publish.start);
      assert.equal(publish.payloadLength, publish.payload.length);
      assert.equal(publish.borrowed, false);
    }),
    runs(100),
  );
});

test('a PUBLISH made without a version, DUP or packet identifier is one of 3.1.1 with neither', () => {
  const { version, dup, packetId } = Publish.of({ topic: 'a', payload: Buffer.alloc(0), qos: 1, retain: false });
  assert.deepEqual({ version, dup, packetId }, { version: 4, dup: false, packetId: 0 });
});

test('a PUBLISH at QoS 0 has no packet identifier, whatever it is made of [MQTT-2.3.1-5]', () => {
  const publish = publishOf('a', 'x', { qos: 0, packetId: 10 });
  assert.equal(publish.packetId, 0);
  assert.equal(publish.bytes.toString('hex'), '300400016178');
});

test('the payload it is made of may change afterwards', () => {
  const payload = Buffer.from('hello');
  const publish = publishOf('a', payload);
  payload.fill(0);
  assert.equal(publish.payload.toString(), 'hello');
});

test('a PUBLISH in another layout is the same message in bytes of its own', () => {
  fc.assert(
    fc.property(anyPublish, fc.boolean(), anyQoS, fc.boolean(), anyPacketId, (publish, fromConnection, qos, retain, packetId) => {
      const origin = fromConnection ? lent(publish) : publish;
      const other = origin.as(4, qos, retain, undefined);
      assert.equal(other.packetId, 0);
      assert.equal(other.borrowed, false);
      if (qos > 0) writePacketId(other.bytes, other.start + other.packetIdOffset, packetId);
      if (origin.borrowed) origin.bytes.fill(0xee);
      const { topic, payload } = publish;
      const expected = Publish.of({ topic, payload, qos, retain, packetId });
      assert.deepEqual(valueOf(asRead(other)), valueOf(expected));
    }),
    runs(100),
  );
});

test('a PUBLISH that is kept outlives the bytes it came in', () => {
  fc.assert(
    fc.property(anyPublish, (publish) => {
      const kept = lent(publish);
      const { bytes } = kept;
      assert.equal(kept.borrowed, true);
      kept.keep();
      assert.equal(kept.borrowed, false);
      bytes.fill(0xee);
      assert.deepEqual(valueOf(kept), valueOf(publish));
      assert.deepEqual(valueOf(asRead(kept)), valueOf(publish));
      assert.equal(kept.length, publish.length);
    }),
    runs(66),
  );
});

test('a PUBLISH is copied at most once', () => {
  const publish = lent(publishOf('a', 'x'));
  publish.keep();
  const { bytes } = publish;
  publish.keep();
  assert.equal(publish.bytes, bytes);
  const own = publishOf('a', 'x');
  const before = own.bytes;
  own.keep();
  assert.equal(own.bytes, before);
});

test('the packet identifier and the first byte can be written in place', () => {
  const publish = publishOf('a/b', 'hello', { qos: 1, packetId: 10 });
  writePacketId(publish.bytes, publish.start + publish.packetIdOffset, 0xfffe);
  publish.bytes[publish.start] = 0x3d;
  const expected = publishOf('a/b', 'hello', { qos: 2, dup: true, retain: true, packetId: 0xfffe });
  assert.deepEqual(valueOf(asRead(publish)), valueOf(expected));
});

test('the payload is a view of the bytes', () => {
  const publish = lent(publishOf('a', 'hello'));
  assert.equal(publish.payload.buffer, publish.bytes.buffer);
  assert.equal(publish.payload.toString(), 'hello');
});
