/** What becomes of retained messages: kept, put on record, read back from there, and forgotten when they have expired. */
import type { Journal, Ticket } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Tally } from '../session/tally.js';
import type { Listener } from './listener.js';
import { isLarge, type Kept, type Retained } from './retained.js';
import type { StorageShelf } from './shelf.js';
import type { Turn } from './turn.js';

/** Messages read back at a time for a subscriber of this process, and bytes of them. */
const PAGE = 64;
const PAGE_BYTES = 262_144;

export interface RetentionParts {
  readonly retained: Retained;
  readonly tally: Tally;
  readonly journal: Journal;
  readonly shelf: StorageShelf | undefined;
  readonly turn: Turn;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly bug: (where: string, error: unknown) => void;
}

export class Retention {
  readonly #parts: RetentionParts;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** A message was published with RETAIN: it takes the place of the topic's last one, or ends that where it has no payload. */
  retain(message: Message): Ticket {
    const { retained, tally, journal } = this.#parts;
    if (message.payloadLength > 0) {
      const isFull = journal.full;
      if (!isFull && retained.set(message)) return this.#record(message);
      tally.dropped[isFull ? 'storage-full' : 'retained-full']++; // and what the topic had is out of date [MQTT-3.3.1-7]
    }
    return retained.delete(message.topic) ? journal.unretained(message.topic) : 0;
  }

  /** A message that has expired. */
  forget(kept: Kept): void {
    const { retained, tally, journal } = this.#parts;
    if (retained.get(kept.topic) !== kept) return; // it is gone, or another one has come
    tally.dropped['message-expired']++;
    retained.delete(kept.topic);
    journal.unretained(kept.topic);
  }

  /** Looks through a part of what is retained for what has expired. */
  sweep(): void {
    const { retained, now } = this.#parts;
    for (const kept of retained.sweep()) if (kept.expiresAt <= now()) this.forget(kept);
  }

  /** Messages that are on record only. */
  async read(topics: readonly string[]): Promise<(Message | undefined)[]> {
    return this.#parts.shelf?.retained(topics) ?? [];
  }

  /** Delivers what is retained under a filter to a subscriber of this process: at once, or when it is read back. */
  deliver(filter: string, subscriber: Listener): void {
    const { retained, now } = this.#parts;
    const absent: Kept[] = [];
    for (const kept of retained.match(filter)) {
      if (kept.expiresAt <= now()) this.forget(kept);
      else if (kept.message === undefined) absent.push(kept);
      else subscriber.deliver(kept.message, kept.message.qos);
    }
    if (absent.length > 0) void this.#deliverAbsent(subscriber, absent);
  }

  async #deliverAbsent(subscriber: Listener, absent: readonly Kept[]): Promise<void> {
    const { retained, turn, bug } = this.#parts;
    try {
      for (let next = 0; next < absent.length && !subscriber.ended; ) {
        const page: Kept[] = [];
        for (let bytes = 0; next < absent.length && page.length < PAGE && bytes < PAGE_BYTES; next++) {
          page.push(absent[next]!);
          bytes += absent[next]!.size;
        }
        const messages = await this.read(page.map(({ topic }) => topic));
        for (const [at, message] of messages.entries()) {
          if (message !== undefined && retained.get(message.topic) === page[at]) subscriber.deliver(message, message.qos);
        }
        // It hears them when the turn ends; then their memory is free for the next.
        await new Promise<void>((resolve) => turn.later(resolve));
      }
    } catch (error) {
      bug('a listener for retained messages', error);
    }
  }

  /** Once it is on record, memory need not hold all of it. */
  #record(message: Message): Ticket {
    const { retained, journal, shelf, turn } = this.#parts;
    const ticket = journal.retained(message);
    if (shelf !== undefined && isLarge(message)) {
      // Where it never gets there, that is the storage's failure, and told as that.
      turn.settled(turn.newest).then(
        () => retained.shelve(message),
        () => {},
      );
    }
    return ticket;
  }
}
