/** Sessions that are over: what is on record of them is deleted in the background, and what others may have of it is given to them. */
import type { Message } from '../session/message.js';
import type { Entry, Storage } from './contracts.js';
import type { StorageJournal } from './journal.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as parcels from './parcel-record.js';
import * as record from './records.js';
import { MAX_DELIVERIES } from '../session/parcel.js';
import { attempted } from '../util/attempt.js';
import type { Turn } from './turn.js';

const KINDS_BUT_DELIVERIES = keys.KINDS_OF_A_SESSION.filter((kind) => kind !== Kind.Delivery);

/** Messages, or other records, that are dealt with at a time, so that nobody waits for it. */
const AT_ONCE = 200;

export interface RemovalEdges {
  readonly storage: Storage;
  readonly turn: Turn;
  readonly journal: StorageJournal;
  /** A message that came through a Shared Subscription may go to another member. */
  readonly again: (share: string, message: Message) => void;
  /** A message goes to nobody. */
  readonly dropped: () => void;
  readonly failed: (error: unknown) => void;
}

export class Removal {
  readonly #edges: RemovalEdges;
  readonly #waiting: number[] = [];
  /** Not before it is known who needs which body. */
  #mayBegin = false;
  #isAtWork = false;

  constructor(edges: RemovalEdges) {
    this.#edges = edges;
  }

  /** Sessions whose records are not deleted yet. */
  get size(): number {
    return this.#waiting.length;
  }

  /** @param number of a session that is over, and recorded as that. */
  add(number: number): void {
    this.#waiting.push(number);
    if (this.#mayBegin && !this.#isAtWork) void this.#work();
  }

  /** No more for this process: what is left is found by the next start. */
  stop(): void {
    this.#waiting.length = 0;
  }

  begin(): void {
    this.#mayBegin = true;
    if (!this.#isAtWork) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    try {
      for (let number = this.#waiting[0]; number !== undefined; number = this.#waiting[0]) {
        await this.#remove(number);
        this.#waiting.shift();
      }
    } catch (error) {
      // What is left is found by the next start.
      this.#edges.failed(error);
      this.#waiting.length = 0;
    } finally {
      this.#isAtWork = false;
    }
  }

  async #remove(number: number): Promise<void> {
    const { turn, journal } = this.#edges;
    // What the session was given last is among what is to be deleted.
    await turn.settled(turn.newest);
    const sent = new Set<number>();
    await this.#each(keys.rangeOfNumber(Kind.Sent, number), ({ key }) => {
      sent.add(keys.sequenceOf(key));
      return 1;
    });
    await this.#each(keys.rangeOfNumber(Kind.Delivery, number), async (entry) => this.#removeDeliveries(entry, sent));
    // What is noted of deliveries goes after them: this may have to be done again.
    for (const kind of KINDS_BUT_DELIVERIES) {
      await this.#each(keys.rangeOfNumber(kind, number), ({ key }) => {
        journal.forget(key);
        return 1;
      });
    }
    journal.forget(keys.numberKey(Kind.Ended, number));
  }

  /** @returns how many there were. */
  async #removeDeliveries({ key, value }: Entry, sent: ReadonlySet<number>): Promise<number> {
    const { storage, journal, dropped } = this.#edges;
    const place = keys.placeOf(key);
    const { number, sequence, isApart, count } = place;
    const body = isApart ? await storage.get(keys.numberKey(Kind.Body, sequence)) : undefined;
    // From here on without a pause: what is given to others and what is deleted goes on record with one commit.
    if (count === 1) {
      const read = attempted(() => record.readDelivery(value));
      if (read === undefined) dropped();
      else this.#part(place, read, sent, body);
    } else {
      const found = attempted(() => parcels.readParcel(value));
      const { settled } = journal.filing.parcelOf(number, { count, last: sequence, size: place.size });
      for (let i = 0; i < count; i++) {
        if ((settled & (1 << i)) !== 0) continue;
        const read = found && attempted(() => parcels.readPacked(value, found, i));
        if (read === undefined) dropped();
        else this.#part({ ...place, sequence: read.sequence }, read, sent);
      }
    }
    journal.forgetDelivery(place, count);
    return count;
  }

  /** What others may have of a delivery is given to them. */
  #part(place: keys.Place, read: record.DeliveryRecord, sent: ReadonlySet<number>, body?: Buffer): void {
    const { journal, again, dropped } = this.#edges;
    const { message, qos, packetId, extras } = read;
    // A QoS 2 message that was sent once goes to nobody else [MQTT5-4.8.2-5].
    const wasSent = packetId !== 0 || sent.has(place.sequence);
    const whole = message ?? (body === undefined ? undefined : attempted(() => record.readMessage(body)));
    if (extras.share !== undefined && !(qos === 2 && wasSent)) {
      if (whole !== undefined) again(extras.share, whole);
    } else if (!wasSent) {
      dropped();
    }
    const { number, sequence, size, isApart } = place;
    if (!wasSent && whole !== undefined && whole.expiresAt < Infinity) {
      journal.forget(keys.expiryKey(whole.expiresAt, number, sequence, size, isApart));
    }
  }

  /**
   * Visits records, and waits until what was done with some of them is durable before it goes on with others, until there are none.
   * @param visit answers how much there was to do.
   */
  async #each({ from, to }: keys.Range, visit: (entry: Entry) => number | Promise<number>): Promise<void> {
    const { storage, turn } = this.#edges;
    for (let first = from; ; ) {
      const page = await storage.range(first, to, AT_ONCE);
      const last = page.at(-1);
      if (last === undefined) return;
      let done = 0;
      for (const entry of page) {
        done += await visit(entry);
        if (done <= AT_ONCE - MAX_DELIVERIES && entry !== last) continue;
        done = 0;
        await turn.settled(turn.newest);
      }
      first = keys.after(last.key);
    }
  }
}
