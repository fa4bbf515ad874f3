/** Retained messages on their way to new subscriptions: all of them, in slices, at the pace of who subscribed. */
import type { QoS } from '../packet/packet.js';
import type { Subscription } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import { Queue } from '../util/queue.js';
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
  /** By session, one after the other; a session has at most as many as it has subscriptions. */
  readonly #waiting = new Map<Session, Queue<Replay>>();

  constructor(retained: Retained, turn: Turn) {
    this.#retained = retained;
    this.#turn = turn;
  }

  /** Sessions that are being sent retained messages. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Sends what is retained under the subscription's filter: at once as far as one slice goes. */
  start(session: Session, subscription: Subscription): void {
    const replay = { subscription, messages: this.#retained.match(subscription.filter) };
    const waiting = this.#waiting.get(session);
    if (waiting !== undefined) {
      waiting.push(replay);
      return;
    }
    const fresh = new Queue<Replay>();
    fresh.push(replay);
    this.#waiting.set(session, fresh);
    this.#go(session, fresh);
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  #go(session: Session, replays: Queue<Replay>): void {
    if (this.#waiting.get(session) !== replays) return;
    for (let sent = 0; sent < SLICE; ) {
      const replay = replays.peek();
      if (replay === undefined) {
        this.#waiting.delete(session);
        return;
      }
      if (!session.hasRoom || session.queue.length > 0) {
        session.whenRoom = () => this.#later(session, replays);
        return;
      }
      if (this.#send(session, replay)) sent++;
      else replays.shift();
    }
    this.#later(session, replays);
  }

  #later(session: Session, replays: Queue<Replay>): void {
    this.#turn.later(() => this.#go(session, replays));
  }

  /** Sends the next message; false where there is none, or nobody wants it any more. */
  #send(session: Session, { subscription, messages }: Replay): boolean {
    if (session.subscriptions.get(subscription.filter) !== subscription) return false;
    const next = messages.next();
    if (next.done === true) return false;
    const message = next.value;
    session.deliver(message, Math.min(message.qos, subscription.qos) as QoS, true); // [MQTT-3.3.1-6] [MQTT-3.3.1-8]
    return true;
  }
}
