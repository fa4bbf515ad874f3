/** A new store, written from the lines of an export. */
import type { Storage } from '../../broker/contracts.js';
import * as keys from '../../broker/record-keys.js';
import { Kind } from '../../broker/record-keys.js';
import * as record from '../../broker/records.js';
import { Delivery } from '../../session/inflight.js';
import type { Message } from '../../session/message.js';
import { MAX_PACKET_IDS } from '../../session/release.js';
import { Fields, LineError } from './fields.js';
import {
  END,
  LINES,
  readMessage,
  readQueued,
  readRetained,
  readSession,
  readWill,
  STORE,
  type QueuedLine,
  type SessionLine,
} from './line.js';
import { Sums } from './sums.js';

/** Lines that cannot be imported; the message is one sentence, with the number of the line. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** Bytes, and records, that are written with one commit. */
const BATCH_BYTES = 4 << 20;
const BATCH_RECORDS = 20_000;

interface Named {
  readonly number: number;
  /** Of the last message that waits for it. */
  order: number;
  /** Packet Identifiers in use; none where there is none in use. */
  packetIds: Set<number> | undefined;
}

/** What is in memory of a store: names of sessions and retained messages, and 20 bytes for each message that several sessions wait for. */
export class Import {
  /** What was written. */
  readonly sums = new Sums();
  readonly #storage: Storage;
  readonly #sessions = new Map<string, Named>();
  readonly #bodies = new Bodies();
  readonly #topics = new Set<string>();
  readonly #wills = new Set<string>();
  /** The highest number or order there is. */
  #highest = 0;
  #line = 0;
  #isAtEnd = false;
  #bytes = 0;
  #records = 0;

  /** @param storage that holds nothing. */
  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Writes what the lines say; a broker can use the store once this has resolved, and not before.
   * @throws ImportError for the first line that cannot be taken.
   */
  async run(lines: AsyncIterable<readonly string[]>): Promise<void> {
    for await (const some of lines) {
      for (const line of some) {
        this.#line++;
        this.#take(line);
        if (this.#bytes > BATCH_BYTES || this.#records > BATCH_RECORDS) await this.#commit();
      }
    }
    if (this.#line === 0) throw new ImportError('there is nothing to import');
    if (!this.#isAtEnd) throw new ImportError(`the last line is missing: what is behind line ${this.#line} was cut off`);
    this.#put(keys.key(Kind.Sequence), record.writeNumber(this.#highest));
    await this.#commit();
    // A broker refuses records that say no version.
    this.#put(keys.key(Kind.Format), Buffer.of(keys.FORMAT));
    await this.#commit();
  }

  #take(line: string): void {
    try {
      const fields = new Fields(parsed(line));
      if (this.#line === 1) takeHeader(fields);
      else if (this.#isAtEnd) throw new LineError('nothing may follow the last line');
      else if (fields.has('posmq')) this.#takeEnd(fields);
      else this.#takeRecord(fields);
    } catch (error) {
      if (error instanceof LineError) throw new ImportError(`line ${this.#line}: ${error.message}`);
      throw error;
    }
  }

  #takeEnd(fields: Fields): void {
    if (fields.text('posmq') !== END) throw new LineError('this is neither a record nor the last line');
    fields.end();
    this.#isAtEnd = true;
  }

  #takeRecord(fields: Fields): void {
    const type = fields.text('type');
    switch (type) {
      case 'session':
        return this.#session(readSession(fields));
      case 'message': {
        const { order, message } = readMessage(fields);
        this.#bodies.add(order, message);
        this.#highest = Math.max(this.#highest, order);
        return this.#put(keys.numberKey(Kind.Body, order), record.writeMessage(message));
      }
      case 'queued':
        return this.#queued(readQueued(fields));
      case 'retained': {
        const message = readRetained(fields);
        if (this.#topics.has(message.topic)) throw new LineError(`there are two retained messages of ${JSON.stringify(message.topic)}`);
        this.#topics.add(message.topic);
        this.sums.retained++;
        return this.#put(keys.key(Kind.Retained, message.topic), record.writeMessage(message));
      }
      case 'will': {
        const { clientId, ...will } = readWill(fields);
        if (this.#wills.has(clientId)) throw new LineError(`there are two Wills of ${JSON.stringify(clientId)}`);
        this.#wills.add(clientId);
        this.sums.wills++;
        return this.#put(keys.key(Kind.Will, clientId), record.writeWill(will));
      }
      default:
        throw new LineError(`the type ${JSON.stringify(type)} is unknown`);
    }
  }

  #session({ clientId, subscriptions, released, received, ...session }: SessionLine): void {
    if (this.#sessions.has(clientId)) throw new LineError(`there are two sessions of ${JSON.stringify(clientId)}`);
    const number = ++this.sums.sessions;
    // Places in the order of PUBRELs are sequences as well.
    this.#highest = Math.max(this.#highest, number, released.length);
    this.#sessions.set(clientId, { number, order: 0, packetIds: released.length === 0 ? undefined : new Set(released) });
    const within = subscriptions.filter((subscription, i) => record.isWithin(subscription, i + 1));
    this.#put(keys.key(Kind.Session, clientId), record.writeSession({ number, ...session }, within));
    for (const subscription of subscriptions) {
      if (within.includes(subscription)) continue;
      this.#put(keys.subscriptionKey(number, subscription.filter), record.writeSubscription(subscription));
    }
    for (let i = 0; i < released.length; i += MAX_PACKET_IDS) {
      this.#put(keys.noteKey(Kind.Released, number, i + 1), record.writePacketIds(released.slice(i, i + MAX_PACKET_IDS)));
    }
    for (const packetId of received) this.#put(keys.receivedKey(number, packetId), record.NOTHING);
  }

  #queued({ clientId, order, qos, retain, packetId, extras, message }: QueuedLine): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) throw new LineError(`there is no session of ${JSON.stringify(clientId)} before it`);
    if (order <= session.order) throw new LineError(`order ${order} does not come after ${session.order}`);
    session.order = order;
    this.#highest = Math.max(this.#highest, order);
    if (packetId !== 0) {
      session.packetIds ??= new Set();
      if (session.packetIds.has(packetId)) throw new LineError(`packetId ${packetId} is in use by ${JSON.stringify(clientId)} already`);
      session.packetIds.add(packetId);
    }
    const isApart = message === undefined;
    const about = message ?? this.#bodies.get(order);
    if (about === undefined) throw new LineError(`it has no message, and there is none of order ${order} before it`);
    const { size, expiresAt } = about;
    const { number } = session;
    const delivery = Object.assign(new Delivery(message, qos, retain, extras, size), { packetId, sequence: order });
    this.#put(keys.deliveryKey(number, order, size, isApart), record.writeDelivery(delivery, isApart));
    // What has been sent does not expire any more.
    if (expiresAt !== Infinity && packetId === 0) this.#put(keys.expiryKey(expiresAt, number, order, size, isApart), record.NOTHING);
    this.sums.queued++;
  }

  #put(key: Buffer, value: Buffer): void {
    this.#storage.put(key, value);
    this.#bytes += key.length + value.length;
    this.#records++;
  }

  async #commit(): Promise<void> {
    this.#bytes = this.#records = 0;
    await this.#storage.commit();
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new LineError('it is no JSON');
  }
}

function takeHeader(fields: Fields): void {
  if (!fields.has('posmq') || fields.text('posmq') !== STORE) throw new LineError('this is no export of a store');
  const format = fields.integer('format', 0, 255);
  if (format !== LINES) throw new LineError(`the export is of version ${format}, this PosMQ reads version ${LINES}`);
  fields.end();
}

/** What of messages that several sessions wait for must be known when these come: in a few bytes each. */
class Bodies {
  #count = 0;
  #orders = new Float64Array(1_024);
  #expiries = new Float64Array(1_024);
  #sizes = new Uint32Array(1_024);

  add(order: number, { size, expiresAt }: Message): void {
    const before = this.#orders[this.#count - 1] ?? 0;
    if (order <= before) throw new LineError(`order ${order} does not come after ${before}`);
    if (this.#count === this.#orders.length) this.#grow();
    this.#orders[this.#count] = order;
    this.#expiries[this.#count] = expiresAt;
    this.#sizes[this.#count] = size;
    this.#count++;
  }

  get(order: number): Pick<Message, 'size' | 'expiresAt'> | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#orders[middle]! < order) low = middle + 1;
      else high = middle;
    }
    if (low === this.#count || this.#orders[low] !== order) return undefined;
    return { size: this.#sizes[low]!, expiresAt: this.#expiries[low]! };
  }

  #grow(): void {
    const [orders, expiries, sizes] = [this.#orders, this.#expiries, this.#sizes];
    const length = orders.length * 2;
    (this.#orders = new Float64Array(length)).set(orders);
    (this.#expiries = new Float64Array(length)).set(expiries);
    (this.#sizes = new Uint32Array(length)).set(sizes);
  }
}
