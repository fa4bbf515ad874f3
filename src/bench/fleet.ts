/** The connections of one run. */
import { BenchError } from './bench-error.js';
import { Client, NOBODY, type ClientListener } from './client.js';
import type { Plan } from './plan.js';

/** Connections from one address: it has some 28,000 ports. */
const PER_ADDRESS = 20_000;
/** Filters in one SUBSCRIBE, and in one session. */
const FILTERS_AT_ONCE = 1_000;

export class Fleet {
  readonly #plan: Plan;
  readonly #listener: ClientListener;
  readonly #clients = new Set<Client>();
  #dialled = 0;

  constructor(plan: Plan, listener: ClientListener) {
    this.#plan = plan;
    this.#listener = listener;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** A connection on which nothing has been said yet. @param source the publisher it is or listens to. */
  async dial(source: number, listener = this.#listener): Promise<Client> {
    const { host, port, version, publishers, subscribers, signal } = this.#plan;
    if (signal.aborted) throw new BenchError('stopped before there was anything to measure');
    const many = publishers + subscribers > PER_ADDRESS && host.startsWith('127.');
    const localAddress = many ? `127.0.0.${2 + Math.floor(this.#dialled / PER_ADDRESS)}` : undefined;
    this.#dialled++;
    const client = await Client.dial({ host, port, version, listener, source, localAddress });
    this.#clients.add(client);
    return client;
  }

  /** A client with a session that ends with its connection. */
  async join(name: string, source: number, listener = this.#listener): Promise<Client> {
    const client = await this.dial(source, listener);
    await client.connect(`bench-${process.pid}-${name}`, true);
    if (this.size % 500 === 0) this.#plan.progress(`${this.size} connections`);
    return client;
  }

  /** A client whose session is kept: its id is the same in every run. */
  async resume(index: number, source: number, listener = this.#listener): Promise<Client> {
    const client = await this.dial(source, listener);
    await client.connect(keptId(index), false);
    return client;
  }

  /** Ends what sessions are kept, of this run or one that broke off. */
  async forget(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const client = await Client.dial({ ...this.#plan, listener: NOBODY, source: 0 });
      await client.connect(keptId(i), true);
      client.end();
    }
  }

  /** Who subscribes to filters with wildcards that match nothing here. */
  async openFilters(): Promise<void> {
    const { filters } = this.#plan;
    for (let first = 0; first < filters; first += FILTERS_AT_ONCE) {
      const client = await this.join(`filters-${first}`, 0);
      const count = Math.min(FILTERS_AT_ONCE, filters - first);
      await client.subscribe(0, ...Array.from({ length: count }, (_, i) => `bench/w/${first + i}/+/x`));
    }
  }

  /** Who subscribes and never reads. */
  async openSlow(): Promise<void> {
    for (let i = 0; i < this.#plan.slow; i++) {
      const client = await this.dial(0, NOBODY);
      await client.connect(`bench-${process.pid}-slow-${i}`, true);
      await client.subscribe(this.#plan.qos, 'bench/t/#');
      client.freeze();
    }
  }

  /** Ends one politely. */
  leave(client: Client): void {
    this.#clients.delete(client);
    client.end();
  }

  /** Ends one at once. */
  reset(client: Client): void {
    this.#clients.delete(client);
    client.reset();
  }

  /** Says goodbye to all. */
  close(): void {
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }
}

function keptId(index: number): string {
  return `bench-kept-${index}`;
}
