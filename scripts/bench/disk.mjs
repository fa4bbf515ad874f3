/**
 * How long the disk itself takes: a few bytes are appended and synced, over and over, as a log of a store does. Run as a program, with the
 * seconds it is to last: what it takes beside a load, which waits for the same disk, and for the same cores.
 */

import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { root } from '../prepare.mjs';
import { end, launch } from './server-process.mjs';
import { quantile } from './statistics.mjs';

const BYTES = 200;
/** Between two syncs beside a load, in ms: often enough for a 99th percentile, and too seldom to be a load itself. */
const PAUSE = 5;

const program = fileURLToPath(import.meta.url);
if (process.argv[1] === program) console.log(JSON.stringify(await syncTimes(Number(process.argv[2]), PAUSE)));

/**
 * What a sync takes from now on, on a core.
 * @returns {() => Promise<object | undefined>} ends it: the times, as of {@link syncTimes}, unless it could not measure.
 */
export function syncsBeside(seconds, core) {
  const state = launch(process.execPath, [program, String(seconds)], { core, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  state.child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  return async () => {
    if ((await Promise.race([state.over, pause(5_000, 'late')])) !== 0) await end(state);
    return output === '' ? undefined : JSON.parse(output);
  };
}

/**
 * @param between ms from one sync to the next.
 * @returns {Promise<{ syncs: number, p50: number, p99: number, max: number }>} in milliseconds.
 */
export async function syncTimes(seconds, between = 0) {
  const folder = join(root, '.cache', 'bench');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `sync-${process.pid}`);
  const bytes = Buffer.alloc(BYTES, 'x');
  const times = [];
  const handle = openSync(file, 'a');
  try {
    for (const until = performance.now() + seconds * 1_000; performance.now() < until; ) {
      const began = performance.now();
      writeSync(handle, bytes);
      fdatasyncSync(handle);
      times.push(performance.now() - began);
      if (between > 0) await pause(between);
    }
  } finally {
    closeSync(handle);
    rmSync(file, { force: true });
  }
  return { syncs: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: Math.max(...times) };
}
