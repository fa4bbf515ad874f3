/** The store on disk: LevelDB behind the storage contract. */
import { mkdir, realpath, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import type { Entry, Log, Storage, Wanted } from '../broker/contracts.js';
import { holdsStore, logsIn } from './inspection.js';
import { isDamage, isOutOfSpace, messageOf } from './level-error.js';
import { LogRoom } from './log-room.js';
import { markDamaged, openAsItIs, openLevel, openOrRepair, StoreError, type Opened } from './opening.js';
import { healthyOf, ownOf, pageOf } from './reading.js';

export interface LevelOptions {
  /** Whether a commit waits for the disk (fdatasync of LevelDB's log) or only for the operating system. */
  readonly sync: boolean;
  /** Bytes the disk must have left; with less the storage says it is full. */
  readonly minFreeDisk: number;
  readonly log: Log;
  /** Whether only a store that is there is opened, and one that is damaged is not repaired. */
  readonly asItIs?: boolean;
}

/** How often the disk is asked what it has left, and a commit that found it full is tried again, in ms. */
const LOOK_EVERY = 250;
const TRY_EVERY = 1_000;

/** Bytes written to learn whether there is space again. */
const PROBE = 1 << 16;

/** The folders this process has open: to try once more would make LevelDB give up the lock it has. */
const held = new Set<string>();

export class LevelStorage implements Storage {
  /** Whether it was damaged when it was opened. */
  readonly repaired: boolean;
  readonly #folder: string;
  readonly #options: LevelOptions;
  /** Where it is known to pay: on Linux a file that becomes longer makes a sync write down that too. */
  readonly #logRoom: LogRoom | undefined;
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
    this.#logRoom = options.sync && process.platform === 'linux' ? new LogRoom(folder) : undefined;
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
        const value = await level.get(key);
        return value === undefined ? undefined : ownOf(value);
      } catch (error) {
        await this.#noteDamage(error);
        throw error;
      }
    });
  }

  /** What cannot be read is passed over, and told in the log. */
  async range(from: Buffer, to: Buffer, limit: number, what: Wanted = 'entries'): Promise<Entry[]> {
    const bounds = { gte: from, lt: to, limit };
    return this.#read(async (level) => {
      try {
        return await pageOf(level, bounds, what);
      } catch (error) {
        if (!(await this.#noteDamage(error))) throw error;
        return await healthyOf(level, bounds);
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
    await this.#logRoom?.close();
    await this.#level.close();
    held.delete(this.#folder);
  }

  /** LevelDB answers a write with `sync` when fdatasync of its log has returned (DBImpl::Write in db/db_impl.cc). */
  async #write(keys: readonly Buffer[], values: readonly (Buffer | undefined)[]): Promise<void> {
    // A chained batch costs a ninth of the main thread's time an array does.
    const batch = this.#level.batch();
    let bytes = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const value = values[i];
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
      bytes += key.length + (value?.length ?? 0);
    }
    const made = this.#logRoom?.begin(keys.length, bytes);
    if (made !== undefined) await made;
    try {
      await batch.write({ sync: this.#options.sync });
    } finally {
      this.#logRoom?.end();
    }
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
          this.#level = (await openLevel(this.#folder)).level;
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
      await markDamaged(this.#folder, error);
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
