/** How much dearer one piece of work is than another, in one run: times differ from machine to machine, this does not. */
import assert from 'node:assert/strict';
import type { Work } from './work.js';

/** ms the two are run in turn before their ratio is looked at. */
const TRY = 25;
/** ms of one before it is the other's turn. */
const SLICE = 2;
/** How often that is done again where it is too high: what disturbs a machine passes, what is slow stays so. */
const TRIES = 20;

/** The best time of a work, in ms for one. */
class Best {
  readonly #work: Work;
  #ms = Infinity;

  constructor(work: Work) {
    this.#work = work;
  }

  get time(): number {
    return this.#ms / this.#work.times;
  }

  /** At least once, and for {@link SLICE}: one that is short must be as warm as one that is long. */
  run(): void {
    const end = performance.now() + SLICE;
    for (let began = performance.now(); began < end; ) {
      const result = this.#work.run();
      const ended = performance.now();
      assert.ok(result !== 0, this.#work.name);
      this.#ms = Math.min(this.#ms, ended - began);
      began = ended;
    }
  }
}

/** Measures until one work takes at most `bound` times as long as the other, or will not. */
export function assertAtMost(bound: number, one: Work, other: Work): void {
  const [first, second] = [new Best(one), new Best(other)];
  for (let tries = 0; tries < TRIES; tries++) {
    const end = performance.now() + TRY;
    do {
      first.run();
      second.run();
    } while (performance.now() < end);
    if (first.time <= bound * second.time) return;
  }
  const ratio = first.time / second.time;
  assert.fail(`"${one.name}" takes ${ratio.toFixed(2)} times as long as "${other.name}", and should take ${bound} times as long at most`);
}
