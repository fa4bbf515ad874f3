/** A restart: what is on record is brought back into a broker that has just been made; queues are only counted, and that later. */
import type { Session } from '../session/session.js';
import type { Broker } from './broker.js';
import type { Entry, Log, Storage, Wanted } from './contracts.js';
import type { StorageJournal } from './journal.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as record from './records.js';
import { isLarge } from './retained.js';
import type { Removal } from './removal.js';
import { NEVER } from './sessions.js';
import type { StorageShelf } from './shelf.js';

/** A store this version of PosMQ cannot start with; the message is one sentence for its operator. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

export interface RestartParts {
  readonly storage: Storage;
  readonly journal: StorageJournal;
  readonly shelf: StorageShelf;
  readonly removal: Removal;
  readonly broker: Broker;
  readonly log: Log;
  /** ms since the epoch. */
  readonly now: () => number;
}

/**
 * @throws FormatError where the records are of another version.
 * @throws what the storage throws. A record that cannot be read is logged, left where it is, and counts for nothing.
 */
export async function restart(parts: RestartParts): Promise<void> {
  const { storage, journal, removal, broker, log, now } = parts;
  const began = now();
  await mustBeOfThisVersion(storage);
  journal.continueAfter(await lastNumber(parts));
  const took: Record<string, string> = {};
  const step = async (what: string, kind: Kind, wanted: Wanted, bringBack: (entry: Entry) => void): Promise<void> => {
    const from = now();
    const count = await each(parts, kind, wanted, bringBack);
    took[what] = `${count} in ${Math.round(now() - from)} ms`;
  };
  const over: Session[] = [];
  await step('sessions', Kind.Session, 'texts', (entry) => {
    const { value } = entry;
    const { number, createdAt, expiryInterval, expiresAt, isConnected } = record.readSession(value);
    // One that was connected when the process ended has been away since now; one that never expires has no time.
    const kept = expiryInterval === NEVER ? Infinity : began + expiryInterval * 1_000;
    const until = expiresAt === Infinity ? kept : expiresAt;
    const session = broker.restoreSession(keys.nameIn(entry), number, createdAt, expiryInterval, until);
    session.wasConnected = isConnected;
    if (until <= began) over.push(session);
    for (const subscription of record.subscriptionsWithin(value)) subscribe(broker, session, subscription);
  });
  let session: Session | undefined;
  await step('subscriptions apart', Kind.Subscription, 'entries', ({ key, value }) => {
    const number = keys.numberOf(key);
    // Those of a session lie side by side.
    if (session?.number !== number) session = broker.sessions.numbered(number);
    if (session === undefined) return; // of one that is over
    const subscription = record.readSubscription(value, keys.filterOf(key));
    subscribe(broker, session, subscription);
    (session.subscriptionsApart ??= new Set()).add(subscription.filter);
  });
  await step('retained', Kind.Retained, 'texts', (entry) => {
    const { value } = entry;
    const { expiresAt, size } = record.messageOutline(value);
    if (expiresAt <= began) return void journal.forget(entry.key);
    const isOnShelf = isLarge({ size });
    const topic = keys.nameIn(entry);
    if (broker.retained.enter({ topic, expiresAt, size, message: isOnShelf ? undefined : record.readMessage(value) })) return;
    broker.tally.dropped['retained-full']++; // the bounds were wider when it was kept
    journal.forget(entry.key);
  });
  await step('wills', Kind.Will, 'texts', (entry) => {
    broker.wills.restore(keys.nameIn(entry), record.readWill(entry.value));
  });
  for (const session of over) broker.end(session);
  await step('ended', Kind.Ended, 'keys', ({ key }) => removal.add(keys.numberOf(key)));
  if (journal.sequence > 0) log.info({ took, milliseconds: Math.round(now() - began) }, 'the store is read');
}

async function mustBeOfThisVersion(storage: Storage): Promise<void> {
  const key = keys.key(Kind.Format);
  const value = await storage.get(key);
  const version = value?.[0];
  if (version === keys.FORMAT) return;
  if (version !== undefined) {
    throw new FormatError(
      `the records of the store are of version ${version}, this PosMQ reads version ${keys.FORMAT}: start it with the PosMQ that wrote them, or export it with that one and import it into a new folder`,
    );
  }
  const [entry] = await storage.range(Buffer.of(0), Buffer.of(0xff), 1, 'keys');
  // What a repair has lost may be this record.
  if (entry !== undefined && storage.repaired !== true)
    throw new FormatError('the store holds records that say no version: they were not written by this PosMQ');
  storage.put(key, Buffer.of(keys.FORMAT));
  await storage.commit();
}

/**
 * No number above this one has been given. There is a record that says so; where it is missing, or may be an older one of a store that was
 * repaired, all keys are looked at.
 */
async function lastNumber({ storage, shelf }: RestartParts): Promise<number> {
  const value = await storage.get(keys.key(Kind.Sequence));
  const reserved = value === undefined || value.length < 6 ? undefined : record.readNumber(value);
  if (reserved !== undefined && storage.repaired !== true) return reserved;
  let last = reserved ?? 0;
  const see = (number: number): void => {
    if (number > last) last = number;
  };
  await shelf.each(keys.rangeOf(Kind.Session), 'entries', ({ value }) => see(record.readSession(value).number));
  await shelf.each(keys.rangeOf(Kind.Released), 'keys', ({ key }) => see(Math.max(keys.numberOf(key), keys.sequenceOf(key))));
  await shelf.each(keys.rangeOf(Kind.Delivery), 'keys', ({ key }) => {
    const { number, sequence } = keys.placeOf(key);
    see(Math.max(number, sequence));
  });
  for (const kind of [Kind.Ended, Kind.Subscription, Kind.Sent, Kind.Received, Kind.Settled, Kind.Body]) {
    await shelf.each(keys.rangeOf(kind), 'keys', ({ key }) => see(keys.numberOf(key)));
  }
  return last;
}

function subscribe({ subscriptions }: Broker, session: Session, granted: record.SubscriptionRecord): void {
  const { filter, qos, noLocal, retainAsPublished, identifier } = granted;
  subscriptions.add(session, { subscriber: session, filter, qos, noLocal, retainAsPublished, identifier });
}

/** @returns how many there were. */
async function each({ shelf }: RestartParts, kind: Kind, wanted: Wanted, bringBack: (entry: Entry) => void): Promise<number> {
  let count = 0;
  await shelf.each(keys.rangeOf(kind), wanted, (entry) => {
    count++;
    bringBack(entry);
  });
  return count;
}
