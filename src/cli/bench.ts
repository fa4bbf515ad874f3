/** `posmq bench`: runs a scenario and prints what was measured. */

import { BenchError } from '../bench/bench-error.js';
import type { Figure, Figures } from '../bench/plan.js';
import { run } from '../bench/run.js';
import { benchHelpText, readBenchCommandLine } from './bench-command-line.js';
import { StatusLine } from './status-line.js';

/** What the figures are called for people, with their unit; what is not here is the plan's. */
const LABELS: Readonly<Record<string, readonly [label: string, unit: string]>> = {
  published_per_s: ['published', '/s'],
  delivered_per_s: ['delivered', '/s'],
  filled_per_s: ['filled', '/s'],
  connects_per_s: ['connects', '/s'],
  connect_per_s: ['connects', '/s'],
  connections: ['connections', ''],
  broker_cpu_us_per_delivery: ['broker CPU per delivery', ' µs'],
  broker_cpu_us_per_fill: ['broker CPU per message filled', ' µs'],
  broker_cpu_us_per_connect: ['broker CPU per connect', ' µs'],
  generator_cpu_us_per_delivery: ['generator CPU per delivery', ' µs'],
  generator_cpu_us_per_connect: ['generator CPU per connect', ' µs'],
  broker_rss_kb_filled: ['broker memory when filled', ' KiB'],
  broker_rss_kb: ['broker memory', ' KiB'],
  rss_kb_before: ['broker memory before', ' KiB'],
  rss_kb_after: ['broker memory after', ' KiB'],
  kb_per_connection: ['memory per connection', ' KiB'],
  idle_cpu_percent: ['broker CPU when idle', ' %'],
  latency_ms: ['latency', ' ms'],
  ack_latency_ms: ['time to acknowledge', ' ms'],
  lost: ['lost', ''],
};

/** What a percentile is called for people. */
const PERCENTILES: Readonly<Record<string, string>> = { p50: 'median', p99: '99 %', p999: '99.9 %', max: 'longest' };

/**
 * Runs the command to its end.
 *
 * @param argv what follows `bench`.
 * @param width of the help, in columns.
 */
export async function bench(argv: readonly string[], width: number): Promise<void> {
  const request = readBenchCommandLine(argv);
  if (request.kind === 'help') {
    process.stdout.write(benchHelpText(width));
    return;
  }
  const stop = new AbortController();
  // The first ends it with what was measured so far, the second at once.
  const interrupted = (): void => (stop.signal.aborted ? process.exit(130) : stop.abort());
  process.on('SIGINT', interrupted);
  const line = new StatusLine();
  try {
    const { figures, failure } = await run({ ...request.plan, signal: stop.signal, progress: (state) => line.tell(state) });
    line.clear();
    process.stdout.write(request.json ? `${JSON.stringify(figures)}\n` : tableOf(figures));
    if (failure !== undefined) fail(failure);
  } catch (error) {
    line.clear();
    if (!(error instanceof BenchError)) throw error;
    fail(error.message);
  } finally {
    process.off('SIGINT', interrupted);
  }
}

function fail(sentence: string): void {
  process.stderr.write(`posmq: ${sentence}\n`);
  process.exitCode = 1;
}

/** The figures that were measured, one a line. */
export function tableOf(figures: Figures): string {
  const rows = Object.entries(figures).flatMap(([name, figure]) => {
    const [label, unit] = LABELS[name] ?? [];
    return label === undefined || figure === undefined ? [] : [[label, shown(figure, unit ?? '')] as const];
  });
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('');
}

function shown(figure: Figure, unit: string): string {
  if (typeof figure === 'string') return figure;
  if (typeof figure === 'number') return `${figure.toLocaleString('en')}${unit}`;
  return Object.entries(figure)
    .map(([name, value]) => `${PERCENTILES[name] ?? name} ${value.toLocaleString('en')}${unit}`)
    .join(', ');
}
