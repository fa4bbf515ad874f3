/** The generator against a process that answers every message with itself and does nothing else: the generator's own ceiling. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Client } from './client.js';
import { Fleet } from './fleet.js';
import { Load } from './load.js';
import type { Outcome, Plan } from './plan.js';
import { timed } from './timed.js';
import { framesOf } from './topics.js';

export async function sink(plan: Plan): Promise<Outcome> {
  const echo = fork(fileURLToPath(new URL('./echo.js', import.meta.url)), { execArgv: [] });
  try {
    const [port] = (await once(echo, 'message')) as [number];
    const here: Plan = { ...plan, host: '127.0.0.1', port, version: 4, qos: 0, subscribers: plan.publishers };
    const load = new Load({ fan: 1, window: plan.window, pairs: true, rate: plan.rate });
    const fleet = new Fleet(here, load);
    try {
      const clients: Client[] = [];
      for (let i = 0; i < plan.publishers; i++) clients.push(await fleet.join(`sink-${i}`, i));
      const frames = clients.map((_, i) => framesOf(here, i));
      for (const [i, client] of clients.entries()) client.prepare(frames[i]!, 0, plan.window);
      load.start(clients, frames[0]!);
      const { delivered_per_s, generator_cpu_us_per_delivery, latency_ms } = await timed({ ...here, brokerPid: 0 }, load);
      return { figures: { delivered_per_s, generator_cpu_us_per_delivery, latency_ms } };
    } finally {
      load.stop();
      fleet.close();
    }
  } finally {
    echo.kill();
  }
}
