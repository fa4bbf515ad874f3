/**
 * `npm run bench`: PosMQ and other brokers under the same loads, in turns; the figures become a page, plots and JSON in docs/benchmarks.
 *
 * `-- standard` and `-- durable` are the two sets of scenarios; without either both are run. `--rounds N` is how often, `--other-rounds N` how
 * often what no goal is about, be that a server or a scenario, `--seconds N` how long each load lasts, `--only WORDS` only scenarios whose name has one of these words, `--servers LIST` only these, `--node PATH` PosMQ on that
 * Node.js, too (may be repeated), `--peer name=host:port,pid` a broker that runs already (may be repeated), `--out DIR` another folder. What is
 * only a part of a set goes to build/benchmarks if no folder is given, for what is published is whole.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { syncsBeside, syncTimes } from './bench/disk.mjs';
import { load } from './bench/load.mjs';
import { cores, machine } from './bench/machine.mjs';
import { pageOf, plotsOf } from './bench/page.mjs';
import { goalsOf, jsonOf } from './bench/result.mjs';
import { SETS } from './bench/scenarios.mjs';
import { startServer } from './bench/server-process.mjs';
import { KIND_NAMES, ownVersion, peerOf, serversOf } from './bench/servers.mjs';
import { written, writtenRatio } from './bench/statistics.mjs';
import { buildLibrary, fail, install, root } from './prepare.mjs';

/** A server that has failed so often in a scenario is not tried again in it. */
const ENOUGH_FAILURES = 2;
/** How long the disk is measured before each round, and the load generator in the beginning, in seconds. */
const DISK_SECONDS = 1;
const CEILING_SECONDS = 4;
/** What starting, connecting and stopping takes a run, in seconds, for the estimate. */
const AROUND = 2.5;

const { sets, rounds, otherRounds, seconds, words, kinds, nodes, peers, out, command } = options();
const stop = new AbortController();
process.on('SIGINT', () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
process.on('SIGTERM', () => process.exit(143));

install();
buildLibrary();
const pinned = cores();
if (pinned === undefined) console.log('posmq: processes are not bound to cores here: that needs taskset and two cores');
for (const set of sets) {
  if (!stop.signal.aborted) await measure(set);
}
process.exit(stop.signal.aborted ? 130 : 0);

async function measure(set) {
  const { title, scenarios, servers: kindsOfSet } = SETS[set];
  const chosen = scenarios.filter(({ name }) => words.length === 0 || words.some((word) => meant(name, word)));
  if (chosen.length === 0) return;
  const servers = serversOf(kinds ?? kindsOfSet, nodes, peers);
  for (const { name, absent } of servers) if (absent !== undefined) console.log(`posmq: ${name} is not run: ${absent}`);
  const present = servers.filter(({ absent }) => absent === undefined);
  if (present.length === 0) fail('there is no server to measure');
  const turns = chosen.map((scenario) => present.reduce((sum, { kind }) => sum + roundsOf(kind, scenario, scenarios), 0));
  const runs = turns.reduce((sum, count) => sum + count, 0);
  const least = chosen.reduce((sum, scenario, i) => sum + (durationOf(scenario) + AROUND) * turns[i], 0);
  console.log(`posmq: ${set}, ${runs} runs, at least ${Math.ceil(least / 60)} minutes`);

  const result = {
    set,
    title,
    command,
    began: new Date().toISOString(),
    ended: '',
    interrupted: false,
    rounds,
    otherRounds,
    seconds,
    machine: machine(),
    cores: pinned,
    generator: { version: `${ownVersion()} on Node.js ${process.versions.node}`, ceiling: await ceiling() },
    servers: servers.map(({ name, kind, version, command, files, absent }) => ({ name, kind, version, command, files, absent })),
    scenarios: [],
  };
  let done = 0;
  for (const scene of chosen) {
    const { name, args, seconds: least, goals, disk } = scene;
    const scenario = { name, args, seconds: least, goals, disk: disk ? [] : undefined, runs: [] };
    result.scenarios.push(scenario);
    for (let round = 1; round <= rounds && !stop.signal.aborted; round++) {
      if (disk) scenario.disk.push({ round, ...(await syncTimes(DISK_SECONDS)) });
      // In every round another one is the first, so that none always follows the same.
      for (const server of rotated(present, round - 1)) {
        if (round > roundsOf(server.kind, scene, scenarios)) continue;
        done++;
        if (stop.signal.aborted || failures(scenario, server.name) >= ENOUGH_FAILURES) continue;
        const run = { round, server: server.name, ...(await once(scenario, server)) };
        if (stop.signal.aborted) continue;
        scenario.runs.push(run);
        console.log(`[${done}/${runs}] ${name}, round ${round}, ${server.name}: ${told(run)}`);
      }
    }
    if (scenario.runs.length === 0) result.scenarios.pop();
    result.interrupted = stop.signal.aborted;
    result.ended = new Date().toISOString();
    keep(result);
    if (stop.signal.aborted) break;
  }
  summary(result);
}

/** One server, one load. */
async function once(scenario, server) {
  let started;
  try {
    started = await startServer(server, pinned?.server);
    const { host, port, pid } = started;
    const seconds = durationOf(scenario);
    const options = { seconds, core: pinned?.load, host, port, pid, interrupted: stop.signal };
    const syncs = scenario.disk === undefined ? undefined : syncsBeside(seconds, pinned?.server);
    const run = await load(scenario.args.split(' '), options);
    return syncs === undefined ? run : { ...run, disk: await syncs() };
  } catch (error) {
    return { failure: error.message };
  } finally {
    await started?.stop();
  }
}

/** Goals are about PosMQ and Mosquitto, in scenarios that have some or that others are held against. */
function roundsOf(kind, { name, goals }, scenarios) {
  const isBase = scenarios.some((other) => other.goals?.some(({ beside }) => beside === `#${name}`));
  const isMeant = (goals !== undefined || isBase) && (kind.startsWith('posmq') || kind === 'mosquitto');
  return isMeant ? rounds : otherRounds;
}

/** What the load generator can do by itself, its echo on another core. */
async function ceiling() {
  const { figures } = await load(['sink'], { seconds: Math.min(CEILING_SECONDS, seconds), interrupted: stop.signal });
  return figures;
}

function durationOf({ seconds: least = 0 }) {
  return Math.max(seconds, least);
}

function failures({ runs }, server) {
  return runs.filter((run) => run.server === server && run.figures === undefined).length;
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** The set's JSON and plots, and the page of all sets that are in the folder. */
function keep(result) {
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, `${result.set}.json`), jsonOf(result));
  for (const [file, svg] of plotsOf(result)) writeFileSync(join(out, file), svg);
  const files = Object.keys(SETS).map((set) => join(out, `${set}.json`));
  const results = files.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')));
  writeFileSync(join(out, 'README.md'), pageOf(results));
}

function told({ figures, failure }) {
  if (figures === undefined) return failure;
  const cpu = figures.broker_cpu_us_per_delivery ?? figures.broker_cpu_us_per_connect;
  const texts = [
    figures.delivered_per_s === undefined ? [] : `${written(figures.delivered_per_s)}/s`,
    cpu === undefined ? [] : `${written(cpu)} µs`,
    figures.ack_latency_ms === undefined ? [] : `PUBACK ${written(figures.ack_latency_ms.p99)} ms (99 %)`,
    figures.kb_per_connection === undefined ? [] : `${written(figures.kb_per_connection)} KiB a connection`,
    failure ?? [],
  ];
  return texts.flat().join(', ');
}

function summary(result) {
  for (const { scenario, goal, server, value, met } of goalsOf(result)) {
    const figure = goal.beside === undefined ? written(value) : writtenRatio(value);
    const verdict = met === undefined ? 'not measured' : met ? 'met' : 'missed';
    console.log(
      `${verdict.padEnd(12)} ${scenario.name}, ${server}: ${goal.figure} ${figure}${goal.beside === undefined ? '' : ` of ${goal.beside}`}`,
    );
  }
  console.log(`posmq: written to ${relative(process.cwd(), out) || out}`);
}

function options() {
  const text = { type: 'string' };
  const many = { type: 'string', multiple: true };
  const known = { rounds: text, 'other-rounds': text, seconds: text, only: many, servers: text, node: many, peer: many, out: text };
  let values;
  let positionals;
  try {
    ({ values, positionals } = parseArgs({ options: known, allowPositionals: true }));
  } catch (error) {
    return fail(`${error.message.split('. ')[0]}; npm run bench knows -- --${Object.keys(known).join(', --')}`);
  }
  const [stray] = positionals.filter((name) => !(name in SETS));
  if (stray !== undefined) fail(`there is no set of scenarios called ${stray}, only ${Object.keys(SETS).join(' and ')}`);
  const words = wordsIn(values.only?.join(','));
  const kinds = values.servers === undefined ? undefined : wordsIn(values.servers);
  const [unknown] = (kinds ?? []).filter((kind) => !KIND_NAMES.includes(kind));
  if (unknown !== undefined) fail(`there is no server called ${unknown}, only ${KIND_NAMES.join(', ')}; --peer is for others`);
  const sets = positionals.length === 0 ? Object.keys(SETS) : positionals;
  const scenarios = sets.flatMap((set) => SETS[set].scenarios);
  if (words.length > 0 && !scenarios.some(({ name }) => words.some((word) => meant(name, word)))) {
    fail(`no scenario has ${words.join(' or ')} in its name; there are ${scenarios.map(({ name }) => name).join(', ')}`);
  }
  const rounds = number('rounds', values.rounds, /^\d+$/) ?? 5;
  return {
    sets,
    rounds,
    otherRounds: Math.min(rounds, number('other-rounds', values['other-rounds'], /^\d+$/) ?? rounds),
    seconds: number('seconds', values.seconds, /^\d+(\.\d+)?$/) ?? 4,
    words,
    kinds,
    nodes: values.node ?? [],
    peers: (values.peer ?? []).map((text) => peerOf(text) ?? fail(`--peer must be name=host:port,pid, got ${text}`)),
    out: values.out ?? join(root, ...(words.length === 0 ? ['docs', 'benchmarks'] : ['build', 'benchmarks'])),
    command: typed(),
  };
}

/** A word is a part of names, unless it is one itself. */
function meant(name, word) {
  const names = Object.values(SETS).flatMap(({ scenarios }) => scenarios.map((scenario) => scenario.name));
  return names.includes(word) ? name === word : name.includes(word);
}

/** The command to repeat it; where things lie on this machine is nobody else's business. */
function typed() {
  const own = process.argv.slice(2).join(' ');
  const shown = own.replaceAll(/(--node|--out)[ =]\S+/g, (_all, name) => `${name} ${name === '--out' ? 'DIR' : 'PATH'}`);
  return shown === '' ? 'npm run bench' : `npm run bench -- ${shown}`;
}

function wordsIn(list = '') {
  return list.split(/[\s,]+/).filter((word) => word !== '');
}

function number(name, value, form) {
  if (value === undefined) return undefined;
  if (!form.test(value) || Number(value) <= 0) fail(`--${name} must be a number above 0, got ${value}`);
  return Number(value);
}
