import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import * as fc from 'fast-check';
import { crc32c, gapAt, recordsOf, unfinishedAt } from '../../src/storage/record-log.js';
import { Random } from '../fuzz/random.js';
import { runs } from '../util/runs.js';

const BLOCK = 32_768;
const HEADER = 7;
const SECTOR = 512;

/** A log as LevelDB writes it, and where each of its records begins. */
function logOf(records: readonly Buffer[]): { readonly bytes: Buffer; readonly starts: readonly number[] } {
  const parts: Buffer[] = [];
  const starts: number[] = [];
  let at = 0;
  const add = (part: Buffer): void => {
    parts.push(part);
    at += part.length;
  };
  for (const record of records) {
    for (let from = 0, isFirst = true; isFirst || from < record.length; isFirst = false) {
      const left = BLOCK - (at % BLOCK);
      if (left < HEADER) add(Buffer.alloc(left));
      const piece = record.subarray(from, from + BLOCK - (at % BLOCK) - HEADER);
      from += piece.length;
      const isLast = from === record.length;
      if (isFirst) starts.push(at);
      const checked = Buffer.concat([Buffer.of(isFirst ? (isLast ? 1 : 2) : isLast ? 4 : 3), piece]);
      const sum = crc32c(checked);
      const head = Buffer.alloc(HEADER - 1);
      head.writeUInt32LE(Number(((BigInt(sum >>> 15) | (BigInt(sum) << 17n)) + 0xa282ead8n) & 0xffffffffn));
      head.writeUInt16LE(piece.length, 4);
      add(Buffer.concat([head, checked]));
    }
  }
  return { bytes: Buffer.concat(parts), starts };
}

/** Bytes none of which is zero. */
function full(length: number, random: Random): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + random.below(255);
  return bytes;
}

const room = (bytes: number): Buffer => Buffer.alloc(bytes);
const LENGTHS = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.nat(600) }, fc.nat(3 * BLOCK), fc.constantFrom(BLOCK - 13, BLOCK - 14, BLOCK - 7, BLOCK)),
  {
    minLength: 1,
    maxLength: 8,
  },
);

test('the sum is CRC-32C, as RFC 3720 appendix B.4 has it for 32 bytes of zero, of one, and that count up', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
});

test('the records of a log are those that were written, whatever their length', () => {
  fc.assert(
    fc.property(LENGTHS, fc.nat(), (lengths, seed) => {
      const records = lengths.map((length) => new Random(seed).bytes(length));
      assert.deepEqual([...recordsOf(logOf(records).bytes)], records);
    }),
    runs(50),
  );
});

describe('a record that nobody finished', () => {
  it('is none where all are whole, with room behind them or without, and in a log without any', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(2 * BLOCK), fc.nat(), (lengths, more, seed) => {
        const { bytes } = logOf(lengths.map((length) => new Random(seed).bytes(length)));
        assert.equal(unfinishedAt(bytes), undefined);
        assert.equal(unfinishedAt(Buffer.concat([bytes, room(more)])), undefined);
      }),
      runs(50),
    );
    assert.equal(unfinishedAt(Buffer.alloc(0)), undefined);
    assert.equal(unfinishedAt(room(BLOCK)), undefined);
  });

  it('is found wherever it was cut, with room behind it or without', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(2 * BLOCK), fc.nat(), fc.nat(), (lengths, more, seed, at) => {
        const random = new Random(seed);
        const { bytes, starts } = logOf(lengths.map((length) => full(length, random)));
        const start = starts.at(-1)!;
        const cut = bytes.subarray(0, start + 1 + (at % (bytes.length - start - 1)));
        // As long as the first bytes of its sum are zeroes nothing of it is there, and nothing is to be taken away.
        const expected = cut.subarray(start).some((byte) => byte !== 0) ? start : undefined;
        for (const log of [cut, Buffer.concat([cut, room(more)])]) {
          const found = unfinishedAt(log);
          assert.ok(expected === undefined ? found === undefined : isEndBefore(bytes, found, start), `${found} for ${expected}`);
        }
      }),
      runs(100),
    );
  });

  it('is found at each of its bytes where it lies across the end of a block', () => {
    const random = new Random(1);
    for (const before of [BLOCK - 40, BLOCK - HEADER - 20, BLOCK - HEADER - 13, BLOCK - HEADER - 3, BLOCK - HEADER]) {
      const { bytes, starts } = logOf([full(before - HEADER, random), full(90, random)]);
      for (let end = starts[1]! + 1; end < bytes.length; end++) {
        if (bytes.subarray(starts[1], end).every((byte) => byte === 0)) continue;
        const found = unfinishedAt(Buffer.concat([bytes.subarray(0, end), room(1_000)]));
        assert.ok(isEndBefore(bytes, found, starts[1]!), `${found} where it was cut at ${end}`);
      }
    }
  });

  it('is found where the power was lost and any of its sectors is empty', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(), (lengths, seed) => {
        const random = new Random(seed);
        const { bytes, starts } = logOf([...lengths, 3 * SECTOR].map((length) => full(length, random)));
        const start = starts.at(-1)!;
        const log = Buffer.concat([bytes, room(BLOCK)]);
        const sectors = Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, i) => i * SECTOR).filter((at) => at + SECTOR > start);
        let isEmptied = false;
        for (const at of sectors) {
          if (isEmptied && random.once(2)) continue;
          log.fill(0, Math.max(at, start), Math.min(at + SECTOR, bytes.length));
          isEmptied = true;
        }
        // A sum may begin with zeroes, and all be as it was.
        const isNone = log.subarray(start).every((byte) => byte === 0) || bytes.equals(log.subarray(0, bytes.length));
        const found = unfinishedAt(log);
        assert.ok(isNone ? found === undefined : isEndBefore(bytes, found, start), `${found} for ${start}`);
      }),
      runs(100),
    );
  });

  it('is not what was written and is damaged: that is for LevelDB to tell', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(BLOCK), fc.nat(), fc.nat(), (lengths, more, seed, which) => {
        const random = new Random(seed);
        const { bytes, starts } = logOf([...lengths, 100].map((length) => full(length, random)));
        // In a sum or in what was summed up: a length that is another makes a record go on where nothing is.
        const start = starts[which % starts.length]!;
        const at = start + (random.once(4) ? random.below(4) : HEADER);
        bytes[Math.min(at, bytes.length - 1)]! ^= 0x10;
        assert.equal(unfinishedAt(Buffer.concat([bytes, room(more)])), undefined);
      }),
      runs(100),
    );
  });

  it('is not what has another length, nor a sector that is gone, where a record lies behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600), { minLength: 2, maxLength: 8 }), fc.nat(), fc.nat(), fc.nat(), (lengths, seed, which, more) => {
        const random = new Random(seed);
        const { bytes, starts } = logOf([...lengths, 100].map((length) => full(length, random)));
        const start = starts[which % (starts.length - 1)]!;
        if (random.once(2)) bytes.writeUInt16LE((bytes.readUInt16LE(start + 4) + 1 + (more % 65_000)) & 0xffff, start + 4);
        else bytes.fill(0, start, Math.min(start + SECTOR, starts.at(-1)!));
        assert.equal(unfinishedAt(Buffer.concat([bytes, room(2 * BLOCK)])), undefined);
      }),
      runs(100),
    );
  });

  it('is not one that would go on behind the end of its block: such are written in pieces', () => {
    const { bytes, starts } = logOf([full(200, new Random(4)), full(200, new Random(5))]);
    bytes.writeUInt16LE(BLOCK, starts[1]! + 4);
    assert.equal(unfinishedAt(Buffer.concat([bytes, room(2 * BLOCK)])), undefined);
  });

  it('is found behind damage, which stays', () => {
    const random = new Random(2);
    const { bytes, starts } = logOf([full(200, random), full(200, random), full(200, random)]);
    bytes[starts[0]! + HEADER + 5]! ^= 1;
    assert.equal(unfinishedAt(Buffer.concat([bytes.subarray(0, bytes.length - 20), room(500)])), starts[2]);
  });

  it('is all there is where it is the first', () => {
    assert.equal(unfinishedAt(Buffer.concat([logOf([full(500, new Random(3))]).bytes.subarray(0, 300), room(500)])), 0);
  });
});

/** Whether the record before ends here: zeroes that fill a block may follow it. */
function isEndBefore(bytes: Buffer, found: number | undefined, start: number): boolean {
  return found !== undefined && found <= start && start - found < HEADER && bytes.subarray(found, start).every((byte) => byte === 0);
}

describe('a gap', () => {
  it('is none in a log that is whole, with room behind it or without', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(2 * BLOCK), fc.nat(), (lengths, more, seed) => {
        const { bytes } = logOf(lengths.map((length) => new Random(seed).bytes(length)));
        assert.equal(gapAt(bytes), undefined);
        assert.equal(gapAt(Buffer.concat([bytes, room(more)])), undefined);
      }),
      runs(50),
    );
  });

  it('is where a record, or several, are zeroes and another is behind them', () => {
    fc.assert(
      fc.property(LENGTHS, fc.nat(), fc.nat(), fc.nat(), (lengths, from, count, seed) => {
        const random = new Random(seed);
        const { bytes, starts } = logOf([...lengths, 100].map((length) => full(length, random)));
        const first = from % lengths.length;
        const behind = first + 1 + (count % (lengths.length - first));
        bytes.fill(0, starts[first], starts[behind]);
        assert.equal(gapAt(Buffer.concat([bytes, room(BLOCK)])), starts[first]!);
      }),
      runs(100),
    );
  });

  it('is found in the block behind one that is damaged', () => {
    const random = new Random(6);
    const { bytes, starts } = logOf([full(200, random), full(BLOCK, random), full(300, random), full(300, random)]);
    bytes[starts[0]! + 6] = 9;
    bytes.fill(0, starts[2], starts[3]);
    assert.equal(gapAt(bytes), starts[2]);
  });
});
