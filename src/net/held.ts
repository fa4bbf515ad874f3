/** Packets of one connection that wait for the disk before they may leave, in order. */
import type { Ticket } from '../session/contracts.js';

export class Held {
  /** Bytes that wait. */
  bytes = 0;
  /** Whether a CONNACK waits: nothing may come before it, not even what needs no disk. */
  barred = false;
  /** Whether a message waits: those at QoS 1 and 2 leave in one order, which is the order they would be sent again in [MQTT-4.6.0-1]. */
  hasMessage = false;
  readonly #batches: { readonly ticket: Ticket; readonly pieces: Buffer[] }[] = [];

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** A packet that may leave when its ticket is durable, and all before it have left. */
  add(packet: Buffer, ticket: Ticket): void {
    this.bytes += packet.length;
    const last = this.#batches.at(-1);
    if (last !== undefined && ticket <= last.ticket) last.pieces.push(packet);
    else this.#batches.push({ ticket, pieces: [packet] });
  }

  /** A packet that needs no disk, while {@link barred}: it leaves when the CONNACK has left, in the order in which such packets came. */
  addBehindConnack(packet: Buffer): void {
    this.bytes += packet.length;
    this.#batches[0]!.pieces.push(packet);
  }

  /** Takes out what may leave now. */
  take(durable: Ticket): Buffer[] {
    const taken: Buffer[] = [];
    while (!this.empty && this.#batches[0]!.ticket <= durable) {
      for (const packet of this.#batches.shift()!.pieces) {
        taken.push(packet);
        this.bytes -= packet.length;
      }
      // A CONNACK is the first packet there is, so it has left now.
      this.barred = false;
    }
    return taken;
  }
}
