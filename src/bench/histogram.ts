/** How often each latency occurred, in a fixed amount of memory and to within a hundredth. Hot. */

/** Every power of two is cut into this many buckets: 2^7, each at most 1/128 of its value wide. */
const BITS = 7;
/** What fits a bucket of width one. */
const EXACT = 2 << BITS;
const LARGEST = 0x7fff_ffff;
const BUCKETS = indexOf(LARGEST) + 1;

/** A latency in milliseconds that so many per cent of all stayed within. */
export type Percentiles = {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
};

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** @param micros whole microseconds below 2^31; less than none counts as none. */
  record(micros: number): void {
    const value = micros < 0 ? 0 : micros;
    this.#counts[indexOf(value)]!++;
    this.#count++;
    if (value > this.#max) this.#max = value;
  }

  /** The microseconds that this share of all stayed within; 0 where there are none. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return Math.min(highestOf(i), this.#max);
    }
    return 0;
  }

  /** What was recorded, in milliseconds, or undefined where nothing was. */
  get percentiles(): Percentiles | undefined {
    if (this.#count === 0) return undefined;
    return {
      p50: this.quantile(0.5) / 1e3,
      p99: this.quantile(0.99) / 1e3,
      p999: this.quantile(0.999) / 1e3,
      max: this.#max / 1e3,
    };
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}

function indexOf(value: number): number {
  if (value < EXACT) return value;
  const shift = 31 - BITS - Math.clz32(value);
  return (shift << BITS) + (value >>> shift);
}

function highestOf(index: number): number {
  if (index < EXACT) return index;
  const shift = (index >> BITS) - 1;
  return (index - (shift << BITS) + 1) * 2 ** shift - 1;
}
