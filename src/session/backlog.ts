/** What of a session's queue lies on the shelf, and how it comes back. Hot. */
import type { Found, Page, Shelf } from './contracts.js';
import { Awaiting, type Delivery } from './inflight.js';
import type { Session } from './session.js';

/** Deliveries that are read at a time where not the window wants them. */
const FEW = 32;

export class Backlog {
  readonly #session: Session;
  readonly #shelf: Shelf;
  /** The sequence up to which what lies on the shelf is in memory, in flight, or over. */
  #cursor = 0;
  /** The highest sequence that has left the queue: it, and all before it, is in flight or over. */
  #passed = 0;
  /** Of those in flight, by sequence, where their messages are to be read back before they are sent again. */
  #recalled: Map<number, Delivery> | undefined;
  /** The last sequence when nothing was found behind the cursor. */
  #emptyAt: number | undefined;
  /** What was read behind the cursor, and is to be unpacked. */
  #pages: Page[] = [];
  /** What is being read of the shelf; another one, or none, once that is of no use any more. */
  #reading: object | undefined;
  /** What a restart found of deliveries that had waited before they were sent: packet identifiers, by sequence. */
  #found: Map<number, number> | undefined;
  /** Up to this sequence what lies on the shelf may have been sent, without that being on record. */
  #unsure = 0;

  constructor(session: Session, shelf: Shelf) {
    this.#session = session;
    this.#shelf = shelf;
  }

  /** A delivery has to wait: in the window of the queue, or on the shelf. */
  push(delivery: Delivery): void {
    const { queue, wire } = this.#session;
    // Nothing passes what is still to be read back.
    const isNext = wire !== undefined && this.#recalled === undefined && queue.isOpenTo(delivery.size);
    if (!isNext) {
      if (this.#reading === undefined) this.#shelf.keeps(delivery);
      return queue.pushShelved(delivery.size);
    }
    queue.push(delivery);
    this.#cursor = delivery.sequence;
  }

  /** A delivery has left the queue, or never was in it: sent, or given up. */
  left({ sequence }: Delivery): void {
    if (sequence > this.#passed) this.#passed = sequence;
    if (sequence > this.#cursor) this.#cursor = sequence;
  }

  /** The message of a delivery in flight is needed, to be sent again. */
  recall(delivery: Delivery): void {
    (this.#recalled ??= new Map()).set(delivery.sequence, delivery);
  }

  /** All that was in flight is sent again: what lies behind the last of it waits, what lies before it is in flight, or over. */
  recalled(): void {
    for (const sequence of this.#recalled?.keys() ?? []) if (sequence > this.#cursor) this.#cursor = sequence;
    this.#recalled = undefined;
  }

  /** Reads on where the window of the queue runs low. */
  refill(): void {
    let ahead = 0;
    for (let i = 0; i < this.#pages.length; i++) ahead += this.#pages[i]!.left;
    const wanted = this.#session.queue.wanted(ahead);
    if (wanted > 0) this.read(wanted);
  }

  /** Takes what shares the next record of what was read. @returns whether there was any. */
  unpack(): boolean {
    const [page] = this.#pages;
    if (page === undefined) return false;
    let deliveries: readonly Delivery[] | undefined;
    try {
      deliveries = page.take();
    } catch {
      // What was found behind them, or not, is of no use.
      this.#reading = undefined;
      this.#emptyAt = undefined;
      this.#dropPages();
      this.read(FEW, true);
      return false;
    }
    if (deliveries === undefined) {
      this.#pages.shift();
      this.#session.queue.read(-page.bytes);
      if (page.last > this.#cursor) this.#cursor = page.last;
      return this.unpack();
    }
    for (const delivery of deliveries) this.#take(delivery);
    return true;
  }

  /** Reads what lies behind the cursor: what was in flight is to be sent again, the rest waits. */
  read(limit = FEW, isCareful = false): void {
    if (this.#reading !== undefined) return;
    const session = this.#session;
    const newest = session.lastSequence;
    if (this.#emptyAt === newest) return this.#pages.length > 0 ? undefined : this.#miss();
    const reading = (this.#reading = {});
    // Without a connection what is in flight stays where it is: only what waits is read, to be dropped.
    const from = session.wire === undefined ? Math.max(this.#cursor, this.#passed) : this.#cursor;
    const behind = Math.max(from, this.#pages.at(-1)?.last ?? 0);
    this.#shelf.read(session, behind, limit, { hasKnown: behind < this.#passed, isCareful }, (page) => {
      if (this.#reading !== reading) return;
      this.#reading = undefined;
      if (page.left === 0) this.#emptyAt = newest;
      this.#pages.push(page);
      session.queue.read(page.bytes);
      if (session.wire === undefined || this.#recalled !== undefined) while (this.unpack());
      if (session.wire === undefined) this.#dropOldest();
      else session.drain();
    });
  }

  /** Lets go of what lies on the shelf: the next connection reads it from there. */
  shelve(): void {
    const { inflight, queue } = this.#session;
    this.stopReading();
    let first: number | undefined;
    for (const delivery of inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) continue;
      first ??= delivery.sequence;
      this.#shelf.letGo(delivery);
    }
    first ??= queue.peek()?.sequence;
    queue.shelve();
    if (first !== undefined) this.#cursor = first - 1;
  }

  /** What is being read is of no use any more. */
  stopReading(): void {
    this.#reading = undefined;
    this.#recalled = undefined;
    this.#emptyAt = undefined;
    this.#dropPages();
  }

  /** What a restart finds on record. @param wasConnected whether some of what waits may have been sent all the same. */
  warm({ sent, messages, bytes, last }: Found, wasConnected: boolean): void {
    this.#found = sent;
    if (wasConnected) this.#unsure = last;
    this.#session.queue.found(messages, bytes);
  }

  /** Whether something waits that may have been sent, without that being on record. */
  get isUnsure(): boolean {
    return this.#unsure > this.#passed;
  }

  /** Whether a delivery lies on the shelf and nowhere else: neither in memory nor in flight nor on its way from one to the other. */
  holds(sequence: number): boolean {
    if (this.#reading !== undefined || sequence <= Math.max(this.#cursor, this.#passed, this.#pages.at(-1)?.last ?? 0)) return false;
    return this.#found?.has(sequence) !== true;
  }

  #dropPages(): void {
    for (const { bytes } of this.#pages) this.#session.queue.read(-bytes);
    this.#pages = [];
  }

  #take(delivery: Delivery): void {
    const { sequence } = delivery;
    if (sequence <= this.#cursor) return;
    this.#cursor = sequence;
    const session = this.#session;
    const recalled = this.#recalled?.get(sequence);
    if (recalled !== undefined) {
      recalled.message ??= delivery.message;
      if (recalled.message === undefined) session.giveUp(recalled, 'record-damaged');
      return;
    }
    const foundId = this.#found?.get(sequence);
    const packetId = foundId ?? delivery.packetId;
    if (delivery.message !== undefined && packetId === 0) {
      // What was sent is on record a little later: what waited for a client that was here may have been [MQTT-3.3.1-1].
      delivery.isRepeat = sequence <= this.#unsure && mayHaveGone(delivery);
      return session.queue.taken(delivery);
    }
    session.queue.removed(delivery.size);
    if (foundId !== undefined) this.#shelf.knows(delivery);
    if (delivery.message === undefined) return session.giveUp(delivery, 'record-damaged');
    // It was in flight when the process ended.
    this.left(delivery);
    delivery.sentAs(packetId);
    session.inflight.add(packetId, delivery);
    session.inflight.continueAfter(packetId);
    if (session.wire !== undefined) session.resend(delivery);
  }

  /** Nobody is there, and more waits than may: it goes from the front. */
  #dropOldest(): void {
    const { queue } = this.#session;
    while (!queue.fits && queue.peek() !== undefined) this.#session.giveUp(queue.shift()!, 'queue-full');
    if (!queue.fits && queue.shelved > 0) this.read();
    else this.shelve();
  }

  /** What was to lie on the shelf is not there: a fault, which must not become a search without end. */
  #miss(): never {
    const absent = [...(this.#recalled?.values() ?? [])].filter(({ message, done }) => message === undefined && !done);
    for (const delivery of absent) if (delivery.awaiting !== Awaiting.Pubcomp) this.#session.forget(delivery);
    throw new Error(`of ${this.#session.queue.lose()} messages that wait, and ${absent.length} in flight, nothing is on record`);
  }
}

/** At QoS 2 what may expire, or go to another member, is on record as sent before it goes out. */
function mayHaveGone({ qos, message, extras }: Delivery): boolean {
  return qos === 1 || (message!.expiresAt === Infinity && extras.share === undefined);
}
