/** What is taken of clients, what one that is let in is granted, and what its CONNACK tells it (MQTT 5.0 section 3.2.2.3). */
import { variableIntegerSize } from '../packet/bytes.js';
import { MAX_REMAINING_LENGTH, type Connect, type QoS } from '../packet/packet.js';
import { propertiesSize, type Properties } from '../packet/properties.js';
import type { Offer } from '../session/contracts.js';
import type { Limits } from './contracts.js';
import { NEVER } from './sessions.js';

export interface Welcome {
  /** Seconds the session is kept without a connection. */
  readonly expiryInterval: number;
  /** Seconds. */
  readonly keepAlive: number;
  /** For the CONNACK of a 5.0 client: only what differs from what it would assume. */
  readonly properties: Properties | undefined;
}

export function offerOf({ receiveMaximum, topicAliasMaximum, maxQos, payloadFormat }: Limits): Offer {
  return { receiveMaximum, topicAliasMaximum, maxQos: maxQos as QoS, checkPayloadFormat: payloadFormat === 'check' };
}

/** @param clientId the one the client has now. @param authentication what an authentication method adds. */
export function welcome(connect: Connect, clientId: string, limits: Limits, authentication: Properties): Welcome {
  const asked = expiryAsked(connect);
  const expiryInterval = Math.min(asked, limits.sessionExpiry);
  const keepAlive = keepAliveOf(connect, limits.maxKeepAlive);
  if (connect.version !== 5) return { expiryInterval, keepAlive, properties: undefined };
  const { receiveMaximum, topicAliasMaximum, maxQos, maxPacketSize, responseInformation } = limits;
  const wantsInformation = connect.properties?.requestResponseInformation === true && responseInformation !== '';
  const properties: Properties = {
    ...(expiryInterval === asked ? undefined : { sessionExpiryInterval: expiryInterval }),
    ...(receiveMaximum === 65_535 ? undefined : { receiveMaximum }),
    ...(maxQos === 2 ? undefined : { maximumQoS: maxQos as 0 | 1 }),
    ...(maxPacketSize === MAX_REMAINING_LENGTH ? undefined : { maximumPacketSize: packetSizeOf(maxPacketSize) }),
    ...(connect.clientId === '' ? { assignedClientIdentifier: clientId } : undefined), // [MQTT5-3.2.2-16]
    ...(topicAliasMaximum === 0 ? undefined : { topicAliasMaximum }),
    ...(keepAlive === connect.keepAlive ? undefined : { serverKeepAlive: keepAlive }),
    ...(wantsInformation ? { responseInformation } : undefined),
    ...authentication,
  };
  return { expiryInterval, keepAlive, properties };
}

/** Bytes of a CONNACK with these properties. */
export function connackSize(properties: Properties | undefined): number {
  const size = propertiesSize(properties);
  return packetSizeOf(2 + variableIntegerSize(size) + size);
}

/** Seconds. Only 5.0 clients can be told another than they asked for [MQTT5-3.2.2-21]. */
function keepAliveOf({ version, keepAlive }: Connect, longest: number): number {
  const isWithin = longest === 0 || (keepAlive > 0 && keepAlive <= longest);
  return version !== 5 || isWithin ? keepAlive : longest;
}

/** Seconds a client wants its session kept; 3.1.1 knows for ever and not at all. */
export function expiryAsked({ version, clean, properties }: Connect): number {
  if (version === 5) return properties?.sessionExpiryInterval ?? 0;
  return clean ? 0 : NEVER;
}

/** The size of a packet with this Remaining Length, in bytes. */
function packetSizeOf(remainingLength: number): number {
  return 1 + variableIntegerSize(remainingLength) + remainingLength;
}
