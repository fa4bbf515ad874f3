/** A Control Packet → its bytes in one protocol version. */
import { stringSize, variableIntegerSize, Writer } from './bytes.js';
import { flagsOf } from './decode.js';
import {
  PacketType,
  type Acknowledgement,
  type Auth,
  type Connack,
  type Connect,
  type Disconnect,
  type Packet,
  type Suback,
  type Subscribe,
  type SubscriptionRequest,
  type Unsuback,
  type Unsubscribe,
  type Version,
} from './packet.js';
import { propertiesSize, writeProperties, type Properties } from './properties.js';
import { Publish } from './publish.js';
import { connectReturnCode, isRefusal, ReasonCode } from './reason-code.js';

/** The bytes of a whole packet. The fields are taken as they are: who builds a packet builds a valid one. */
export function encode(packet: Packet, version: Version): Buffer {
  switch (packet.type) {
    case PacketType.Publish:
      return encodePublish(packet, version);
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return encodeAcknowledgement(packet, version);
    case PacketType.Connect:
      return encodeConnect(packet);
    case PacketType.Connack:
      return encodeConnack(packet, version);
    case PacketType.Subscribe: {
      const writer = startWithId(
        packet,
        version,
        sum(packet.subscriptions, (entry) => stringSize(entry.filter) + 1),
      );
      for (const entry of packet.subscriptions) writer.string(entry.filter).byte(subscriptionOptions(entry, version));
      return writer.bytes;
    }
    case PacketType.Suback: {
      const writer = startWithId(packet, version, packet.reasonCodes.length);
      for (const code of packet.reasonCodes) writer.byte(subackReturnCode(code, version));
      return writer.bytes;
    }
    case PacketType.Unsubscribe: {
      const writer = startWithId(packet, version, sum(packet.filters, stringSize));
      for (const filter of packet.filters) writer.string(filter);
      return writer.bytes;
    }
    case PacketType.Unsuback: {
      if (version !== 5) return startWithId(packet, version, 0).bytes;
      const writer = startWithId(packet, version, packet.reasonCodes.length);
      for (const code of packet.reasonCodes) writer.byte(code);
      return writer.bytes;
    }
    case PacketType.Pingreq:
    case PacketType.Pingresp:
      return start(packet.type, 0).bytes;
    case PacketType.Disconnect:
      return version === 5 ? encodeReason(packet) : start(packet.type, 0).bytes;
    case PacketType.Auth:
      if (version !== 5) throw new Error('AUTH is not a packet of MQTT 3.1.1');
      return encodeReason(packet);
  }
}

function start(type: PacketType, remaining: number): Writer {
  return new Writer(1 + variableIntegerSize(remaining) + remaining).header((type << 4) | flagsOf(type), remaining);
}

/** Begins a packet with its Packet Identifier and properties; `payload` bytes follow. */
function startWithId(packet: Subscribe | Suback | Unsubscribe | Unsuback, version: Version, payload: number): Writer {
  if (version !== 5) return start(packet.type, 2 + payload).uint16(packet.packetId);
  const writer = start(packet.type, 2 + lengthened(packet.properties) + payload).uint16(packet.packetId);
  writeProperties(writer, packet.properties);
  return writer;
}

/** Bytes of properties with their length before them. */
function lengthened(properties: Properties | undefined): number {
  const size = propertiesSize(properties);
  return variableIntegerSize(size) + size;
}

/** A PUBLISH has its bytes already; another layout than the one it stands in is a copy. */
function encodePublish(publish: Publish, version: Version): Buffer {
  if ((publish.version === 5) === (version === 5)) return publish.bytes.subarray(publish.start, publish.end);
  const { topic, payload, qos, retain, dup, packetId, properties } = publish;
  return Publish.of({ topic, payload, qos, retain, dup, packetId, properties, version }).bytes;
}

/** Whether nothing but its Packet Identifier is told: a 5.0 client is told a Reason Code other than Success, but that is rare. */
export function isShort({ reasonCode, properties }: Acknowledgement, version: Version): boolean {
  return version !== 5 || (reasonCode === ReasonCode.Success && properties === undefined);
}

function encodeAcknowledgement(packet: Acknowledgement, version: Version): Buffer {
  const { type, packetId, reasonCode, properties } = packet;
  if (isShort(packet, version)) return start(type, 2).uint16(packetId).bytes;
  if (properties === undefined) return start(type, 3).uint16(packetId).byte(reasonCode).bytes;
  const writer = start(type, 3 + lengthened(properties))
    .uint16(packetId)
    .byte(reasonCode);
  writeProperties(writer, properties);
  return writer.bytes;
}

/** DISCONNECT and AUTH of 5.0: what says nothing is left out. */
function encodeReason({ type, reasonCode, properties }: Disconnect | Auth): Buffer {
  if (properties === undefined) return reasonCode === ReasonCode.Success ? start(type, 0).bytes : start(type, 1).byte(reasonCode).bytes;
  const writer = start(type, 1 + lengthened(properties)).byte(reasonCode);
  writeProperties(writer, properties);
  return writer.bytes;
}

function encodeConnack({ type, sessionPresent, reasonCode, properties }: Connack, version: Version): Buffer {
  if (version !== 5) {
    const code = connectReturnCode(reasonCode);
    // [MQTT-3.2.2-4] a CONNACK that refuses has Session Present 0; in 3.1 the byte is reserved.
    return start(type, 2)
      .byte(sessionPresent && code === 0 && version !== 3 ? 1 : 0)
      .byte(code).bytes;
  }
  const writer = start(type, 2 + lengthened(properties))
    .byte(sessionPresent && reasonCode === ReasonCode.Success ? 1 : 0)
    .byte(reasonCode);
  writeProperties(writer, properties);
  return writer.bytes;
}

function encodeConnect(packet: Connect): Buffer {
  const { version, clean, keepAlive, clientId, will, username, password, properties } = packet;
  const protocolName = version === 3 ? 'MQIsdp' : 'MQTT';
  const remaining =
    stringSize(protocolName) +
    4 +
    (version === 5 ? lengthened(properties) : 0) +
    stringSize(clientId) +
    (will === undefined ? 0 : stringSize(will.topic) + 2 + will.payload.length) +
    (will === undefined || version !== 5 ? 0 : lengthened(will.properties)) +
    (username === undefined ? 0 : stringSize(username)) +
    (password === undefined ? 0 : 2 + password.length);
  const flags =
    (clean ? 2 : 0) |
    (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
    (password === undefined ? 0 : 0x40) |
    (username === undefined ? 0 : 0x80);
  const writer = start(packet.type, remaining).string(protocolName).byte(version).byte(flags).uint16(keepAlive);
  if (version === 5) writeProperties(writer, properties);
  writer.string(clientId);
  if (will !== undefined) {
    if (version === 5) writeProperties(writer, will.properties);
    writer.string(will.topic).binary(will.payload);
  }
  if (username !== undefined) writer.string(username);
  if (password !== undefined) writer.binary(password);
  return writer.bytes;
}

function subscriptionOptions(entry: SubscriptionRequest, version: Version): number {
  if (version !== 5) return entry.qos;
  return entry.qos | (entry.noLocal ? 4 : 0) | (entry.retainAsPublished ? 8 : 0) | ((entry.retainHandling ?? 0) << 4);
}

/** 3.1.1 knows one refusal, 0x80 [MQTT-3.9.3-2]; 3.1 knows none, so what was refused reads there as granted at QoS 0. */
function subackReturnCode(code: ReasonCode, version: Version): number {
  if (version === 5 || !isRefusal(code)) return code;
  return version === 4 ? 0x80 : 0;
}

function sum<T>(entries: readonly T[], size: (entry: T) => number): number {
  let total = 0;
  for (const entry of entries) total += size(entry);
  return total;
}
