/** Signals, and what they make of a running broker. */

import { constants } from 'node:os';
import type { Logger } from 'pino';

/** What of a process a stop needs. */
export interface Host {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  exit(status: number): unknown;
}

/** Ctrl-C under npm arrives twice, from the terminal and from npm: signals this close (milliseconds) are one wish. */
const ONE_WISH = 250;

/**
 * The first SIGINT or SIGTERM stops politely and exits with 0; a later one exits at once with 128 and its number, as a shell reports it.
 *
 * @param stop resolves when everything is stopped.
 */
export function stopOnSignal(stop: () => Promise<void>, log: Logger, host: Host = process, now: () => number = Date.now): void {
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    host.on(signal, () => {
      if (first === undefined) {
        first = now();
        log.info({ signal }, 'stopping');
        stop().then(
          () => host.exit(0),
          (error: unknown) => {
            log.fatal({ err: error }, 'could not stop in order');
            host.exit(1);
          },
        );
      } else if (now() - first >= ONE_WISH) {
        log.warn({ signal }, 'stopped at once');
        host.exit(128 + constants.signals[signal]);
      }
    });
  }
}
