/** Wills: on record while their client is connected, and published when its connection has ended (MQTT 3.1.1 section 3.1.2.5). */
import type { Will } from '../packet/packet.js';
import { Publish } from '../packet/publish.js';
import type { Journal, PendingWill, Ticket } from '../session/contracts.js';
import { Message } from '../session/message.js';
import type { Session } from '../session/session.js';
import type { Tally } from '../session/tally.js';
import { isSysTopic } from '../topic/name.js';
import type { Wheel } from '../util/wheel.js';
import { DelayedWills } from './delayed-wills.js';
import type { Asker, Hooks } from './hooks.js';
import type { Sessions } from './sessions.js';

export interface WillsParts {
  readonly journal: Journal;
  readonly wheel: Wheel;
  readonly hooks: Hooks;
  readonly sessions: Sessions;
  readonly tally: Tally;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Delivers a Will that may be published. */
  readonly route: (message: Message) => void;
}

export class Wills {
  readonly #parts: WillsParts;
  readonly #delayed: DelayedWills;
  /** Those that were on record at the start. */
  #found: { readonly clientId: string; readonly found: PendingWill }[] = [];
  #stopping = false;

  constructor(parts: WillsParts) {
    this.#parts = parts;
    this.#delayed = new DelayedWills(parts.wheel);
  }

  /** The client is connected, and has a Will. */
  file(will: Will, session: Session, username: string | undefined): Ticket {
    const { clientId, expiryInterval } = session;
    const ticket = this.#parts.journal.willed(clientId, { will, username, expiryInterval, dueAt: Infinity });
    session.isWillFiled = true;
    return ticket;
  }

  /** The client is back: what waits for its delay will not be published. */
  cancel(session: Session): void {
    this.#delayed.cancel(session);
    this.discard(session);
  }

  /** The Will of a connection that is over will not be published. */
  discard(session: Session): void {
    if (!session.isWillFiled) return;
    session.isWillFiled = false;
    this.#parts.journal.unwilled(session.clientId);
  }

  /** Publishes a Will when it is due: now, after its delay, or when the session ends, whichever comes first [MQTT5-3.1.3-9]. */
  schedule(will: Will, session: Session): void {
    const delay = Math.min(will.properties?.willDelayInterval ?? 0, session.expiryInterval);
    const publish = (): void => this.#publish(will, session, session);
    if (delay === 0 || this.#stopping) return publish();
    const dueAt = this.#parts.now() + delay * 1_000;
    const { clientId, username, expiryInterval } = session;
    this.#parts.journal.willed(clientId, { will, username, expiryInterval, dueAt });
    this.#delayed.delay(session, dueAt, publish);
  }

  /** The session ends: what waits for its delay is published now. */
  settle(session: Session): void {
    this.#delayed.settle(session);
  }

  /** Enters a Will as a restart finds it: what becomes of it is decided by {@link begin}. */
  restore(clientId: string, found: PendingWill): void {
    this.#found.push({ clientId, found });
  }

  /** Everything is restored, and whoever has a say is here: Wills of connections that ended with the last process take their course. */
  begin(): void {
    const { sessions, now } = this.#parts;
    for (const { clientId, found } of this.#found.splice(0)) {
      const { will, username, dueAt, expiryInterval } = found;
      const session = sessions.get(clientId);
      const publisher = { clientId, username };
      if (session === undefined) {
        this.#publish(will, publisher);
        continue;
      }
      session.isWillFiled = true;
      session.username = username;
      const wait = Math.min(will.properties?.willDelayInterval ?? 0, expiryInterval) * 1_000;
      const due = dueAt === Infinity ? now() + wait : dueAt;
      const publish = (): void => this.#publish(will, publisher, session);
      // What is due is not for a client that comes back at once to cancel.
      if (due <= now()) publish();
      else this.#delayed.delay(session, due, publish);
    }
  }

  /** From now on no Will waits: what a broker that stops has not published nobody will. */
  stop(): void {
    this.#stopping = true;
    this.#delayed.settleAll();
  }

  /** @param session of the client, where it has one still. */
  #publish(will: Will, publisher: Asker, session?: Session): void {
    const { journal, hooks, tally, now, route } = this.#parts;
    if (session === undefined) journal.unwilled(publisher.clientId);
    else this.discard(session);
    const { topic, payload, qos, retain, properties: given } = will;
    const { willDelayInterval: _, ...properties } = given ?? {};
    const version = given === undefined ? 4 : 5;
    const { messageExpiryInterval } = properties;
    const expiresAt = messageExpiryInterval === undefined ? Infinity : now() + messageExpiryInterval * 1_000;
    const message = new Message(Publish.of({ topic, payload, qos, retain, version, properties }), publisher.clientId, expiresAt);
    const gate = hooks.gates.will;
    if ((gate !== undefined && !gate(message, publisher)) || isSysTopic(message.topic)) tally.dropped['not-authorized']++;
    else route(message);
  }
}
