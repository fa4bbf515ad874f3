/** The passing of time, and the end of a turn: the machine's, or as somebody else decides them. */

/** Slabs of the arena: 8 MiB of address space, of which what is used becomes memory. */
const SLABS = 512;

export interface World {
  /** ms since the epoch, never going back. */
  readonly now: () => number;
  readonly schedule: (end: () => void) => void;
  /** Does nothing at all for so many ms, and fractions of one. */
  readonly rest: (pause: number) => void;
  /** How many slabs the arena has. */
  readonly slabs: number;
}

// Taken once: the global is a getter.
const clock = performance;
const { timeOrigin } = clock;
/** Nobody writes into it. */
const still = new Int32Array(new SharedArrayBuffer(4));
export const realWorld: World = {
  // A clock that is set while the broker runs must not end keep-alives, so it is read once.
  now: () => timeOrigin + clock.now(),
  schedule: setImmediate,
  rest: (pause) => void Atomics.wait(still, 0, 0, pause),
  slabs: SLABS,
};
