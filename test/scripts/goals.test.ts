import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cpu, type Goal, type Measurement, type MeasuredScenario, measurement, runs } from './measurement.js';
import { benchScript } from './script.js';

const { goalsOf, jsonOf } = await benchScript<{
  jsonOf: (result: Measurement) => string;
  goalsOf: (result: Measurement) => { value: number | undefined; ratios?: { min: number; max: number }; met: boolean | undefined }[];
}>('result');

/** What is held against the goal, and whether it is met; undefined where that cannot be told. */
type Judgement = readonly [value: number | undefined, met: boolean | undefined];

const CPU = 'broker_cpu_us_per_delivery';

/** How the one goal of the first scenario fares. */
function judged(goal: Goal, first: Omit<MeasuredScenario, 'name' | 'args'>, ...others: readonly MeasuredScenario[]): Judgement {
  const scenario = { name: 'first', args: 'p2p', ...first, goals: [goal] };
  const [judgement, ...more] = goalsOf(measurement(scenario, ...others));
  assert.ok(judgement !== undefined);
  assert.equal(more.length, 0, 'goals are those of PosMQ');
  return [judgement.value, judgement.met];
}

describe('a goal', () => {
  const eighth = { figure: CPU, beside: 'mosquitto', atMost: 1 / 8 };

  it('is met by the ratio of the medians, whatever single rounds are', () => {
    assert.deepEqual(judged(eighth, { runs: [...cpu('posmq', 9, 1, 1), ...cpu('mosquitto', 8, 8, 8)] }), [1 / 8, true]);
    assert.deepEqual(judged(eighth, { runs: [...cpu('posmq', 2, 2, 0.1), ...cpu('mosquitto', 8, 8, 8)] }), [1 / 4, false]);
  });

  it('tells the ratio of each round, of servers in the same round', () => {
    const scenario = { name: 'first', args: 'p2p', goals: [eighth], runs: [...cpu('posmq', 1, 2, 4), ...cpu('mosquitto', 8, 8, 8)] };
    const [judgement] = goalsOf(measurement(scenario));
    assert.deepEqual([judgement!.ratios!.min, judgement!.ratios!.max], [1 / 8, 1 / 2]);
  });

  it('is not met by who loses messages', () => {
    const lossy = runs('posmq', { [CPU]: 0.1, lost: 0 }, { [CPU]: 0.1, lost: 1 });
    assert.deepEqual(judged(eighth, { runs: [...lossy, ...cpu('mosquitto', 8, 8)] }), [0.1 / 8, false]);
  });

  it('cannot be told where one of the two was not measured', () => {
    const failed = { round: 1, server: 'mosquitto', failure: 'it did not serve' };
    assert.deepEqual(judged(eighth, { runs: [...cpu('posmq', 1), failed] }), [undefined, undefined]);
    assert.deepEqual(judged(eighth, { runs: cpu('mosquitto', 8) }), [undefined, undefined]);
  });

  it('may be one to exceed', () => {
    const more = { figure: 'delivered_per_s', beside: 'mosquitto', atLeast: 1 };
    assert.deepEqual(judged(more, { runs: [...cpu('posmq', 1), ...cpu('mosquitto', 2)] }), [2, true]);
    assert.deepEqual(judged(more, { runs: [...cpu('posmq', 2), ...cpu('mosquitto', 1)] }), [0.5, false]);
  });

  it('may stand alone', () => {
    const small = { figure: 'kb_per_connection', atMost: 6 };
    const of = (kb: number): Judgement => judged(small, { runs: runs('posmq', { kb_per_connection: kb }) });
    assert.deepEqual(
      [of(5.9), of(6.1)],
      [
        [5.9, true],
        [6.1, false],
      ],
    );
  });

  it('may be relative to the same server in another scenario', () => {
    const grown = { figure: CPU, beside: '#second', atMost: 1.3 };
    const second = { name: 'second', args: 'p2p', runs: [...cpu('posmq', 2), ...cpu('mosquitto', 100)] };
    assert.deepEqual(judged(grown, { runs: cpu('posmq', 2.5) }, second), [1.25, true]);
    assert.deepEqual(judged(grown, { runs: cpu('posmq', 3) }, second), [1.5, false]);
    assert.deepEqual(judged(grown, { runs: cpu('posmq', 3) }), [undefined, undefined]);
  });

  it('may be relative to how long the disk takes while the server is at work', () => {
    const inTime = { figure: 'ack_latency_ms.p99', beside: 'disk', atMost: 3 };
    const disk = { p50: 0.1, p99: 0.5 };
    const others = runs('mosquitto', {}).map((run) => ({ ...run, disk: { p50: 0.1, p99: 50 } }));
    const of = (p99: number): Judgement =>
      judged(inTime, { runs: [...others, ...runs('posmq', { ack_latency_ms: { p99 } }).map((run) => ({ ...run, disk }))] });
    assert.deepEqual(
      [of(1.5), of(2)],
      [
        [3, true],
        [4, false],
      ],
    );
  });
});

describe('what was measured, as JSON', () => {
  const failed = { round: 2, server: 'mosquitto', failure: 'it said "@0"' };
  const result = measurement({ name: 'first', args: 'p2p', runs: [...cpu('posmq', 1, 2), failed] });

  it('reads back as the same', () => {
    assert.deepEqual(JSON.parse(jsonOf(result)), result);
  });

  it('has a line for each run', () => {
    assert.equal(jsonOf(result).match(/^ *\{"round":.*\},?$/gm)?.length, 3);
  });
});
