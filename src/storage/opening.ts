/** The opening of a store: as it is, or repaired where it is damaged; what had to be set aside is logged. */
import { link, mkdir, readdir, readFile, rm, rmdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Log } from '../broker/contracts.js';
import { damageIn, logsIn } from './inspection.js';
import { isDamage, isLocked, messageOf } from './level-error.js';
import { gapAt, unfinishedAt } from './record-log.js';

/** A store that cannot be opened; the message is one sentence for its operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** A store that is damaged, and was to be opened as it is. */
export class DamagedError extends StoreError {}

/** The default of 4 MB makes commits wait ten times as long when it is full (289 ms measured, 40 with this). */
const WRITE_BUFFER = 32 << 20;
/** Tables are mapped into memory while they are open: at 2 MB each these bound what a large store adds to the process. LevelDB takes no less. */
const MAX_OPEN_FILES = 74;
/** Where files are set aside that could not be read in full: LevelDB's own name for it. */
const LOST = 'lost';
/** A file that tells the next start that something could not be read: what LevelDB said of it. */
const MARK = 'DAMAGED';

export interface Opened {
  readonly level: ClassicLevel<Buffer, Buffer>;
  readonly repaired: boolean;
}

/** @throws DamagedError where it is damaged; StoreError where it is in use, or cannot be opened. */
export async function openAsItIs(folder: string, log: Log): Promise<Opened> {
  await refuseInUse(folder);
  try {
    const damage = await damageKnown(folder);
    if (damage === undefined) return await openAndHear(folder, log);
    throw new DamagedError(`the store in ${folder} is damaged: ${damage}`);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    if (isLocked(error)) throw inUse(folder, error);
    if (isDamage(error)) throw new DamagedError(`the store in ${folder} is damaged: ${messageOf(error)}`, { cause: error });
    throw new StoreError(`the store in ${folder} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws StoreError where it is in use, or can be neither opened nor repaired. */
export async function openOrRepair(folder: string, log: Log): Promise<Opened> {
  try {
    await refuseInUse(folder);
    const damage = await damageKnown(folder);
    if (damage === undefined) return await openAndHear(folder, log);
    log.error({ folder, damage }, 'the store is damaged, repairing it');
  } catch (error) {
    if (error instanceof StoreError) throw error;
    if (isLocked(error)) throw inUse(folder, error);
    if (!isDamage(error)) throw new StoreError(`the store in ${folder} cannot be opened: ${messageOf(error)}`, { cause: error });
    log.error({ folder, damage: messageOf(error) }, 'the store is damaged, repairing it');
  }
  // Another process may have begun to open it meanwhile, and a repair asks nobody.
  await refuseInUse(folder);
  try {
    return await repair(folder, log);
  } catch (error) {
    throw new StoreError(`the store in ${folder} is damaged and cannot be repaired: ${messageOf(error)}`, { cause: error });
  }
}

/** Opens a store, or makes it: LevelDB reads its logs, and passes over what it cannot read. That is what the remarks tell of. */
export async function openLevel(folder: string): Promise<{ readonly level: ClassicLevel<Buffer, Buffer>; readonly remarks: string[] }> {
  const gaps = await cutUnfinished(folder);
  const level = levelIn(folder);
  await level.open();
  return { level, remarks: [...gaps, ...(await remarksIn(folder))] };
}

/** Tells the next start that something cannot be read. */
export async function markDamaged(folder: string, error: unknown): Promise<void> {
  await writeFile(join(folder, MARK), `${messageOf(error)}\n`).catch(() => {});
}

/** LevelDB locks a folder before it looks at what is in it; asked like this it always refuses to go on, and has touched nothing but its own LOG. */
async function refuseInUse(folder: string): Promise<void> {
  try {
    await levelIn(folder, false, true).open();
  } catch (error) {
    if (isLocked(error)) throw inUse(folder, error);
  }
}

function inUse(folder: string, cause: unknown): StoreError {
  return new StoreError(`the store in ${folder} is in use by another process`, { cause });
}

/**
 * Takes the commit that nobody finished from the end of a log: nothing of it was acknowledged. LevelDB passes over it where the file ends with
 * it, and takes it for damage where room was made behind it.
 * @returns which logs have lost something before their end that LevelDB would take for room.
 */
async function cutUnfinished(folder: string): Promise<string[]> {
  const gaps: string[] = [];
  for (const name of await logsIn(folder)) {
    const path = join(folder, name);
    const bytes = await readFile(path);
    const end = unfinishedAt(bytes);
    const gap = gapAt(bytes.subarray(0, end));
    if (gap !== undefined) gaps.push(`${name}: zeroes at byte ${gap}, and records behind them`);
    if (end === undefined) continue;
    // Who opened the store since has a log of its own now, and this may only be it if it is still open.
    await refuseInUse(folder);
    await truncate(path, end);
  }
  return gaps;
}

/** What is wrong with a folder nobody has open, or undefined. */
async function damageKnown(folder: string): Promise<string | undefined> {
  const mark = await readFile(join(folder, MARK), 'utf8').catch(() => undefined);
  return mark?.trimEnd() ?? (await damageIn(folder));
}

/**
 * Opens, and hears what LevelDB only notes in its LOG: records of its log that it could not read and dropped. It deletes a log it has read;
 * one that was not read in full stays, in `lost`.
 */
async function openAndHear(folder: string, log: Log): Promise<Opened> {
  const lost = join(folder, LOST);
  const linked: string[] = [];
  for (const name of await logsIn(folder)) {
    try {
      await mkdir(lost, { recursive: true });
      await link(join(folder, name), join(lost, name));
      linked.push(name);
    } catch {
      // A file system without links keeps no damaged log; what is dropped is told all the same.
    }
  }
  let remarks: string[] = [];
  try {
    const opened = await openLevel(folder);
    remarks = opened.remarks;
    return { level: opened.level, repaired: remarks.length > 0 };
  } finally {
    const setAside = linked.filter((name) => remarks.some((remark) => remark.includes(name)));
    for (const name of linked) if (!setAside.includes(name)) await rm(join(lost, name), { force: true });
    await rmdir(lost).catch(() => {}); // others may be there
    if (remarks.length > 0)
      log.error({ folder: lost, setAside, remarks }, 'a log of the store could not be read in full; what could be is kept');
  }
}

async function repair(folder: string, log: Log): Promise<Opened> {
  const lost = join(folder, LOST);
  const before = await readdir(lost).catch((): string[] => []);
  const gaps = await cutUnfinished(folder);
  await ClassicLevel.repair(folder);
  const remarks = [...gaps, ...(await remarksIn(folder))];
  const { level } = await openLevel(folder);
  // A repaired store has its tables in no order of age, and reading one key could find an old value first. Merged they are as before.
  await level.compactRange(Buffer.alloc(0), Buffer.alloc(8, 0xff));
  await rm(join(folder, MARK), { force: true });
  const setAside = (await readdir(lost).catch((): string[] => [])).filter((name) => !before.includes(name));
  log.error(
    { folder: lost, setAside, remarks },
    'the store is repaired; the files it was made from anew, or that could not be read, are set aside',
  );
  return { level, repaired: true };
}

/** What LevelDB has noted of records and tables it could not read. */
async function remarksIn(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'LOG'), 'utf8').catch(() => '');
  // Each line begins with a date and a thread.
  const lines = text.split('\n').map((line) => line.replace(/^\S+ \S+ /, ''));
  return lines.filter((line) => /dropp|ignoring|unparsable|corruption/i.test(line));
}

function levelIn(folder: string, createIfMissing = true, errorIfExists = false): ClassicLevel<Buffer, Buffer> {
  return new ClassicLevel<Buffer, Buffer>(folder, {
    createIfMissing,
    errorIfExists,
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: WRITE_BUFFER,
    maxOpenFiles: MAX_OPEN_FILES,
  });
}
