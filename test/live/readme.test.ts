import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ownFolder } from '../util/folder.js';
import { inTime, until } from '../util/until.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');
const posmq = `node ${root}dist/cli/posmq.js`;

/** The fenced blocks of one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code!);
}

const running = new Set<ChildProcessWithoutNullStreams>();

/** A command as a user types it. `exec` so that a signal reaches the command and not a shell before it. */
class Typed {
  output = '';
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(line: string) {
    // It is typed in the checkout, where its store is not to stay.
    const env = { ...process.env, POSMQ_DATA: ownFolder() };
    this.#child = spawn('sh', ['-c', line.replace(/^((?:\w+=\S* )*)/, '$1exec ')], { cwd: root, env });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.ended = new Promise((resolve) =>
      this.#child.once('close', (status) => {
        running.delete(this.#child);
        resolve(status);
      }),
    );
  }

  async says(words: string): Promise<void> {
    await until(`it says ${words}, after ${this.output}`, () => this.output.includes(words));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    assert.equal(await inTime('the end', this.ended), 0, this.output);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('what the README says to type', () => {
  let port = 0;
  let broker: Typed;
  before(async () => {
    port = await freePort();
    broker = new Typed(`npm start -- --port ${port} --host 127.0.0.1`);
    await broker.says('listening');
  });
  after(async () => {
    await broker.stop();
    for (const child of running) child.kill('SIGKILL');
  });

  /** The port of the README may be taken here; everything else is typed as it stands there. */
  const here = (line: string): string => line.replace(/^mosquitto_(sub|pub)/, `$& -h 127.0.0.1 -p ${port}`).replace('18830', String(port));
  const starts = async (line: string): Promise<void> => {
    const started = new Typed(line);
    await started.says('listening');
    await started.stop();
  };

  const lines: Readonly<Record<string, () => Promise<void>>> = {
    'npm start': async () => starts(`npm start -- --port ${await freePort()} --host 127.0.0.1`),
    'npm start -- --port 18830 --host 127.0.0.1': async () => broker.says('listening'),
    "mosquitto_sub -t 'till/#' -v": async () => {
      const subscriber = new Typed(`${here("mosquitto_sub -t 'till/#' -v")} -C 2`);
      await until('it has subscribed', () => broker.output.length > 0);
      const publisher = new Typed(here('mosquitto_pub -t till/7/state -m open -r'));
      assert.equal(await inTime('the publisher', publisher.ended), 0);
      await subscriber.says('till/7/state open');
      assert.equal(await inTime('the publisher', new Typed(here('mosquitto_pub -t till/7/sale -m 12.50 -q 1')).ended), 0);
      assert.equal(await inTime('the subscriber', subscriber.ended), 0);
      assert.match(subscriber.output, /till\/7\/sale 12\.50/);
    },
    'mosquitto_pub -t till/7/sale -m 12.50 -q 1': async () => {
      assert.equal(await inTime('it', new Typed(here('mosquitto_pub -t till/7/sale -m 12.50 -q 1')).ended), 0);
    },
    'mosquitto_pub -t till/7/state -m open -r': async () => {
      assert.equal(await inTime('it', new Typed(here('mosquitto_pub -t till/7/state -m open -r')).ended), 0);
      const late = new Typed(`${here("mosquitto_sub -t 'till/#' -v")} -C 1`);
      assert.equal(await inTime('a late subscriber', late.ended), 0);
      assert.match(late.output, /till\/7\/state open/);
    },
    "mosquitto_sub -i office -c -q 1 -t 'till/+/sale'": async () => {
      const office = here("mosquitto_sub -i office -c -q 1 -t 'till/+/sale'");
      assert.equal(await inTime('the subscription', new Typed(`${office} -E`).ended), 0);
      assert.equal(await inTime('the sale', new Typed(here('mosquitto_pub -t till/9/sale -m kept -q 1')).ended), 0);
      const again = new Typed(`${office} -C 1`);
      assert.equal(await inTime('the message kept', again.ended), 0);
      assert.match(again.output, /kept/);
    },
    'npx posmq --help': async () => {
      const help = new Typed(`${posmq} --help`);
      assert.equal(await inTime('the help', help.ended), 0);
      assert.match(help.output, /--max-packet-size/);
    },
    'npx posmq --version': async () => {
      const version = new Typed(`${posmq} --version`);
      assert.equal(await inTime('the version', version.ended), 0);
      assert.match(version.output, /^posmq \d+\.\d+\.\d+\n$/);
    },
    'npx posmq --port 18830 --session-expiry 86400': async () => starts(`${posmq} --port ${await freePort()} --session-expiry 86400`),
    'POSMQ_PORT=18830 POSMQ_LOG_FORMAT=json npx posmq': async () => starts(`POSMQ_PORT=${await freePort()} POSMQ_LOG_FORMAT=json ${posmq}`),
    // What runs this test.
    'npm test': async () => assert.match(readFileSync(`${root}package.json`, 'utf8'), /"test": /),
  };

  for (const [line, run] of Object.entries(lines)) it(line, run);

  it('has no line that is not typed here', () => {
    const typed = blocks('sh').flatMap((block) => block.trim().split('\n'));
    assert.deepEqual(typed.sort(), Object.keys(lines).sort());
  });
});

describe('the programs in the README', () => {
  const programs = blocks('js');
  it('are found', () => assert.equal(programs.length, 2));
  for (const [i, program] of programs.entries()) {
    it(`program ${i + 1} prints what it says it prints`, async () => {
      mkdirSync(`${root}build/readme`, { recursive: true });
      writeFileSync(`${root}build/readme/${i}.mjs`, program);
      const run = new Typed(`node build/readme/${i}.mjs`);
      assert.equal(await inTime('the program', run.ended), 0, run.output);
      const promised = [...program.matchAll(/\/\/ prints: (.*)/g)].map(([, words]) => words);
      assert.ok(promised.length > 0);
      assert.deepEqual(run.output.trim().split('\n'), promised);
    });
  }
});

describe('the examples', () => {
  const printed: Readonly<Record<string, readonly string[]>> = {
    embed: ['listening on 127.0.0.1', 'till/7/sale: 12.50', 'retained messages: 1'],
    gates: ['Connection refused: Bad username or password', 'heard till-7/sale', 'dropped: 1'],
    plugin: ['online, client-disconnect'],
    'deterministic-test': ['after a minute and a half of silence the will was published'],
  };
  for (const [name, words] of Object.entries(printed)) {
    it(`examples/${name}.ts runs`, async () => {
      const run = new Typed(`node build/examples/${name}.js`);
      assert.equal(await inTime('the example', run.ended), 0, run.output);
      assert.deepEqual(run.output.trim().split('\n'), words);
    });
  }
});
