/**
 * `npm run loss`: how many acknowledged messages are missing after `kill -9`, and after a loss of power, for each level of --durability; the
 * result is a table for docs/durability.md. `-- --rounds N` is how often each is tried, `--seed N` the first round.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileAll, fail, install } from './prepare.mjs';

const { rounds, seed } = options();
install();
if (!compileAll()) fail('it does not compile, see above');
const { compileShim, loseOnce } = await import('../build/test/live/loss.js');
compileShim();

const rows = [];
for (const durability of ['sync', 'os', 'memory']) {
  const row = { durability, acknowledged: 0, byKill: 0, roundsByKill: 0, byPower: 0, roundsByPower: 0 };
  for (let number = seed; number < seed + rounds; number++) {
    const folder = mkdtempSync(join(tmpdir(), 'posmq-loss-'));
    try {
      const { acknowledged, byKill, byPower } = await loseOnce(folder, durability, number);
      row.acknowledged += acknowledged;
      row.byKill += byKill;
      row.byPower += byPower;
      if (byKill > 0) row.roundsByKill++;
      if (byPower > 0) row.roundsByPower++;
    } catch (error) {
      fail(`round ${number} with --durability ${durability}: ${error.stack}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${durability}: ${number - seed + 1} of ${rounds} rounds `);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  rows.push(row);
}

const written = (figure) => figure.toLocaleString('en-US');
const lost = (messages, times) => (messages === 0 ? '0' : `${written(messages)} in ${times} of ${rounds} rounds`);
console.log('| `--durability` | Acknowledged | Lost by `kill -9` | Lost with the power |');
console.log('| --- | --- | --- | --- |');
for (const { durability, acknowledged, byKill, roundsByKill, byPower, roundsByPower } of rows) {
  console.log(`| \`${durability}\` | ${written(acknowledged)} | ${lost(byKill, roundsByKill)} | ${lost(byPower, roundsByPower)} |`);
}

function options() {
  const text = { type: 'string' };
  const known = { rounds: text, seed: text };
  let values;
  try {
    ({ values } = parseArgs({ options: known }));
  } catch (error) {
    return fail(`${error.message.split('. ')[0]}; npm run loss knows -- --rounds and --seed`);
  }
  return { rounds: whole('rounds', values.rounds) ?? 20, seed: whole('seed', values.seed) ?? 1 };
}

function whole(name, value) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) fail(`--${name} must be a whole number from 1 on, got ${value}`);
  return number;
}
