/** What the journal has of queues and retained messages, read back. */
import type { Page, Reading, Shelf } from '../session/contracts.js';
import { PLAIN } from '../session/contracts.js';
import { Awaiting, Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import type { Parcel } from '../session/parcel.js';
import type { Session } from '../session/session.js';
import type { Entry, Storage, Wanted } from './contracts.js';
import { Filed } from './filed.js';
import type { Filing } from './filing.js';
import type { StorageJournal } from './journal.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as parcels from './parcel-record.js';
import * as record from './records.js';
import type { Turn } from './turn.js';

/** Records read at a time. */
const PAGE = 2_000;

/** Records read at a time where it is not known how far they reach. */
const FEW = 8;

/** Bytes of a message that gains nothing by a record it shares with later ones. */
const LARGE = 4_096;

/** Bytes of messages after which no more are read at a time: their bodies may lie apart, where the storage does not see how large they are. */
const ENOUGH = 262_144;

export interface ShelfEdges {
  /** The storage could not be read for a session. */
  readonly failed: (session: Session, error: unknown) => void;
  /** A record was read, and makes no sense; the others have no part in it. */
  readonly damaged: (key: Buffer, error: unknown) => void;
}

export class StorageShelf implements Shelf {
  readonly #storage: Storage;
  readonly #journal: StorageJournal;
  readonly #turn: Turn;
  readonly #edges: ShelfEdges;

  constructor(storage: Storage, journal: StorageJournal, turn: Turn, edges: ShelfEdges) {
    this.#storage = storage;
    this.#journal = journal;
    this.#turn = turn;
    this.#edges = edges;
  }

  read(session: Session, behind: number, limit: number, { hasKnown, isCareful }: Reading, taken: (page: Page) => void): void {
    // What was enqueued and settled before now must have been written, or it would be missed, or come twice.
    this.#turn
      .settled(hasKnown ? this.#turn.newest : this.#journal.toRead(session))
      .then(async () => {
        // What is read now stays on record as it is: to be over, each delivery is looked for where it was found.
        this.#journal.filing.tails.end(session.number);
        if (isCareful) return this.#carefully(session, behind, limit);
        return this.#page(session, behind, limit).catch(() => this.#carefully(session, behind, limit));
      })
      .then(taken)
      .catch((error: unknown) => this.#edges.failed(session, error));
  }

  keeps(delivery: Delivery): void {
    if (delivery.size <= LARGE) delivery.filed |= Filed.Shelved;
  }

  letGo(delivery: Delivery): void {
    this.#journal.stranded(delivery);
    // What is still to be put on record of it may need the message.
    if ((delivery.filed & (Filed.Record | Filed.Touched)) === Filed.Record) delivery.message = undefined;
  }

  knows(delivery: Delivery): void {
    delivery.filed |= delivery.awaiting === Awaiting.Pubcomp ? Filed.Released : Filed.Sent;
  }

  /** The messages retained under these topics, those that are there. */
  async retained(topics: readonly string[]): Promise<(Message | undefined)[]> {
    const values = await Promise.all(topics.map((topic) => this.#storage.get(keys.key(Kind.Retained, topic))));
    return values.map((value) => (value === undefined ? undefined : record.readMessage(value)));
  }

  /** Visits every record of a range, in order, a page at a time, until there is enough of it; one that is damaged is told and left out. */
  async each({ from, to }: keys.Range, what: Wanted, visit: (entry: Entry) => void, isEnough: () => boolean = () => false): Promise<void> {
    const begin = (first: Buffer): Promise<Entry[]> => {
      const page = this.#storage.range(first, to, PAGE, what);
      page.catch(() => {}); // who has enough does not wait for it
      return page;
    };
    let next = begin(from);
    while (!isEnough()) {
      const page = await next;
      const last = page.at(-1);
      if (last === undefined) return;
      // The storage reads on while this page is looked at.
      next = begin(keys.after(last.key));
      for (const entry of page) {
        try {
          visit(entry);
        } catch (error) {
          this.#edges.damaged(entry.key, error);
        }
      }
    }
  }

  async #page(session: Session, behind: number, limit: number): Promise<Page> {
    const { number } = session;
    const { from, to } = keys.rangeBehind(number, behind);
    // Where as many as are wanted may stand: a range that is read to its end need not be read twice to see whether all of it can be read.
    const near = keys.rangeBehind(number, placeOfLast(session, behind, limit)).from;
    // A key that is not read is a buffer less for each record.
    let entries = await this.#storage.range(from, near, 2 * limit, 'values');
    if (entries.length === 0) entries = await this.#storage.range(from, to, FEW, 'values');
    const page = new ShelfPage(session, behind, this.#journal.filing);
    for (const { value } of entries) {
      if (page.bytes > ENOUGH || page.left >= limit) break;
      if (parcels.isParcel(value) || !record.isApart(value)) {
        page.add(value);
        continue;
      }
      const { sequence } = record.readDelivery(value);
      const body = await this.#body(number, sequence);
      if (body === undefined) page.pass(sequence);
      else page.add(value, body);
    }
    // None only where there are none: what was over is passed.
    return page.left === 0 && entries.length > 0 ? this.#page(session, page.last, limit) : page;
  }

  /** Something of it is damaged: with the keys, one after the other, so that the rest is found. */
  async #carefully(session: Session, behind: number, limit: number): Promise<Page> {
    const { from, to } = keys.rangeBehind(session.number, behind);
    const page = await this.#storage.range(from, to, limit);
    const read: Delivery[] = [];
    let last = behind;
    let bytes = 0;
    for (const { key, value } of page) {
      const place = keys.placeOf(key);
      const { number, sequence, size, isApart, count } = place;
      const body = isApart ? await this.#storage.get(keys.numberKey(Kind.Body, sequence)) : undefined;
      if (isApart && body === undefined && (await this.#storage.get(key)) === undefined) continue; // it is over meanwhile
      const { length } = read;
      try {
        if (count > 1) {
          read.push(...unpacked(number, value, behind, this.#journal.filing));
        } else {
          const found = record.readDelivery(value);
          read.push(deliveryOf({ ...found, sequence }, found.message ?? bodyOf(body), number));
        }
      } catch (error) {
        this.#edges.damaged(key, error);
        read.length = length;
        if (count > 1) this.#salvage(place, value, behind, read);
        else read.push(damaged(number, sequence, size, isApart ? Filed.Apart : 0));
      }
      last = sequence;
      bytes += size;
      if (bytes > ENOUGH) break;
    }
    return read.length === 0 && page.length > 0 ? this.#carefully(session, last, limit) : pageOf(read, last, bytes);
  }

  /** Of a parcel that is damaged adds what is healthy, and of the rest that it is there. */
  #salvage({ number, sequence: last, size, count }: keys.Shelved, value: Buffer, behind: number, into: Delivery[]): void {
    const parcel = this.#journal.filing.parcelOf(number, { count, last, size });
    const packed = parcels.salvage(value, count, last, behind);
    const rest = packed.filter((_, i) => (parcel.settled & (1 << i)) === 0);
    const lost = rest.filter(({ whole }) => whole === undefined).length;
    // What is left of the size is that of the others, of one exactly.
    let bytes = Math.max(
      0,
      rest.reduce((left, { whole }) => left - (whole?.message.size ?? 0), size - parcel.settledSize),
    );
    let share = Math.ceil(bytes / lost);
    for (const [i, { sequence, whole }] of packed.entries()) {
      const bit = 1 << i;
      if ((parcel.settled & bit) !== 0) continue;
      if (whole === undefined) bytes -= share = Math.min(share, bytes);
      if (sequence <= behind) continue;
      into.push(whole === undefined ? Object.assign(damaged(number, sequence, share), { parcel, bit }) : packedOf(whole, parcel, bit));
    }
  }

  /** @returns nothing where the delivery is over meanwhile. */
  async #body(number: number, sequence: number): Promise<Buffer | undefined> {
    const value = await this.#storage.get(keys.numberKey(Kind.Body, sequence));
    if (value !== undefined) return value;
    const { from, to } = keys.rangeBehind(number, sequence - 1);
    const [entry] = await this.#storage.range(from, to, 1, 'keys');
    if (entry === undefined || keys.placeOf(entry.key).sequence !== sequence) return undefined;
    throw new record.RecordError(`the body of message ${sequence} is not on record`);
  }
}

/** Records of a session's queue, one behind the other. */
class ShelfPage implements Page {
  left = 0;
  bytes = 0;
  last: number;
  readonly #session: Session;
  readonly #behind: number;
  readonly #filing: Filing;
  readonly #records: { readonly value: Buffer; readonly body: Buffer | undefined }[] = [];
  #next = 0;

  /** @param behind the sequence behind which they stand: a parcel may begin before it. */
  constructor(session: Session, behind: number, filing: Filing) {
    this.#session = session;
    this.#behind = this.last = behind;
    this.#filing = filing;
  }

  /**
   * @param body of a delivery whose body is apart.
   * @throws RecordError where it cannot stand here.
   */
  add(value: Buffer, body?: Buffer): void {
    const isParcel = parcels.isParcel(value);
    this.left += isParcel ? parcels.countOf(value) : 1;
    this.pass(isParcel ? parcels.lastOf(value) : record.sequenceOf(value));
    this.bytes += value.length + (body?.length ?? 0);
    this.#records.push({ value, body });
  }

  /** What stood up to here is over. */
  pass(sequence: number): void {
    if (sequence <= this.last || sequence > this.#session.lastSequence) throw new record.RecordError('messages of a queue are in no order');
    this.last = sequence;
  }

  take(): readonly Delivery[] | undefined {
    const next = this.#records[this.#next++];
    if (next === undefined) return undefined;
    const { value, body } = next;
    if (parcels.isParcel(value)) {
      this.left -= parcels.countOf(value);
      return unpacked(this.#session.number, value, this.#behind, this.#filing);
    }
    this.left--;
    const found = record.readDelivery(value);
    return [deliveryOf(found, found.message ?? bodyOf(body), this.#session.number)];
  }
}

/** Deliveries that are made already. */
function pageOf(deliveries: readonly Delivery[], last: number, bytes: number): Page {
  let rest: readonly Delivery[] | undefined = deliveries;
  return {
    left: deliveries.length,
    bytes,
    last,
    take: () => {
      const taken = rest;
      rest = undefined;
      return taken;
    },
  };
}

/** Those of a parcel that stand behind a sequence and are not over. */
function unpacked(number: number, value: Buffer, behind: number, filing: Filing): Delivery[] {
  const found = parcels.readParcel(value);
  const { count, last } = found;
  if (parcels.sequenceOfPacked(value, found, count - 1) !== last) throw new record.RecordError('the last message of a parcel is another');
  const parcel = filing.parcelOf(number, found);
  const deliveries: Delivery[] = [];
  let previous = 0;
  for (let i = 0; i < count; i++) {
    const bit = 1 << i;
    if ((parcel.settled & bit) !== 0) continue;
    const one = parcels.readPacked(value, found, i);
    if (one.sequence <= previous || one.sequence > last) throw new record.RecordError('the messages of a parcel are in no order');
    previous = one.sequence;
    if (one.sequence > behind) deliveries.push(packedOf(one, parcel, bit));
  }
  return deliveries;
}

/** Up to which sequence a session may have so many deliveries behind another, if they are evenly spread. */
function placeOfLast({ lastSequence, queue }: Session, behind: number, limit: number): number {
  const each = (lastSequence - behind) / Math.max(queue.shelved, limit);
  return behind + Math.ceil(each * limit);
}

function deliveryOf(found: record.DeliveryRecord, message: Message, number: number): Delivery {
  const { sequence, qos, retain, packetId, extras } = found;
  const delivery = new Delivery(message, qos, retain, extras, message.size);
  delivery.number = number;
  delivery.sequence = sequence;
  delivery.packetId = packetId;
  delivery.filed =
    Filed.Record |
    Filed.Read |
    (found.message === undefined ? Filed.Apart : 0) |
    (packetId === 0 ? 0 : Filed.Addressed) |
    (message.expiresAt === Infinity || packetId !== 0 ? 0 : Filed.Expiry);
  return delivery;
}

function packedOf(one: record.DeliveryRecord, parcel: Parcel, bit: number): Delivery {
  if (one.message === undefined) throw new record.RecordError('the body of a message in a parcel is apart');
  const delivery = deliveryOf(one, one.message, parcel.number);
  delivery.parcel = parcel;
  delivery.bit = bit;
  return delivery;
}

/** What can be told of a delivery that cannot be read: that it is there. */
function damaged(number: number, sequence: number, size: number, filed = 0): Delivery {
  return Object.assign(new Delivery(undefined, 1, false, PLAIN, size), { number, sequence, filed: Filed.Record | filed });
}

function bodyOf(value: Buffer | undefined): Message {
  if (value === undefined) throw new record.RecordError('the body of a message is not on record');
  return record.readMessage(value);
}
