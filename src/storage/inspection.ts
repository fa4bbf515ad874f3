/** What is wrong with the files of a LevelDB, as they lie there before it is opened: LevelDB itself would pass over it and delete what it misses. */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { recordsOf } from './record-log.js';

/** The tables a manifest lists, by number with their size, and the log that was begun with its last change. */
interface Manifest {
  readonly tables: ReadonlyMap<number, number>;
  readonly log: number;
}

/** Whether a folder holds a LevelDB, or what is left of one. */
export async function holdsStore(folder: string): Promise<boolean> {
  const files = await readdir(folder).catch((): string[] => []);
  return files.some((name) => /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/.test(name));
}

/** The files a LevelDB notes changes in until they are in a table. */
export async function logsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d+\.log$/.test(name));
}

/** The number LevelDB has given a file: a later one is greater. */
export function numberOf(name: string): number {
  return parseInt(name, 10);
}

/** What is wrong, in a few words, or undefined. Nobody else may have the folder open meanwhile. */
export async function damageIn(folder: string): Promise<string | undefined> {
  const files = new Set(await readdir(folder));
  if (!files.has('CURRENT')) {
    // Without a table or a log nothing was ever kept.
    return [...files].some((name) => /^\d+\.(?:ldb|sst|log)$/.test(name)) ? 'CURRENT is missing' : undefined;
  }
  const current = (await readFile(join(folder, 'CURRENT'), 'latin1')).trimEnd();
  if (!/^MANIFEST-\d+$/.test(current)) return 'CURRENT names no manifest';
  if (!files.has(current)) return `${current} is missing`;
  const manifest = read(await readFile(join(folder, current)));
  if (manifest === undefined) return `${current} cannot be read`;
  // The log is there before the manifest names it. One that is gone was emptied into a table that later changes list: those are cut off.
  const log = nameOf(manifest.log, 'log');
  if (manifest.log !== 0 && !files.has(log)) return `${current} is cut short, or ${log} is missing`;
  for (const [number, size] of manifest.tables) {
    const name = [nameOf(number, 'ldb'), nameOf(number, 'sst')].find((file) => files.has(file));
    if (name === undefined) return `${nameOf(number, 'ldb')} is missing`;
    const path = join(folder, name);
    const { size: found } = await stat(path);
    if (found !== size) return `${name} has ${found} bytes of ${size}`;
    if (!(await endsAsTable(path, size))) return `${name} has lost its end`;
  }
  return undefined;
}

function nameOf(number: number, kind: string): string {
  return `${String(number).padStart(6, '0')}.${kind}`;
}

/** The last eight bytes of every table. */
const MAGIC = Buffer.from('57fb808b247547db', 'hex');

async function endsAsTable(path: string, size: number): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, size - MAGIC.length);
    return buffer.equals(MAGIC);
  } finally {
    await file.close();
  }
}

/** Tags of the fields of a manifest's record. */
const Field = {
  Comparator: 1,
  LogNumber: 2,
  NextFile: 3,
  LastSequence: 4,
  CompactPointer: 5,
  DeletedFile: 6,
  NewFile: 7,
  PrevLogNumber: 9,
} as const;

function read(bytes: Buffer): Manifest | undefined {
  const tables = new Map<number, number>();
  let log: number | undefined;
  for (const record of recordsOf(bytes)) {
    let at = 0;
    const number = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = record[at++];
        if (byte === undefined) return NaN;
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
    };
    const skip = (): void => {
      const length = number();
      at += length;
    };
    while (at < record.length) {
      switch (number()) {
        case Field.Comparator:
          skip();
          break;
        case Field.LogNumber:
          log = number();
          break;
        case Field.NextFile:
        case Field.LastSequence:
        case Field.PrevLogNumber:
          number();
          break;
        case Field.CompactPointer:
          number();
          skip();
          break;
        case Field.DeletedFile:
          number();
          tables.delete(number());
          break;
        case Field.NewFile:
          number();
          tables.set(number(), number());
          skip();
          skip();
          break;
        default:
          return undefined;
      }
    }
  }
  return log === undefined || Number.isNaN(log) ? undefined : { tables, log };
}
