/** From which place on a session's queue may come back after a restart, though it is over: that is not on record yet. The journal's own notes. Hot. */
import type { Ticket } from './contracts.js';

export class SettledLately {
  /** Of what is over since the newest commit began, and of what was when that did: the earliest sequence, and the commit that says so. */
  #from = Infinity;
  #by: Ticket = 0;
  #fromBefore = Infinity;
  #byBefore: Ticket = 0;

  /** @param by the commit that says so. */
  add(sequence: number, by: Ticket): void {
    if (by !== this.#by) {
      this.#fromBefore = this.#from;
      this.#byBefore = this.#by;
      this.#from = sequence;
      this.#by = by;
    } else if (sequence < this.#from) {
      this.#from = sequence;
    }
  }

  /** The earliest sequence of what a restart may bring back; Infinity where it brings back nothing. */
  from(durable: Ticket): number {
    const from = this.#by > durable ? this.#from : Infinity;
    return this.#byBefore > durable && this.#fromBefore < from ? this.#fromBefore : from;
  }
}
