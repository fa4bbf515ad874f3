/** Listens for connections over TCP. */
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import type { Arena } from './arena.js';
import { takeHandles } from './handle.js';
import { HIGH_WATER_MARK, SocketTransport } from './socket.js';
import type { Transport } from './transport.js';

/** Connections the kernel holds until they are accepted. */
const BACKLOG = 4_096;

export interface TcpOptions {
  /** 0 to 65,535; 0 takes any free one. */
  readonly port: number;
  readonly host: string;
  readonly arena: Arena;
  /**
   * Does without `net.Socket`, see {@link takeHandles}; reads land in the arena then. Where Node is not built as that expects, and where
   * this is false, everything works as well, slower.
   */
  readonly bareHandles?: boolean;
  /** A connection has come. False turns it away. */
  readonly accept: (transport: Transport) => boolean;
  /** The listener itself broke. */
  readonly failed: (error: Error) => void;
}

export class TcpListener {
  readonly #server: NetServer;
  readonly #options: TcpOptions;
  /** Connections that are not released. */
  #open = 0;
  #whenEmpty: (() => void) | undefined;

  private constructor(server: NetServer, options: TcpOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** @throws Error of the operating system, with its `code`: EADDRINUSE, EACCES, ENOTFOUND … */
  static async listen(options: TcpOptions): Promise<TcpListener> {
    const { port, host, arena, bareHandles = true } = options;
    const server = createServer({ pauseOnConnect: true, noDelay: true, highWaterMark: HIGH_WATER_MARK }, (socket) => {
      listener.#accept(new SocketTransport(socket));
      socket.on('close', () => listener.#released());
    });
    const listener = new TcpListener(server, options);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog: BACKLOG }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', options.failed);
    if (bareHandles) {
      takeHandles(server, { arena, accept: (transport) => listener.#accept(transport), released: () => listener.#released() });
    }
    return listener;
  }

  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  /** Accepts no more; resolves when every connection it accepted is released. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
  }

  #accept(transport: Transport): void {
    this.#open++;
    if (!this.#options.accept(transport)) transport.destroy();
  }

  #released(): void {
    this.#open--;
    if (this.#open === 0) this.#whenEmpty?.();
  }
}
