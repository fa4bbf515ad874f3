/** Messages at QoS 1 and 2 that wait for their session's connection or window, bounded by count and by bytes. */
import { Queue } from '../util/queue.js';
import type { SessionLimits } from './contracts.js';
import type { Delivery } from './inflight.js';
import type { Tally } from './tally.js';

export class OutgoingQueue {
  readonly #limits: SessionLimits;
  readonly #tally: Tally;
  readonly #waiting = new Queue<Delivery>();
  #bytes = 0;

  constructor(limits: SessionLimits, tally: Tally) {
    this.#limits = limits;
    this.#tally = tally;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a message of this size, in bytes, still fits. */
  hasRoomFor(size: number): boolean {
    return this.#waiting.length < this.#limits.maxQueuedMessages && this.#bytes + size <= this.#limits.maxQueuedBytes;
  }

  push(delivery: Delivery): void {
    const size = sizeOf(delivery);
    this.#waiting.push(delivery);
    this.#bytes += size;
    this.#tally.queuedMessages++;
    this.#tally.queuedBytes += size;
  }

  shift(): Delivery | undefined {
    const delivery = this.#waiting.shift();
    if (delivery === undefined) return undefined;
    const size = sizeOf(delivery);
    this.#bytes -= size;
    this.#tally.queuedMessages--;
    this.#tally.queuedBytes -= size;
    return delivery;
  }

  /** Adds what came through a Shared Subscription to `into`. */
  takeShared(into: Delivery[]): void {
    for (const delivery of this.#waiting) if (delivery.extras.share !== undefined) into.push(delivery);
  }

  clear(): void {
    this.#tally.queuedMessages -= this.#waiting.length;
    this.#tally.queuedBytes -= this.#bytes;
    this.#waiting.clear();
    this.#bytes = 0;
  }
}

function sizeOf(delivery: Delivery): number {
  return delivery.message?.size ?? 0;
}
