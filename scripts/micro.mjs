/**
 * `npm run bench:micro`: what the hot files do for each message, measured one by one. With words after `--` only what has one of the words
 * in its name.
 */

import { Bench } from 'tinybench';
import { compileAll, fail, install } from './prepare.mjs';

/** ms each is measured. */
const TIME = 300;

install();
if (!compileAll()) fail('it does not compile, see above');
const { works } = await import('../build/test/micro/work.js');
const { wholes } = await import('../build/test/micro/whole.js');

const words = process.argv.slice(2);
const chosen = [...works(), ...(await wholes())].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) fail('nothing has such a name');

let result = 0;
const rows = [];
for (const { name, times, run } of chosen) {
  // Each alone and after its own warm-up: in one bench the works before would decide how the compiler sees what they share.
  const bench = new Bench({ time: TIME, iterations: 5, warmupTime: TIME / 3, warmupIterations: 2 });
  bench.add(name, () => {
    result += run();
  });
  await bench.run();
  const { latency, error } = bench.tasks[0].result;
  if (error !== undefined) throw error;
  const nanoseconds = (milliseconds) => Math.round((milliseconds * 1e6) / times);
  rows.push({
    '': name,
    'median, ns': nanoseconds(latency.p50),
    'best, ns': nanoseconds(latency.min),
    'p99, ns': nanoseconds(latency.p99),
  });
}
if (result === 0) fail('nothing was done');

const heads = Object.keys(rows[0]);
const widths = heads.map((head) => Math.max(head.length, ...rows.map((row) => String(row[head]).length)));
const line = (cells) => cells.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ');
console.log(line(heads));
for (const row of rows) console.log(line(Object.values(row)));
