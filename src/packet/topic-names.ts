/** Topic Names seen lately, found by their bytes: a known name costs no new string and no second validation. Hot. */

/** Longer names are read anew each time; they are rare, and comparing them costs as much as reading. */
const LONGEST = 128;
/** So many names are recognized for each that is remembered. */
const SIGHTINGS_PER_SLOT = 16;

export class TopicNames {
  /** Whether the name found last had been seen before, or may have been. */
  wasSeen = false;
  readonly #names: (string | undefined)[];
  readonly #mask: number;
  /**
   * Hashes of names seen lately. A name is remembered when it is seen again: most that are new are never seen again, and to remember one, here
   * and in all that looks at {@link wasSeen}, is a third of what it costs.
   */
  readonly #sightings: Int32Array;

  /** @param slots how many names are remembered at most, a power of two; a name that falls on a taken slot replaces it. */
  constructor(slots: number) {
    this.#names = Array.from({ length: slots }, () => undefined);
    this.#mask = slots - 1;
    this.#sightings = new Int32Array(slots * SIGHTINGS_PER_SLOT);
  }

  /** The name in `bytes[start, end)`; `read` makes it where it is not remembered, and throws where it is no Topic Name. */
  find(bytes: Buffer, start: number, end: number, read: (bytes: Buffer, start: number, end: number) => string): string {
    const length = end - start;
    this.wasSeen = true;
    if (length > LONGEST) return read(bytes, start, end);
    let hash = length;
    let at = start;
    // Two bytes a step: each multiplication waits for the one before.
    for (; at + 1 < end; at += 2) hash = (Math.imul(hash, 961) + bytes[at]! * 31 + bytes[at + 1]!) | 0;
    if (at < end) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const known = this.#names[(hash ^ (hash >>> 13)) & this.#mask];
    if (known !== undefined && known.length === length && stands(known, bytes, start)) return known;
    return this.#meet(read(bytes, start, end), length, hash);
  }

  #meet(name: string, length: number, hash: number): string {
    const mixed = hash ^ (hash >>> 13);
    const sighting = mixed & (this.#sightings.length - 1);
    if (this.#sightings[sighting] !== hash) {
      this.#sightings[sighting] = hash;
      this.wasSeen = false;
    } else if (name.length === length) {
      // Only a name with one byte a character can be compared with bytes one by one.
      this.#names[mixed & this.#mask] = name;
    }
    return name;
  }
}

function stands(name: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
