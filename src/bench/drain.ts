/** Sessions that are away while messages are published for them, and come back for them. */
import { Fill } from './fill.js';
import { Fleet } from './fleet.js';
import type { Outcome, Plan } from './plan.js';
import { Receipts } from './receipts.js';
import { Meter, microsEach } from './usage.js';
import { topicName } from './frames.js';

/** Sessions that come back at the same time. */
const AT_ONCE = 50;
const TOPIC = 'bench/d/';

export async function drain(plan: Plan): Promise<Outcome> {
  const { subscribers: S, queue, payload, brokerPid } = plan;
  const qos = plan.qos === 2 ? 2 : 1;
  const receipts = new Receipts();
  const fleet = new Fleet(plan, receipts);
  const expected = S * queue;
  try {
    plan.progress('preparing sessions');
    await fleet.forget(S);
    for (let i = 0; i < S; i++) {
      const client = await fleet.resume(i, i);
      await client.subscribe(qos, topicName(TOPIC, i));
      fleet.leave(client);
    }

    const fill = new Fill({ topic: TOPIC, topics: S, count: expected, payload, retain: false, qos });
    const filling = new Meter(brokerPid);
    await fill.run(plan, fleet);
    const filled = filling.read();

    plan.progress('draining');
    const draining = new Meter(brokerPid);
    for (let first = 0; first < S; first += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, S - first) }, (_, i) => fleet.resume(first + i, first + i));
      await Promise.all(some);
    }
    await receipts.all(fill.settledCount);
    const drained = draining.read();

    return {
      figures: {
        filled_per_s: Math.round(fill.settledCount / filled.seconds),
        broker_cpu_us_per_fill: microsEach(filled.broker, fill.settledCount),
        broker_rss_kb_filled: filled.rss,
        ack_latency_ms: fill.acknowledgement.percentiles,
        delivered_per_s: Math.round(receipts.count / drained.seconds),
        broker_cpu_us_per_delivery: microsEach(drained.broker, receipts.count),
        generator_cpu_us_per_delivery: microsEach(drained.own, receipts.count),
        broker_rss_kb: drained.rss,
        lost: Math.max(0, fill.settledCount - receipts.count),
      },
      failure: receipts.failure(fill.settledCount),
    };
  } finally {
    fleet.close();
    await fleet.forget(S).catch(() => {});
  }
}
