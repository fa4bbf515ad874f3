/** Bytes of one Control Packet → its value, or a refusal. Hot: PUBLISH and the acknowledgements. */
import { latin1, Reader, readString } from './bytes.js';
import {
  PacketType,
  packetName,
  type Acknowledgement,
  type Auth,
  type Connack,
  type Connect,
  type Disconnect,
  type Packet,
  type QoS,
  type Suback,
  type Subscribe,
  type SubscriptionRequest,
  type Unsuback,
  type Unsubscribe,
  type Version,
  type Will,
} from './packet.js';
import { readProperties, WILL, type Properties } from './properties.js';
import { Publish } from './publish.js';
import { isReasonCodeOf, MqttError, ReasonCode, reasonOfReturnCode } from './reason-code.js';
import { TopicNames } from './topic-names.js';

/** @throws MqttError MalformedPacket or ProtocolError, naming what is wrong. */
export function decode(bytes: Buffer, start: number, body: number, end: number, version: Version, borrowed: boolean): Packet {
  const first = bytes[start]!;
  const type = first >> 4;
  if (type === PacketType.Publish) return decodePublish(first, bytes, start, body, end, version, borrowed);
  // [MQTT-2.2.2-1] [MQTT-2.2.2-2] the flags of every other packet are fixed; in 3.1 those sent again may have DUP set.
  const flags = version === 3 && flagsOf(type) === 2 ? first & 7 : first & 15;
  if (flags !== flagsOf(type)) throw malformed(`${packetName(type)} has reserved flags set`);
  switch (type) {
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return decodeAcknowledgement(type, bytes, body, end, version);
    case PacketType.Pingreq:
    case PacketType.Pingresp:
      mustEnd(type, body, end);
      return { type };
    case PacketType.Disconnect:
      if (version === 5) return decodeReason(type, new Reader(bytes, body, end));
      mustEnd(type, body, end);
      return { type, reasonCode: ReasonCode.NormalDisconnection };
    case PacketType.Connect:
      return decodeConnect(new Reader(bytes, body, end));
    case PacketType.Connack:
      return decodeConnack(new Reader(bytes, body, end), version);
    case PacketType.Subscribe:
      return decodeSubscribe(new Reader(bytes, body, end), version);
    case PacketType.Suback:
      return decodeSuback(new Reader(bytes, body, end), version);
    case PacketType.Unsubscribe:
      return decodeUnsubscribe(new Reader(bytes, body, end), version);
    case PacketType.Unsuback:
      return decodeUnsuback(new Reader(bytes, body, end), version);
    case PacketType.Auth:
      if (version === 5) return decodeReason(type, new Reader(bytes, body, end));
      throw malformed('AUTH is not a packet of this protocol version');
    default:
      throw malformed(`${packetName(type)} is not a packet of this protocol version`);
  }
}

/** The four lower bits a packet's first byte must have (MQTT 3.1.1 table 2.2). */
export function flagsOf(type: number): number {
  return type === PacketType.Pubrel || type === PacketType.Subscribe || type === PacketType.Unsubscribe ? 2 : 0;
}

const names = new TopicNames(4096);
const PLUS = 0x2b;

function decodePublish(
  first: number,
  bytes: Buffer,
  start: number,
  body: number,
  end: number,
  version: Version,
  borrowed: boolean,
): Publish {
  const qos = (first >> 1) & 3;
  if (qos === 3) throw malformed('PUBLISH has both QoS bits set'); // [MQTT-3.3.1-4]
  if (qos === 0 && (first & 8) !== 0) throw malformed('PUBLISH at QoS 0 has DUP set'); // [MQTT-3.3.1-2]
  const topicAt = body + 2;
  if (topicAt > end) throw malformed('PUBLISH ends before its Topic Name');
  const topicLength = (bytes[body]! << 8) | bytes[body + 1]!;
  let at = topicAt + topicLength;
  if (at > end) throw malformed('PUBLISH has a Topic Name longer than the packet');
  // In 5.0 a Topic Alias may stand in for the name; whether it does is for the rules to say.
  const topic = topicLength === 0 && version === 5 ? '' : names.find(bytes, topicAt, at, readTopicName);
  const { wasSeen } = names;
  let packetId = 0;
  if (qos > 0) {
    if (at + 2 > end) throw malformed('PUBLISH ends before its Packet Identifier');
    packetId = (bytes[at]! << 8) | bytes[at + 1]!;
    if (packetId === 0) throw protocolError('PUBLISH has Packet Identifier 0'); // [MQTT-2.3.1-1]
    at += 2;
  }
  let properties: Properties | undefined;
  if (version === 5) {
    if (bytes[at] === 0 && at < end) {
      at++;
    } else {
      const reader = new Reader(bytes, at, end);
      properties = readProperties(reader, PacketType.Publish);
      at = end - reader.left;
    }
  }
  const offset = topicAt - start;
  return new Publish(version, first, topic, wasSeen, packetId, properties, bytes, start, end, offset, topicLength, at - start, borrowed);
}

function readTopicName(bytes: Buffer, start: number, end: number): string {
  // Mostly it is letters, digits, `/`, `-`, `_` and `.`: all of them lie above the wildcards.
  let at = start;
  while (at < end && bytes[at]! > PLUS && bytes[at]! < 0x80) at++;
  if (at === end && at > start) return latin1(bytes, start, end);
  const topic = readString(bytes, start, end);
  if (topic.length === 0) throw new MqttError(ReasonCode.TopicNameInvalid, 'PUBLISH has an empty Topic Name'); // [MQTT-4.7.3-1]
  if (topic.includes('+') || topic.includes('#')) {
    throw new MqttError(ReasonCode.TopicNameInvalid, 'PUBLISH has a wildcard in its Topic Name'); // [MQTT-3.3.2-2]
  }
  return topic;
}

function decodeAcknowledgement(type: Acknowledgement['type'], bytes: Buffer, body: number, end: number, version: Version): Acknowledgement {
  if (end - body < 2 || (version !== 5 && end - body > 2)) throw malformed(`${packetName(type)} is not two bytes long`);
  const packetId = (bytes[body]! << 8) | bytes[body + 1]!;
  if (packetId === 0) throw protocolError(`${packetName(type)} has Packet Identifier 0`);
  if (end - body === 2) return { type, packetId, reasonCode: ReasonCode.Success };
  return { ...decodeReason(type, new Reader(bytes, body + 2, end)), packetId };
}

/** A Reason Code and properties, of which both or the properties may be missing (MQTT 5.0 sections 3.4.2, 3.14.2, 3.15.2). */
function decodeReason<T extends Acknowledgement['type'] | Disconnect['type'] | Auth['type']>(
  type: T,
  reader: Reader,
): { readonly type: T; readonly reasonCode: ReasonCode; readonly properties?: Properties } {
  const reasonCode = reader.left === 0 ? ReasonCode.Success : reasonCodeOf(type, reader.byte());
  const properties = reader.left === 0 ? undefined : readProperties(reader, type);
  mustBeRead(type, reader);
  return { type, reasonCode, ...(properties === undefined ? undefined : { properties }) };
}

function reasonCodeOf(type: PacketType, code: number): ReasonCode {
  if (!isReasonCodeOf(type, code)) throw protocolError(`${packetName(type)} has reason code ${code}`);
  return code;
}

function decodeConnect(reader: Reader): Connect {
  const version = versionOf(reader.string(), reader.byte(), reader);
  try {
    return decodeConnectOf(version, reader);
  } catch (error) {
    if (error instanceof MqttError) error.version = version; // a 5.0 client is told what was wrong
    throw error;
  }
}

function decodeConnectOf(version: Version, reader: Reader): Connect {
  const type = PacketType.Connect;
  const flags = reader.byte();
  if ((flags & 1) !== 0) throw malformed('CONNECT has its reserved flag set'); // [MQTT-3.1.2-3]
  const keepAlive = reader.uint16();
  const properties = version === 5 ? readProperties(reader, type) : undefined;
  const clientId = reader.string(); // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = decodeWill(flags, reader, version);
  // MQTT 3.1 section 3.1: where the packet has ended, a flag for a user name or a password counts for nothing.
  const absent = version === 3 && reader.left === 0;
  const hasUsername = (flags & 0x80) !== 0 && !absent;
  const hasPassword = (flags & 0x40) !== 0 && !absent;
  if (hasPassword && !hasUsername && version !== 5) throw malformed('CONNECT has a password and no user name'); // [MQTT-3.1.2-22]
  const username = hasUsername ? reader.string() : undefined;
  const password = hasPassword && !(version === 3 && reader.left === 0) ? reader.binary() : undefined;
  mustBeRead(type, reader);
  return {
    type,
    version,
    clean: (flags & 2) !== 0,
    keepAlive,
    clientId,
    ...(will === undefined ? undefined : { will }),
    ...(username === undefined ? undefined : { username }),
    ...(password === undefined ? undefined : { password }),
    ...(properties === undefined ? undefined : { properties }),
  };
}

/** @throws MqttError UnsupportedProtocolVersion, which is answered with return code 1 [MQTT-3.1.2-2]. */
function versionOf(protocolName: string, level: number, rest: Reader): Version {
  if (protocolName === 'MQTT') {
    if (level === 4 || level === 5) return level;
    const error = new MqttError(ReasonCode.UnsupportedProtocolVersion, `CONNECT asks for protocol level ${level}`);
    // Who speaks something near 3.1.1 is answered in it [MQTT-3.1.2-2]: a bridge of Mosquitto's marks its level with the highest bit and
    // goes without when it is told.
    if (level < 5 || level === 0x84) throw error;
    // What a client of a level to come would read nobody knows. One that writes as 5.0 does is answered in it [MQTT5-3.1.2-2].
    decodeConnectOf(5, rest);
    error.version = 5;
    throw error;
  }
  if (protocolName === 'MQIsdp') {
    // A bridge of Mosquitto's sets the highest bit; its meaning is private to bridges, so it is not ours to grant.
    if (level === 3) return 3;
    throw new MqttError(ReasonCode.UnsupportedProtocolVersion, `CONNECT asks for MQIsdp at protocol level ${level}`);
  }
  throw malformed('CONNECT has an unknown protocol name'); // [MQTT-3.1.2-1]
}

function decodeWill(flags: number, reader: Reader, version: Version): Will | undefined {
  const qos = (flags >> 3) & 3;
  const retain = (flags & 0x20) !== 0;
  if ((flags & 4) === 0) {
    if (qos !== 0 || retain) throw malformed('CONNECT has Will QoS or Will Retain without a Will'); // [MQTT-3.1.2-13] [MQTT-3.1.2-15]
    return undefined;
  }
  if (qos === 3) throw malformed('CONNECT has Will QoS 3'); // [MQTT-3.1.2-14]
  const properties = version === 5 ? readProperties(reader, WILL) : undefined;
  const will = { topic: reader.string(), payload: reader.binary(), qos: qos as QoS, retain };
  return properties === undefined ? will : { ...will, properties };
}

function decodeConnack(reader: Reader, version: Version): Connack {
  const type = PacketType.Connack;
  const flags = reader.byte();
  if (flags > 1) throw malformed('CONNACK has reserved flags set');
  const code = reader.byte();
  const reasonCode = version === 5 ? reasonCodeOf(type, code) : reasonOfReturnCode(code);
  const properties = version === 5 ? readProperties(reader, type) : undefined;
  mustBeRead(type, reader);
  const connack = { type, sessionPresent: flags === 1, reasonCode };
  return properties === undefined ? connack : { ...connack, properties };
}

function decodeSubscribe(reader: Reader, version: Version): Subscribe {
  const type = PacketType.Subscribe;
  const head = headOf(type, reader, version);
  mustHavePayload(type, reader); // [MQTT-3.8.3-3]
  const subscriptions: SubscriptionRequest[] = [];
  do {
    const filter = reader.string(); // [MQTT-3.8.3-1]
    const options = reader.byte();
    subscriptions.push(version === 5 ? subscriptionRequest(filter, options) : { filter, qos: grantable(options) });
  } while (reader.left > 0);
  return { type, ...head, subscriptions };
}

function grantable(options: number): QoS {
  if (options > 2) throw malformed('SUBSCRIBE asks for a QoS above 2 or has reserved bits set'); // [MQTT-3.8.3-4]
  return options as QoS;
}

/** Subscription Options (MQTT 5.0 section 3.8.3.1). */
function subscriptionRequest(filter: string, options: number): SubscriptionRequest {
  if ((options & 0xc0) !== 0) throw malformed('SUBSCRIBE has reserved bits set'); // [MQTT5-3.8.3-5]
  const qos = options & 3;
  const retainHandling = (options >> 4) & 3;
  if (qos === 3) throw protocolError('SUBSCRIBE asks for QoS 3');
  if (retainHandling === 3) throw protocolError('SUBSCRIBE asks for Retain Handling 3');
  return {
    filter,
    qos: qos as QoS,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

function decodeSuback(reader: Reader, version: Version): Suback {
  const type = PacketType.Suback;
  const head = headOf(type, reader, version);
  mustHavePayload(type, reader);
  const reasonCodes: ReasonCode[] = [];
  do {
    const code = reader.byte();
    if (version !== 5 && code > 2 && code !== 0x80) throw malformed(`SUBACK has return code ${code}`); // [MQTT-3.9.3-2]
    reasonCodes.push(reasonCodeOf(type, code));
  } while (reader.left > 0);
  return { type, ...head, reasonCodes };
}

function decodeUnsubscribe(reader: Reader, version: Version): Unsubscribe {
  const type = PacketType.Unsubscribe;
  const head = headOf(type, reader, version);
  mustHavePayload(type, reader); // [MQTT-3.10.3-2]
  const filters: string[] = [];
  do
    filters.push(reader.string()); // [MQTT-3.10.3-1]
  while (reader.left > 0);
  return { type, ...head, filters };
}

function decodeUnsuback(reader: Reader, version: Version): Unsuback {
  const type = PacketType.Unsuback;
  const head = headOf(type, reader, version);
  const reasonCodes: ReasonCode[] = [];
  if (version === 5) {
    mustHavePayload(type, reader);
    do reasonCodes.push(reasonCodeOf(type, reader.byte()));
    while (reader.left > 0);
  }
  mustBeRead(type, reader);
  return { type, ...head, reasonCodes };
}

/** The Packet Identifier and, in 5.0, the properties after it. */
function headOf(type: PacketType, reader: Reader, version: Version): { readonly packetId: number; readonly properties?: Properties } {
  const packetId = reader.uint16();
  if (packetId === 0) throw protocolError(`${packetName(type)} has Packet Identifier 0`); // [MQTT-2.3.1-1]
  const properties = version === 5 ? readProperties(reader, type) : undefined;
  return properties === undefined ? { packetId } : { packetId, properties };
}

function mustHavePayload(type: PacketType, reader: Reader): void {
  if (reader.left === 0) throw protocolError(`${packetName(type)} has no payload`);
}

function mustBeRead(type: PacketType, reader: Reader): void {
  if (reader.left > 0) throw malformed(`${packetName(type)} is longer than its fields`);
}

function mustEnd(type: PacketType, body: number, end: number): void {
  if (end !== body) throw malformed(`${packetName(type)} has a payload`);
}

function malformed(message: string): MqttError {
  return new MqttError(ReasonCode.MalformedPacket, message);
}

function protocolError(message: string): MqttError {
  return new MqttError(ReasonCode.ProtocolError, message);
}
