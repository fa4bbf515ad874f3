/** What a storage holds: of which kinds, how many, and whether everything that had to go has gone. */
import assert from 'node:assert/strict';
import type { Entry, Storage } from '../../src/broker/contracts.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import { RunningBroker, type CreateOptions } from '../../src/create.js';
import { MemoryStorage, TestBroker, TestWorld } from '../../src/testing.js';

/** The committed records of a kind. */
export async function recordsOf(storage: Storage, kind: Kind): Promise<Entry[]> {
  const { from, to } = keys.rangeOf(kind);
  return storage.range(from, to, 1_000_000);
}

/** How many records of each kind are committed, of deliveries how many messages they have; kinds of which there are none are left out. */
export async function inventory(storage: Storage): Promise<Partial<Record<keyof typeof Kind, number>>> {
  const counts: Partial<Record<keyof typeof Kind, number>> = {};
  for (const name of Object.keys(Kind) as (keyof typeof Kind)[]) {
    const records = await recordsOf(storage, Kind[name]);
    if (records.length > 0) counts[name] = name === 'Delivery' ? messagesIn(records) : records.length;
  }
  return counts;
}

/** A Topic Filter that is too long to stand in the record of its session. */
export const APART = 'x'.repeat(256);

/** How many messages records of deliveries have, alone or in parcels. */
export function messagesIn(deliveries: readonly Entry[]): number {
  return deliveries.reduce((sum, { key }) => sum + keys.placeOf(key).count, 0);
}

/** Everything was delivered and acknowledged: of messages on their way nothing is on record. */
export async function expectDrained(storage: Storage): Promise<void> {
  const { Delivery, Sent, Settled, Released, Received, Body, Expiry, Ended } = await inventory(storage);
  assert.deepEqual({ Delivery, Sent, Settled, Released, Received, Body, Expiry, Ended }, NOTHING);
}

const NOTHING = {
  Delivery: undefined,
  Sent: undefined,
  Settled: undefined,
  Released: undefined,
  Received: undefined,
  Body: undefined,
  Expiry: undefined,
  Ended: undefined,
};

/** Bytes after which a storage on a disk says that it has read enough. */
const ENOUGH = 1_048_576;

/** A storage that counts what is read back of it at one time, and answers with fewer entries where they are large. */
export class CountingStorage extends MemoryStorage {
  /** The largest answer to one question, in entries. */
  mostEntries = 0;
  /** Bytes read since they were last set to 0. */
  bytesRead = 0;

  override async get(key: Buffer): Promise<Buffer | undefined> {
    const value = await super.get(key);
    this.bytesRead += value?.length ?? 0;
    return value;
  }

  override async range(from: Buffer, to: Buffer, limit: number): Promise<Entry[]> {
    const found = await super.range(from, to, limit);
    const page: Entry[] = [];
    for (let bytes = 0; page.length < found.length && bytes < ENOUGH; bytes += page.at(-1)!.value.length) page.push(found[page.length]!);
    this.mostEntries = Math.max(this.mostEntries, page.length);
    for (const { value } of page) this.bytesRead += value.length;
    return page;
  }
}

/** What a storage has committed, as another process would find it: what happens to one is not seen by the other. */
export async function copyOf(storage: Storage): Promise<MemoryStorage> {
  const copy = new MemoryStorage();
  for (const { key, value } of await storage.range(Buffer.of(0), Buffer.of(0xff), 1_000_000)) copy.put(key, value);
  await copy.commit();
  return copy;
}

/** A broker whose clock does not start where every test broker's does, as after a while without a process. */
export async function startAt(time: number, options: CreateOptions): Promise<TestBroker> {
  const world = Object.assign(new TestWorld(), { time });
  return new TestBroker(await RunningBroker.assemble(options, world), world);
}
