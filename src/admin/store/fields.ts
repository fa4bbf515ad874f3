/** The fields of a JSON object from outside, each taken once and checked; what nobody takes is refused. */

/** A line that cannot be taken; the message is a sentence without the number of the line. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

/** Bytes of a string of MQTT. */
const LONGEST = 65_535;

export class Fields {
  readonly #fields: Map<string, unknown>;
  /** Where the object stands in the line, for people. */
  readonly #path: string;

  /** @throws LineError where the value is no object. */
  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new LineError(`${path === '' ? 'it' : path.slice(0, -1)} must be an object`);
    }
    this.#fields = new Map(Object.entries(value));
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** A string of MQTT: well-formed, of at most 65,535 bytes, without U+0000. */
  text(name: string): string {
    return checkedText(this.#take(name), this.#nameOf(name));
  }

  /** A string of any length. */
  longText(name: string): string {
    const text = this.#take(name);
    if (typeof text !== 'string' || !isWellFormed(text)) throw new LineError(`${this.#nameOf(name)} must be a string`);
    return text;
  }

  bytes(name: string): Buffer {
    const text = this.#take(name);
    const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64');
    if (bytes.toString('base64') !== text) throw new LineError(`${this.#nameOf(name)} must be a string in base64`);
    return bytes;
  }

  integer(name: string, min: number, max: number): number {
    return checkedInteger(this.#take(name), this.#nameOf(name), min, max);
  }

  /** False where it is not there. */
  flag(name: string): boolean {
    const flag = this.#take(name) ?? false;
    if (typeof flag !== 'boolean') throw new LineError(`${this.#nameOf(name)} must be true or false`);
    return flag;
  }

  /** ms since the epoch, of a time as ISO 8601 writes it in UTC. */
  moment(name: string): number {
    const text = this.#take(name);
    const isForm = typeof text === 'string' && /^\+?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(text);
    const moment = isForm ? Date.parse(text) : NaN;
    if (!(moment >= 0)) throw new LineError(`${this.#nameOf(name)} must be a time such as 2026-01-31T12:00:00.000Z`);
    return moment;
  }

  object(name: string): Fields {
    return new Fields(this.#take(name), `${this.#nameOf(name)}.`);
  }

  /** Reads a list item by item; none where it is not there. @param read is given an item and what it is called. */
  list<T>(name: string, read: (item: unknown, path: string) => T): readonly T[] {
    const list = this.#take(name) ?? [];
    if (!Array.isArray(list)) throw new LineError(`${this.#nameOf(name)} must be a list`);
    return list.map((item: unknown, i) => read(item, `${this.#nameOf(name)}[${i}]`));
  }

  /** @throws LineError where there are fields nobody has taken. */
  end(): void {
    for (const name of this.#fields.keys()) throw new LineError(`${JSON.stringify(this.#nameOf(name))} is unknown`);
  }

  #take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  #nameOf(name: string): string {
    return `${this.#path}${name}`;
  }
}

export function checkedText(value: unknown, path: string): string {
  if (typeof value !== 'string' || value.includes('\0') || !isWellFormed(value)) throw new LineError(`${path} must be a string`);
  if (Buffer.byteLength(value) > LONGEST) throw new LineError(`${path} has more than ${LONGEST} bytes`);
  return value;
}

export function checkedInteger(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new LineError(`${path} must be a whole number between ${min} and ${max}`);
  }
  return value;
}

/** Whether UTF-8 can say it: not where a surrogate stands alone. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
