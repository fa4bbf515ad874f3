/** What a record looks like: the keys and values of everything that survives a restart. */
import { Decoder } from '../packet/decoder.js';
import { PacketType, type QoS, type Version } from '../packet/packet.js';
import { writePacketId, type Publish } from '../packet/publish.js';
import type { Extras, Subscription } from '../session/contracts.js';
import type { Awaiting } from '../session/inflight.js';
import { Message } from '../session/message.js';

/** The first byte of a key: what kind of record it is. In the order in which a restart reads them. */
export const Kind = { Session: 0x10, Subscription: 0x20, Delivery: 0x30, Progress: 0x31, Received: 0x40, Retained: 0x50 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The first byte of every value. */
const VERSION = 1;

/** A client identifier holds no U+0000 [MQTT-1.5.3-2], so one ends it. */
export function key(kind: Kind, name: string, rest?: Buffer): Buffer {
  const head = Buffer.from(`${String.fromCharCode(kind)}${name}\0`);
  return rest === undefined ? head : Buffer.concat([head, rest]);
}

/** The name a key was made with, and what followed it. */
export function partsOf(recordKey: Buffer): { readonly name: string; readonly rest: Buffer } {
  const end = recordKey.indexOf(0, 1);
  return { name: recordKey.toString('utf8', 1, end), rest: recordKey.subarray(end + 1) };
}

/** Every key of a kind lies in `[from, to)`. */
export function rangeOf(kind: Kind): { readonly from: Buffer; readonly to: Buffer } {
  return { from: Buffer.of(kind), to: Buffer.of(kind + 1) };
}

/** A place in a queue: eight bytes whose order is the order of the numbers. */
export function sequenceBytes(sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(sequence));
  return bytes;
}

export function sequenceOf(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE());
}

export function packetIdBytes(packetId: number): Buffer {
  return Buffer.of(packetId >>> 8, packetId & 0xff);
}

/** @throws Error where the record is of a version this software does not know: then it must not start. */
function body(value: Buffer, length: number): Buffer {
  if (value[0] !== VERSION) throw new Error(`a record has version ${value[0]}, this version of PosMQ reads version ${VERSION}`);
  if (value.length < 1 + length) throw new Error('a record is shorter than its fields');
  return value.subarray(1);
}

export interface SessionRecord {
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Seconds it is kept without a connection. */
  readonly expiryInterval: number;
  /** ms since the epoch; Infinity is never, also while the session is connected. */
  readonly expiresAt: number;
}

export function writeSession({ createdAt, expiryInterval, expiresAt }: SessionRecord): Buffer {
  const value = Buffer.allocUnsafe(21);
  value[0] = VERSION;
  value.writeDoubleBE(createdAt, 1);
  value.writeUInt32BE(expiryInterval, 9);
  value.writeDoubleBE(expiresAt, 13);
  return value;
}

export function readSession(value: Buffer): SessionRecord {
  const fields = body(value, 20);
  return { createdAt: fields.readDoubleBE(0), expiryInterval: fields.readUInt32BE(8), expiresAt: fields.readDoubleBE(12) };
}

/** What was granted, without the filter, which is in the key. */
export type SubscriptionRecord = Pick<Subscription, 'qos' | 'noLocal' | 'retainAsPublished' | 'identifier'>;

export function writeSubscription({ qos, noLocal, retainAsPublished, identifier }: SubscriptionRecord): Buffer {
  const value = Buffer.allocUnsafe(6);
  value[0] = VERSION;
  value[1] = qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0);
  value.writeUInt32BE(identifier ?? 0, 2);
  return value;
}

export function readSubscription(value: Buffer): SubscriptionRecord {
  const fields = body(value, 5);
  const options = fields[0]!;
  const identifier = fields.readUInt32BE(1);
  return {
    qos: (options & 3) as QoS,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    identifier: identifier === 0 ? undefined : identifier,
  };
}

export interface MessageRecord extends Extras {
  readonly message: Message;
  /** Of the delivery; a retained message has its own. */
  readonly qos: QoS;
  readonly retain: boolean;
}

/** The message as the PUBLISH it came in, behind what is its delivery's and what no PUBLISH tells. */
export function writeMessage({ message, qos, retain, identifiers = [], share = '' }: MessageRecord): Buffer {
  const { origin, expiresAt, publisher } = message;
  const name = Buffer.from(publisher ?? '');
  const group = Buffer.from(share);
  const value = Buffer.allocUnsafe(16 + name.length + group.length + identifiers.length * 4 + origin.length);
  value[0] = VERSION;
  value[1] = (retain ? 1 : 0) | (qos << 1) | (origin.version === 5 ? 8 : 0) | (publisher === undefined ? 0 : 16);
  value.writeDoubleBE(expiresAt, 2);
  value.writeUInt16BE(name.length, 10);
  value.writeUInt16BE(group.length, 12);
  value.writeUInt16BE(identifiers.length, 14);
  let at = 16 + name.copy(value, 16);
  at += group.copy(value, at);
  for (const identifier of identifiers) at = value.writeUInt32BE(identifier, at);
  origin.bytes.copy(value, at, origin.start, origin.end);
  // A message that came from no client has no packet identifier; which one stands here does not matter, but 0 could not be read again.
  if (origin.qos > 0 && origin.packetId === 0) writePacketId(value, at + origin.packetIdOffset, 1);
  return value;
}

export function readMessage(value: Buffer): MessageRecord {
  const fields = body(value, 15);
  const flags = fields[0]!;
  const nameEnd = 15 + fields.readUInt16BE(9);
  const groupEnd = nameEnd + fields.readUInt16BE(11);
  const identifiers = Array.from({ length: fields.readUInt16BE(13) }, (_, i) => fields.readUInt32BE(groupEnd + i * 4));
  const publisher = (flags & 16) === 0 ? undefined : fields.toString('utf8', 15, nameEnd);
  const origin = publishOf(fields.subarray(groupEnd + identifiers.length * 4), (flags & 8) === 0 ? 4 : 5);
  return {
    message: new Message(origin, publisher, fields.readDoubleBE(1)),
    qos: ((flags >> 1) & 3) as QoS,
    retain: (flags & 1) === 1,
    identifiers: identifiers.length === 0 ? undefined : identifiers,
    share: groupEnd === nameEnd ? undefined : fields.toString('utf8', nameEnd, groupEnd),
  };
}

/** The PUBLISH that was put on record, in bytes of its own. */
function publishOf(bytes: Buffer, version: Version): Publish {
  const decoder = new Decoder();
  decoder.version = version;
  decoder.feed(bytes);
  const packet = decoder.next();
  if (packet?.type !== PacketType.Publish) throw new Error('a record holds no PUBLISH where one belongs');
  packet.keep();
  return packet;
}

/** How far a delivery has come: its packet identifier and what it waits for. */
export function writeProgress(packetId: number, awaiting: Awaiting): Buffer {
  return Buffer.of(VERSION, packetId >>> 8, packetId & 0xff, awaiting);
}

export function readProgress(value: Buffer): { readonly packetId: number; readonly awaiting: Awaiting } {
  const fields = body(value, 3);
  return { packetId: fields.readUInt16BE(0), awaiting: fields[2] as Awaiting };
}

export function writeReceived(): Buffer {
  return Buffer.of(VERSION);
}

/** The record says nothing but that it is there. */
export function readReceived(value: Buffer): void {
  body(value, 0);
}
