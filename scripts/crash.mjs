/**
 * `npm run crash`: the broker is killed under load again and again, and its books are checked; docs/crash.md says what that proves.
 * `-- --rounds N` is how often, `--seed N` the first story, `--durability sync|os|memory` what an acknowledgement waits for,
 * `--kill-after-max MS` the longest load, `--keep` keeps the stores, `--no-wills` does without Wills.
 */

import { parseArgs } from 'node:util';
import { compileAll, fail, install } from './prepare.mjs';

/** A story has one store, and a seed of its own. */
const ROUNDS_OF_A_STORY = 8;

const { seed, rounds, durability, killAfterMax, keep, wills } = options();
install();
if (!compileAll()) fail('it does not compile, see above');
const { story } = await import('../build/test/crash/story.js');

const total = { kills: 0, published: 0, acknowledged: 0, deliveries: 0, repetitions: 0, lost: 0, slowestStart: 0 };
const faults = {};
const began = performance.now();
for (let done = 0, number = seed; done < rounds; done += ROUNDS_OF_A_STORY, number++) {
  const many = Math.min(ROUNDS_OF_A_STORY, rounds - done);
  try {
    const outcome = await story({ seed: number, rounds: many, durability, killAfterMax, keep, wills });
    add(outcome);
    tell(done + many);
    if (outcome.folder !== undefined) console.log(`the store of seed ${number} is in ${outcome.folder}`);
  } catch (error) {
    console.error(`\nposmq: ${error.outcome === undefined ? error.stack : error.message}`);
    process.exit(1);
  }
}

function add(outcome) {
  for (const key of Object.keys(total)) {
    total[key] = key === 'slowestStart' ? Math.max(total[key], outcome[key]) : total[key] + outcome[key];
  }
  for (const { fault } of outcome.findings) faults[fault] = (faults[fault] ?? 0) + 1;
}

function tell(done) {
  const seconds = (performance.now() - began) / 1_000;
  const figures = [
    `${done} of ${rounds} rounds`,
    `${total.kills} kills`,
    `${total.published} published`,
    `${total.acknowledged} acknowledged`,
    `${total.lost} of them lost`,
    `${total.deliveries} deliveries (${total.repetitions} again)`,
    `slowest start ${total.slowestStart.toFixed(0)} ms`,
    `${seconds.toFixed(0)} s`,
    ...Object.entries(faults).map(([fault, many]) => `${fault}: ${many}`),
  ];
  console.log(figures.join(', '));
}

function options() {
  const { values } = parsed();
  const level = values.durability ?? 'sync';
  if (!['sync', 'os', 'memory'].includes(level)) fail(`--durability must be sync, os or memory, got ${level}`);
  return {
    // A run without a seed is to be another one each time; it says which where it fails.
    seed: whole('seed', values.seed) ?? Date.now() % 1_000_000_000,
    rounds: whole('rounds', values.rounds) ?? 40,
    durability: level,
    killAfterMax: whole('kill-after-max', values['kill-after-max']) ?? 1_500,
    keep: values.keep ?? false,
    wills: !(values['no-wills'] ?? false),
  };
}

function parsed() {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  const known = { seed: text, rounds: text, durability: text, 'kill-after-max': text, keep: flag, 'no-wills': flag };
  try {
    return parseArgs({ options: known });
  } catch (error) {
    return fail(`${error.message.split('. ')[0]}; npm run crash knows -- --${Object.keys(known).join(', --')}`);
  }
}

function whole(name, value) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) fail(`--${name} must be a whole number from 1 on, got ${value}`);
  return number;
}
