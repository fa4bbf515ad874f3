/** Programs as processes of their own: started, heard, and ended with the test file at the latest. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import { after } from 'node:test';
import { inTime } from '../util/until.js';

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

// Debian puts servers where not everyone looks.
const PATH = [process.env['PATH'], '/usr/sbin'].join(delimiter);

export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string>;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  constructor(name: string, args: readonly (string | number)[], input = '') {
    const environment = Object.entries(process.env).filter(([variable]) => !variable.startsWith('POSMQ_'));
    const child = spawn(name, args.map(String), { env: { ...Object.fromEntries(environment), PATH } });
    running.add(child);
    child.stdout.on('data', (bytes: Buffer) => this.#stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => this.#stderr.push(bytes));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    this.#child = child;
    this.#ended = once(child, 'close').then(([status, signal]: (number | string | null)[]) => {
      running.delete(child);
      return status ?? signal ?? 'nothing';
    });
    // Whoever waits for its end hears of it; until then it is no unhandled rejection.
    this.#ended.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  /** The whole lines it has printed so far. */
  get lines(): string[] {
    return this.stdout.toString().split('\n').slice(0, -1);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Its exit status, or the name of the signal that ended it. */
  async ended(): Promise<number | string> {
    return inTime(`${this.#child.spawnfile} to end`, this.#ended);
  }

  /** What it printed in all, once it has ended well. */
  async output(): Promise<Buffer> {
    const status = await this.ended();
    assert.equal(status, 0, `${this.#child.spawnargs.join(' ')}: ${this.stderr}`);
    return this.stdout;
  }
}

/** Runs a program to its good end. */
export async function run(name: string, args: readonly (string | number)[], input?: string): Promise<Buffer> {
  return new Program(name, args, input).output();
}
