/** Messages at QoS 1 and 2 that wait for their session's connection or window, bounded by count and by bytes. */
import { Queue } from '../util/queue.js';
import type { SessionLimits } from './contracts.js';
import type { Delivery } from './inflight.js';
import type { Tally } from './tally.js';

/**
 * What of a queue is in memory, its window: at most so many messages, and bytes, for each connected session, as long as all windows together
 * are within their bound; a few beyond that. The rest lies on the shelf, where there is one: counted here, and read back as the window runs
 * empty. A wide window pays: a message that is read back costs four records where one that stays costs two, or none.
 */
const WINDOW = 4_096;
const WINDOW_BYTES = 1_048_576;
const ALL_WINDOWS_BYTES = 67_108_864;
const NARROW = 64;
const NARROW_BYTES = 65_536;
/** How many are read back at a time, when no more than so many are left: a page has its price whatever it holds, and a large one lives long. */
const PAGE = 512;
const LOW = 256;

/** By how much a queue on the shelf may be over its bounds while its oldest are read to be dropped. */
const OVERSHOOT = 1_000;
const OVERSHOOT_BYTES = 1_048_576;

export class OutgoingQueue {
  readonly #limits: SessionLimits;
  readonly #tally: Tally;
  readonly #window = new Queue<Delivery>();
  #windowBytes = 0;
  /** Bytes of what was read and lies in front of the window: its deliveries count as those of the shelf. */
  #pageBytes = 0;
  #bytes = 0;
  /** How many lie on the shelf, behind the window. */
  #shelved = 0;

  constructor(limits: SessionLimits, tally: Tally) {
    this.#limits = limits;
    this.#tally = tally;
  }

  get length(): number {
    return this.#window.length + this.#shelved;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get shelved(): number {
    return this.#shelved;
  }

  /** Whether the window, with `ahead` deliveries that were read, runs low while more lies behind them: how many of those may be read, or 0. */
  wanted(ahead: number): number {
    if (this.#shelved <= ahead) return 0;
    const here = this.#window.length + ahead;
    const isLow = here <= LOW && this.#windowBytes + this.#pageBytes <= WINDOW_BYTES / 2;
    if (!isLow) return 0;
    return this.#tally.windowBytes < ALL_WINDOWS_BYTES ? PAGE : Math.max(0, NARROW - here);
  }

  /** So many bytes were read, or, where that is negative, are in memory as that no more. */
  read(bytes: number): void {
    this.#pageBytes += bytes;
    this.#tally.windowBytes += bytes;
  }

  /** Whether a message of this size, in bytes, still fits. */
  hasRoomFor(size: number): boolean {
    return this.#fitsWith(1, size);
  }

  /** Whether it is within its bounds. */
  get fits(): boolean {
    return this.#fitsWith(0, 0);
  }

  /** Whether a message more than fits may come in while the oldest on the shelf are read to be dropped. */
  mayOvershoot(size: number): boolean {
    return this.#shelved > 0 && size <= this.#limits.maxQueuedBytes && this.#fitsWith(1 - OVERSHOOT, size - OVERSHOOT_BYTES);
  }

  /** Whether the window takes a message of this size, in bytes, so that it need not lie on the shelf. */
  isOpenTo(size: number): boolean {
    if (this.#shelved > 0) return false;
    const isWide = this.#tally.windowBytes < ALL_WINDOWS_BYTES;
    return this.#window.length < (isWide ? WINDOW : NARROW) && this.#windowBytes + size <= (isWide ? WINDOW_BYTES : NARROW_BYTES);
  }

  push(delivery: Delivery): void {
    this.#count(1, delivery.size);
    this.#enter(delivery);
  }

  /** A message that lies on the shelf only: nothing here holds it. */
  pushShelved(size: number): void {
    this.#count(1, size);
    this.#shelved++;
  }

  /** A delivery of the shelf is in memory again, behind the others. */
  taken(delivery: Delivery): void {
    this.#shelved--;
    this.#enter(delivery);
  }

  /** A delivery of the shelf is none of those that wait. */
  removed(size: number): void {
    this.#shelved--;
    this.#count(-1, -size);
  }

  /** What was to lie on the shelf does not. @returns how many that were. */
  lose(): number {
    const lost = this.#shelved;
    this.#shelved = 0;
    this.#count(-lost, this.#windowBytes - this.#bytes);
    return lost;
  }

  /** What a restart finds on the shelf. */
  found(messages: number, bytes: number): void {
    this.#shelved += messages;
    this.#count(messages, bytes);
  }

  peek(): Delivery | undefined {
    return this.#window.peek();
  }

  shift(): Delivery | undefined {
    const delivery = this.#window.shift();
    if (delivery === undefined) return undefined;
    this.#windowBytes -= delivery.size;
    this.#tally.windowBytes -= delivery.size;
    this.#count(-1, -delivery.size);
    return delivery;
  }

  /** Puts the window back on the shelf. */
  shelve(): void {
    this.#shelved += this.#window.length;
    this.#closeWindow();
  }

  /** Adds what came through a Shared Subscription to `into`. */
  takeShared(into: Delivery[]): void {
    for (const delivery of this.#window) if (delivery.extras.share !== undefined) into.push(delivery);
  }

  clear(): void {
    this.#count(-this.length, -this.#bytes);
    this.#closeWindow();
    this.#shelved = 0;
  }

  #fitsWith(messages: number, bytes: number): boolean {
    const { maxQueuedMessages, maxQueuedBytes, maxTotalQueuedMessages, maxTotalQueuedBytes } = this.#limits;
    const { queuedMessages, queuedBytes } = this.#tally;
    return (
      this.length + messages <= maxQueuedMessages &&
      this.#bytes + bytes <= maxQueuedBytes &&
      queuedMessages + messages <= maxTotalQueuedMessages &&
      queuedBytes + bytes <= maxTotalQueuedBytes
    );
  }

  #enter(delivery: Delivery): void {
    this.#window.push(delivery);
    this.#windowBytes += delivery.size;
    this.#tally.windowBytes += delivery.size;
  }

  #closeWindow(): void {
    this.#tally.windowBytes -= this.#windowBytes;
    this.#window.clear();
    this.#windowBytes = 0;
  }

  #count(messages: number, bytes: number): void {
    this.#bytes += bytes;
    this.#tally.queuedMessages += messages;
    this.#tally.queuedBytes += bytes;
  }
}
