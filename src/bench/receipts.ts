/** What has come of a known number of messages, and when it is all. */
import { setTimeout as timer } from 'node:timers/promises';
import type { BenchError } from './bench-error.js';
import type { Client, ClientListener } from './client.js';
import { settle } from './pause.js';

/** Seconds without any progress after which the rest counts as lost. */
const PATIENCE = 5;
/** Seconds a broker has for acknowledgements it did not wait for. */
const LIMIT = 10;

/** What a broker was not known to have come to when it was no longer waited for. */
export interface Behind {
  /** Messages at QoS 2 without their PUBREL. */
  readonly unacknowledged: number;
  /** Subscribers without PINGRESP to a PINGREQ behind their last acknowledgement; they are asked when all PUBRELs are there. */
  readonly unanswered: number;
}

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

  /** Resolves when the broker has come to the acknowledgements of all that has come, at QoS 2 to PUBCOMP, or not within ten seconds. */
  async acknowledged(clients: readonly Client[]): Promise<Behind> {
    const unreleased = (): number => clients.reduce((sum, client) => sum + client.unreleased, 0);
    const until = performance.now() + LIMIT * 1e3;
    const isOver = (): boolean => unreleased() === 0 || performance.now() >= until;
    await Promise.race([settle(isOver, unreleased, LIMIT), this.#lost]);
    if (unreleased() > 0) return { unacknowledged: unreleased(), unanswered: 0 };
    let unanswered = clients.length;
    const ask = async (client: Client): Promise<void> => {
      await client.ping();
      unanswered--;
    };
    // What answers this has been asked after every acknowledgement.
    await Promise.race([Promise.all(clients.map(ask)), timer(LIMIT * 1e3, undefined, { ref: false }), this.#lost]);
    return { unacknowledged: 0, unanswered };
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
