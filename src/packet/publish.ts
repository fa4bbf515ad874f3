/** A PUBLISH, with the bytes it stands in: what arrives in one layout leaves in the same one by copying them. Hot. */
import { stringSize, variableIntegerSize, Writer, writeVariableInteger } from './bytes.js';
import { PacketType, type QoS, type Version } from './packet.js';
import { propertiesSize, writeProperties, type Properties } from './properties.js';

export interface PublishFields {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup?: boolean;
  /** 1 to 65,535 where the QoS is 1 or 2; none, or 0, at QoS 0 [MQTT-2.3.1-5]. */
  readonly packetId?: number;
  readonly version?: Version;
  readonly properties?: Properties | undefined;
}

export class Publish {
  readonly type: typeof PacketType.Publish;
  readonly topic: string;
  /** Whether its topic may be one that was seen before. */
  readonly topicWasSeen: boolean;
  readonly dup: boolean;
  readonly qos: QoS;
  readonly retain: boolean;
  /** 0 at QoS 0. */
  readonly packetId: number;
  readonly properties: Properties | undefined;
  readonly version: Version;
  /** Where the packet stands: `bytes[start, end)`. */
  bytes: Buffer;
  start: number;
  end: number;
  /** Offsets from `start`. */
  readonly topicOffset: number;
  readonly topicLength: number;
  readonly payloadOffset: number;
  /** Whether `bytes` belong to somebody else who will write over them after this turn's callback. */
  borrowed: boolean;

  constructor(
    version: Version,
    first: number,
    topic: string,
    topicWasSeen: boolean,
    packetId: number,
    properties: Properties | undefined,
    bytes: Buffer,
    start: number,
    end: number,
    topicOffset: number,
    topicLength: number,
    payloadOffset: number,
    borrowed: boolean,
  ) {
    this.type = PacketType.Publish;
    this.topic = topic;
    this.topicWasSeen = topicWasSeen;
    this.dup = (first & 8) !== 0;
    this.qos = ((first >> 1) & 3) as QoS;
    this.retain = (first & 1) !== 0;
    this.packetId = packetId;
    this.properties = properties;
    this.version = version;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.topicOffset = topicOffset;
    this.topicLength = topicLength;
    this.payloadOffset = payloadOffset;
    this.borrowed = borrowed;
  }

  /** A new packet from its fields. The topic and payload are taken as they are: who calls has checked them. */
  static of(fields: PublishFields): Publish {
    const { topic, payload, qos } = fields;
    const topicLength = stringSize(topic) - 2;
    const publish = Publish.#laidOut(fields, topicLength, payload.length);
    publish.bytes.write(topic, publish.topicOffset);
    publish.bytes.set(payload, publish.payloadOffset);
    if (qos > 0) writePacketId(publish.bytes, publish.packetIdOffset, publish.packetId);
    return publish;
  }

  /** The same message in another layout, in bytes of its own, with no packet identifier yet. */
  as(version: Version, qos: QoS, retain: boolean, properties?: Properties): Publish {
    const { topic, topicLength, topicOffset, payloadOffset, start, end } = this;
    const copy = Publish.#laidOut({ topic, payload: NOTHING, qos, retain, version, properties }, topicLength, end - start - payloadOffset);
    this.bytes.copy(copy.bytes, copy.topicOffset, start + topicOffset, start + topicOffset + topicLength);
    this.bytes.copy(copy.bytes, copy.payloadOffset, start + payloadOffset, end);
    return copy;
  }

  /** The packet with everything but topic, packet identifier and payload written. */
  static #laidOut(fields: PublishFields, topicLength: number, payloadLength: number): Publish {
    const { topic, qos, retain, dup = false, packetId = 0, version = 4 } = fields;
    const properties = version === 5 ? fields.properties : undefined;
    const propertyLength = propertiesSize(properties);
    const propertyBytes = version === 5 ? variableIntegerSize(propertyLength) + propertyLength : 0;
    const idBytes = qos > 0 ? 2 : 0;
    const remaining = 2 + topicLength + idBytes + propertyBytes + payloadLength;
    const topicOffset = 1 + variableIntegerSize(remaining) + 2;
    const payloadOffset = topicOffset + topicLength + idBytes + propertyBytes;
    const bytes = Buffer.allocUnsafe(payloadOffset + payloadLength);
    const first = (PacketType.Publish << 4) | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
    bytes[0] = first;
    writeVariableInteger(bytes, 1, remaining);
    bytes[topicOffset - 2] = topicLength >>> 8;
    bytes[topicOffset - 1] = topicLength & 0xff;
    if (version === 5) writeProperties(new Writer(bytes, topicOffset + topicLength + idBytes), properties);
    const id = qos > 0 ? packetId : 0;
    return new Publish(version, first, topic, true, id, properties, bytes, 0, bytes.length, topicOffset, topicLength, payloadOffset, false);
  }

  /** Bytes on the wire. */
  get length(): number {
    return this.end - this.start;
  }

  get payloadLength(): number {
    return this.end - this.start - this.payloadOffset;
  }

  /** Offset from `start` of the packet identifier; meaningless at QoS 0. */
  get packetIdOffset(): number {
    return this.topicOffset + this.topicLength;
  }

  /** A view, not a copy: it lives as long as the bytes do. */
  get payload(): Buffer {
    return this.bytes.subarray(this.start + this.payloadOffset, this.end);
  }

  /** Moves the packet to bytes of its own, once, so that it outlives what it was read from. */
  keep(): void {
    if (!this.borrowed) return;
    const { start, end } = this;
    const own = Buffer.allocUnsafe(end - start);
    this.bytes.copy(own, 0, start, end);
    this.bytes = own;
    this.start = 0;
    this.end = own.length;
    this.borrowed = false;
  }
}

/** Writes a packet identifier in network byte order. */
export function writePacketId(bytes: Uint8Array, at: number, packetId: number): void {
  bytes[at] = packetId >>> 8;
  bytes[at + 1] = packetId & 0xff;
}

const NOTHING = new Uint8Array(0);
