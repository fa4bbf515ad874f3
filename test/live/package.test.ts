/** The package as users get it: packed, installed into an empty folder, typed and run there. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

// Tests run in the root of the repository.
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

const home = mkdtempSync(join(tmpdir(), 'posmq-package-'));
const user = join(home, 'user');
let tarball: string;

before(() => {
  // Not through its scripts: what is packed is what the other tests ran, and they are using it.
  const packed = run(process.cwd(), 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', home);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  tarball = join(home, filename);
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  run(user, 'npm', 'install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', tarball);
});

after(() => rmSync(home, { recursive: true, force: true }));

test('it holds the library and its papers, and nothing else', () => {
  const files = run(home, 'tar', '-tzf', tarball).trim().split('\n');
  const strangers = files.filter(
    (file) => !/^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(js|d\.ts)(\.map)?)$/.test(file),
  );
  assert.deepEqual(strangers, []);
  for (const file of ['dist/index.js', 'dist/index.d.ts', 'dist/testing.js', 'dist/cli/posmq.js', 'README.md', 'LICENSE']) {
    assert.ok(files.includes(`package/${file}`), `${file} is in the package`);
  }
});

test('publint finds nothing to improve', () => {
  assert.match(run(process.cwd(), bin('publint'), 'run', tarball, '--strict'), /All good!/);
});

test('its types resolve for whoever imports it', () => {
  run(process.cwd(), bin('attw'), tarball, '--profile', 'esm-only', '--no-definitely-typed');
});

test('npx posmq --version tells the version', () => {
  assert.equal(run(user, 'npx', '--no', '--', 'posmq', '--version').trim(), `posmq ${version}`);
});

test('posmq serves a client until it is told to stop, and leaves its store beside it', { timeout: 20_000 }, async ({ signal }) => {
  const broker = spawn(join(user, 'node_modules', '.bin', 'posmq'), ['--host', '127.0.0.1', '--port', '0', '--log-format', 'json'], {
    cwd: user,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  signal.addEventListener('abort', () => broker.kill('SIGKILL'));
  try {
    const port = await listeningPort(broker);
    assert.equal(await connack(port), '20020000');
    const ended = once(broker, 'exit');
    broker.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.ok(existsSync(join(user, 'posmq-data', 'CURRENT')));
  } finally {
    broker.kill('SIGKILL');
  }
});

test('import { createBroker } from posmq', () => {
  writeFileSync(
    join(user, 'embed.js'),
    `import { createBroker } from 'posmq';
     const broker = await createBroker({ host: '127.0.0.1', port: 0 });
     await broker.close();
     console.log('closed');`,
  );
  assert.equal(run(user, process.execPath, 'embed.js').trim().split('\n').at(-1), 'closed');
});

/** Runs a program to its end and returns what it printed. */
function run(cwd: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
}

function bin(name: string): string {
  return resolve('node_modules', '.bin', name);
}

/** Waits for the line that names the port. */
async function listeningPort(broker: ChildProcess): Promise<number> {
  assert.ok(broker.stderr);
  const lines: string[] = [];
  for await (const line of createInterface(broker.stderr)) {
    lines.push(line);
    if (!line.startsWith('{')) continue;
    const { msg, port } = JSON.parse(line) as { msg: string; port?: number };
    if (msg !== 'listening' || port === undefined) continue;
    broker.stderr.resume();
    return port;
  }
  return assert.fail(`posmq did not start: ${lines.join('\n')}`);
}

/** Connects as MQTT 3.1.1 client "a" with a clean session and returns the first four bytes of the answer. */
async function connack(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.from('100d00044d5154540402003c000161', 'hex'));
  let answer = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    answer += chunk.toString('hex');
    if (answer.length >= 8) break;
  }
  socket.destroy();
  return answer;
}
