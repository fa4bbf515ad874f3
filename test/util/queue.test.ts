/** The queue: first in, first out, whatever happens in between. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Queue } from '../../src/util/queue.js';
import { heapUsed } from './heap.js';

test('what was pushed first is shifted first', () => {
  const queue = new Queue<string>();
  queue.push('a');
  queue.push('b');
  assert.equal(queue.length, 2);
  assert.equal(queue.peek(), 'a');
  assert.equal(queue.shift(), 'a');
  assert.equal(queue.shift(), 'b');
  assert.equal(queue.length, 0);
});

test('an empty queue has nothing to shift, to peek at or to iterate over', () => {
  const queue = new Queue<string>();
  assert.equal(queue.shift(), undefined);
  assert.equal(queue.peek(), undefined);
  assert.deepEqual([...queue], []);
  assert.equal(queue.length, 0);
});

test('what is unshifted goes in front of what waits', () => {
  const queue = new Queue<string>();
  queue.unshift('b');
  queue.push('c');
  queue.unshift('a');
  assert.deepEqual([...queue], ['a', 'b', 'c']);
});

test('a cleared queue is empty and can be used again', () => {
  const queue = new Queue<number>();
  for (let i = 0; i < 40; i++) queue.push(i);
  queue.clear();
  assert.equal(queue.length, 0);
  assert.deepEqual([...queue], []);
  queue.push(7);
  assert.deepEqual([...queue], [7]);
});

test('a queue that was drained shares no memory with other queues', () => {
  const first = new Queue<number>();
  const second = new Queue<number>();
  for (let i = 0; i < 100; i++) first.push(i);
  while (first.length > 0) first.shift();
  first.push(1);
  second.push(2);
  assert.deepEqual([...first], [1]);
  assert.deepEqual([...second], [2]);
});

test('an iteration hears what is pushed while it runs, also when that makes the queue grow', () => {
  const queue = new Queue<number>();
  queue.push(0);
  const seen: number[] = [];
  for (const item of queue) {
    seen.push(item);
    if (item < 50) queue.push(item + 1);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 51 }, (_, i) => i),
  );
});

test('a queue behaves like an array that is pushed, unshifted and shifted', () => {
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ op: fc.constant('push' as const), times: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('shift' as const), times: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('unshift' as const), times: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('clear' as const, 'drain' as const), times: fc.constant(1) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      let next = 0;
      for (const { op, times } of steps) {
        for (let i = 0; i < times; i++) {
          if (op === 'push') model.push(next);
          if (op === 'push') queue.push(next++);
          if (op === 'unshift') model.unshift(next);
          if (op === 'unshift') queue.unshift(next++);
          if (op === 'shift') assert.equal(queue.shift(), model.shift());
          if (op === 'clear') queue.clear();
          if (op === 'drain') while (queue.length > 0) assert.equal(queue.shift(), model.shift());
        }
        if (op === 'clear') model.length = 0;
        assert.equal(queue.length, model.length);
        assert.equal(queue.peek(), model[0]);
        assert.deepEqual([...queue], model);
      }
    }),
  );
});

test('a million items pass through a queue that never holds more than a few', () => {
  const queue = new Queue<number>();
  for (let i = 0; i < 3; i++) queue.push(i);
  for (let i = 3; i < 1_000_000; i++) {
    queue.push(i);
    if (queue.shift() !== i - 3) assert.fail(`${i - 3} came out of turn`);
  }
  assert.deepEqual([...queue], [999_997, 999_998, 999_999]);
});

test('a queue that was drained gives its memory back', () => {
  const queue = new Queue<number>();
  const before = heapUsed();
  for (let i = 0; i < 1_000_000; i++) queue.push(i);
  const full = heapUsed();
  while (queue.length > 0) queue.shift();
  const after = heapUsed();
  assert.ok(after - before < (full - before) / 10, `${before} bytes before, ${full} full, ${after} after`);
  assert.equal(queue.length, 0);
});

test('what was shifted is not held on to', () => {
  const queue = new Queue<readonly number[]>();
  const before = heapUsed();
  for (let i = 0; i < 10; i++) queue.push(new Array<number>(50_000).fill(i));
  const full = heapUsed();
  while (queue.length > 1) queue.shift();
  const after = heapUsed();
  assert.ok(after - before < (full - before) / 5, `${before} bytes before, ${full} full, ${after} after`);
  assert.equal(queue.length, 1);
});
