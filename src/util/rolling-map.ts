/** A map from numbers that are given out one after the other and soon given back: mostly an array that is written around and around. Hot. */

/** Three places of the array are one slot: its key, its value, and the how manieth entry it was. */
const PLACES = 3;
/** In place of a key: the slot is free. */
const FREE = -1;
const FIRST_SLOTS = 8; // a power of two, as is every number of slots, so that a key finds its slot with a mask
const MOST_SLOTS = 4_096;
/** Up to so many slots are kept by a map that empties. */
const KEPT_SLOTS = 64;
/** Shared by every map that holds nothing: one slot that is never free, and no key's. */
const NOTHING: readonly unknown[] = [-2, undefined, 0];

/**
 * Whole numbers from 0 on, to values, in the order they were set first. A built-in `Map` is rehashed again and again where keys come and go: it was a
 * twelfth of the CPU time of a message at QoS 1.
 */
export class RollingMap<T> {
  #slots = NOTHING as unknown[];
  #mask = 0;
  #size = 0;
  /** How many entries there were since it was empty. */
  #entries = 0;
  /** Those whose slot another has: as of a key that stays while the others go around. */
  #rest: Map<number, { value: T; readonly entry: number }> | undefined;

  get size(): number {
    return this.#size;
  }

  get(key: number): T | undefined {
    const at = (key & this.#mask) * PLACES;
    if (this.#slots[at] === key) return this.#slots[at + 1] as T;
    return this.#rest === undefined ? undefined : this.#rest.get(key)?.value;
  }

  has(key: number): boolean {
    return this.#slots[(key & this.#mask) * PLACES] === key || this.#rest?.has(key) === true;
  }

  set(key: number, value: T): void {
    const before = this.#rest?.get(key);
    if (before !== undefined) before.value = value;
    else this.#put(key, value);
  }

  /** @returns whether it was there. */
  delete(key: number): boolean {
    const at = (key & this.#mask) * PLACES;
    if (this.#slots[at] === key) {
      this.#slots[at] = FREE;
      this.#slots[at + 1] = undefined;
    } else if (this.#rest?.delete(key) !== true) {
      return false;
    }
    if (--this.#size === 0) this.#emptied();
    return true;
  }

  clear(): void {
    this.#slots = NOTHING as unknown[];
    this.#mask = 0;
    this.#size = 0;
    this.#entries = 0;
    this.#rest = undefined;
  }

  /** The values in the order their keys were set first; those of this moment. */
  *values(): Generator<T, void, undefined> {
    const found: { readonly value: T; readonly entry: number }[] = this.#rest === undefined ? [] : [...this.#rest.values()];
    const slots = this.#slots;
    for (let at = 0; at < slots.length; at += PLACES) {
      if ((slots[at] as number) >= 0) found.push({ value: slots[at + 1] as T, entry: slots[at + 2] as number });
    }
    found.sort((a, b) => a.entry - b.entry);
    for (const { value } of found) yield value;
  }

  #put(key: number, value: T): void {
    for (;;) {
      const slots = this.#slots;
      const at = (key & this.#mask) * PLACES;
      const there = slots[at];
      if (there === key) {
        slots[at + 1] = value;
        return;
      }
      if (there === FREE) {
        slots[at] = key;
        slots[at + 1] = value;
        slots[at + 2] = this.#entries++;
        this.#size++;
        return;
      }
      const count = slots === NOTHING ? 0 : this.#mask + 1;
      // Where few are there, a larger array would not keep them apart for long.
      if (this.#size * 4 >= count && count < MOST_SLOTS) {
        this.#resize(Math.max(count * 2, FIRST_SLOTS));
        continue;
      }
      (this.#rest ??= new Map()).set(key, { value, entry: this.#entries++ });
      this.#size++;
      return;
    }
  }

  /** Two that had slots of their own have so in twice as many. */
  #resize(count: number): void {
    const slots = this.#slots;
    const next: unknown[] = [];
    for (let i = 0; i < count; i++) next.push(FREE, undefined, 0);
    for (let at = 0; at < slots.length; at += PLACES) {
      const key = slots[at] as number;
      if (key < 0) continue;
      const to = (key & (count - 1)) * PLACES;
      next[to] = key;
      next[to + 1] = slots[at + 1];
      next[to + 2] = slots[at + 2];
    }
    this.#slots = next;
    this.#mask = count - 1;
  }

  #emptied(): void {
    this.#entries = 0;
    this.#rest = undefined;
    if (this.#mask >= KEPT_SLOTS) this.clear();
  }
}
