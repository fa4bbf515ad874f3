/** Wills whose time has not come: of sessions that lost their connection a while ago (MQTT 5.0 section 3.1.3.2.2). */
import type { Session } from '../session/session.js';
import { Timer, type Wheel } from '../util/wheel.js';

interface Pending {
  readonly timer: Timer;
  readonly publish: () => void;
}

export class DelayedWills {
  readonly #wheel: Wheel;
  /** At most one for each session there is. */
  readonly #pending = new Map<Session, Pending>();

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** @param at ms since the epoch. */
  delay(session: Session, at: number, publish: () => void): void {
    const timer = new Timer(() => this.settle(session));
    this.#pending.set(session, { timer, publish });
    this.#wheel.schedule(timer, at);
  }

  /** The client is back in time [MQTT5-3.1.3-9]. */
  cancel(session: Session): void {
    const pending = this.#pending.get(session);
    if (pending === undefined) return;
    this.#wheel.cancel(pending.timer);
    this.#pending.delete(session);
  }

  /** The session ends, or the time is up: the Will is published now. */
  settle(session: Session): void {
    const pending = this.#pending.get(session);
    if (pending === undefined) return;
    this.cancel(session);
    pending.publish();
  }

  /** Nobody waits any more. */
  settleAll(): void {
    for (const session of this.#pending.keys()) this.settle(session);
  }
}
