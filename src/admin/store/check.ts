/** Whether a store is sound: every record is read, and held against those it belongs to. */
import type { Entry, Storage } from '../../broker/contracts.js';
import * as keys from '../../broker/record-keys.js';
import { Kind } from '../../broker/record-keys.js';
import * as parcels from '../../broker/parcel-record.js';
import * as record from '../../broker/records.js';
import { Parcel } from '../../session/parcel.js';
import { filterOf, isTopicFilter } from '../../topic/name.js';
import { Counts } from '../../util/counts.js';
import { sentenceOf, type Damaged } from './damage.js';
import { pages } from './pages.js';

/** A store that cannot be looked at; the message is one sentence. */
export class VersionError extends Error {
  override readonly name = 'VersionError';
}

export interface Sum {
  records: number;
  bytes: number;
}

export interface Queue extends Sum {
  readonly clientId: string;
}

/** How many of the largest queues are told. */
const LARGEST = 5;

const NONE: parcels.SettledRecord = { bits: 0, size: 0 };

/** Bytes of the keys that have one length. */
const KEY_BYTES: { readonly [K in Kind]?: number } = {
  [Kind.Format]: 1,
  [Kind.Sequence]: 1,
  [Kind.Ended]: 7,
  [Kind.Delivery]: keys.DELIVERY_KEY,
  [Kind.Sent]: 13,
  [Kind.Released]: 13,
  [Kind.Received]: 9,
  [Kind.Settled]: 13,
  [Kind.Body]: 7,
  [Kind.Expiry]: 23,
};

/** @throws VersionError where the records are of another version, or there are none. */
export async function mustBeOfThisVersion(storage: Storage): Promise<void> {
  const version = (await storage.get(keys.key(Kind.Format)))?.[0];
  if (version === keys.FORMAT) return;
  throw new VersionError(
    version === undefined
      ? 'the store says no version of its records: no PosMQ has used it'
      : `the records of the store are of version ${version}, this PosMQ reads version ${keys.FORMAT}`,
  );
}

/** What is in memory of a store: its sessions, and a few bytes for each message that several of them wait for. */
export class Check {
  /** By kind. */
  readonly sums = new Map<Kind, Sum>();
  /** Messages that wait for sessions, for each of these; bytes of messages, not of records. */
  readonly queued: Sum = { records: 0, bytes: 0 };
  /** The largest first, by their messages. */
  readonly largest: Queue[] = [];
  /** Records that belong to nobody, and do no harm: a broker deletes them. */
  readonly leftovers: Sum = { records: 0, bytes: 0 };
  damages = 0;
  readonly #storage: Storage;
  readonly #damaged: Damaged;
  /** Client Identifiers, by number. */
  readonly #sessions = new Map<number, string>();
  readonly #ended = new Set<number>();
  /** By sequence: 1 where there is such a body, and 1 more for each delivery that needs it. */
  readonly #bodies = new Counts();
  /** Of parcels, by the sequence of their last message. */
  readonly #settled = new Map<number, parcels.SettledRecord>();
  #reserved = 0;
  /** Records of a session that is not there, which are told together. */
  #orphans: { readonly kind: Kind; readonly number: number; readonly first: Buffer; count: number } | undefined;
  #queue: (Queue & { readonly number: number }) | undefined;

  constructor(storage: Storage, damaged: Damaged) {
    this.#storage = storage;
    this.#damaged = damaged;
  }

  async run(): Promise<void> {
    await this.#findBodies();
    await this.#findSettled();
    for (const kind of Object.values(Kind)) {
      for await (const page of pages(this.#storage, keys.rangeOf(kind))) {
        for (const entry of page) this.#look(kind, entry);
        if (kind === Kind.Sent || kind === Kind.Settled || kind === Kind.Expiry)
          await Promise.all(page.map((entry) => this.#lookForDelivery(kind, entry)));
      }
      this.#tellOrphans();
    }
    this.#endQueue();
    await this.#findStrangers();
  }

  /** What of a kind there is. */
  sumOf(kind: Kind): Sum {
    let sum = this.sums.get(kind);
    if (sum === undefined) this.sums.set(kind, (sum = { records: 0, bytes: 0 }));
    return sum;
  }

  /** What is over of parcels is to be known when these are counted. */
  async #findSettled(): Promise<void> {
    for await (const page of pages(this.#storage, keys.rangeOf(Kind.Settled))) {
      for (const { key, value } of page) {
        if (key.length !== KEY_BYTES[Kind.Settled]) continue;
        try {
          this.#settled.set(keys.sequenceOf(key), parcels.readSettled(value));
        } catch {
          // told when its kind is looked at
        }
      }
    }
  }

  async #findBodies(): Promise<void> {
    for await (const page of pages(this.#storage, keys.rangeOf(Kind.Body), 'keys')) {
      for (const { key } of page) if (key.length === KEY_BYTES[Kind.Body]) this.#bodies.increment(keys.numberOf(key));
    }
  }

  #look(kind: Kind, entry: Entry): void {
    add(this.sumOf(kind), entry);
    try {
      const length = KEY_BYTES[kind] ?? entry.key.length;
      if (entry.key.length !== length) throw new record.RecordError(`its key has ${entry.key.length} bytes in place of ${length}`);
      this.#read(kind, entry);
    } catch (error) {
      this.#tell(entry.key, sentenceOf(error));
    }
  }

  #read(kind: Kind, entry: Entry): void {
    const { key, value } = entry;
    switch (kind) {
      case Kind.Format:
        return;
      case Kind.Sequence:
        this.#reserved = record.readNumber(value);
        return;
      case Kind.Session:
        return this.#readSession(entry);
      case Kind.Ended:
        this.#ended.add(keys.numberOf(key));
        if (this.#sessions.has(keys.numberOf(key))) throw new record.RecordError('a session is there that is said to be over');
        return add(this.leftovers, entry);
      case Kind.Subscription:
        if (!this.#isOfSession(kind, entry)) return;
        return mustBeFilter(record.readSubscription(value, keys.filterOf(key)));
      case Kind.Delivery:
        return keys.placeOf(key).count === 1 ? this.#readDelivery(entry) : this.#readParcel(entry);
      case Kind.Sent:
        record.readSent(value);
        this.#isOfSession(kind, entry);
        return;
      case Kind.Settled:
        parcels.readSettled(value);
        this.#isOfSession(kind, entry);
        return;
      case Kind.Released:
        this.sumOf(kind).records += record.readPacketIds(value).length - 1;
        this.#mustBeGiven(keys.sequenceOf(key));
        this.#isOfSession(kind, entry);
        return;
      case Kind.Received:
        this.#isOfSession(kind, entry);
        return;
      case Kind.Body:
        record.readMessage(value);
        this.#mustBeGiven(keys.numberOf(key));
        if (this.#bodies.get(keys.numberOf(key)) === 1) add(this.leftovers, entry);
        return;
      case Kind.Expiry:
        return; // what it is about is looked for with the others of its page
      case Kind.Retained:
        if (record.readMessage(value).topic !== keys.nameOf(key)) throw new record.RecordError('its message has another topic');
        return;
      case Kind.Will:
        record.readWill(value);
        return;
    }
  }

  #readSession({ key, value }: Entry): void {
    const clientId = keys.nameOf(key);
    if (!keys.key(Kind.Session, clientId).equals(key)) throw new record.RecordError('its Client Identifier is no UTF-8');
    const { number, createdAt, expiresAt } = record.readSession(value);
    this.#mustBeGiven(number);
    if (this.#sessions.has(number)) throw new record.RecordError('its number is that of another session');
    this.#sessions.set(number, clientId);
    if (!(createdAt >= 0 && expiresAt >= 0)) throw new record.RecordError('a time is none');
    for (const subscription of record.subscriptionsWithin(value)) {
      this.sumOf(Kind.Subscription).records++;
      mustBeFilter(subscription);
    }
  }

  #readDelivery(entry: Entry): void {
    const { number, sequence, size, isApart } = keys.placeOf(entry.key);
    const isOfSession = this.#isOfSession(Kind.Delivery, entry);
    if (isOfSession) this.#count(number, 1, size);
    this.#mustBeGiven(sequence);
    const isMissing = isApart && this.#bodies.get(sequence) === 0;
    if (isApart && !isMissing) this.#bodies.increment(sequence);
    const delivery = record.readDelivery(entry.value);
    if (delivery.sequence !== sequence || (delivery.message === undefined) !== isApart)
      throw new record.RecordError('its key is that of another');
    if (isMissing && isOfSession) throw new record.RecordError('the message it is about is not there');
  }

  #readParcel(entry: Entry): void {
    const { number, sequence, size, count, isApart } = keys.placeOf(entry.key);
    const { bits, size: settledSize } = this.#settled.get(sequence) ?? NONE;
    const remaining = new Parcel(number, count, sequence, size);
    remaining.settle(bits, settledSize);
    if (this.#isOfSession(Kind.Delivery, entry)) this.#count(number, remaining.left, size - settledSize);
    this.#mustBeGiven(sequence);
    const parcel = parcels.readParcel(entry.value);
    const isOfKey = parcel.last === sequence && parcel.size === size && parcel.count === count && !isApart;
    if (!isOfKey) throw new record.RecordError('its key is that of another');
    const deliveries = Array.from({ length: count }, (_, i) => parcels.readPacked(entry.value, parcel, i));
    if (deliveries.some(({ message }) => message === undefined)) throw new record.RecordError('the body of a message in a parcel is apart');
    const sizeOf = (which: number): number =>
      deliveries.reduce((sum, one, i) => sum + ((which & (1 << i)) === 0 ? 0 : one.message!.size), 0);
    if (sizeOf(~0) !== size) throw new record.RecordError('its key says another size than its messages have');
    if (sizeOf(bits) !== settledSize || (count < 32 && bits >>> count !== 0))
      throw new record.RecordError('what is said to be over is not what it has');
    const places = deliveries.map((delivery) => delivery.sequence);
    if (places.at(-1) !== sequence || places.some((place, i) => i > 0 && place <= places[i - 1]!)) {
      throw new record.RecordError('its messages are in no order');
    }
  }

  #mustBeGiven(number: number): void {
    if (number <= this.#reserved) return;
    throw new record.RecordError(`number ${number} is above ${this.#reserved}, the last that was set aside: it would be given again`);
  }

  /** Whether a record belongs to a session there is. */
  #isOfSession(kind: Kind, entry: Entry): boolean {
    const number = keys.numberOf(entry.key);
    if (this.#sessions.has(number)) return true;
    if (this.#ended.has(number)) {
      add(this.leftovers, entry);
      return false;
    }
    if (this.#orphans?.kind !== kind || this.#orphans.number !== number) {
      this.#tellOrphans();
      this.#orphans = { kind, number, first: entry.key, count: 0 };
    }
    this.#orphans.count++;
    return false;
  }

  #tellOrphans(): void {
    const orphans = this.#orphans;
    this.#orphans = undefined;
    if (orphans === undefined) return;
    const { number, first, count } = orphans;
    this.#tell(first, `there is no session of number ${number}${count === 1 ? '' : `, and there are ${count} records like this one`}`);
  }

  /** A note about a delivery that is not there does no harm. */
  async #lookForDelivery(kind: typeof Kind.Sent | typeof Kind.Settled | typeof Kind.Expiry, entry: Entry): Promise<void> {
    const { key } = entry;
    if (key.length !== KEY_BYTES[kind]) return;
    if (kind !== Kind.Expiry && !this.#sessions.has(keys.numberOf(key))) return;
    const { from, to } = kind === Kind.Expiry ? deliveryOf(key) : keys.rangeBehind(keys.numberOf(key), keys.sequenceOf(key) - 1);
    const [found] = await this.#storage.range(from, to, 1);
    if (found === undefined || (kind !== Kind.Expiry && !isAbout(kind, keys.sequenceOf(key), found))) add(this.leftovers, entry);
  }

  #count(number: number, messages: number, size: number): void {
    if (this.#queue?.number !== number) {
      this.#endQueue();
      this.#queue = { number, clientId: this.#sessions.get(number)!, records: 0, bytes: 0 };
    }
    for (const sum of [this.#queue, this.queued]) {
      sum.records += messages;
      sum.bytes += size;
    }
  }

  #endQueue(): void {
    if (this.#queue === undefined) return;
    this.largest.push(this.#queue);
    this.largest.sort((a, b) => b.records - a.records);
    this.largest.length = Math.min(this.largest.length, LARGEST);
  }

  /** Whatever begins with a byte that is no kind. */
  async #findStrangers(): Promise<void> {
    const kinds: readonly number[] = Object.values(Kind);
    for (let first = 0; first <= 0xff; first++) {
      if (kinds.includes(first)) continue;
      const to = first === 0xff ? Buffer.alloc(64, 0xff) : Buffer.of(first + 1);
      for await (const page of pages(this.#storage, { from: Buffer.of(first), to }, 'keys')) {
        for (const { key } of page) this.#tell(key, 'it is of no kind this PosMQ knows');
      }
    }
  }

  #tell(key: Buffer, sentence: string): void {
    this.damages++;
    this.#damaged(key, sentence);
  }
}

function mustBeFilter({ filter }: record.SubscriptionRecord): void {
  if (!isTopicFilter(filterOf(filter).filter)) throw new record.RecordError('what it subscribes to is no Topic Filter');
}

function deliveryOf(expiryKey: Buffer): keys.Range {
  const { number, sequence, size, isApart } = keys.placeOfExpiry(expiryKey);
  const from = keys.deliveryKey(number, sequence, size, isApart);
  return { from, to: keys.after(from) };
}

/** Whether a note is about what was found where it should be: a message, or one in a parcel, or a parcel. A damaged one is told by itself. */
function isAbout(kind: typeof Kind.Sent | typeof Kind.Settled, sequence: number, { key, value }: Entry): boolean {
  const { sequence: last, count } = keys.placeOf(key);
  if (last === sequence) return kind === Kind.Sent || count > 1;
  if (kind === Kind.Settled || count === 1) return false;
  try {
    const parcel = parcels.readParcel(value);
    return Array.from({ length: count }, (_, i) => parcels.readPacked(value, parcel, i)).some((one) => one.sequence === sequence);
  } catch {
    return true;
  }
}

function add(sum: Sum, { key, value }: Entry): void {
  sum.records++;
  sum.bytes += key.length + value.length;
}
