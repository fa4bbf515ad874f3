/** A plan → what came of it. */
import { conn } from './conn.js';
import { drain } from './drain.js';
import { idle } from './idle.js';
import type { Outcome, Plan, Scenario } from './plan.js';
import { retained } from './retained.js';
import { sink } from './sink.js';
import { stream } from './stream.js';

const RUNS: Readonly<Record<Scenario, (plan: Plan) => Promise<Outcome>>> = {
  p2p: stream,
  fanout: stream,
  fanin: stream,
  shared: stream,
  latency: stream,
  conn,
  idle,
  drain,
  retained,
  sink,
};

/** @throws BenchError where the broker cannot be reached, refuses or hangs up. */
export async function run(plan: Plan): Promise<Outcome> {
  const { scenario, version: v, publishers: pubs, subscribers: subs, qos, payload: bytes, window, rate } = plan;
  const { figures, failure } = await RUNS[scenario](plan);
  return { figures: { mode: scenario, v, pubs, subs, qos, bytes, window, rate, ...figures }, failure };
}
