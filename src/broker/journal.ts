/** The facts that must survive a restart, as records in a storage. */
import { PLAIN, type Journal, type Subscription, type Ticket } from '../session/contracts.js';
import { Awaiting, Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Broker } from './broker.js';
import type { Entry, Storage } from './contracts.js';
import * as record from './records.js';
import { Kind } from './records.js';
import { NEVER } from './sessions.js';
import type { Turn } from './turn.js';

/** Keeps nothing: no fact needs the disk. */
export const forgetful: Journal = {
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
};

const PAGE = 1_000;

export class StorageJournal implements Journal {
  readonly #storage: Storage;
  readonly #turn: Turn;
  #sequence = 0;
  /** Sequences of the deliveries each session has on record: what is to be deleted when it ends. */
  readonly #recorded = new Map<Session, Set<number>>();
  readonly #receivedIds = new Map<Session, Set<number>>();

  constructor(storage: Storage, turn: Turn) {
    this.#storage = storage;
    this.#turn = turn;
  }

  opened(session: Session): Ticket {
    const { clientId, createdAt, expiryInterval } = session;
    return this.#put(record.key(Kind.Session, clientId), record.writeSession({ createdAt, expiryInterval, expiresAt: Infinity }));
  }

  detached(session: Session, expiresAt: number): Ticket {
    const { clientId, createdAt, expiryInterval } = session;
    return this.#put(record.key(Kind.Session, clientId), record.writeSession({ createdAt, expiryInterval, expiresAt }));
  }

  closed(session: Session): Ticket {
    const { clientId } = session;
    for (const sequence of this.#recorded.get(session) ?? []) this.#deleteDelivery(clientId, sequence);
    for (const filter of session.subscriptions.keys()) this.unsubscribed(session, filter);
    for (const packetId of this.#receivedIds.get(session) ?? [])
      this.#delete(record.key(Kind.Received, clientId, record.packetIdBytes(packetId)));
    this.#recorded.delete(session);
    this.#receivedIds.delete(session);
    return this.#delete(record.key(Kind.Session, clientId));
  }

  subscribed(session: Session, subscription: Subscription): Ticket {
    const key = record.key(Kind.Subscription, session.clientId, Buffer.from(subscription.filter));
    return this.#put(key, record.writeSubscription(subscription));
  }

  unsubscribed(session: Session, filter: string): Ticket {
    return this.#delete(record.key(Kind.Subscription, session.clientId, Buffer.from(filter)));
  }

  enqueued(session: Session, delivery: Delivery): Ticket {
    delivery.sequence = ++this.#sequence;
    remember(this.#recorded, session, delivery.sequence);
    const { message, qos, retain, extras } = delivery;
    return this.#put(this.#keyOf(Kind.Delivery, session, delivery), record.writeMessage({ message: message!, qos, retain, ...extras }));
  }

  sent(session: Session, delivery: Delivery): Ticket {
    return this.#put(this.#keyOf(Kind.Progress, session, delivery), record.writeProgress(delivery.packetId, delivery.awaiting));
  }

  released(session: Session, delivery: Delivery): Ticket {
    return this.sent(session, delivery);
  }

  settled(session: Session, delivery: Delivery): Ticket {
    this.#recorded.get(session)?.delete(delivery.sequence);
    return this.#deleteDelivery(session.clientId, delivery.sequence);
  }

  received(session: Session, packetId: number): Ticket {
    remember(this.#receivedIds, session, packetId);
    return this.#put(record.key(Kind.Received, session.clientId, record.packetIdBytes(packetId)), record.writeReceived());
  }

  completed(session: Session, packetId: number): Ticket {
    this.#receivedIds.get(session)?.delete(packetId);
    return this.#delete(record.key(Kind.Received, session.clientId, record.packetIdBytes(packetId)));
  }

  retained(message: Message): Ticket {
    return this.#put(record.key(Kind.Retained, message.topic), record.writeMessage({ message, qos: message.qos, retain: true, ...PLAIN }));
  }

  unretained(topic: string): Ticket {
    return this.#delete(record.key(Kind.Retained, topic));
  }

  /**
   * Brings everything on record back into a broker that has just been made.
   * @param now ms since the epoch: sessions that were connected are without a connection from now on.
   * @throws Error where a record cannot be read: starting all the same would lose what was acknowledged.
   */
  async replay(broker: Broker, now: number): Promise<void> {
    const sessionOf = (entry: Entry): { session: Session | undefined; rest: Buffer } => {
      const { name, rest } = record.partsOf(entry.key);
      return { session: broker.sessions.get(name), rest };
    };
    await this.#each(Kind.Session, (entry) => {
      const { createdAt, expiryInterval, expiresAt } = record.readSession(entry.value);
      // One that was connected when the process ended has been away since now; one that never expires has no time.
      const kept = expiryInterval === NEVER ? Infinity : now + expiryInterval * 1_000;
      const until = expiresAt === Infinity ? kept : expiresAt;
      if (until > now) broker.restoreSession(record.partsOf(entry.key).name, createdAt, expiryInterval, until);
      else this.#orphan(entry);
    });
    await this.#each(Kind.Subscription, (entry) => {
      const { session, rest } = sessionOf(entry);
      if (session === undefined) return this.#orphan(entry);
      broker.subscriptions.add(session, { subscriber: session, filter: rest.toString(), ...record.readSubscription(entry.value) });
    });
    const progress = new Map<number, { packetId: number; awaiting: Awaiting }>();
    await this.#each(Kind.Progress, (entry) => {
      const { session, rest } = sessionOf(entry);
      if (session === undefined) return this.#orphan(entry);
      progress.set(record.sequenceOf(rest), record.readProgress(entry.value));
    });
    await this.#each(Kind.Delivery, (entry) => {
      const { session, rest } = sessionOf(entry);
      if (session === undefined) return this.#orphan(entry);
      const { message, qos, retain, identifiers, share } = record.readMessage(entry.value);
      const sequence = record.sequenceOf(rest);
      const { packetId = 0, awaiting = Awaiting.Nothing } = progress.get(sequence) ?? {};
      const extras = identifiers === undefined && share === undefined ? PLAIN : { identifiers, share };
      const delivery = new Delivery(awaiting === Awaiting.Pubcomp ? undefined : message, qos, retain, extras);
      Object.assign(delivery, { packetId, awaiting, sequence });
      this.#sequence = Math.max(this.#sequence, sequence);
      remember(this.#recorded, session, sequence);
      session.restore(delivery);
    });
    await this.#each(Kind.Received, (entry) => {
      const { session, rest } = sessionOf(entry);
      if (session === undefined) return this.#orphan(entry);
      record.readReceived(entry.value);
      const packetId = rest.readUInt16BE();
      remember(this.#receivedIds, session, packetId);
      session.restoreReceived(packetId);
    });
    await this.#each(Kind.Retained, (entry) => {
      if (broker.retained.set(record.readMessage(entry.value).message)) return;
      broker.tally.dropped['retained-full']++; // the bounds were wider when it was kept
      this.#delete(entry.key);
    });
  }

  /** A record of a session that has expired, or is gone. */
  #orphan(entry: Entry): void {
    this.#delete(entry.key);
  }

  async #each(kind: Kind, visit: (entry: Entry) => void): Promise<void> {
    const { from: first, to } = record.rangeOf(kind);
    let from = first;
    for (;;) {
      const page = await this.#storage.range(from, to, PAGE);
      for (const entry of page) visit(entry);
      if (page.length < PAGE) return;
      from = Buffer.concat([page.at(-1)!.key, Buffer.of(0)]);
    }
  }

  #keyOf(kind: Kind, session: Session, delivery: Delivery): Buffer {
    return record.key(kind, session.clientId, record.sequenceBytes(delivery.sequence));
  }

  #deleteDelivery(clientId: string, sequence: number): Ticket {
    const bytes = record.sequenceBytes(sequence);
    this.#delete(record.key(Kind.Progress, clientId, bytes));
    return this.#delete(record.key(Kind.Delivery, clientId, bytes));
  }

  #put(key: Buffer, value: Buffer): Ticket {
    this.#storage.put(key, value);
    return this.#turn.wrote();
  }

  #delete(key: Buffer): Ticket {
    this.#storage.delete(key);
    return this.#turn.wrote();
  }
}

function remember<K>(map: Map<K, Set<number>>, key: K, value: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else known.add(value);
}
