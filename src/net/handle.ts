/** TCP connections over Node's bare handles, without the `net.Socket` that is usually around one. Hot. */
import type { Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Arena } from './arena.js';
import type { Receiver, Transport } from './transport.js';

/** What a read answers where the peer has closed its side. */
const UV_EOF = -4_095;

/** The connection inside a `net.Socket`, as far as it is used here. What answers a number answers 0 or an error. */
interface Handle {
  owner: HandleTransport;
  onread: (this: Handle) => void;
  useUserBuffer(bytes: Buffer): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  writev(request: WriteRequest, pieces: readonly Buffer[], allBuffers: true): number;
  shutdown(request: ShutdownRequest): number;
  close(closed: (this: Handle) => void): void;
  setNoDelay(on: boolean): number;
  getpeername(into: { address?: string; port?: number }): number;
}

const METHODS = ['useUserBuffer', 'readStart', 'readStop', 'writeBuffer', 'writev', 'shutdown', 'close', 'setNoDelay', 'getpeername'];

/** The handle of a server. */
interface ListeningHandle {
  onconnection: (this: ListeningHandle, error: number, handle?: Handle) => void;
}

/** A write the kernel has not taken whole yet. */
interface WriteRequest {
  oncomplete: (this: WriteRequest, error: number) => void;
  transport: HandleTransport;
  /** What is written: it must not be collected before it is taken. */
  pieces: Buffer | readonly Buffer[];
  size: number;
}

interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest, error: number) => void;
  transport: HandleTransport;
}

/** What `node:net` itself is built on. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  /** Where a read says how much came, and a write whether it goes on. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** What the connections of one listener share. */
interface Home {
  readonly binding: StreamBinding;
  readonly arena: Arena;
  /** A request nothing goes on under: most writes are taken at once, and leave theirs to the next. */
  spare: WriteRequest | undefined;
  /** A connection is gone. */
  readonly released: () => void;
}

export interface HandleOptions {
  readonly arena: Arena;
  readonly accept: (transport: Transport) => void;
  readonly released: () => void;
}

/**
 * Makes a server that listens hand over the bare handles of its connections, which it then knows nothing of. A `net.Socket` around one
 * is 2 to 3 KB of memory, and half of what a connection costs to accept, answer and close.
 * @returns false where Node is not built as expected (it is from 20 to 26): nothing has changed then.
 */
export function takeHandles(server: Server, { arena, accept, released }: HandleOptions): boolean {
  const { _handle: listening } = server as unknown as { readonly _handle: ListeningHandle };
  const binding = streamBinding();
  if (binding === undefined || !isBuiltAsExpected(listening)) return false;
  const home: Home = { binding, arena, spare: undefined, released };
  const { onconnection } = listening;
  listening.onconnection = (error, handle) => {
    if (error !== 0 || handle === undefined) onconnection.call(listening, error);
    else accept(new HandleTransport(handle, home));
  };
  return true;
}

function streamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { readonly binding: (name: string) => Partial<StreamBinding> };
    const found = binding('stream_wrap');
    const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = found;
    const isComplete = typeof WriteWrap === 'function' && typeof ShutdownWrap === 'function' && streamBaseState instanceof Int32Array;
    return isComplete && typeof kReadBytesOrError === 'number' && typeof kLastWriteWasAsync === 'number'
      ? (found as StreamBinding)
      : undefined;
  } catch {
    // Not there any more, or not allowed, as with `--permission`.
    return undefined;
  }
}

/** The handle of a server is of the same class as those of its connections. */
function isBuiltAsExpected(listening: object): boolean {
  const methods = listening as Record<string, unknown>;
  return (
    typeof methods['onconnection'] === 'function' && 'owner' in methods && METHODS.every((name) => typeof methods[name] === 'function')
  );
}

class HandleTransport implements Transport {
  readonly #handle: Handle;
  readonly #home: Home;
  readonly #address: string;
  readonly #port: number;
  #receiver: Receiver | undefined;
  /** Bytes of writes the kernel has not taken whole. */
  #buffered = 0;
  #peerEnded = false;
  #ending = false;
  /** Our side is closed, and what was written has been taken. */
  #ended = false;
  #destroyed = false;

  constructor(handle: Handle, home: Home) {
    this.#handle = handle;
    this.#home = home;
    // Asked now, for a connection that broke does not know any more. The peer may be gone already.
    const { address = 'unknown', port = 0 } = peerOf(handle);
    this.#address = address;
    this.#port = port;
    handle.owner = this;
    handle.setNoDelay(true);
    handle.useUserBuffer(home.arena.read);
    handle.onread = onRead;
  }

  get remoteAddress(): string {
    return `${this.#address}:${this.#port}`;
  }

  get buffered(): number {
    return this.#buffered;
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
    this.resume();
  }

  pause(): void {
    if (!this.#destroyed) this.#handle.readStop();
  }

  resume(): void {
    if (this.#destroyed || this.#peerEnded) return;
    const error = this.#handle.readStart();
    if (error !== 0) this.#break(error, 'read');
  }

  /** Bytes have come, or none ever will. */
  read(): void {
    const { binding, arena } = this.#home;
    const length = binding.streamBaseState[binding.kReadBytesOrError]!;
    if (length > 0) this.#receiver?.received(arena.bytes, length);
    else if (length === UV_EOF) this.#peerHasEnded();
    else if (length < 0) this.#broken(systemError(length, 'read'));
  }

  write(bytes: Buffer): boolean {
    if (this.#destroyed) return false;
    const request = this.#request();
    return this.#written(this.#handle.writeBuffer(request, bytes), request, bytes, bytes.length);
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.#destroyed) return false;
    const request = this.#request();
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    return this.#written(this.#handle.writev(request, pieces, true), request, pieces, size);
  }

  /** A write of this size goes on no more. */
  taken(size: number, error: number): void {
    if (this.#destroyed) return;
    if (error < 0) return this.#broken(systemError(error, 'write'));
    this.#buffered -= size;
    if (this.#buffered === 0) this.#receiver?.drained();
  }

  end(): void {
    if (this.#destroyed || this.#ending) return;
    this.#ending = true;
    const request = new this.#home.binding.ShutdownWrap();
    request.transport = this;
    request.oncomplete = onShutdown;
    if (this.#handle.shutdown(request) !== 0) this.destroy();
  }

  /** Everything was written and our side is closed, or cannot be. */
  shut(error: number): void {
    this.#ended = true;
    if (error < 0 || this.#peerEnded) this.destroy();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#handle.close(onClosed);
  }

  /** The handle is gone. */
  closed(): void {
    this.#buffered = 0;
    this.#receiver?.released();
    this.#home.released();
  }

  #peerHasEnded(): void {
    this.#peerEnded = true;
    this.#receiver?.ended(undefined);
    if (this.#ended) this.destroy();
    else this.end();
  }

  #request(): WriteRequest {
    const home = this.#home;
    if (home.spare === undefined) {
      home.spare = new home.binding.WriteWrap();
      home.spare.oncomplete = onWritten;
    }
    return home.spare;
  }

  #written(error: number, request: WriteRequest, pieces: Buffer | readonly Buffer[], size: number): boolean {
    if (error !== 0) {
      this.#break(error, 'write');
      return false;
    }
    const home = this.#home;
    if (home.binding.streamBaseState[home.binding.kLastWriteWasAsync] !== 0) {
      home.spare = undefined;
      request.transport = this;
      request.pieces = pieces;
      request.size = size;
      this.#buffered += size;
    }
    return this.#buffered === 0;
  }

  /** Later, for who called is in the middle of something. */
  #break(code: number, syscall: string): void {
    process.nextTick(() => this.#broken(systemError(code, syscall)));
  }

  #broken(error: Error): void {
    if (this.#destroyed) return;
    this.#receiver?.ended(error);
    this.destroy();
  }
}

// One function for all connections each: a closure per connection is memory.

function onRead(this: Handle): void {
  this.owner.read();
}

function onClosed(this: Handle): void {
  this.owner.closed();
}

function onWritten(this: WriteRequest, error: number): void {
  this.transport.taken(this.size, error);
}

function onShutdown(this: ShutdownRequest, error: number): void {
  this.transport.shut(error);
}

function peerOf(handle: Handle): { address?: string; port?: number } {
  const peer = {};
  handle.getpeername(peer);
  return peer;
}

function systemError(errno: number, syscall: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}
