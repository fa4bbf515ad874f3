/** One TCP connection over a `net.Socket`: what works wherever Node does. */
import type { Socket } from 'node:net';
import type { Receiver, Transport } from './transport.js';

/** So low that a socket says of whatever the kernel does not take at once when it has. */
export const HIGH_WATER_MARK = 1;

export class SocketTransport implements Transport {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  #receiver: Receiver | undefined;
  /** Whether the kernel has not taken everything. */
  #full = false;

  /** @param socket one that does not read yet, with {@link HIGH_WATER_MARK}. */
  constructor(socket: Socket) {
    this.#socket = socket;
    // The peer may be gone already.
    this.remoteAddress = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    socket.on('data', (chunk) => this.#receiver?.received(chunk, chunk.length));
    socket.pause();
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#receiver?.ended(undefined));
    socket.on('error', (error) => this.#receiver?.ended(error));
    socket.on('close', () => this.#receiver?.released());
  }

  get buffered(): number {
    return this.#socket.writableLength;
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#socket.resume();
  }

  write(bytes: Buffer): boolean {
    this.#socket.write(bytes);
    this.#full = this.#socket.writableLength > 0;
    return !this.#full;
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
    this.#full = this.#socket.writableLength > 0;
    return !this.#full;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Told after every write, also where it was taken at once. */
  #drained(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#receiver?.drained();
  }
}
