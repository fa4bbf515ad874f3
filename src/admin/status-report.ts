/** The status line of a broker, logged again and again. */
import type { Log } from '../broker/contracts.js';
import type { Stats } from '../broker/stats.js';
import { Timer, type Wheel } from '../util/wheel.js';
import { statusLine } from './status.js';

/** @param seconds from line to line; 0 is none at all. */
export function reportStatus(seconds: number, stats: () => Stats, wheel: Wheel, log: Log): void {
  if (seconds === 0) return;
  let before = stats();
  const timer = new Timer(() => {
    const now = stats();
    const { fields, message } = statusLine(now, before, seconds);
    log.info(fields, message);
    before = now;
    wheel.schedule(timer, wheel.now + seconds * 1_000);
  });
  wheel.schedule(timer, wheel.now + seconds * 1_000);
}
