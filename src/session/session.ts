/** What a client and the broker remember of each other (MQTT 3.1.1 section 3.1.2.4), and how messages go out to that client. Hot. */
import { PacketType, type QoS, type Version, type Will } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import { Queue } from '../util/queue.js';
import {
  PLAIN,
  type Extras,
  type Found,
  type Journal,
  type SessionLimits,
  type Shelf,
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

/** What the sessions of one broker share. */
export interface SessionSurroundings {
  readonly limits: SessionLimits;
  readonly journal: Journal;
  /** None where the journal keeps nothing: then queues are in memory. */
  readonly shelf: Shelf | undefined;
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
  const delivery = new Delivery(undefined, qos, false, PLAIN, 0);
  delivery.awaiting = awaiting;
  return delivery;
};
const OWES_PUBACK = owed(Awaiting.Puback, 1);
const OWES_PUBREC = owed(Awaiting.Pubrec, 2);
const OWES_PUBCOMP = owed(Awaiting.Pubcomp, 2);

/** Deliveries that are read at a time where they are only read to be dropped. */
const FEW = 32;

export class Session implements Subscriber {
  readonly clientId: string;
  /** Its name in the journal; 0 where it has none. */
  readonly number: number;
  /** Whether it was made to outlive its connection: what must survive is kept and put on record. */
  readonly durable: boolean;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Seconds it is kept without a connection; {@link NEVER} for ever, 0 not at all (MQTT 5.0 section 3.1.2.11.2). */
  expiryInterval: number;
  username: string | undefined;
  will: Will | undefined;
  /** Whether that, or one that waits, is on record. */
  isWillFiled = false;
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
  /** How many more QoS 1 and 2 messages this connection takes before it acknowledges one (MQTT 5.0 section 4.9). */
  #quota = 0;
  /** What was in flight when the connection came, and is not sent again yet. */
  #unsent: Queue<Delivery> | undefined;
  /** Of those in flight, by sequence, where their messages are to be read back before they are sent again. */
  #recalled: Map<number, Delivery> | undefined;
  /** The sequence up to which what lies on the shelf is in memory, in flight, or over. */
  #cursor = 0;
  /** The highest sequence that has left the queue: it, and all before it, is in flight or over. */
  #passed = 0;
  /** The last sequence when nothing was found behind the cursor. */
  #emptyAt: number | undefined;
  /** What is being read of the shelf; another one, or none, once that is of no use any more. */
  #reading: object | undefined;
  /** What a restart found of deliveries that had waited before they were sent: packet identifiers, by sequence. */
  #found: Map<number, number> | undefined;
  /** How many of what lies on the shelf may have been sent, without that being on record. */
  #unsure = 0;
  /** Whether a restart has brought back only that the session is there. */
  isCold = false;
  /** Whether it had a connection when the process ended. */
  wasConnected = false;
  /** The journal's place of the last message that came for it. */
  lastSequence = 0;
  /** Packet identifiers of QoS 2 messages that came in and are not released; at most 65,535, for there are no more. */
  #received: Set<number> | undefined;

  constructor(clientId: string, number: number, expiryInterval: number, createdAt: number, surroundings: SessionSurroundings) {
    this.clientId = clientId;
    this.number = number;
    this.expiryInterval = expiryInterval;
    // One that is on record was made to be, whatever its last connection asked for.
    this.durable = expiryInterval > 0 || number > 0;
    this.createdAt = createdAt;
    this.#surroundings = surroundings;
    this.queue = new OutgoingQueue(surroundings.limits, surroundings.tally, this.#shelf !== undefined);
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
    if (mustWait && !this.queue.hasRoomFor(message.size) && !this.#makeRoom(message.size)) return this.#drop('queue-full');
    // What may be given to another member is kept until its receiver has it.
    if (!mustWait && !this.durable && extras.share === undefined) {
      this.#sendAndForget(wire, message, qos, retain, extras);
      return 0;
    }
    message.keep();
    const delivery = new Delivery(message, qos, retain, extras, message.size);
    if (!mustWait) return this.#send(wire, delivery);
    const ticket = this.durable ? this.#surroundings.journal.enqueued(this, delivery) : 0;
    // Nothing passes what is still to be read back.
    if (this.queue.push(delivery, wire !== undefined && this.#recalled === undefined)) this.#cursor = delivery.sequence;
    return ticket;
  }

  takes({ size }: Message, qos: QoS): boolean {
    if (qos === 0 || (this.#wire === undefined && !this.durable)) return true; // it is not for the queue to say no
    return (this.queue.length === 0 && this.hasRoom) || this.queue.hasRoomFor(size);
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
    this.#quota = this.#window; // [MQTT5-4.9.0-1]
    this.#unsent = undefined;
    this.#stopReading(); // that was behind what is in flight
    // What waits for PUBCOMP is unfinished too [MQTT5-3.3.4-9], but its PUBREL waits for nothing [MQTT5-3.3.4-10].
    for (const { awaiting } of this.inflight) if (awaiting === Awaiting.Pubcomp) this.#quota--;
    for (const delivery of this.inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) this.#sendPubrel(delivery.packetId, 0, ReasonCode.Success);
      else this.#resend(delivery);
    }
    this.drain();
  }

  /** Takes the session off its wire. */
  suspend(): void {
    this.#wire = undefined;
    this.#terms.forgetAliases();
    this.#unsent = undefined;
    if (this.#shelf !== undefined) this.#shelve();
  }

  /** Sends what waits while there is room. */
  drain(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    if (this.#unsent !== undefined) this.#sendUnsent(wire, this.#unsent);
    while (this.hasRoom) {
      const delivery = this.queue.shift();
      if (delivery === undefined) break;
      const { message, qos, retain, extras } = delivery;
      if (message!.expiresAt <= this.#surroundings.now())
        this.#giveUp(delivery, 'message-expired'); // [MQTT5-3.3.2-5]
      else if (this.durable || extras.share !== undefined) this.#send(wire, delivery);
      else this.#sendAndForget(wire, message!, qos, retain, extras);
    }
    if (this.queue.shelved > 0 && this.queue.wanted > 0) this.#read(this.queue.wanted);
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
        ticket = this.#surroundings.journal.released(delivery);
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
    this.#reading = undefined;
    this.isCold = false; // nothing is to be found for it any more
    const { tally, again } = this.#surroundings;
    this.#received = undefined;
    this.whenRoom = undefined;
    this.will = undefined;
    if (this.#shelf !== undefined) {
      // What of it others may have is on record, and found there when the records are deleted.
      this.queue.clear();
      return this.inflight.clear();
    }
    const waiting: Delivery[] = [];
    this.queue.takeShared(waiting);
    tally.dropped['session-ended'] += this.queue.length - waiting.length;
    // A QoS 2 message that was sent once goes to nobody else [MQTT5-4.8.2-5].
    const shared = [...this.inflight].filter(({ awaiting }) => awaiting === Awaiting.Puback).concat(waiting);
    this.queue.clear();
    this.inflight.clear();
    for (const { message, extras } of shared) if (message !== undefined && extras.share !== undefined) again(extras.share, message);
  }

  /** What a restart finds on record, of a session that is cold: from now on it is as if it had been here all the time. */
  warm({ released, received, sent, messages, bytes }: Found): void {
    if (!this.isCold) return;
    this.isCold = false;
    if (this.wasConnected) this.#unsure = this.#surroundings.limits.maxInflight;
    for (const packetId of released) {
      const delivery = new Delivery(undefined, 2, false, PLAIN, 0);
      Object.assign(delivery, { packetId, awaiting: Awaiting.Pubcomp, number: this.number });
      this.inflight.add(packetId, delivery);
      this.#surroundings.shelf!.knows(delivery);
    }
    if (received.length > 0) this.#received = new Set(received);
    this.#found = sent;
    this.queue.found(messages, bytes);
  }

  /** A delivery on the shelf is over, as where it has expired; whether it lies there. */
  lapsed(sequence: number, size: number, reason: DropReason): boolean {
    if (this.isCold || this.#reading !== undefined || sequence <= this.#cursor || sequence <= this.#passed) return false;
    if (this.#found?.has(sequence) === true) return false;
    this.queue.removed(size);
    this.#drop(reason);
    return true;
  }

  /** Where its queue lies beyond what is in memory. */
  get #shelf(): Shelf | undefined {
    return this.durable ? this.#surroundings.shelf : undefined;
  }

  get #window(): number {
    return Math.min(this.#terms.receiveMaximum, this.#surroundings.limits.maxInflight);
  }

  /** It was in flight when the connection came: it is sent again, once it is its turn and its message is here. */
  #resend(delivery: Delivery): void {
    (this.#unsent ??= new Queue()).push(delivery);
    if (this.#shelf !== undefined) (this.#recalled ??= new Map()).set(delivery.sequence, delivery);
  }

  #sendUnsent(wire: Wire, unsent: Queue<Delivery>): void {
    for (let delivery = unsent.peek(); delivery !== undefined; delivery = unsent.peek()) {
      // An answer to what was sent over an earlier connection may have come meanwhile.
      const isDue = this.inflight.get(delivery.packetId) === delivery && delivery.awaiting !== Awaiting.Pubcomp;
      if (isDue && this.#quota <= 0) return;
      if (isDue && delivery.message === undefined) return this.#read(FEW);
      unsent.shift();
      if (isDue) this.#sendAgain(wire, delivery);
    }
    this.#unsent = undefined;
    // What lies behind the last of them waits; what lies before it is in flight, or over.
    for (const sequence of this.#recalled?.keys() ?? []) if (sequence > this.#cursor) this.#cursor = sequence;
    this.#recalled = undefined;
  }

  /** Reads what lies behind the cursor: what was in flight is to be sent again, the rest waits. */
  #read(limit: number): void {
    if (this.#reading !== undefined) return;
    const newest = this.lastSequence;
    if (this.#emptyAt === newest) return this.#miss();
    const reading = (this.#reading = {});
    // Without a connection what is in flight stays where it is: only what waits is read, to be dropped.
    const behind = this.#wire === undefined ? Math.max(this.#cursor, this.#passed) : this.#cursor;
    this.#shelf!.read(this, behind, limit, (deliveries) => {
      if (this.#reading !== reading) return;
      this.#reading = undefined;
      if (deliveries.length === 0) this.#emptyAt = newest;
      for (const delivery of deliveries) this.#take(delivery);
      if (this.#wire !== undefined) return this.drain();
      while (!this.queue.fits && this.queue.peek() !== undefined) this.#giveUp(this.queue.shift()!, 'queue-full');
      if (!this.queue.fits && this.queue.shelved > 0) this.#read(FEW);
      else this.#shelve();
    });
  }

  /** What was to lie on the shelf is not there: a fault, which must not become a search without end. */
  #miss(): never {
    const absent = [...(this.#recalled?.values() ?? [])].filter(({ message, done }) => message === undefined && !done);
    for (const delivery of absent) if (delivery.awaiting !== Awaiting.Pubcomp) this.#forget(delivery);
    throw new Error(`of ${this.queue.lose()} messages that wait, and ${absent.length} in flight, nothing is on record`);
  }

  #stopReading(): void {
    this.#reading = undefined;
    this.#recalled = undefined;
    this.#emptyAt = undefined;
  }

  #take(delivery: Delivery): void {
    const { sequence } = delivery;
    if (sequence <= this.#cursor) return;
    this.#cursor = sequence;
    const recalled = this.#recalled?.get(sequence);
    if (recalled !== undefined) {
      recalled.message ??= delivery.message;
      if (recalled.message !== undefined) return;
      this.#drop('record-damaged');
      return this.#forget(recalled);
    }
    if (delivery.message === undefined) {
      this.queue.removed(delivery.size);
      if (this.#found?.has(sequence) === true) this.#surroundings.shelf!.knows(delivery);
      return this.#giveUp(delivery, 'record-damaged');
    }
    const foundId = this.#found?.get(sequence);
    const packetId = foundId ?? delivery.packetId;
    if (packetId === 0) {
      // At QoS 1 what was sent is on record a little later: the first of what waits may have been sent [MQTT-3.3.1-1].
      delivery.isRepeat = this.#unsure > 0 && delivery.qos === 1;
      this.#unsure--;
      return this.queue.taken(delivery);
    }
    // It was in flight when the process ended.
    this.#passed = sequence;
    delivery.packetId = packetId;
    if (foundId !== undefined) this.#surroundings.shelf!.knows(delivery);
    delivery.awaiting = delivery.qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
    this.queue.removed(delivery.size);
    this.inflight.add(packetId, delivery);
    this.inflight.continueAfter(packetId);
    if (this.#wire !== undefined) this.#resend(delivery);
  }

  /** Lets go of what lies on the shelf: the next connection reads it from there. */
  #shelve(): void {
    this.#stopReading();
    let first: number | undefined;
    for (const delivery of this.inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) continue;
      first ??= delivery.sequence;
      this.#shelf!.letGo(delivery);
    }
    first ??= this.queue.peek()?.sequence;
    this.queue.shelve();
    if (first !== undefined) this.#cursor = first - 1;
  }

  /** Makes room for a message by dropping the oldest, where that is asked for; whether there is room now, or will be. */
  #makeRoom(size: number): boolean {
    const { limits } = this.#surroundings;
    if (limits.whenQueueFull !== 'drop-oldest' || size > limits.maxQueuedBytes || limits.maxQueuedMessages === 0) return false;
    if (this.isCold) return false;
    while (this.queue.peek() !== undefined && !this.queue.hasRoomFor(size)) this.#giveUp(this.queue.shift()!, 'queue-full');
    if (this.queue.hasRoomFor(size)) return true;
    if (!this.queue.mayOvershoot(size)) return false;
    this.#read(FEW);
    return true;
  }

  #sendAgain(wire: Wire, delivery: Delivery): void {
    const frame = this.#frame(delivery.message!, delivery.qos, delivery.extras);
    if (frame !== undefined) return this.#transmit(wire, frame, delivery, DUP, 0); // [MQTT-3.3.1-1]
    this.#drop('packet-too-large');
    this.#forget(delivery);
  }

  /** @returns the ticket of what is on record of it. */
  #send(wire: Wire, delivery: Delivery): Ticket {
    const frame = this.#frame(delivery.message!, delivery.qos, delivery.extras);
    if (frame === undefined) {
      this.#giveUp(delivery, 'packet-too-large');
      return 0;
    }
    const packetId = this.inflight.nextId();
    delivery.packetId = packetId;
    delivery.awaiting = delivery.qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
    this.inflight.add(packetId, delivery);
    let ticket = 0;
    if (this.durable) {
      const { journal } = this.#surroundings;
      ticket = delivery.sequence === 0 ? journal.enqueued(this, delivery) : journal.sent(delivery);
      this.#passed = delivery.sequence;
      if (delivery.sequence > this.#cursor) this.#cursor = delivery.sequence;
    }
    // At QoS 2 durable before it leaves: after a restart it must go out under the same identifier, or it would come twice. At QoS 1 it may.
    this.#transmit(wire, frame, delivery, delivery.isRepeat ? DUP : 0, delivery.qos === 2 ? ticket : 0);
    return ticket;
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

  #frame(message: Message, qos: QoS, extras: Extras): Publish | undefined {
    return this.#terms.frame(message, qos, extras, this.#surroundings.now);
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
    delivery.done = true;
    if (this.durable) this.#surroundings.journal.settled(delivery);
    this.inflight.delete(packetId);
  }

  /** A message that waited and will not be sent. */
  #giveUp(delivery: Delivery, reason: DropReason): void {
    this.#drop(reason);
    delivery.done = true;
    if (delivery.sequence > this.#passed) this.#passed = delivery.sequence;
    if (this.durable) this.#surroundings.journal.settled(delivery);
  }

  #drop(reason: DropReason): Ticket {
    this.messagesDropped++;
    this.#surroundings.tally.dropped[reason]++;
    return 0;
  }
}
