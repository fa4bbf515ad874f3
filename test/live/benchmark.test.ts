/** `npm run bench`, as short as can be: that it runs, and what it leaves. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ownFolder } from '../util/folder.js';
import { until } from '../util/until.js';
import { Program } from './program.js';

const SCRIPT = join('scripts', 'bench.mjs');

interface Result {
  readonly interrupted: boolean;
  readonly servers: readonly { readonly name: string; readonly version: string }[];
  readonly scenarios: readonly {
    readonly name: string;
    readonly runs: readonly { readonly server: string; readonly failure?: string; readonly figures?: Readonly<Record<string, unknown>> }[];
  }[];
}

const start = (line: string): Program => new Program(process.execPath, [SCRIPT, ...line.split(' ')]);
const resultIn = (folder: string, set: string): Result => JSON.parse(readFileSync(join(folder, `${set}.json`), 'utf8')) as Result;

describe('npm run bench', () => {
  it('measures a scenario on two servers and writes a page, plots and JSON', async () => {
    const out = ownFolder();
    const program = start(`standard --only firehose-64 --rounds 1 --seconds 0.5 --servers posmq,mosquitto --out ${out}`);
    assert.equal(await program.ended(), 0, program.stderr);
    assert.deepEqual(readdirSync(out).sort(), ['README.md', 'standard-cpu.svg', 'standard-rate.svg', 'standard.json']);

    const { servers, scenarios, interrupted } = resultIn(out, 'standard');
    assert.equal(interrupted, false);
    assert.deepEqual(
      servers.map(({ name }) => name),
      ['posmq', 'mosquitto'],
    );
    assert.ok(servers.every(({ version }) => /^\d+\.\d+/.test(version)));
    assert.deepEqual(
      scenarios.map(({ name, runs }) => [name, runs.map(({ server, failure, figures }) => [server, failure, figures?.['lost']])]),
      [
        [
          'firehose-64',
          [
            ['posmq', undefined, 0],
            ['mosquitto', undefined, 0],
          ],
        ],
      ],
    );
    assert.match(readFileSync(join(out, 'README.md'), 'utf8'), /^#### firehose-64$[^]*^\| posmq \| [\d,]+ \| [\d.]+ \|/m);
  });

  it('keeps what was measured when it is interrupted', async () => {
    const out = ownFolder();
    const program = start(`durable --only kept-qos1,puback-1K --rounds 1 --seconds 0.5 --servers posmq --out ${out}`);
    await until('one run is done', () => program.stdout.includes('kept-qos1, round 1, posmq'));
    program.signal('SIGINT');
    assert.equal(await program.ended(), 130, program.stderr);
    const { interrupted, scenarios } = resultIn(out, 'durable');
    assert.equal(interrupted, true);
    assert.equal(scenarios[0]?.name, 'kept-qos1');
    assert.equal(scenarios[0].runs[0]?.figures?.['lost'], 0);
    assert.match(readFileSync(join(out, 'README.md'), 'utf8'), /broken off/);
  });

  for (const [line, sentence] of [
    ['fast', 'there is no set of scenarios called fast, only standard and durable'],
    ['--servers emqx', /^there is no server called emqx, only posmq, .+; --peer is for others$/],
    ['--rounds 0', '--rounds must be a number above 0, got 0'],
    ['--peer flash', '--peer must be name=host:port,pid, got flash'],
    ['--only nothing', /^no scenario has nothing in its name; there are conn-tcp, /],
    ['--round 3', /^Unknown option '--round'; npm run bench knows -- --rounds, /],
  ] as const) {
    it(`says in one sentence what is wrong: ${line}`, async () => {
      const program = start(line);
      assert.equal(await program.ended(), 1);
      const told = program.stderr.replace(/^posmq: (.*)\n$/s, '$1');
      if (typeof sentence === 'string') assert.equal(told, sentence);
      else assert.match(told, sentence);
    });
  }
});
