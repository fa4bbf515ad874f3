/** What a record says: the values of everything that survives a restart. Where it stands is told by `record-keys`. Hot: deliveries. */
import { decode } from '../packet/decode.js';
import { PacketType, type QoS, type Version } from '../packet/packet.js';
import { Publish, writePacketId } from '../packet/publish.js';
import { TopicNames } from '../packet/topic-names.js';
import { PLAIN, type Extras, type PendingWill, type Subscription } from '../session/contracts.js';
import type { Delivery } from '../session/inflight.js';
import { Message } from '../session/message.js';
import { MAX_PACKET_IDS } from '../session/release.js';
import { read48, write48 } from '../util/uint48.js';

/** A record that cannot be read; the rest of the store has no part in it. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

export function writeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  write48(bytes, 0, value);
  return bytes;
}

export function readNumber(value: Buffer): number {
  checked(6, value.length);
  return read48(value, 0);
}

export interface SessionRecord {
  readonly number: number;
  /** ms since the epoch. */
  readonly createdAt: number;
  /** Seconds it is kept without a connection. */
  readonly expiryInterval: number;
  /** ms since the epoch; Infinity is never, also while the session is connected. */
  readonly expiresAt: number;
  /** Or was when a process ended, and has not been sent since what may have been sent then. */
  readonly isConnected: boolean;
}

/** What was granted, and for what. */
export type SubscriptionRecord = Omit<Subscription, 'subscriber'>;

/** Bytes of a session before its subscriptions, of a grant, and of a grant with the length of its filter. */
const SESSION_HEAD = 27;
const GRANT = 5;
const GRANT_HEAD = GRANT + 1;

/** Subscriptions in the record of their session at most, and bytes of their filters. */
const WITHIN = 16;
const WITHIN_BYTES = 255;

/** Whether a session with so many subscriptions, this one among them, has it in its own record: that is written again with each of them. */
export function isWithin({ filter }: { readonly filter: string }, count: number): boolean {
  return count <= WITHIN && Buffer.byteLength(filter) <= WITHIN_BYTES;
}

/** @param subscriptions those that stand in the record of the session. */
export function writeSession(session: SessionRecord, subscriptions: readonly SubscriptionRecord[]): Buffer {
  const { number, createdAt, expiryInterval, expiresAt, isConnected } = session;
  let length = SESSION_HEAD;
  for (const { filter } of subscriptions) length += GRANT_HEAD + Buffer.byteLength(filter);
  const value = Buffer.allocUnsafe(length);
  write48(value, 0, number);
  value.writeDoubleBE(createdAt, 6);
  value.writeUInt32BE(expiryInterval, 14);
  value.writeDoubleBE(expiresAt, 18);
  value[26] = isConnected ? 1 : 0;
  let at = SESSION_HEAD;
  for (const subscription of subscriptions) {
    writeGrant(subscription, value, at);
    const filterLength = value.write(subscription.filter, at + GRANT_HEAD);
    value[at + GRANT] = filterLength;
    at += GRANT_HEAD + filterLength;
  }
  return value;
}

export function readSession(value: Buffer): SessionRecord {
  checked(SESSION_HEAD, value.length);
  return {
    number: read48(value, 0),
    createdAt: value.readDoubleBE(6),
    expiryInterval: value.readUInt32BE(14),
    expiresAt: value.readDoubleBE(18),
    isConnected: value[26] === 1,
  };
}

/** The subscriptions that stand in the record of their session. */
export function* subscriptionsWithin(value: Buffer): Generator<SubscriptionRecord, void, undefined> {
  for (let at = SESSION_HEAD; at < value.length; ) {
    const filterAt = at + GRANT_HEAD;
    checked(filterAt, value.length);
    const end = filterAt + value[at + GRANT]!;
    checked(end, value.length);
    yield readGrant(value, at, value.toString('utf8', filterAt, end));
    at = end;
  }
}

/** A subscription with a record of its own: the filter is in the key. */
export function writeSubscription(subscription: SubscriptionRecord): Buffer {
  const value = Buffer.allocUnsafe(GRANT);
  writeGrant(subscription, value, 0);
  return value;
}

export function readSubscription(value: Buffer, filter: string): SubscriptionRecord {
  checked(GRANT, value.length);
  return readGrant(value, 0, filter);
}

function writeGrant({ qos, noLocal, retainAsPublished, identifier }: SubscriptionRecord, value: Buffer, at: number): void {
  value[at] = qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0);
  value.writeUInt32BE(identifier ?? 0, at + 1);
}

function readGrant(value: Buffer, at: number, filter: string): SubscriptionRecord {
  const options = value[at]!;
  const identifier = value.readUInt32BE(at + 1);
  return {
    filter,
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
export const DELIVERY_HEAD = 13;

/** In the first byte of a record of deliveries: the body is apart; it is a parcel. */
const APART = 0x08;
export const PARCEL = 0x80;

/** What is this delivery's own, and behind it the message unless that is apart. */
export function writeDelivery(delivery: Delivery, isApart: boolean): Buffer {
  const value = Buffer.allocUnsafe(deliverySize(delivery, isApart));
  writeDeliveryTo(value, 0, delivery, isApart);
  return value;
}

export function deliverySize({ extras, message }: Delivery, isApart: boolean): number {
  const { identifiers, share } = extras;
  const own = extras === PLAIN ? 0 : (share === undefined ? 0 : Buffer.byteLength(share)) + (identifiers?.length ?? 0) * 4;
  return DELIVERY_HEAD + own + (isApart ? 0 : messageSize(message!));
}

/** @returns where it ends. */
export function writeDeliveryTo(value: Buffer, start: number, delivery: Delivery, isApart: boolean): number {
  const { sequence, qos, retain, packetId, extras, message } = delivery;
  const { identifiers, share } = extras;
  let at = start + DELIVERY_HEAD;
  const groupLength = share === undefined ? 0 : value.write(share, at);
  at += groupLength;
  value[start] = (retain ? 1 : 0) | (qos << 1) | (isApart ? APART : 0);
  writePacketId(value, start + 1, packetId);
  write48(value, start + 3, sequence);
  writePacketId(value, start + 9, groupLength);
  writePacketId(value, start + 11, identifiers?.length ?? 0);
  if (identifiers !== undefined) for (const identifier of identifiers) at = value.writeUInt32BE(identifier, at);
  return isApart ? at : writeMessageTo(value, at, message!);
}

/** The message stands in the bytes of the record, where the delivery is from `start` to `end`. */
export function readDelivery(value: Buffer, start = 0, end = value.length): DeliveryRecord {
  checked(start + DELIVERY_HEAD, end);
  const flags = value[start]!;
  const groupEnd = start + DELIVERY_HEAD + ((value[start + 9]! << 8) | value[start + 10]!);
  const count = (value[start + 11]! << 8) | value[start + 12]!;
  const messageAt = groupEnd + count * 4;
  checked(messageAt, end);
  return {
    sequence: read48(value, start + 3),
    qos: qosOf((flags >> 1) & 3),
    retain: (flags & 1) === 1,
    packetId: (value[start + 1]! << 8) | value[start + 2]!,
    extras: messageAt === start + DELIVERY_HEAD ? PLAIN : readExtras(value, start + DELIVERY_HEAD, groupEnd, count),
    message: (flags & APART) === 0 ? readMessage(value, messageAt, end) : undefined,
  };
}

/** Whether the body of a delivery has a record of its own. */
export function isApart(value: Buffer): boolean {
  return (value[0]! & APART) !== 0;
}

/** The sequence of a delivery. */
export function sequenceOf(value: Buffer): number {
  checked(DELIVERY_HEAD, value.length);
  return read48(value, 3);
}

function readExtras(value: Buffer, groupAt: number, groupEnd: number, count: number): Extras {
  const identifiers = Array.from({ length: count }, (_, i) => value.readUInt32BE(groupEnd + i * 4));
  const share = groupEnd === groupAt ? undefined : value.toString('utf8', groupAt, groupEnd);
  return { identifiers: count === 0 ? undefined : identifiers, share };
}

export function writeSent(packetId: number): Buffer {
  return Buffer.of(packetId >>> 8, packetId & 0xff);
}

export function readSent(value: Buffer): number {
  checked(2, value.length);
  return value.readUInt16BE(0);
}

/** Those of a release, in the order of their PUBRELs. */
export function writePacketIds(packetIds: readonly number[]): Buffer {
  const value = Buffer.allocUnsafe(2 * packetIds.length);
  for (let i = 0; i < packetIds.length; i++) writePacketId(value, 2 * i, packetIds[i]!);
  return value;
}

export function readPacketIds(value: Buffer): number[] {
  const count = value.length / 2;
  if (!Number.isInteger(count) || count === 0 || count > MAX_PACKET_IDS)
    throw new RecordError(`packet identifiers have ${value.length} bytes`);
  return Array.from({ length: count }, (_, i) => value.readUInt16BE(2 * i));
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

/** @returns where it ends. */
function writeMessageTo(value: Buffer, start: number, { origin, expiresAt, publisher }: Message): number {
  value[start] = (origin.version === 5 ? 1 : 0) | (publisher === undefined ? 0 : 2);
  value.writeDoubleBE(expiresAt, start + 1);
  const nameLength = publisher === undefined ? 0 : value.write(publisher, start + 11);
  value.writeUInt16BE(nameLength, start + 9);
  const at = start + 11 + nameLength;
  origin.bytes.copy(value, at, origin.start, origin.end);
  // A message that came from no client has no packet identifier; which one stands here does not matter, but 0 could not be read again.
  if (origin.qos > 0 && origin.packetId === 0) writePacketId(value, at + origin.packetIdOffset, 1);
  return at + origin.length;
}

/** Client Identifiers of publishers read lately: the messages of a queue are of few. */
const publishers = new TopicNames(1_024);

/** The message stands in the bytes of the record, from `start` to `end`. */
export function readMessage(value: Buffer, start = 0, end = value.length): Message {
  checked(start + 11, end);
  const flags = value[start]!;
  const nameAt = start + 11;
  const nameEnd = nameAt + ((value[start + 9]! << 8) | value[start + 10]!);
  const publisher = (flags & 2) === 0 ? undefined : publishers.find(value, nameAt, nameEnd, readName);
  return new Message(publishOf(value, nameEnd, end, (flags & 1) === 0 ? 4 : 5), publisher, value.readDoubleBE(start + 1));
}

/** What of a message can be told without reading it: when it expires, ms since the epoch, and its size in bytes. */
export function messageOutline(value: Buffer): { readonly expiresAt: number; readonly size: number } {
  checked(11, value.length);
  const publishAt = 11 + ((value[9]! << 8) | value[10]!);
  checked(publishAt, value.length);
  return { expiresAt: value.readDoubleBE(1), size: value.length - publishAt };
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
  checked(19, value.length);
  const flags = value[0]!;
  const nameEnd = 19 + value.readUInt16BE(17);
  const { topic, payload, qos, retain, properties } = publishOf(value, nameEnd, value.length, (flags & 1) === 0 ? 4 : 5);
  const willDelayInterval = value.readUInt32BE(13);
  const will = { topic, payload, qos, retain };
  return {
    dueAt: value.readDoubleBE(1),
    expiryInterval: value.readUInt32BE(9),
    username: (flags & 2) === 0 ? undefined : value.toString('utf8', 19, nameEnd),
    will: (flags & 1) === 0 ? will : { ...will, properties: { ...properties, willDelayInterval } },
  };
}

/** The PUBLISH that was put on record, from `start` to `end`. */
function publishOf(bytes: Buffer, start: number, end: number, version: Version): Publish {
  checked(start + 2, end);
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

/** @param needed where a field ends. @param end of what there is. */
export function checked(needed: number, end: number): void {
  if (end < needed) throw new RecordError('a record is shorter than its fields');
}
