/** Waiting, until the time is over or the run is. */
import { setTimeout as timer } from 'node:timers/promises';

/** How often a wait looks around, in milliseconds. */
const GLANCE = 20;

export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await timer(seconds * 1e3, undefined, { signal }).catch(() => {});
}

/**
 * Waits until something is done, or has made no progress for so many seconds. It does not end with the run: what is on its way at the end is
 * waited for, too.
 */
export async function settle(done: () => boolean, progress: () => number, patience: number): Promise<void> {
  let last = progress();
  let since = performance.now();
  while (!done()) {
    await timer(GLANCE);
    const current = progress();
    if (current !== last) {
      last = current;
      since = performance.now();
    } else if (performance.now() - since > patience * 1e3) {
      return;
    }
  }
}
