/** What the broker needs of the world: a place to keep records, ways to authenticate, a log, and bounds. */
import type { ReasonCode } from '../packet/reason-code.js';
import type { WhenQueueFull } from '../session/contracts.js';
import type { Strategy } from './share-group.js';

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** The key as text, where that was asked for and is what the storage has it in; then the bytes are made when they are looked at. */
  readonly text?: string;
}

/** What of the entries of a range is wanted; `texts` are entries whose keys are text. */
export type Wanted = 'entries' | 'keys' | 'values' | 'texts';

/**
 * Records as ordered bytes: keys compare as unsigned bytes, shorter before longer. What a record means is not the storage's business.
 * Closing is up to who opened it.
 */
export interface Storage {
  /** The value committed under a key. */
  get(key: Buffer): Promise<Buffer | undefined>;
  /**
   * Up to `limit` committed entries in order, from `from` (with it) to `to` (without it); fewer where they are large, none only where there are
   * none. Ask again from behind the last key. Where only keys or only values are asked for, the others are
   * empty, or there all the same.
   */
  range(from: Buffer, to: Buffer, limit: number, what?: Wanted): Promise<Entry[]>;
  /** Belongs to the next {@link commit}. The bytes are the storage's from now on. */
  put(key: Buffer, value: Buffer): void;
  /** Belongs to the next {@link commit}. */
  delete(key: Buffer): void;
  /**
   * Everything put and deleted before this call, all or nothing; resolves when it is durable. Called again only after that. Rejects where it
   * never will be; where there only is no space it waits for space, and says so by {@link full}.
   */
  commit(): Promise<void>;
  /** Whether so little space is left that nothing should be put that can be refused; never, where it is absent. */
  readonly full?: boolean;
  /** Whether it was damaged when it was opened: what was committed last may be missing. */
  readonly repaired?: boolean;
}

/** One method of enhanced authentication (MQTT 5.0 section 4.12). */
export interface AuthenticationMethod {
  /** The Authentication Method a client asks for: `SCRAM-SHA-256`. */
  readonly name: string;
  /** Begins an exchange with one client; also to authenticate it again. */
  begin(clientId: string): AuthenticationExchange;
}

export interface AuthenticationExchange {
  /** The client's next Authentication Data; undefined where the packet had none. May answer later. */
  step(data: Buffer | undefined): AuthenticationStep | Promise<AuthenticationStep>;
}

/** What an exchange answers: more is needed, the client is who it says, or it is refused. */
export type AuthenticationStep =
  | { readonly continue: Buffer | undefined }
  | { readonly success: Buffer | undefined; readonly username: string }
  | { readonly refused: ReasonCode };

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
  /** Of all sessions together. */
  readonly maxTotalQueuedMessages: number;
  readonly maxTotalQueuedBytes: number;
  readonly whenQueueFull: WhenQueueFull;
  readonly maxRetainedMessages: number;
  readonly maxRetainedBytes: number;
  /** QoS 2 messages of one 5.0 client that may be unfinished. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** 0 to 2. */
  readonly maxQos: number;
  /** Seconds; 0 is no bound. */
  readonly maxKeepAlive: number;
  readonly sharedSubscriptionStrategy: Strategy;
  readonly payloadFormat: 'trust' | 'check';
  /** Empty is none. */
  readonly responseInformation: string;
}
