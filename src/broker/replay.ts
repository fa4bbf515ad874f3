/** Retained messages on their way to new subscriptions: all of them, in slices, at the pace of who subscribed. */
import type { QoS } from '../packet/packet.js';
import { PLAIN, type Subscription } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Retained } from './retained.js';
import type { Turn } from './turn.js';

/** Messages a session is sent in one turn, so that a flood of them does not hold up everybody else. */
const SLICE = 200;

interface Replay {
  readonly subscription: Subscription;
  readonly messages: Generator<Message, void, undefined>;
}

export class Replays {
  readonly #retained: Retained;
  readonly #turn: Turn;
  readonly #now: () => number;
  readonly #expired: (message: Message) => void;
  /** By session and Topic Filter, one after the other: a session has no more of them than it has subscriptions. */
  readonly #waiting = new Map<Session, Map<string, Replay>>();

  /** @param now ms since the epoch. @param expired is told of a message that is retained and has expired. */
  constructor(retained: Retained, turn: Turn, now: () => number, expired: (message: Message) => void) {
    this.#retained = retained;
    this.#turn = turn;
    this.#now = now;
    this.#expired = expired;
  }

  /** Subscriptions that are being sent retained messages. */
  get size(): number {
    let size = 0;
    for (const replays of this.#waiting.values()) size += replays.size;
    return size;
  }

  /** Sends what is retained under the subscription's filter: at once as far as one slice goes. */
  start(session: Session, subscription: Subscription): void {
    const replay = { subscription, messages: this.#retained.match(subscription.filter) };
    const waiting = this.#waiting.get(session);
    if (waiting !== undefined) {
      waiting.delete(subscription.filter);
      waiting.set(subscription.filter, replay);
      return;
    }
    const fresh = new Map([[subscription.filter, replay]]);
    this.#waiting.set(session, fresh);
    this.#go(session, fresh);
  }

  /** The session has no subscription with this filter any more. */
  stop(session: Session, filter: string): void {
    this.#waiting.get(session)?.delete(filter);
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  #go(session: Session, replays: Map<string, Replay>): void {
    if (this.#waiting.get(session) !== replays) return;
    let sent = 0;
    for (const [filter, { subscription, messages }] of replays) {
      for (; ; sent++) {
        if (sent === SLICE) return this.#later(session, replays);
        if (!session.hasRoom || session.queue.length > 0) {
          session.whenRoom = () => this.#later(session, replays);
          return;
        }
        const next = messages.next();
        if (next.done === true) break;
        this.#send(session, subscription, next.value);
      }
      replays.delete(filter);
    }
    this.#waiting.delete(session);
  }

  #send(session: Session, { qos, noLocal, identifier }: Subscription, message: Message): void {
    if (message.expiresAt <= this.#now()) return this.#expired(message);
    if (noLocal && message.publisher === session.clientId) return; // [MQTT5-3.8.3-3]
    const extras = identifier === undefined ? PLAIN : { identifiers: [identifier], share: undefined };
    session.deliver(message, Math.min(message.qos, qos) as QoS, true, extras); // [MQTT-3.3.1-6] [MQTT-3.3.1-8]
  }

  #later(session: Session, replays: Map<string, Replay>): void {
    this.#turn.later(() => this.#go(session, replays));
  }
}
