/** Numbers of 48 bits: what is written is what is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MAX_UINT48, read48, write48 } from '../../src/util/uint48.js';

const EDGES = [0, 1, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 47, MAX_UINT48];

test('what is written is read, as Node reads it', () => {
  const check = (value: number): void => {
    const bytes = Buffer.alloc(10, 0xaa);
    write48(bytes, 2, value);
    assert.equal(read48(bytes, 2), value);
    assert.equal(bytes.readUIntBE(2, 6), value);
    assert.deepEqual([bytes.readUInt16BE(0), bytes.readUInt16BE(8)], [0xaaaa, 0xaaaa], 'and nothing beside it');
  };
  for (const value of EDGES) check(value);
  fc.assert(fc.property(fc.integer({ min: 0, max: MAX_UINT48 }), check));
});

test('bytes that end before are told, not taken for zeros', () => {
  assert.throws(() => read48(Buffer.alloc(5), 0), RangeError);
  assert.throws(() => read48(Buffer.alloc(8), 3), RangeError);
  assert.equal(read48(Buffer.alloc(8), 2), 0);
});
