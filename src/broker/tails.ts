/** Ends of queues nobody reads: records of a few deliveries each, which become one when there is enough of them. Hot. */
import type { Delivery } from '../session/inflight.js';
import { FULL, MAX_DELIVERIES } from '../session/parcel.js';
import type { Storage } from './contracts.js';
import { Filed } from './filed.js';
import * as parcels from './parcel-record.js';
import { LENGTH, PARCEL_HEAD } from './parcel-record.js';
import * as keys from './record-keys.js';

/** Bytes that all of them may take in memory: those that nothing was added to for the longest time are let go of. */
const ENOUGH = 16_777_216;

/** Bytes one begins with, and with which it is full, whatever stands beside the messages. */
const SMALL = 1_024;
const MOST = 2 * FULL;

/** The parcel that the last deliveries of a queue will share, as far as it is written. Each of them is on record meanwhile. */
class Tail {
  readonly #storage: Storage;
  readonly #number: number;
  /** The same for one parcel after the other: what is new in memory each time, and stays for a while, is what the garbage collector has to move. */
  #bytes = Buffer.allocUnsafeSlow(SMALL);
  #at = PARCEL_HEAD;
  #count = 0;
  #size = 0;
  #last = 0;
  /** The records there are of it: of each the last sequence, bytes of messages, and how many they are. */
  readonly #parts: number[] = [];
  /** What of it has none yet: where it begins, how many they are, and bytes of their messages. */
  #newAt = PARCEL_HEAD;
  #newCount = 0;
  #newSize = 0;

  constructor(storage: Storage, number: number) {
    this.#storage = storage;
    this.#number = number;
  }

  /** Bytes it takes in memory. */
  get bytes(): number {
    return this.#bytes.length;
  }

  add(delivery: Delivery): void {
    const length = parcels.packedSize(delivery);
    if (this.#size + delivery.size > FULL || this.#at + length > MOST) this.#close();
    if (this.#at + length > this.#bytes.length) this.#grow(this.#at + length);
    this.#at = parcels.writePacked(this.#bytes, this.#at, delivery);
    this.#count++;
    this.#newCount++;
    this.#size += delivery.size;
    this.#newSize += delivery.size;
    this.#last = delivery.sequence;
    delivery.filed |= Filed.Record;
    if (this.#count === MAX_DELIVERIES) this.#close();
  }

  /** What is new has a record of its own for now. */
  file(): void {
    if (this.#newCount === 0) return;
    this.#parts.push(this.#last, this.#newSize, this.#newCount);
    this.#put(this.#newAt, this.#newSize, this.#newCount);
    this.#newAt = this.#at;
    this.#newCount = this.#newSize = 0;
  }

  /** All of it is one record from now on, and the next begins. */
  #close(): void {
    const parts = this.#parts;
    const isOne = parts.length === 3 && this.#newCount === 0;
    if (this.#count > 0 && !isOne) {
      for (let i = 0; i < parts.length; i += 3)
        this.#storage.delete(keys.deliveryKey(this.#number, parts[i]!, parts[i + 1]!, false, parts[i + 2]));
      this.#put(PARCEL_HEAD, this.#size, this.#count);
    }
    parts.length = 0;
    this.#at = this.#newAt = PARCEL_HEAD;
    this.#count = this.#newCount = this.#size = this.#newSize = 0;
    if (this.#bytes.length > MOST) this.#bytes = Buffer.allocUnsafeSlow(SMALL);
  }

  /** Puts what stands from `start` on record: a delivery that is alone as it is, several as a parcel. */
  #put(start: number, size: number, count: number): void {
    const last = this.#last;
    const isParcel = count > 1;
    const head = isParcel ? PARCEL_HEAD : 0;
    const from = isParcel ? start : start + LENGTH;
    const value = Buffer.allocUnsafe(head + this.#at - from);
    if (isParcel) parcels.writeHead(value, { last, size, count });
    this.#bytes.copy(value, head, from, this.#at);
    this.#storage.put(keys.deliveryKey(this.#number, last, size, false, count), value);
  }

  #grow(end: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

export class Tails {
  readonly #storage: Storage;
  /** By number of the session: those that something was added to lately, and those that nothing was. */
  #now = new Map<number, Tail>();
  #before = new Map<number, Tail>();
  /** Bytes of those of lately. */
  #bytes = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Bytes they take in memory. */
  get bytes(): number {
    let bytes = this.#bytes;
    for (const tail of this.#before.values()) bytes += tail.bytes;
    return bytes;
  }

  /** Puts deliveries of one session on record that came one behind the other: they wait there and nowhere else. */
  add(run: readonly Delivery[]): void {
    const { number } = run[0]!;
    let tail = this.#now.get(number);
    let counted = 0;
    if (tail === undefined) {
      tail = this.#before.get(number) ?? new Tail(this.#storage, number);
      this.#before.delete(number);
      this.#now.set(number, tail);
    } else {
      counted = tail.bytes;
    }
    for (let i = 0; i < run.length; i++) tail.add(run[i]!);
    tail.file();
    this.#bytes += tail.bytes - counted;
    if (this.#bytes > ENOUGH / 2) this.#letGo();
  }

  /** What is on record of a queue stays as it is: it is read, or what comes next is kept in another way. */
  end(number: number): void {
    const tail = this.#now.get(number);
    if (tail === undefined) return void this.#before.delete(number);
    this.#bytes -= tail.bytes;
    this.#now.delete(number);
  }

  /** Those of lately are half of what there may be: nothing more is added to those that are not among them. */
  #letGo(): void {
    this.#before = this.#now;
    this.#now = new Map();
    this.#bytes = 0;
  }
}
