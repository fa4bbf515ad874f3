/** Bytes waiting for one socket. Hot. */
import { flagsOf } from '../packet/decode.js';
import { encode, isShort } from '../packet/encode.js';
import { PacketType, type Packet, type Version } from '../packet/packet.js';
import { writePacketId, type Publish } from '../packet/publish.js';
import type { Ticket } from '../session/contracts.js';
import type { Tally } from '../session/tally.js';
import type { Flushable, Turn } from '../broker/turn.js';
import { SLAB_SIZE, type Arena } from './arena.js';
import { Held, HeldMessage, sizeOf, type Piece } from './held.js';
import type { Transport } from './transport.js';

/** From this size, in bytes, a payload rides along uncopied: copying it would cost more than a write of its own. */
const LARGE = 8_192;

/** Whose outbox it is. */
export interface Sender {
  /** What waited for the disk has left: there may be room again. */
  eased(): void;
}

export class Outbox implements Flushable {
  version: Version = 4;
  /** Bytes given to the transport. */
  bytesSent = 0;
  readonly #sender: Sender;
  readonly #transport: Transport;
  readonly #turn: Turn;
  readonly #arena: Arena;
  readonly #tally: Tally;
  /** The slab being filled: `#bytes[#base, #at)`, up to `#limit`. No slab while nothing waits. */
  #bytes: Buffer | undefined;
  #base = 0;
  #at = 0;
  #limit = 0;
  /** Full pieces before the slab, where the socket takes no more. */
  #pieces: Buffer[] | undefined;
  #pieceBytes = 0;
  /** Slabs of the arena the transport still reads from. */
  #lent: number[] | undefined;
  #held: Held | undefined;
  #answers = 0;
  #blocked = false;
  #touched = false;
  #closed = false;

  constructor(sender: Sender, transport: Transport, turn: Turn, arena: Arena, tally: Tally) {
    this.#sender = sender;
    this.#transport = transport;
    this.#tally = tally;
    this.#turn = turn;
    this.#arena = arena;
  }

  /** Bytes that wait, here and in the transport. */
  get buffered(): number {
    return this.waiting + (this.#at - this.#base) + (this.#blocked ? 0 : this.#transport.buffered);
  }

  /** The same, but for the little a transport that is not blocked may hold: cheap enough for every delivery. */
  get waiting(): number {
    return this.#pieceBytes + (this.#held === undefined ? 0 : this.#held.bytes) + (this.#blocked ? this.#transport.buffered : 0);
  }

  /** Bytes of packets other than PUBLISH among those that wait; what was taken of them counts until everything is. */
  get answers(): number {
    if (this.waiting === 0) this.#answers = 0;
    return this.#answers;
  }

  send(packet: Packet, ticket: Ticket): void {
    const piece = pieceOf(packet, this.version);
    this.#answers += sizeOf(piece);
    if (this.#held !== undefined || ticket > this.#turn.durable) {
      // A PINGRESP stands outside the order of acknowledgements and deliveries, and what a DISCONNECT would wait for is given up.
      const mayOvertake = packet.type === PacketType.Pingresp || packet.type === PacketType.Disconnect;
      const overtakes = mayOvertake && this.#held?.barred === false;
      if (!overtakes) return this.#hold(piece, ticket, packet.type === PacketType.Connack);
    }
    this.#append(piece);
  }

  publish(frame: Publish, first: number, packetId: number, ticket: Ticket): void {
    if (this.#held !== undefined || ticket > this.#turn.durable) {
      // Nothing overtakes a CONNACK, and no message at QoS 1 or 2 another; acknowledgements are in an order of their own.
      const held = this.#held;
      if (ticket > this.#turn.durable || (packetId !== 0 && held?.hasMessage === true)) {
        this.#hold(new HeldMessage(frame, first, packetId), ticket, false);
        if (this.#held !== undefined) this.#held.hasMessage = true;
        return;
      }
      if (held?.barred === true) return held.addBehindConnack(new HeldMessage(frame, first, packetId));
    }
    this.#appendMessage(frame, first, packetId);
  }

  /** The turn ends: what may leave, leaves. */
  flush(): void {
    this.#touched = false;
    this.#write();
  }

  /** Whether something waits for the disk. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** More is durable: what waited for that may leave. */
  release(durable: Ticket): void {
    const held = this.#held;
    if (held === undefined || this.#closed) return;
    for (let pieces = held.take(durable); pieces !== undefined; pieces = held.take(durable)) {
      for (let i = 0; i < pieces.length; i++) this.#append(pieces[i]!);
    }
    if (held.empty) this.#held = undefined;
    else this.#turn.holding(this);
    this.#write();
    this.#sender.eased();
  }

  /** The transport has taken everything. */
  drained(): void {
    this.#blocked = false;
    this.#giveBack();
    this.#write();
  }

  /** Writes what may leave and takes no more; what waits for the disk is given up. */
  close(): void {
    this.#write();
    this.#closed = true;
    this.#held = undefined;
    if (this.#pieces !== undefined || this.#bytes !== undefined) {
      this.#seal();
      for (const piece of this.#pieces ?? []) this.#give(piece);
      this.#pieces = undefined;
      this.#pieceBytes = 0;
    }
  }

  /** The transport reads from nothing any more. */
  released(): void {
    this.#closed = true;
    this.#held = undefined;
    this.#giveBack();
    if (this.#bytes !== undefined) this.#dropSlab();
    this.#pieces = undefined;
    this.#pieceBytes = 0;
  }

  #hold(piece: Piece, ticket: Ticket, bar: boolean): void {
    if (this.#closed) return;
    if (this.#held === undefined) {
      this.#held = new Held();
      this.#turn.holding(this);
    }
    if (bar) this.#held.barred = true;
    this.#held.add(piece, ticket);
  }

  #append(piece: Piece): void {
    if (typeof piece === 'number') return this.#appendShort(piece);
    if (piece instanceof HeldMessage) return this.#appendMessage(piece.frame, piece.first, piece.packetId);
    if (piece.length > LARGE) return this.#appendLarge(piece);
    this.#room(piece.length).set(piece, this.#at);
    this.#at += piece.length;
  }

  #appendShort(acknowledgement: number): void {
    const bytes = this.#room(4);
    const at = this.#at;
    bytes[at] = acknowledgement >>> 16;
    bytes[at + 1] = 2;
    writePacketId(bytes, at + 2, acknowledgement & 0xffff);
    this.#at = at + 4;
  }

  #appendMessage(frame: Publish, first: number, packetId: number): void {
    const length = frame.end - frame.start;
    if (length > LARGE) return this.#appendLargeMessage(frame, first, packetId);
    const bytes = this.#room(length);
    const at = this.#at;
    if (frame.bytes === bytes) bytes.copyWithin(at, frame.start, frame.end);
    else if (length === frame.bytes.length) bytes.set(frame.bytes, at);
    else frame.bytes.copy(bytes, at, frame.start, frame.end);
    bytes[at] = first;
    if (packetId !== 0) writePacketId(bytes, at + frame.packetIdOffset, packetId);
    this.#at = at + length;
  }

  #appendLargeMessage(frame: Publish, first: number, packetId: number): void {
    frame.keep();
    const { payloadOffset } = frame;
    if (payloadOffset > LARGE) return this.#appendLarge(addressed(frame, first, packetId));
    const bytes = this.#room(payloadOffset);
    const at = this.#at;
    frame.bytes.copy(bytes, at, frame.start, frame.start + payloadOffset);
    bytes[at] = first;
    if (packetId !== 0) writePacketId(bytes, at + frame.packetIdOffset, packetId);
    this.#at = at + payloadOffset;
    if (frame.payloadLength > 0) this.#appendLarge(frame.payload);
  }

  /** Bytes nobody changes any more: they go as they are, behind what was gathered. */
  #appendLarge(bytes: Buffer): void {
    if (this.#closed) return;
    this.#touch();
    this.#seal();
    this.#push(bytes);
    if (!this.#blocked && this.#pieceBytes >= SLAB_SIZE) this.#write();
  }

  /** Room for `length` bytes, at most {@link LARGE}, at `#at` in the bytes it answers. */
  #room(length: number): Buffer {
    const bytes = this.#bytes;
    if (bytes !== undefined && this.#at + length <= this.#limit) return bytes;
    this.#touch();
    if (bytes !== undefined) {
      if (this.#blocked) this.#seal();
      else this.#write();
    }
    return this.#bytes !== undefined && this.#at + length <= this.#limit ? this.#bytes : this.#takeSlab();
  }

  #touch(): void {
    if (this.#touched) return;
    this.#touched = true;
    this.#turn.touch(this);
  }

  #takeSlab(): Buffer {
    // A socket that takes no more fills memory of its own: the arena is for those whose slab is free again when the turn ends.
    let slab = this.#blocked || this.#closed ? -1 : this.#arena.take();
    if (slab < 0 && !this.#blocked && !this.#closed) {
      this.#turn.flush();
      this.#touch();
      slab = this.#arena.take();
    }
    const bytes = slab < 0 ? Buffer.allocUnsafeSlow(SLAB_SIZE) : this.#arena.bytes;
    this.#bytes = bytes;
    this.#base = this.#at = Math.max(slab, 0);
    this.#limit = this.#base + SLAB_SIZE;
    return bytes;
  }

  #dropSlab(): void {
    if (this.#bytes === this.#arena.bytes) this.#arena.give(this.#base);
    this.#bytes = undefined;
    this.#base = this.#at = this.#limit = 0;
  }

  /** Turns the slab into a piece. A piece of the arena stays lent until the transport has drained. */
  #seal(): void {
    const bytes = this.#bytes;
    if (bytes === undefined) return;
    if (this.#at === this.#base) return this.#dropSlab();
    if (bytes === this.#arena.bytes) (this.#lent ??= []).push(this.#base);
    this.#push(bytes.subarray(this.#base, this.#at));
    this.#bytes = undefined;
    this.#base = this.#at = this.#limit = 0;
  }

  #push(piece: Buffer): void {
    (this.#pieces ??= []).push(piece);
    this.#pieceBytes += piece.length;
  }

  #write(): void {
    if (this.#blocked || this.#closed) return;
    const bytes = this.#bytes;
    if (this.#pieces === undefined) {
      if (bytes === undefined) return;
      if (this.#at > this.#base) {
        const arena = this.#arena;
        const length = this.#at - this.#base;
        this.#blocked = !this.#give(bytes === arena.bytes ? arena.start(this.#base, length) : bytes.subarray(this.#base, this.#at));
        if (this.#transport.buffered > 0) {
          if (bytes === this.#arena.bytes) (this.#lent ??= []).push(this.#base);
          this.#bytes = undefined;
          this.#base = this.#at = this.#limit = 0;
          return;
        }
      }
      return this.#dropSlab();
    }
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = undefined;
    this.#pieceBytes = 0;
    for (const { length } of pieces) this.#count(length);
    this.#blocked = !this.#transport.writeAll(pieces);
    if (this.#transport.buffered === 0) this.#giveBack();
  }

  /** @returns whether the transport wants more. */
  #give(bytes: Buffer): boolean {
    this.#count(bytes.length);
    return this.#transport.write(bytes);
  }

  #count(length: number): void {
    this.bytesSent += length;
    this.#tally.bytesSent += length;
  }

  #giveBack(): void {
    if (this.#lent === undefined) return;
    for (const slab of this.#lent) this.#arena.give(slab);
    this.#lent = undefined;
  }
}

/** An acknowledgement of four bytes as its first byte and its packet identifier, any other packet as its bytes. */
function pieceOf(packet: Packet, version: Version): Buffer | number {
  switch (packet.type) {
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      if (isShort(packet, version)) return (((packet.type << 4) | flagsOf(packet.type)) << 16) | packet.packetId;
      break;
    default:
  }
  return encode(packet, version);
}

/** A copy of the frame with its first byte and packet identifier written in. */
function addressed(frame: Publish, first: number, packetId: number): Buffer {
  const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end));
  bytes[0] = first;
  if (packetId !== 0) writePacketId(bytes, frame.packetIdOffset, packetId);
  return bytes;
}
