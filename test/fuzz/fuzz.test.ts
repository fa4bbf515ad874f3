/** Random clients against a broker, as many rounds as fit into a test run; `npm run fuzz` does more. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure, round } from './round.js';
import { Random } from './random.js';

const ROUNDS = 25;

test('whatever clients do to it the broker breaks nothing, serves the others, and keeps nothing of those who are gone', async () => {
  let packets = 0;
  for (let seed = 1; seed <= ROUNDS; seed++) packets += (await round(seed)).packets;
  assert.ok(packets > 100 * ROUNDS, `${packets} packets came in ${ROUNDS} rounds`);
});

test('a round can be repeated', async () => {
  assert.deepEqual(await round(7), await round(7));
});

test('a round that fails tells its seed and what was done', () => {
  const failure = new Failure(7, ['a turn ends'], new Error('it broke'));
  assert.equal(failure.message, 'round 7 failed: it broke\nagain: npm run fuzz -- --seed 7 --rounds 1');
  assert.deepEqual(failure.trace, ['a turn ends']);
});

test('the same seed makes the same choices, and each choice is made', () => {
  const drawn = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 1_000 }, () => random.below(10));
  };
  assert.deepEqual(drawn(5), drawn(5));
  assert.notDeepEqual(drawn(5), drawn(6));
  assert.equal(new Set(drawn(5)).size, 10);
});
