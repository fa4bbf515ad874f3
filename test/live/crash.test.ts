import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Failure, story } from '../crash/story.js';

/** `npm run crash` does hundreds of rounds, and longer ones. */
const STORIES = [
  { seed: 1, rounds: 4, durability: 'sync' },
  { seed: 2, rounds: 4, durability: 'sync' },
  { seed: 3, rounds: 3, durability: 'os' },
] as const;

for (const { seed, rounds, durability } of STORIES) {
  it(`with --durability ${durability} what was acknowledged outlives kill -9, once at QoS 2 and in order (seed ${seed})`, async () => {
    const outcome = await story({ seed, rounds, durability, killAfterMax: 500, wills: true, keep: false }).catch((error: unknown) => {
      // The report is the message; the stack of a test says nothing.
      if (error instanceof Failure) assert.fail(error.message);
      throw error;
    });
    assert.ok(outcome.kills >= rounds, `${outcome.kills} kills`);
    // How much there is time for is the machine's to say: a story whose kills come early has few messages, and not all of them are for somebody.
    assert.ok(outcome.acknowledged > 0 && outcome.deliveries > 0, JSON.stringify(outcome));
  });
}
