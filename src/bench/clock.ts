/** The time in microseconds, for latencies. */

/** With fractions, since the process began. */
export function micros(): number {
  return performance.now() * 1e3;
}
