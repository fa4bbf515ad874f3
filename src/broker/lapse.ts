/** Messages that expire while they lie in a queue: found by the time on record, and deleted in the background (MQTT 5.0 section 3.3.2.3.3). */
import type { Storage } from './contracts.js';
import type { StorageJournal } from './journal.js';
import * as keys from './record-keys.js';
import type { Sessions } from './sessions.js';
import type { Turn } from './turn.js';

/** Records looked at at a time, so that nobody waits for it. */
const PAGE = 1_000;

export class Lapse {
  readonly #storage: Storage;
  readonly #journal: StorageJournal;
  readonly #sessions: Sessions;
  readonly #turn: Turn;
  #isAtWork = false;

  constructor(storage: Storage, journal: StorageJournal, sessions: Sessions, turn: Turn) {
    this.#storage = storage;
    this.#journal = journal;
    this.#sessions = sessions;
    this.#turn = turn;
  }

  /** @param now ms since the epoch. */
  async sweep(now: number): Promise<void> {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    try {
      const { from, to } = keys.rangeOfExpired(now);
      for (let first = from; ; ) {
        // What was deleted must be gone, or it would be found again.
        await this.#turn.settled(this.#turn.newest);
        const page = await this.#storage.range(first, to, PAGE, 'keys');
        const last = page.at(-1);
        if (last === undefined) return;
        for (const { key } of page) this.#expire(key);
        first = keys.after(last.key);
      }
    } finally {
      this.#isAtWork = false;
    }
  }

  /** What is in memory, or in flight, is for its session to drop; what is of a session that is over goes with the rest of it. */
  #expire(key: Buffer): void {
    const place = keys.placeOfExpiry(key);
    const session = this.#sessions.numbered(place.number);
    if (session?.isCold === true) return; // another time
    if (session?.lapsed(place.sequence, place.size, 'message-expired') === true) this.#journal.forgetDelivery(place);
    this.#journal.forget(key);
  }
}
