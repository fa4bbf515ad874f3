/** The broker: sessions, routing and retained messages behind the rules of each connection. Hot: publish. */
import type { Connect, QoS, SubscriptionRequest, Will } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { Publish } from '../packet/publish.js';
import { ReasonCode } from '../packet/reason-code.js';
import type {
  Attempt,
  AuthOutcome,
  ConnectOutcome,
  Journal,
  Offer,
  PendingWill,
  Server,
  SessionLimits,
  SubscribeOutcome,
  Subscription,
  Ticket,
  Wire,
} from '../session/contracts.js';
import { Message } from '../session/message.js';
import { Session, type SessionSurroundings } from '../session/session.js';
import type { CloseReason, DropReason, Tally } from '../session/tally.js';
import { filterOf, hasWildcard, isTopicFilter, levels } from '../topic/name.js';
import type { Wheel } from '../util/wheel.js';
import { Admission, type Candidate } from './admission.js';
import type { AuthenticationMethod, Limits, Log } from './contracts.js';
import { Hooks, type Asker } from './hooks.js';
import { Listener, type MessageListener } from './listener.js';
import { Replays } from './replay.js';
import { isLarge, Retained, type Kept } from './retained.js';
import { Router, type Route } from './router.js';
import { NEVER, Sessions } from './sessions.js';
import type { StorageShelf } from './shelf.js';
import type { Stats } from './stats.js';
import { Subscriptions } from './subscriptions.js';
import type { Turn } from './turn.js';
import { connackSize, expiryAsked, welcome } from './welcome.js';
import { Wills } from './wills.js';

/** Levels of a filter with wildcards at most: more than any naming scheme has, few enough to match against quickly. */
const MAX_WILDCARD_LEVELS = 256;

/** Messages read back at a time for a subscriber of this process. */
const RETAINED_PAGE = 64;
const RETAINED_PAGE_BYTES = 262_144;

const DOLLAR = 0x24;

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
  readonly router = new Router();
  readonly subscriptions: Subscriptions;
  readonly replays: Replays;
  readonly offer: Offer;
  readonly #wills: Wills;
  readonly #admission: Admission;
  readonly #parts: BrokerParts;
  readonly #surroundings: SessionSurroundings;
  readonly #startedAt: number;
  /** Wills that were on record at the start. */
  #found: { readonly clientId: string; readonly found: PendingWill }[] = [];
  #stopping = false;

  constructor(parts: BrokerParts) {
    const { limits, tally, journal, turn, wheel, shelf } = parts;
    this.#parts = parts;
    this.tally = tally;
    this.hooks = new Hooks((where, error) => this.bug(where, error));
    this.sessions = new Sessions(wheel);
    this.retained = new Retained(limits.maxRetainedMessages, limits.maxRetainedBytes);
    this.replays = new Replays({
      retained: this.retained,
      turn,
      now: parts.now,
      expired: (kept) => this.#forgetRetained(kept),
      read: (topics) => this.#readRetained(topics),
      failed: (session, error) => this.unreadable(session, error),
    });
    const again = (share: string, message: Message): void => this.again(share, message);
    this.#surroundings = { limits: limits satisfies SessionLimits, journal, shelf, tally, now: parts.now, again };
    this.#startedAt = parts.now();
    this.#wills = new Wills(wheel);
    this.#admission = new Admission(this, parts.authenticationMethods);
    this.subscriptions = new Subscriptions(this.router, limits.sharedSubscriptionStrategy, tally);
    this.offer = {
      receiveMaximum: limits.receiveMaximum,
      topicAliasMaximum: limits.topicAliasMaximum,
      maxQos: limits.maxQos as QoS,
      checkPayloadFormat: limits.payloadFormat === 'check',
    };
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
    if ((gate !== undefined && !gate(message, publisher)) || isOwnTopic(message.topic)) {
      this.#dropped('not-authorized');
      return ReasonCode.NotAuthorized;
    }
    if (message.qos === 0) return ReasonCode.Success;
    const { journal, limits } = this.#parts;
    const lack = journal.full || limits.whenQueueFull === 'reject' ? this.#lack(message, publisher) : undefined;
    if (lack === undefined) return ReasonCode.Success;
    this.#dropped(lack);
    return ReasonCode.QuotaExceeded;
  }

  /** What there is too little of to keep a message for everybody who is to have it. */
  #lack(message: Message, publisher: Session): DropReason | undefined {
    const { journal, limits } = this.#parts;
    const isOwn = ({ subscriber }: Route): boolean => subscriber.clientId === message.publisher;
    const audience = this.router
      .audience(message.topic)
      .map((route) => (route.noLocal && isOwn(route) ? route.foreign : route)) // [MQTT5-3.8.3-3]
      .filter((route) => route !== undefined);
    const isToBeRetained = message.retain && message.payloadLength > 0;
    const needsDisk =
      isToBeRetained || (message.qos === 2 && publisher.durable) || audience.some(({ subscriber, qos }) => qos > 0 && subscriber.durable);
    if (journal.full && needsDisk) return 'storage-full';
    if (limits.whenQueueFull !== 'reject') return undefined;
    if (isToBeRetained && !this.retained.takes(message)) return 'retained-full';
    let waiting = 0;
    for (const { subscriber, qos } of audience) {
      if (!subscriber.takes(message, message.qos < qos ? message.qos : qos)) return 'queue-full';
      const isSent = subscriber instanceof Session ? subscriber.hasRoom && subscriber.queue.length === 0 : !subscriber.durable;
      if (qos > 0 && !isSent) waiting++;
    }
    // Each has room for it; whether there is room for all of them together nobody of them knows.
    const { queuedMessages, queuedBytes } = this.tally;
    const isTooMuch =
      queuedMessages + waiting > limits.maxTotalQueuedMessages || queuedBytes + waiting * message.size > limits.maxTotalQueuedBytes;
    return waiting > 0 && isTooMuch ? 'queue-full' : undefined;
  }

  /** Keeps the message if it is to be retained, and delivers it to everybody who hears its topic. */
  route(message: Message): Ticket {
    let ticket = message.retain ? this.#retain(message) : 0;
    const audience = this.router.audience(message.topic);
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
      if (session.durable) ticket = Math.max(ticket, this.#parts.journal.subscribed(session, subscription));
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
    if (will !== undefined) this.#schedule(will, session);
    else this.#unwill(session);
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
    const absent: Kept[] = [];
    for (const kept of this.retained.match(filter)) {
      if (kept.expiresAt <= this.now()) this.#forgetRetained(kept);
      else if (kept.message === undefined) absent.push(kept);
      else subscriber.deliver(kept.message, kept.message.qos);
    }
    if (absent.length > 0) void this.#deliverRetained(subscriber, absent);
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

  /** Enters a Will as a restart finds it: what becomes of it is decided by {@link begin}. */
  restoreWill(clientId: string, found: PendingWill): void {
    this.#found.push({ clientId, found });
  }

  /** Everything is restored, and whoever has a say is here: Wills of connections that ended with the last process take their course. */
  begin(): void {
    for (const { clientId, found } of this.#found.splice(0)) {
      const { will, username, dueAt, expiryInterval } = found;
      const session = this.sessions.get(clientId);
      const publisher = { clientId, username };
      if (session === undefined) {
        this.#publishWill(will, publisher);
        continue;
      }
      session.isWillFiled = true;
      session.username = username;
      const wait = Math.min(will.properties?.willDelayInterval ?? 0, expiryInterval) * 1_000;
      const due = dueAt === Infinity ? this.now() + wait : dueAt;
      const publish = (): void => this.#publishWill(will, publisher, session);
      // What is due is not for a client that comes back at once to cancel.
      if (due <= this.now()) publish();
      else this.#wills.delay(session, due, publish);
    }
  }

  /** What is on record of a session cannot be read back: it has no connection then, and keeps what it has. */
  unreadable({ clientId, wire }: Session, error: unknown): void {
    this.#parts.log.error({ err: error, client: clientId }, 'a session cannot be read back from the storage');
    wire?.close('storage-failed');
  }

  /** Looks through a part of what is retained for what has expired. */
  sweepRetained(): void {
    for (const kept of this.retained.sweep()) if (kept.expiresAt <= this.now()) this.#forgetRetained(kept);
  }

  /** From now on nobody is let in, and no Will waits: what a broker that stops has not published nobody will. */
  stop(): void {
    this.#stopping = true;
    this.#wills.settleAll();
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
      subscriptions: this.subscriptions.size,
      retained: { messages: retained.size, bytes: retained.bytes },
      queued: { messages: tally.queuedMessages, bytes: tally.queuedBytes },
      received: { messages: tally.messagesReceived, packets: tally.packetsReceived, bytes: tally.bytesReceived },
      sent: { messages: tally.messagesSent, packets: tally.packetsSent, bytes: tally.bytesSent },
      dropped: { ...tally.dropped },
      closed: { ...tally.closed },
      bugs: tally.bugs,
    };
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
    if (session?.wire === undefined && this.sessions.connected >= limits.maxConnections) {
      return { refused: ReasonCode.ServerBusy, because: 'as many clients are connected as are allowed' };
    }
    if (journal.full && (connect.will !== undefined || (session === undefined && expiryAsked(connect) > 0))) {
      return { refused: ReasonCode.QuotaExceeded, because: 'there is no space for what would have to be kept' };
    }
    if (session === undefined && this.sessions.size >= limits.maxSessions) {
      return { refused: ReasonCode.QuotaExceeded, because: 'there are as many sessions as are allowed' };
    }
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
      this.#wills.cancel(session);
      this.#unwill(session);
    }
    session.arrival = arrival;
    this.sessions.attached(session);
    if (session.durable) ticket = journal.opened(session);
    if (connect.will !== undefined) {
      ticket = Math.max(ticket, journal.willed(clientId, { will: connect.will, username, expiryInterval, dueAt: Infinity }));
      session.isWillFiled = true;
    }
    return { session, sessionPresent, ticket, username, keepAlive, properties };
  }

  #refusal(session: Session, request: SubscriptionRequest): ReasonCode | undefined {
    const { filter } = request;
    if (!isTopicFilter(filterOf(filter).filter)) return ReasonCode.TopicFilterInvalid;
    const gate = this.hooks.gates.subscribe;
    if (gate !== undefined && !gate(request, session)) return ReasonCode.NotAuthorized;
    // A gate, or a listener that heard of the filter before, may have ended the session.
    if (this.sessions.get(session.clientId) !== session) return ReasonCode.UnspecifiedError;
    const { maxSubscriptions } = this.#parts.limits;
    if (session.subscriptions.size >= maxSubscriptions && !session.subscriptions.has(filter)) return ReasonCode.QuotaExceeded;
    if (session.durable && this.#parts.journal.full) return ReasonCode.QuotaExceeded;
    if (hasWildcard(filter) && levels(filter) > MAX_WILDCARD_LEVELS) return ReasonCode.QuotaExceeded;
    return undefined;
  }

  /** A retained message that has expired. */
  #forgetRetained(kept: Kept): void {
    if (this.retained.get(kept.topic) !== kept) return; // it is gone, or another one has come
    this.#dropped('message-expired');
    this.retained.delete(kept.topic);
    this.#parts.journal.unretained(kept.topic);
  }

  async #readRetained(topics: readonly string[]): Promise<(Message | undefined)[]> {
    return this.#parts.shelf?.retained(topics) ?? [];
  }

  /** Delivers messages that are retained on record only to a subscriber of this process. */
  async #deliverRetained(subscriber: Listener, absent: readonly Kept[]): Promise<void> {
    try {
      for (let next = 0; next < absent.length && !subscriber.ended; ) {
        const page: Kept[] = [];
        for (let bytes = 0; next < absent.length && page.length < RETAINED_PAGE && bytes < RETAINED_PAGE_BYTES; next++) {
          page.push(absent[next]!);
          bytes += absent[next]!.size;
        }
        const messages = await this.#readRetained(page.map(({ topic }) => topic));
        for (const [at, message] of messages.entries()) {
          if (message !== undefined && this.retained.get(message.topic) === page[at]) subscriber.deliver(message, message.qos);
        }
        // It hears them when the turn ends; then their memory is free for the next.
        await new Promise<void>((resolve) => this.#parts.turn.later(resolve));
      }
    } catch (error) {
      this.bug('a listener for retained messages', error);
    }
  }

  #retain(message: Message): Ticket {
    const { journal } = this.#parts;
    if (message.payloadLength > 0) {
      const isFull = journal.full;
      if (!isFull && this.retained.set(message)) return this.#recordRetained(message);
      this.#dropped(isFull ? 'storage-full' : 'retained-full'); // and what the topic had is out of date [MQTT-3.3.1-7]
    }
    return this.retained.delete(message.topic) ? journal.unretained(message.topic) : 0;
  }

  /** Once it is on record, memory need not hold all of it. */
  #recordRetained(message: Message): Ticket {
    const { journal, shelf, turn } = this.#parts;
    const ticket = journal.retained(message);
    if (shelf !== undefined && isLarge(message)) {
      // Where it never gets there, that is the storage's failure, and told as that.
      turn.settled(turn.newest).then(
        () => this.retained.shelve(message),
        () => {},
      );
    }
    return ticket;
  }

  /** Publishes a Will when it is due: now, after its delay, or when the session ends, whichever comes first [MQTT5-3.1.3-9]. */
  #schedule(will: Will, session: Session): void {
    const delay = Math.min(will.properties?.willDelayInterval ?? 0, session.expiryInterval);
    const publish = (): void => this.#publishWill(will, session, session);
    if (delay === 0 || this.#stopping) return publish();
    const dueAt = this.now() + delay * 1_000;
    const { clientId, username, expiryInterval } = session;
    this.#parts.journal.willed(clientId, { will, username, expiryInterval, dueAt });
    this.#wills.delay(session, dueAt, publish);
  }

  /** The Will of a connection that is over will not be published. */
  #unwill(session: Session): void {
    if (!session.isWillFiled) return;
    session.isWillFiled = false;
    this.#parts.journal.unwilled(session.clientId);
  }

  /** @param session of the client, where it has one still. */
  #publishWill(will: Will, publisher: Asker, session?: Session): void {
    if (session === undefined) this.#parts.journal.unwilled(publisher.clientId);
    else this.#unwill(session);
    const { topic, payload, qos, retain, properties: given } = will;
    const { willDelayInterval: _, ...properties } = given ?? {};
    const version = given === undefined ? 4 : 5;
    const { messageExpiryInterval } = properties;
    const expiresAt = messageExpiryInterval === undefined ? Infinity : this.now() + messageExpiryInterval * 1_000;
    const message = new Message(Publish.of({ topic, payload, qos, retain, version, properties }), publisher.clientId, expiresAt);
    const gate = this.hooks.gates.will;
    if ((gate !== undefined && !gate(message, publisher)) || isOwnTopic(message.topic)) this.#dropped('not-authorized');
    else this.route(message);
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
    this.#wills.settle(session);
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

/** `$SYS` is where a broker speaks of itself; nobody else does (MQTT 3.1.1 section 4.7.2). */
function isOwnTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR && topic.startsWith('$SYS/');
}
