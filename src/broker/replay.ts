/** Retained messages on their way to new subscriptions: all of them, in slices, at the pace of who subscribed. */
import type { QoS } from '../packet/packet.js';
import { PLAIN, type Subscription } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import { Queue } from '../util/queue.js';
import type { Kept, Retained } from './retained.js';
import type { Turn } from './turn.js';

/** Messages a session is sent in one turn, so that a flood of them does not hold up everybody else. */
const SLICE = 200;
/** Messages that are read back at a time, and bytes of them. */
const PAGE = 64;
const PAGE_BYTES = 262_144;

/** A message that is retained, and was read back if it had to be. */
interface Found {
  readonly kept: Kept;
  readonly message: Message;
}

interface Replay {
  readonly subscription: Subscription;
  readonly kept: Generator<Kept, void, undefined>;
  readonly found: Queue<Found>;
  isComplete: boolean;
}

export interface ReplayEdges {
  readonly retained: Retained;
  readonly turn: Turn;
  /** ms since the epoch. */
  readonly now: () => number;
  /** A message is retained that has expired. */
  readonly expired: (kept: Kept) => void;
  /** Reads back the messages retained under these topics. */
  readonly read: (topics: readonly string[]) => Promise<(Message | undefined)[]>;
  readonly failed: (session: Session, error: unknown) => void;
}

export class Replays {
  readonly #edges: ReplayEdges;
  /** By session and Topic Filter, one after the other: a session has no more of them than it has subscriptions. */
  readonly #waiting = new Map<Session, Map<string, Replay>>();

  constructor(edges: ReplayEdges) {
    this.#edges = edges;
  }

  /** Subscriptions that are being sent retained messages. */
  get size(): number {
    let size = 0;
    for (const replays of this.#waiting.values()) size += replays.size;
    return size;
  }

  /** Sends what is retained under the subscription's filter: at once as far as one slice goes. */
  start(session: Session, subscription: Subscription): void {
    const kept = this.#edges.retained.match(subscription.filter);
    const replay: Replay = { subscription, kept, found: new Queue(), isComplete: false };
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
    for (const [filter, replay] of replays) {
      for (;;) {
        if (sent === SLICE) return this.#later(session, replays);
        const found = replay.found.peek();
        if (found === undefined) {
          if (replay.isComplete) break;
          if (!this.#find(session, replays, replay)) return;
          continue;
        }
        if (!session.hasRoom || session.queue.length > 0) {
          session.whenRoom = () => this.#later(session, replays);
          return;
        }
        replay.found.shift();
        sent++;
        this.#send(session, replay.subscription, found);
      }
      replays.delete(filter);
    }
    this.#waiting.delete(session);
  }

  /** Takes the next messages out of the store; false where some must be read back first. */
  #find(session: Session, replays: Map<string, Replay>, replay: Replay): boolean {
    const page: Kept[] = [];
    let bytes = 0;
    while (page.length < PAGE && bytes < PAGE_BYTES) {
      const next = replay.kept.next();
      if (next.done === true) {
        replay.isComplete = true;
        break;
      }
      page.push(next.value);
      bytes += next.value.size;
    }
    const absent = page.filter(({ message }) => message === undefined).map(({ topic }) => topic);
    if (absent.length === 0) {
      for (const kept of page) replay.found.push({ kept, message: kept.message! });
      return true;
    }
    this.#edges
      .read(absent)
      .then((messages) => {
        let at = 0;
        for (const kept of page) {
          const message = kept.message ?? messages[at++];
          if (message !== undefined) replay.found.push({ kept, message });
        }
        this.#later(session, replays);
      })
      .catch((error: unknown) => {
        if (this.#waiting.get(session) === replays) this.#waiting.delete(session);
        this.#edges.failed(session, error);
      });
    return false;
  }

  #send(session: Session, { qos, noLocal, identifier }: Subscription, { kept, message }: Found): void {
    if (message.expiresAt <= this.#edges.now()) return this.#edges.expired(kept);
    if (noLocal && message.publisher === session.clientId) return; // [MQTT5-3.8.3-3]
    // What has taken its place since was delivered as it came.
    if (this.#edges.retained.get(kept.topic) !== kept) return;
    const extras = identifier === undefined ? PLAIN : { identifiers: [identifier], share: undefined };
    session.deliver(message, Math.min(message.qos, qos) as QoS, true, extras); // [MQTT-3.3.1-6] [MQTT-3.3.1-8]
  }

  #later(session: Session, replays: Map<string, Replay>): void {
    this.#edges.turn.later(() => this.#go(session, replays));
  }
}
