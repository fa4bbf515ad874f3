/** What was typed after `posmq bench`, read with a table of its own. */

import { Command, Option } from 'commander';
import { MOST_TOPICS } from '../bench/frames.js';
import { SCENARIOS, type Plan, type Scenario } from '../bench/plan.js';
import type { QoS, Version } from '../packet/packet.js';
import { ConfigurationError } from '../config/options.js';
import { unknown } from '../config/spelling.js';
import { parse } from './command-line.js';

/** What the user asks for: a run, or only a text to read. */
export type BenchRequest = { readonly kind: 'help' } | { readonly kind: 'run'; readonly plan: BenchPlan; readonly json: boolean };
/** A plan but for what only a running process has. */
export type BenchPlan = Omit<Plan, 'signal' | 'progress'>;

interface NumberRow {
  readonly flags: string;
  readonly sentence: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
  /** Where a scenario has another default. */
  readonly of?: { readonly [S in Scenario]?: number };
  /** Whether it may have decimals. */
  readonly decimal?: true;
}

const MANY = 1_000_000_000;
const MOST_CONNECTIONS = 1_000_000;

/** The table. The order is the order of `--help`. */
const NUMBERS = {
  port: { flags: '-p, --port <PORT>', sentence: 'Its port', min: 1, max: 65_535, default: 1_883 },
  publishers: {
    flags: '-P, --publishers <N>',
    sentence: 'Publishers; connections of conn, idle and sink',
    min: 1,
    max: MOST_CONNECTIONS,
    default: 1,
    of: { fanin: 100, shared: 10, latency: 10, conn: 100, idle: 1_000 },
  },
  subscribers: {
    flags: '-S, --subscribers <N>',
    sentence: 'Subscribers; sessions of drain',
    min: 1,
    max: MOST_CONNECTIONS,
    default: 1,
    of: { fanout: 100, shared: 10, latency: 10, drain: 10 },
  },
  qos: { flags: '-q, --qos <QOS>', sentence: 'QoS of messages and subscriptions', min: 0, max: 2, default: 0, of: { drain: 1 } },
  payload: { flags: '-b, --payload <BYTES>', sentence: 'Size of a payload', min: 16, max: 100_000_000, default: 64 },
  window: {
    flags: '-w, --window <N>',
    sentence: 'Messages outstanding: of each publisher in p2p, drain and retained, else in all; connects under way in conn and idle',
    min: 1,
    max: 1_000_000,
    default: 100,
    of: { conn: 1, idle: 1, sink: 1_000 },
  },
  seconds: {
    flags: '-t, --time <SECONDS>',
    sentence: 'How long the load lasts, the first quarter unmeasured',
    min: 0.1,
    max: 1_000_000,
    default: 5,
    decimal: true,
  },
  rate: {
    flags: '-r, --rate <N>',
    sentence: 'Messages a second in all, sent at their time whatever comes back; 0 sends what the window allows',
    min: 0,
    max: 10_000_000,
    default: 0,
    of: { latency: 1_000 },
  },
  version: { flags: '-V, --mqtt-version <V>', sentence: '3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0', min: 3, max: 5, default: 4 },
  brokerPid: {
    flags: '-B, --broker-pid <PID>',
    sentence: "The broker's process on this machine (Linux): its CPU time and memory are measured, too; 0 measures none",
    min: 0,
    max: MANY,
    default: 0,
  },
  topics: {
    flags: '--topics <N>',
    sentence: 'Topics of each publisher; retained messages of retained',
    min: 1,
    max: MOST_TOPICS,
    default: 1,
    of: { retained: 10_000 },
  },
  queue: { flags: '--queue <N>', sentence: 'Messages for each session of drain', min: 1, max: MANY, default: 1_000 },
  filters: { flags: '--filters <N>', sentence: 'Subscriptions besides, with wildcards that match nothing', min: 0, max: MANY, default: 0 },
  slow: {
    flags: '--slow <N>',
    sentence: 'Subscribers besides that hear everything and never read',
    min: 0,
    max: MOST_CONNECTIONS,
    default: 0,
  },
} as const satisfies Readonly<Record<string, NumberRow>>;

type Name = keyof typeof NUMBERS;
const NAMES = Object.keys(NUMBERS) as readonly Name[];

const SWITCHES = [
  ['--persistent', 'Subscribers have sessions that outlive their connections'],
  ['--retained', 'Every message is published to be retained; taken back in the end'],
  ['--json', 'Print one line of JSON'],
  ['--help', 'Print this and exit'],
] as const;

/** What each scenario does, for `--help`. */
const MEANINGS: Readonly<Record<Scenario, string>> = {
  p2p: 'publisher i to subscriber i, on a topic of their own',
  fanout: 'every subscriber hears every publisher',
  fanin: 'every subscriber hears all topics, one of each publisher',
  shared: 'the subscribers share one subscription to all topics',
  latency: 'p2p at a fixed rate',
  conn: 'connect, CONNACK, disconnect, over and over, so many open at a time',
  idle: 'connections with one subscription each, and nothing else',
  drain: 'sessions that are away while messages come for them, and come back',
  retained: 'retained messages on many topics, then subscribers to all of them',
  sink: 'no broker: a process that echoes, for the ceiling of the generator',
};

/**
 * @param argv what follows `bench`.
 * @throws ConfigurationError for a scenario or flag nobody knows, and for a value out of bounds.
 */
export function readBenchCommandLine(argv: readonly string[]): BenchRequest {
  const command = commandOf();
  const rest = parse(command, argv);
  const [stray] = rest.unknown;
  if (stray !== undefined) throw new ConfigurationError(refusal(stray));
  const given = command.opts<Readonly<Record<string, string | true | undefined>>>();
  if (given['help'] === true) return { kind: 'help' };

  const [scenario, extra] = rest.operands;
  if (scenario === undefined) throw new ConfigurationError(`bench needs a scenario: ${SCENARIOS.join(', ')}`);
  if (!isScenario(scenario)) throw new ConfigurationError(unknown('scenario', scenario, SCENARIOS));
  if (extra !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(extra)}`);

  const numbers = Object.fromEntries(NAMES.map((name) => [name, numberOf(name, scenario, given)])) as Record<Name, number>;
  const plan: BenchPlan = {
    ...numbers,
    scenario,
    host: String(given['host'] ?? '127.0.0.1'),
    qos: numbers.qos as QoS,
    version: numbers.version as Version,
    persistent: given['persistent'] === true,
    retained: given['retained'] === true,
  };
  check(plan);
  return { kind: 'run', plan, json: given['json'] === true };
}

/** What `posmq bench --help` prints, at most `width` columns wide. */
export function benchHelpText(width: number): string {
  const command = commandOf();
  command.configureHelp({
    helpWidth: width,
    minWidthToWrap: 20,
    optionTerm: (option) => (option.short === undefined ? `    ${option.flags}` : option.flags).replaceAll(/[<>]/g, ''),
  });
  const scenarios = SCENARIOS.map((scenario) => `  ${scenario.padEnd(9)} ${MEANINGS[scenario]}\n`);
  return `${command.helpInformation()}\nScenarios:\n${scenarios.join('')}`;
}

function commandOf(): Command {
  const command = new Command('posmq bench')
    .description('Puts a load on any MQTT broker, counts every message, and tells what it took.')
    .usage('<scenario> [options]')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .option('-h, --host <HOST>', 'Address or name of the broker (default: 127.0.0.1)');
  for (const name of NAMES) {
    const row: NumberRow = NUMBERS[name];
    const others = Object.entries(row.of ?? {}).map(([scenario, value]) => `, ${scenario}: ${value}`);
    command.addOption(new Option(row.flags, `${row.sentence} (default: ${row.default}${others.join('')})`));
  }
  for (const [flag, sentence] of SWITCHES) command.option(flag, sentence);
  return command;
}

function numberOf(name: Name, scenario: Scenario, given: Readonly<Record<string, string | true | undefined>>): number {
  const row: NumberRow = NUMBERS[name];
  const option = new Option(row.flags);
  const text = given[option.attributeName()];
  if (text === undefined) return row.of?.[scenario] ?? row.default;
  const form = row.decimal ? /^[+-]?\d+(?:\.\d+)?$/ : /^[+-]?\d+$/;
  const flag = option.long!;
  if (!form.test(String(text)))
    throw new ConfigurationError(`${flag} must be a ${row.decimal ? '' : 'whole '}number, got ${JSON.stringify(text)}`);
  const value = Number(text);
  if (value < row.min || value > row.max) throw new ConfigurationError(`${flag} must be between ${row.min} and ${row.max}, got ${value}`);
  return value;
}

function check({ scenario, publishers, subscribers, rate, qos, brokerPid, host }: BenchPlan): void {
  if (host.trim() === '') throw new ConfigurationError('--host must not be empty');
  if ((scenario === 'p2p' || scenario === 'latency') && subscribers % publishers !== 0) {
    throw new ConfigurationError(
      `${scenario} needs as many --subscribers as --publishers, or a multiple, not ${subscribers} for ${publishers}`,
    );
  }
  if (scenario === 'latency' && rate === 0) throw new ConfigurationError('latency needs a --rate');
  if (scenario === 'drain' && qos === 0)
    throw new ConfigurationError('drain needs --qos 1 or 2: messages at QoS 0 are not kept for who is away');
  if (brokerPid !== 0 && process.platform !== 'linux') throw new ConfigurationError('--broker-pid works on Linux only');
}

function isScenario(word: string): word is Scenario {
  return SCENARIOS.some((scenario) => scenario === word);
}

function refusal(stray: string): string {
  const flag = stray.startsWith('--') ? stray.replace(/=.*$/s, '') : stray;
  const switches = SWITCHES.map(([name]): string => name);
  if (switches.includes(flag)) return `${flag} takes no value`;
  return unknown('option', flag, [...switches, '--host', ...NAMES.map((name) => new Option(NUMBERS[name].flags).long!)]);
}
