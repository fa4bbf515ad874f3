/** Which session hears what: the router's entries of every session, Shared Subscriptions among them. */
import type { Subscription } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Tally } from '../session/tally.js';
import { filterOf } from '../topic/name.js';
import type { Router } from './router.js';
import { ShareGroup, type Strategy } from './share-group.js';

export class Subscriptions {
  readonly #router: Router;
  readonly #strategy: Strategy;
  readonly #tally: Tally;
  /** By group and filter; each has a member at least. */
  readonly #groups = new Map<string, ShareGroup>();

  constructor(router: Router, strategy: Strategy, tally: Tally) {
    this.#router = router;
    this.#strategy = strategy;
    this.#tally = tally;
  }

  /** Shared Subscriptions there are. */
  get groups(): number {
    return this.#groups.size;
  }

  /** All there are, those of listeners in this process among them: each member of a Shared Subscription has one. */
  get size(): number {
    let size = this.#router.size - this.#groups.size;
    for (const group of this.#groups.values()) size += group.size;
    return size;
  }

  /** Enters a subscription in place of the session's with the same filter [MQTT-3.8.4-3]; whether there was none. */
  add(session: Session, subscription: Subscription): boolean {
    const replaced = session.subscriptions.get(subscription.filter);
    session.subscriptions.set(subscription.filter, subscription);
    const { filter, share } = filterOf(subscription.filter);
    if (share !== undefined) {
      this.#group(subscription.filter, filter).join(session, subscription);
    } else {
      if (replaced !== undefined) this.#router.remove(replaced);
      this.#router.add(subscription);
    }
    return replaced === undefined;
  }

  /** Whether there was one. */
  remove(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) return false;
    session.subscriptions.delete(filter);
    const group = this.#groups.get(filter);
    if (group === undefined) this.#router.remove(subscription);
    else this.#leave(group, session);
    return true;
  }

  removeAll(session: Session): void {
    for (const filter of session.subscriptions.keys()) this.remove(session, filter);
  }

  /** Gives a message to a member of a Shared Subscription once more. @param share its filter with the group. */
  again(share: string, message: Message): void {
    const group = this.#groups.get(share);
    if (group === undefined) this.#tally.dropped['no-member']++;
    else group.deliver(message, message.qos, message.retain);
  }

  #group(name: string, filter: string): ShareGroup {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = new ShareGroup(name, filter, this.#strategy, this.#tally);
    this.#groups.set(name, group);
    this.#router.add(group.subscription);
    return group;
  }

  #leave(group: ShareGroup, session: Session): void {
    group.leave(session);
    if (group.size > 0) return;
    this.#groups.delete(group.clientId);
    this.#router.remove(group.subscription);
  }
}
