/** How long the disk itself takes: a few bytes are appended and synced, over and over, as a log of a store does. */

import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../prepare.mjs';
import { quantile } from './statistics.mjs';

const BYTES = 200;

/** @returns {{ syncs: number, p50: number, p99: number, max: number }} in milliseconds. */
export function syncTimes(seconds) {
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
    }
  } finally {
    closeSync(handle);
    rmSync(file, { force: true });
  }
  return { syncs: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: Math.max(...times) };
}
