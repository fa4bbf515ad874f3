import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tableOf } from '../../src/cli/bench.js';
import { benchHelpText, readBenchCommandLine, type BenchPlan } from '../../src/cli/bench-command-line.js';
import { SCENARIOS } from '../../src/bench/plan.js';
import { ConfigurationError } from '../../src/config/options.js';

function planOf(line: string): BenchPlan {
  const request = readBenchCommandLine(line.split(' '));
  assert.ok(request.kind === 'run');
  return request.plan;
}

const P2P: BenchPlan = {
  scenario: 'p2p',
  host: '127.0.0.1',
  port: 1883,
  publishers: 1,
  subscribers: 1,
  qos: 0,
  payload: 64,
  window: 100,
  seconds: 5,
  rate: 0,
  version: 4,
  brokerPid: 0,
  topics: 1,
  queue: 1000,
  filters: 0,
  slow: 0,
  persistent: false,
  retained: false,
};

describe('posmq bench', () => {
  it('has a default for everything but the scenario', () => {
    assert.deepEqual(planOf('p2p'), P2P);
    for (const scenario of SCENARIOS) assert.equal(planOf(scenario).scenario, scenario);
  });

  it('takes letters and words, before and after the scenario', () => {
    const meant: BenchPlan = {
      ...P2P,
      host: '::1',
      port: 7,
      publishers: 2,
      subscribers: 4,
      qos: 1,
      payload: 16,
      window: 9,
      seconds: 0.5,
      rate: 3,
      version: 5,
      brokerPid: 0,
      persistent: true,
    };
    const letters = '-h ::1 -p 7 -P 2 -S 4 -q 1 -b 16 -w 9 -t 0.5 -r 3 -V 5 -B 0 --persistent';
    assert.deepEqual(planOf(`p2p ${letters}`), meant);
    assert.deepEqual(planOf(`${letters} p2p`), meant);
    const words = '--host ::1 --port 7 --publishers 2 --subscribers 4 --qos 1 --payload 16 --window 9 --time 0.5 --rate 3 --mqtt-version 5';
    assert.deepEqual(planOf(`p2p ${words} --persistent`), meant);
  });

  it('has defaults of its own for a scenario, and takes what is given instead', () => {
    assert.equal(planOf('fanout').subscribers, 100);
    assert.equal(planOf('fanin').publishers, 100);
    assert.equal(planOf('conn').window, 1);
    assert.equal(planOf('drain').qos, 1);
    assert.equal(planOf('fanout -S 3').subscribers, 3);
  });

  for (const [line, sentence] of [
    ['', 'bench needs a scenario: p2p, fanout, fanin, shared, latency, conn, idle, drain, retained, sink'],
    ['fanuot', 'unknown scenario fanuot; did you mean fanout?'],
    ['p2p again', 'unexpected argument "again"'],
    ['p2p --prot 1', 'unknown option --prot; did you mean --port?'],
    ['p2p --json=1', '--json takes no value'],
    ['p2p --port', '--port needs a value'],
    ['p2p -p 0', '--port must be between 1 and 65535, got 0'],
    ['p2p -w many', '--window must be a whole number, got "many"'],
    ['p2p -w 1.5', '--window must be a whole number, got "1.5"'],
    ['p2p -t soon', '--time must be a number, got "soon"'],
    ['p2p -q 3', '--qos must be between 0 and 2, got 3'],
    ['p2p -V 6', '--mqtt-version must be between 3 and 5, got 6'],
    ['p2p -b 4', '--payload must be between 16 and 100000000, got 4'],
    ['p2p --host=', '--host must not be empty'],
    ['p2p -P 2 -S 3', 'p2p needs as many --subscribers as --publishers, or a multiple, not 3 for 2'],
    ['p2p -P 2', 'p2p needs as many --subscribers as --publishers, or a multiple, not 1 for 2'],
    ['latency -r 0', 'latency needs a --rate'],
    ['drain -q 0', 'drain needs --qos 1 or 2: messages at QoS 0 are not kept for who is away'],
  ] as const) {
    it(`refuses "${line}" with one sentence`, () => {
      assert.throws(
        () => readBenchCommandLine(line === '' ? [] : line.split(' ')),
        (error) => error instanceof ConfigurationError && error.message === sentence,
        sentence,
      );
    });
  }

  it('explains every scenario and flag in its help, which fits the terminal', () => {
    assert.deepEqual(readBenchCommandLine(['--help']), { kind: 'help' });
    for (const width of [80, 100]) {
      const help = benchHelpText(width);
      for (const scenario of SCENARIOS) assert.match(help, new RegExp(`^  ${scenario} +\\w`, 'm'));
      for (const flag of ['-h, --host HOST', '-B, --broker-pid PID', '    --persistent', '    --json'])
        assert.ok(help.includes(`  ${flag} `), flag);
      for (const line of help.split('\n')) assert.ok(line.length <= width, line);
    }
  });

  it('prints a table of what was measured, and of nothing else', () => {
    const figures = {
      mode: 'p2p',
      delivered_per_s: 12_345,
      broker_rss_kb: undefined,
      latency_ms: { p50: 0.25, p99: 1, p999: 2, max: 3_000.5 },
      lost: 0,
    };
    assert.equal(
      tableOf(figures),
      'delivered  12,345/s\nlatency    median 0.25 ms, 99 % 1 ms, 99.9 % 2 ms, longest 3,000.5 ms\nlost       0\n',
    );
  });
});
