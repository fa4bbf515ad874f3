/** Packets of one connection that wait for the disk before they may leave, in order. Hot. */
import type { Publish } from '../packet/publish.js';
import type { Ticket } from '../session/contracts.js';

/** A packet that waits: its bytes; an acknowledgement of four bytes as a number, for there are many; a message as what is to be copied. */
export type Piece = Buffer | number | HeldMessage;

/** A PUBLISH that is copied when it leaves: the frame, which is kept, its first byte and its packet identifier. */
export class HeldMessage {
  readonly frame: Publish;
  readonly first: number;
  readonly packetId: number;

  constructor(frame: Publish, first: number, packetId: number) {
    frame.keep();
    this.frame = frame;
    this.first = first;
    this.packetId = packetId;
  }
}

/** Bytes a packet has on the wire. */
export function sizeOf(piece: Piece): number {
  if (typeof piece === 'number') return 4;
  return piece instanceof HeldMessage ? piece.frame.length : piece.length;
}

export class Held {
  /** Bytes that wait. */
  bytes = 0;
  /** Whether a CONNACK waits: nothing may come before it, not even what needs no disk. */
  barred = false;
  /** Whether a message waits: those at QoS 1 and 2 leave in one order, which is the order they would be sent again in [MQTT-4.6.0-1]. */
  hasMessage = false;
  readonly #batches: { readonly ticket: Ticket; readonly pieces: Piece[] }[] = [];

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** A packet that may leave when its ticket is durable, and all before it have left. */
  add(piece: Piece, ticket: Ticket): void {
    this.bytes += sizeOf(piece);
    const last = this.#batches.at(-1);
    if (last !== undefined && ticket <= last.ticket) last.pieces.push(piece);
    else this.#batches.push({ ticket, pieces: [piece] });
  }

  /** A packet that needs no disk, while {@link barred}: it leaves when the CONNACK has left, in the order in which such packets came. */
  addBehindConnack(piece: Piece): void {
    this.bytes += sizeOf(piece);
    this.#batches[0]!.pieces.push(piece);
  }

  /** Takes out the next packets that may leave now, in order; none where none may. */
  take(durable: Ticket): readonly Piece[] | undefined {
    const next = this.#batches[0];
    if (next === undefined || next.ticket > durable) return undefined;
    this.#batches.shift();
    for (let i = 0; i < next.pieces.length; i++) this.bytes -= sizeOf(next.pieces[i]!);
    // A CONNACK is the first packet there is, so it has left now.
    this.barred = false;
    return next.pieces;
  }
}
