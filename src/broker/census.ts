/** After a restart: what waits in the queues is counted in the background, so that their bounds hold again. */
import type { Found } from '../session/contracts.js';
import { Parcel } from '../session/parcel.js';
import { Release } from '../session/release.js';
import type { Session } from '../session/session.js';
import type { Entry } from './contracts.js';
import type { StorageJournal } from './journal.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as parcels from './parcel-record.js';
import * as record from './records.js';
import type { Sessions } from './sessions.js';
import type { StorageShelf } from './shelf.js';

export class Census {
  readonly #shelf: StorageShelf;
  readonly #journal: StorageJournal;
  readonly #sessions: Sessions;
  /** Queues are counted up to here: what came later was counted as it came. */
  readonly #upTo: number;
  /** Sessions that are being counted before their turn, for their client is here. */
  readonly #early = new Map<Session, Promise<void>>();
  /** Numbers of sessions whose deliveries are counted. */
  readonly #counted = new Set<number>();
  #stopped = false;

  /** To be made when the sessions are restored and nothing has happened yet. */
  constructor(shelf: StorageShelf, journal: StorageJournal, sessions: Sessions) {
    this.#shelf = shelf;
    this.#journal = journal;
    this.#sessions = sessions;
    this.#upTo = journal.sequence;
    journal.filing.uncounted = journal.sequence;
  }

  /** Counts one session at once, for its client is here. */
  async warm(session: Session): Promise<void> {
    let underWay = this.#early.get(session);
    if (underWay === undefined) this.#early.set(session, (underWay = this.#warm(session).finally(() => this.#early.delete(session))));
    return underWay;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Counts all of them. @returns whether it came to its end. */
  async run(): Promise<boolean> {
    const found = new Map<number, Finding>();
    const of = (number: number): Finding => {
      let finding = found.get(number);
      if (finding === undefined) found.set(number, (finding = newFinding()));
      return finding;
    };
    await this.#readNotes((kind) => keys.rangeOf(kind), of);
    let number = 0;
    let queue: Counted = { messages: 0, bytes: 0, last: 0, apart: [] };
    const next = (): void => {
      const session = this.#sessions.numbered(number);
      if (session !== undefined) this.#settle(session, foundOf(found.get(number) ?? NOTHING, queue), queue.apart);
      else if (number !== 0 && !this.#counted.has(number)) this.#need(queue.apart); // it is over, and will be removed
      found.delete(number);
      queue = { messages: 0, bytes: 0, last: 0, apart: [] };
    };
    await this.#scan(keys.rangeOf(Kind.Delivery), 'keys', ({ key }) => {
      const place = keys.placeOf(key);
      if (place.number !== number) next();
      number = place.number;
      this.#count(place, found.get(number) ?? NOTHING, queue);
    });
    next();
    for (const session of this.#sessions) this.#settle(session, foundOf(found.get(session.number) ?? NOTHING, queue), []);
    if (this.#stopped) return false;
    this.#journal.filing.uncounted = 0; // what is needed no more from now on is deleted as it comes to that; before, it is found here
    await this.#scan(keys.rangeOf(Kind.Body), 'keys', ({ key }) => {
      const sequence = keys.numberOf(key);
      if (sequence <= this.#upTo && this.#journal.filing.bodies.get(sequence) === 0) this.#journal.forget(key);
    });
    return !this.#stopped;
  }

  async #warm(session: Session): Promise<void> {
    const { number } = session;
    const finding = newFinding();
    const queue: Counted = { messages: 0, bytes: 0, last: 0, apart: [] };
    await this.#readNotes(
      (kind) => keys.rangeOfNumber(kind, number),
      () => finding,
    );
    await this.#scan(keys.rangeOfNumber(Kind.Delivery, number), 'keys', ({ key }) => this.#count(keys.placeOf(key), finding, queue));
    if (!this.#stopped) this.#settle(session, foundOf(finding, queue), queue.apart);
  }

  /** All that is on record beside the deliveries themselves. @param of the finding of a session, by its number. */
  async #readNotes(rangeOf: (kind: Kind) => keys.Range, of: (number: number) => Finding): Promise<void> {
    await this.#scan(rangeOf(Kind.Sent), 'entries', ({ key, value }) => {
      of(keys.numberOf(key)).sent.set(keys.sequenceOf(key), record.readSent(value));
    });
    await this.#scan(rangeOf(Kind.Released), 'entries', ({ key, value }) => {
      const number = keys.numberOf(key);
      of(number).released.push(new Release(number, keys.sequenceOf(key), record.readPacketIds(value)));
    });
    await this.#scan(rangeOf(Kind.Received), 'keys', ({ key }) => void of(keys.numberOf(key)).received.push(keys.packetIdOf(key)));
    await this.#scan(rangeOf(Kind.Settled), 'entries', ({ key, value }) => {
      of(keys.numberOf(key)).settled.set(keys.sequenceOf(key), parcels.readSettled(value));
    });
  }

  #count({ number, sequence, size, isApart, count }: keys.Shelved, { settled }: Finding, queue: Counted): void {
    if (sequence > this.#upTo) return; // it came after the restart
    queue.messages += count;
    queue.bytes += size;
    queue.last = sequence;
    if (isApart) queue.apart.push(sequence);
    const over = settled.get(sequence);
    if (over === undefined) return;
    const parcel = new Parcel(number, count, sequence, size);
    parcel.settle(over.bits, over.size);
    parcel.isNoted = true;
    queue.messages -= count - parcel.left;
    queue.bytes -= over.size;
    // Once its session has been counted, what has become of its parcels is known better.
    if (!this.#counted.has(number)) this.#journal.filing.parcels.set(sequence, parcel);
  }

  #settle(session: Session, found: Found, apart: readonly number[]): void {
    if (!session.isCold) return;
    this.#counted.add(session.number);
    this.#need(apart);
    session.warm(found);
  }

  #need(bodies: readonly number[]): void {
    for (const sequence of bodies) this.#journal.filing.bodies.increment(sequence);
  }

  async #scan(range: keys.Range, what: 'entries' | 'keys', visit: (entry: Entry) => void): Promise<void> {
    await this.#shelf.each(range, what, visit, () => this.#stopped);
  }
}

interface Finding {
  readonly sent: Map<number, number>;
  readonly released: Release[];
  readonly received: number[];
  /** Of parcels, by the sequence of their last delivery. */
  readonly settled: Map<number, parcels.SettledRecord>;
}

function newFinding(): Finding {
  return { sent: new Map(), released: [], received: [], settled: new Map() };
}

/** Of most sessions: shared, for there may be very many. */
const NOTHING = newFinding();

interface Counted {
  messages: number;
  bytes: number;
  last: number;
  /** Sequences of deliveries whose bodies are apart. */
  readonly apart: number[];
}

function foundOf({ sent, released, received }: Finding, { messages, bytes, last }: Counted): Found {
  return { sent, received, released, messages, bytes, last };
}
