/** Connections that come and go: connect, CONNACK, disconnect, over and over, with so many open at a time. */
import { type Client, NOBODY } from './client.js';
import { micros } from './clock.js';
import { Fleet } from './fleet.js';
import { Histogram } from './histogram.js';
import type { Outcome, Plan } from './plan.js';
import { Meter, microsEach } from './usage.js';

export async function conn(plan: Plan): Promise<Outcome> {
  const { publishers, seconds, window, signal, brokerPid } = plan;
  const fleet = new Fleet(plan, NOBODY);
  const open: (Client | undefined)[] = [];
  const latency = new Histogram();
  const meter = new Meter(brokerPid);
  const end = performance.now() + seconds * 1e3;
  let next = 0;
  const comeAndGo = async (): Promise<void> => {
    while (performance.now() < end && !signal.aborted) {
      const slot = next;
      next = (next + 1) % publishers;
      const old = open[slot];
      open[slot] = undefined;
      if (old !== undefined) fleet.reset(old);
      const began = micros();
      open[slot] = await fleet.join(`conn-${slot}`, 0);
      latency.record(Math.round(micros() - began));
    }
  };
  const reporting = setInterval(() => plan.progress(`${latency.count} connects`), 1e3);
  try {
    await Promise.all(Array.from({ length: Math.min(window, publishers) }, comeAndGo));
    const used = meter.read();
    return {
      figures: {
        connects_per_s: Math.round(latency.count / used.seconds),
        broker_cpu_us_per_connect: microsEach(used.broker, latency.count),
        generator_cpu_us_per_connect: microsEach(used.own, latency.count),
        broker_rss_kb: used.rss,
        latency_ms: latency.percentiles,
      },
    };
  } finally {
    clearInterval(reporting);
    fleet.close();
  }
}
