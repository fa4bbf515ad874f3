/** A broker full of messages: what it cost to get them into it, and what it costs to get them out again. */
import type { Client } from './client.js';
import type { Fill } from './fill.js';
import type { Fleet } from './fleet.js';
import type { Outcome, Plan } from './plan.js';
import type { Behind, Receipts } from './receipts.js';
import { Meter, microsEach, type Used } from './usage.js';

/** Where messages were lost, that is told. */
const NOT_ASKED: Behind = { unacknowledged: 0, unanswered: 0 };

export class Filled {
  readonly #brokerPid: number;
  readonly #fill: Fill;
  readonly #filling: Used;

  private constructor(brokerPid: number, fill: Fill, filling: Used) {
    this.#brokerPid = brokerPid;
    this.#fill = fill;
    this.#filling = filling;
  }

  static async with(fill: Fill, plan: Plan, fleet: Fleet): Promise<Filled> {
    const meter = new Meter(plan.brokerPid);
    await fill.run(plan, fleet);
    return new Filled(plan.brokerPid, fill, meter.read());
  }

  /**
   * It is over when the broker has every acknowledgement: what it sends without waiting for them it has still to do.
   * @param ask has subscribers ask for the messages, and answers who they are.
   * @param copies how many of them are to hear each.
   */
  async drain(ask: () => Promise<readonly Client[]>, receipts: Receipts, copies: number): Promise<Outcome> {
    const meter = new Meter(this.#brokerPid);
    const clients = await ask();
    const { settledCount, acknowledgement } = this.#fill;
    const expected = settledCount * copies;
    await receipts.all(expected);
    const behind = receipts.count === expected ? await receipts.acknowledged(clients) : NOT_ASKED;
    const draining = meter.read();
    return {
      figures: {
        filled_per_s: Math.round(settledCount / this.#filling.seconds),
        broker_cpu_us_per_fill: microsEach(this.#filling.broker, settledCount),
        broker_rss_kb_filled: this.#filling.rss,
        ack_latency_ms: acknowledgement.percentiles,
        delivered_per_s: Math.round(receipts.count / draining.seconds),
        broker_cpu_us_per_delivery: microsEach(draining.broker, receipts.count),
        generator_cpu_us_per_delivery: microsEach(draining.own, receipts.count),
        broker_rss_kb: draining.rss,
        ...behind,
        lost: Math.max(0, expected - receipts.count),
      },
      failure: receipts.failure(expected),
    };
  }
}
