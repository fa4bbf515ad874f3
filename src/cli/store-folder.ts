/** A store in a folder of its own beside its place, until it is complete. */

import { open, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Log } from '../broker/contracts.js';
import { ConfigurationError } from '../config/options.js';
import { holdsStore } from '../storage/inspection.js';
import { LevelStorage } from '../storage/level.js';

/**
 * Makes a store: all of it, or nothing.
 * @param write fills it.
 * @throws ConfigurationError where the place is taken.
 */
export async function makeStore(
  folder: string,
  log: Log,
  stop: AbortSignal,
  write: (storage: LevelStorage) => Promise<void>,
): Promise<void> {
  const place = await freePlace(folder);
  const beside = `${place}.import-${process.pid}`;
  const storage = await LevelStorage.open(beside, { sync: true, minFreeDisk: 0, log });
  const close = (): void => void storage.close();
  stop.addEventListener('abort', close);
  try {
    await write(storage);
    await storage.close();
    stop.throwIfAborted();
    await rmdir(place).catch(() => {}); // an empty one may be there
    await rename(beside, place).catch((cause: NodeJS.ErrnoException) => {
      throw new ConfigurationError(`the store cannot be moved to ${folder}: ${cause.message}`, { cause });
    });
  } catch (error) {
    await storage.close();
    await rm(beside, { recursive: true, force: true });
    throw error;
  } finally {
    stop.removeEventListener('abort', close);
  }
  await syncFolder(dirname(place));
}

async function freePlace(folder: string): Promise<string> {
  const path = await realpath(folder).catch(() => undefined);
  if (path === undefined) return resolve(folder);
  const files = await readdir(path).catch((cause: unknown) => {
    throw new ConfigurationError(`${folder} is no folder`, { cause });
  });
  if (await holdsStore(path)) throw new ConfigurationError(`there is a store in ${folder} already; an import makes a new one`);
  if (files.length > 0) throw new ConfigurationError(`${folder} is not empty; an import makes a folder of its own`);
  if ((await stat(path)).dev !== (await stat(dirname(path))).dev) {
    throw new ConfigurationError(`${folder} is where a disk is mounted; import into a folder in it, and move the files`);
  }
  return path;
}

/** A new name is durable only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows opens no folders.
  }
}
