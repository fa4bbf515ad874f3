/** What was measured, as a page to read and the plots it shows. */

import { goalsOf, hasRate, measured, over, runsOf, sum } from './result.mjs';
import { svgOf } from './plot.mjs';
import { spread, written, writtenRatio, writtenSpread } from './statistics.mjs';

const CPU = 'broker_cpu_us_per_delivery';
const KIB_PER_MIB = 1_024;

/** The columns of a scenario's table: those that have something in them. */
const COLUMNS = [
  { figure: 'connects_per_s', title: 'connects/s' },
  { figure: 'broker_cpu_us_per_connect', title: 'CPU µs/connect' },
  { figure: 'connect_per_s', title: 'connects/s' },
  { figure: 'kb_per_connection', title: 'KiB/connection' },
  { figure: 'idle_cpu_percent', title: 'CPU % when idle' },
  { figure: 'rss_kb_after', title: 'memory MiB', unit: KIB_PER_MIB },
  { figure: 'filled_per_s', title: 'filled/s' },
  { figure: 'broker_cpu_us_per_fill', title: 'CPU µs/message filled' },
  { figure: 'broker_rss_kb_filled', title: 'memory MiB, filled', unit: KIB_PER_MIB },
  { figure: 'delivered_per_s', title: 'delivered/s' },
  { figure: CPU, title: 'CPU µs/delivery' },
  { figure: 'latency_ms.p50', title: 'latency ms, median', punctual: true },
  { figure: 'latency_ms.p99', title: '99 %', punctual: true },
  { figure: 'latency_ms.p999', title: '99.9 %', punctual: true },
  { figure: 'ack_latency_ms.p50', title: 'to PUBACK ms, median', punctual: true },
  { figure: 'ack_latency_ms.p99', title: '99 %', punctual: true },
  { figure: 'ack_latency_ms.p999', title: '99.9 %', punctual: true },
  { figure: 'broker_rss_kb', title: 'memory MiB', unit: KIB_PER_MIB },
];

/** What figures are called in goals. */
const NAMES = {
  [CPU]: 'CPU µs/delivery',
  broker_cpu_us_per_connect: 'CPU µs/connect',
  broker_cpu_us_per_fill: 'CPU µs/message filled',
  kb_per_connection: 'KiB/connection',
  idle_cpu_percent: 'CPU % when idle',
  delivered_per_s: 'delivered/s',
  filled_per_s: 'filled/s',
  'latency_ms.p99': 'latency ms, 99 %',
  'ack_latency_ms.p99': 'to PUBACK ms, 99 %',
};

/** @param results those of the sets that have been measured. */
export function pageOf(results) {
  return `${[
    '# Benchmarks',
    '<!-- Written by `npm run bench` from the JSON files beside it. -->',
    paragraph(
      'Every server is started anew for each run, with nothing on its disk. A run is one `posmq bench` with the arguments in the table',
      '([what they mean](../bench-command.md)). The servers take turns within a round, and a figure is the median of the rounds, in parentheses',
      'the least and the most. CPU time is that of all threads of the server, user and system, from `/proc`, for each message delivered: it is',
      'steadier than a rate, which may be that of the load generator. Rates are of windows that are always full; latency is told of fixed',
      'rates only, where it counts from the time at which a message was to be sent. Memory is resident memory. PosMQ and Aedes have their default',
      'limits, which are beyond these loads; where those of others are not they are taken away, as written under Servers.',
    ),
    ...results.map(setText),
  ].join('\n\n')}\n`;
}

/** @returns {[file: string, svg: string][]} */
export function plotsOf(result) {
  return plots(result).map(({ file, svg }) => [file, svg]);
}

function setText(result) {
  return [
    `## ${result.title}`,
    factsText(result),
    goalsText(result),
    ...plots(result).map(({ file, title }) => `![${title}](${file})`),
    ...overviewsText(result),
    '### Every scenario',
    ...result.scenarios.map((scenario) => scenarioText(result, scenario)),
    serversText(result),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}

function factsText({ command, began, ended, interrupted, rounds, otherRounds = rounds, seconds, machine, cores, generator, scenarios }) {
  const { processor, cores: count, memory, system, fileSystem, openFiles } = machine;
  const { version, ceiling } = generator;
  const bound = cores === undefined ? 'none' : `servers to core ${cores.server}, load generator to core ${cores.load}`;
  const alone =
    ceiling === undefined
      ? 'not measured'
      : `${written(ceiling.delivered_per_s)} messages/s with a process that echoes, ${written(ceiling.generator_cpu_us_per_delivery)} µs each`;
  return table(
    ['', ''],
    [
      ['To repeat it', `\`${command}\``],
      [
        'When',
        `${began.slice(0, 16).replace('T', ' ')} to ${ended.slice(0, 16).replace('T', ' ')} UTC${interrupted ? ', broken off' : ''}`,
      ],
      ['Machine', `${processor}, ${count} cores, ${memory}`],
      ['System', `${system}; files on ${fileSystem}; ${written(openFiles)} open files at most`],
      ['Bound', bound],
      [
        'Rounds',
        `${rounds}${otherRounds < rounds ? ` (${otherRounds} of what no target is about)` : ''}, of ${seconds} s each, ${longer(scenarios, seconds)}the first quarter not measured`,
      ],
      ['Load generator', `PosMQ ${version}; alone it does ${alone}`],
    ],
  );
}

function longer(scenarios, seconds) {
  const others = scenarios.filter((scenario) => scenario.seconds !== undefined && scenario.seconds > seconds);
  return others.map((scenario) => `${scenario.name} ${scenario.seconds} s, `).join('');
}

function goalsText(result) {
  const goals = goalsOf(result);
  if (goals.length === 0) return '';
  const rows = goals.map(({ scenario, goal, server, own, base, value, ratios, met }) => [
    `${scenario.name}: \`${scenario.args}\``,
    NAMES[goal.figure] ?? goal.figure,
    server,
    written(own?.median),
    goal.beside === undefined ? '' : `${besideText(goal.beside)}: ${written(base?.median)}`,
    goal.beside === undefined
      ? ''
      : `${writtenRatio(value)}${ratios?.count > 1 ? ` (${writtenRatio(ratios.min)}–${writtenRatio(ratios.max)})` : ''}`,
    boundText(goal),
    metText(met),
  ]);
  const head = ['Scenario', 'Figure', 'Server', 'Median', 'Beside', 'Ratio', 'Target', 'Met'];
  return `### The figures to reach\n\n${table(head, rows)}`;
}

function besideText(beside) {
  if (beside === 'disk') return 'one sync of the disk meanwhile, 99 %';
  return beside.startsWith('#') ? beside.slice(1) : 'Mosquitto';
}

function boundText({ atMost, atLeast, beside }) {
  const text = (bound) => (beside === undefined ? String(bound) : writtenRatio(bound));
  return atMost === undefined ? `at least ${text(atLeast)}` : `at most ${text(atMost)}`;
}

function metText(met) {
  if (met === undefined) return 'not measured';
  return met ? 'yes' : '**no**';
}

function overviewsText(result) {
  return [
    overview(result, 'CPU time per delivery, µs', CPU, () => true, true),
    overview(result, 'Messages delivered per second', 'delivered_per_s', (scenario) => !hasRate(scenario), false),
  ];
}

/** The medians of one figure, scenario by server. */
function overview(result, title, figure, wanted, withRatio) {
  const servers = measured(result).map(({ name }) => name);
  const ratioed = withRatio && servers.includes('posmq') && servers.includes('mosquitto');
  const rows = result.scenarios.filter(wanted).flatMap((scenario) => {
    const medians = servers.map((server) => over(scenario, server, figure)?.median);
    if (medians.every((median) => median === undefined)) return [];
    const ratio = medians[servers.indexOf('posmq')] / medians[servers.indexOf('mosquitto')];
    return [[scenario.name, ...medians.map(written), ...(ratioed ? [writtenRatio(ratio)] : [])]];
  });
  if (rows.length === 0) return '';
  return `### ${title}\n\n${table(['', ...servers, ...(ratioed ? ['posmq : mosquitto'] : [])], rows)}`;
}

function scenarioText(result, scenario) {
  const servers = measured(result).map(({ name }) => name);
  const columns = COLUMNS.filter(
    ({ figure, punctual }) =>
      (!punctual || hasRate(scenario) || (figure.startsWith('latency') && scenario.args.startsWith('conn'))) &&
      servers.some((server) => over(scenario, server, figure) !== undefined),
  );
  const counts = [
    ...(servers.some((server) => sum(scenario, server, 'lost') !== undefined) ? ['lost'] : []),
    ...['unacknowledged', 'unanswered'].filter((figure) => servers.some((server) => sum(scenario, server, figure) > 0)),
  ];
  const rows = servers
    .filter((server) => runsOf(scenario, server).length > 0)
    .map((server) => [
      server,
      ...columns.map(({ figure, unit = 1 }) => writtenSpread(divided(over(scenario, server, figure), unit))),
      ...counts.map((figure) => String(sum(scenario, server, figure)?.toLocaleString('en-US') ?? '–')),
    ]);
  const head = ['', ...columns.map(({ title }) => title), ...counts];
  const notes = [...failureNotes(scenario, servers), ...diskNotes(scenario, servers)];
  return [`#### ${scenario.name}`, `\`posmq bench ${scenario.args}\``, rows.length === 0 ? '' : table(head, rows), notes.join('\n')]
    .filter((text) => text !== '')
    .join('\n\n');
}

function divided(spread, unit) {
  if (spread === undefined || unit === 1) return spread;
  const { median, min, max, count } = spread;
  return { median: median / unit, min: min / unit, max: max / unit, count };
}

/** Each thing that went wrong, once, and in which rounds it did. */
function failureNotes(scenario, servers) {
  return servers.flatMap((server) => {
    const rounds = new Map();
    for (const { round, failure } of runsOf(scenario, server)) {
      if (failure !== undefined) rounds.set(failure, [...(rounds.get(failure) ?? []), round]);
    }
    return [...rounds].map(([failure, which]) => `- ${server}, round ${which.join(', ')}: ${failure}`);
  });
}

function diskNotes(scenario, servers) {
  if (scenario.disk === undefined) return [];
  const told = (when, times) => {
    const [median, most] = ['p50', 'p99'].map((share) => writtenSpread(spread(times.map((time) => time?.[share]))));
    return `- the disk itself, ${when}: appending 200 bytes and syncing takes ${median} ms, in the median, and ${most} ms, 99 %`;
  };
  const beside = servers.map((server) => [server, runsOf(scenario, server).map(({ disk }) => disk)]);
  return [
    told('between the rounds', scenario.disk),
    ...beside
      .filter(([, times]) => times.length > 0)
      .map(([server, times]) => told(`while ${server} was at work, on the same core`, times)),
  ];
}

function serversText(result) {
  const rows = measured(result).map(({ name, version, command }) => [name, version, `\`${command}\``]);
  const files = measured(result).flatMap(({ name, files }) =>
    Object.entries(files).map(([file, text]) => `${name}, \`${file}\`:\n\n\`\`\`text\n${text}\`\`\``),
  );
  const absent = result.servers
    .filter((server) => server.absent !== undefined)
    .map(({ name, absent }) => `- ${name} was not run: ${absent}`);
  return ['### Servers', table(['Server', 'Version', 'Started as'], rows), absent.join('\n'), ...files]
    .filter((text) => text !== '')
    .join('\n\n');
}

function plots(result) {
  const { set, title, scenarios } = result;
  const servers = measured(result).map(({ name }) => name);
  const marks = (scenario, figure) =>
    servers.flatMap((server) => {
      const spread = over(scenario, server, figure);
      return spread === undefined || spread.median <= 0 ? [] : [{ server, ...spread }];
    });
  const punctual = scenarios.filter(hasRate);
  const kind = set === 'durable' ? { figure: 'ack_latency_ms', title: 'Time to PUBACK' } : { figure: 'latency_ms', title: 'Latency' };
  const all = [
    {
      file: `${set}-cpu.svg`,
      title: `${title}: CPU time per delivery, µs`,
      unit: ' µs',
      rows: scenarios.map((scenario) => ({ label: scenario.name, marks: marks(scenario, CPU) })),
    },
    {
      file: `${set}-rate.svg`,
      title: `${title}: messages delivered per second`,
      unit: '/s',
      rows: scenarios
        .filter((scenario) => !hasRate(scenario))
        .map((scenario) => ({ label: scenario.name, marks: marks(scenario, 'delivered_per_s') })),
    },
    {
      file: `${set}-latency.svg`,
      title: `${kind.title} at fixed rates, ms`,
      unit: ' ms',
      rows: punctual.flatMap((scenario) =>
        [
          ['p50', 'median'],
          ['p99', '99 %'],
          ['p999', '99.9 %'],
        ].map(([share, name]) => ({
          label: `${scenario.name}, ${name}`,
          marks: [...marks(scenario, `${kind.figure}.${share}`), ...diskMarks(scenario, share)],
        })),
      ),
    },
  ];
  return all.flatMap((plot) => {
    const svg = svgOf(plot);
    return svg === undefined ? [] : [{ file: plot.file, title: plot.title, svg }];
  });
}

function diskMarks({ disk = [] }, share) {
  const times = spread(disk.map((time) => time[share]));
  return times === undefined ? [] : [{ server: 'the disk itself', ...times }];
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function paragraph(...lines) {
  return lines.join('\n');
}
