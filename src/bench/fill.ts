/** A known number of messages, each acknowledged, on topics that have numbers. */
import type { BenchError } from './bench-error.js';
import type { Client, ClientListener } from './client.js';
import { micros } from './clock.js';
import { Fleet } from './fleet.js';
import { Frames } from './frames.js';
import { Histogram } from './histogram.js';
import type { Plan } from './plan.js';

const COPIES = 256;

export interface FillOptions {
  /** What comes before the number of a topic. */
  readonly topic: string;
  readonly topics: number;
  /** Messages in all; they go to the topics in turn. */
  readonly count: number;
  readonly payload: number;
  readonly retain: boolean;
  readonly qos: 1 | 2;
}

export class Fill implements ClientListener {
  readonly acknowledgement = new Histogram();
  settledCount = 0;
  readonly #options: FillOptions;
  readonly #left: number[] = [];
  #resolve: () => void = () => {};
  #reject: (error: BenchError) => void = () => {};

  constructor(options: FillOptions) {
    this.#options = options;
  }

  /** Publishes all with the plan's publishers; resolves when every message is acknowledged, or the run has been ended. */
  async run(plan: Plan, fleet: Fleet): Promise<void> {
    const { topic, topics, count, payload, retain, qos } = this.#options;
    const { publishers: P, window, version, signal } = plan;
    const clients: Client[] = [];
    for (let source = 0; source < P; source++) {
      const client = await fleet.join(`fill-${source}`, source, this);
      const numbering = { first: source % topics, stride: P, topics };
      client.prepare(new Frames({ topic, numbering, payload, qos, retain, version, copies: Math.min(window, COPIES) }), qos, window);
      client.limit(window);
      this.#left[source] = Math.floor((count - source + P - 1) / P);
      clients.push(client);
    }
    const reporting = setInterval(() => plan.progress(`${this.settledCount} of ${count} messages published`), 1e3);
    const stop = (): void => this.#resolve();
    signal.addEventListener('abort', stop);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        for (const client of clients) this.ready(client);
      });
    } finally {
      clearInterval(reporting);
      signal.removeEventListener('abort', stop);
      this.#left.fill(0);
    }
  }

  heard(): void {}

  settled(_client: Client, latency: number): void {
    this.acknowledgement.record(latency);
    if (++this.settledCount === this.#options.count) this.#resolve();
  }

  ready(client: Client): void {
    let left = this.#left[client.source]!;
    while (left > 0 && !client.held) left -= client.publish(left, micros(), 0);
    this.#left[client.source] = left;
  }

  lost(error: BenchError): void {
    this.#reject(error);
  }
}

/** Takes back what a run has had retained, with an empty message to each topic [MQTT-3.3.1-10]. It is done also when the run was ended. */
export async function unretain(plan: Plan, topic: string, topics: number): Promise<void> {
  const fill = new Fill({ topic, topics, count: topics, payload: 0, retain: true, qos: 1 });
  const alone = { ...plan, publishers: 1, signal: new AbortController().signal };
  const fleet = new Fleet(alone, fill);
  try {
    await fill.run(alone, fleet);
  } finally {
    fleet.close();
  }
}
