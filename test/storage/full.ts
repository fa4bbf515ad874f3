/** A process that fills its disk: as a program it says what becomes of the store there. */

import { fileURLToPath } from 'node:url';
import { LevelStorage } from '../../src/storage/level.js';
import { until } from '../util/until.js';

/** Commits of 100 kB. */
export const COMMITS = 15;

async function fill(folder: string, what: string): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const log = {
    debug: () => {},
    info: (_: object, message: string) => say(`info: ${message}`),
    warn: (_: object, message: string) => say(`warn: ${message}`),
    error: (_: object, message: string) => say(`error: ${message}`),
  };
  const storage = await LevelStorage.open(folder, { sync: true, minFreeDisk: 0, log });
  if (what === 'again') {
    // No file takes all of it; opened again, the store begins a new one.
    const reading = { isDone: false, pages: 0 };
    const reader = (async () => {
      for (; !reading.isDone; reading.pages++) await storage.range(Buffer.of(0), Buffer.of(255), 10);
    })();
    const watch = until('it is full', () => storage.full).then(() => say(`full while a commit waits: ${storage.full}`));
    for (let i = 0; i < COMMITS; i++) {
      storage.put(Buffer.of(i), Buffer.alloc(100_000, 'incompressible'));
      await storage.commit();
    }
    reading.isDone = true;
    await Promise.all([watch, reader]);
    say(`read all the time: ${reading.pages > 0}`);
    say(`full afterwards: ${storage.full}`);
    await storage.close();
  } else {
    storage.put(Buffer.of(1), Buffer.from('before'));
    await storage.commit();
    // More than any file takes.
    storage.put(Buffer.of(2), Buffer.alloc(3_000_000));
    const failed = storage.commit().then(
      () => say('the commit did not wait'),
      () => say('the commit failed'),
    );
    await until('it is full', () => storage.full);
    say(`full while a commit waits: ${storage.full}`);
    say(`read meanwhile: ${(await storage.get(Buffer.of(1)))?.toString()}`);
    await storage.close();
    say('closed');
    await failed;
  }
}

const [, script, folder = '', what = ''] = process.argv;
if (script === fileURLToPath(import.meta.url)) await fill(folder, what);
