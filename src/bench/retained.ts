/** Many retained messages, and subscribers that want them all at once. */
import { Fill, unretain } from './fill.js';
import { Fleet } from './fleet.js';
import type { Outcome, Plan } from './plan.js';
import { Receipts } from './receipts.js';
import { Meter, microsEach } from './usage.js';

const TOPIC = 'bench/r/';

export async function retained(plan: Plan): Promise<Outcome> {
  const { subscribers, topics, payload, qos, brokerPid } = plan;
  const receipts = new Receipts();
  const fleet = new Fleet(plan, receipts);
  try {
    const fill = new Fill({ topic: TOPIC, topics, count: topics, payload, retain: true, qos: qos === 2 ? 2 : 1 });
    const filling = new Meter(brokerPid);
    await fill.run(plan, fleet);
    const filled = filling.read();

    const clients = await Promise.all(Array.from({ length: subscribers }, (_, i) => fleet.join(`sub-${i}`, i)));
    plan.progress('subscribing');
    const draining = new Meter(brokerPid);
    for (const client of clients) await client.subscribe(qos, `${TOPIC}#`);
    const expected = fill.settledCount * subscribers;
    await receipts.all(expected);
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
        lost: Math.max(0, expected - receipts.count),
      },
      failure: receipts.failure(expected),
    };
  } finally {
    fleet.close();
    await unretain(plan, TOPIC, topics).catch(() => {});
  }
}
