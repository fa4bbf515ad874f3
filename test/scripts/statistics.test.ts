import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { benchScript } from './script.js';

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

const { quantile, spread, figureOf, written, writtenSpread, writtenRatio } = await benchScript<{
  quantile: (values: readonly number[], share: number) => number | undefined;
  spread: (values: readonly (number | undefined)[]) => Spread | undefined;
  figureOf: (figures: object | undefined, name: string) => unknown;
  written: (value: number | undefined) => string;
  writtenSpread: (spread: Spread | undefined) => string;
  writtenRatio: (ratio: number | undefined) => string;
}>('statistics');

describe('the statistics of a benchmark', () => {
  for (const [values, share, answer] of [
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[7], 0.99, 7],
    [[10, 9, 100], 0.5, 10],
    [[0, 10], 0.9, 9],
    [[], 0.5, undefined],
  ] as const) {
    it(`${share} of ${JSON.stringify(values)} is ${answer}`, () => assert.equal(quantile(values, share), answer));
  }

  it('have a middle, a least, a most, and leave out what was not measured', () => {
    assert.deepEqual(spread([5, undefined, 1, NaN, 3]), { median: 3, min: 1, max: 5, count: 3 });
    assert.equal(spread([undefined]), undefined);
  });

  it('find a figure by its path, and nothing where there is none', () => {
    const figures = { lost: 0, latency_ms: { p99: 1.5 } };
    assert.deepEqual(
      ['lost', 'latency_ms.p99', 'latency_ms.p50', 'ack_latency_ms.p99'].map((name) => figureOf(figures, name)),
      [0, 1.5, undefined, undefined],
    );
    assert.equal(figureOf(undefined, 'lost'), undefined);
  });
});

describe('figures on a page', () => {
  for (const [value, text] of [
    [1_234_567.8, '1,234,568'],
    [99.96, '100'],
    [99.94, '99.9'],
    [9.996, '10.0'],
    [0.254, '0.25'],
    [0, '0.00'],
    [undefined, '–'],
  ] as const) {
    it(`${value} is written ${text}`, () => assert.equal(written(value), text));
  }

  for (const [ratio, text] of [
    [1 / 8, '1/8'],
    [0.4, '1/2.5'],
    [1 / 23.4, '1/23'],
    [0.9, '0.90'],
    [2, '2.00'],
    [0, '0'],
    [NaN, '–'],
    [undefined, '–'],
  ] as const) {
    it(`a ratio of ${ratio} is written ${text}`, () => assert.equal(writtenRatio(ratio), text));
  }

  it('show their spread where there was more than one round', () => {
    assert.equal(writtenSpread({ median: 2, min: 1, max: 3, count: 3 }), '2.00 (1.00–3.00)');
    assert.equal(writtenSpread({ median: 2, min: 2, max: 2, count: 1 }), '2.00');
    assert.equal(writtenSpread(undefined), '–');
  });
});
