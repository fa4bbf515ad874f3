/** A storage that forgets everything with its process: for tests, and for brokers that keep nothing. */
import type { Entry, Storage } from '../broker/contracts.js';

export class MemoryStorage implements Storage {
  /** Keys as strings of one character a byte, whose order is the order of the bytes. */
  readonly #entries = new Map<string, Buffer>();
  #sorted: string[] | undefined;
  #batch: [key: string, value: Buffer | undefined][] = [];

  get size(): number {
    return this.#entries.size;
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return this.#entries.get(key.toString('latin1'));
  }

  async range(from: Buffer, to: Buffer, limit: number): Promise<Entry[]> {
    this.#sorted ??= [...this.#entries.keys()].sort();
    const [first, last] = [from.toString('latin1'), to.toString('latin1')];
    const page: Entry[] = [];
    for (let i = lowerBound(this.#sorted, first); i < this.#sorted.length && page.length < limit; i++) {
      const key = this.#sorted[i]!;
      if (key >= last) break;
      page.push({ key: Buffer.from(key, 'latin1'), value: this.#entries.get(key)! });
    }
    return page;
  }

  put(key: Buffer, value: Buffer): void {
    this.#batch.push([key.toString('latin1'), value]);
  }

  delete(key: Buffer): void {
    this.#batch.push([key.toString('latin1'), undefined]);
  }

  async commit(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#sorted = undefined;
    for (const [key, value] of batch) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, value);
    }
  }
}

/** The index of the first key not before `key`. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
