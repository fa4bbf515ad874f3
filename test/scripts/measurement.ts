/** A small measurement: three rounds of some scenarios, with PosMQ, Mosquitto and a server that is not installed. */

export interface Figures {
  readonly [name: string]: number | Readonly<Record<string, number>>;
}

export interface Run {
  readonly round: number;
  readonly server: string;
  readonly figures?: Figures;
  readonly failure?: string;
  /** What a sync took meanwhile, in ms. */
  readonly disk?: { readonly p50: number; readonly p99: number };
}

export interface Goal {
  readonly figure: string;
  readonly beside?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface MeasuredScenario {
  readonly name: string;
  readonly args: string;
  readonly goals?: readonly Goal[];
  readonly disk?: readonly { readonly round: number; readonly p50: number; readonly p99: number }[];
  readonly runs: readonly Run[];
}

export interface Measurement {
  readonly set: string;
  readonly scenarios: readonly MeasuredScenario[];
  readonly [fact: string]: unknown;
}

/** One run for each of the figures: of round 1, 2 and so on. */
export function runs(server: string, ...rounds: readonly Figures[]): Run[] {
  return rounds.map((figures, i) => ({ round: i + 1, server, figures }));
}

/** The same with the one figure that most are about, and nothing lost. */
export function cpu(server: string, ...micros: readonly number[]): Run[] {
  return runs(server, ...micros.map((each) => ({ broker_cpu_us_per_delivery: each, delivered_per_s: 1e6 / each, lost: 0 })));
}

export function measurement(...scenarios: readonly MeasuredScenario[]): Measurement {
  return {
    set: 'standard',
    title: 'Standard scenarios',
    command: 'npm run bench -- standard',
    began: '2026-01-01T00:00:00.000Z',
    ended: '2026-01-01T01:00:00.000Z',
    interrupted: false,
    rounds: 3,
    seconds: 4,
    machine: { processor: 'a processor', cores: 2, memory: '8 GiB', system: 'a system', fileSystem: 'ext4', openFiles: 20_000 },
    cores: { server: 0, load: 1 },
    generator: { version: '1.0.0', ceiling: { delivered_per_s: 1_000_000, generator_cpu_us_per_delivery: 0.5 } },
    servers: [
      { name: 'posmq', kind: 'posmq', version: '1.0.0', command: 'posmq --port PORT', files: {} },
      { name: 'mosquitto', kind: 'mosquitto', version: '2.0.11', command: 'mosquitto', files: { 'mosquitto.conf': 'persistence false\n' } },
      { name: 'nats', kind: 'nats', command: 'nats-server', files: {}, absent: 'nats-server is not installed' },
    ],
    scenarios,
  };
}
