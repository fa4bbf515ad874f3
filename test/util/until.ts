/** Waiting for what happens elsewhere: in the kernel, in another process. */

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take before a test gives up, in ms: far more than it ever takes. */
export const PATIENCE = 30_000;

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE; !isSo(); await pause(1)) {
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
  }
}

/** The promise's value, unless it takes too long. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  const giveUp = new AbortController();
  const late = pause(PATIENCE, undefined, { signal: giveUp.signal }).then(() => assert.fail(`waited in vain for ${what}`));
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    giveUp.abort();
  }
}
