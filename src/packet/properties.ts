/** The properties of MQTT 5.0 (section 2.2.2.2): their names, their types, and the packets they may stand in. */
import { stringSize, variableIntegerSize, type Reader, type Writer } from './bytes.js';
import { MqttError, ReasonCode } from './reason-code.js';

/** Properties by their names in the specification. Packets of 3.1.1 have none. */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  /** In a SUBSCRIBE exactly one. 1 to 268,435,455. */
  readonly subscriptionIdentifiers?: readonly number[];
  /** Seconds; 0xFFFFFFFF never expires. */
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  /** Seconds. */
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly requestProblemInformation?: boolean;
  /** Seconds. */
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: boolean;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: boolean;
  /** In the order they were given [MQTT5-3.3.2-18]. */
  readonly userProperties?: readonly UserProperty[];
  /** Bytes. */
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifierAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
}

export type UserProperty = readonly [name: string, value: string];
export type PropertyName = keyof Properties;

/** Where properties stand: a bit for each packet type, and bit 0 for a Will. */
export const WILL = 0;
const [CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP] = [1, 2, 3, 4, 5, 6, 7];
const [SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH] = [8, 9, 10, 11, 14, 15];
const EVERYWHERE = [
  WILL,
  CONNECT,
  CONNACK,
  PUBLISH,
  PUBACK,
  PUBREC,
  PUBREL,
  PUBCOMP,
  SUBSCRIBE,
  SUBACK,
  UNSUBSCRIBE,
  UNSUBACK,
  DISCONNECT,
  AUTH,
];
const ANSWERS = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH];

type Kind = 'flag' | 'bit' | 'uint16' | 'uint32' | 'identifiers' | 'string' | 'binary' | 'pairs';

interface Property {
  readonly id: number;
  readonly name: PropertyName;
  /** `flag` is a byte of 0 or 1 read as a boolean, `bit` the same read as a number. */
  readonly kind: Kind;
  /** Bits of the packet types it may stand in. */
  readonly places: number;
  /** Whether 0 is a protocol error. */
  readonly positive: boolean;
}

function property(id: number, name: PropertyName, kind: Kind, places: readonly (number | undefined)[], positive = false): Property {
  let bits = 0;
  for (const place of places) bits |= 1 << place!;
  return { id, name, kind, places: bits, positive };
}

/** MQTT 5.0 table 2-4. */
const PROPERTIES: readonly Property[] = [
  property(0x01, 'payloadFormatIndicator', 'bit', [PUBLISH, WILL]),
  property(0x02, 'messageExpiryInterval', 'uint32', [PUBLISH, WILL]),
  property(0x03, 'contentType', 'string', [PUBLISH, WILL]),
  property(0x08, 'responseTopic', 'string', [PUBLISH, WILL]),
  property(0x09, 'correlationData', 'binary', [PUBLISH, WILL]),
  property(0x0b, 'subscriptionIdentifiers', 'identifiers', [PUBLISH, SUBSCRIBE]),
  property(0x11, 'sessionExpiryInterval', 'uint32', [CONNECT, CONNACK, DISCONNECT]),
  property(0x12, 'assignedClientIdentifier', 'string', [CONNACK]),
  property(0x13, 'serverKeepAlive', 'uint16', [CONNACK]),
  property(0x15, 'authenticationMethod', 'string', [CONNECT, CONNACK, AUTH]),
  property(0x16, 'authenticationData', 'binary', [CONNECT, CONNACK, AUTH]),
  property(0x17, 'requestProblemInformation', 'flag', [CONNECT]),
  property(0x18, 'willDelayInterval', 'uint32', [WILL]),
  property(0x19, 'requestResponseInformation', 'flag', [CONNECT]),
  property(0x1a, 'responseInformation', 'string', [CONNACK]),
  property(0x1c, 'serverReference', 'string', [CONNACK, DISCONNECT]),
  property(0x1f, 'reasonString', 'string', ANSWERS),
  property(0x21, 'receiveMaximum', 'uint16', [CONNECT, CONNACK], true),
  property(0x22, 'topicAliasMaximum', 'uint16', [CONNECT, CONNACK]),
  property(0x23, 'topicAlias', 'uint16', [PUBLISH]),
  property(0x24, 'maximumQoS', 'bit', [CONNACK]),
  property(0x25, 'retainAvailable', 'flag', [CONNACK]),
  property(0x26, 'userProperties', 'pairs', EVERYWHERE),
  property(0x27, 'maximumPacketSize', 'uint32', [CONNECT, CONNACK], true),
  property(0x28, 'wildcardSubscriptionAvailable', 'flag', [CONNACK]),
  property(0x29, 'subscriptionIdentifierAvailable', 'flag', [CONNACK]),
  property(0x2a, 'sharedSubscriptionAvailable', 'flag', [CONNACK]),
];

const BY_ID: readonly (Property | undefined)[] = Array.from({ length: 0x2b }, (_, id) => PROPERTIES.find((known) => known.id === id));

type Mutable = { -readonly [N in PropertyName]?: unknown } & { subscriptionIdentifiers?: number[]; userProperties?: UserProperty[] };

/**
 * Reads a property length and the properties after it.
 * @param place the packet type they stand in, or {@link WILL}.
 * @returns undefined where there are none.
 * @throws MqttError MalformedPacket or ProtocolError: unknown, misplaced, repeated, or of a value that is not allowed.
 */
export function readProperties(packet: Reader, place: number): Properties | undefined {
  const length = packet.variableInteger();
  if (length === 0) return undefined;
  const reader = packet.part(length);
  const properties: Mutable = {};
  while (reader.left > 0) {
    const id = reader.variableInteger();
    const known = BY_ID[id];
    if (known === undefined) throw new MqttError(ReasonCode.MalformedPacket, `property ${id} is unknown`);
    const { name, kind, places, positive } = known;
    if ((places & (1 << place)) === 0) throw new MqttError(ReasonCode.MalformedPacket, `${name} has no place in this packet`);
    if (kind === 'pairs') {
      (properties.userProperties ??= []).push([reader.string(), reader.string()]);
      continue;
    }
    if (kind === 'identifiers') {
      const identifiers = (properties.subscriptionIdentifiers ??= []);
      const identifier = reader.variableInteger();
      if (identifier === 0) throw new MqttError(ReasonCode.ProtocolError, 'a subscription identifier is 0');
      if (identifiers.length > 0 && place === SUBSCRIBE) throw new MqttError(ReasonCode.ProtocolError, `${name} is given twice`);
      identifiers.push(identifier);
      continue;
    }
    if (properties[name] !== undefined) throw new MqttError(ReasonCode.ProtocolError, `${name} is given twice`);
    const value = readValue(reader, name, kind);
    if (positive && value === 0) throw new MqttError(ReasonCode.ProtocolError, `${name} is 0`);
    properties[name] = value as never;
  }
  return properties as Properties;
}

function readValue(reader: Reader, name: PropertyName, kind: Exclude<Kind, 'pairs' | 'identifiers'>): unknown {
  switch (kind) {
    case 'uint16':
      return reader.uint16();
    case 'uint32':
      return reader.uint32();
    case 'string':
      return reader.string();
    case 'binary':
      return reader.binary();
    case 'flag':
    case 'bit': {
      const byte = reader.byte();
      if (byte > 1) throw new MqttError(ReasonCode.ProtocolError, `${name} is ${byte}, neither 0 nor 1`);
      return kind === 'flag' ? byte === 1 : byte;
    }
  }
}

/** Bytes of the properties, without their length before them. */
export function propertiesSize(properties: Properties | undefined): number {
  if (properties === undefined) return 0;
  let size = 0;
  for (const { name, kind } of PROPERTIES) {
    const value = properties[name];
    if (value !== undefined) size += sizeOf(kind, value);
  }
  return size;
}

function sizeOf(kind: Kind, value: NonNullable<Properties[PropertyName]>): number {
  switch (kind) {
    case 'flag':
    case 'bit':
      return 2;
    case 'uint16':
      return 3;
    case 'uint32':
      return 5;
    case 'string':
      return 1 + stringSize(value as string);
    case 'binary':
      return 3 + (value as Buffer).length;
    case 'identifiers':
      return (value as readonly number[]).reduce((size, identifier) => size + 1 + variableIntegerSize(identifier), 0);
    case 'pairs':
      return (value as readonly UserProperty[]).reduce((size, pair) => size + 1 + stringSize(pair[0]) + stringSize(pair[1]), 0);
  }
}

/** Writes the property length and the properties. */
export function writeProperties(writer: Writer, properties: Properties | undefined): void {
  writer.variableInteger(propertiesSize(properties));
  if (properties === undefined) return;
  for (const { id, name, kind } of PROPERTIES) {
    const value = properties[name];
    if (value !== undefined) writeValue(writer, id, kind, value);
  }
}

function writeValue(writer: Writer, id: number, kind: Kind, value: NonNullable<Properties[PropertyName]>): void {
  switch (kind) {
    case 'flag':
    case 'bit':
      writer.byte(id).byte(Number(value));
      return;
    case 'uint16':
      writer.byte(id).uint16(value as number);
      return;
    case 'uint32':
      writer.byte(id).uint32(value as number);
      return;
    case 'string':
      writer.byte(id).string(value as string);
      return;
    case 'binary':
      writer.byte(id).binary(value as Buffer);
      return;
    case 'identifiers':
      for (const identifier of value as readonly number[]) writer.byte(id).variableInteger(identifier);
      return;
    case 'pairs':
      for (const [name, content] of value as readonly UserProperty[]) writer.byte(id).string(name).string(content);
      return;
  }
}
