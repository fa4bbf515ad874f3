/** Topic Names seen lately, found by their bytes: a known name costs no new string and no second validation. Hot. */

/** Longer names are read anew each time; they are rare, and comparing them costs as much as reading. */
const LONGEST = 128;

export class TopicNames {
  readonly #names: (string | undefined)[];
  readonly #mask: number;

  /** @param slots how many names are remembered at most, a power of two; a name that falls on a taken slot replaces it. */
  constructor(slots: number) {
    this.#names = Array.from({ length: slots }, () => undefined);
    this.#mask = slots - 1;
  }

  /** The name in `bytes[start, end)`; `read` makes it where it is not remembered, and throws where it is no Topic Name. */
  find(bytes: Buffer, start: number, end: number, read: (bytes: Buffer, start: number, end: number) => string): string {
    const length = end - start;
    if (length > LONGEST) return read(bytes, start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 13)) & this.#mask;
    const known = this.#names[slot];
    if (known !== undefined && known.length === length && stands(known, bytes, start)) return known;
    const name = read(bytes, start, end);
    // Only a name with one byte a character can be compared with bytes one by one.
    if (name.length === length) this.#names[slot] = name;
    return name;
  }
}

function stands(name: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
