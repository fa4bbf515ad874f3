/** Many retained messages, and subscribers that want them all at once. */
import type { Client } from './client.js';
import { Fill, unretain } from './fill.js';
import { Filled } from './filled.js';
import { Fleet } from './fleet.js';
import type { Outcome, Plan } from './plan.js';
import { Receipts } from './receipts.js';

const TOPIC = 'bench/r/';

export async function retained(plan: Plan): Promise<Outcome> {
  const { subscribers, topics, payload, qos } = plan;
  const receipts = new Receipts();
  const fleet = new Fleet(plan, receipts);
  try {
    const fill = new Fill({ topic: TOPIC, topics, count: topics, payload, retain: true, qos: qos === 2 ? 2 : 1 });
    const filled = await Filled.with(fill, plan, fleet);
    const clients = await Promise.all(Array.from({ length: subscribers }, (_, i) => fleet.join(`sub-${i}`, i)));
    plan.progress('subscribing');
    const ask = async (): Promise<readonly Client[]> => {
      for (const client of clients) await client.subscribe(qos, `${TOPIC}#`);
      return clients;
    };
    return await filled.drain(ask, receipts, subscribers);
  } finally {
    fleet.close();
    await unretain(plan, TOPIC, topics).catch(() => {});
  }
}
