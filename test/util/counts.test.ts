import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Counts } from '../../src/util/counts.js';
import { runs } from './runs.js';

test('it counts what a Map would, whatever the numbers', () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 1_020, max: 1_030 }),
    fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 48 - 1),
  );
  const step = fc.record({ number, isUp: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const counts = new Counts();
      const model = new Map<number, number>();
      for (const { number: at, isUp } of steps) {
        const expected = Math.max(0, (model.get(at) ?? 0) + (isUp ? 1 : -1));
        model.set(at, expected);
        assert.equal(isUp ? counts.increment(at) : counts.decrement(at), expected);
      }
      for (const [at, expected] of model) assert.equal(counts.get(at), expected);
    }),
    runs(100),
  );
});

test('a number nobody has counted is 0, also after it was counted down', () => {
  const counts = new Counts();
  assert.equal(counts.get(5), 0);
  assert.equal(counts.decrement(5), 0);
  assert.equal(counts.get(5), 0);
  assert.equal(counts.increment(5), 1);
});

test('a thousand numbers in a run share a page of 4 KB, which is given back when all have come to nothing', () => {
  const counts = new Counts();
  for (let i = 0; i < 100_000; i++) counts.increment(i);
  assert.equal(counts.pages, Math.ceil(100_000 / 1_024));
  for (let i = 0; i < 100_000; i++) counts.decrement(i);
  assert.equal(counts.pages, 0);
  assert.equal(counts.get(0), 0);
});
