/** Room in LevelDB's log, made before it is needed: a sync costs less than half where the file does not become longer with it. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { logsIn, numberOf } from './inspection.js';

/**
 * Bytes of zeroes that are added at a time. LevelDB's reader passes over them: its format has them for files that are allocated before they are
 * written (kZeroType in db/log_format.h). With 256 KiB the gain in throughput is a third of what it is with this.
 */
export const STEP = 1 << 20;
const ZEROES = Buffer.alloc(STEP);

/** What a commit takes beside its keys and values, and what each of its operations does: sums, a number, kinds, lengths. */
const PER_COMMIT = 19;
const PER_OPERATION = 4;

/**
 * Zeroes are only ever added behind the end of the file, and only while no commit is under way: LevelDB goes on where it has come to, which is
 * before them, so what it has written is never written over, however well or badly the room that is left is known.
 */
export class LogRoom {
  readonly #folder: string;
  /** Bytes, about: LevelDB begins another log when it wants to, and that has none. */
  #left = 0;
  #underWay = 0;
  #making: Promise<void> | undefined;
  #isClosed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A commit begins. @param bytes of its keys and values. @returns what it has to wait for, if anything; `end` is called in either case. */
  begin(operations: number, bytes: number): Promise<void> | undefined {
    const needed = PER_COMMIT + operations * PER_OPERATION + bytes;
    if (needed > this.#left && needed <= STEP && this.#underWay === 0 && !this.#isClosed) {
      this.#making = this.#make();
      this.#left += STEP;
    }
    this.#left = Math.max(0, this.#left - needed);
    this.#underWay++;
    return this.#making;
  }

  /** It is over, whatever became of it. */
  end(): void {
    this.#underWay--;
  }

  /** Nothing is written from now on, or when this has come to its end: another process may open the store then. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#making;
  }

  async #make(): Promise<void> {
    try {
      const logs = await logsIn(this.#folder);
      const newest = logs.reduce((one, other) => (numberOf(other) > numberOf(one) ? other : one));
      const file = await open(join(this.#folder, newest), 'r+');
      try {
        const { size } = await file.stat();
        await file.write(ZEROES, 0, STEP, size);
      } finally {
        await file.close();
      }
    } catch {
      // A commit needs no room: where none can be made, as on a full disk, the file becomes longer with it.
    }
    this.#making = undefined;
  }
}
