/** Connections over TCP. Hot: reads land in one shared buffer. */
import { createServer, Socket, type AddressInfo, type Server as NetServer } from 'node:net';
import type { Arena } from './arena.js';
import type { Receiver, Transport } from './transport.js';

/** So low that a socket says of whatever the kernel does not take at once when it has. */
const HIGH_WATER_MARK = 1;
/** Connections the kernel holds until they are accepted. */
const BACKLOG = 4_096;

export interface TcpOptions {
  /** 0 to 65,535; 0 takes any free one. */
  readonly port: number;
  readonly host: string;
  readonly arena: Arena;
  /**
   * Reads into one shared buffer instead of a new one each time: 1.8 µs a read instead of 3.3. It takes a socket apart that `node:net`
   * has just made, which works from Node 20 to 26; where that is not built as expected, and where this is false, everything works as
   * well, slower.
   */
  readonly sharedReads?: boolean;
  /** A connection has come. False turns it away. */
  readonly accept: (transport: Transport) => boolean;
  /** The listener itself broke. */
  readonly failed: (error: Error) => void;
}

/** What `node:net` keeps of a socket and of the server that accepted it, as far as it is moved to another socket here. */
interface Insides {
  _handle: unknown;
  server: unknown;
  _server: unknown;
}

export class TcpListener {
  readonly #server: NetServer;
  readonly #options: TcpOptions;
  /** Decided when the first connection comes. */
  #sharedReads: boolean | undefined;

  private constructor(server: NetServer, options: TcpOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** @throws Error of the operating system, with its `code`: EADDRINUSE, EACCES, ENOTFOUND … */
  static async listen(options: TcpOptions): Promise<TcpListener> {
    const { port, host } = options;
    const server = createServer({ pauseOnConnect: true, noDelay: true, highWaterMark: HIGH_WATER_MARK }, (socket) =>
      listener.#accept(socket),
    );
    const listener = new TcpListener(server, options);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog: BACKLOG }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', options.failed);
    return listener;
  }

  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Accepts no more; resolves when every connection it accepted is released. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // The server takes a socket for gone when it is destroyed; that the socket is closed comes later in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #accept(accepted: Socket): void {
    const { arena, accept, sharedReads = true } = this.#options;
    this.#sharedReads ??= sharedReads && isBuiltAsExpected(accepted, this.#server);
    // The peer may be gone already.
    const remoteAddress = `${accepted.remoteAddress ?? 'unknown'}:${accepted.remotePort ?? 0}`;
    const transport = this.#sharedReads ? withSharedReads(accepted, arena, remoteAddress) : withOwnReads(accepted, remoteAddress);
    if (!accept(transport)) transport.destroy();
  }
}

/** Whether `node:net` has inside what {@link withSharedReads} moves. */
function isBuiltAsExpected(accepted: Socket, server: NetServer): boolean {
  const { _handle: handle, server: owner, _server: counted } = accepted as unknown as Insides;
  const methods = (handle ?? {}) as { readonly useUserBuffer?: unknown; readonly readStart?: unknown };
  return typeof methods.useUserBuffer === 'function' && typeof methods.readStart === 'function' && owner === server && counted === server;
}

function withSharedReads(accepted: Socket, arena: Arena, remoteAddress: string): Transport {
  const receive = (length: number): boolean => {
    transport.receive(arena.bytes, length);
    return true;
  };
  const old = accepted as unknown as Insides;
  const options = {
    handle: old._handle,
    readable: true,
    writable: true,
    highWaterMark: HIGH_WATER_MARK,
    onread: {
      buffer: arena.read,
      callback: receive,
    },
  };
  const socket = new Socket(options);
  const fresh = socket as unknown as Insides;
  // The server counts its sockets when they close: it is to count this one.
  fresh.server = old.server;
  fresh._server = old._server;
  old._handle = old.server = old._server = null;
  const transport = new TcpTransport(socket, remoteAddress);
  return transport;
}

function withOwnReads(socket: Socket, remoteAddress: string): Transport {
  const transport = new TcpTransport(socket, remoteAddress);
  socket.on('data', (chunk) => transport.receive(chunk, chunk.length));
  socket.pause();
  return transport;
}

class TcpTransport implements Transport {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  #receiver: Receiver | undefined;
  /** Whether the kernel has not taken everything. */
  #full = false;

  constructor(socket: Socket, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
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

  receive(bytes: Buffer, length: number): void {
    this.#receiver?.received(bytes, length);
  }

  write(bytes: Buffer): boolean {
    this.#socket.write(bytes);
    this.#full = this.#socket.writableLength > 0;
    return !this.#full;
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
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
