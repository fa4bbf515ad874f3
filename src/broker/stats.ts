/** The figures of a broker at one moment, for status lines, metrics and those who embed it. */
import type { CloseReason, DropReason } from '../session/tally.js';
import type { Broker } from './broker.js';

export type { CloseReason, DropReason };

export interface Stats {
  /** ms since the epoch. */
  readonly startedAt: number;
  /** Network Connections: now, and since the start. */
  readonly connections: { readonly open: number; readonly total: number };
  readonly sessions: { readonly connected: number; readonly disconnected: number };
  readonly subscriptions: number;
  readonly retained: { readonly messages: number; readonly bytes: number };
  /** QoS 1 and 2 messages waiting for their session's connection or window. */
  readonly queued: { readonly messages: number; readonly bytes: number };
  /** Application Messages, Control Packets and bytes that came in since the start. */
  readonly received: { readonly messages: number; readonly packets: number; readonly bytes: number };
  /** The same, given to connections. */
  readonly sent: { readonly messages: number; readonly packets: number; readonly bytes: number };
  /** Messages that did not go to one of those they were for, by reason, since the start. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Connections that ended, by reason, since the start. */
  readonly closed: Readonly<Record<CloseReason, number>>;
  /** Faults of this software, or of functions it was given, since the start; each is in the log. */
  readonly bugs: number;
}

export function statsOf({ tally, sessions, subscriptions, retained }: Broker, startedAt: number): Stats {
  return {
    startedAt,
    connections: { open: tally.connectionsOpen, total: tally.connectionsTotal },
    sessions: { connected: sessions.connected, disconnected: sessions.size - sessions.connected },
    subscriptions: subscriptions.size,
    retained: { messages: retained.size, bytes: retained.bytes },
    queued: { messages: tally.queuedMessages, bytes: tally.queuedBytes },
    received: { messages: tally.messagesReceived, packets: tally.packetsReceived, bytes: tally.bytesReceived },
    sent: { messages: tally.messagesSent, packets: tally.packetsSent, bytes: tally.bytesSent },
    dropped: { ...tally.dropped },
    closed: { ...tally.closed },
    bugs: tally.bugs,
  };
}
