/** A Control Packet → its bytes in one protocol version. */
import { stringSize, variableIntegerSize, Writer } from './bytes.js';
import { flagsOf } from './decode.js';
import { PacketType, type Acknowledgement, type Connect, type Packet, type SubscriptionRequest, type Version } from './packet.js';
import type { Publish } from './publish.js';
import { connectReturnCode, isRefusal, type ReasonCode } from './reason-code.js';

/** The bytes of a whole packet. The fields are taken as they are: who builds a packet builds a valid one. */
export function encode(packet: Packet, version: Version): Buffer {
  switch (packet.type) {
    case PacketType.Publish:
      return encodePublish(packet, version);
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return encodeAcknowledgement(packet);
    case PacketType.Connect:
      return encodeConnect(packet);
    case PacketType.Connack: {
      const code = connectReturnCode(packet.reasonCode);
      // [MQTT-3.2.2-4] a CONNACK that refuses has Session Present 0; in 3.1 the byte is reserved.
      return start(packet.type, 2)
        .byte(packet.sessionPresent && code === 0 && version !== 3 ? 1 : 0)
        .byte(code).bytes;
    }
    case PacketType.Subscribe: {
      const writer = start(packet.type, 2 + sum(packet.subscriptions, (entry) => stringSize(entry.filter) + 1)).uint16(packet.packetId);
      for (const entry of packet.subscriptions) writer.string(entry.filter).byte(subscriptionOptions(entry, version));
      return writer.bytes;
    }
    case PacketType.Suback: {
      const writer = start(packet.type, 2 + packet.reasonCodes.length).uint16(packet.packetId);
      for (const code of packet.reasonCodes) writer.byte(subackReturnCode(code, version));
      return writer.bytes;
    }
    case PacketType.Unsubscribe: {
      const writer = start(packet.type, 2 + sum(packet.filters, stringSize)).uint16(packet.packetId);
      for (const filter of packet.filters) writer.string(filter);
      return writer.bytes;
    }
    case PacketType.Unsuback:
      return start(packet.type, 2).uint16(packet.packetId).bytes;
    case PacketType.Pingreq:
    case PacketType.Pingresp:
    case PacketType.Disconnect:
      return start(packet.type, 0).bytes;
    case PacketType.Auth:
      throw new Error('AUTH is not a packet of MQTT 3.1.1');
  }
}

function start(type: PacketType, remaining: number): Writer {
  return new Writer(1 + variableIntegerSize(remaining) + remaining).header((type << 4) | flagsOf(type), remaining);
}

/** A PUBLISH has its bytes already; another layout than the one it stands in is a copy. */
function encodePublish(publish: Publish, version: Version): Buffer {
  const laidOut = (publish.version === 5) === (version === 5) ? publish : publish.as(version, publish.qos, publish.retain);
  return laidOut.bytes.subarray(laidOut.start, laidOut.end);
}

function encodeAcknowledgement(packet: Acknowledgement): Buffer {
  return start(packet.type, 2).uint16(packet.packetId).bytes;
}

function encodeConnect(packet: Connect): Buffer {
  const { version, clean, keepAlive, clientId, will, username, password } = packet;
  const protocolName = version === 3 ? 'MQIsdp' : 'MQTT';
  const remaining =
    stringSize(protocolName) +
    4 +
    stringSize(clientId) +
    (will === undefined ? 0 : stringSize(will.topic) + 2 + will.payload.length) +
    (username === undefined ? 0 : stringSize(username)) +
    (password === undefined ? 0 : 2 + password.length);
  const flags =
    (clean ? 2 : 0) |
    (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
    (password === undefined ? 0 : 0x40) |
    (username === undefined ? 0 : 0x80);
  const writer = start(packet.type, remaining).string(protocolName).byte(version).byte(flags).uint16(keepAlive).string(clientId);
  if (will !== undefined) writer.string(will.topic).binary(will.payload);
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
