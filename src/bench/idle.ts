/** Connections with one subscription each that do nothing: what keeping them costs. */
import { NOBODY } from './client.js';
import { Fleet } from './fleet.js';
import { pause } from './pause.js';
import type { Outcome, Plan } from './plan.js';
import { cpuOf, Meter, rounded, rssOf } from './usage.js';

/** Seconds until what connecting has stirred up has settled, and seconds that are watched then. */
const SETTLING = 3;
const WATCHED = 5;

export async function idle(plan: Plan): Promise<Outcome> {
  const { publishers, qos, window, brokerPid, signal } = plan;
  const fleet = new Fleet(plan, NOBODY);
  const before = brokerPid === 0 ? 0 : rssOf(brokerPid);
  try {
    const began = new Meter(0);
    let next = 0;
    const connect = async (): Promise<void> => {
      while (next < publishers && !signal.aborted) {
        const i = next++;
        const client = await fleet.join(`idle-${i}`, 0);
        await client.subscribe(qos, `bench/idle/${i}`);
      }
    };
    await Promise.all(Array.from({ length: Math.min(window, publishers) }, connect));
    const { seconds } = began.read();
    const connections = fleet.size;
    const connecting = { connections, connect_per_s: Math.round(connections / seconds) };
    if (brokerPid === 0) {
      plan.progress(`${connections} connections are open`);
      await pause(SETTLING + WATCHED, signal);
      return { figures: connecting };
    }

    plan.progress(`${connections} connections are open, settling`);
    await pause(SETTLING, signal);
    const cpuBefore = cpuOf(brokerPid);
    const watched = new Meter(0);
    plan.progress(`${connections} connections are open, watching`);
    await pause(WATCHED, signal);
    const cpu = cpuOf(brokerPid) - cpuBefore;
    const after = rssOf(brokerPid);
    return {
      figures: {
        ...connecting,
        rss_kb_before: before,
        rss_kb_after: after,
        kb_per_connection: rounded((after - before) / connections, 2),
        idle_cpu_percent: rounded((cpu / Math.max(watched.read().seconds, 1e-3)) * 100, 2),
      },
    };
  } finally {
    fleet.close();
  }
}
