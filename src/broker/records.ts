/** What a record looks like: the keys and values of everything that survives a restart. */
import { decode } from '../packet/decode.js';
import { PacketType, type QoS, type Version } from '../packet/packet.js';
import { Publish, writePacketId } from '../packet/publish.js';
import { TopicNames } from '../packet/topic-names.js';
import { PLAIN, type Extras, type PendingWill, type Subscription } from '../session/contracts.js';
import { Awaiting, type Delivery } from '../session/inflight.js';
import { Message } from '../session/message.js';

/**
 * The first byte of a key: what kind of record it is.
 *
 * | kind | rest of the key | value |
 * | --- | --- | --- |
 * | Format | | the version of all records |
 * | Sequence | | no number above this one has been given to a session or a message |
 * | Session | Client Identifier | its number, and how long it is kept |
 * | Ended | number | a session that is over and whose records are being deleted |
 * | Subscription | number, Topic Filter | what was granted |
 * | Delivery | number, sequence, size | a message for a session, with its body unless that is apart |
 * | Sent | number, sequence | the Packet Identifier of a delivery that waited on record before it was sent |
 * | Released | number, Packet Identifier | the place in the order of PUBRELs of a delivery whose receiver has it |
 * | Received | number, Packet Identifier | nothing: a QoS 2 message that came in is ours |
 * | Body | sequence | a message that several sessions wait for, once |
 * | Expiry | time, number, sequence, size | nothing: when a delivery expires |
 * | Retained | Topic Name | the message |
 * | Will | Client Identifier | the Will, and when it is due |
 *
 * Numbers and sequences are 48 bits, times 48 bits of ms since the epoch, sizes and Packet Identifiers 32 and 16 bits; all big-endian, so that
 * their order is the order of the keys.
 */
export const Kind = {
  Format: 0x01,
  Sequence: 0x02,
  Session: 0x10,
  Ended: 0x18,
  Subscription: 0x20,
  Delivery: 0x30,
  Sent: 0x31,
  Released: 0x32,
  Received: 0x33,
  Body: 0x38,
  Expiry: 0x39,
  Retained: 0x50,
  Will: 0x60,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The kinds whose keys go on with the number of a session. */
export const KINDS_OF_A_SESSION = [Kind.Subscription, Kind.Delivery, Kind.Sent, Kind.Released, Kind.Received] as const;

/** The version of all records of a store. */
export const FORMAT = 2;

/** A record that cannot be read; the rest of the store has no part in it. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** Set in the size of a delivery's key where its body is apart. */
const APART = 0x8000_0000;

// Keys.

export function key(kind: Kind, name = ''): Buffer {
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(name));
  bytes[0] = kind;
  bytes.write(name, 1);
  return bytes;
}

/** The Client Identifier or Topic Name in a key. */
export function nameOf(recordKey: Buffer): string {
  return recordKey.toString('utf8', 1);
}

/** `[from, to)` has every key of a kind. */
export function rangeOf(kind: Kind): Range {
  return { from: Buffer.of(kind), to: Buffer.of(kind + 1) };
}

export interface Range {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** `[from, to)` has every key of a kind that goes on with this number. */
export function rangeOfNumber(kind: Kind, number: number): Range {
  return { from: numberKey(kind, number), to: numberKey(kind, number + 1) };
}

/** The first key after this one. */
export function after(recordKey: Buffer): Buffer {
  return Buffer.concat([recordKey, Buffer.of(0)]);
}

export function numberKey(kind: Kind, number: number): Buffer {
  const bytes = Buffer.allocUnsafe(7);
  bytes[0] = kind;
  write48(bytes, 1, number);
  return bytes;
}

export function numberOf(recordKey: Buffer): number {
  return read48(recordKey, 1);
}

export function subscriptionKey(number: number, filter: string): Buffer {
  return Buffer.concat([numberKey(Kind.Subscription, number), Buffer.from(filter)]);
}

export function filterOf(recordKey: Buffer): string {
  return recordKey.toString('utf8', 7);
}

/** Where a delivery stands in the queue of its session. */
export interface Place {
  /** Of the session. */
  readonly number: number;
  readonly sequence: number;
  /** Bytes of the message. */
  readonly size: number;
  /** Whether the body has a record of its own. */
  readonly isApart: boolean;
}

export function deliveryKey(number: number, sequence: number, size: number, isApart: boolean): Buffer {
  const bytes = Buffer.allocUnsafe(17);
  bytes[0] = Kind.Delivery;
  writePlace(bytes, 1, number, sequence, size, isApart);
  return bytes;
}

export function placeOf(recordKey: Buffer): Place {
  if (recordKey.length !== 17) throw new RecordError(`the key of a delivery has ${recordKey.length} bytes`);
  return readPlace(recordKey, 1);
}

/** Of everything behind a sequence in the queue of a session. */
export function rangeBehind(number: number, sequence: number): Range {
  const from = Buffer.allocUnsafe(13);
  from[0] = Kind.Delivery;
  write48(from, 1, number);
  write48(from, 7, sequence + 1);
  return { from, to: numberKey(Kind.Delivery, number + 1) };
}

export function sentKey(number: number, sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(13);
  bytes[0] = Kind.Sent;
  write48(bytes, 1, number);
  write48(bytes, 7, sequence);
  return bytes;
}

export function sequenceOfSent(recordKey: Buffer): number {
  return read48(recordKey, 7);
}

export function packetKey(kind: typeof Kind.Released | typeof Kind.Received, number: number, packetId: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = kind;
  write48(bytes, 1, number);
  writePacketId(bytes, 7, packetId);
  return bytes;
}

export function packetIdOf(recordKey: Buffer): number {
  return recordKey.readUInt16BE(7);
}

export function expiryKey(at: number, number: number, sequence: number, size: number, isApart: boolean): Buffer {
  const bytes = Buffer.allocUnsafe(23);
  bytes[0] = Kind.Expiry;
  write48(bytes, 1, Math.max(0, Math.min(Math.ceil(at), MAX_48)));
  writePlace(bytes, 7, number, sequence, size, isApart);
  return bytes;
}

/** Of every expiry up to a time, ms since the epoch. */
export function rangeOfExpired(now: number): Range {
  return { from: Buffer.of(Kind.Expiry), to: numberKey(Kind.Expiry, Math.floor(now) + 1) };
}

export function placeOfExpiry(recordKey: Buffer): Place {
  return readPlace(recordKey, 7);
}

const MAX_48 = 2 ** 48 - 1;

function write48(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high & 0xff;
  bytes[at + 2] = (value >>> 24) & 0xff;
  bytes[at + 3] = (value >>> 16) & 0xff;
  bytes[at + 4] = (value >>> 8) & 0xff;
  bytes[at + 5] = value & 0xff;
}

function read48(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at, 6);
}

function writePlace(bytes: Buffer, at: number, number: number, sequence: number, size: number, isApart: boolean): void {
  write48(bytes, at, number);
  write48(bytes, at + 6, sequence);
  bytes.writeUInt32BE(isApart ? size + APART : size, at + 12);
}

function readPlace(bytes: Buffer, at: number): Place {
  const size = bytes.readUInt32BE(at + 12);
  const isApart = size >= APART;
  return { number: read48(bytes, at), sequence: read48(bytes, at + 6), size: isApart ? size - APART : size, isApart };
}

// Values.

export function writeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  write48(bytes, 0, value);
  return bytes;
}

export function readNumber(value: Buffer): number {
  return read48(checked(value, 6), 0);
}

export interface SessionRecord {
  readonly number: number;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Seconds it is kept without a connection. */
  readonly expiryInterval: number;
  /** ms since the epoch; Infinity is never, also while the session is connected. */
  readonly expiresAt: number;
  readonly isConnected: boolean;
}

export function writeSession({ number, createdAt, expiryInterval, expiresAt, isConnected }: SessionRecord): Buffer {
  const value = Buffer.allocUnsafe(27);
  write48(value, 0, number);
  value.writeDoubleBE(createdAt, 6);
  value.writeUInt32BE(expiryInterval, 14);
  value.writeDoubleBE(expiresAt, 18);
  value[26] = isConnected ? 1 : 0;
  return value;
}

export function readSession(value: Buffer): SessionRecord {
  checked(value, 27);
  return {
    number: read48(value, 0),
    createdAt: value.readDoubleBE(6),
    expiryInterval: value.readUInt32BE(14),
    expiresAt: value.readDoubleBE(18),
    isConnected: value[26] === 1,
  };
}

/** What was granted, without the filter, which is in the key. */
export type SubscriptionRecord = Pick<Subscription, 'qos' | 'noLocal' | 'retainAsPublished' | 'identifier'>;

export function writeSubscription({ qos, noLocal, retainAsPublished, identifier }: SubscriptionRecord): Buffer {
  const value = Buffer.allocUnsafe(5);
  value[0] = qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0);
  value.writeUInt32BE(identifier ?? 0, 1);
  return value;
}

export function readSubscription(value: Buffer): SubscriptionRecord {
  const options = checked(value, 5)[0]!;
  const identifier = value.readUInt32BE(1);
  return {
    qos: qosOf(options & 3),
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    identifier: identifier === 0 ? undefined : identifier,
  };
}

/** What a delivery is beside its message. */
export interface DeliveryRecord {
  /** The same as in the key, for who reads values only. */
  readonly sequence: number;
  readonly qos: QoS;
  readonly retain: boolean;
  /** 0 where it waited when this was written. */
  readonly packetId: number;
  readonly extras: Extras;
  /** None where the body is apart. */
  readonly message: Message | undefined;
}

/** Bytes before the share name. */
const DELIVERY_HEAD = 13;

/** What is this delivery's own, and behind it the message unless that is apart. */
export function writeDelivery({ sequence, qos, retain, packetId, extras, message }: Delivery, isApart: boolean): Buffer {
  const { identifiers, share } = extras;
  const groupLength = share === undefined ? 0 : Buffer.byteLength(share);
  const head = DELIVERY_HEAD + groupLength + (identifiers?.length ?? 0) * 4;
  const value = Buffer.allocUnsafe(head + (isApart ? 0 : messageSize(message!)));
  value[0] = (retain ? 1 : 0) | (qos << 1) | (isApart ? 8 : 0);
  writePacketId(value, 1, packetId);
  write48(value, 3, sequence);
  writePacketId(value, 9, groupLength);
  writePacketId(value, 11, identifiers?.length ?? 0);
  if (share !== undefined) value.write(share, DELIVERY_HEAD);
  if (identifiers !== undefined) {
    let at = DELIVERY_HEAD + groupLength;
    for (const identifier of identifiers) at = value.writeUInt32BE(identifier, at);
  }
  if (!isApart) writeMessageTo(value, head, message!);
  return value;
}

/** The message stands in the bytes of the record. */
export function readDelivery(value: Buffer): DeliveryRecord {
  const flags = checked(value, DELIVERY_HEAD)[0]!;
  const groupEnd = DELIVERY_HEAD + ((value[9]! << 8) | value[10]!);
  const count = (value[11]! << 8) | value[12]!;
  const messageAt = groupEnd + count * 4;
  checked(value, messageAt);
  return {
    sequence: read48(value, 3),
    qos: qosOf((flags >> 1) & 3),
    retain: (flags & 1) === 1,
    packetId: (value[1]! << 8) | value[2]!,
    extras: messageAt === DELIVERY_HEAD ? PLAIN : readExtras(value, groupEnd, count),
    message: (flags & 8) === 0 ? readMessage(value, messageAt) : undefined,
  };
}

function readExtras(value: Buffer, groupEnd: number, count: number): Extras {
  const identifiers = Array.from({ length: count }, (_, i) => value.readUInt32BE(groupEnd + i * 4));
  const share = groupEnd === DELIVERY_HEAD ? undefined : value.toString('utf8', DELIVERY_HEAD, groupEnd);
  return { identifiers: count === 0 ? undefined : identifiers, share };
}

/** The packet a delivery that was sent waits for, as long as its receiver has not said that it has it. */
export function awaitingOf(qos: QoS): Awaiting {
  return qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
}

export function writeSent(packetId: number): Buffer {
  return Buffer.of(packetId >>> 8, packetId & 0xff);
}

export function readSent(value: Buffer): number {
  return checked(value, 2).readUInt16BE(0);
}

export const NOTHING = Buffer.alloc(0);

/** The message as the PUBLISH it came in, behind what no PUBLISH tells. */
export function writeMessage(message: Message): Buffer {
  const value = Buffer.allocUnsafe(messageSize(message));
  writeMessageTo(value, 0, message);
  return value;
}

function messageSize({ publisher, origin }: Message): number {
  return 11 + (publisher === undefined ? 0 : Buffer.byteLength(publisher)) + origin.length;
}

function writeMessageTo(value: Buffer, start: number, { origin, expiresAt, publisher }: Message): void {
  value[start] = (origin.version === 5 ? 1 : 0) | (publisher === undefined ? 0 : 2);
  value.writeDoubleBE(expiresAt, start + 1);
  const nameLength = publisher === undefined ? 0 : value.write(publisher, start + 11);
  value.writeUInt16BE(nameLength, start + 9);
  const at = start + 11 + nameLength;
  origin.bytes.copy(value, at, origin.start, origin.end);
  // A message that came from no client has no packet identifier; which one stands here does not matter, but 0 could not be read again.
  if (origin.qos > 0 && origin.packetId === 0) writePacketId(value, at + origin.packetIdOffset, 1);
}

/** Client Identifiers of publishers read lately: the messages of a queue are of few. */
const publishers = new TopicNames(1_024);

/** The message stands in the bytes of the record, from `start` to the end. */
export function readMessage(value: Buffer, start = 0): Message {
  const flags = checked(value, start + 11)[start]!;
  const nameAt = start + 11;
  const nameEnd = nameAt + ((value[start + 9]! << 8) | value[start + 10]!);
  const publisher = (flags & 2) === 0 ? undefined : publishers.find(value, nameAt, nameEnd, readName);
  return new Message(publishOf(value, nameEnd, (flags & 1) === 0 ? 4 : 5), publisher, value.readDoubleBE(start + 1));
}

/** What of a message can be told without reading it: when it expires, ms since the epoch, and its size in bytes. */
export function messageOutline(value: Buffer): { readonly expiresAt: number; readonly size: number } {
  const nameLength = (checked(value, 11)[9]! << 8) | value[10]!;
  return { expiresAt: value.readDoubleBE(1), size: checked(value, 11 + nameLength).length - 11 - nameLength };
}

function readName(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

export function writeWill({ dueAt, expiryInterval, username, will }: PendingWill): Buffer {
  const { willDelayInterval = 0, ...properties } = will.properties ?? {};
  const version = will.properties === undefined ? 4 : 5;
  const { bytes } = Publish.of({ ...will, packetId: 1, version, properties });
  const name = Buffer.from(username ?? '');
  const value = Buffer.allocUnsafe(19 + name.length + bytes.length);
  value[0] = (version === 5 ? 1 : 0) | (username === undefined ? 0 : 2);
  value.writeDoubleBE(dueAt, 1);
  value.writeUInt32BE(expiryInterval, 9);
  value.writeUInt32BE(willDelayInterval, 13);
  value.writeUInt16BE(name.length, 17);
  name.copy(value, 19);
  bytes.copy(value, 19 + name.length);
  return value;
}

export function readWill(value: Buffer): PendingWill {
  const flags = checked(value, 19)[0]!;
  const nameEnd = 19 + value.readUInt16BE(17);
  const { topic, payload, qos, retain, properties } = publishOf(value, nameEnd, (flags & 1) === 0 ? 4 : 5);
  const willDelayInterval = value.readUInt32BE(13);
  const will = { topic, payload, qos, retain };
  return {
    dueAt: value.readDoubleBE(1),
    expiryInterval: value.readUInt32BE(9),
    username: (flags & 2) === 0 ? undefined : value.toString('utf8', 19, nameEnd),
    will: (flags & 1) === 0 ? will : { ...will, properties: { ...properties, willDelayInterval } },
  };
}

/** The PUBLISH that was put on record, from `start` to the end. */
function publishOf(bytes: Buffer, start: number, version: Version): Publish {
  const end = checked(bytes, start + 2).length;
  let length = 0;
  let body = start + 1;
  for (let shift = 0; shift < 28 && body < end; shift += 7) {
    const byte = bytes[body++]!;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (bytes[start]! >> 4 !== PacketType.Publish || body + length !== end)
    throw new RecordError('a record holds no PUBLISH where one belongs');
  return decode(bytes, start, body, end, version, false) as Publish;
}

function qosOf(bits: number): QoS {
  if (bits > 2) throw new RecordError('a record has QoS 3');
  return bits as QoS;
}

function checked(value: Buffer, length: number): Buffer {
  if (value.length < length) throw new RecordError('a record is shorter than its fields');
  return value;
}
