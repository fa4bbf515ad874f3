/** What a record looks like: the keys and values of everything that survives a restart. */
import { writePacketId, type Publish } from '../packet/publish.js';
import type { QoS } from '../packet/packet.js';
import type { Awaiting } from '../session/inflight.js';

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
  /** ms since the epoch; Infinity is never, also while the session is connected. */
  readonly expiresAt: number;
}

export function writeSession({ createdAt, expiresAt }: SessionRecord): Buffer {
  const value = Buffer.allocUnsafe(17);
  value[0] = VERSION;
  value.writeDoubleBE(createdAt, 1);
  value.writeDoubleBE(expiresAt, 9);
  return value;
}

export function readSession(value: Buffer): SessionRecord {
  const fields = body(value, 16);
  return { createdAt: fields.readDoubleBE(0), expiresAt: fields.readDoubleBE(8) };
}

export function writeSubscription(qos: QoS): Buffer {
  return Buffer.of(VERSION, qos);
}

export function readSubscription(value: Buffer): QoS {
  return body(value, 1)[0] as QoS;
}

/** A message as the PUBLISH it came in, behind the QoS and RETAIN of its delivery. */
export function writeMessage(publish: Publish, qos: QoS, retain: boolean): Buffer {
  const value = Buffer.allocUnsafe(2 + publish.length);
  value[0] = VERSION;
  value[1] = (qos << 1) | (retain ? 1 : 0);
  publish.bytes.copy(value, 2, publish.start, publish.end);
  // A message that came from no client has no packet identifier; which one stands here does not matter, but 0 could not be read again.
  if (publish.qos > 0 && publish.packetId === 0) writePacketId(value, 2 + publish.packetIdOffset, 1);
  return value;
}

export function readMessage(value: Buffer): { readonly frame: Buffer; readonly qos: QoS; readonly retain: boolean } {
  const fields = body(value, 3);
  return { frame: fields.subarray(1), qos: (fields[0]! >> 1) as QoS, retain: (fields[0]! & 1) === 1 };
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
