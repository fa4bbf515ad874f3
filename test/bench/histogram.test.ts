import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { Histogram } from '../../src/bench/histogram.js';
import { runs } from '../util/runs.js';

function of(...values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('the histogram', () => {
  it('is exact below 256 microseconds', () => {
    for (let value = 0; value < 256; value++) assert.equal(of(value, 1_000_000).quantile(0.5), value);
  });

  it('answers every quantile of any latencies to within a hundredth, and never less than is true', () => {
    const latency = fc.oneof(fc.nat(300), fc.nat(100_000), fc.nat(2 ** 31 - 1));
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 200 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
        const sorted = [...values].sort((a, b) => a - b);
        const truth = sorted[Math.ceil(sorted.length * share) - 1]!;
        const answer = of(...values).quantile(share);
        assert.ok(answer >= truth && answer <= truth * 1.01, `${answer} for ${truth}`);
      }),
      runs(300),
    );
  });

  it('knows the longest exactly, and takes the impossible for nothing', () => {
    assert.deepEqual(of(1_000, 2_000, 12_345_678).percentiles, { p50: 2.007, p99: 12_345.678, p999: 12_345.678, max: 12_345.678 });
    assert.equal(of(-5).quantile(1), 0);
  });

  it('has nothing to tell before there is something, and again when it is cleared', () => {
    const histogram = of();
    assert.equal(histogram.percentiles, undefined);
    assert.equal(histogram.quantile(0.5), 0);
    histogram.record(70);
    assert.deepEqual([histogram.count, histogram.quantile(0.5)], [1, 70]);
    histogram.clear();
    assert.deepEqual([histogram.count, histogram.percentiles], [0, undefined]);
  });
});
