/**
 * `npm run fuzz`: random clients against a broker, round after round, until one fails or all are done. `-- --seed N` is the first round,
 * `--rounds N` how many there are, `--steps N` how long each is.
 */

import { parseArgs } from 'node:util';
import { compileAll, fail, install } from './prepare.mjs';

/** The last things that were done before it failed. */
const SHOWN = 60;

const { seed, rounds, steps } = options();
install();
if (!compileAll()) fail('it does not compile, see above');
const { round, STEPS } = await import('../build/test/fuzz/round.js');

console.log(`posmq: rounds ${seed} to ${seed + rounds - 1}`);
const began = performance.now();
let packets = 0;
let told = began;
for (let number = seed; number < seed + rounds; number++) {
  try {
    packets += (await round(number, steps ?? STEPS)).packets;
  } catch (error) {
    const { trace = [], cause, message } = error;
    if (trace.length > SHOWN) console.error(`(${trace.length - SHOWN} steps before)`);
    for (const line of trace.slice(-SHOWN)) console.error(line);
    console.error(`\n${cause?.stack ?? ''}\n\nposmq: ${message}`);
    process.exit(1);
  }
  if (performance.now() - told > 2_000) tell(number);
}
tell(seed + rounds - 1);

function tell(number) {
  told = performance.now();
  const seconds = (told - began) / 1_000;
  console.log(`${number - seed + 1} of ${rounds} rounds, ${packets} packets, ${seconds.toFixed(0)} s`);
}

function options() {
  const { values } = parsed();
  return {
    // A run without a seed is to be another one each time; it says which.
    seed: whole('seed', values.seed) ?? Date.now() % 1_000_000_000,
    rounds: whole('rounds', values.rounds) ?? 5_000,
    steps: whole('steps', values.steps),
  };
}

function parsed() {
  const text = { type: 'string' };
  try {
    return parseArgs({ options: { seed: text, rounds: text, steps: text } });
  } catch (error) {
    return fail(`${error.message.split('. ')[0]}; npm run fuzz knows -- --seed, --rounds and --steps`);
  }
}

function whole(name, value) {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) fail(`--${name} must be a whole number from 1 on, got ${value}`);
  return number;
}
