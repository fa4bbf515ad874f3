/** Reading of LevelDB: a page of a range, and what is healthy of one that is damaged. */
import type { ClassicLevel } from 'classic-level';
import type { Entry } from '../broker/contracts.js';
import { isDamage } from './level-error.js';

/** What one step of an iterator may read ahead, in bytes. */
const READ_AHEAD = 1 << 20;
const NOTHING = Buffer.alloc(0);

/**
 * What is not asked for comes empty all the same, and an empty string costs a tenth of the main thread's time an empty buffer does: as many
 * entries are read in half of it. The bounds of a range are bytes as ever.
 */
const UNREAD = { name: 'unread', format: 'utf8', encode: (bytes: Buffer): Buffer => bytes, decode: (): Buffer => NOTHING } as const;

/** A range, and what of its entries is asked for. */
export interface Parts {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly limit: number;
  readonly keys: boolean;
  readonly values: boolean;
}

/** Up to `limit` entries; fewer where they are large. @throws LevelDB's error where something in between cannot be read. */
export async function pageOf(level: ClassicLevel<Buffer, Buffer>, parts: Parts): Promise<Entry[]> {
  const { keys, values } = parts;
  const iterator = level.iterator({
    ...parts,
    keyEncoding: keys ? 'buffer' : UNREAD,
    valueEncoding: values ? 'buffer' : UNREAD,
    highWaterMarkBytes: READ_AHEAD,
  });
  try {
    // A step ends early where it has read enough bytes.
    const page = (await iterator.nextv(parts.limit)).map(entryOf);
    if (page.length === parts.limit || bytesOf(page) >= READ_AHEAD) await readToTheEnd(level, { ...parts, limit: page.length });
    return page;
  } finally {
    await iterator.close();
  }
}

/** LevelDB passes over what it cannot read, and tells only when an iterator comes to its end: this one does, and brings nothing. @throws that. */
async function readToTheEnd(level: ClassicLevel<Buffer, Buffer>, parts: Parts): Promise<void> {
  const iterator = level.iterator({ ...parts, keys: false, values: false });
  try {
    await iterator.nextv(1);
  } finally {
    await iterator.close();
  }
}

/** What can be read of a range, step by step: an iterator gives what is healthy until it comes to its end. */
export async function healthyOf(level: ClassicLevel<Buffer, Buffer>, parts: Parts): Promise<Entry[]> {
  const iterator = level.iterator(parts);
  const page: Entry[] = [];
  try {
    while (page.length < parts.limit) {
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

/** Either is absent where it was not asked for. */
function entryOf([key, value]: [Buffer | undefined, Buffer | undefined]): Entry {
  return { key: key ?? NOTHING, value: value ?? NOTHING };
}

function bytesOf(page: readonly Entry[]): number {
  return page.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}
