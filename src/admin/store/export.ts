/** A store as lines of JSON: sessions, what waits for them, retained messages, Wills. */
import type { Entry, Storage } from '../../broker/contracts.js';
import * as keys from '../../broker/record-keys.js';
import { Kind } from '../../broker/record-keys.js';
import * as parcels from '../../broker/parcel-record.js';
import * as record from '../../broker/records.js';
import { Counts } from '../../util/counts.js';
import { sentenceOf, type Damaged } from './damage.js';
import { endLine, headerLine, LINES, messageLine, queuedLine, retainedLine, sessionLine, willLine } from './line.js';
import { BySession, pages } from './pages.js';
import { Sums } from './sums.js';

/** Characters that are gathered before they are handed on. */
const CHUNK = 1 << 16;
const SAME_NUMBER = 'its number is that of another session';

interface Named extends record.SessionRecord {
  readonly clientId: string;
  /** Those that stand in its own record. */
  readonly within: readonly record.SubscriptionRecord[];
}

/** What is in memory of a store: its sessions, and a few bytes for each message that several of them wait for. */
export class Export {
  /** What was written. */
  readonly sums = new Sums();
  readonly #storage: Storage;
  readonly #damaged: Damaged;
  /** In the order of their numbers. */
  readonly #sessions = new Map<number, Named>();
  /** By sequence: how many need a body that is apart. */
  readonly #needed = new Counts();
  /** By sequence: 1 where such a body was written. */
  readonly #written = new Counts();

  /** @param damaged is told of every record that is left out, for it cannot be read. */
  constructor(storage: Storage, damaged: Damaged) {
    this.#storage = storage;
    this.#damaged = damaged;
  }

  /** Whole lines, many at a time. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    yield headerLine(LINES);
    await this.#readSessions();
    yield* this.#sessionLines();
    await this.#countBodies();
    yield* this.#each(Kind.Body, (entry) => this.#body(entry));
    yield* this.#queued();
    yield* this.#each(Kind.Retained, ({ value }) => {
      const text = retainedLine(record.readMessage(value));
      this.sums.retained++;
      return text;
    });
    yield* this.#each(Kind.Will, ({ key, value }) => {
      const text = willLine({ clientId: keys.nameOf(key), ...record.readWill(value) });
      this.sums.wills++;
      return text;
    });
    yield endLine();
  }

  async #readSessions(): Promise<void> {
    const found: Named[] = [];
    for await (const page of pages(this.#storage, keys.rangeOf(Kind.Session))) {
      for (const { key, value } of page) {
        this.#try(key, () =>
          found.push({ clientId: keys.nameOf(key), ...record.readSession(value), within: [...record.subscriptionsWithin(value)] }),
        );
      }
    }
    for (const session of found.sort((a, b) => a.number - b.number)) {
      if (this.#sessions.has(session.number)) this.#damaged(keys.key(Kind.Session, session.clientId), SAME_NUMBER);
      else this.#sessions.set(session.number, session);
    }
  }

  async *#sessionLines(): AsyncGenerator<string, void, undefined> {
    const subscriptions = new BySession(this.#storage, Kind.Subscription);
    const released = new BySession(this.#storage, Kind.Released);
    const received = new BySession(this.#storage, Kind.Received);
    let chunk = '';
    for (const [number, { within, ...session }] of this.#sessions) {
      const whole = {
        ...session,
        subscriptions: within.concat(
          this.#all(await subscriptions.take(number), ({ key, value }) => record.readSubscription(value, keys.filterOf(key))),
        ),
        released: this.#all(await released.take(number), ({ value }) => record.readPacketIds(value)).flat(),
        received: this.#all(await received.take(number), ({ key }) => keys.packetIdOf(key)),
      };
      const text = this.#try(keys.key(Kind.Session, session.clientId), () => sessionLine(whole));
      if (text === undefined) {
        this.#sessions.delete(number);
        continue;
      }
      this.sums.sessions++;
      chunk += text;
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = '';
    }
    if (chunk !== '') yield chunk;
  }

  async #countBodies(): Promise<void> {
    for await (const page of pages(this.#storage, keys.rangeOf(Kind.Delivery), 'keys')) {
      for (const { key } of page) {
        if (key.length !== keys.DELIVERY_KEY) continue; // named when it is to be written
        const { number, sequence, isApart } = keys.placeOf(key);
        if (isApart && this.#sessions.has(number)) this.#needed.increment(sequence);
      }
    }
  }

  #body({ key, value }: Entry): string | undefined {
    const order = keys.numberOf(key);
    if (this.#needed.get(order) === 0) return undefined;
    const text = messageLine({ order, message: record.readMessage(value) });
    this.#written.increment(order);
    return text;
  }

  async *#queued(): AsyncGenerator<string, void, undefined> {
    const sent = new BySession(this.#storage, Kind.Sent);
    const settled = new BySession(this.#storage, Kind.Settled);
    let number = 0;
    let packetIds: ReadonlyMap<number, number> = new Map();
    let over: ReadonlyMap<number, parcels.SettledRecord> = new Map();
    for await (const page of pages(this.#storage, keys.rangeOf(Kind.Delivery))) {
      let text = '';
      for (const { key, value } of page) {
        const place = this.#try(key, () => keys.placeOf(key));
        const session = place === undefined ? undefined : this.#sessions.get(place.number);
        if (place === undefined || session === undefined) continue;
        if (place.number !== number) {
          number = place.number;
          packetIds = new Map(this.#all(await sent.take(number), (entry) => [keys.sequenceOf(entry.key), record.readSent(entry.value)]));
          over = new Map(this.#all(await settled.take(number), (entry) => [keys.sequenceOf(entry.key), parcels.readSettled(entry.value)]));
        }
        const bits = over.get(place.sequence)?.bits ?? 0;
        for (const read of this.#try(key, () => deliveriesOf(place, value, bits)) ?? []) {
          text += this.#try(key, () => this.#delivery(read(), session.clientId, packetIds)) ?? '';
        }
      }
      if (text !== '') yield text;
    }
  }

  #delivery(delivery: record.DeliveryRecord, clientId: string, packetIds: ReadonlyMap<number, number>): string {
    const { sequence, message, packetId } = delivery;
    const isMissing = message === undefined && this.#written.get(sequence) === 0;
    if (isMissing) throw new record.RecordError('the message it is about is not there');
    const text = queuedLine({ ...delivery, packetId: packetIds.get(sequence) ?? packetId, clientId, order: sequence });
    this.sums.queued++;
    return text;
  }

  /** A line for every record of a kind, unless it has none. */
  async *#each(kind: Kind, lineOf: (entry: Entry) => string | undefined): AsyncGenerator<string, void, undefined> {
    for await (const page of pages(this.#storage, keys.rangeOf(kind))) {
      const text = page.map((entry) => this.#try(entry.key, () => lineOf(entry)) ?? '').join('');
      if (text !== '') yield text;
    }
  }

  #all<T>(entries: readonly Entry[], read: (entry: Entry) => T): T[] {
    return entries.flatMap((entry) => {
      const found = this.#try(entry.key, () => [read(entry)]);
      return found ?? [];
    });
  }

  #try<T>(key: Buffer, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#damaged(key, sentenceOf(error));
      return undefined;
    }
  }
}

/** How the delivery of a record is read, or each of those of a parcel that are not over. @param over a bit for each that is. */
function deliveriesOf({ sequence, isApart, count }: keys.Shelved, value: Buffer, over: number): (() => record.DeliveryRecord)[] {
  if (count === 1) {
    const delivery = { ...record.readDelivery(value), sequence };
    if ((delivery.message === undefined) !== isApart) throw new record.RecordError('its key is that of another');
    return [() => delivery];
  }
  const parcel = parcels.readParcel(value);
  if (parcel.last !== sequence || parcel.count !== count) throw new record.RecordError('its key is that of another');
  const left = Array.from({ length: count }, (_, i) => i).filter((i) => (over & (1 << i)) === 0);
  return left.map((i) => () => parcels.readPacked(value, parcel, i));
}
