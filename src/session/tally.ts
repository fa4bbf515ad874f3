/** What is counted: fields incremented in place, and the words for every end of a connection and every drop of a message. */

/** Why a Network Connection ended. The same word stands in logs, metrics, events and the API. */
export const CLOSE_REASONS = [
  'client-disconnect',
  'connection-lost',
  'connect-timeout',
  'keep-alive-timeout',
  'receive-maximum-exceeded',
  'topic-alias-invalid',
  'quality-not-supported',
  'payload-format-invalid',
  'bad-authentication-method',
  'taken-over',
  'malformed-packet',
  'protocol-error',
  'packet-too-large',
  'unsupported-protocol-version',
  'client-identifier-not-valid',
  'bad-user-name-or-password',
  'not-authorized',
  'server-unavailable',
  'too-many-connections',
  'server-stopping',
  'quota-exceeded',
  'storage-full',
  'storage-failed',
  'kicked',
  'socket-error',
  'internal-error',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

/** Why an Application Message did not go to one of those it was for, or to anybody. */
export const DROP_REASONS = [
  'not-authorized',
  'session-offline',
  'slow-consumer',
  'queue-full',
  'retained-full',
  'storage-full',
  'record-damaged',
  'session-ended',
  'packet-too-large',
  'message-expired',
  'no-member',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Running totals of one broker since its start; plain numbers, so that counting costs an addition. */
export class Tally {
  connectionsOpen = 0;
  connectionsTotal = 0;
  messagesReceived = 0;
  messagesSent = 0;
  packetsReceived = 0;
  packetsSent = 0;
  bytesReceived = 0;
  bytesSent = 0;
  /** Application Messages waiting in sessions' queues, now. */
  queuedMessages = 0;
  /** Bytes of those, now. */
  queuedBytes = 0;
  /** Bytes of messages in queues that are in memory, now. */
  windowBytes = 0;
  /** Faults of our own that closed a connection or a listener's call. */
  bugs = 0;
  readonly dropped: Record<DropReason, number> = zeros(DROP_REASONS);
  readonly closed: Record<CloseReason, number> = zeros(CLOSE_REASONS);
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}
