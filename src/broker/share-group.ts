/** A Shared Subscription: each message goes to one of its members (MQTT 5.0 section 4.8.2). */
import type { QoS } from '../packet/packet.js';
import type { Extras, Share, Subscriber, Subscription, Ticket } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Tally } from '../session/tally.js';

/** Who is first asked to take a message. */
export const STRATEGIES = ['round-robin', 'sticky', 'least-inflight'] as const;
export type Strategy = (typeof STRATEGIES)[number];

interface Member {
  readonly session: Session;
  readonly subscription: Subscription;
  readonly extras: Extras;
}

export class ShareGroup implements Subscriber, Share {
  /** The filter with its group: `$share/group/filter`. */
  readonly clientId: string;
  /** The router's entry for the group. */
  readonly subscription: Subscription;
  readonly #strategy: Strategy;
  readonly #tally: Tally;
  readonly #members: Member[] = [];
  #turn = 0;

  constructor(name: string, filter: string, strategy: Strategy, tally: Tally) {
    this.clientId = name;
    this.subscription = { subscriber: this, filter, qos: 2, noLocal: false, retainAsPublished: true, identifier: undefined };
    this.#strategy = strategy;
    this.#tally = tally;
  }

  get size(): number {
    return this.#members.length;
  }

  join(session: Session, subscription: Subscription): void {
    const { identifier } = subscription;
    const identifiers = identifier === undefined ? undefined : [identifier];
    this.#members.push({ session, subscription, extras: { identifiers, share: this } });
  }

  leave(session: Session): void {
    const index = this.#members.findIndex((member) => member.session === session);
    if (index >= 0) this.#members.splice(index, 1);
  }

  deliver(message: Message, qos: QoS, retain: boolean): Ticket {
    const member = this.#choose(message, qos);
    if (member === undefined) {
      this.#tally.dropped['no-member']++;
      return 0;
    }
    const { session, subscription, extras } = member;
    const granted = qos < subscription.qos ? qos : subscription.qos;
    return session.deliver(message, granted, retain && subscription.retainAsPublished, extras);
  }

  again(message: Message): void {
    this.deliver(message, message.qos, message.retain);
  }

  /** A member with room first, then one that is connected, then, for what may be queued, one that will come back. */
  #choose(message: Message, qos: QoS): Member | undefined {
    const members = this.#members;
    const first = this.#first(message);
    let connected: Member | undefined;
    let away: Member | undefined;
    for (let i = 0; i < members.length; i++) {
      const at = (first + i) % members.length;
      const member = members[at]!;
      const { session } = member;
      if (session.wire === undefined) {
        if (session.durable) away ??= member;
      } else if (session.hasRoom && session.queue.length === 0) {
        this.#turn = at + 1;
        return member;
      } else {
        connected ??= member;
      }
    }
    return connected ?? (qos > 0 ? away : undefined);
  }

  #first(message: Message): number {
    const count = this.#members.length;
    switch (this.#strategy) {
      case 'round-robin':
        return this.#turn % Math.max(1, count);
      case 'sticky':
        return hash(message.publisher ?? '') % Math.max(1, count);
      case 'least-inflight': {
        let least = 0;
        for (let i = 1; i < count; i++) if (this.#load(i) < this.#load(least)) least = i;
        return least;
      }
    }
  }

  #load(index: number): number {
    const { session } = this.#members[index]!;
    return session.inflight.size + session.queue.length;
  }
}

/** FNV-1a over the UTF-16 units: the same publisher always, different ones spread. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
