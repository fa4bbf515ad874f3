/** The measured part of a load: what came in it, and what it cost. */
import type { Load } from './load.js';
import { pause } from './pause.js';
import type { Figures, Plan } from './plan.js';
import { Meter, microsEach } from './usage.js';

/** The share of a run that is not measured: caches fill, the compiler compiles. */
const WARM_UP = 0.25;

/** Watches a load that is under way for the time the plan says. */
export async function timed(plan: Plan, load: Load): Promise<Figures> {
  const { seconds, brokerPid, signal } = plan;
  const wait = (share: number): Promise<void> => Promise.race([load.failed, pause(seconds * share, signal)]);
  plan.progress('warming up');
  let start = { meter: new Meter(brokerPid), sent: load.sent, heard: load.heardCount };
  await wait(WARM_UP);
  // A run that is ended so early tells of its beginning, for want of anything else.
  if (!signal.aborted) {
    start = { meter: new Meter(brokerPid), sent: load.sent, heard: load.heardCount };
    load.latency.clear();
    load.acknowledgement.clear();
  }

  const reporting = setInterval(() => plan.progress(`${load.heardCount} messages delivered`), 1e3);
  await wait(1 - WARM_UP).finally(() => clearInterval(reporting));

  const used = start.meter.read();
  const heard = load.heardCount - start.heard;
  return {
    published_per_s: Math.round((load.sent - start.sent) / used.seconds),
    delivered_per_s: Math.round(heard / used.seconds),
    broker_cpu_us_per_delivery: microsEach(used.broker, heard),
    generator_cpu_us_per_delivery: microsEach(used.own, heard),
    broker_rss_kb: used.rss,
    latency_ms: load.latency.percentiles,
    ack_latency_ms: load.acknowledgement.percentiles,
  };
}
