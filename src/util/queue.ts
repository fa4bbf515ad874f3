/** A first-in first-out queue that costs nothing until it is used and gives its memory back when it empties. */

const FIRST_CAPACITY = 16; // a power of two, as is every capacity, so that a position wraps with a mask
const NOTHING: never[] = []; // shared by every queue that holds nothing; never written to

export class Queue<T> {
  #items: (T | undefined)[] = NOTHING;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  /** Puts an item back in front of all others. */
  unshift(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#items.length - 1);
    this.#items[this.#head] = item;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const items = this.#items;
    const item = items[this.#head];
    items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (items.length - 1);
    this.#length--;
    if (this.#length === 0 && items.length > FIRST_CAPACITY) this.clear();
    return item;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#items[this.#head];
  }

  clear(): void {
    this.#items = NOTHING;
    this.#head = 0;
    this.#length = 0;
  }

  /** From the oldest to the newest. The queue may be pushed to meanwhile, but not shifted. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let i = 0; i < this.#length; i++) {
      yield this.#items[(this.#head + i) & (this.#items.length - 1)]!;
    }
  }

  #grow(): void {
    const items = this.#items.slice(this.#head).concat(this.#items.slice(0, this.#head));
    items.length = Math.max(FIRST_CAPACITY, items.length * 2);
    this.#items = items;
    this.#head = 0;
  }
}
