/** What the rules need of the world: a server behind them, a wire before them, a journal beside them. */
import type { Connect, Packet, QoS, SubscriptionRequest } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import type { ReasonCode } from '../packet/reason-code.js';
import type { Delivery } from './inflight.js';
import type { Message } from './message.js';
import type { Session } from './session.js';
import type { CloseReason, Tally } from './tally.js';

/** The journal batch a fact belongs to; 0 needs no disk. Bytes with a ticket leave when the batch is durable. */
export type Ticket = number;

/** What can be said of a Network Connection at any time. */
export interface Vitals {
  /** Where the peer is, for people: `192.0.2.7:50112`. */
  readonly remoteAddress: string;
  /** ms since the epoch. */
  readonly connectedAt: number;
  /** Seconds; 0 where the client asked for none. */
  readonly keepAlive: number;
  /** When the last whole packet came: ms since the epoch. */
  readonly lastPacketAt: number;
  /** Bytes that wait to be taken by the peer. */
  readonly bytesBuffered: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** What the rules may do to a Network Connection. */
export interface Wire {
  readonly vitals: Vitals;
  readonly closed: boolean;
  /** Whether so many bytes wait for the peer that messages should wait elsewhere, or be dropped. */
  readonly congested: boolean;
  /** Sends a packet in its order, when `ticket` is durable. */
  send(packet: Packet, ticket: Ticket): void;
  /** Sends a PUBLISH: the frame with this first byte and, at QoS 1 and 2, this packet identifier written into the copy. */
  publish(frame: Publish, first: number, packetId: number, ticket: Ticket): void;
  /** The CONNECT was accepted: from now on its protocol version and its keep-alive hold. */
  accepted(connect: Connect): void;
  /** Takes no further packet until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Ends the connection, after what was sent before has been written; a second call does nothing. */
  close(reason: CloseReason, because?: string): void;
}

/** Who a message can be delivered to: a session, or a listener in this process. */
export interface Subscriber {
  readonly clientId: string;
  /** @param qos the QoS of this delivery, the lower of what was published and what was granted [MQTT-3.8.4-6]. */
  deliver(message: Message, qos: QoS, retain: boolean): Ticket;
}

/** Topic Filter, who it is for, and what was granted. */
export interface Subscription {
  readonly subscriber: Subscriber;
  readonly filter: string;
  readonly qos: QoS;
}

/** How a CONNECT ended: with a session, or refused. */
export type ConnectOutcome =
  | { readonly session: Session; readonly sessionPresent: boolean; readonly ticket: Ticket }
  | { readonly refused: ReasonCode; readonly because: string };

/** The broker, as the rules of one connection see it. */
export interface Server {
  readonly tally: Tally;
  /** Calls `answer` once, at once unless somebody asked answers later. */
  connect(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): void;
  /** The session is on its wire, and its CONNACK on its way. */
  connected(session: Session, wire: Wire, sessionPresent: boolean): void;
  publish(message: Message, publisher: Session): Ticket;
  subscribe(session: Session, requests: readonly SubscriptionRequest[]): { readonly reasonCodes: ReasonCode[]; readonly ticket: Ticket };
  /** Sends the retained messages of filters just granted; called after their SUBACK is on its way. */
  replay(session: Session, requests: readonly SubscriptionRequest[], granted: readonly ReasonCode[]): void;
  unsubscribe(session: Session, filters: readonly string[]): { readonly reasonCodes: ReasonCode[]; readonly ticket: Ticket };
  /** The connection of a session has ended. */
  disconnect(session: Session, reason: CloseReason): void;
}

/** What must survive a restart, told fact by fact. Each answers the ticket of the batch it is in. */
export interface Journal {
  opened(session: Session): Ticket;
  /** The session has no connection any more; it is kept until `expiresAt`, ms since the epoch. */
  detached(session: Session, expiresAt: number): Ticket;
  closed(session: Session): Ticket;
  subscribed(session: Session, subscription: Subscription): Ticket;
  unsubscribed(session: Session, filter: string): Ticket;
  /** A message for this session; not yet sent. */
  enqueued(session: Session, delivery: Delivery): Ticket;
  /** It has a packet identifier now. */
  sent(session: Session, delivery: Delivery): Ticket;
  /** The receiver has it (PUBREC): from now on only PUBREL is sent. */
  released(session: Session, delivery: Delivery): Ticket;
  /** The receiver is done with it. */
  settled(session: Session, delivery: Delivery): Ticket;
  /** A QoS 2 message came in under this packet identifier. */
  received(session: Session, packetId: number): Ticket;
  /** Its sender has released the identifier (PUBREL). */
  completed(session: Session, packetId: number): Ticket;
  retained(message: Message): Ticket;
  unretained(topic: string): Ticket;
}

/** Bounds of one session. */
export interface SessionLimits {
  readonly maxInflight: number;
  readonly maxQueuedMessages: number;
  /** Bytes. */
  readonly maxQueuedBytes: number;
}
