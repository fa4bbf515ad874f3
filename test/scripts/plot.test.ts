import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { benchScript } from './script.js';

interface Mark {
  readonly server: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const { svgOf } = await benchScript<{
  svgOf: (plot: {
    readonly title: string;
    readonly unit: string;
    readonly rows: readonly { readonly label: string; readonly marks: readonly Mark[] }[];
  }) => string | undefined;
}>('plot');

const mark = (server: string, median: number): Mark => ({ server, median, min: median / 2, max: median * 2 });

/** Where the dots of an SVG are, after those of the legend. */
function dots(svg: string): { x: number; y: number }[] {
  return [...svg.matchAll(/<\/title>.*?<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
}

describe('a plot', () => {
  const rows = [
    { label: 'firehose', marks: [mark('posmq', 0.3), mark('mosquitto', 3)] },
    { label: 'sparse', marks: [mark('posmq', 30), mark('mosquitto', 300)] },
  ];
  const svg = svgOf({ title: 'CPU', unit: ' µs', rows })!;

  it('has a dot for every server in every row, within the picture', () => {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
    const found = dots(svg);
    assert.equal(found.length, 4);
    for (const { x, y } of found) assert.ok(x > 0 && x < width! && y > 0 && y < height!, `${x}, ${y}`);
  });

  it('shows ten times as much as one step to the right, wherever it begins', () => {
    const [first, second, third, fourth] = dots(svg).map(({ x }) => x);
    for (const step of [second! - first!, third! - second!, fourth! - third!])
      assert.ok(Math.abs(step - (second! - first!)) < 0.5 && step > 0);
  });

  it('keeps rows and servers apart', () => {
    assert.equal(new Set(dots(svg).map(({ y }) => y)).size, 4);
  });

  it('has a legend of the servers and the labels of the rows', () => {
    for (const text of ['posmq', 'mosquitto', 'firehose', 'sparse', 'CPU']) assert.ok(svg.includes(`>${text}</text>`), text);
  });

  it('has text that cannot be taken for markup', () => {
    const odd = svgOf({ title: 'a < b & "c"', unit: '', rows })!;
    assert.ok(odd.includes('a &lt; b &amp; &quot;c&quot;'));
  });

  it('is none where nothing was measured', () => {
    assert.equal(svgOf({ title: 'CPU', unit: '', rows: [] }), undefined);
    assert.equal(svgOf({ title: 'CPU', unit: '', rows: [{ label: 'firehose', marks: [] }] }), undefined);
  });
});
