/** What has come of a known number of messages, and when it is all. */
import type { BenchError } from './bench-error.js';
import type { Client, ClientListener } from './client.js';
import { settle } from './pause.js';

/** Seconds without any progress after which the rest counts as lost. */
const PATIENCE = 5;

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
