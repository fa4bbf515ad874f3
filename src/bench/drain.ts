/** Sessions that are away while messages are published for them, and come back for them. */
import type { Client } from './client.js';
import { Fill } from './fill.js';
import { Filled } from './filled.js';
import { Fleet } from './fleet.js';
import type { Outcome, Plan } from './plan.js';
import { Receipts } from './receipts.js';
import { topicName } from './frames.js';

/** Sessions that come back at the same time. */
const AT_ONCE = 50;
const TOPIC = 'bench/d/';

export async function drain(plan: Plan): Promise<Outcome> {
  const { subscribers: S, queue, payload } = plan;
  const qos = plan.qos === 2 ? 2 : 1;
  const receipts = new Receipts();
  const fleet = new Fleet(plan, receipts);
  try {
    plan.progress('preparing sessions');
    await fleet.forget(S);
    for (let i = 0; i < S; i++) {
      const client = await fleet.resume(i, i);
      await client.subscribe(qos, topicName(TOPIC, i));
      fleet.leave(client);
    }

    const fill = new Fill({ topic: TOPIC, topics: S, count: S * queue, payload, retain: false, qos });
    const filled = await Filled.with(fill, plan, fleet);
    plan.progress('draining');
    const comeBack = async (): Promise<readonly Client[]> => {
      const clients: Client[] = [];
      for (let first = 0; first < S; first += AT_ONCE) {
        const some = Array.from({ length: Math.min(AT_ONCE, S - first) }, (_, i) => fleet.resume(first + i, first + i));
        clients.push(...(await Promise.all(some)));
      }
      return clients;
    };
    return await filled.drain(comeBack, receipts, 1);
  } finally {
    fleet.close();
    await fleet.forget(S).catch(() => {});
  }
}
