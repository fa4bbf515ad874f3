/** The facts that must survive a restart, as records in a storage. Hot: enqueued, sent, settled. */
import type { Journal, PendingWill, Subscription, Ticket } from '../session/contracts.js';
import { AROUND, identifierAt, type Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import { SettledLately } from '../session/settled-lately.js';
import type { Storage } from './contracts.js';
import { Filed, mayGoUnrecorded } from './filed.js';
import { Filing } from './filing.js';
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

/** Deliveries nobody waits for that are kept for a commit of somebody who does. */
const MANY = 4_000;

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
  /** What is on record of deliveries. */
  readonly filing: Filing;
  readonly #storage: Storage;
  readonly #turn: Turn;
  readonly #waits: boolean;
  readonly #ended: (number: number) => void;
  #sequence = 0;
  #reserved = 0;
  /** The last number given before the newest commit, and before the newest that is durable. */
  #begun = 0;
  #landed = 0;
  /** The newest commit nobody may read without: it deletes deliveries their sessions do not have in memory, or has one that is given an old number. */
  #needed: Ticket = 0;
  /** By packet identifier: the commit without which a restart may bring back a delivery, of whatever session, that has gone by it, and not by its own. */
  readonly #used = new Float64Array(65_536);

  constructor({ storage, turn, waits, ended }: JournalParts) {
    this.#storage = storage;
    this.#turn = turn;
    this.#waits = waits;
    this.#ended = ended;
    this.filing = new Filing(storage, () => this.#next());
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
    this.#sequence = this.#reserved = this.#landed = sequence;
  }

  /** Writes what has become of deliveries, and makes everything durable: only the difference between now and what is on record. */
  async commit(): Promise<void> {
    const last = (this.#begun = this.#sequence);
    this.filing.write();
    await this.#storage.commit();
    this.#landed = last;
  }

  /** Time passes: what has been in flight for a while goes on record with its packet identifier. */
  beat(): void {
    if (this.filing.beat()) this.#turn.wroteUnawaited();
  }

  /** Its session has lost the connection while it was in flight. */
  stranded(delivery: Delivery): void {
    if (this.filing.stranded(delivery)) this.#turn.wroteUnawaited();
  }

  /** What must be durable before the records of a session tell all of its deliveries that are not in memory. */
  toRead({ lastSequence }: Session): Ticket {
    return lastSequence > this.#landed ? this.#turn.newest : this.#needed;
  }

  opened(session: Session): Ticket {
    return this.#writeSession(session, Infinity, true);
  }

  detached(session: Session, expiresAt: number): Ticket {
    return this.#writeSession(session, expiresAt, session.isUnsure);
  }

  closed({ clientId, number }: Session): Ticket {
    this.filing.tails.end(number);
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
      if (message.sequence <= this.#begun) this.#needed = this.#turn.wrote();
    } else {
      delivery.sequence = this.#next();
    }
    session.lastSequence = delivery.sequence;
    delivery.number = session.number;
    return this.#touch(delivery);
  }

  sent(session: Session, delivery: Delivery): Ticket {
    // Should it be sent again, the message is read back: many that are in flight are much to keep in memory, and to look after for its collector.
    if ((delivery.filed & (Filed.Record | Filed.Expiry)) === Filed.Record) delivery.message = undefined;
    const isSafe = mayGoUnrecorded(delivery) && (delivery.qos === 1 || this.#isFree(session, delivery));
    if (!isSafe) return this.#touch(delivery);
    this.filing.sent(delivery);
    return this.#unawaited();
  }

  released(delivery: Delivery): Ticket {
    this.filing.runsItsCourse(delivery);
    this.filing.released(delivery);
    return this.#wrote();
  }

  settled(session: Session, delivery: Delivery): Ticket {
    const { sequence, packetId } = delivery;
    if ((delivery.filed & Filed.Expiry) === 0) delivery.message = undefined;
    // A restart may bring it back as what waits, or as what was sent.
    const { batch } = this.#turn;
    if (sequence !== 0) (session.settledLately ??= new SettledLately()).add(sequence, batch);
    if (sequence === 0 || packetId !== identifierAt(sequence)) this.#used[packetId] = batch;
    this.filing.settled(delivery);
    return this.#unawaited();
  }

  received({ number }: Session, packetId: number): Ticket {
    return this.#put(keys.receivedKey(number, packetId), record.NOTHING);
  }

  completed({ number }: Session, packetId: number): Ticket {
    return this.#delete(keys.receivedKey(number, packetId));
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

  /** Deletes a delivery that lies on record only, or a parcel of them. */
  forgetDelivery(place: keys.Place, count = 1): Ticket {
    this.filing.forget(place, count);
    this.#needed = this.#turn.wrote();
    return this.#waits ? this.#needed : 0;
  }

  #writeSession(session: Session, expiresAt: number, isConnected: boolean): Ticket {
    const { clientId, number, createdAt, expiryInterval } = session;
    const value = record.writeSession({ number, createdAt, expiryInterval, expiresAt, isConnected }, subscriptionsWithin(session));
    return this.#put(keys.key(Kind.Session, clientId), value);
  }

  #touch(delivery: Delivery): Ticket {
    this.filing.touch(delivery);
    return this.#wrote();
  }

  /** Whether a restart would bring back nothing that has gone by the packet identifier of a QoS 2 delivery, or may go by it. */
  #isFree({ settledLately }: Session, { sequence, packetId }: Delivery): boolean {
    const { durable } = this.#turn;
    if (this.#used[packetId]! > durable) return false;
    return settledLately === undefined || sequence - settledLately.from(durable) < AROUND;
  }

  /** Nobody waits for it, unless there is too much of it to wait. */
  #unawaited(): Ticket {
    if (this.filing.size > MANY) this.#turn.wrote();
    else this.#turn.wroteUnawaited();
    return 0;
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
