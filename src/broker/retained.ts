/** The last message of each topic that was published with RETAIN, for those who subscribe later (MQTT 3.1.1 section 3.3.1.3). */
import type { Message } from '../session/message.js';
import { NameTree } from '../topic/name-tree.js';

/** Messages up to this size, in bytes, stay in memory also where a storage has them: reading one back costs more than its memory. */
const SMALL = 192;

export function isLarge({ size }: { readonly size: number }): boolean {
  return size > SMALL;
}

/** Messages looked at in one sweep. */
const SWEEP = 1_000;

/** A retained message, or where it is: without `message` it lies on record only. */
export interface Kept {
  readonly topic: string;
  /** ms since the epoch; Infinity where it never expires. */
  readonly expiresAt: number;
  /** Bytes. */
  readonly size: number;
  message: Message | undefined;
}

export class Retained {
  readonly #kept = new NameTree<Kept>();
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #bytes = 0;
  /** A round through all of them that is not complete. */
  #swept: Generator<Kept, void, undefined> | undefined;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Bytes of the messages kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get(topic: string): Kept | undefined {
    return this.#kept.get(topic);
  }

  /** Keeps a message in place of the topic's last one [MQTT-3.3.1-5]; false where it would go over the bounds. */
  set(message: Message): boolean {
    const { topic, expiresAt, size } = message;
    if (!this.enter({ topic, expiresAt, size, message })) return false;
    message.keep();
    return true;
  }

  /** The same, for one that may lie on record only. */
  enter(kept: Kept): boolean {
    if (!this.takes(kept)) return false;
    this.#bytes += kept.size - (this.#kept.set(kept.topic, kept)?.size ?? 0);
    return true;
  }

  /** Whether a message would be within the bounds. */
  takes({ topic, size }: { readonly topic: string; readonly size: number }): boolean {
    const replaced = this.#kept.get(topic);
    return this.#bytes - (replaced?.size ?? 0) + size <= this.#maxBytes && (replaced !== undefined || this.#kept.size < this.#maxMessages);
  }

  /** A message is on record: unless it is small, or there is a newer one, only its name stays in memory. */
  shelve(message: Message): void {
    const kept = this.#kept.get(message.topic);
    if (kept?.message === message && isLarge(message)) kept.message = undefined;
  }

  /** [MQTT-3.3.1-10] [MQTT-3.3.1-11]; whether there was one. */
  delete(topic: string): boolean {
    const deleted = this.#kept.delete(topic);
    if (deleted === undefined) return false;
    this.#bytes -= deleted.size;
    return true;
  }

  /** The next few, round after round: for who looks for what has expired. */
  *sweep(): Generator<Kept, void, undefined> {
    for (let looked = 0; looked < SWEEP; looked++) {
      this.#swept ??= this.#kept.match('#');
      const next = this.#swept.next();
      if (next.done === true) {
        this.#swept = undefined;
        return;
      }
      yield next.value;
    }
  }

  /** The messages whose topics match a filter, one at a time: the store may change in between. */
  match(filter: string): Generator<Kept, void, undefined> {
    return this.#kept.match(filter);
  }
}
