/** The decoder: whatever the packets and however they are cut, what was written is read, and memory is held for what came alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { MAX_REMAINING_LENGTH, PacketType, type Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { MqttError, ReasonCode } from '../../src/packet/reason-code.js';
import { publishOf, valueOf } from '../cases/packet-case.js';
import { anyPacket, anyVersion } from './arbitrary.js';
import { feedInPieces, takeAll } from './reading.js';
import { runs } from '../util/runs.js';

const anyConversation = anyVersion.chain((version) =>
  fc.record({ version: fc.constant(version), packets: fc.array(anyPacket(version), { minLength: 1, maxLength: 8 }) }),
);

test('what is written is read again, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(anyConversation, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), ({ version, packets }, cuts) => {
      const bytes = Buffer.concat(packets.map((packet) => encode(packet, version)));
      const at = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      const decoder = new Decoder();
      decoder.version = version;
      assert.deepEqual(feedInPieces(decoder, pieces).map(valueOf), packets.map(valueOf));
      assert.equal(decoder.held, 0);
    }),
    runs(66),
  );
});

test('what is written is read again wherever it is cut in two', () => {
  fc.assert(
    fc.property(anyConversation, ({ version, packets }) => {
      const bytes = Buffer.concat(packets.map((packet) => encode(packet, version)));
      const step = Math.max(1, bytes.length >> 8);
      for (let cut = 0; cut <= bytes.length; cut += step) {
        const decoder = new Decoder();
        decoder.version = version;
        const read = feedInPieces(decoder, [bytes.subarray(0, cut), bytes.subarray(cut)]);
        assert.equal(read.length, packets.length);
        if (cut % 8 === 0) assert.deepEqual(read.map(valueOf), packets.map(valueOf));
      }
    }),
    runs(12),
  );
});

test('any bytes at all are packets or refused with an MqttError, in one piece and byte by byte alike', () => {
  const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(anyVersion, anyBytes, (version, bytes) => {
      const whole = fateOf(version, [bytes]);
      assert.deepEqual(
        fateOf(
          version,
          Array.from(bytes, (byte) => Buffer.of(byte)),
        ),
        whole,
      );
    }),
    runs(666),
  );
});

test('a packet changed anywhere is a packet or refused with an MqttError', () => {
  const anyChange = fc.record({
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    drop: fc.nat(2),
    add: fc.uint8Array({ maxLength: 2 }),
  });
  fc.assert(
    fc.property(anyConversation, anyChange, ({ version, packets }, { at, byte, drop, add }) => {
      const bytes = Buffer.concat(packets.map((packet) => encode(packet, version)));
      const place = at % bytes.length;
      const changed = Buffer.concat([bytes.subarray(0, place), Buffer.of(byte), add, bytes.subarray(place + drop)]);
      const half = changed.length >> 1;
      assert.deepEqual(fateOf(version, [changed]), fateOf(version, [changed.subarray(0, half), changed.subarray(half)]));
    }),
    runs(166),
  );
});

test('a packet that is not whole holds at most twice the memory of what came of it, and never more than it announced', () => {
  const anyPieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3_000 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(anyPieces, fc.integer({ min: 0, max: 20_000 }), (sizes, payloadLength) => {
      const bytes = encode(publishOf('a/b', Buffer.alloc(payloadLength, 0x61)), 4);
      const decoder = new Decoder();
      let came = 0;
      for (const size of sizes) {
        const piece = Buffer.from(bytes.subarray(came, came + size));
        came += piece.length;
        const [packet] = takeAll(decoder, piece);
        if (packet !== undefined) break;
        // A fixed header has at most five bytes.
        assert.ok(decoder.held <= Math.max(2 * came, 5), `${decoder.held} bytes held of ${came} that came`);
        assert.ok(decoder.held <= Math.max(bytes.length, 5), `${decoder.held} bytes held for a packet of ${bytes.length}`);
      }
    }),
    runs(100),
  );
});

test('nothing is allocated for a packet that is announced', () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 1_000 }, () => {
    const decoder = new Decoder();
    assert.deepEqual(takeAll(decoder, Buffer.from('30ffffff7f00', 'hex')), []);
    assert.ok(decoder.held <= 6);
    return decoder;
  });
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 1_000_000, `${decoders.length} announcements of 256 MB took ${grown} bytes`);
});

test('a packet of the largest size allowed is read, one byte more is refused at its header', () => {
  for (const maxPacketSize of [2, 127, 128, 5_000, 16_383, 16_384, 100_000]) {
    const largest = encode(publishOf('', Buffer.alloc(maxPacketSize - 2)), 4);
    const header = encode(publishOf('', Buffer.alloc(maxPacketSize - 1)), 4).subarray(0, 4);
    largest[0] = header[0] = 0x30;
    // An empty topic is refused as well, but for another reason and only when the packet is whole.
    assertRefused(new Decoder(maxPacketSize), largest, ReasonCode.TopicNameInvalid);
    assertRefused(new Decoder(maxPacketSize), header.subarray(0, headerLength(header)), ReasonCode.PacketTooLarge);
    const slow = new Decoder(maxPacketSize);
    for (let i = 0; i < headerLength(header) - 1; i++) assert.deepEqual(takeAll(slow, header.subarray(i, i + 1)), []);
    assertRefused(slow, header.subarray(headerLength(header) - 1), ReasonCode.PacketTooLarge);
  }
});

test('without a limit the largest Remaining Length there is may be announced', () => {
  assert.equal(MAX_REMAINING_LENGTH, 268_435_455);
  assert.deepEqual(takeAll(new Decoder(), Buffer.from('30ffffff7f', 'hex')), []);
  assertRefused(new Decoder(MAX_REMAINING_LENGTH - 1), Buffer.from('30ffffff7f', 'hex'), ReasonCode.PacketTooLarge);
});

test('a limit that was raised holds for the packets that follow', () => {
  const decoder = new Decoder(10);
  decoder.feed(Buffer.from('c000300c000161', 'hex'));
  assert.equal(decoder.next()?.type, PacketType.Pingreq);
  decoder.maxPacketSize = 12;
  assert.deepEqual(takeAll(decoder), []);
  const [packet] = takeAll(decoder, Buffer.alloc(9, 0x62));
  assert.deepEqual(valueOf(packet), valueOf(publishOf('a', 'b'.repeat(9))));
});

test('a PUBLISH that came whole is lent: no byte of it was copied', () => {
  const chunk = encode(publishOf('a/b', 'hello'), 4);
  const decoder = new Decoder();
  decoder.feed(chunk);
  const publish = decoder.next();
  assert.ok(publish instanceof Publish);
  assert.equal(publish.borrowed, true);
  assert.equal(publish.bytes, chunk);
  chunk.write('J', chunk.length - 5);
  assert.equal(publish.payload.toString(), 'Jello');
});

test('a PUBLISH that came in pieces has bytes of its own', () => {
  const bytes = encode(publishOf('a/b', 'hello'), 4);
  const decoder = new Decoder();
  decoder.feed(bytes.subarray(0, 4));
  assert.equal(decoder.next(), undefined);
  decoder.feed(bytes.subarray(4));
  const publish = decoder.next();
  assert.ok(publish instanceof Publish);
  assert.equal(publish.borrowed, false);
  bytes.fill(0);
  assert.equal(publish.payload.toString(), 'hello');
});

test('a small PUBLISH does not keep all of what it came in with it', () => {
  const small = encode(publishOf('a/b', 'hello'), 4);
  const decoder = new Decoder();
  decoder.feed(Buffer.concat([small, small, Buffer.alloc(10_000)]));
  decoder.keep();
  const publish = decoder.next();
  assert.ok(publish instanceof Publish);
  publish.keep();
  assert.equal(publish.bytes.length, small.length);
});

test('a PUBLISH that is kept holds at most twice its size, whatever it came in', () => {
  for (let size = 100; size < 10_000; size += 900) {
    const publish = encode(publishOf('a', Buffer.alloc(size)), 4);
    const decoder = new Decoder();
    decoder.feed(Buffer.concat([publish, Buffer.alloc(10_000 - publish.length)]));
    decoder.keep();
    const packet = decoder.next();
    assert.ok(packet instanceof Publish);
    packet.keep();
    assert.ok(packet.bytes.length <= 2 * packet.length + 10, `${packet.bytes.length} bytes held for ${packet.length}`);
  }
});

test('between packets nothing is held', () => {
  const decoder = new Decoder();
  assert.equal(decoder.held, 0);
  takeAll(decoder, Buffer.from('c000c000', 'hex'));
  assert.equal(decoder.held, 0);
  decoder.keep();
  assert.equal(decoder.held, 0);
  takeAll(decoder, Buffer.from('c0', 'hex'));
  assert.ok(decoder.held > 0);
  takeAll(decoder, Buffer.from('00', 'hex'));
  assert.equal(decoder.held, 0);
});

/** What pieces are read as: values, then the reason of a refusal if there is one. */
function fateOf(version: Version, pieces: readonly Buffer[]): unknown[] {
  const decoder = new Decoder(1_000);
  decoder.version = version;
  const fate: unknown[] = [];
  try {
    for (const piece of pieces) {
      decoder.feed(piece);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) fate.push(valueOf(packet));
    }
  } catch (error) {
    assert.ok(error instanceof MqttError, String(error));
    fate.push(error.message);
  }
  return fate;
}

function assertRefused(decoder: Decoder, bytes: Buffer, reasonCode: ReasonCode): void {
  assert.throws(
    () => takeAll(decoder, bytes),
    (error) => error instanceof MqttError && error.reasonCode === reasonCode,
  );
}

function headerLength(bytes: Buffer): number {
  return 2 + bytes.subarray(1).findIndex((byte) => byte < 128);
}
