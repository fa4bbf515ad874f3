/** Figures as a picture: a row for each scenario, a dot for each server with a line from its least to its most, along a logarithmic scale. */

import { written } from './statistics.mjs';

/** Colours that are told apart by everyone (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f6000', '#000000', '#999999'];

const WIDTH = 900;
const LABELS = 170;
const RIGHT = 30;
const TOP = 86;
const LINE = 9;
const GAP = 12;
const BOTTOM = 30;

/**
 * @param {{ title: string, unit: string, rows: { label: string, marks: { server: string, median: number, min: number, max: number }[] }[] }} plot
 * @returns an SVG, or undefined where there is nothing to be seen.
 */
export function svgOf({ title, unit, rows }) {
  const shown = rows.filter(({ marks }) => marks.length > 0);
  const marks = shown.flatMap((row) => row.marks);
  if (marks.length === 0) return undefined;
  const servers = [...new Set(marks.map(({ server }) => server))];
  const { ticks, at } = scale(marks.flatMap(({ min, max }) => [min, max]));
  const step = servers.length * LINE + GAP;
  const height = TOP + shown.length * step + BOTTOM;
  const colourOf = (server) => COLOURS[servers.indexOf(server) % COLOURS.length];

  const grid = ticks.map((tick) => {
    const x = at(tick);
    return (
      `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - BOTTOM}" stroke="#ddd"/>` +
      `<text x="${x}" y="${height - BOTTOM + 16}" text-anchor="middle" fill="#555">${tickText(tick)}</text>`
    );
  });
  const legend = servers.map((server, i) => {
    const x = LABELS + (i % 4) * 180;
    const y = 46 + Math.floor(i / 4) * 18;
    return `<circle cx="${x}" cy="${y - 4}" r="4" fill="${colourOf(server)}"/><text x="${x + 9}" y="${y}">${escaped(server)}</text>`;
  });
  const bodies = shown.map((row, i) => {
    const top = TOP + i * step;
    const middle = top + (step - GAP) / 2;
    const dots = row.marks.map((mark) => dot(mark, top + (servers.indexOf(mark.server) + 0.5) * LINE, at, colourOf(mark.server), unit));
    const line = `<line x1="0" y1="${top - GAP / 2}" x2="${WIDTH}" y2="${top - GAP / 2}" stroke="#eee"/>`;
    return `${line}<text x="${LABELS - 12}" y="${middle + 4}" text-anchor="end">${escaped(row.label)}</text>${dots.join('')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="22" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...legend,
    ...grid,
    ...bodies,
    '</svg>\n',
  ].join('\n');
}

function dot({ server, median, min, max }, y, at, colour, unit) {
  const hover = `${server}: ${written(median)}${unit}, ${written(min)} to ${written(max)}`;
  return (
    `<g><title>${escaped(hover)}</title><line x1="${at(min)}" y1="${y}" x2="${at(max)}" y2="${y}" stroke="${colour}" stroke-width="2"/>` +
    `<circle cx="${at(median)}" cy="${y}" r="4" fill="${colour}"/></g>`
  );
}

/** Where a value stands, and the values that are written below: 1, 2 and 5 of each power of ten, or the powers alone if those are many. */
function scale(values) {
  const positive = values.filter((value) => value > 0);
  const low = Math.min(...positive) / 1.15;
  const high = Math.max(...positive) * 1.15;
  const span = Math.log(high / low);
  const at = (value) => round(LABELS + (Math.log(Math.max(value, low) / low) / span) * (WIDTH - LABELS - RIGHT));
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) powers.push(10 ** power);
  const steps = powers.length > 6 ? [1] : [1, 2, 5];
  const ticks = powers.flatMap((power) => steps.map((step) => step * power)).filter((tick) => tick >= low && tick <= high);
  return { ticks, at };
}

function tickText(tick) {
  if (tick >= 1_000_000) return `${round(tick / 1_000_000)}M`;
  if (tick >= 1_000) return `${round(tick / 1_000)}K`;
  return String(Number(tick.toPrecision(1)));
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
