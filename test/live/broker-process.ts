/** The command as a process of its own, listening on a port of 127.0.0.1 that was free. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { until } from '../util/until.js';
import { Program } from './program.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));

export class BrokerProcess {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  /** It keeps nothing, unless it is told where. */
  static async start(...args: string[]): Promise<BrokerProcess> {
    return BrokerProcess.under([], ...args);
  }

  /** Started by a program that becomes the broker, as `env` does. */
  static async under(starter: readonly string[], ...args: string[]): Promise<BrokerProcess> {
    const storage = args.includes('--data') || args.includes('--memory') ? [] : ['--memory'];
    const local = ['--host', '127.0.0.1', '--port', '0', '--log-format', 'json'];
    const [name = '', ...rest] = [...starter, process.execPath, COMMAND, ...local, ...storage, ...args];
    const program = new Program(name, rest);
    const port = (): unknown => linesOf(program).find(({ msg }) => msg === 'listening')?.['port'];
    await until('it listens', () => port() !== undefined);
    const found = port();
    assert.ok(typeof found === 'number');
    return new BrokerProcess(program, found);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** The lines it has logged. */
  get log(): Readonly<Record<string, unknown>>[] {
    return linesOf(this.#program);
  }

  signal(name: NodeJS.Signals): void {
    this.#program.signal(name);
  }

  /** Its exit status, or the name of the signal that ended it. */
  async ended(): Promise<number | string> {
    return this.#program.ended();
  }
}

function linesOf(program: Program): Readonly<Record<string, unknown>>[] {
  const whole = program.stderr.split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}
