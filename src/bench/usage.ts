/** What a process costs: CPU time and memory, as Linux tells of any process. */
import { readFileSync } from 'node:fs';
import { BenchError } from './bench-error.js';

/** The kernel counts CPU time for programs in hundredths of a second, whatever it counts in itself. */
const TICKS_PER_SECOND = 100;

/** User and system time of all its threads, in seconds. */
export function cpuOf(pid: number): number {
  const stat = readProcess(pid, 'stat');
  // The name of the program stands in parentheses and may have spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in KiB. */
export function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readProcess(pid, 'status'))?.[1] ?? 0);
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    throw new BenchError(`there is no /proc/${pid}/${file}: the broker's process is not to be seen from here`);
  }
}

/** What this process and the broker have used since it was made. */
export class Meter {
  readonly #pid: number;
  readonly #began = performance.now();
  readonly #own = process.cpuUsage();
  readonly #broker: number;

  /** @param pid the broker's, 0 where it is not known. */
  constructor(pid: number) {
    this.#pid = pid;
    this.#broker = pid === 0 ? 0 : cpuOf(pid);
  }

  read(): Used {
    const { user, system } = process.cpuUsage(this.#own);
    return {
      seconds: (performance.now() - this.#began) / 1e3,
      own: (user + system) / 1e6,
      broker: this.#pid === 0 ? undefined : cpuOf(this.#pid) - this.#broker,
      rss: this.#pid === 0 ? undefined : rssOf(this.#pid),
    };
  }
}

/** Times in seconds; what is the broker's is undefined where its process is not known. */
export interface Used {
  readonly seconds: number;
  readonly own: number;
  readonly broker: number | undefined;
  /** KiB. */
  readonly rss: number | undefined;
}

/** Microseconds of CPU time for each of so many, to two decimals. */
export function microsEach(seconds: number | undefined, count: number): number | undefined {
  return seconds === undefined || count === 0 ? undefined : rounded((seconds * 1e6) / count, 2);
}

export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
