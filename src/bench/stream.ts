/** Messages that flow from publishers to subscribers for a while: p2p, fanout, fanin, shared and latency. */
import type { Client } from './client.js';
import { unretain } from './fill.js';
import { Fleet } from './fleet.js';
import { Load } from './load.js';
import { settle } from './pause.js';
import type { Outcome, Plan } from './plan.js';
import { timed } from './timed.js';
import { filterOf, framesOf, topicOf } from './topics.js';

/** Seconds without any progress after which what is outstanding counts as lost. */
const PATIENCE = 5;

export async function stream(plan: Plan): Promise<Outcome> {
  const { scenario, publishers: P, subscribers: S, qos, rate, window, persistent, retained } = plan;
  const pairs = scenario === 'p2p' || scenario === 'latency';
  const fan = pairs ? S / P : scenario === 'shared' ? 1 : S;
  const load = new Load({ fan, window, pairs, rate });
  const fleet = new Fleet(plan, load);
  try {
    if (persistent) await fleet.forget(S);
    const publishers: Client[] = [];
    for (let i = 0; i < P; i++) publishers.push(await fleet.join(`pub-${i}`, i));
    for (let i = 0; i < S; i++) {
      const client = persistent ? await fleet.resume(i, i % P) : await fleet.join(`sub-${i}`, i % P);
      await client.subscribe(qos, filterOf(plan, i % P));
    }
    await fleet.openFilters();
    await fleet.openSlow();
    const frames = publishers.map((_, i) => framesOf(plan, i));
    for (const [i, publisher] of publishers.entries()) publisher.prepare(frames[i]!, qos, window);

    load.start(publishers, frames[0]!);
    const figures = await timed(plan, load);
    load.stop();
    plan.progress('waiting for what is on its way');
    const settled = settle(
      () => load.outstanding <= 0 && load.unsettled === 0,
      () => load.heardCount - load.unsettled,
      PATIENCE,
    );
    await Promise.race([load.failed, settled]);
    return { figures: { ...figures, lost: Math.max(0, load.outstanding) }, failure: failureOf(load) };
  } finally {
    load.stop();
    fleet.close();
    if (persistent) await fleet.forget(S).catch(() => {});
    if (retained) for (let i = 0; i < P; i++) await unretain(plan, topicOf(plan, i), plan.topics).catch(() => {});
  }
}

function failureOf({ outstanding, unsettled, heardCount }: Load): string | undefined {
  if (outstanding > 0) return `${outstanding} messages of ${heardCount + outstanding} were lost`;
  if (outstanding < 0) return `${-outstanding} messages came that were not sent`;
  if (unsettled > 0) return `${unsettled} messages were not acknowledged`;
  return undefined;
}
