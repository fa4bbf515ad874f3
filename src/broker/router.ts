/** Who hears a topic. Hot. */
import type { QoS } from '../packet/packet.js';
import { PLAIN, type Extras, type Subscriber, type Subscription } from '../session/contracts.js';
import { FilterTree } from '../topic/filter-tree.js';
import { hasWildcard } from '../topic/name.js';

/** One subscriber of a topic, once, at the highest QoS granted by all its filters that match [MQTT-3.3.5-1]. */
export interface Route {
  readonly subscriber: Subscriber;
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly extras: Extras;
  /** Whether No Local takes filters away from it where the subscriber is the publisher. */
  readonly noLocal: boolean;
  /** What is left then, if anything. */
  readonly foreign: Route | undefined;
}

export type Audience = readonly Route[];

const NOBODY: Audience = [];

export class Router {
  readonly #subscriptions = new FilterTree<Subscription>();
  /** Audiences of topics heard lately: the answer does not change until a subscription does. */
  #audiences = new Map<string, Audience>();
  readonly #maxAudiences: number;

  /** @param maxAudiences how many topics are remembered; when there are more all are forgotten. */
  constructor(maxAudiences = 16_384) {
    this.#maxAudiences = maxAudiences;
  }

  /** Subscriptions in all. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** Audiences remembered. */
  get remembered(): number {
    return this.#audiences.size;
  }

  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription.filter, subscription);
    this.#forget(subscription.filter);
  }

  remove(subscription: Subscription): void {
    this.#subscriptions.remove(subscription.filter, subscription);
    this.#forget(subscription.filter);
  }

  /** Everybody who hears a topic. The array is shared and never changes. */
  audience(topic: string): Audience {
    const known = this.#audiences.get(topic);
    if (known !== undefined) return known;
    const audience = this.#find(topic);
    if (this.#audiences.size >= this.#maxAudiences) this.#audiences = new Map();
    this.#audiences.set(topic, audience);
    return audience;
  }

  #find(topic: string): Audience {
    const matching: Subscription[] = [];
    this.#subscriptions.match(topic, matching);
    if (matching.length === 0) return NOBODY;
    const bySubscriber = new Map<Subscriber, Subscription[]>();
    for (const subscription of matching) {
      const known = bySubscriber.get(subscription.subscriber);
      if (known === undefined) bySubscriber.set(subscription.subscriber, [subscription]);
      else known.push(subscription);
    }
    return Array.from(bySubscriber.values(), routeOf);
  }

  /** A filter without wildcards changes the audience of one topic, any other may change all. */
  #forget(filter: string): void {
    if (!hasWildcard(filter)) this.#audiences.delete(filter);
    else if (this.#audiences.size > 0) this.#audiences = new Map();
  }
}

/** The route through one subscriber's subscriptions that match. */
function routeOf(subscriptions: readonly Subscription[]): Route {
  if (!subscriptions.some(({ noLocal }) => noLocal)) return merged(subscriptions);
  const others = subscriptions.filter(({ noLocal }) => !noLocal);
  return { ...merged(subscriptions), noLocal: true, foreign: others.length === 0 ? undefined : merged(others) };
}

function merged(subscriptions: readonly Subscription[]): Route {
  const { subscriber } = subscriptions[0]!;
  let qos: QoS = 0;
  let retainAsPublished = false;
  const identifiers: number[] = [];
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos;
    if (subscription.retainAsPublished) retainAsPublished = true;
    if (subscription.identifier !== undefined) identifiers.push(subscription.identifier);
  }
  const extras = identifiers.length === 0 ? PLAIN : { identifiers, share: undefined };
  return { subscriber, qos, retainAsPublished, extras, noLocal: false, foreign: undefined };
}
