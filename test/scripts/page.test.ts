import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cpu, type Measurement, measurement, runs } from './measurement.js';
import { benchScript } from './script.js';

const { pageOf, plotsOf } = await benchScript<{
  pageOf: (results: readonly Measurement[]) => string;
  plotsOf: (result: Measurement) => readonly (readonly [file: string, svg: string])[];
}>('page');

const LATENCY = { p50: 0.1, p99: 0.25, p999: 0.75, max: 9 };
const FIREHOSE = {
  name: 'firehose',
  args: 'p2p -w 1000',
  goals: [{ figure: 'broker_cpu_us_per_delivery', beside: 'mosquitto', atMost: 1 / 8 }],
  runs: [...cpu('posmq', 0.5, 0.4, 0.6), ...cpu('mosquitto', 5, 6, 4)].map((run) => ({
    ...run,
    figures: { ...run.figures, latency_ms: LATENCY },
  })),
};
const PUNCTUAL = {
  name: 'punctual',
  args: 'p2p -r 1000',
  disk: [{ round: 1, p50: 0.125, p99: 0.375 }],
  runs: [
    ...runs('posmq', { delivered_per_s: 1_000, broker_cpu_us_per_delivery: 20, latency_ms: LATENCY, broker_rss_kb: 65_536, lost: 3 }).map(
      (run) => ({ ...run, disk: { p50: 0.25, p99: 1.5 } }),
    ),
    { round: 1, server: 'mosquitto', failure: 'the broker closed a connection' },
    { round: 2, server: 'mosquitto', failure: 'the broker closed a connection' },
  ],
};
const DRAIN = {
  name: 'drain',
  args: 'drain -q 2',
  runs: [
    ...runs('posmq', { broker_cpu_us_per_delivery: 4, lost: 0, unacknowledged: 0, unanswered: 0 }),
    ...runs('mosquitto', { broker_cpu_us_per_delivery: 8, lost: 0, unacknowledged: 1_234, unanswered: 0 }),
  ],
};
const result = measurement(FIREHOSE, PUNCTUAL, DRAIN);
const page = pageOf([result]);

/** What follows a heading of the page, up to the next. */
function below(heading: string): string {
  const [, text] = page.split(`${heading}\n`);
  assert.ok(text !== undefined, `${heading} is on the page`);
  return text.split(/^#/m)[0]!;
}

describe('the page of a benchmark', () => {
  it('tells the machine, the versions, the options and how to repeat it', () => {
    for (const fact of [
      'a processor',
      'ext4',
      '`npm run bench -- standard`',
      'servers to core 0, load generator to core 1',
      '3, of 4 s each',
    ]) {
      assert.ok(page.includes(fact), fact);
    }
    assert.match(below('### Servers'), /\| mosquitto \| 2\.0\.11 \| `mosquitto` \|[^]*```text\npersistence false\n```/);
  });

  it('names who was not run, and why', () => {
    assert.match(below('### Servers'), /^- nats was not run: nats-server is not installed$/m);
  });

  it('holds the figures against the goals', () => {
    const row = '| firehose: `p2p -w 1000` | CPU µs/delivery | posmq | 0.50 | Mosquitto: 5.00 | 1/10 (1/15–1/6.7) | at most 1/8 | yes |';
    assert.ok(below('### The figures to reach').includes(row));
  });

  it('has the median of every server, and the least and the most', () => {
    assert.match(below('#### firehose'), /^\| posmq \| 2,000,000 \(1,666,667–2,500,000\) \| 0\.50 \(0\.40–0\.60\) \| 0 \|$/m);
    assert.match(below('### CPU time per delivery, µs'), /^\| firehose \| 0\.50 \| 5\.00 \| 1\/10 \|$/m);
  });

  it('tells what was sent and not acknowledged at the end, where that is the case', () => {
    assert.match(below('#### drain'), /\| lost \| unacknowledged \|$/m);
    assert.match(below('#### drain'), /^\| posmq \|.* 0 \| 0 \|$/m);
    assert.match(below('#### drain'), /^\| mosquitto \|.* 0 \| 1,234 \|$/m);
    assert.doesNotMatch(below('#### firehose'), /unacknowledged/);
  });

  it('tells latency where the rate is fixed, for else it is that of a queue', () => {
    assert.match(below('#### punctual'), /^\| posmq \| 1,000 \| 20\.0 \| 0\.10 \| 0\.25 \| 0\.75 \| 64\.0 \| 3 \|$/m);
    assert.doesNotMatch(below('#### firehose'), /latency/);
    assert.doesNotMatch(below('### Messages delivered per second'), /punctual/);
  });

  it('tells a failure once, and in which rounds it was', () => {
    assert.match(below('#### punctual'), /^- mosquitto, round 1, 2: the broker closed a connection$/m);
  });

  it('tells how long the disk itself took', () => {
    assert.match(below('#### punctual'), /^- the disk itself, between the rounds: .* 0\.13 ms, in the median, and 0\.38 ms, 99 %$/m);
    assert.match(below('#### punctual'), /^- the disk itself, while posmq was at work, .* 0\.25 ms, in the median, and 1\.50 ms, 99 %$/m);
  });

  it('has tables whose rows are as long as their heads', () => {
    const tables = page.split('\n\n').filter((block) => block.startsWith('|'));
    assert.ok(tables.length >= 6);
    for (const table of tables) {
      const lengths = table
        .trim()
        .split('\n')
        .map((row) => row.split('|').length);
      assert.equal(new Set(lengths).size, 1, table);
    }
  });

  it('shows every plot there is', () => {
    const shown = [...page.matchAll(/^!\[.+\]\((.+)\)$/gm)].map(([, file]) => file);
    assert.deepEqual(shown, ['standard-cpu.svg', 'standard-rate.svg', 'standard-latency.svg']);
    assert.deepEqual(
      plotsOf(result).map(([file]) => file),
      shown,
    );
  });

  it('is one for all sets', () => {
    const both = pageOf([result, { ...result, set: 'durable', title: 'What must be on disk' }]);
    assert.match(both, /^## Standard scenarios$[^]*^## What must be on disk$/m);
  });

  it('says where a run was broken off', () => {
    assert.doesNotMatch(page, /broken off/);
    assert.match(pageOf([{ ...result, interrupted: true }]), /UTC, broken off/);
  });
});
