/** A storage whose commits land, or fail, when the test says so. */
import assert from 'node:assert/strict';
import type { Entry, Storage } from '../../src/broker/contracts.js';
import type { CreateOptions } from '../../src/create.js';
import { MemoryStorage } from '../../src/storage/memory.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import { startAt } from '../conversations/store.js';

interface Commit {
  readonly writes: readonly (() => void)[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class HeldStorage implements Storage {
  /** What has landed: all that is left when the process dies. */
  readonly kept: MemoryStorage;
  /** Commits asked for. */
  commits = 0;
  #writes: (() => void)[] = [];
  #underWay: Commit | undefined;

  constructor(kept = new MemoryStorage()) {
    this.kept = kept;
  }

  /** Whether a commit waits to land. */
  get underWay(): boolean {
    return this.#underWay !== undefined;
  }

  get(key: Buffer): Promise<Buffer | undefined> {
    return this.kept.get(key);
  }

  range(from: Buffer, to: Buffer, limit: number): Promise<Entry[]> {
    return this.kept.range(from, to, limit);
  }

  put(key: Buffer, value: Buffer): void {
    this.#writes.push(() => this.kept.put(key, value));
  }

  delete(key: Buffer): void {
    this.#writes.push(() => this.kept.delete(key));
  }

  commit(): Promise<void> {
    assert.equal(this.#underWay, undefined, 'one commit at a time');
    this.commits++;
    const writes = this.#writes;
    this.#writes = [];
    return new Promise((resolve, reject) => (this.#underWay = { writes, resolve, reject }));
  }

  /** Lets the commit land, and whoever waits for it hear of that. */
  async land(): Promise<void> {
    const { writes, resolve } = this.#take();
    for (const write of writes) write();
    await this.kept.commit();
    resolve();
    await heard();
  }

  /** Lets the commit fail. */
  async fail(error: Error): Promise<void> {
    this.#take().reject(error);
    await heard();
  }

  #take(): Commit {
    const commit = this.#underWay;
    assert.ok(commit !== undefined, 'a commit is under way');
    this.#underWay = undefined;
    return commit;
  }
}

/** Lets promises that are kept be heard of, whatever chain of them there is. */
export async function heard(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A broker on such a storage, once the version of its records is written. */
export async function started(storage: HeldStorage, options: CreateOptions = {}, time?: number): Promise<TestBroker> {
  const all = { storage, ...options };
  const broker = time === undefined ? createTestBroker(all) : startAt(time, all);
  await heard();
  if (storage.underWay) await storage.land();
  return broker;
}
