/** The broker: sessions, routing and retained messages behind the rules of each connection. Hot: publish. */
import type { Connect, SubscriptionRequest, Will } from '../packet/packet.js';
import { Publish } from '../packet/publish.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import type { ConnectOutcome, Journal, Server, SessionLimits, Subscription, Ticket, Wire } from '../session/contracts.js';
import { Message } from '../session/message.js';
import { Session, type SessionSurroundings } from '../session/session.js';
import type { CloseReason, DropReason, Tally } from '../session/tally.js';
import { hasWildcard, levels } from '../topic/name.js';
import type { Wheel } from '../util/wheel.js';
import type { Limits, Log } from './contracts.js';
import { Hooks, type Gates } from './hooks.js';
import { Listener, type MessageListener } from './listener.js';
import { Replays } from './replay.js';
import { Retained } from './retained.js';
import { Router } from './router.js';
import { NEVER, Sessions } from './sessions.js';
import type { Stats } from './stats.js';
import type { Turn } from './turn.js';

/** Levels of a filter with wildcards at most: more than any naming scheme has, few enough to match against quickly. */
const MAX_WILDCARD_LEVELS = 256;

const DOLLAR = 0x24;

export interface BrokerParts {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly wheel: Wheel;
  readonly log: Log;
  /** A client identifier nobody else has. */
  readonly identify: () => string;
}

export class Broker implements Server {
  readonly tally: Tally;
  readonly hooks: Hooks;
  readonly sessions: Sessions;
  readonly retained: Retained;
  readonly router = new Router();
  readonly replays: Replays;
  readonly #parts: BrokerParts;
  readonly #surroundings: SessionSurroundings;
  readonly #startedAt: number;
  #stopping = false;
  /** CONNECTs that have come. */
  #arrivals = 0;

  constructor(parts: BrokerParts) {
    const { limits, tally, journal, turn, wheel } = parts;
    this.#parts = parts;
    this.tally = tally;
    this.hooks = new Hooks((where, error) => this.bug(where, error));
    this.sessions = new Sessions(wheel);
    this.retained = new Retained(limits.maxRetainedMessages, limits.maxRetainedBytes);
    this.replays = new Replays(this.retained, turn);
    this.#surroundings = { limits: limits satisfies SessionLimits, journal, tally };
    this.#startedAt = wheel.now;
  }

  connect(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): void {
    const arrival = ++this.#arrivals;
    const gate = this.hooks.gates.connect;
    const verdict = gate === undefined ? true : this.#judge(gate, connect, wire);
    const decide = (decision: true | ReasonCode): void => {
      if (wire.closed) return;
      if (decision !== true) return answer({ refused: decision, because: 'the connect gate refused' });
      // A gate may answer the older of two connections last: that one must not take the session from the newer.
      const newest = this.sessions.get(connect.clientId)?.arrival ?? 0;
      if (newest > arrival) return wire.close('taken-over', 'a connection that came later has its session');
      answer(this.#admit(connect, wire, arrival));
    };
    if (!(verdict instanceof Promise)) return decide(verdict);
    verdict.then(decide).catch((error: unknown) => {
      this.bug('a connect', error);
      wire.close('internal-error');
    });
  }

  connected(session: Session, wire: Wire, sessionPresent: boolean): void {
    const { clientId, username } = session;
    this.hooks.emit('connected', { clientId, username, remoteAddress: wire.vitals.remoteAddress, sessionPresent });
  }

  publish(message: Message, publisher: Session): Ticket {
    const gate = this.hooks.gates.publish;
    if ((gate !== undefined && !gate(message, publisher)) || isOwnTopic(message.topic)) {
      this.#dropped('not-authorized');
      return 0;
    }
    return this.route(message);
  }

  /** Keeps the message if it is to be retained, and delivers it to everybody who hears its topic. */
  route(message: Message): Ticket {
    let ticket = message.retain ? this.#retain(message) : 0;
    const audience = this.router.audience(message.topic);
    for (let i = 0; i < audience.length; i++) {
      const { subscriber, qos } = audience[i]!;
      try {
        const needed = subscriber.deliver(message, message.qos < qos ? message.qos : qos, false);
        if (needed > ticket) ticket = needed;
      } catch (error) {
        // The publisher and the rest of the audience have no part in it.
        this.bug(`a delivery to ${subscriber.clientId}`, error);
        this.sessions.get(subscriber.clientId)?.wire?.close('internal-error');
      }
    }
    return ticket;
  }

  subscribe(session: Session, requests: readonly SubscriptionRequest[]): { reasonCodes: ReasonCode[]; ticket: Ticket } {
    let ticket = 0;
    const reasonCodes = requests.map((request): ReasonCode => {
      const refusal = this.#refusal(session, request);
      if (refusal !== undefined) return refusal;
      const { filter, qos } = request;
      const subscription: Subscription = { subscriber: session, filter, qos };
      this.restoreSubscription(session, subscription);
      if (session.durable) ticket = Math.max(ticket, this.#parts.journal.subscribed(session, subscription));
      this.hooks.emit('subscribed', { clientId: session.clientId, filter, qos });
      return qos;
    });
    return { reasonCodes, ticket };
  }

  /** Enters a subscription in place of the one with the same filter, if there is one [MQTT-3.8.4-3]. */
  restoreSubscription(session: Session, subscription: Subscription): void {
    const replaced = session.subscriptions.get(subscription.filter);
    if (replaced !== undefined) this.router.remove(replaced);
    session.subscriptions.set(subscription.filter, subscription);
    this.router.add(subscription);
  }

  replay(session: Session, requests: readonly SubscriptionRequest[], granted: readonly ReasonCode[]): void {
    for (const [i, { filter }] of requests.entries()) {
      const subscription = session.subscriptions.get(filter);
      if (subscription !== undefined && !isRefusal(granted[i]!)) this.replays.start(session, subscription);
    }
  }

  unsubscribe(session: Session, filters: readonly string[]): { reasonCodes: ReasonCode[]; ticket: Ticket } {
    let ticket = 0;
    const reasonCodes = filters.map((filter): ReasonCode => {
      const subscription = session.subscriptions.get(filter); // [MQTT-3.10.4-1] the same characters, or no match
      if (subscription === undefined) return ReasonCode.NoSubscriptionExisted;
      session.subscriptions.delete(filter);
      this.router.remove(subscription);
      this.replays.stop(session, filter);
      if (session.durable) ticket = Math.max(ticket, this.#parts.journal.unsubscribed(session, filter));
      this.hooks.emit('unsubscribed', { clientId: session.clientId, filter });
      return ReasonCode.Success;
    });
    return { reasonCodes, ticket };
  }

  disconnect(session: Session, reason: CloseReason): void {
    const { will } = session;
    session.will = undefined;
    session.suspend();
    this.sessions.detached();
    if (will !== undefined) this.#publishWill(will, session); // [MQTT-3.1.2-8]
    if (session.durable) this.#detach(session);
    else this.#forget(session); // [MQTT-3.1.2-6]
    // Told when it is so: who hears of it may do anything.
    this.hooks.emit('disconnected', { clientId: session.clientId, reason });
    if (!session.durable) this.#tellEnd(session);
  }

  /** Adds a subscriber of this process. @returns what ends it. */
  listen(filter: string, listener: MessageListener): () => void {
    const subscriber = new Listener('', listener, this.#parts.turn, (where, error) => this.bug(where, error));
    const subscription: Subscription = { subscriber, filter, qos: 2 };
    for (const message of this.retained.match(filter)) subscriber.deliver(message, message.qos);
    this.router.add(subscription);
    return () => {
      subscriber.end();
      this.router.remove(subscription);
    };
  }

  /** Closes the connection of a client; whether it had one. */
  kick(clientId: string): boolean {
    const wire = this.sessions.get(clientId)?.wire;
    wire?.close('kicked', 'an operator asked for it');
    return wire !== undefined;
  }

  /** Enters a session as a restart finds it: without a connection, until `expiresAt` (ms since the epoch). */
  restoreSession(clientId: string, createdAt: number, expiresAt: number): Session {
    const session = new Session(clientId, true, createdAt, this.#surroundings);
    this.sessions.add(session);
    this.sessions.expire(session, expiresAt, () => this.#end(session));
    return session;
  }

  /** From now on nobody is let in. */
  stop(): void {
    this.#stopping = true;
  }

  /** A fault of ours, or of a function we were given: counted and logged; what it happened to is up to who caught it. */
  bug(where: string, error: unknown): void {
    this.tally.bugs++;
    this.#parts.log.error({ err: error }, `${where} failed`);
  }

  stats(): Stats {
    const { tally, sessions, retained } = this;
    return {
      startedAt: this.#startedAt,
      connections: { open: tally.connectionsOpen, total: tally.connectionsTotal },
      sessions: { connected: sessions.connected, disconnected: sessions.size - sessions.connected },
      subscriptions: this.router.size,
      retained: { messages: retained.size, bytes: retained.bytes },
      queued: { messages: tally.queuedMessages, bytes: tally.queuedBytes },
      received: { messages: tally.messagesReceived, packets: tally.packetsReceived, bytes: tally.bytesReceived },
      sent: { messages: tally.messagesSent, packets: tally.packetsSent, bytes: tally.bytesSent },
      dropped: { ...tally.dropped },
      closed: { ...tally.closed },
      bugs: tally.bugs,
    };
  }

  /** Asks the connect gate; it may answer later, and one that fails refuses. */
  #judge(gate: Gates['connect'], connect: Connect, wire: Wire): true | ReasonCode | Promise<true | ReasonCode> {
    const { clientId, username, password, clean, keepAlive, version, will } = connect;
    const { remoteAddress } = wire.vitals;
    const failed = (error: unknown): ReasonCode => {
      this.bug('the connect gate', error);
      return ReasonCode.ServerUnavailable;
    };
    try {
      const verdict = gate({ clientId, username, password, clean, keepAlive, version, will, remoteAddress });
      return verdict instanceof Promise ? verdict.then(checked).catch(failed) : checked(verdict);
    } catch (error) {
      return failed(error);
    }
  }

  /** Finds or makes the session of a CONNECT that may come in (MQTT 3.1.1 sections 3.1.2.4 and 3.1.4). */
  #admit(connect: Connect, wire: Wire, arrival: number): ConnectOutcome {
    const { limits, journal } = this.#parts;
    const clientId = connect.clientId === '' ? this.#parts.identify() : connect.clientId; // [MQTT-3.1.3-6]
    let session = this.sessions.get(clientId);
    if (this.#stopping) return { refused: ReasonCode.ServerShuttingDown, because: 'the broker is stopping' };
    if (session?.wire === undefined && this.sessions.connected >= limits.maxConnections) {
      return { refused: ReasonCode.ServerBusy, because: 'as many clients are connected as are allowed' };
    }
    if (session === undefined && this.sessions.size >= limits.maxSessions) {
      return { refused: ReasonCode.QuotaExceeded, because: 'there are as many sessions as are allowed' };
    }
    session?.wire?.close('taken-over', 'another connection came with its client identifier'); // [MQTT-3.1.4-2]
    // Whoever was told of that may have closed this connection too.
    if (wire.closed) return { refused: ReasonCode.ServerShuttingDown, because: 'the broker is stopping' };
    session = this.sessions.get(clientId);
    let ticket = 0;
    if (session !== undefined && connect.clean) {
      ticket = this.#end(session);
      session = undefined;
    }
    const sessionPresent = session !== undefined; // [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    if (session === undefined) {
      session = new Session(clientId, !connect.clean, this.#parts.wheel.now, this.#surroundings);
      this.sessions.add(session);
    }
    session.arrival = arrival;
    this.sessions.attached(session);
    if (session.durable) ticket = journal.opened(session);
    return { session, sessionPresent, ticket };
  }

  #refusal(session: Session, request: SubscriptionRequest): ReasonCode | undefined {
    const { filter } = request;
    const gate = this.hooks.gates.subscribe;
    if (gate !== undefined && !gate(request, session)) return ReasonCode.NotAuthorized;
    // A gate, or a listener that heard of the filter before, may have ended the session.
    if (this.sessions.get(session.clientId) !== session) return ReasonCode.UnspecifiedError;
    const { maxSubscriptions } = this.#parts.limits;
    if (session.subscriptions.size >= maxSubscriptions && !session.subscriptions.has(filter)) return ReasonCode.QuotaExceeded;
    if (hasWildcard(filter) && levels(filter) > MAX_WILDCARD_LEVELS) return ReasonCode.QuotaExceeded;
    return undefined;
  }

  #retain(message: Message): Ticket {
    const { journal } = this.#parts;
    if (message.payloadLength > 0) {
      if (this.retained.set(message)) return journal.retained(message);
      this.#dropped('retained-full'); // and what the topic had is out of date [MQTT-3.3.1-7]
    }
    return this.retained.delete(message.topic) ? journal.unretained(message.topic) : 0;
  }

  #publishWill(will: Will, session: Session): void {
    const message = new Message(Publish.of(will));
    const gate = this.hooks.gates.will;
    if ((gate !== undefined && !gate(message, session)) || isOwnTopic(message.topic)) this.#dropped('not-authorized');
    else this.route(message);
  }

  #detach(session: Session): void {
    const { limits, wheel, journal } = this.#parts;
    const expiresAt = limits.sessionExpiry === NEVER ? Infinity : wheel.now + limits.sessionExpiry * 1_000;
    journal.detached(session, expiresAt);
    this.sessions.expire(session, expiresAt, () => this.#end(session));
  }

  #end(session: Session): Ticket {
    const ticket = this.#forget(session);
    this.#tellEnd(session);
    return ticket;
  }

  #tellEnd({ clientId }: Session): void {
    this.hooks.emit('sessionEnded', { clientId });
  }

  #forget(session: Session): Ticket {
    const ticket = session.durable ? this.#parts.journal.closed(session) : 0;
    for (const subscription of session.subscriptions.values()) this.router.remove(subscription);
    session.subscriptions.clear();
    this.replays.forget(session);
    this.sessions.delete(session);
    session.end();
    return ticket;
  }

  #dropped(reason: DropReason): void {
    this.tally.dropped[reason]++;
  }
}

/** `$SYS` is where a broker speaks of itself; nobody else does (MQTT 3.1.1 section 4.7.2). */
function isOwnTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR && topic.startsWith('$SYS/');
}

/** Gates come from elsewhere, perhaps without types: nothing but `true` and a refusal is an answer. */
function checked(verdict: true | ReasonCode): true | ReasonCode {
  if (verdict === true || isRefusal(verdict)) return verdict;
  throw new TypeError('a connect gate must answer true or a reason code of 0x80 and above');
}
