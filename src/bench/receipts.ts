/** What has come of a known number of messages, and when it is all. */
import { setTimeout as timer } from 'node:timers/promises';
import type { BenchError } from './bench-error.js';
import type { Client, ClientListener } from './client.js';
import { settle } from './pause.js';

/** Seconds without any progress after which the rest counts as lost. */
const PATIENCE = 5;
/** Seconds a broker has for acknowledgements it did not wait for. */
const LIMIT = 10;

export class Receipts implements ClientListener {
  count = 0;
  readonly #lost: Promise<never>;
  #fail: (error: BenchError) => void = () => {};

  constructor() {
    this.#lost = new Promise((_resolve, reject) => (this.#fail = reject));
    // Who waits hears of it; a failure before that is no unhandled rejection.
    this.#lost.catch(() => {});
  }

  /** Resolves when so many have come, or no more do. */
  async all(expected: number): Promise<void> {
    const come = settle(
      () => this.count >= expected,
      () => this.count,
      PATIENCE,
    );
    await Promise.race([come, this.#lost]);
  }

  /**
   * Resolves when the broker has come to the acknowledgements of all that has come, at QoS 2 to PUBCOMP, or not within ten seconds.
   * @returns how many messages are known to lack theirs.
   */
  async acknowledged(clients: readonly Client[]): Promise<number> {
    const left = (): number => clients.reduce((sum, { unreleased }) => sum + unreleased, 0);
    const until = performance.now() + LIMIT * 1e3;
    const isOver = (): boolean => left() === 0 || performance.now() >= until;
    await Promise.race([settle(isOver, left, LIMIT), this.#lost]);
    if (left() > 0) return left();
    // What answers this has been asked after every acknowledgement.
    await Promise.race([Promise.all(clients.map((client) => client.ping())), timer(LIMIT * 1e3, undefined, { ref: false }), this.#lost]);
    return 0;
  }

  heard(_client: Client, _latency: number, _retained: boolean): void {
    this.count++;
  }

  settled(): void {}

  ready(): void {}

  lost(error: BenchError): void {
    this.#fail(error);
  }

  /** One sentence where it is not what was expected. */
  failure(expected: number): string | undefined {
    const lost = expected - this.count;
    if (lost === 0) return undefined;
    return lost > 0 ? `${lost} messages of ${expected} were lost` : `${-lost} messages came that were not sent`;
  }
}
