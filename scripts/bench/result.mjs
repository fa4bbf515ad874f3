/** What a run of the benchmark has measured: the figures of its scenarios, by server and over the rounds, and the goals they are held against. */

import { figureOf, spread } from './statistics.mjs';

/** The servers that were there to be measured. */
export function measured(result) {
  return result.servers.filter(({ absent }) => absent === undefined);
}

/** One figure of one server over the rounds; undefined if it was never measured. */
export function over(scenario, server, figure) {
  return spread(runsOf(scenario, server).map(({ figures }) => figureOf(figures, figure)));
}

/** Messages lost in all rounds; undefined where none could be. */
export function lost(scenario, server) {
  return sum(scenario, server, 'lost');
}

/** A count of messages in all rounds; undefined where there was none to be made. */
export function sum(scenario, server, figure) {
  const counts = runsOf(scenario, server).flatMap(({ figures }) => figures?.[figure] ?? []);
  return counts.length === 0 ? undefined : counts.reduce((total, count) => total + count, 0);
}

export function runsOf(scenario, server) {
  return scenario.runs.filter((run) => run.server === server);
}

/** Every goal, of every PosMQ with the default durability. */
export function goalsOf(result) {
  const servers = measured(result).filter(({ kind }) => kind === 'posmq');
  return result.scenarios.flatMap((scenario) =>
    (scenario.goals ?? []).flatMap((goal) => servers.map(({ name }) => judged(result, scenario, goal, name))),
  );
}

/** `ratio` is of the medians, `ratios` those of the rounds; `met` is undefined where it cannot be told. */
function judged(result, scenario, goal, server) {
  const own = over(scenario, server, goal.figure);
  const base = baseOf(result, scenario, goal, server);
  const value =
    goal.beside === undefined ? own?.median : own !== undefined && base?.all !== undefined ? own.median / base.all.median : undefined;
  const ratios =
    base === undefined ? undefined : spread(runsOf(scenario, server).map((run) => figureOf(run.figures, goal.figure) / base.of(run.round)));
  return { scenario, goal, server, own, base: base?.all, value, ratios, met: isMet(goal, value, lost(scenario, server)) };
}

/** What loses messages has reached nothing. */
function isMet({ atMost, atLeast }, value, lost) {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return !(lost > 0) && (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}

/** What a goal is relative to, over the rounds and in each. */
function baseOf(result, scenario, { figure, beside }, server) {
  if (beside === undefined) return undefined;
  if (beside === 'disk') {
    const runs = runsOf(scenario, server);
    return { all: spread(runs.map(({ disk }) => disk?.p99)), of: (round) => runs.find((run) => run.round === round)?.disk?.p99 };
  }
  const other = beside.startsWith('#') ? result.scenarios.find(({ name }) => name === beside.slice(1)) : scenario;
  if (other === undefined) return { all: undefined, of: () => undefined };
  const whose = beside.startsWith('#') ? server : beside;
  return {
    all: over(other, whose, figure),
    of: (round) => figureOf(runsOf(other, whose).find((run) => run.round === round)?.figures, figure),
  };
}

/** Whether messages come at a fixed rate: then their latency says something. */
export function hasRate({ args }) {
  return / -r /.test(args);
}

/** A result as text that reads back as the same: a line for each run. */
export function jsonOf(result) {
  const runs = [];
  const placed = (run) => `@${runs.push(JSON.stringify(run)) - 1}`;
  const text = JSON.stringify(result, (key, value) => (key === 'runs' ? value.map(placed) : value), 1);
  return `${text.replaceAll(/"@(\d+)"/g, (_all, at) => runs[at])}\n`;
}
