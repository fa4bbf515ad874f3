/** What the broker needs of the world: a place to keep records, a log, and bounds. */

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * Records as ordered bytes: keys compare as unsigned bytes, shorter before longer. What a record means is not the storage's business.
 * Closing is up to who opened it.
 */
export interface Storage {
  /** The value committed under a key. */
  get(key: Buffer): Promise<Buffer | undefined>;
  /** Up to `limit` committed entries in order, from `from` (with it) to `to` (without it); ask again from the last key on. */
  range(from: Buffer, to: Buffer, limit: number): Promise<Entry[]>;
  /** Belongs to the next {@link commit}. */
  put(key: Buffer, value: Buffer): void;
  /** Belongs to the next {@link commit}. */
  delete(key: Buffer): void;
  /** Everything put and deleted before this call, all or nothing; resolves when it is durable. Called again only after that. */
  commit(): Promise<void>;
}

/** A log as `pino` has it: fields first, then one line. Payloads and passwords are never given to it. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Bounds of one broker; see docs/options.md. */
export interface Limits {
  readonly maxPacketSize: number;
  /** Seconds. */
  readonly connectTimeout: number;
  readonly maxConnections: number;
  readonly maxInflight: number;
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  readonly maxBufferedBytes: number;
  /** Seconds; 0xFFFFFFFF is never. */
  readonly sessionExpiry: number;
  readonly maxSessions: number;
  readonly maxSubscriptions: number;
  readonly maxRetainedMessages: number;
  readonly maxRetainedBytes: number;
}
