/** What can be told of one session and its connection at one moment. */
import type { QoS, Version } from '../packet/packet.js';
import type { Session } from '../session/session.js';

export interface ConnectionView {
  /** Where the peer is: `192.0.2.7:50112`. */
  readonly address: string;
  readonly protocol: 'MQTT 3.1' | 'MQTT 3.1.1' | 'MQTT 5.0';
  /** ms since the epoch. */
  readonly connectedAt: number;
  /** Seconds; 0 where the client asked for none. */
  readonly keepAlive: number;
  /** When the last whole packet came: ms since the epoch. */
  readonly lastPacketAt: number;
  /** Bytes that wait to be taken by the peer. */
  readonly bytesBuffered: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

export interface SessionView {
  readonly clientId: string;
  readonly username: string | undefined;
  /** Whether the session ends with its connection. */
  readonly clean: boolean;
  /** Seconds the session is kept without a connection; 0xFFFFFFFF is for ever. */
  readonly expiryInterval: number;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** None while the client is away. */
  readonly connection: ConnectionView | undefined;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: QoS }[];
  /** QoS 1 and 2 messages sent and not acknowledged. */
  readonly inflight: number;
  /** QoS 2 messages received and not released. */
  readonly received: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Application Messages since the session was made or the broker started. */
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly messagesDropped: number;
}

const PROTOCOLS: Readonly<Record<Version, ConnectionView['protocol']>> = { 3: 'MQTT 3.1', 4: 'MQTT 3.1.1', 5: 'MQTT 5.0' };

export function sessionView(session: Session): SessionView {
  return {
    clientId: session.clientId,
    username: session.username,
    clean: session.expiryInterval === 0,
    expiryInterval: session.expiryInterval,
    createdAt: session.createdAt,
    connection: connectionView(session),
    subscriptions: Array.from(session.subscriptions.values(), ({ filter, qos }) => ({ filter, qos })),
    inflight: session.inflight.size,
    received: session.receivedCount,
    queuedMessages: session.queue.length,
    queuedBytes: session.queue.bytes,
    messagesReceived: session.messagesReceived,
    messagesSent: session.messagesSent,
    messagesDropped: session.messagesDropped,
  };
}

function connectionView(session: Session): ConnectionView | undefined {
  const vitals = session.wire?.vitals;
  if (vitals === undefined) return undefined;
  return {
    address: vitals.remoteAddress,
    protocol: PROTOCOLS[session.version],
    connectedAt: vitals.connectedAt,
    keepAlive: vitals.keepAlive,
    lastPacketAt: vitals.lastPacketAt,
    bytesBuffered: vitals.bytesBuffered,
    bytesReceived: vitals.bytesReceived,
    bytesSent: vitals.bytesSent,
  };
}
