/** What a client and the broker remember of each other (MQTT 3.1.1 section 3.1.2.4), and how messages go out to that client. Hot. */
import { PacketType, type QoS, type Version, type Will } from '../packet/packet.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Journal, SessionLimits, Subscriber, Subscription, Ticket, Wire } from './contracts.js';
import { Awaiting, Delivery, Inflight } from './inflight.js';
import type { Message } from './message.js';
import { OutgoingQueue } from './outgoing-queue.js';
import type { Tally } from './tally.js';

/** What the sessions of one broker share. */
export interface SessionSurroundings {
  readonly limits: SessionLimits;
  readonly journal: Journal;
  readonly tally: Tally;
}

const PUBLISH = PacketType.Publish << 4;
const DUP = 8;

/** In the window of a session that ends with its connection stands only what its receiver owes us: nothing is ever sent again. */
const owed = (awaiting: Awaiting, qos: QoS): Delivery => {
  const delivery = new Delivery(undefined, qos, false);
  delivery.awaiting = awaiting;
  return delivery;
};
const OWES_PUBACK = owed(Awaiting.Puback, 1);
const OWES_PUBREC = owed(Awaiting.Pubrec, 2);
const OWES_PUBCOMP = owed(Awaiting.Pubcomp, 2);

export class Session implements Subscriber {
  readonly clientId: string;
  /** Whether it outlives its connection: Clean Session 0. */
  readonly durable: boolean;
  /** ms since the epoch. */
  readonly createdAt: number;
  version: Version = 4;
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
  /** Packet identifiers of QoS 2 messages that came in and are not released; at most 65,535, for there are no more. */
  #received: Set<number> | undefined;

  constructor(clientId: string, durable: boolean, createdAt: number, surroundings: SessionSurroundings) {
    this.clientId = clientId;
    this.durable = durable;
    this.createdAt = createdAt;
    this.#surroundings = surroundings;
    this.queue = new OutgoingQueue(surroundings.limits, surroundings.tally);
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** How many QoS 2 messages have come in whose identifier is not released. */
  get receivedCount(): number {
    return this.#received?.size ?? 0;
  }

  /** A message for this client: sent, queued, or dropped and counted. */
  deliver(message: Message, qos: QoS, retain: boolean): Ticket {
    const wire = this.#wire;
    if (qos === 0) {
      if (wire === undefined) return this.#drop('session-offline');
      if (wire.congested) return this.#drop('slow-consumer');
      this.messagesSent++;
      wire.publish(message.frame(this.version, 0), retain ? PUBLISH | 1 : PUBLISH, 0, 0);
      return 0;
    }
    if (wire === undefined && !this.durable) return this.#drop('session-ended');
    const mustWait = wire === undefined || this.queue.length > 0 || !this.hasRoom;
    if (mustWait && !this.queue.hasRoomFor(message.size)) return this.#drop('queue-full');
    if (!mustWait && !this.durable) {
      this.#sendAndForget(wire, message, qos, retain);
      return 0;
    }
    message.keep();
    const delivery = new Delivery(message, qos, retain);
    const ticket = this.durable ? this.#surroundings.journal.enqueued(this, delivery) : 0;
    if (mustWait) this.queue.push(delivery);
    else this.#send(wire, delivery);
    return ticket;
  }

  /** Whether the window and the wire take another message at QoS 1 or 2. */
  get hasRoom(): boolean {
    const wire = this.#wire;
    return wire !== undefined && !wire.congested && this.inflight.size < this.#surroundings.limits.maxInflight;
  }

  /** Puts the session on a wire: what was in flight is sent again, then what waited [MQTT-4.4.0-1]. */
  resume(wire: Wire): void {
    this.#wire = wire;
    for (const delivery of this.inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) this.#sendPubrel(delivery.packetId, 0);
      else this.#transmit(wire, delivery, DUP, 0); // [MQTT-3.3.1-1]
    }
    this.drain();
  }

  /** Takes the session off its wire. */
  suspend(): void {
    this.#wire = undefined;
  }

  /** Sends what waits while there is room. */
  drain(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    while (this.queue.length > 0 && this.hasRoom) {
      const delivery = this.queue.shift()!;
      if (this.durable) this.#send(wire, delivery);
      else this.#sendAndForget(wire, delivery.message!, delivery.qos, delivery.retain);
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

  /** PUBREC: the receiver has a QoS 2 message; PUBREL is the answer, also where we know of none [MQTT-4.3.3-1]. */
  recorded(packetId: number): void {
    const delivery = this.inflight.get(packetId);
    let ticket = 0;
    if (delivery?.awaiting === Awaiting.Pubrec) {
      if (this.durable) {
        delivery.awaiting = Awaiting.Pubcomp;
        // Durable before PUBREL leaves: a receiver that has it forgets the identifier and would take a second PUBLISH for a new one.
        ticket = this.#surroundings.journal.released(this, delivery);
        delivery.message = undefined;
      } else {
        this.inflight.add(packetId, OWES_PUBCOMP);
      }
    }
    this.#sendPubrel(packetId, ticket);
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

  /** Gives everything back; the session is not used after this. */
  end(): void {
    this.#wire = undefined;
    this.#surroundings.tally.dropped['session-ended'] += this.queue.length;
    this.queue.clear();
    this.inflight.clear();
    this.#received = undefined;
    this.whenRoom = undefined;
    this.will = undefined;
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

  #send(wire: Wire, delivery: Delivery): void {
    const packetId = this.inflight.nextId();
    delivery.packetId = packetId;
    delivery.awaiting = delivery.qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
    this.inflight.add(packetId, delivery);
    // Durable before it leaves: after a restart the same message must go out under the same identifier.
    this.#transmit(wire, delivery, 0, this.#surroundings.journal.sent(this, delivery));
  }

  #transmit(wire: Wire, delivery: Delivery, dup: number, ticket: Ticket): void {
    const { message, qos, retain, packetId } = delivery;
    if (message === undefined) return;
    this.messagesSent++;
    wire.publish(message.frame(this.version, qos), PUBLISH | dup | (qos << 1) | (retain ? 1 : 0), packetId, ticket);
  }

  #sendAndForget(wire: Wire, message: Message, qos: QoS, retain: boolean): void {
    const packetId = this.inflight.nextId();
    this.inflight.add(packetId, qos === 1 ? OWES_PUBACK : OWES_PUBREC);
    this.messagesSent++;
    wire.publish(message.frame(this.version, qos), PUBLISH | (qos << 1) | (retain ? 1 : 0), packetId, 0);
  }

  #sendPubrel(packetId: number, ticket: Ticket): void {
    this.#wire?.send({ type: PacketType.Pubrel, packetId, reasonCode: ReasonCode.Success }, ticket);
  }

  #settle(packetId: number): void {
    if (this.durable) this.#surroundings.journal.settled(this, this.inflight.get(packetId)!);
    this.inflight.delete(packetId);
    this.drain();
  }

  #drop(reason: 'session-offline' | 'slow-consumer' | 'session-ended' | 'queue-full'): Ticket {
    this.messagesDropped++;
    this.#surroundings.tally.dropped[reason]++;
    return 0;
  }
}
