/** What a client and the broker remember of each other (MQTT 3.1.1 section 3.1.2.4), and how messages go out to that client. Hot. */
import { PacketType, type QoS, type Version, type Will } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import { Queue } from '../util/queue.js';
import {
  PLAIN,
  type Extras,
  type Journal,
  type SessionLimits,
  type Subscriber,
  type Subscription,
  type Ticket,
  type Wire,
} from './contracts.js';
import { Awaiting, Delivery, Inflight } from './inflight.js';
import type { Message } from './message.js';
import { OutgoingQueue } from './outgoing-queue.js';
import type { DropReason, Tally } from './tally.js';
import { NO_TERMS, type Terms } from './terms.js';
import { OutboundAliases } from './topic-alias.js';

/** What the sessions of one broker share. */
export interface SessionSurroundings {
  readonly limits: SessionLimits;
  readonly journal: Journal;
  readonly tally: Tally;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Gives a message to another member of a Shared Subscription: the one that had it will not be sent it any more. */
  readonly again: (share: string, message: Message) => void;
}

const PUBLISH = PacketType.Publish << 4;
const DUP = 8;

/** In the window of a session that ends with its connection stands only what its receiver owes us: nothing is ever sent again. */
const owed = (awaiting: Awaiting, qos: QoS): Delivery => {
  const delivery = new Delivery(undefined, qos, false, PLAIN);
  delivery.awaiting = awaiting;
  return delivery;
};
const OWES_PUBACK = owed(Awaiting.Puback, 1);
const OWES_PUBREC = owed(Awaiting.Pubrec, 2);
const OWES_PUBCOMP = owed(Awaiting.Pubcomp, 2);

export class Session implements Subscriber {
  readonly clientId: string;
  /** Whether it was made to outlive its connection: what must survive is kept and put on record. */
  readonly durable: boolean;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Seconds it is kept without a connection; {@link NEVER} for ever, 0 not at all (MQTT 5.0 section 3.1.2.11.2). */
  expiryInterval: number;
  username: string | undefined;
  will: Will | undefined;
  /** Which of all CONNECTs, in the order they came, connected it last. */
  arrival = 0;
  /** By Topic Filter; the router's entries for this session. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Called, once, when there is room to send more; whoever had more to send sets it. */
  whenRoom: (() => void) | undefined;
  messagesReceived = 0;
  messagesSent = 0;
  messagesDropped = 0;
  readonly inflight = new Inflight();
  readonly queue: OutgoingQueue;
  readonly #surroundings: SessionSurroundings;
  #wire: Wire | undefined;
  #terms = NO_TERMS;
  #aliases: OutboundAliases | undefined;
  /** How many more QoS 1 and 2 messages this connection takes before it acknowledges one (MQTT 5.0 section 4.9). */
  #quota = 0;
  /** What was in flight when the connection came, and is not sent again yet. */
  #unsent: Queue<Delivery> | undefined;
  /** Packet identifiers of QoS 2 messages that came in and are not released; at most 65,535, for there are no more. */
  #received: Set<number> | undefined;

  constructor(clientId: string, expiryInterval: number, createdAt: number, surroundings: SessionSurroundings) {
    this.clientId = clientId;
    this.expiryInterval = expiryInterval;
    this.durable = expiryInterval > 0;
    this.createdAt = createdAt;
    this.#surroundings = surroundings;
    this.queue = new OutgoingQueue(surroundings.limits, surroundings.tally);
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** The protocol version of the connection, or of the last one. */
  get version(): Version {
    return this.#terms.version;
  }

  /** How many QoS 2 messages have come in whose identifier is not released. */
  get receivedCount(): number {
    return this.#received?.size ?? 0;
  }

  /** A message for this client: sent, queued, or dropped and counted. */
  deliver(message: Message, qos: QoS, retain: boolean, extras: Extras): Ticket {
    const wire = this.#wire;
    if (qos === 0) {
      if (wire === undefined) return this.#drop('session-offline');
      if (wire.congested) return this.#drop('slow-consumer');
      const frame = this.#frame(message, 0, extras);
      if (frame === undefined) return this.#drop('packet-too-large');
      this.messagesSent++;
      wire.publish(frame, retain ? PUBLISH | 1 : PUBLISH, 0, 0);
      return 0;
    }
    if (wire === undefined && !this.durable) return this.#drop('session-ended');
    const mustWait = wire === undefined || this.queue.length > 0 || !this.hasRoom;
    if (mustWait && !this.queue.hasRoomFor(message.size)) return this.#drop('queue-full');
    // What may be given to another member is kept until its receiver has it.
    if (!mustWait && !this.durable && extras.share === undefined) {
      this.#sendAndForget(wire, message, qos, retain, extras);
      return 0;
    }
    message.keep();
    const delivery = new Delivery(message, qos, retain, extras);
    const ticket = this.durable ? this.#surroundings.journal.enqueued(this, delivery) : 0;
    if (mustWait) this.queue.push(delivery);
    else this.#send(wire, delivery);
    return ticket;
  }

  /** Whether the window and the wire take another message at QoS 1 or 2. */
  get hasRoom(): boolean {
    const wire = this.#wire;
    return (
      wire !== undefined &&
      this.#quota > 0 &&
      this.#unsent === undefined &&
      this.inflight.size < this.#surroundings.limits.maxInflight &&
      !wire.congested
    );
  }

  /** Puts the session on a wire: what was in flight is sent again, then what waited [MQTT-4.4.0-1]. */
  resume(wire: Wire, terms: Terms): void {
    this.#wire = wire;
    this.#terms = terms;
    this.#aliases = terms.topicAliasMaximum > 0 ? new OutboundAliases(terms.topicAliasMaximum) : undefined;
    this.#quota = this.#window; // [MQTT5-4.9.0-1]
    this.#unsent = undefined;
    // What waits for PUBCOMP is unfinished too [MQTT5-3.3.4-9], but its PUBREL waits for nothing [MQTT5-3.3.4-10].
    for (const { awaiting } of this.inflight) if (awaiting === Awaiting.Pubcomp) this.#quota--;
    for (const delivery of this.inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) this.#sendPubrel(delivery.packetId, 0, ReasonCode.Success);
      else if (this.#quota > 0) this.#sendAgain(wire, delivery);
      else (this.#unsent ??= new Queue()).push(delivery);
    }
    this.drain();
  }

  /** Takes the session off its wire. */
  suspend(): void {
    this.#wire = undefined;
    this.#aliases = undefined;
    this.#unsent = undefined;
  }

  /** Sends what waits while there is room. */
  drain(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    if (this.#unsent !== undefined) this.#sendUnsent(wire, this.#unsent);
    while (this.queue.length > 0 && this.hasRoom) {
      const delivery = this.queue.shift()!;
      const { message, qos, retain, extras } = delivery;
      if (message!.expiresAt <= this.#surroundings.now())
        this.#giveUp(delivery, 'message-expired'); // [MQTT5-3.3.2-5]
      else if (this.durable || extras.share !== undefined) this.#send(wire, delivery);
      else this.#sendAndForget(wire, message!, qos, retain, extras);
    }
    const whenRoom = this.whenRoom;
    if (whenRoom !== undefined && this.queue.length === 0 && this.hasRoom) {
      this.whenRoom = undefined;
      whenRoom();
    }
  }

  /** PUBACK: the receiver has a QoS 1 message. One that answers nothing is ignored. */
  acknowledged(packetId: number): void {
    if (this.inflight.get(packetId)?.awaiting === Awaiting.Puback) this.#settle(packetId);
  }

  /**
   * PUBREC: the receiver has a QoS 2 message, or will not have it. PUBREL is the answer, also where we know of none [MQTT-4.3.3-1].
   */
  recorded(packetId: number, reasonCode: ReasonCode): void {
    const delivery = this.inflight.get(packetId);
    let ticket = 0;
    if (isRefusal(reasonCode)) {
      if (delivery?.awaiting === Awaiting.Pubrec) this.#settle(packetId); // [MQTT5-4.3.3-4] there is nothing to release
      return;
    }
    if (delivery?.awaiting === Awaiting.Pubrec) {
      if (this.durable) {
        delivery.awaiting = Awaiting.Pubcomp;
        // To the end of the line: after a reconnect PUBRELs go out in the order of their PUBRECs [MQTT-4.6.0-4].
        this.inflight.delete(packetId);
        this.inflight.add(packetId, delivery);
        // Durable before PUBREL leaves: a receiver that has it forgets the identifier and would take a second PUBLISH for a new one.
        ticket = this.#surroundings.journal.released(this, delivery);
        delivery.message = undefined;
      } else {
        this.inflight.add(packetId, OWES_PUBCOMP);
      }
    }
    this.#sendPubrel(packetId, ticket, delivery === undefined ? ReasonCode.PacketIdentifierNotFound : ReasonCode.Success);
  }

  /** PUBCOMP: the receiver is done with a QoS 2 message. */
  completed(packetId: number): void {
    if (this.inflight.get(packetId)?.awaiting === Awaiting.Pubcomp) this.#settle(packetId);
  }

  /** Whether a QoS 2 message that came in under this identifier is already ours [MQTT-4.3.3-2]. */
  hasReceived(packetId: number): boolean {
    return this.#received?.has(packetId) ?? false;
  }

  /** Remembers the identifier of a QoS 2 message that came in, until PUBREL. */
  receive(packetId: number): Ticket {
    (this.#received ??= new Set()).add(packetId);
    return this.durable ? this.#surroundings.journal.received(this, packetId) : 0;
  }

  /** PUBREL: the sender has released the identifier; unknown ones are no offence. */
  release(packetId: number): Ticket {
    if (this.#received?.delete(packetId) !== true) return 0;
    if (this.#received.size === 0) this.#received = undefined;
    return this.durable ? this.#surroundings.journal.completed(this, packetId) : 0;
  }

  /** Gives everything back, what others may have of it to them [MQTT5-4.8.2-4]; the session is not used after this. */
  end(): void {
    this.#wire = undefined;
    const { tally, again } = this.#surroundings;
    const waiting: Delivery[] = [];
    this.queue.takeShared(waiting);
    tally.dropped['session-ended'] += this.queue.length - waiting.length;
    // A QoS 2 message that was sent once goes to nobody else [MQTT5-4.8.2-5].
    const shared = [...this.inflight].filter(({ awaiting }) => awaiting === Awaiting.Puback).concat(waiting);
    this.queue.clear();
    this.inflight.clear();
    this.#received = undefined;
    this.whenRoom = undefined;
    this.will = undefined;
    for (const { message, extras } of shared) if (message !== undefined && extras.share !== undefined) again(extras.share, message);
  }

  /** What a restart brings back. */
  restore(delivery: Delivery): void {
    if (delivery.awaiting === Awaiting.Nothing) {
      this.queue.push(delivery);
    } else {
      this.inflight.add(delivery.packetId, delivery);
      this.inflight.continueAfter(delivery.packetId);
    }
  }

  /** What a restart brings back of the identifiers of {@link receive}. */
  restoreReceived(packetId: number): void {
    (this.#received ??= new Set()).add(packetId);
  }

  get #window(): number {
    return Math.min(this.#terms.receiveMaximum, this.#surroundings.limits.maxInflight);
  }

  #sendUnsent(wire: Wire, unsent: Queue<Delivery>): void {
    for (let delivery = unsent.peek(); delivery !== undefined; delivery = unsent.peek()) {
      // An answer to what was sent over an earlier connection may have come meanwhile.
      const isDue = this.inflight.get(delivery.packetId) === delivery && delivery.awaiting !== Awaiting.Pubcomp;
      if (isDue && this.#quota <= 0) return;
      unsent.shift();
      if (isDue) this.#sendAgain(wire, delivery);
    }
    this.#unsent = undefined;
  }

  #sendAgain(wire: Wire, delivery: Delivery): void {
    const frame = this.#frame(delivery.message!, delivery.qos, delivery.extras);
    if (frame !== undefined) return this.#transmit(wire, frame, delivery, DUP, 0); // [MQTT-3.3.1-1]
    this.#drop('packet-too-large');
    this.#forget(delivery);
  }

  #send(wire: Wire, delivery: Delivery): void {
    const frame = this.#frame(delivery.message!, delivery.qos, delivery.extras);
    if (frame === undefined) return this.#giveUp(delivery, 'packet-too-large');
    const packetId = this.inflight.nextId();
    delivery.packetId = packetId;
    delivery.awaiting = delivery.qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
    this.inflight.add(packetId, delivery);
    // Durable before it leaves: after a restart the same message must go out under the same identifier.
    this.#transmit(wire, frame, delivery, 0, this.durable ? this.#surroundings.journal.sent(this, delivery) : 0);
  }

  #transmit(wire: Wire, frame: Publish, { qos, retain, packetId }: Delivery, dup: number, ticket: Ticket): void {
    this.#quota--;
    this.messagesSent++;
    wire.publish(frame, PUBLISH | dup | (qos << 1) | (retain ? 1 : 0), packetId, ticket);
  }

  #sendAndForget(wire: Wire, message: Message, qos: QoS, retain: boolean, extras: Extras): void {
    const frame = this.#frame(message, qos, extras);
    if (frame === undefined) {
      this.#drop('packet-too-large');
      return;
    }
    const packetId = this.inflight.nextId();
    this.inflight.add(packetId, qos === 1 ? OWES_PUBACK : OWES_PUBREC);
    this.#quota--;
    this.messagesSent++;
    wire.publish(frame, PUBLISH | (qos << 1) | (retain ? 1 : 0), packetId, 0);
  }

  /** The message as this client is to read it, or undefined where it takes no packet that large [MQTT5-3.1.2-24]. */
  #frame(message: Message, qos: QoS, extras: Extras): Publish | undefined {
    const { version, maximumPacketSize } = this.#terms;
    if (version !== 5) return message.frame(version, qos);
    const isPlain = extras.identifiers === undefined && message.expiresAt === Infinity && this.#aliases === undefined;
    const frame = isPlain ? message.frame(5, qos) : this.#personalFrame(message, qos, extras);
    return frame.length > maximumPacketSize ? undefined : frame;
  }

  /** The message with what is this receiver's alone: identifiers, the time that is left, a Topic Alias. */
  #personalFrame(message: Message, qos: QoS, { identifiers }: Extras): Publish {
    const { topic, expiresAt } = message;
    const properties = {
      ...message.properties,
      ...(identifiers === undefined ? undefined : { subscriptionIdentifiers: identifiers }), // [MQTT5-3.3.4-3] [MQTT5-3.3.4-4]
      // [MQTT5-3.3.2-6] what is left; what has been sent once may have none
      ...(expiresAt === Infinity
        ? undefined
        : { messageExpiryInterval: Math.max(0, Math.ceil((expiresAt - this.#surroundings.now()) / 1_000)) }),
    };
    const aliases = this.#aliases;
    const known = aliases?.of(topic, qos);
    if (aliases !== undefined && known !== undefined) {
      const { alias, isNew } = known;
      const frame = message.frameWith({ ...properties, topicAlias: alias }, isNew ? topic : '', qos);
      if (frame.length <= this.#terms.maximumPacketSize) {
        if (isNew) aliases.told(topic, alias, qos);
        return frame;
      }
    }
    return message.frameWith(properties, topic, qos);
  }

  #sendPubrel(packetId: number, ticket: Ticket, reasonCode: ReasonCode): void {
    this.#wire?.send({ type: PacketType.Pubrel, packetId, reasonCode }, ticket);
  }

  #settle(packetId: number): void {
    this.#forget(this.inflight.get(packetId)!, packetId);
    if (this.#quota < this.#window) this.#quota++;
    this.drain();
  }

  #forget(delivery: Delivery, packetId = delivery.packetId): void {
    if (this.durable) this.#surroundings.journal.settled(this, delivery);
    this.inflight.delete(packetId);
  }

  /** A message that waited and will not be sent. */
  #giveUp(delivery: Delivery, reason: DropReason): void {
    this.#drop(reason);
    if (this.durable) this.#surroundings.journal.settled(this, delivery);
  }

  #drop(reason: DropReason): Ticket {
    this.messagesDropped++;
    this.#surroundings.tally.dropped[reason]++;
    return 0;
  }
}
