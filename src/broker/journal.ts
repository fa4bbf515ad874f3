/** The facts that must survive a restart, as records in a storage. Hot: enqueued, settled, and what a commit writes of deliveries. */
import type { Journal, PendingWill, Subscription, Ticket } from '../session/contracts.js';
import { Awaiting, type Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import { Counts } from '../util/counts.js';
import type { Storage } from './contracts.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as record from './records.js';
import type { Turn } from './turn.js';

/** Keeps nothing: no fact needs the disk. */
export const forgetful: Journal = {
  full: false,
  number: () => 0,
  opened: () => 0,
  detached: () => 0,
  closed: () => 0,
  subscribed: () => 0,
  unsubscribed: () => 0,
  enqueued: () => 0,
  sent: () => 0,
  released: () => 0,
  settled: () => 0,
  received: () => 0,
  completed: () => 0,
  retained: () => 0,
  unretained: () => 0,
  willed: () => 0,
  unwilled: () => 0,
};

/** What of a delivery is on record, or will be with this commit: bits of {@link Delivery.filed}. */
export const Filed = { Touched: 1, Record: 2, Apart: 4, Addressed: 8, Sent: 16, Released: 32, Expiry: 64 } as const;

/** Deliveries nobody waits for that are kept for a commit of somebody who does. */
const MANY = 1_000;

/** How many numbers are set aside with one record: after a restart those that were not given are skipped. */
const RESERVE = 65_536;

export interface JournalParts {
  readonly storage: Storage;
  readonly turn: Turn;
  /** Whether an acknowledgement waits until its facts are on record. */
  readonly waits: boolean;
  /** A session is over, and recorded as that: what else is on record of it may go. */
  readonly ended: (number: number) => void;
}

export class StorageJournal implements Journal {
  /** How many deliveries need a body that has a record of its own, by sequence. */
  readonly bodies = new Counts();
  /** Bodies up to this sequence are not deleted yet: who needs them is still being counted. */
  uncounted = 0;
  readonly #storage: Storage;
  readonly #turn: Turn;
  readonly #waits: boolean;
  readonly #ended: (number: number) => void;
  #sequence = 0;
  #reserved = 0;
  /** Deliveries something has become of since the last commit. */
  #touched: Delivery[] = [];
  /** Deliveries at QoS 1 that were sent after they had waited: their packet identifiers go on record if they outlive the next commit. */
  #sentLately: Delivery[] = [];

  constructor({ storage, turn, waits, ended }: JournalParts) {
    this.#storage = storage;
    this.#turn = turn;
    this.#waits = waits;
    this.#ended = ended;
  }

  get full(): boolean {
    return this.#storage.full ?? false;
  }

  /** The last number given. */
  get sequence(): number {
    return this.#sequence;
  }

  number(): number {
    return this.#next();
  }

  /** Goes on behind the numbers an earlier process may have given. */
  continueAfter(sequence: number): void {
    this.#sequence = this.#reserved = sequence;
  }

  /** Writes what has become of deliveries, and makes everything durable: only the difference between now and what is on record. */
  commit(): Promise<void> {
    const touched = this.#touched;
    const sentLately = this.#sentLately;
    this.#touched = [];
    this.#sentLately = [];
    for (let i = 0; i < touched.length; i++) this.#file(touched[i]!);
    if (this.#sentLately.length > 0) this.#fileOvertaken(touched);
    for (let i = 0; i < sentLately.length; i++) this.#fileSent(sentLately[i]!);
    if (this.#sentLately.length > 0) this.#turn.wroteUnawaited();
    return this.#storage.commit();
  }

  opened(session: Session): Ticket {
    return this.#writeSession(session, Infinity, true);
  }

  detached(session: Session, expiresAt: number): Ticket {
    return this.#writeSession(session, expiresAt, false);
  }

  closed({ clientId, number }: Session): Ticket {
    this.#storage.put(keys.numberKey(Kind.Ended, number), record.NOTHING);
    const ticket = this.#delete(keys.key(Kind.Session, clientId));
    this.#ended(number);
    return ticket;
  }

  subscribed(session: Session, subscription: Subscription, isNew: boolean): Ticket {
    const { filter } = subscription;
    if (isNew && !record.isWithin(subscription, session.subscriptions.size)) (session.subscriptionsApart ??= new Set()).add(filter);
    if (session.subscriptionsApart?.has(filter) !== true) return this.#writeSession(session, Infinity, true);
    return this.#put(keys.subscriptionKey(session.number, filter), record.writeSubscription(subscription));
  }

  unsubscribed(session: Session, filter: string): Ticket {
    if (session.subscriptionsApart?.delete(filter) !== true) return this.#writeSession(session, Infinity, true);
    return this.#delete(keys.subscriptionKey(session.number, filter));
  }

  enqueued(session: Session, delivery: Delivery): Ticket {
    const message = delivery.message!;
    if (message.isShared && message.sequence === 0) message.sequence = this.#next();
    // A body that is apart stands at its own place in every queue; a message that comes late, or again, has its body with it.
    if (message.isShared && message.sequence > session.lastSequence) {
      delivery.sequence = message.sequence;
      delivery.filed = Filed.Apart;
    } else {
      delivery.sequence = this.#next();
    }
    session.lastSequence = delivery.sequence;
    delivery.number = session.number;
    return this.#touch(delivery);
  }

  sent(delivery: Delivery): Ticket {
    return delivery.qos === 1 ? this.#touchUnawaited(delivery) : this.#touch(delivery);
  }

  released(delivery: Delivery): Ticket {
    this.#runsItsCourse(delivery);
    return this.#touch(delivery);
  }

  settled(delivery: Delivery): Ticket {
    return this.#touchUnawaited(delivery);
  }

  received({ number }: Session, packetId: number): Ticket {
    return this.#put(keys.packetKey(Kind.Received, number, packetId), record.NOTHING);
  }

  completed({ number }: Session, packetId: number): Ticket {
    return this.#delete(keys.packetKey(Kind.Received, number, packetId));
  }

  retained(message: Message): Ticket {
    return this.#put(keys.key(Kind.Retained, message.topic), record.writeMessage(message));
  }

  unretained(topic: string): Ticket {
    return this.#delete(keys.key(Kind.Retained, topic));
  }

  willed(clientId: string, will: PendingWill): Ticket {
    return this.#put(keys.key(Kind.Will, clientId), record.writeWill(will));
  }

  unwilled(clientId: string): Ticket {
    return this.#delete(keys.key(Kind.Will, clientId));
  }

  /** Deletes a record, as one that belongs to nobody. */
  forget(key: Buffer): Ticket {
    return this.#delete(key);
  }

  /** Deletes a delivery that lies on record only. */
  forgetDelivery({ number, sequence, size, isApart }: keys.Place): Ticket {
    if (isApart) this.#release(sequence);
    return this.#delete(keys.deliveryKey(number, sequence, size, isApart));
  }

  #writeSession(session: Session, expiresAt: number, isConnected: boolean): Ticket {
    const { clientId, number, createdAt, expiryInterval } = session;
    const value = record.writeSession({ number, createdAt, expiryInterval, expiresAt, isConnected }, subscriptionsWithin(session));
    return this.#put(keys.key(Kind.Session, clientId), value);
  }

  #touch(delivery: Delivery): Ticket {
    if ((delivery.filed & Filed.Touched) === 0) {
      delivery.filed |= Filed.Touched;
      this.#touched.push(delivery);
    }
    return this.#wrote();
  }

  /** Nobody waits for it, unless there is too much of it to wait. */
  #touchUnawaited(delivery: Delivery): Ticket {
    if (this.#touched.length >= MANY) return this.#touch(delivery);
    if ((delivery.filed & Filed.Touched) === 0) {
      delivery.filed |= Filed.Touched;
      this.#touched.push(delivery);
      this.#turn.wroteUnawaited();
    }
    return 0;
  }

  /** What came and was settled between two commits is never written. */
  #file(delivery: Delivery): void {
    delivery.filed &= ~Filed.Touched;
    const { number, sequence, size, packetId, awaiting, filed, done } = delivery;
    const isWanted = !done && awaiting !== Awaiting.Pubcomp;
    const isApart = (filed & Filed.Apart) !== 0;
    if (isWanted && (filed & Filed.Record) === 0) {
      this.#fileRecord(delivery, isApart);
    } else if (isWanted && packetId !== 0 && (filed & (Filed.Addressed | Filed.Sent)) === 0) {
      // Most are acknowledged before the next commit; a QoS 2 message waits for this record, for it must not go out under another identifier.
      if (delivery.qos === 1 && (filed & Filed.Expiry) === 0) this.#sentLately.push(delivery);
      else this.#fileSent(delivery);
    } else if (!isWanted && (filed & Filed.Record) !== 0) {
      if (isApart) this.#release(sequence);
      this.#storage.delete(keys.deliveryKey(number, sequence, size, isApart));
      if ((filed & Filed.Sent) !== 0) this.#storage.delete(keys.sentKey(number, sequence));
      this.#runsItsCourse(delivery);
      delivery.filed &= ~(Filed.Record | Filed.Sent);
    }
    if (!done && awaiting === Awaiting.Pubcomp && (filed & Filed.Released) === 0) {
      this.#storage.put(keys.packetKey(Kind.Released, number, packetId), record.writeNumber(this.#next()));
      delivery.filed |= Filed.Released;
    } else if (done && (filed & Filed.Released) !== 0) {
      this.#storage.delete(keys.packetKey(Kind.Released, number, packetId));
      delivery.filed &= ~Filed.Released;
    }
  }

  /** On record what is in flight comes before what waits: who has a packet identifier on record now has those of earlier messages there too. */
  #fileOvertaken(touched: readonly Delivery[]): void {
    const addressed = new Set<number>();
    for (const { number, filed } of touched) if ((filed & (Filed.Addressed | Filed.Sent)) !== 0) addressed.add(number);
    if (addressed.size === 0) return;
    for (const delivery of this.#sentLately) if (addressed.has(delivery.number)) this.#fileSent(delivery);
  }

  #fileSent(delivery: Delivery): void {
    if ((delivery.filed & (Filed.Record | Filed.Sent)) !== Filed.Record) return;
    this.#storage.put(keys.sentKey(delivery.number, delivery.sequence), record.writeSent(delivery.packetId));
    delivery.filed |= Filed.Sent;
    this.#runsItsCourse(delivery);
  }

  /** What has been sent does not expire any more, nor does what is over. */
  #runsItsCourse(delivery: Delivery): void {
    const { number, sequence, size, filed, message } = delivery;
    if ((filed & Filed.Expiry) === 0 || message === undefined) return;
    this.#storage.delete(keys.expiryKey(message.expiresAt, number, sequence, size, (filed & Filed.Apart) !== 0));
    delivery.filed &= ~Filed.Expiry;
  }

  #fileRecord(delivery: Delivery, isApart: boolean): void {
    const { number, sequence, size } = delivery;
    const message = delivery.message!;
    if (isApart && this.bodies.increment(sequence) === 1)
      this.#storage.put(keys.numberKey(Kind.Body, sequence), record.writeMessage(message));
    this.#storage.put(keys.deliveryKey(number, sequence, size, isApart), record.writeDelivery(delivery, isApart));
    delivery.filed |= Filed.Record | (delivery.packetId === 0 ? 0 : Filed.Addressed);
    if (message.expiresAt === Infinity || delivery.packetId !== 0) return;
    this.#storage.put(keys.expiryKey(message.expiresAt, number, sequence, size, isApart), record.NOTHING);
    delivery.filed |= Filed.Expiry;
  }

  /** One delivery less needs a body that is apart. */
  #release(sequence: number): void {
    if (this.bodies.decrement(sequence) === 0 && sequence > this.uncounted) this.#storage.delete(keys.numberKey(Kind.Body, sequence));
  }

  #next(): number {
    if (this.#sequence === this.#reserved) {
      this.#reserved += RESERVE;
      this.#put(keys.key(Kind.Sequence), record.writeNumber(this.#reserved));
    }
    return ++this.#sequence;
  }

  #put(key: Buffer, value: Buffer): Ticket {
    this.#storage.put(key, value);
    return this.#wrote();
  }

  #delete(key: Buffer): Ticket {
    this.#storage.delete(key);
    return this.#wrote();
  }

  #wrote(): Ticket {
    const ticket = this.#turn.wrote();
    return this.#waits ? ticket : 0;
  }
}

/** Those that stand in its own record, few of however many there are; mostly they are the first. */
function subscriptionsWithin({ subscriptions, subscriptionsApart }: Session): readonly Subscription[] {
  if (subscriptionsApart === undefined) return [...subscriptions.values()];
  const within: Subscription[] = [];
  const count = subscriptions.size - subscriptionsApart.size;
  for (const subscription of subscriptions.values()) {
    if (within.length === count) break;
    if (!subscriptionsApart.has(subscription.filter)) within.push(subscription);
  }
  return within;
}
