/** What the journal has of queues and retained messages, read back. */
import type { Shelf } from '../session/contracts.js';
import { PLAIN } from '../session/contracts.js';
import { Awaiting, Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Entry, Storage, Wanted } from './contracts.js';
import { Filed } from './journal.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as record from './records.js';
import type { Turn } from './turn.js';

/** Records read at a time. */
const PAGE = 2_000;

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
  readonly #turn: Turn;
  readonly #edges: ShelfEdges;

  constructor(storage: Storage, turn: Turn, edges: ShelfEdges) {
    this.#storage = storage;
    this.#turn = turn;
    this.#edges = edges;
  }

  read(session: Session, behind: number, limit: number, taken: (deliveries: readonly Delivery[]) => void): void {
    // What was enqueued and settled before now must have been written, or it would be missed, or come twice.
    this.#turn
      .settled(this.#turn.newest)
      .then(() => this.#deliveries(session, behind, limit).catch(() => this.#carefully(session, behind, limit)))
      .then(taken)
      .catch((error: unknown) => this.#edges.failed(session, error));
  }

  letGo(delivery: Delivery): void {
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

  async #deliveries(session: Session, behind: number, limit: number): Promise<Delivery[]> {
    const { from, to } = keys.rangeBehind(session.number, behind);
    // A key that is not read is a buffer less for each message.
    const page = await this.#storage.range(from, to, limit, 'values');
    const read: Delivery[] = [];
    let bytes = 0;
    for (const { value } of page) {
      const { sequence, qos, retain, packetId, extras, message: own } = record.readDelivery(value);
      const message = own ?? (await this.#body(session.number, sequence));
      if (message === undefined) continue;
      read.push(deliveryOf({ sequence, qos, retain, packetId, extras }, message, session.number, own === undefined));
      bytes += message.size;
      if (bytes > ENOUGH) break;
    }
    // None only where there are none: what was over lies there no more.
    return read.length === 0 && page.length > 0 ? this.#deliveries(session, behind, limit) : read;
  }

  /** Something of it is damaged: with the keys, one after the other, so that the rest is found. */
  async #carefully(session: Session, behind: number, limit: number): Promise<Delivery[]> {
    const { from, to } = keys.rangeBehind(session.number, behind);
    const page = await this.#storage.range(from, to, limit);
    const read: Delivery[] = [];
    let bytes = 0;
    for (const { key, value } of page) {
      const { number, sequence, size, isApart } = keys.placeOf(key);
      const body = isApart ? await this.#storage.get(keys.numberKey(Kind.Body, sequence)) : undefined;
      if (isApart && body === undefined && (await this.#storage.get(key)) === undefined) continue; // it is over meanwhile
      try {
        const found = record.readDelivery(value);
        read.push(deliveryOf({ ...found, sequence }, found.message ?? bodyOf(body), number, isApart));
      } catch (error) {
        this.#edges.damaged(key, error);
        const delivery = new Delivery(undefined, 1, false, PLAIN, size);
        Object.assign(delivery, { number, sequence, filed: Filed.Record | (isApart ? Filed.Apart : 0) });
        read.push(delivery);
      }
      bytes += size;
      if (bytes > ENOUGH) break;
    }
    return read.length === 0 && page.length > 0 ? this.#carefully(session, behind, limit) : read;
  }

  /** @returns nothing where the delivery is over meanwhile. */
  async #body(number: number, sequence: number): Promise<Message | undefined> {
    const value = await this.#storage.get(keys.numberKey(Kind.Body, sequence));
    if (value !== undefined) return record.readMessage(value);
    const { from, to } = keys.rangeBehind(number, sequence - 1);
    const [entry] = await this.#storage.range(from, to, 1, 'keys');
    if (entry === undefined || keys.placeOf(entry.key).sequence !== sequence) return undefined;
    throw new record.RecordError(`the body of message ${sequence} is not on record`);
  }
}

function deliveryOf(found: Omit<record.DeliveryRecord, 'message'>, message: Message, number: number, isApart: boolean): Delivery {
  const { sequence, qos, retain, packetId, extras } = found;
  const delivery = new Delivery(message, qos, retain, extras, message.size);
  delivery.number = number;
  delivery.sequence = sequence;
  delivery.packetId = packetId;
  delivery.filed =
    Filed.Record |
    (isApart ? Filed.Apart : 0) |
    (packetId === 0 ? 0 : Filed.Addressed) |
    (message.expiresAt === Infinity || packetId !== 0 ? 0 : Filed.Expiry);
  return delivery;
}

function bodyOf(value: Buffer | undefined): Message {
  if (value === undefined) throw new record.RecordError('the body of a message is not on record');
  return record.readMessage(value);
}
