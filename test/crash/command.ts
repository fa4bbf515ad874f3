/** The command as a process that is killed, and started again on the same folder. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));
/** ms a start may take. */
const PATIENCE = 30_000;

/** None outlives the process that started it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Command {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';
  #isKilled = false;
  #hasEnded = false;

  /** @param port 0 for any that is free. */
  constructor(folder: string, port: number, durability: string) {
    const args = ['--host', '127.0.0.1', '--port', port, '--data', folder, '--durability', durability];
    const plain = Object.entries(process.env).filter(([variable]) => !variable.startsWith('POSMQ_'));
    this.#child = spawn(process.execPath, [COMMAND, ...args.map(String), '--log-format', 'json', '--status-interval', '0'], {
      env: Object.fromEntries(plain),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.add(this.#child);
    this.#child.stderr!.on('data', (bytes: Buffer) => (this.#log += bytes.toString()));
    this.#ended = once(this.#child, 'close').then(() => {
      this.#hasEnded = true;
      running.delete(this.#child);
    });
  }

  /** The port it listens on; undefined while it does not. */
  get port(): number | undefined {
    const port = this.#lines.find(({ msg }) => msg === 'listening')?.['port'];
    return typeof port === 'number' ? port : undefined;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What it said that it should not have said, and whether it ended by itself. */
  get complaints(): string[] {
    const lines = this.#lines.filter(({ level }) => level === 'error' || level === 'fatal' || level === 'warn');
    const ended = this.#hasEnded && !this.#isKilled ? [`it ended by itself with ${this.#child.exitCode ?? this.#child.signalCode}`] : [];
    return [...lines.map((line) => JSON.stringify(line)), ...ended];
  }

  /** Waits until it listens. @throws Error where it ends before, or takes too long. */
  async listening(): Promise<number> {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(2)) {
      const { port } = this;
      if (port !== undefined) return port;
      if (this.#hasEnded) throw new Error(`the broker ended before it listened: ${this.#log}`);
    }
    throw new Error(`the broker did not listen within ${PATIENCE} ms: ${this.#log}`);
  }

  /** kill -9, at once. */
  kill(): void {
    this.#isKilled ||= !this.#hasEnded;
    this.#child.kill('SIGKILL');
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  get #lines(): Readonly<Record<string, unknown>>[] {
    const whole = this.#log.split('\n').slice(0, -1);
    return whole.map((line) => (line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { level: 'error', msg: line }));
  }
}
