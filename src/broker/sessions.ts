/** Every session there is, by client identifier. */
import type { Session } from '../session/session.js';
import { Timer, type Wheel } from '../util/wheel.js';

/** Session expiry interval that never comes, in seconds (MQTT 5.0 section 3.1.2.11.2). */
export const NEVER = 0xffff_ffff;

export class Sessions {
  readonly #sessions = new Map<string, Session>();
  /** Those that are on record, by their number there. */
  readonly #numbered = new Map<number, Session>();
  /** Only of sessions without a connection that expire. */
  readonly #expiries = new Map<Session, Timer>();
  readonly #wheel: Wheel;
  #connected = 0;

  constructor(wheel: Wheel) {
    this.#wheel = wheel;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get connected(): number {
    return this.#connected;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** The session the journal knows by this number. */
  numbered(number: number): Session | undefined {
    return this.#numbered.get(number);
  }

  add(session: Session): void {
    this.#sessions.set(session.clientId, session);
    if (session.number !== 0) this.#numbered.set(session.number, session);
  }

  delete(session: Session): void {
    this.#stay(session);
    this.#numbered.delete(session.number);
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
  }

  /** The session has a connection. */
  attached(session: Session): void {
    this.#stay(session);
    this.#connected++;
  }

  /** The session has no connection any more. */
  detached(): void {
    this.#connected--;
  }

  /** Ends the session at a time, in ms since the epoch, unless it is attached before. */
  expire(session: Session, at: number, ended: () => void): void {
    this.#stay(session);
    if (at === Infinity) return;
    const timer = new Timer(ended);
    this.#expiries.set(session, timer);
    this.#wheel.schedule(timer, at);
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  #stay(session: Session): void {
    const timer = this.#expiries.get(session);
    if (timer === undefined) return;
    this.#wheel.cancel(timer);
    this.#expiries.delete(session);
  }
}
