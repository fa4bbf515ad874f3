/** Everything a storage makes of a broker: journal, shelf, restart, and what goes on in the background. */
import type { Ticket } from '../session/contracts.js';
import type { Session } from '../session/session.js';
import { Timer, type Wheel } from '../util/wheel.js';
import type { Broker } from './broker.js';
import { Census } from './census.js';
import type { Log, Storage } from './contracts.js';
import { StorageJournal } from './journal.js';
import { Lapse } from './lapse.js';
import { Removal } from './removal.js';
import { restart } from './restart.js';
import { StorageShelf } from './shelf.js';
import type { Turn } from './turn.js';

/** How often what has expired is looked for, and whether there is space, in ms. */
const SWEEP_EVERY = 1_000;
/** Damaged records that are named in the log. */
const TOLD = 20;

export interface KeepingParts {
  readonly storage: Storage;
  readonly turn: Turn;
  readonly wheel: Wheel;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Whether acknowledgements wait for the storage. */
  readonly waits: boolean;
  /** What waits for the storage waits in vain for now: there is no space. Called again and again as long as that is so. */
  readonly outOfSpace: () => void;
}

export class Keeping {
  readonly journal: StorageJournal;
  readonly shelf: StorageShelf;
  readonly #parts: KeepingParts;
  readonly #timer: Timer;
  #broker: Broker | undefined;
  #removal: Removal | undefined;
  #lapse: Lapse | undefined;
  #census: Census | undefined;
  /** The newest ticket at the last sweep. */
  #awaited: Ticket = 0;
  /** Records that could not be read. */
  #damages = 0;
  #stopped = false;

  constructor(parts: KeepingParts) {
    const { storage, turn, waits } = parts;
    this.#parts = parts;
    this.journal = new StorageJournal({
      storage,
      turn,
      waits,
      ended: (number) => this.#removal?.add(number),
    });
    this.shelf = new StorageShelf(storage, this.journal, turn, {
      failed: (session, error) => this.#broker?.unreadable(session, error),
      damaged: (key, error) => this.#damaged(key, error),
    });
    this.#timer = new Timer(() => this.#sweep());
  }

  /**
   * Brings back what is on record.
   * @throws FormatError where the records are of another version; what the storage throws.
   */
  async restart(broker: Broker): Promise<void> {
    const { storage, turn, wheel, log, now } = this.#parts;
    const { journal, shelf } = this;
    this.#broker = broker;
    const removal = new Removal({
      storage,
      turn,
      journal,
      again: (share, message) => broker.again(share, message),
      dropped: () => broker.tally.dropped['session-ended']++,
      failed: (error) => this.#failed('the records of sessions that are over cannot be deleted', error),
    });
    this.#removal = removal;
    this.#lapse = new Lapse(storage, journal, broker.sessions, turn);
    await restart({ storage, journal, shelf, removal, broker, log, now });
    const census = new Census(shelf, journal, broker.sessions);
    this.#census = census;
    wheel.schedule(this.#timer, wheel.now + SWEEP_EVERY);
    census
      .run()
      .then((isComplete) => {
        if (isComplete) removal.begin();
      })
      .catch((error: unknown) => this.#failed('the queues cannot be counted', error));
  }

  /** A session is there as it was before the restart. */
  async warm(session: Session): Promise<void> {
    await this.#census?.warm(session);
  }

  stop(): void {
    this.#stopped = true;
    this.#census?.stop();
    this.#removal?.stop();
    this.#parts.wheel.cancel(this.#timer);
  }

  #sweep(): void {
    const { turn, wheel, now, outOfSpace } = this.#parts;
    wheel.schedule(this.#timer, wheel.now + SWEEP_EVERY);
    // Where space only runs short, commits still land.
    if (this.journal.full && turn.durable < this.#awaited) outOfSpace();
    this.#awaited = turn.newest;
    this.#broker?.retention.sweep();
    this.#lapse?.sweep(now()).catch((error: unknown) => this.#failed('what has expired cannot be looked for', error));
  }

  /** Told one by one as long as that helps: a store may be damaged in millions of places. */
  #damaged(key: Buffer, error: unknown): void {
    const { log } = this.#parts;
    const because = error instanceof Error ? error.message : String(error);
    if (this.#damages < TOLD) log.error({ key: key.toString('hex'), because }, 'a record of the store is damaged, and left out');
    else if (this.#damages === TOLD)
      log.error({}, 'more records of the store are damaged, and left out: posmq store check tells all of them');
    this.#damages++;
  }

  /** What goes wrong in the background of a storage that is closing is no news. */
  #failed(what: string, error: unknown): void {
    if (!this.#stopped) this.#parts.log.error({ err: error }, what);
  }
}
