/** The Control Packets of MQTT, as values. */
import type { Properties } from './properties.js';
import type { Publish } from './publish.js';
import type { ReasonCode } from './reason-code.js';

/** Control Packet types (MQTT 3.1.1 table 2.1; AUTH is of 5.0). */
export const PacketType = {
  Connect: 1,
  Connack: 2,
  Publish: 3,
  Puback: 4,
  Pubrec: 5,
  Pubrel: 6,
  Pubcomp: 7,
  Subscribe: 8,
  Suback: 9,
  Unsubscribe: 10,
  Unsuback: 11,
  Pingreq: 12,
  Pingresp: 13,
  Disconnect: 14,
  Auth: 15,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** Protocol level: 3 is MQTT 3.1 (`MQIsdp`), 4 is 3.1.1, 5 is 5.0. */
export type Version = 3 | 4 | 5;
export type QoS = 0 | 1 | 2;

/** The Will of a CONNECT (MQTT 3.1.1 section 3.1.2.5). */
export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: Properties;
}

export interface Connect {
  readonly type: typeof PacketType.Connect;
  readonly version: Version;
  /** Clean Session in 3.1.1, Clean Start in 5.0. */
  readonly clean: boolean;
  /** Seconds; 0 turns the mechanism off. */
  readonly keepAlive: number;
  readonly clientId: string;
  readonly will?: Will;
  readonly username?: string;
  readonly password?: Buffer;
  readonly properties?: Properties;
}

export interface Connack {
  readonly type: typeof PacketType.Connack;
  readonly sessionPresent: boolean;
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP have one shape; 3.1.1 has no reason code in them and reads as success. */
export interface Acknowledgement {
  readonly type: typeof PacketType.Puback | typeof PacketType.Pubrec | typeof PacketType.Pubrel | typeof PacketType.Pubcomp;
  /** 1 to 65,535. */
  readonly packetId: number;
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

/** One entry of a SUBSCRIBE: a Topic Filter and its options. 3.1.1 knows the QoS alone. */
export interface SubscriptionRequest {
  readonly filter: string;
  /** The maximum QoS asked for. */
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  readonly retainHandling?: 0 | 1 | 2;
}

export interface Subscribe {
  readonly type: typeof PacketType.Subscribe;
  readonly packetId: number;
  /** At least one [MQTT-3.8.3-3]. */
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly properties?: Properties;
}

export interface Suback {
  readonly type: typeof PacketType.Suback;
  readonly packetId: number;
  /** One for each entry of the SUBSCRIBE, in its order: the QoS granted or a refusal. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties?: Properties;
}

export interface Unsubscribe {
  readonly type: typeof PacketType.Unsubscribe;
  readonly packetId: number;
  /** At least one [MQTT-3.10.3-2]. */
  readonly filters: readonly string[];
  readonly properties?: Properties;
}

export interface Unsuback {
  readonly type: typeof PacketType.Unsuback;
  readonly packetId: number;
  /** Written to 5.0 connections only; a decoded 3.1.1 UNSUBACK has none. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties?: Properties;
}

export interface Ping {
  readonly type: typeof PacketType.Pingreq | typeof PacketType.Pingresp;
}

export interface Disconnect {
  readonly type: typeof PacketType.Disconnect;
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

export interface Auth {
  readonly type: typeof PacketType.Auth;
  readonly reasonCode: ReasonCode;
  readonly properties?: Properties;
}

export type Packet = Connect | Connack | Publish | Acknowledgement | Subscribe | Suback | Unsubscribe | Unsuback | Ping | Disconnect | Auth;

/** The largest Remaining Length, in bytes (MQTT 3.1.1 section 2.2.3). */
export const MAX_REMAINING_LENGTH = 268_435_455;

const NAMES = [
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
];

/** The specification's word for a packet type, for logs and refusals. */
export function packetName(type: number): string {
  return NAMES[type - 1] ?? `packet type ${type}`;
}
