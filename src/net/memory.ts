/** A transport without a network: what one end writes the other receives, at once. */
import type { Receiver, Transport } from './transport.js';

/** The far end of a {@link MemoryTransport}: what a test, or a client in this process, holds. */
export interface FarEnd {
  /** What the broker wrote. The bytes are lent. */
  received(bytes: Buffer): void;
  /** The broker has closed the connection; no bytes come after this. */
  closed(): void;
}

export class MemoryTransport implements Transport {
  readonly remoteAddress: string;
  readonly #far: FarEnd;
  #receiver: Receiver | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #frozen = false;
  #open = true;
  #ending = false;
  #paused = false;
  #unread: Buffer[] = [];

  constructor(far: FarEnd, remoteAddress = 'memory') {
    this.#far = far;
    this.remoteAddress = remoteAddress;
  }

  get buffered(): number {
    return this.#waitingBytes;
  }

  /** Whether the broker reads now. */
  get paused(): boolean {
    return this.#paused;
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  write(bytes: Buffer): boolean {
    if (!this.#open) return false;
    if (!this.#frozen) {
      this.#far.received(bytes);
      return true;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    return false;
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    let isWelcome = true;
    for (const piece of pieces) isWelcome = this.write(piece);
    return isWelcome;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused && this.#unread.length > 0) this.send(this.#unread.shift()!);
  }

  end(): void {
    this.#ending = true;
    if (this.#waitingBytes === 0) this.destroy();
  }

  destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#unread = [];
    this.#far.closed();
    this.#receiver?.released();
  }

  // What the far end does.

  /** Bytes for the broker. They may be written over when this returns, unless the broker is not reading. */
  send(bytes: Buffer): void {
    if (!this.#open) return;
    if (this.#paused) this.#unread.push(bytes);
    else this.#receiver?.received(bytes, bytes.length);
  }

  /** Stops taking what the broker writes. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Takes everything the broker has written meanwhile, and what comes from now on. */
  thaw(): void {
    this.#frozen = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const bytes of waiting) this.#far.received(bytes);
    if (this.#ending) this.destroy();
    else if (waiting.length > 0) this.#receiver?.drained();
  }

  /** Closes without a word, as a network does that breaks. */
  hangUp(error?: Error): void {
    if (!this.#open) return;
    this.#receiver?.ended(error);
    this.destroy();
  }
}
