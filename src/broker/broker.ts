/** The broker: sessions, routing and retained messages behind the rules of each connection. Hot: publish. */
import type { Connect, SubscriptionRequest } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { ReasonCode } from '../packet/reason-code.js';
import type {
  Attempt,
  AuthOutcome,
  ConnectOutcome,
  Journal,
  Offer,
  Server,
  SessionLimits,
  SubscribeOutcome,
  Subscription,
  Ticket,
  Wire,
} from '../session/contracts.js';
import type { Message } from '../session/message.js';
import { Session, type SessionSurroundings } from '../session/session.js';
import type { CloseReason, DropReason, Tally } from '../session/tally.js';
import { filterOf, isSysTopic, isTopicFilter } from '../topic/name.js';
import type { Wheel } from '../util/wheel.js';
import { Admission, type Candidate } from './admission.js';
import { Capacity } from './capacity.js';
import type { AuthenticationMethod, Limits, Log } from './contracts.js';
import { Hooks } from './hooks.js';
import { Listener, type MessageListener } from './listener.js';
import { Replays } from './replay.js';
import { Retained } from './retained.js';
import { Retention } from './retention.js';
import { Router, type Route } from './router.js';
import { NEVER, Sessions } from './sessions.js';
import type { StorageShelf } from './shelf.js';
import { statsOf, type Stats } from './stats.js';
import { Subscriptions } from './subscriptions.js';
import type { Turn } from './turn.js';
import { connackSize, offerOf, welcome } from './welcome.js';
import { Wills } from './wills.js';

export interface BrokerParts {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly wheel: Wheel;
  readonly log: Log;
  /** Where what the journal has is read back; none where it keeps nothing. */
  readonly shelf: StorageShelf | undefined;
  /** Brings back what a restart has left on record of a session. */
  readonly warm: (session: Session) => Promise<void>;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly authenticationMethods: readonly AuthenticationMethod[];
  /** A client identifier nobody else has. */
  readonly identify: () => string;
}

export class Broker implements Server {
  readonly tally: Tally;
  readonly hooks: Hooks;
  readonly sessions: Sessions;
  readonly retained: Retained;
  readonly retention: Retention;
  readonly wills: Wills;
  readonly router = new Router();
  readonly subscriptions: Subscriptions;
  readonly replays: Replays;
  readonly offer: Offer;
  readonly #capacity: Capacity;
  readonly #admission: Admission;
  readonly #parts: BrokerParts;
  readonly #surroundings: SessionSurroundings;
  readonly #startedAt: number;
  #stopping = false;

  constructor(parts: BrokerParts) {
    const { limits, tally, journal, turn, wheel, shelf, now } = parts;
    this.#parts = parts;
    this.tally = tally;
    const bug = (where: string, error: unknown): void => this.bug(where, error);
    const hooks = (this.hooks = new Hooks(bug));
    const sessions = (this.sessions = new Sessions(wheel));
    const retained = (this.retained = new Retained(limits.maxRetainedMessages, limits.maxRetainedBytes));
    this.retention = new Retention({ retained, tally, journal, shelf, turn, now, bug });
    this.wills = new Wills({ journal, wheel, hooks, sessions, tally, now, route: (message) => this.route(message) });
    this.#capacity = new Capacity({ limits, tally, journal, router: this.router, sessions, retained });
    this.replays = new Replays({
      retained,
      turn,
      now,
      expired: (kept) => this.retention.forget(kept),
      read: (topics) => this.retention.read(topics),
      failed: (session, error) => this.unreadable(session, error),
    });
    const again = (share: string, message: Message): void => this.again(share, message);
    this.#surroundings = { limits: limits satisfies SessionLimits, journal, shelf, tally, now, again };
    this.#startedAt = now();
    this.#admission = new Admission(this, parts.authenticationMethods);
    this.subscriptions = new Subscriptions(this.router, limits.sharedSubscriptionStrategy, tally);
    this.offer = offerOf(limits);
  }

  now(): number {
    return this.#parts.now();
  }

  connect(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): Attempt {
    const session = this.sessions.get(connect.clientId);
    if (session?.isCold !== true) return this.#admission.begin(connect, wire, answer);
    let attempt: Attempt | undefined;
    this.#parts.warm(session).then(
      () => {
        if (!wire.closed) attempt = this.#admission.begin(connect, wire, answer);
      },
      (error: unknown) => {
        this.bug(`the session of ${session.clientId}`, error);
        answer({ refused: ReasonCode.ServerUnavailable, because: 'the session cannot be read back' });
      },
    );
    return { next: (data) => attempt?.next(data) };
  }

  reauthenticate(session: Session, method: string, answer: (outcome: AuthOutcome) => void): Attempt {
    return this.#admission.again(session.clientId, method, session.wire!, answer);
  }

  connected(session: Session, wire: Wire, { version, properties }: Connect, sessionPresent: boolean): void {
    const { clientId, username } = session;
    const { remoteAddress } = wire.vitals;
    this.hooks.emit('connected', { clientId, username, version, remoteAddress, sessionPresent, properties });
  }

  judge(message: Message, publisher: Session): ReasonCode {
    const gate = this.hooks.gates.publish;
    if ((gate !== undefined && !gate(message, publisher)) || isSysTopic(message.topic)) {
      this.#dropped('not-authorized');
      return ReasonCode.NotAuthorized;
    }
    if (message.qos === 0) return ReasonCode.Success;
    const { journal, limits } = this.#parts;
    const lack = journal.full || limits.whenQueueFull === 'reject' ? this.#capacity.lack(message, publisher) : undefined;
    if (lack === undefined) return ReasonCode.Success;
    this.#dropped(lack);
    return ReasonCode.QuotaExceeded;
  }

  /** Keeps the message if it is to be retained, and delivers it to everybody who hears its topic. */
  route(message: Message): Ticket {
    let ticket = message.retain ? this.retention.retain(message) : 0;
    const audience = this.router.audience(message.topic, message.origin.topicWasSeen);
    if (audience.length > 1) message.isShared = true;
    for (let i = 0; i < audience.length; i++) {
      let route: Route | undefined = audience[i];
      if (route === undefined) continue;
      const { subscriber } = route;
      if (route.noLocal && subscriber.clientId === message.publisher) route = route.foreign; // [MQTT5-3.8.3-3]
      if (route === undefined) continue;
      try {
        const qos = message.qos < route.qos ? message.qos : route.qos;
        // [MQTT-3.3.1-9], unless the subscriber wants RETAIN as it was published [MQTT5-3.3.1-13]
        const needed = subscriber.deliver(message, qos, message.retain && route.retainAsPublished, route.extras);
        if (needed > ticket) ticket = needed;
      } catch (error) {
        // The publisher and the rest of the audience have no part in it.
        this.bug(`a delivery to ${subscriber.clientId}`, error);
        this.sessions.get(subscriber.clientId)?.wire?.close('internal-error');
      }
    }
    return ticket;
  }

  subscribe(session: Session, requests: readonly SubscriptionRequest[], identifier: number | undefined): SubscribeOutcome {
    let ticket = 0;
    const toReplay: Subscription[] = [];
    const reasonCodes = requests.map((request): ReasonCode => {
      const refusal = this.#refusal(session, request);
      if (refusal !== undefined) return refusal;
      const { filter, noLocal = false, retainAsPublished = false, retainHandling = 0 } = request;
      const qos = request.qos < this.offer.maxQos ? request.qos : this.offer.maxQos;
      const subscription: Subscription = { subscriber: session, filter, qos, noLocal, retainAsPublished, identifier };
      const isNew = this.subscriptions.add(session, subscription);
      this.replays.stop(session, filter);
      if (session.durable) ticket = Math.max(ticket, this.#parts.journal.subscribed(session, subscription, isNew));
      this.hooks.emit('subscribed', { clientId: session.clientId, filter, qos, identifier });
      // [MQTT5-3.3.1-9] [MQTT5-3.3.1-10] [MQTT5-3.3.1-11]; a Shared Subscription is sent none
      const wantsRetained = retainHandling === 0 || (retainHandling === 1 && isNew);
      if (wantsRetained && filterOf(filter).share === undefined) toReplay.push(subscription);
      return qos;
    });
    const replay = (): void => {
      for (const subscription of toReplay) {
        if (session.subscriptions.get(subscription.filter) === subscription) this.replays.start(session, subscription);
      }
    };
    return { reasonCodes, ticket, replay };
  }

  unsubscribe(session: Session, filters: readonly string[]): { reasonCodes: ReasonCode[]; ticket: Ticket } {
    let ticket = 0;
    const reasonCodes = filters.map((filter): ReasonCode => {
      // [MQTT-3.10.4-1] the same characters, or no match
      if (!isTopicFilter(filterOf(filter).filter)) return ReasonCode.TopicFilterInvalid;
      if (session.wire === undefined) return ReasonCode.UnspecifiedError; // a listener that heard of the filter before has ended it
      if (!this.subscriptions.remove(session, filter)) return ReasonCode.NoSubscriptionExisted;
      this.replays.stop(session, filter);
      if (session.durable) ticket = Math.max(ticket, this.#parts.journal.unsubscribed(session, filter));
      this.hooks.emit('unsubscribed', { clientId: session.clientId, filter });
      return ReasonCode.Success;
    });
    return { reasonCodes, ticket };
  }

  expire(session: Session, expiryInterval: number): void {
    session.expiryInterval = Math.min(expiryInterval, this.#parts.limits.sessionExpiry);
  }

  disconnect(session: Session, reason: CloseReason): void {
    const { will } = session;
    session.will = undefined;
    session.suspend();
    this.sessions.detached();
    if (will !== undefined) this.wills.schedule(will, session);
    else this.wills.discard(session);
    const isKept = session.expiryInterval > 0;
    if (isKept) this.#detach(session);
    else this.#forget(session); // [MQTT-3.1.2-6]
    // Told when it is so: who hears of it may do anything.
    this.hooks.emit('disconnected', { clientId: session.clientId, reason });
    if (!isKept) this.#tellEnd(session);
  }

  /** Adds a subscriber of this process. @returns what ends it. */
  listen(filter: string, listener: MessageListener): () => void {
    const subscriber = new Listener('', listener, this.#parts.turn, (where, error) => this.bug(where, error));
    const subscription: Subscription = { subscriber, filter, qos: 2, noLocal: false, retainAsPublished: true, identifier: undefined };
    this.retention.deliver(filter, subscriber);
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
  restoreSession(clientId: string, number: number, createdAt: number, expiryInterval: number, expiresAt: number): Session {
    const session = new Session(clientId, number, expiryInterval, createdAt, this.#surroundings);
    session.isCold = true;
    this.sessions.add(session);
    this.sessions.expire(session, expiresAt, () => this.end(session));
    return session;
  }

  /** What is on record of a session cannot be read back: it has no connection then, and keeps what it has. */
  unreadable({ clientId, wire }: Session, error: unknown): void {
    this.#parts.log.error({ err: error, client: clientId }, 'a session cannot be read back from the storage');
    wire?.close('storage-failed');
  }

  /** From now on nobody is let in, and no Will waits. */
  stop(): void {
    this.#stopping = true;
    this.wills.stop();
  }

  /** A fault of ours, or of a function we were given: counted and logged; what it happened to is up to who caught it. */
  bug(where: string, error: unknown): void {
    this.tally.bugs++;
    this.#parts.log.error({ err: error }, `${where} failed`);
  }

  stats(): Stats {
    return statsOf(this, this.#startedAt);
  }

  /** Finds or makes the session of a CONNECT that may come in (MQTT 3.1.1 sections 3.1.2.4 and 3.1.4). */
  admit({ connect, wire, arrival }: Candidate, username: string | undefined, authentication: Properties): ConnectOutcome {
    const { limits, journal, identify } = this.#parts;
    const clientId = connect.clientId === '' ? identify() : connect.clientId; // [MQTT-3.1.3-6]
    let session = this.sessions.get(clientId);
    if (this.#stopping) return { refused: ReasonCode.ServerShuttingDown, because: 'the broker is stopping' };
    if (session !== undefined && session.arrival > arrival) {
      // A gate may answer the older of two connections last: that one must not take the session from the newer.
      return { refused: ReasonCode.SessionTakenOver, because: 'a connection that came later has its session' };
    }
    const refusal = this.#capacity.refusal(connect, session);
    if (refusal !== undefined) return refusal;
    const { expiryInterval, keepAlive, properties } = welcome(connect, clientId, limits, authentication);
    if (connackSize(properties) > (connect.properties?.maximumPacketSize ?? Infinity)) {
      return { refused: ReasonCode.PacketTooLarge, because: 'a CONNACK is larger than the client takes' }; // [MQTT5-3.1.2-24]
    }
    session?.wire?.close('taken-over', 'another connection came with its client identifier'); // [MQTT-3.1.4-2]
    // Whoever was told of that may have closed this connection too.
    if (wire.closed) return { refused: ReasonCode.ServerShuttingDown, because: 'the broker is stopping' };
    session = this.sessions.get(clientId);
    let ticket = 0;
    if (session !== undefined && connect.clean) {
      ticket = this.end(session);
      session = undefined;
    }
    const sessionPresent = session !== undefined; // [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    if (session === undefined) {
      session = new Session(clientId, expiryInterval > 0 ? journal.number() : 0, expiryInterval, this.now(), this.#surroundings);
      this.sessions.add(session);
    } else {
      session.expiryInterval = expiryInterval;
      this.wills.cancel(session);
    }
    session.arrival = arrival;
    this.sessions.attached(session);
    if (session.durable) ticket = journal.opened(session);
    if (connect.will !== undefined) ticket = Math.max(ticket, this.wills.file(connect.will, session, username));
    return { session, sessionPresent, ticket, username, keepAlive, properties };
  }

  #refusal(session: Session, request: SubscriptionRequest): ReasonCode | undefined {
    const { filter } = request;
    if (!isTopicFilter(filterOf(filter).filter)) return ReasonCode.TopicFilterInvalid;
    const gate = this.hooks.gates.subscribe;
    if (gate !== undefined && !gate(request, session)) return ReasonCode.NotAuthorized;
    // A gate, or a listener that heard of the filter before, may have ended the session, or its connection.
    if (session.wire === undefined) return ReasonCode.UnspecifiedError;
    return this.#capacity.takes(filter, session) ? undefined : ReasonCode.QuotaExceeded;
  }

  #detach(session: Session): void {
    const { expiryInterval } = session;
    const expiresAt = expiryInterval === NEVER ? Infinity : this.now() + expiryInterval * 1_000;
    if (session.durable) this.#parts.journal.detached(session, expiresAt);
    this.sessions.expire(session, expiresAt, () => this.end(session));
  }

  /** The session is over: its time is up, or its client wants a new one. */
  end(session: Session): Ticket {
    const ticket = this.#forget(session);
    this.#tellEnd(session);
    return ticket;
  }

  #tellEnd({ clientId }: Session): void {
    this.hooks.emit('sessionEnded', { clientId });
  }

  #forget(session: Session): Ticket {
    this.wills.settle(session);
    const ticket = session.durable ? this.#parts.journal.closed(session) : 0;
    this.subscriptions.removeAll(session);
    this.replays.forget(session);
    this.sessions.delete(session);
    session.end();
    return ticket;
  }

  /** A member of a Shared Subscription will not be sent a message any more: another one is to have it. */
  again(share: string, message: Message): void {
    if (message.expiresAt <= this.now())
      this.#dropped('message-expired'); // [MQTT5-3.3.2-5]
    else this.subscriptions.again(share, message);
  }

  #dropped(reason: DropReason): void {
    this.tally.dropped[reason]++;
  }
}
