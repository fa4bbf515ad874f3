import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBenchCommandLine } from '../../src/cli/bench-command-line.js';
import type { Goal } from './measurement.js';
import { benchScript } from './script.js';

const { SETS } = await benchScript<{
  SETS: Readonly<
    Record<
      string,
      {
        readonly servers: readonly string[];
        readonly scenarios: readonly {
          readonly name: string;
          readonly args: string;
          readonly disk?: boolean;
          readonly goals?: readonly Goal[];
        }[];
      }
    >
  >;
}>('scenarios');
const { KIND_NAMES, peerOf } = await benchScript<{
  KIND_NAMES: readonly string[];
  peerOf: (text: string) => unknown;
}>('servers');
const { numbers } = await benchScript<{ numbers: (list: string) => number[] }>('machine');

for (const [set, { servers, scenarios }] of Object.entries(SETS)) {
  describe(`the set ${set}`, () => {
    for (const { name, args } of scenarios) {
      it(`runs ${name} with arguments that posmq bench knows`, () => {
        assert.equal(readBenchCommandLine(args.split(' ')).kind, 'run');
      });
    }

    it('has every name once', () => {
      const names = scenarios.map(({ name }) => name);
      assert.deepEqual([...new Set(names)], names);
    });

    it('has servers that there are', () => {
      assert.deepEqual(
        servers.filter((server) => !KIND_NAMES.includes(server)),
        [],
      );
    });

    it('has goals that have something to be held against', () => {
      for (const { name, disk, goals = [] } of scenarios) {
        for (const { beside, atMost, atLeast } of goals) {
          assert.ok((atMost === undefined) !== (atLeast === undefined), name);
          if (beside === undefined || beside === 'mosquitto') continue;
          if (beside === 'disk') assert.equal(disk, true, name);
          else
            assert.ok(
              scenarios.some((other) => `#${other.name}` === beside),
              `${name}: ${beside}`,
            );
        }
      }
    });
  });
}

describe('a broker that runs already', () => {
  for (const [text, peer] of [
    ['flash=127.0.0.1:1884,4711', { name: 'flash', host: '127.0.0.1', port: 1_884, pid: 4_711 }],
    ['far=broker.example:1883', { name: 'far', host: 'broker.example', port: 1_883, pid: 0 }],
    ['flash', undefined],
    ['flash=1883', undefined],
    ['flash=127.0.0.1:1883,x', undefined],
  ] as const) {
    it(`${text} is ${peer === undefined ? 'not understood' : `${peer.name}, process ${peer.pid}`}`, () =>
      assert.deepEqual(peerOf(text), peer));
  }
});

describe('a list of cores', () => {
  for (const [list, cores] of [
    ['0-3', [0, 1, 2, 3]],
    ['0,2,5-6', [0, 2, 5, 6]],
    ['7', [7]],
    ['', []],
  ] as const) {
    it(`${JSON.stringify(list)} is ${JSON.stringify(cores)}`, () => assert.deepEqual(numbers(list), cores));
  }
});
