/** An outbox on a bench: a transport that takes as much as it is told to, a turn that ends and a disk that lands by hand. */

import assert from 'node:assert/strict';
import { Turn } from '../../src/broker/turn.js';
import { Arena } from '../../src/net/arena.js';
import { Outbox } from '../../src/net/outbox.js';
import type { Transport } from '../../src/net/transport.js';
import { Decoder } from '../../src/packet/decoder.js';
import { Tally } from '../../src/session/tally.js';
import { valueOf } from '../cases/packet-case.js';
import { takeAll } from '../packet/reading.js';

/** Bytes are read from the caller's memory when they are taken, not when they are written, as an operating system may do. */
export class FakeTransport implements Transport {
  readonly remoteAddress = 'bench';
  /** Bytes it takes before it stops. */
  room = Infinity;
  /** Whether it asks for more even where it could not take everything. */
  generous = false;
  /** Every buffer it was given. */
  readonly written: Buffer[] = [];
  readonly #taken: Buffer[] = [];
  #waiting: Buffer[] = [];

  get buffered(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  /** All it has taken. */
  get bytes(): Buffer {
    return Buffer.concat(this.#taken);
  }

  write(bytes: Buffer): boolean {
    assert.ok(bytes.length > 0, 'nothing is written for nothing');
    return this.writeAll([bytes]);
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    this.written.push(...pieces);
    this.#waiting.push(...pieces);
    this.#take();
    return this.buffered === 0 || this.generous;
  }

  /** Takes more; whether that was the last that waited. */
  take(room: number): boolean {
    const waited = this.#waiting.length > 0;
    this.room = room;
    this.#take();
    return waited && this.#waiting.length === 0;
  }

  start(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}

  destroy(): void {
    this.#waiting = [];
  }

  #take(): void {
    while (this.room > 0 && this.#waiting.length > 0) {
      const next = this.#waiting.shift()!;
      this.#taken.push(Buffer.from(next.subarray(0, this.room)));
      if (next.length > this.room) this.#waiting.unshift(next.subarray(this.room));
      this.room -= Math.min(this.room, next.length);
    }
  }
}

export class Bench {
  readonly arena: Arena;
  readonly turn: Turn;
  readonly transport = new FakeTransport();
  readonly tally = new Tally();
  readonly outbox: Outbox;
  /** How often the outbox has said that there may be room again. */
  eased = 0;
  readonly #slabs: number;
  #landings: (() => void)[] = [];

  /** @param beside another bench, to share its turn and its arena. */
  constructor({ slabs = 4, beside }: { slabs?: number; beside?: Bench } = {}) {
    this.arena = beside?.arena ?? new Arena(slabs);
    this.#slabs = this.arena.free;
    this.turn =
      beside?.turn ??
      new Turn({
        schedule: () => {},
        commit: () => new Promise((resolve) => this.#landings.push(resolve)),
        failed: (error) => assert.fail(String(error)),
        bug: (where, error) => assert.fail(`${where}: ${String(error)}`),
      });
    const sender = { eased: () => void this.eased++ };
    this.outbox = new Outbox(sender, this.transport, this.turn, this.arena, this.tally);
  }

  /** The packets the transport has taken. */
  get packets(): (object | undefined)[] {
    return takeAll(new Decoder(), this.transport.bytes).map(valueOf);
  }

  /** Slabs of the arena that somebody has. */
  get slabsOut(): number {
    return this.#slabs - this.arena.free;
  }

  /** The commit that is under way lands. */
  async land(): Promise<void> {
    this.#landings.shift()!();
    await Promise.resolve();
    await Promise.resolve();
  }

  /** The transport takes so many bytes more, and says if that was all. */
  take(room = Infinity): void {
    if (this.transport.take(room)) this.outbox.drained();
  }

  /** The connection ends as a real one does: the outbox is closed, then the transport gives everything back. */
  end(): void {
    this.outbox.close();
    this.transport.destroy();
    this.outbox.released();
  }
}
