/** Reading of LevelDB: a page of a range, and what is healthy of one that is damaged. */
import type { ClassicLevel, IteratorOptions } from 'classic-level';
import type { Entry, Wanted } from '../broker/contracts.js';
import { isDamage } from './level-error.js';

/** What one step of an iterator may read ahead, in bytes. */
const READ_AHEAD = 1 << 20;
const NOTHING = Buffer.alloc(0);

/**
 * What is not asked for comes empty all the same, and an empty string costs a tenth of the main thread's time an empty buffer does: as many
 * entries are read in half of it. The bounds of a range are bytes as ever.
 */
const UNREAD = { name: 'unread', format: 'utf8', encode: asIs, decode: (): Buffer => NOTHING } as const;

/** A key as the text it is: a string costs a third of what a buffer does. */
const TEXT = { name: 'text', format: 'utf8', encode: asIs, decode: (text: string): string => text } as const;
/** What stands in a text for bytes that are none. */
const NO_TEXT = '\ufffd';

/** What comes of a key. */
type Key = Buffer | string;

const WAYS: Readonly<Record<Wanted, IteratorOptions<Key, Buffer>>> = {
  entries: { keyEncoding: 'buffer', valueEncoding: 'buffer' },
  keys: { values: false, keyEncoding: 'buffer', valueEncoding: UNREAD },
  values: { keys: false, keyEncoding: UNREAD, valueEncoding: 'buffer' },
  texts: { keyEncoding: TEXT, valueEncoding: 'buffer' },
};

export interface Bounds {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly limit: number;
}

/** An entry whose key is bytes only for who looks at them. */
class TextEntry implements Entry {
  readonly text: string;
  readonly value: Buffer;

  constructor(text: string, value: Buffer) {
    this.text = text;
    this.value = value;
  }

  get key(): Buffer {
    return Buffer.from(this.text);
  }
}

/** Up to `limit` entries; fewer where they are large. @throws LevelDB's error where something in between cannot be read. */
export async function pageOf(level: ClassicLevel<Buffer, Buffer>, bounds: Bounds, what: Wanted): Promise<Entry[]> {
  const iterator = level.iterator({ ...bounds, ...WAYS[what], highWaterMarkBytes: READ_AHEAD });
  try {
    const page = (await iterator.nextv(bounds.limit)).map(entryOf);
    // A step ends early where it has read enough bytes.
    if (page.length === bounds.limit || mostBytesOf(page) >= READ_AHEAD) await readToTheEnd(level, { ...bounds, limit: page.length });
    return page.some(isNoText) ? await pageOf(level, bounds, 'entries') : page;
  } finally {
    await iterator.close();
  }
}

/** LevelDB passes over what it cannot read, and tells only when an iterator comes to its end: this one does, and brings nothing. @throws that. */
async function readToTheEnd(level: ClassicLevel<Buffer, Buffer>, bounds: Bounds): Promise<void> {
  const iterator = level.iterator({ ...bounds, keys: false, values: false });
  try {
    await iterator.nextv(1);
  } finally {
    await iterator.close();
  }
}

/** What can be read of a range, step by step: an iterator gives what is healthy until it comes to its end. */
export async function healthyOf(level: ClassicLevel<Buffer, Buffer>, bounds: Bounds): Promise<Entry[]> {
  const iterator = level.iterator(bounds);
  const page: Entry[] = [];
  try {
    while (page.length < bounds.limit) {
      const [pair] = await iterator.nextv(1);
      if (pair === undefined) break;
      page.push(entryOf(pair));
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
  } finally {
    await iterator.close();
  }
  return page;
}

function asIs<T>(bytes: T): T {
  return bytes;
}

/** Either is absent where it was not asked for. */
function entryOf([key = NOTHING, value = NOTHING]: [Key | undefined, Buffer | undefined]): Entry {
  return typeof key === 'string' ? new TextEntry(key, ownOf(value)) : { key, value: ownOf(value) };
}

/**
 * The same bytes as a Buffer that JavaScript has made. To V8 one of the binding's is of another shape, so that it would throw away what it has
 * compiled for the bytes of sockets, and compile for both.
 */
export function ownOf(bytes: Buffer): Buffer {
  return bytes === NOTHING ? bytes : bytes.subarray();
}

function isNoText({ text }: Entry): boolean {
  return text?.includes(NO_TEXT) === true;
}

/** A character of a text has three bytes at most. */
function mostBytesOf(page: readonly Entry[]): number {
  return page.reduce((sum, entry) => sum + (entry.text === undefined ? entry.key.length : entry.text.length * 3) + entry.value.length, 0);
}
