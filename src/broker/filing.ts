/** What has become of deliveries, put on record with a commit: only the difference between now and what is there. Hot. */
import { Awaiting, type Delivery } from '../session/inflight.js';
import { FULL, MAX_DELIVERIES, Parcel } from '../session/parcel.js';
import { Counts } from '../util/counts.js';
import type { Storage } from './contracts.js';
import { Filed, isSentUnrecorded, isShelved, mayGoUnrecorded } from './filed.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as parcels from './parcel-record.js';
import * as record from './records.js';
import { Releasing } from './releasing.js';
import { SentLately } from './sent-lately.js';
import { Tails } from './tails.js';

/** Deliveries that share a record well enough: to write them twice would cost who waits for the disk more than it saves who reads them. */
const MANY_TOGETHER = 4;

export class Filing {
  /** How many deliveries need a body that has a record of its own, by sequence. */
  readonly bodies = new Counts();
  /**
   * Parcels of which some are over and others are not, by the sequence of their last delivery. Who reads a record makes a Parcel of it once more:
   * what has become of its deliveries is told by the one that stands here. As messages go out in order, they are no more than there are in flight.
   */
  readonly parcels = new Map<number, Parcel>();
  /** Bodies up to this sequence are not deleted yet: who needs them is still being counted. */
  uncounted = 0;
  /** What nobody reads of queues yet. */
  readonly tails: Tails;
  readonly #storage: Storage;
  /** Deliveries that are to be put on record with the next commit, unless they are over by then. */
  #touched: Delivery[] = [];
  /** How many are over since the last commit whose records go with the next. */
  #over = 0;
  /**
   * During a commit: what goes into the next parcel, by number of the session. A map for each: to clear it would keep what was in it alive, which was
   * a fifth of a message's CPU time (decision 11).
   */
  #runs = new Map<number, Delivery[]>();
  /** Parcels of which more are over since the last commit. */
  readonly #settling: Parcel[] = [];
  /**
   * Deliveries that were sent after they had waited and may go unrecorded: that they were sent goes on record where they are still in flight two
   * beats later. They are in memory as long as that in any case.
   */
  readonly #sentLately = new SentLately();
  /** Those that are, and those whose session has lost the connection: with the next commit. */
  #overdue: Delivery[] = [];
  /** Sessions of which this commit puts packet identifiers on record. */
  #addressed = new Set<number>();
  readonly #releasing: Releasing;

  /** @param next gives a number that has not been given. */
  constructor(storage: Storage, next: () => number) {
    this.#storage = storage;
    this.tails = new Tails(storage);
    this.#releasing = new Releasing(storage, next);
  }

  /** Deliveries of which the next commit tells. */
  get size(): number {
    return this.#touched.length + this.#over;
  }

  /** A delivery is to be put on record, or under which packet identifier it goes out. */
  touch(delivery: Delivery): void {
    if ((delivery.filed & Filed.Touched) !== 0) return;
    delivery.filed |= Filed.Touched;
    this.#touched.push(delivery);
  }

  /** Writes what has become of deliveries, for a commit. */
  write(): void {
    const touched = this.#touched;
    const overdue = this.#overdue;
    this.#touched = [];
    this.#overdue = [];
    this.#over = 0;
    for (let i = 0; i < touched.length; i++) this.#file(touched[i]!);
    for (const run of this.#runs.values()) this.#fileRun(run);
    this.#runs = new Map();
    for (const parcel of this.#settling) this.#fileSettled(parcel);
    this.#settling.length = 0;
    for (const number of this.#addressed) this.#fileEarlier(number);
    this.#addressed = new Set();
    for (let i = 0; i < overdue.length; i++) this.#fileSent(overdue[i]!);
    this.#releasing.write();
  }

  /** It has waited, and goes out unrecorded: most are acknowledged before the next commit. */
  sent(delivery: Delivery): void {
    if (isSentUnrecorded(delivery) && (delivery.filed & (Filed.Touched | Filed.Expiry)) === 0) this.#sentLately.add(delivery);
    else this.touch(delivery);
  }

  /** Its PUBREL is due: they go on record in the order of the PUBRECs. */
  released(delivery: Delivery): void {
    this.#releasing.add(delivery);
    this.settled(delivery);
  }

  /** It is over, or only its PUBREL is to be sent. At once: a list of those that are would keep them in memory beyond a collection. */
  settled(delivery: Delivery): void {
    if ((delivery.filed & Filed.Touched) !== 0) return;
    this.#over++;
    this.#unfile(delivery);
  }

  /** Time passes. @returns whether something is to be put on record of what has been in flight for a while. */
  beat(): boolean {
    for (const delivery of this.#sentLately.beat()) this.#overdue.push(delivery);
    return this.#overdue.length > 0;
  }

  /** The session of a delivery has lost the connection. @returns whether something is to be put on record of that. */
  stranded(delivery: Delivery): boolean {
    if (!isSentUnrecorded(delivery)) return false;
    this.#overdue.push(delivery);
    return true;
  }

  /** Deletes a delivery that lies on record only, or a parcel of them. */
  forget({ number, sequence, size, isApart }: keys.Place, count: number): void {
    if (isApart) this.#release(sequence);
    if (count > 1) this.parcels.delete(sequence);
    this.#storage.delete(keys.deliveryKey(number, sequence, size, isApart, count));
  }

  /** The parcel of a record, as it is known in memory, or as one of which nothing is over. */
  parcelOf(number: number, { count, last, size }: parcels.ParcelHead): Parcel {
    return this.parcels.get(last) ?? new Parcel(number, count, last, size);
  }

  /** What came and was settled between two commits is never written. */
  #file(delivery: Delivery): void {
    delivery.filed &= ~Filed.Touched;
    const { number, packetId, awaiting, filed, done } = delivery;
    if (done || awaiting === Awaiting.Pubcomp) {
      this.#unfile(delivery);
    } else if ((filed & Filed.Record) === 0) {
      // LevelDB's cost is by the record, so that deliveries share them, but for those that are found otherwise than by their session.
      const isApart = (filed & Filed.Apart) !== 0;
      if (isApart || delivery.message!.expiresAt !== Infinity) this.#fileAlone(delivery, isApart);
      else this.#addToRun(delivery);
    } else if (packetId !== 0 && (filed & (Filed.Addressed | Filed.Sent)) === 0) {
      if ((filed & Filed.Expiry) === 0 && mayGoUnrecorded(delivery)) {
        this.#sentLately.add(delivery);
      } else {
        this.#addressed.add(number);
        this.#fileSent(delivery);
      }
    }
  }

  /** Deletes what is on record of a delivery, but for its PUBREL unless that is over, too. */
  #unfile(delivery: Delivery): void {
    const { number, sequence, size, filed, done } = delivery;
    if ((filed & Filed.Record) !== 0) {
      const isApart = (filed & Filed.Apart) !== 0;
      if (delivery.parcel !== undefined) {
        this.#settle(delivery.parcel, delivery);
      } else {
        if (isApart) this.#release(sequence);
        this.#storage.delete(keys.deliveryKey(number, sequence, size, isApart));
      }
      if ((filed & Filed.Sent) !== 0) this.#storage.delete(keys.noteKey(Kind.Sent, number, sequence));
      this.runsItsCourse(delivery);
    }
    if (done && (filed & Filed.Released) !== 0) this.#releasing.complete(delivery);
    delivery.filed &= ~(Filed.Record | Filed.Sent | (done ? Filed.Released : 0));
  }

  /** On record what is in flight comes before what waits: where a packet identifier goes on record, those of earlier messages do, too. */
  #fileEarlier(number: number): void {
    for (const delivery of this.#sentLately.take(number)) this.#fileSent(delivery);
  }

  #fileSent(delivery: Delivery): void {
    if (!isSentUnrecorded(delivery)) return;
    this.#storage.put(keys.noteKey(Kind.Sent, delivery.number, delivery.sequence), record.writeSent(delivery.packetId));
    delivery.filed |= Filed.Sent;
    this.runsItsCourse(delivery);
  }

  /** What has been sent does not expire any more, nor does what is over. */
  runsItsCourse(delivery: Delivery): void {
    const { number, sequence, size, filed, message } = delivery;
    if ((filed & Filed.Expiry) === 0 || message === undefined) return;
    this.#storage.delete(keys.expiryKey(message.expiresAt, number, sequence, size, (filed & Filed.Apart) !== 0));
    delivery.filed &= ~Filed.Expiry;
  }

  #addToRun(delivery: Delivery): void {
    const run = this.#runs.get(delivery.number);
    if (run === undefined) this.#runs.set(delivery.number, [delivery]);
    else run.push(delivery);
  }

  /** Deliveries of a session that came one behind the other, in as few records as they may be. */
  #fileRun(run: readonly Delivery[]): void {
    if (run.length < MANY_TOGETHER && run.every(isShelved)) return this.tails.add(run);
    this.tails.end(run[0]!.number);
    let first = 0;
    let size = 0;
    for (let i = 0; i < run.length; i++) {
      const isFull = i - first === MAX_DELIVERIES || size + run[i]!.size > FULL;
      if (isFull && i > first) {
        this.#fileParcel(run.slice(first, i), size);
        first = i;
        size = 0;
      }
      size += run[i]!.size;
    }
    this.#fileParcel(first === 0 ? run : run.slice(first), size);
  }

  #fileParcel(deliveries: readonly Delivery[], size: number): void {
    if (deliveries.length === 1) return this.#fileRecord(deliveries[0]!, false);
    const { number, sequence } = deliveries.at(-1)!;
    const parcel = new Parcel(number, deliveries.length, sequence, size);
    this.#storage.put(keys.deliveryKey(number, sequence, size, false, parcel.count), parcels.writeParcel(parcel, deliveries));
    for (let i = 0; i < deliveries.length; i++) {
      const delivery = deliveries[i]!;
      delivery.parcel = parcel;
      delivery.bit = 1 << i;
      delivery.filed |= Filed.Record;
      if (delivery.packetId !== 0) delivery.filed |= Filed.Addressed;
    }
    if (deliveries[0]!.packetId !== 0) this.#addressed.add(number); // as they are sent in order, otherwise all of them wait
  }

  #settle(own: Parcel, { bit, size }: Delivery): void {
    const parcel = own.settled === 0 ? (this.parcels.get(own.last) ?? own) : own;
    if (parcel.settled === 0) this.parcels.set(parcel.last, parcel);
    parcel.settle(bit, size);
    if (parcel.isTouched) return;
    parcel.isTouched = true;
    this.#settling.push(parcel);
  }

  #fileSettled(parcel: Parcel): void {
    const { number, last, size, count, settled, settledSize } = parcel;
    parcel.isTouched = false;
    if (parcel.left > 0) {
      this.#storage.put(keys.noteKey(Kind.Settled, number, last), parcels.writeSettled({ bits: settled, size: settledSize }));
      parcel.isNoted = true;
      return;
    }
    this.#storage.delete(keys.deliveryKey(number, last, size, false, count));
    if (parcel.isNoted) this.#storage.delete(keys.noteKey(Kind.Settled, number, last));
    this.parcels.delete(last);
  }

  #fileAlone(delivery: Delivery, isApart: boolean): void {
    // A parcel ends before it: records stand in the order of the queue.
    const run = this.#runs.get(delivery.number);
    if (run !== undefined) {
      this.#runs.delete(delivery.number);
      this.#fileRun(run);
    }
    this.tails.end(delivery.number);
    this.#fileRecord(delivery, isApart);
  }

  #fileRecord(delivery: Delivery, isApart: boolean): void {
    const { number, sequence, size } = delivery;
    const message = delivery.message!;
    if (isApart && this.bodies.increment(sequence) === 1)
      this.#storage.put(keys.numberKey(Kind.Body, sequence), record.writeMessage(message));
    this.#storage.put(keys.deliveryKey(number, sequence, size, isApart), record.writeDelivery(delivery, isApart));
    delivery.filed |= Filed.Record | (delivery.packetId === 0 ? 0 : Filed.Addressed);
    if (delivery.packetId !== 0) this.#addressed.add(number);
    if (message.expiresAt === Infinity || delivery.packetId !== 0) return;
    this.#storage.put(keys.expiryKey(message.expiresAt, number, sequence, size, isApart), record.NOTHING);
    delivery.filed |= Filed.Expiry;
  }

  /** One delivery less needs a body that is apart. */
  #release(sequence: number): void {
    if (this.bodies.decrement(sequence) === 0 && sequence > this.uncounted) this.#storage.delete(keys.numberKey(Kind.Body, sequence));
  }
}
