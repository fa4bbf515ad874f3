/** What the rules need of the world: a server behind them, a wire before them, a journal beside them. */
import type { Connect, Packet, QoS, SubscriptionRequest, Version, Will } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import type { Properties } from '../packet/properties.js';
import type { ReasonCode } from '../packet/reason-code.js';
import type { Delivery } from './inflight.js';
import type { Message } from './message.js';
import type { Release } from './release.js';
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
  /** What follows, in both directions, is of this protocol version. */
  speaks(version: Version): void;
  /** The CONNECT was accepted: from now on this keep-alive holds, in seconds. */
  accepted(keepAlive: number): void;
  /** Takes no further packet until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Ends the connection, after what was sent before has been written; a second call does nothing. */
  close(reason: CloseReason, because?: string): void;
}

/** What a delivery has of its subscriptions beyond the QoS. */
export interface Extras {
  /** Subscription Identifiers, all that match (MQTT 5.0 section 3.3.4). */
  readonly identifiers: readonly number[] | undefined;
  /** The Shared Subscription it came through, by its filter with the group: `$share/group/filter` (MQTT 5.0 section 4.8.2). */
  readonly share: string | undefined;
}

/** Of a delivery that has none. */
export const PLAIN: Extras = { identifiers: undefined, share: undefined };

/** Who a message can be delivered to: a session, a listener in this process, or a shared subscription. */
export interface Subscriber {
  readonly clientId: string;
  /** Whether it keeps messages at QoS 1 and 2 on record. */
  readonly durable: boolean;
  /** Whether such a message of this size, in bytes, would find room: sent, or queued. */
  takes(message: Message, qos: QoS): boolean;
  /** @param qos the QoS of this delivery, the lower of what was published and what was granted [MQTT-3.8.4-6]. */
  deliver(message: Message, qos: QoS, retain: boolean, extras: Extras): Ticket;
}

/** Topic Filter, who it is for, and what was granted. */
export interface Subscription {
  readonly subscriber: Subscriber;
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 1 to 268,435,455. */
  readonly identifier: number | undefined;
}

/** How a CONNECT ended: with a session, refused, or not yet. */
export type ConnectOutcome =
  | {
      readonly session: Session;
      readonly sessionPresent: boolean;
      readonly ticket: Ticket;
      /** Who the client is, by its CONNECT or by what authenticated it. */
      readonly username: string | undefined;
      /** Seconds: what the client asked for, or what the server puts in its place. */
      readonly keepAlive: number;
      /** For the CONNACK of a 5.0 connection. */
      readonly properties: Properties | undefined;
    }
  | Refusal
  | { readonly challenge: Properties };

/** Why somebody is not let in. */
export interface Refusal {
  readonly refused: ReasonCode;
  /** One sentence, for the log and for 5.0 clients. */
  readonly because: string;
  readonly serverReference?: string;
}

/** How an AUTH ended. */
export type AuthOutcome = { readonly challenge: Properties } | { readonly authenticated: Properties; readonly username: string } | Refusal;

/** The broker, as the rules of one connection see it. */
export interface Server {
  readonly tally: Tally;
  /** What the protocol may say yes to. */
  readonly offer: Offer;
  /** ms since the epoch. */
  now(): number;
  /** Calls `answer`, at once unless somebody asked answers later; once more after each challenge that is answered. */
  connect(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): Attempt;
  /** Authenticates the client of an open connection again; calls `answer` after each step. */
  reauthenticate(session: Session, method: string, answer: (outcome: AuthOutcome) => void): Attempt;
  /** The session is on its wire, and its CONNACK on its way. */
  connected(session: Session, wire: Wire, connect: Connect, sessionPresent: boolean): void;
  /** Whether a message may be published: Success, or why not. */
  judge(message: Message, publisher: Session): ReasonCode;
  /** Keeps the message if it is to be retained, and delivers it to everybody who hears its topic. */
  route(message: Message): Ticket;
  subscribe(session: Session, requests: readonly SubscriptionRequest[], identifier: number | undefined): SubscribeOutcome;
  unsubscribe(session: Session, filters: readonly string[]): { readonly reasonCodes: ReasonCode[]; readonly ticket: Ticket };
  /** The client says how long its session is to be kept, in seconds. */
  expire(session: Session, expiryInterval: number): void;
  /** The connection of a session has ended. */
  disconnect(session: Session, reason: CloseReason): void;
}

export interface SubscribeOutcome {
  readonly reasonCodes: ReasonCode[];
  readonly ticket: Ticket;
  /** Sends the retained messages of what was granted; to be called when the SUBACK is on its way. */
  readonly replay: () => void;
}

/** A CONNECT, or an authentication, that may take several packets. */
export interface Attempt {
  /** The client's Authentication Data of the next AUTH. */
  next(data: Buffer | undefined): void;
}

/** What a server takes of 5.0 clients, told in the CONNACK (MQTT 5.0 section 3.2.2.3). */
export interface Offer {
  /** QoS 2 messages of one client that may be unfinished at one time. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly maxQos: QoS;
  /** Whether payloads that say they are UTF-8 are looked at. */
  readonly checkPayloadFormat: boolean;
}

/** What must survive a restart, told fact by fact. Each answers the ticket of the batch it is in. */
export interface Journal {
  /** Whether there is no space: what can be refused is to be. */
  readonly full: boolean;
  /** A number no session has had. */
  number(): number;
  opened(session: Session): Ticket;
  /** The session has no connection any more; it is kept until `expiresAt`, ms since the epoch. */
  detached(session: Session, expiresAt: number): Ticket;
  closed(session: Session): Ticket;
  /** @param isNew whether it had none to this filter. */
  subscribed(session: Session, subscription: Subscription, isNew: boolean): Ticket;
  unsubscribed(session: Session, filter: string): Ticket;
  /** A message for this session, sent just now or waiting. */
  enqueued(session: Session, delivery: Delivery): Ticket;
  /** It waited, and has a packet identifier now. Before the ticket is durable it must not go out. */
  sent(session: Session, delivery: Delivery): Ticket;
  /** The receiver has it (PUBREC): from now on only PUBREL is sent. */
  released(delivery: Delivery): Ticket;
  /** The receiver is done with it, or it is given up. */
  settled(session: Session, delivery: Delivery): Ticket;
  /** A QoS 2 message came in under this packet identifier. */
  received(session: Session, packetId: number): Ticket;
  /** Its sender has released the identifier (PUBREL). */
  completed(session: Session, packetId: number): Ticket;
  retained(message: Message): Ticket;
  unretained(topic: string): Ticket;
  /** The Will of a client: due at `dueAt`, ms since the epoch, or Infinity while it is connected. */
  willed(clientId: string, will: PendingWill): Ticket;
  /** The Will is published, or will never be. */
  unwilled(clientId: string): Ticket;
}

/** A Will that may have to be published. */
export interface PendingWill {
  readonly will: Will;
  readonly username: string | undefined;
  /** Seconds its session is kept: a Will waits no longer than that. */
  readonly expiryInterval: number;
  /** ms since the epoch; Infinity while the client is connected. */
  readonly dueAt: number;
}

/** Reads back what the journal has of a queue, so that memory need not hold all of it. */
export interface Shelf {
  /** About `limit` deliveries of a session behind a sequence; none only where there are no more. */
  read(session: Session, behind: number, limit: number, how: Reading, taken: (page: Page) => void): void;
  /** A delivery waits here and nowhere else, and nothing is being read: who asks for it will be who reads it. */
  keeps(delivery: Delivery): void;
  /** The message of a delivery is of no use for now: it can be read back, once it is on record. */
  letGo(delivery: Delivery): void;
  /** A delivery that is on record as released was made anew. */
  knows(delivery: Delivery): void;
}

export interface Reading {
  /** Whether deliveries behind the sequence are in memory, of which some may be over without that being on record. */
  readonly hasKnown: boolean;
  /** Whether something there is damaged: then all else is found, and what cannot be read comes without its message. */
  readonly isCareful: boolean;
}

/** What was read of a queue, in order. It is bytes until it is taken: most of it waits for a while, and bytes are cheaper to keep than objects. */
export interface Page {
  /** How many deliveries are still to be taken, at most. */
  readonly left: number;
  /** Bytes it takes in memory. */
  readonly bytes: number;
  /** The sequence of the last of them. */
  readonly last: number;
  /**
   * The next of them that share a record; none at the end.
   * @throws where they cannot be read: then it is to be read carefully.
   */
  take(): readonly Delivery[] | undefined;
}

/** What a restart finds of one session beside its queue, and how much waits there. */
export interface Found {
  /** What waits for PUBCOMP, in the order of the PUBRELs. */
  readonly released: readonly Release[];
  /** Packet identifiers of QoS 2 messages that came in. */
  readonly received: readonly number[];
  /** Packet identifiers of deliveries that had waited before they were sent, by sequence. */
  readonly sent: Map<number, number>;
  readonly messages: number;
  /** Bytes. */
  readonly bytes: number;
  /** The sequence of the last of them. */
  readonly last: number;
}

/** What becomes of a message for a queue that is full. */
export const WHEN_QUEUE_FULL = ['drop-newest', 'drop-oldest', 'reject'] as const;
export type WhenQueueFull = (typeof WHEN_QUEUE_FULL)[number];

/** Bounds of one session, and of all together. */
export interface SessionLimits {
  readonly maxInflight: number;
  readonly maxQueuedMessages: number;
  /** Bytes. */
  readonly maxQueuedBytes: number;
  readonly maxTotalQueuedMessages: number;
  /** Bytes. */
  readonly maxTotalQueuedBytes: number;
  readonly whenQueueFull: WhenQueueFull;
}
