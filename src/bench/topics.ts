/** Which topics a scenario publishes to, and the filters that find them. */
import { Frames, type FrameOptions } from './frames.js';
import type { Plan } from './plan.js';

/** Bytes that a publisher has at hand at most: what one write takes. */
const FRAMES_SIZE = 65_536;
/** The same where there are many publishers. */
const SMALL_FRAMES_SIZE = 16_384;
const MANY = 200;

/** What publisher `index` publishes to: a name, or where it has several what comes before their numbers. */
export function topicOf(plan: Plan, index: number): string {
  const name = plan.scenario === 'fanout' ? 'bench/t/all' : `bench/t/${index}`;
  return isNumbered(plan) ? `${name}/` : name;
}

function isNumbered({ topics, retained }: Plan): boolean {
  return topics > 1 || retained;
}

/** What the subscribers of publisher `index` subscribe to. */
export function filterOf(plan: Plan, index: number): string {
  switch (plan.scenario) {
    case 'fanin':
      return 'bench/t/#';
    case 'shared':
      return '$share/bench/bench/t/#';
    default:
      return isNumbered(plan) ? `${topicOf(plan, index)}+` : topicOf(plan, index);
  }
}

export function framesOf(plan: Plan, index: number): Frames {
  const { payload, qos, retained, version, topics, publishers, subscribers, window } = plan;
  const numbering = isNumbered(plan) ? { first: 0, stride: 1, topics } : undefined;
  const options: FrameOptions = { topic: topicOf(plan, index), numbering, payload, qos, retain: retained, version, copies: 1 };
  const { size } = new Frames(options);
  const most = Math.floor((publishers + subscribers > MANY ? SMALL_FRAMES_SIZE : FRAMES_SIZE) / size);
  return new Frames({ ...options, copies: Math.max(1, Math.min(most, window)) });
}
