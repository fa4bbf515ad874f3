/** Bytes in, bytes out: what a connection needs of TCP, TLS, a WebSocket or a test. */
export interface Transport {
  /** Where the peer is, for people: `192.0.2.7:50112`. */
  readonly remoteAddress: string;
  /** Bytes given to {@link write} that the operating system has not taken. */
  readonly buffered: number;
  /** Starts reading; the receiver is told everything from now on. */
  start(receiver: Receiver): void;
  /**
   * Writes bytes, which stay the caller's to keep unchanged until they are taken.
   * @returns whether more is welcome. Where bytes stay {@link buffered}, {@link Receiver.drained} tells when that is over.
   */
  write(bytes: Buffer): boolean;
  /** The same for several pieces, in as few calls to the operating system as it takes. */
  writeAll(pieces: readonly Buffer[]): boolean;
  pause(): void;
  resume(): void;
  /** Ends the connection after what was written. */
  end(): void;
  /** Ends the connection now. */
  destroy(): void;
}

export interface Receiver {
  /** Bytes have come: the first `length` of `bytes`. They are lent: they may be written over when this returns. */
  received(bytes: Buffer, length: number): void;
  /** Everything written has been taken. */
  drained(): void;
  /** The peer has closed its side, or the connection broke; nothing comes any more. May be told twice. */
  ended(error: Error | undefined): void;
  /** The transport has given everything back: told once, last. */
  released(): void;
}
