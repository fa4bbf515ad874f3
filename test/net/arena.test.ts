/** The block of memory that reads land in and writes leave from. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena, READ_SIZE, SLAB_SIZE } from '../../src/net/arena.js';

test('slabs lie in the block behind what is read, apart from each other', () => {
  const arena = new Arena(5);
  const slabs = [arena.take(), arena.take(), arena.take(), arena.take(), arena.take()].sort((a, b) => a - b);
  assert.deepEqual(
    slabs,
    [0, 1, 2, 3, 4].map((i) => READ_SIZE + i * SLAB_SIZE),
  );
  assert.equal(arena.bytes.length, READ_SIZE + 5 * SLAB_SIZE);
});

test('reads land at the beginning of the block', () => {
  const arena = new Arena(1);
  arena.read.write('hello');
  assert.equal(arena.bytes.toString('latin1', 0, 5), 'hello');
  assert.equal(arena.read.length, READ_SIZE);
});

test('where no slab is left there is none', () => {
  const arena = new Arena(1);
  assert.ok(arena.take() > 0);
  assert.equal(arena.take(), -1);
  assert.equal(new Arena(0).take(), -1);
});

test('a slab that is given back is the next one taken', () => {
  const arena = new Arena(3);
  const slabs = [arena.take(), arena.take()] as const;
  assert.equal(arena.free, 1);
  arena.give(slabs[0]);
  assert.equal(arena.free, 2);
  assert.equal(arena.take(), slabs[0]);
});

test('the start of a slab is its bytes as they are, however often and however long it is asked for', () => {
  const arena = new Arena(2);
  const slabs = [arena.take(), arena.take()] as const;
  for (const length of [5, 5, 3, SLAB_SIZE, 5]) {
    for (const slab of slabs) {
      arena.bytes.fill(length & 0xff, slab, slab + SLAB_SIZE);
      const start = arena.start(slab, length);
      assert.equal(start.byteOffset, arena.bytes.byteOffset + slab);
      assert.deepEqual(start, Buffer.alloc(length, length & 0xff));
    }
  }
});
