/** One Network Connection: a transport's bytes on one side, the protocol's packets on the other. Hot. */
import { Decoder } from '../packet/decoder.js';
import { PacketType, type Packet, type Version } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import { MqttError, ReasonCode } from '../packet/reason-code.js';
import type { Ticket, Vitals, Wire } from '../session/contracts.js';
import { Protocol } from '../session/protocol.js';
import type { Session } from '../session/session.js';
import type { CloseReason } from '../session/tally.js';
import { Timer, type Wheel } from '../util/wheel.js';
import type { Broker } from '../broker/broker.js';
import type { Limits, Log } from '../broker/contracts.js';
import type { Turn } from '../broker/turn.js';
import type { Arena } from './arena.js';
import { Outbox, type Sender } from './outbox.js';
import type { Receiver, Transport } from './transport.js';

/** Remaining Length of a CONNECT at most: five fields of 65,535 bytes with their lengths, and the ten bytes before them. */
const MAX_CONNECT_SIZE = 5 * 65_537 + 12;
/** How long a closed connection may take to hand over its last bytes, in ms. */
const LINGER = 2_000;

/** Ends that are nobody's fault; the others are told at the level everybody sees. */
const ORDINARY: ReadonlySet<CloseReason> = new Set(['client-disconnect', 'connection-lost', 'taken-over', 'server-stopping', 'kicked']);

/** What the connections of one broker share. */
export interface ConnectionSurroundings {
  readonly broker: Broker;
  readonly turn: Turn;
  readonly wheel: Wheel;
  /** ms since the epoch. The wheel is told the time only now and then: a deadline counted from what it knows would come early. */
  readonly now: () => number;
  readonly arena: Arena;
  readonly limits: Limits;
  readonly log: Log;
  /** Every connection whose transport is not released. */
  readonly register: Set<Connection>;
}

export class Connection implements Wire, Receiver, Sender, Vitals {
  readonly connectedAt: number;
  keepAlive = 0;
  lastPacketAt: number;
  bytesReceived = 0;
  readonly #surroundings: ConnectionSurroundings;
  readonly #transport: Transport;
  readonly #decoder: Decoder;
  readonly #outbox: Outbox;
  readonly #protocol: Protocol;
  /** One for the three deadlines of a connection: CONNECT, keep-alive, and the end of a close. */
  readonly #deadline = new Deadline(this);
  #closed = false;
  /** The rules take no packet now: a CONNECT is being decided. */
  #paused = false;
  /** The peer does not take its answers, so no more of its packets are taken. */
  #stalled = false;
  #pulling = false;
  #reading = true;

  constructor(transport: Transport, surroundings: ConnectionSurroundings) {
    const { broker, turn, wheel, now, arena, limits, register } = surroundings;
    this.#surroundings = surroundings;
    this.#transport = transport;
    this.connectedAt = this.lastPacketAt = now();
    this.#decoder = new Decoder(Math.min(limits.maxPacketSize, MAX_CONNECT_SIZE));
    this.#outbox = new Outbox(this, transport, turn, arena, broker.tally);
    this.#protocol = new Protocol(broker, this);
    wheel.schedule(this.#deadline, this.connectedAt + limits.connectTimeout * 1_000);
    register.add(this);
    broker.tally.connectionsOpen++;
    broker.tally.connectionsTotal++;
    transport.start(this);
  }

  get vitals(): Vitals {
    return this;
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  get bytesBuffered(): number {
    return this.#outbox.buffered;
  }

  get bytesSent(): number {
    return this.#outbox.bytesSent;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether something for the peer waits for the disk. */
  get awaitsDisk(): boolean {
    return this.#outbox.holds;
  }

  get session(): Session | undefined {
    return this.#protocol.session;
  }

  get congested(): boolean {
    return this.#outbox.waiting >= this.#surroundings.limits.maxBufferedBytes;
  }

  // What the rules do to the connection.

  send(packet: Packet, ticket: Ticket): void {
    if (this.#closed) return;
    this.#outbox.send(packet, ticket);
    this.#surroundings.broker.tally.packetsSent++;
  }

  publish(frame: Publish, first: number, packetId: number, ticket: Ticket): void {
    if (this.#closed) return;
    this.#outbox.publish(frame, first, packetId, ticket);
    const { tally } = this.#surroundings.broker;
    tally.messagesSent++;
    tally.packetsSent++;
  }

  speaks(version: Version): void {
    this.#decoder.version = version;
    this.#outbox.version = version;
  }

  accepted(keepAlive: number): void {
    this.#decoder.maxPacketSize = this.#surroundings.limits.maxPacketSize;
    this.keepAlive = keepAlive;
    this.lastPacketAt = this.#surroundings.now();
    this.#watch();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    // The time somebody asked took is not the silence of the peer.
    this.lastPacketAt = this.#surroundings.now();
    this.#pull();
  }

  close(reason: CloseReason, because?: string): void {
    if (this.#closed) return;
    this.#closed = true;
    const farewell = this.#protocol.farewell(reason);
    const { broker, wheel, log } = this.#surroundings;
    broker.tally.connectionsOpen--;
    broker.tally.closed[reason]++;
    const line = { client: this.#clientId, address: this.remoteAddress, reason, because };
    if (ORDINARY.has(reason)) log.debug(line, 'connection closed');
    else log.info(line, 'connection closed');
    if (farewell !== undefined) this.#outbox.send(farewell, 0);
    this.#protocol.closed(reason);
    this.#outbox.close();
    wheel.schedule(this.#deadline, wheel.now + LINGER);
    // A peer that is gone, or silent, takes no last bytes.
    if (reason === 'connection-lost' || reason === 'socket-error' || reason === 'keep-alive-timeout') return this.#transport.destroy();
    // Whatever still comes counts for nothing, but only who reads learns that the peer has closed too.
    if (!this.#reading) this.#transport.resume();
    this.#transport.end();
  }

  // What the transport tells.

  received(bytes: Buffer, length: number): void {
    if (this.#closed) return;
    const isFirst = this.bytesReceived === 0;
    this.bytesReceived += length;
    this.#surroundings.broker.tally.bytesReceived += length;
    // Who speaks another protocol is told by its first byte, not when a length that was never one has come [MQTT-3.1.0-1].
    if (isFirst && length > 0 && bytes[0]! >> 4 !== PacketType.Connect) {
      return this.#failed(new MqttError(ReasonCode.ProtocolError, 'the first byte is not that of a CONNECT'));
    }
    this.#decoder.feed(bytes, length);
    this.#pull();
  }

  drained(): void {
    this.#outbox.drained();
    this.eased();
  }

  /** There is room again in the outbox: what waited for that goes on. */
  eased(): void {
    if (this.#closed) return;
    try {
      this.#protocol.drained();
    } catch (error) {
      this.#failed(error);
    }
    if (this.#stalled && !this.#overfull) {
      this.#stalled = false;
      this.#pull();
    }
  }

  ended(error: Error | undefined): void {
    if (error === undefined) this.close('connection-lost', 'the peer closed without DISCONNECT');
    else this.close('socket-error', error.message);
  }

  released(): void {
    this.close('connection-lost');
    this.#outbox.released();
    this.#surroundings.wheel.cancel(this.#deadline);
    this.#surroundings.register.delete(this);
  }

  /** Takes the packets that have come, as far as the rules and the peer allow. */
  #pull(): void {
    if (this.#pulling) return;
    this.#pulling = true;
    let packets = 0;
    try {
      while (!this.#closed && !this.#paused && !this.#stalled) {
        const packet = this.#decoder.next();
        if (packet === undefined) break;
        packets++;
        this.#protocol.receive(packet);
        if (this.#overfull) this.#stalled = true;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#pulling = false;
    }
    if (packets > 0) {
      this.lastPacketAt = this.#surroundings.now();
      this.#surroundings.broker.tally.packetsReceived += packets;
    }
    if (this.#closed) return;
    const mayRead = !this.#paused && !this.#stalled;
    if (!mayRead) this.#decoder.keep();
    if (mayRead === this.#reading) return;
    this.#reading = mayRead;
    if (mayRead) this.#transport.resume();
    else this.#transport.pause();
  }

  /** The peer does not read its answers. Messages are no reason: who takes long for a large one must be heard meanwhile. */
  get #overfull(): boolean {
    return this.#outbox.answers >= this.#surroundings.limits.maxBufferedBytes;
  }

  #failed(error: unknown): void {
    if (error instanceof MqttError) return this.#protocol.refuse(error);
    this.#surroundings.broker.bug(`the connection of ${this.#clientId ?? this.remoteAddress}`, error);
    this.close('internal-error');
  }

  /** The deadline has come. */
  due(): void {
    if (this.#closed) return this.#transport.destroy();
    const { wheel } = this.#surroundings;
    if (this.#protocol.session === undefined) return this.close('connect-timeout', 'no CONNECT was completed in time');
    // Whose packets wait here is not silent.
    if (this.#paused) this.lastPacketAt = wheel.now;
    if (wheel.now >= this.#silentAt) return this.close('keep-alive-timeout', `no packet came for ${this.keepAlive} s and a half more`);
    wheel.schedule(this.#deadline, this.#silentAt);
  }

  #watch(): void {
    const { wheel } = this.#surroundings;
    if (this.keepAlive === 0) wheel.cancel(this.#deadline);
    else wheel.schedule(this.#deadline, this.#silentAt);
  }

  /** When the peer has been silent for one and a half times its keep-alive [MQTT-3.1.2-24]. */
  get #silentAt(): number {
    return this.lastPacketAt + this.keepAlive * 1_500;
  }

  get #clientId(): string | undefined {
    return this.#protocol.session?.clientId ?? this.#protocol.connect?.clientId;
  }
}

/** A timer that knows its connection: a closure for each would be 100 bytes. */
class Deadline extends Timer {
  readonly connection: Connection;

  constructor(connection: Connection) {
    super(due);
    this.connection = connection;
  }
}

function due(timer: Timer): void {
  (timer as Deadline).connection.due();
}
