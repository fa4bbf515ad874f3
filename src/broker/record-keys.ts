/** Where a record stands: its key, which begins with what kind of record it is. Hot: deliveries. */
import { writePacketId } from '../packet/publish.js';
import { MAX_UINT48, read48, write48 } from '../util/uint48.js';
import type { Entry } from './contracts.js';
import { RecordError } from './records.js';

/**
 * The first byte of a key: what kind of record it is.
 *
 * | kind | rest of the key | value |
 * | --- | --- | --- |
 * | Format | | the version of all records |
 * | Sequence | | no number above this one has been given to a session or a message |
 * | Session | Client Identifier | its number, how long it is kept, and its first subscriptions |
 * | Ended | number | a session that is over and whose records are being deleted |
 * | Subscription | number, Topic Filter | what was granted, unless that stands in the record of the session |
 * | Delivery | number, sequence, size, count | a message for a session, with its body unless that is apart; or a parcel of several, with the last one's sequence and their size together |
 * | Sent | number, sequence | the Packet Identifier of a delivery that waited on record before it was sent, unless that was a moment ago |
 * | Released | number, place in the order of PUBRELs | the Packet Identifiers of deliveries whose receiver has them |
 * | Received | number, Packet Identifier | nothing: a QoS 2 message that came in is ours |
 * | Settled | number, sequence | which messages of a parcel are over, as long as others are not |
 * | Body | sequence | a message that several sessions wait for, once |
 * | Expiry | time, number, sequence, size | nothing: when a delivery expires |
 * | Retained | Topic Name | the message |
 * | Will | Client Identifier | the Will, and when it is due |
 *
 * Numbers, sequences and places are 48 bits, times 48 bits of ms since the epoch, sizes, Packet Identifiers and counts 32, 16 and 8 bits; all big-endian,
 * so that their order is the order of the keys.
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
  Settled: 0x34,
  Body: 0x38,
  Expiry: 0x39,
  Retained: 0x50,
  Will: 0x60,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The kinds whose keys go on with the number of a session. */
export const KINDS_OF_A_SESSION = [Kind.Subscription, Kind.Delivery, Kind.Sent, Kind.Released, Kind.Received, Kind.Settled] as const;

/** The version of all records of a store. */
export const FORMAT = 4;

/** Set in the size of a delivery's key where its body is apart. */
const APART = 0x8000_0000;

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

/** The same, where the key was asked for as text. */
export function nameIn({ text, key: recordKey }: Entry): string {
  return text === undefined ? nameOf(recordKey) : text.slice(1);
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

/** Where a delivery stands in the queue of its session, or a parcel of them. */
export interface Place {
  /** Of the session. */
  readonly number: number;
  /** Of a parcel the last one's. */
  readonly sequence: number;
  /** Bytes of the messages. */
  readonly size: number;
  /** Whether the body has a record of its own. */
  readonly isApart: boolean;
}

/** What the key of a record of deliveries tells. */
export interface Shelved extends Place {
  /** How many they are: one, or those of a parcel. */
  readonly count: number;
}

/** Bytes of the key of a delivery. */
export const DELIVERY_KEY = 18;

export function deliveryKey(number: number, sequence: number, size: number, isApart: boolean, count = 1): Buffer {
  const bytes = Buffer.allocUnsafe(DELIVERY_KEY);
  bytes[0] = Kind.Delivery;
  writePlace(bytes, 1, number, sequence, size, isApart);
  bytes[17] = count;
  return bytes;
}

export function placeOf(recordKey: Buffer): Shelved {
  if (recordKey.length !== DELIVERY_KEY) throw new RecordError(`the key of a delivery has ${recordKey.length} bytes`);
  return { ...readPlace(recordKey, 1), count: recordKey[17]! };
}

/** Of everything behind a sequence in the queue of a session; the first may be a parcel that begins before it. */
export function rangeBehind(number: number, sequence: number): Range {
  const from = Buffer.allocUnsafe(13);
  from[0] = Kind.Delivery;
  write48(from, 1, number);
  write48(from, 7, sequence + 1);
  return { from, to: numberKey(Kind.Delivery, number + 1) };
}

/** Of a note about a delivery, or about a parcel; of a release, whose place is a sequence as well. */
export function noteKey(kind: typeof Kind.Sent | typeof Kind.Settled | typeof Kind.Released, number: number, sequence: number): Buffer {
  const bytes = Buffer.allocUnsafe(13);
  bytes[0] = kind;
  write48(bytes, 1, number);
  write48(bytes, 7, sequence);
  return bytes;
}

/** What a note is about, or the place of a release. */
export function sequenceOf(recordKey: Buffer): number {
  return read48(recordKey, 7);
}

export function receivedKey(number: number, packetId: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = Kind.Received;
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
  write48(bytes, 1, Math.max(0, Math.min(Math.ceil(at), MAX_UINT48)));
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
