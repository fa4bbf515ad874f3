/** Small counts by number, for numbers that come in runs: a few bytes each, given back when a run has come to nothing. */

/** Numbers that share a page, as a power of two. */
const PAGE_BITS = 10;
const PAGE = 1 << PAGE_BITS;

interface Page {
  readonly counts: Uint32Array;
  /** How many of them are not 0. */
  used: number;
}

export class Counts {
  readonly #pages = new Map<number, Page>();

  /** How many pages there are, of 4 KB each. */
  get pages(): number {
    return this.#pages.size;
  }

  get(number: number): number {
    return this.#pages.get(Math.floor(number / PAGE))?.counts[number % PAGE] ?? 0;
  }

  /** @returns the count after it. */
  increment(number: number): number {
    const index = Math.floor(number / PAGE);
    let page = this.#pages.get(index);
    if (page === undefined) this.#pages.set(index, (page = { counts: new Uint32Array(PAGE), used: 0 }));
    const count = ++page.counts[number % PAGE]!;
    if (count === 1) page.used++;
    return count;
  }

  /** @returns the count after it; one that is 0 stays so. */
  decrement(number: number): number {
    const index = Math.floor(number / PAGE);
    const page = this.#pages.get(index);
    if (page === undefined || page.counts[number % PAGE] === 0) return 0;
    const count = --page.counts[number % PAGE]!;
    if (count === 0 && --page.used === 0) this.#pages.delete(index);
    return count;
  }
}
