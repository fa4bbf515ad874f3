/** A Shared Subscription: each message goes to one of its members (MQTT 5.0 section 4.8.2). */
import type { QoS } from '../packet/packet.js';
import type { Extras, Subscriber, Subscription, Ticket } from '../session/contracts.js';
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

/** How well a member can take a message now; better is higher. */
const Place = { None: 0, Full: 1, Away: 2, Waiting: 3, Free: 4 } as const;
type Place = (typeof Place)[keyof typeof Place];

export class ShareGroup implements Subscriber {
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

  /** Enters a member, or what it has now in place of what it had. */
  join(session: Session, subscription: Subscription): void {
    const { identifier } = subscription;
    const identifiers = identifier === undefined ? undefined : [identifier];
    const member = { session, subscription, extras: { identifiers, share: this.clientId } };
    const index = this.#indexOf(session);
    if (index >= 0) this.#members[index] = member;
    else this.#members.push(member);
  }

  leave(session: Session): void {
    const index = this.#indexOf(session);
    if (index < 0) return;
    this.#members.splice(index, 1);
    if (index < this.#turn) this.#turn--;
  }

  get durable(): boolean {
    return this.#members.some(({ session }) => session.durable);
  }

  takes(message: Message, qos: QoS): boolean {
    return this.#members.some(({ session, subscription }) => session.takes(message, granted(qos, subscription)));
  }

  deliver(message: Message, qos: QoS, retain: boolean): Ticket {
    const member = this.#choose(message, qos);
    if (member === undefined) {
      this.#tally.dropped['no-member']++;
      return 0;
    }
    const { session, subscription, extras } = member;
    return session.deliver(message, granted(qos, subscription), retain && subscription.retainAsPublished, extras);
  }

  #indexOf(session: Session): number {
    return this.#members.findIndex((member) => member.session === session);
  }

  /** One of those in the best place; of several the first the strategy comes to, or the one with the least to do. */
  #choose(message: Message, qos: QoS): Member | undefined {
    const members = this.#members;
    const isByLoad = this.#strategy === 'least-inflight';
    const first = this.#first(message);
    let best = -1;
    let bestPlace: Place = Place.None;
    for (let i = 0; i < members.length; i++) {
      const at = (first + i) % members.length;
      const place = placeOf(members[at]!, message, qos);
      if (place > bestPlace || (isByLoad && place > Place.None && place === bestPlace && loadOf(members[at]!) < loadOf(members[best]!))) {
        best = at;
        bestPlace = place;
      }
      if (place === Place.Free && !isByLoad) break;
    }
    if (best >= 0) this.#turn = best + 1;
    return members[best];
  }

  /** Where the search begins; who has the least to do is searched for in turn, too, for often several have. */
  #first(message: Message): number {
    const start = this.#strategy === 'sticky' ? hash(message.publisher ?? '') : this.#turn;
    return start % Math.max(1, this.#members.length);
  }
}

function granted(qos: QoS, subscription: Subscription): QoS {
  return qos < subscription.qos ? qos : subscription.qos; // [MQTT5-4.8.2-3]
}

function placeOf({ session, subscription }: Member, message: Message, qos: QoS): Place {
  const { wire, queue } = session;
  if (granted(qos, subscription) === 0) {
    if (wire === undefined) return Place.None;
    return wire.congested ? Place.Full : Place.Free;
  }
  if (wire !== undefined && session.hasRoom && queue.length === 0) return Place.Free;
  if (wire === undefined && !session.durable) return Place.None;
  if (!queue.hasRoomFor(message.size)) return Place.Full;
  return wire === undefined ? Place.Away : Place.Waiting;
}

function loadOf({ session }: Member): number {
  return session.inflight.size + session.queue.length;
}

/** FNV-1a over the UTF-16 units: the same publisher always, different ones spread. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
