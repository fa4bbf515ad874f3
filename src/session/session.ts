/** What a client and the broker remember of each other (MQTT 3.1.1 section 3.1.2.4), and how messages go out to that client. Hot. */
import { PacketType, type QoS, type Version, type Will } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import { Queue } from '../util/queue.js';
import { RollingMap } from '../util/rolling-map.js';
import { Backlog } from './backlog.js';
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
import { Awaiting, Delivery, identifierAt, Inflight, OWES_PUBACK, OWES_PUBCOMP, OWES_PUBREC } from './inflight.js';
import type { Message } from './message.js';
import { OutgoingQueue } from './outgoing-queue.js';
import type { SettledLately } from './settled-lately.js';
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
const firstByte = (qos: QoS, retain: boolean): number => PUBLISH | (qos << 1) | (retain ? 1 : 0);

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
  // Set from the beginning, as all that may be absent: a field that is added later makes a session another shape to V8, and what it compiled void.
  username: string | undefined = undefined;
  will: Will | undefined = undefined;
  /** Whether that, or one that waits, is on record. */
  isWillFiled = false;
  /** Which of all CONNECTs, in the order they came, connected it last. */
  arrival = 0;
  /** By Topic Filter; the router's entries for this session. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Filters of those that have a record of their own: the journal's own notes. */
  subscriptionsApart: Set<string> | undefined = undefined;
  /** What is over and not on record as that: the journal's own notes. */
  settledLately: SettledLately | undefined = undefined;
  /** Called, once, when there is room to send more; whoever had more to send sets it. */
  whenRoom: (() => void) | undefined = undefined;
  messagesReceived = 0;
  messagesSent = 0;
  messagesDropped = 0;
  /** How many QoS 2 messages were given up that an earlier process may have sent: it cannot have sent more than a window of them. */
  #takenBack = 0;
  readonly inflight = new Inflight();
  readonly queue: OutgoingQueue;
  readonly #surroundings: SessionSurroundings;
  /** None where its queue is in memory. */
  readonly #backlog: Backlog | undefined;
  #wire: Wire | undefined;
  #terms = NO_TERMS;
  /** How many more QoS 1 and 2 messages this connection takes before it acknowledges one (MQTT 5.0 section 4.9). */
  #quota = 0;
  /** What was in flight when the connection came, and is not sent again yet. */
  #unsent: Queue<Delivery> | undefined;
  /** Whether a restart has brought back only that the session is there. */
  isCold = false;
  /** Whether it had a connection when a process ended, and may have been sent what is not on record as that. */
  wasConnected = false;
  /** The journal's place of the last message that came for it. */
  lastSequence = 0;
  /** Packet identifiers of QoS 2 messages that came in and are not released; at most 65,535, for there are no more. */
  #received: RollingMap<true> | undefined;

  constructor(clientId: string, number: number, expiryInterval: number, createdAt: number, surroundings: SessionSurroundings) {
    this.clientId = clientId;
    this.number = number;
    this.expiryInterval = expiryInterval;
    // One that is on record was made to be, whatever its last connection asked for.
    this.durable = expiryInterval > 0 || number > 0;
    this.createdAt = createdAt;
    this.#surroundings = surroundings;
    const { limits, tally, shelf } = surroundings;
    this.queue = new OutgoingQueue(limits, tally);
    this.#backlog = this.durable && shelf !== undefined ? new Backlog(this, shelf) : undefined;
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** The protocol version of the connection, or of the last one. */
  get version(): Version {
    return this.#terms.version;
  }

  /** Whether something waits that an earlier process may have sent, without that being on record. */
  get isUnsure(): boolean {
    return this.#backlog?.isUnsure ?? false;
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
      wire.publish(frame, firstByte(0, retain), 0, 0);
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
    if (this.#backlog === undefined) this.queue.push(delivery);
    else this.#backlog.push(delivery);
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
    this.#backlog?.shelve(); // what was read without a connection was behind what is in flight
    // What waits for PUBCOMP is unfinished too [MQTT5-3.3.4-9], but its PUBREL waits for nothing [MQTT5-3.3.4-10].
    for (const { awaiting } of this.inflight) if (awaiting === Awaiting.Pubcomp) this.#quota--;
    for (const delivery of this.inflight) {
      if (delivery.awaiting === Awaiting.Pubcomp) this.#sendPubrel(delivery.packetId, 0, ReasonCode.Success);
      else this.resend(delivery);
    }
    this.drain();
  }

  /** Takes the session off its wire. */
  suspend(): void {
    this.#wire = undefined;
    this.#terms.forgetAliases();
    this.#unsent = undefined;
    this.#backlog?.shelve();
  }

  /** Sends what waits while there is room. */
  drain(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    do {
      if (this.#unsent !== undefined) this.#sendUnsent(wire, this.#unsent);
      while (this.hasRoom) {
        const delivery = this.queue.shift();
        if (delivery === undefined) break;
        const { message, qos, retain, extras } = delivery;
        if (message!.expiresAt <= this.#surroundings.now())
          this.giveUp(delivery, 'message-expired'); // [MQTT5-3.3.2-5]
        else if (this.durable || extras.share !== undefined) this.#send(wire, delivery);
        else this.#sendAndForget(wire, message!, qos, retain, extras);
      }
    } while (this.hasRoom && this.#backlog?.unpack() === true);
    this.#backlog?.refill();
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
    (this.#received ??= new RollingMap()).set(packetId, true);
    return this.durable ? this.#surroundings.journal.received(this, packetId) : 0;
  }

  /** PUBREL: the sender has released the identifier; unknown ones are no offence. */
  release(packetId: number): Ticket {
    if (this.#received?.delete(packetId) !== true) return 0;
    return this.durable ? this.#surroundings.journal.completed(this, packetId) : 0;
  }

  /** Gives everything back, what others may have of it to them [MQTT5-4.8.2-4]; the session is not used after this. */
  end(): void {
    this.#wire = undefined;
    this.#backlog?.stopReading();
    this.isCold = false; // nothing is to be found for it any more
    const { tally, again } = this.#surroundings;
    this.#received = undefined;
    this.whenRoom = undefined;
    this.will = undefined;
    if (this.#backlog !== undefined) {
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
  warm(found: Found): void {
    if (!this.isCold) return;
    this.isCold = false;
    for (const release of found.released) {
      for (const packetId of release.packetIds) {
        const delivery = new Delivery(undefined, 2, false, PLAIN, 0);
        Object.assign(delivery, { packetId, awaiting: Awaiting.Pubcomp, number: this.number, release });
        this.inflight.add(packetId, delivery);
        this.#surroundings.shelf!.knows(delivery);
      }
    }
    this.lastSequence = Math.max(this.lastSequence, found.last);
    for (const packetId of found.received) (this.#received ??= new RollingMap()).set(packetId, true);
    this.#backlog!.warm(found, this.wasConnected);
  }

  /** A delivery on the shelf is over, as where it has expired; whether it lies there. */
  lapsed(sequence: number, size: number, reason: DropReason): boolean {
    if (this.isCold || this.#backlog?.holds(sequence) !== true) return false;
    this.queue.removed(size);
    this.#drop(reason);
    return true;
  }

  /** It was in flight when the connection came: it is sent again, once it is its turn and its message is here. */
  resend(delivery: Delivery): void {
    (this.#unsent ??= new Queue()).push(delivery);
    this.#backlog?.recall(delivery);
  }

  /** A message that waited, or was to be sent again, and will not be. */
  giveUp(delivery: Delivery, reason: DropReason): void {
    this.#drop(reason);
    if (delivery.qos === 2 && (delivery.isRepeat || delivery.awaiting === Awaiting.Pubrec)) this.#takeBack(delivery);
    else this.forget(delivery);
    this.#backlog?.left(delivery);
  }

  /** A delivery is over. */
  forget(delivery: Delivery, packetId = delivery.packetId): void {
    delivery.done = true;
    if (this.durable) this.#surroundings.journal.settled(this, delivery);
    this.inflight.delete(packetId);
  }

  get #window(): number {
    return Math.min(this.#terms.receiveMaximum, this.#surroundings.limits.maxInflight);
  }

  #sendUnsent(wire: Wire, unsent: Queue<Delivery>): void {
    for (let delivery = unsent.peek(); delivery !== undefined; delivery = unsent.peek()) {
      // An answer to what was sent over an earlier connection may have come meanwhile.
      const isDue = this.inflight.get(delivery.packetId) === delivery && delivery.awaiting !== Awaiting.Pubcomp;
      if (isDue && this.#quota <= 0) return;
      if (isDue && delivery.message === undefined) return this.#backlog!.read();
      unsent.shift();
      if (!isDue) continue;
      const { message, qos, retain, extras, packetId } = delivery;
      const frame = this.#frame(message!, qos, extras);
      if (frame === undefined) this.giveUp(delivery, 'packet-too-large');
      else this.#transmit(wire, frame, firstByte(qos, retain) | DUP, packetId, 0); // [MQTT-3.3.1-1]
    }
    this.#unsent = undefined;
    this.#backlog?.recalled();
  }

  /** Makes room for a message by dropping the oldest, where that is asked for; whether there is room now, or will be. */
  #makeRoom(size: number): boolean {
    const { limits } = this.#surroundings;
    if (limits.whenQueueFull !== 'drop-oldest' || size > limits.maxQueuedBytes || limits.maxQueuedMessages === 0) return false;
    if (this.isCold) return false;
    while (!this.queue.hasRoomFor(size)) {
      const oldest = this.queue.shift();
      if (oldest !== undefined) this.giveUp(oldest, 'queue-full');
      else if (this.#backlog?.unpack() !== true) break;
    }
    if (this.queue.hasRoomFor(size)) return true;
    if (!this.queue.mayOvershoot(size)) return false;
    this.#backlog!.read();
    return true;
  }

  /** @returns the ticket of what is on record of it. */
  #send(wire: Wire, delivery: Delivery): Ticket {
    const { qos, retain } = delivery;
    const frame = this.#frame(delivery.message!, qos, delivery.extras);
    if (frame === undefined) {
      this.giveUp(delivery, 'packet-too-large');
      return 0;
    }
    const hasWaited = delivery.sequence !== 0;
    const packetId = this.#identifierFor(delivery);
    delivery.sentAs(packetId);
    this.inflight.add(packetId, delivery);
    let ticket = 0;
    if (this.durable) {
      const { journal } = this.#surroundings;
      ticket = hasWaited ? journal.sent(this, delivery) : journal.enqueued(this, delivery);
      this.#backlog?.left(delivery);
    }
    // At QoS 2 durable before it leaves: after a restart it must go out under the same identifier, or it would come twice. At QoS 1 it may.
    const first = firstByte(qos, retain);
    this.#transmit(wire, frame, delivery.isRepeat ? first | DUP : first, packetId, hasWaited || qos === 2 ? ticket : 0);
    return ticket;
  }

  /** At QoS 2 that of its place, where it has waited and nothing goes by that. */
  #identifierFor({ qos, sequence }: Delivery): number {
    const own = identifierAt(sequence);
    return qos === 2 && sequence !== 0 && this.inflight.get(own) === undefined ? own : this.inflight.nextId();
  }

  /** A QoS 2 message is given up that its receiver may have had: it would keep the identifier, and take the next message under it for a repetition. */
  #takeBack(delivery: Delivery): void {
    if (delivery.awaiting === Awaiting.Nothing) {
      const own = identifierAt(delivery.sequence);
      if (this.inflight.get(own) !== undefined || this.#takenBack >= this.#surroundings.limits.maxInflight) return this.forget(delivery);
      this.#takenBack++;
      delivery.packetId = own;
    }
    const { packetId } = delivery;
    delivery.awaiting = Awaiting.Pubcomp;
    this.inflight.delete(packetId);
    this.inflight.add(packetId, delivery);
    if (this.#wire !== undefined) this.#quota--;
    const ticket = this.durable ? this.#surroundings.journal.released(delivery) : 0;
    delivery.message = undefined;
    this.#sendPubrel(packetId, ticket, ReasonCode.Success);
  }

  #sendAndForget(wire: Wire, message: Message, qos: QoS, retain: boolean, extras: Extras): void {
    const frame = this.#frame(message, qos, extras);
    if (frame === undefined) {
      this.#drop('packet-too-large');
      return;
    }
    const packetId = this.inflight.nextId();
    this.inflight.add(packetId, qos === 1 ? OWES_PUBACK : OWES_PUBREC);
    this.#transmit(wire, frame, firstByte(qos, retain), packetId, 0);
  }

  #transmit(wire: Wire, frame: Publish, first: number, packetId: number, ticket: Ticket): void {
    this.#quota--;
    this.messagesSent++;
    wire.publish(frame, first, packetId, ticket);
  }

  #frame(message: Message, qos: QoS, extras: Extras): Publish | undefined {
    return this.#terms.frame(message, qos, extras, this.#surroundings.now);
  }

  #sendPubrel(packetId: number, ticket: Ticket, reasonCode: ReasonCode): void {
    this.#wire?.send({ type: PacketType.Pubrel, packetId, reasonCode }, ticket);
  }

  #settle(packetId: number): void {
    this.forget(this.inflight.get(packetId)!, packetId);
    if (this.#quota < this.#window) this.#quota++;
    this.drain();
  }

  #drop(reason: DropReason): Ticket {
    this.messagesDropped++;
    this.#surroundings.tally.dropped[reason]++;
    return 0;
  }
}
