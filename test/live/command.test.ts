import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));
const PACKAGE = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
/** Milliseconds; a start takes a tenth of it. */
const PATIENCE = 10_000;

type Environment = Readonly<Record<string, string>>;

/** One line of the log as JSON. */
type Line = Readonly<Record<string, unknown>>;

const alive = new Set<ChildProcess>();
after(() => {
  for (const child of alive) child.kill('SIGKILL');
});

/** The real command as a process of its own, ended with the test file at the latest. */
class Command {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string | null>;

  constructor(args: readonly string[], environment: Environment = {}, script = COMMAND) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('POSMQ_'));
    this.#child = spawn(process.execPath, [script, ...args], {
      // What is proved here needs no store.
      env: { ...Object.fromEntries(inherited), POSMQ_MEMORY: 'true', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.#child);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#ended = once(this.#child, 'close').then(([status, signal]: (number | string | null)[]) => {
      alive.delete(this.#child);
      return status ?? signal ?? null;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Nobody reads what the command writes any more. */
  closePipes(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** The exit status, or the name of the signal that ended it. */
  async ended(): Promise<number | string | null> {
    const late = pause(PATIENCE, 'still running', { ref: false });
    const status = await Promise.race([this.#ended, late]);
    assert.notEqual(status, 'still running', this.stderr);
    return status;
  }

  /** The first line of a JSON log that has the text in its message. */
  async line(text: string): Promise<Line> {
    const until = Date.now() + PATIENCE;
    while (Date.now() < until) {
      const found = this.lines().find(({ msg }) => String(msg).includes(text));
      if (found !== undefined) return found;
      await pause(10);
    }
    throw new Error(`no line says "${text}":\n${this.stderr}`);
  }

  lines(): Line[] {
    const whole = this.stderr.slice(0, this.stderr.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  }

  /** The port, once it listens. */
  async port(): Promise<number> {
    const { port } = await this.line('listening');
    assert.ok(typeof port === 'number' && port > 0);
    return port;
  }
}

const LOCAL = ['--host', '127.0.0.1', '--port', '0'];

/** A CONNECT for MQTT 3.1.1, clean session, client id `t`, answered with CONNACK 0. */
async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(Buffer.from('100d00044d5154540402003c000174', 'hex'));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answer.toString('hex'), '20020000');
  return socket;
}

async function busyPort(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, port: address.port };
}

async function refuses(args: readonly string[], sentence: string, environment: Environment = {}): Promise<void> {
  const command = new Command(args, environment);
  const status = await command.ended();
  assert.deepEqual({ status, stderr: command.stderr, stdout: command.stdout }, { status: 2, stderr: `posmq: ${sentence}\n`, stdout: '' });
}

describe('bad input gets one sentence and exit status 2:', () => {
  for (const [args, sentence] of [
    ['--port 99999', '--port must be between 0 and 65535, got 99999'],
    ['--port ten', '--port must be a whole number, got "ten"'],
    ['--prot 1', 'unknown option --prot; did you mean --port?'],
    ['--port', '--port needs a value'],
    ['1883', 'unexpected argument "1883"'],
    ['--log-format xml', '--log-format must be pretty, json or auto, got "xml"'],
    ['--memory=yes', '--memory takes no value'],
    ['--host nowhere.invalid --port 0', 'cannot listen on nowhere.invalid:0: the host name does not resolve'],
    // An address for documentation [RFC 5737]: no machine has it.
    ['--host 192.0.2.1 --port 0', 'cannot listen on 192.0.2.1:0: the address is not one of this machine'],
  ] as const) {
    it(`posmq ${args}`, () => refuses(args.split(' '), sentence));
  }

  for (const [name, value, sentence] of [
    ['POSMQ_PORT', '99999', 'POSMQ_PORT must be between 0 and 65535, got 99999'],
    ['POSMQ_MEMORY', 'yes', 'POSMQ_MEMORY must be true or false, got "yes"'],
    ['POSMQ_PROT', '1', 'unknown environment variable POSMQ_PROT; did you mean POSMQ_PORT?'],
  ] as const) {
    it(`${name}=${value} posmq`, () => refuses([], sentence, { [name]: value }));
  }

  it('a port in use', async () => {
    const { server, port } = await busyPort();
    try {
      const sentence = `cannot listen on 127.0.0.1:${port}: the port is already in use`;
      await refuses(['--host', '127.0.0.1', '--port', String(port)], sentence);
      await refuses(['--host', '127.0.0.1', '--port', String(port), '--log-format', 'pretty'], sentence);
    } finally {
      server.close();
    }
  });
});

describe('posmq', () => {
  it('prints its version and its help on standard output', async () => {
    const version = new Command(['--version']);
    assert.equal(await version.ended(), 0);
    assert.deepEqual([version.stdout, version.stderr], [`posmq ${PACKAGE.version}\n`, '']);

    const help = new Command(['--help']);
    assert.equal(await help.ended(), 0);
    assert.match(help.stdout, /^Usage: posmq \[options\]\n/);
    assert.equal(help.stderr, '');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`stops with status 0 on ${signal} while a client is connected`, async () => {
      const command = new Command(LOCAL);
      const socket = await connected(await command.port());
      const closed = once(socket, 'close');
      command.signal(signal);
      assert.equal(await command.ended(), 0);
      await closed;
      const messages = command.lines().map(({ msg }) => msg);
      assert.ok(messages.includes('stopping') && messages.includes('stopped'), command.stderr);
      assert.equal(command.stdout, '');
    });
  }

  it('reads its environment, and its flags before it', async () => {
    const command = new Command(['--host', '127.0.0.1'], { POSMQ_HOST: '192.0.2.1', POSMQ_PORT: '0', POSMQ_LOG_LEVEL: 'info' });
    const { host } = await command.line('listening');
    assert.equal(host, '127.0.0.1');
    (await connected(await command.port())).destroy();
    command.signal('SIGTERM');
    assert.equal(await command.ended(), 0);
  });

  it('logs JSON, one object per line, with --log-format json', async () => {
    const command = new Command([...LOCAL, '--log-format', 'json']);
    await command.port();
    command.signal('SIGTERM');
    await command.ended();
    for (const line of command.lines()) {
      assert.equal(typeof line['level'], 'string');
      assert.ok(!Number.isNaN(Date.parse(String(line['time']))));
      assert.equal(typeof line['msg'], 'string');
    }
  });

  it('logs to be read with --log-format pretty, without colours where no terminal is', async () => {
    const command = new Command([...LOCAL, '--log-format', 'pretty']);
    const until = Date.now() + PATIENCE;
    while (!command.stderr.includes('listening') && Date.now() < until) await pause(10);
    command.signal('SIGTERM');
    assert.equal(await command.ended(), 0);
    assert.match(command.stderr, /^\[[\d :.-]+\] INFO: listening \{"host":"127\.0\.0\.1","port":\d+\}$/m);
    assert.ok(!command.stderr.includes('\u001B'));
  });

  it('logs a status line with all its figures every --status-interval seconds', async () => {
    const command = new Command([...LOCAL, '--status-interval', '1']);
    const socket = await connected(await command.port());
    const line = await command.line('1 connection (1 in all)');
    const status = line['status'] as Readonly<Record<string, Line>>;
    assert.deepEqual(Object.keys(status).sort(), [
      'closed',
      'connections',
      'dropped',
      'queued',
      'received',
      'retained',
      'sent',
      'sessions',
      'subscriptions',
    ]);
    assert.deepEqual(status['connections'], { open: 1, total: 1 });
    assert.deepEqual(status['sessions'], { connected: 1, disconnected: 0 });
    socket.destroy();
    command.signal('SIGTERM');
    assert.equal(await command.ended(), 0);
  });

  it('goes on when nobody reads its log any more', async () => {
    const command = new Command([...LOCAL, '--status-interval', '1', '--log-level', 'debug']);
    const port = await command.port();
    command.closePipes();
    await pause(1_500);
    (await connected(port)).destroy();
    command.signal('SIGTERM');
    assert.equal(await command.ended(), 0);
  });

  it('runs through a link, as npm and npx start it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'posmq-'));
    try {
      const link = join(folder, 'posmq');
      symlinkSync(COMMAND, link);
      const command = new Command(['--version'], {}, link);
      assert.equal(await command.ended(), 0);
      assert.equal(command.stdout, `posmq ${PACKAGE.version}\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
