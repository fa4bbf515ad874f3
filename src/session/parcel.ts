/** Deliveries of one session that were put on record together: one record, as long as one of them is not over. The journal's own notes. */

/** Deliveries a parcel may have: each has a bit of a number. */
export const MAX_DELIVERIES = 32;

/** Bytes of messages with which a parcel is full: one that is in flight may hold all of it in memory. */
export const FULL = 16_384;

export class Parcel {
  /** Of the session. */
  readonly number: number;
  readonly count: number;
  /** The sequence of the last delivery. */
  readonly last: number;
  /** Bytes of the messages. */
  readonly size: number;
  /** How many are not over. */
  left: number;
  /** Which are, a bit for each. */
  settled = 0;
  /** Bytes of the messages of those that are. */
  settledSize = 0;
  /** Whether it is on record that some are. */
  isNoted = false;
  /** Whether more are since the last commit. */
  isTouched = false;

  constructor(number: number, count: number, last: number, size: number) {
    this.number = number;
    this.count = count;
    this.last = last;
    this.size = size;
    this.left = count;
  }

  /** @param bits of deliveries that are over. @param size bytes of their messages. */
  settle(bits: number, size: number): void {
    this.settled |= bits;
    this.settledSize += size;
    for (let rest = bits; rest !== 0; rest &= rest - 1) this.left--;
  }
}
