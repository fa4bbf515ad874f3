/** The store on disk: LevelDB behind the storage contract. */
import { link, mkdir, readdir, readFile, realpath, rm, rmdir, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Entry, Log, Storage } from '../broker/contracts.js';
import { damageIn, holdsStore } from './inspection.js';

export interface LevelOptions {
  /** Whether a commit waits for the disk (fdatasync of LevelDB's log) or only for the operating system. */
  readonly sync: boolean;
  /** Bytes the disk must have left; with less the storage says it is full. */
  readonly minFreeDisk: number;
  readonly log: Log;
  /** Whether only a store that is there is opened, and one that is damaged is not repaired. */
  readonly asItIs?: boolean;
}

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
/** What one step of an iterator may read ahead, in bytes. */
const READ_AHEAD = 1 << 20;
/** How often the disk is asked what it has left, and a commit that found it full is tried again, in ms. */
const LOOK_EVERY = 250;
const TRY_EVERY = 1_000;

/** Bytes written to learn whether there is space again. */
const PROBE = 1 << 16;

const NOTHING = Buffer.alloc(0);

/** Where files are set aside that could not be read in full: LevelDB's own name for it. */
const LOST = 'lost';
/** A file that tells the next start that something could not be read. */
const MARK = 'DAMAGED';

/** The folders this process has open: to try once more would make LevelDB give up the lock it has. */
const held = new Set<string>();

export class LevelStorage implements Storage {
  /** Whether it was damaged when it was opened. */
  readonly repaired: boolean;
  readonly #folder: string;
  readonly #options: LevelOptions;
  #level: ClassicLevel<Buffer, Buffer>;
  /** Operations of the next commit: a key, and its value or undefined where it is deleted. Kept until they are durable, to be tried again. */
  #keys: Buffer[] = [];
  #values: (Buffer | undefined)[] = [];
  /** While the store is opened again. */
  #reopening: Promise<void> | undefined;
  #isOutOfSpace = false;
  #isShort = false;
  #isDamaged = false;
  #watch: NodeJS.Timeout | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(folder: string, options: LevelOptions, { level, repaired }: Opened) {
    this.#folder = folder;
    this.#options = options;
    this.#level = level;
    this.repaired = repaired;
    this.#watch = setInterval(() => void this.#look(), LOOK_EVERY).unref();
  }

  /**
   * Opens the store in a folder, which is made if it is not there. One that is damaged is repaired, and what had to be set aside is logged.
   * @throws StoreError where it is in use, cannot be reached or cannot be repaired.
   */
  static async open(folder: string, options: LevelOptions): Promise<LevelStorage> {
    if (options.asItIs === true && !(await holdsStore(folder))) throw new StoreError(`there is no store in ${folder}`);
    const path = await mkdir(folder, { recursive: true })
      .then(() => realpath(folder))
      .catch((cause: unknown) => {
        throw new StoreError(`the store in ${folder} cannot be made: ${messageOf(cause)}`, { cause });
      });
    if (held.has(path)) throw new StoreError(`the store in ${folder} is in use by this process`);
    held.add(path);
    try {
      const storage = new LevelStorage(path, options, await (options.asItIs === true ? openAsItIs : openOrRepair)(folder, options.log));
      await storage.#look();
      return storage;
    } catch (error) {
      held.delete(path);
      throw error;
    }
  }

  /** Whether so little space is left that nothing should be put that can be refused. */
  get full(): boolean {
    return this.#isOutOfSpace || this.#isShort;
  }

  /** @throws LevelDB's error where the value is there and cannot be read. */
  async get(key: Buffer): Promise<Buffer | undefined> {
    return this.#read(async (level) => {
      try {
        return await level.get(key);
      } catch (error) {
        await this.#noteDamage(error);
        throw error;
      }
    });
  }

  /** What cannot be read is passed over, and told in the log. */
  async range(from: Buffer, to: Buffer, limit: number, what: 'entries' | 'keys' | 'values' = 'entries'): Promise<Entry[]> {
    const parts = { gte: from, lt: to, limit, keys: what !== 'values', values: what !== 'keys' };
    return this.#read(async (level) => {
      const iterator = level.iterator({ ...parts, highWaterMarkBytes: READ_AHEAD });
      try {
        // A step ends early where it has read enough bytes.
        const page = (await iterator.nextv(limit)).map(entryOf);
        if (page.length === limit || bytesOf(page) >= READ_AHEAD) await readToTheEnd(level, { ...parts, limit: page.length });
        return page;
      } catch (error) {
        if (!(await this.#noteDamage(error))) throw error;
        return await readable(level, parts);
      } finally {
        await iterator.close();
      }
    });
  }

  put(key: Buffer, value: Buffer): void {
    this.#keys.push(key);
    this.#values.push(value);
  }

  delete(key: Buffer): void {
    this.#keys.push(key);
    this.#values.push(undefined);
  }

  async commit(): Promise<void> {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = [];
    this.#values = [];
    for (;;) {
      try {
        await this.#write(keys, values);
        if (this.#isOutOfSpace) this.#options.log.info({ folder: this.#folder }, 'there is space again, the store goes on');
        this.#isOutOfSpace = false;
        return;
      } catch (error) {
        if (!isOutOfSpace(error) || this.#closed) {
          await this.#noteDamage(error);
          throw error;
        }
        if (!this.#isOutOfSpace) {
          this.#isOutOfSpace = true;
          this.#options.log.error({ err: error, folder: this.#folder }, 'the disk is full, the store waits for space');
        }
        do await this.#pause();
        while (!this.#closed && !(await this.#hasRoom()));
        // After a failed write the end of LevelDB's log is unknown: what were written behind it could be lost. Opening reads and replaces it.
        await this.#reopen();
      }
    }
  }

  /** Gives up the folder. What was not committed is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#wake?.();
    if (this.#reopening !== undefined) await this.#reopening;
    await this.#level.close();
    held.delete(this.#folder);
  }

  /** LevelDB answers a write with `sync` when fdatasync of its log has returned (DBImpl::Write in db/db_impl.cc). */
  async #write(keys: readonly Buffer[], values: readonly (Buffer | undefined)[]): Promise<void> {
    // A chained batch costs a ninth of the main thread's time an array does.
    const batch = this.#level.batch();
    for (let i = 0; i < keys.length; i++) {
      const value = values[i];
      if (value === undefined) batch.del(keys[i]!);
      else batch.put(keys[i]!, value);
    }
    await batch.write({ sync: this.#options.sync });
  }

  /** Reads; and again, where the store was opened anew meanwhile. */
  async #read<T>(read: (level: ClassicLevel<Buffer, Buffer>) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#reopening !== undefined) await this.#reopening;
      const level = this.#level;
      try {
        return await read(level);
      } catch (error) {
        if (this.#closed || (this.#reopening === undefined && this.#level === level)) throw error;
      }
    }
  }

  /** Whether there is space to open the store anew, which writes a table of all that its logs have. Until then it can be read as it is. */
  async #hasRoom(): Promise<boolean> {
    const probe = join(this.#folder, 'PROBE');
    try {
      let needed = PROBE;
      for (const name of await logsIn(this.#folder)) needed += (await stat(join(this.#folder, name))).size;
      if ((await freeIn(this.#folder)) < needed) return false;
      await writeFile(probe, Buffer.alloc(PROBE), { flush: true });
      return true;
    } catch {
      return false;
    } finally {
      await rm(probe, { force: true });
    }
  }

  async #reopen(): Promise<void> {
    let opened = (): void => {};
    this.#reopening = new Promise((resolve) => (opened = resolve));
    try {
      await this.#level.close();
      while (!this.#closed) {
        try {
          this.#level = await openLevel(this.#folder);
          return;
        } catch (error) {
          if (!isOutOfSpace(error)) throw error;
          await this.#pause();
        }
      }
    } finally {
      this.#reopening = undefined;
      opened();
    }
  }

  /** Tells the operator once, and the next start, which repairs. @returns whether the error is damage at all. */
  async #noteDamage(error: unknown): Promise<boolean> {
    if (!isDamage(error)) return false;
    if (!this.#isDamaged) {
      this.#isDamaged = true;
      this.#options.log.error(
        { err: error, folder: this.#folder },
        'the store is damaged: some of it cannot be read; it is repaired with the next start',
      );
      await writeFile(join(this.#folder, MARK), `${messageOf(error)}\n`).catch(() => {});
    }
    return true;
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TRY_EVERY);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  async #look(): Promise<void> {
    const free = await freeIn(this.#folder);
    const { minFreeDisk, log } = this.#options;
    const isShort = free < minFreeDisk;
    if (isShort === this.#isShort) return;
    this.#isShort = isShort;
    const line = { folder: this.#folder, free, minFreeDisk };
    if (isShort) log.error(line, 'little space is left on the disk, what would need more is refused');
    else log.info(line, 'there is space on the disk again');
  }
}

/** Bytes a disk has left; where the system cannot tell there is no end of it, and a write that fails still tells. */
async function freeIn(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
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

async function openLevel(folder: string): Promise<ClassicLevel<Buffer, Buffer>> {
  const level = levelIn(folder);
  await level.open();
  return level;
}

interface Opened {
  readonly level: ClassicLevel<Buffer, Buffer>;
  readonly repaired: boolean;
}

async function openAsItIs(folder: string, log: Log): Promise<Opened> {
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

async function openOrRepair(folder: string, log: Log): Promise<Opened> {
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
    const level = await openLevel(folder);
    remarks = await remarksIn(folder);
    return { level, repaired: remarks.length > 0 };
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
  await ClassicLevel.repair(folder);
  const remarks = await remarksIn(folder);
  const level = await openLevel(folder);
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

async function logsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d+\.log$/.test(name));
}

/** What LevelDB has noted of records and tables it could not read. */
async function remarksIn(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'LOG'), 'utf8').catch(() => '');
  // Each line begins with a date and a thread.
  const lines = text.split('\n').map((line) => line.replace(/^\S+ \S+ /, ''));
  return lines.filter((line) => /dropp|ignoring|unparsable|corruption/i.test(line));
}

interface Parts {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly limit: number;
  readonly keys: boolean;
  readonly values: boolean;
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
async function readable(level: ClassicLevel<Buffer, Buffer>, parts: Parts): Promise<Entry[]> {
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

/** The codes of an error and of what caused it. */
function codesOf(error: unknown): Set<string> {
  const codes = new Set<string>();
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    const { code } = link as NodeJS.ErrnoException;
    if (code !== undefined) codes.add(code);
  }
  return codes;
}

/** What the innermost cause says. */
function messageOf(error: unknown): string {
  let link = error;
  while (link instanceof Error && link.cause instanceof Error) link = link.cause;
  return link instanceof Error ? link.message : String(link);
}

function isLocked(error: unknown): boolean {
  return codesOf(error).has('LEVEL_LOCKED');
}

/** Something is not as it was written. */
function isDamage(error: unknown): boolean {
  return codesOf(error).has('LEVEL_CORRUPTION');
}

/** LevelDB tells an error of the system by its text only. */
function isOutOfSpace(error: unknown): boolean {
  return /no space left|not enough space|quota exceeded|file too large/i.test(messageOf(error));
}
