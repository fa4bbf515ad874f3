/** Records of a store in the order of their keys, a page at a time: a store is never in memory as a whole. */
import type { Entry, Storage } from '../../broker/contracts.js';
import { after, numberOf, rangeOf, type Kind, type Range } from '../../broker/record-keys.js';

/** Records read at a time. */
const PAGE = 1_000;

/** Bytes of a key up to the number of a session and with it. */
const NUMBERED = 7;

export async function* pages(
  storage: Storage,
  { from, to }: Range,
  what: 'entries' | 'keys' = 'entries',
): AsyncGenerator<readonly Entry[], void, undefined> {
  for (let first = from; ; ) {
    const page = await storage.range(first, to, PAGE, what);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    first = after(last.key);
  }
}

/** The records of a kind whose keys go on with the number of a session, taken session by session in the order of the numbers. */
export class BySession {
  readonly #pages: AsyncGenerator<readonly Entry[], void, undefined>;
  #page: readonly Entry[] = [];
  #at = 0;

  constructor(storage: Storage, kind: Kind) {
    this.#pages = pages(storage, rangeOf(kind));
  }

  /** Those of one session; those of sessions before it that were not asked for are passed over. */
  async take(number: number): Promise<readonly Entry[]> {
    const taken: Entry[] = [];
    for (let entry = await this.#peek(); entry !== undefined; this.#at++, entry = await this.#peek()) {
      if (entry.key.length < NUMBERED) continue;
      const found = numberOf(entry.key);
      if (found > number) break;
      if (found === number) taken.push(entry);
    }
    return taken;
  }

  async #peek(): Promise<Entry | undefined> {
    if (this.#at === this.#page.length) {
      this.#page = (await this.#pages.next()).value ?? [];
      this.#at = 0;
    }
    return this.#page[this.#at];
  }
}
