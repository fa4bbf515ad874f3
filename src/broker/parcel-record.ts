/** What a record of several deliveries says, and the note of which of them are over. Hot. */
import type { Delivery } from '../session/inflight.js';
import type { Message } from '../session/message.js';
import { MAX_DELIVERIES, type Parcel } from '../session/parcel.js';
import { attempted } from '../util/attempt.js';
import { read48, write48 } from '../util/uint48.js';
import {
  checked,
  DELIVERY_HEAD,
  deliverySize,
  PARCEL,
  readDelivery,
  RecordError,
  writeDeliveryTo,
  type DeliveryRecord,
} from './records.js';

/** Bytes before the first delivery of a parcel, and before each. */
export const PARCEL_HEAD = 12;
export const LENGTH = 4;

/** What a parcel says of itself. */
export type ParcelHead = Pick<Parcel, 'count' | 'last' | 'size'>;

/** The deliveries of a parcel, none of whose bodies is apart, one behind the other. */
export function writeParcel(head: ParcelHead, deliveries: readonly Delivery[]): Buffer {
  let length = PARCEL_HEAD;
  for (const delivery of deliveries) length += packedSize(delivery);
  const value = Buffer.allocUnsafe(length);
  writeHead(value, head);
  let at = PARCEL_HEAD;
  for (const delivery of deliveries) at = writePacked(value, at, delivery);
  return value;
}

export function writeHead(value: Buffer, { count, last, size }: ParcelHead): void {
  value[0] = PARCEL;
  value[1] = count;
  write48(value, 2, last);
  write32(value, 8, size);
}

/** Bytes of a delivery in a parcel. */
export function packedSize(delivery: Delivery): number {
  return LENGTH + deliverySize(delivery, false);
}

/** One delivery of a parcel. @returns where it ends. */
export function writePacked(value: Buffer, at: number, delivery: Delivery): number {
  const end = writeDeliveryTo(value, at + LENGTH, delivery, false);
  write32(value, at, end - at - LENGTH);
  return end;
}

export function isParcel(value: Buffer): boolean {
  return value[0] === PARCEL;
}

/** How many deliveries a parcel has. */
export function countOf(value: Buffer): number {
  checked(PARCEL_HEAD, value.length);
  return value[1]!;
}

/** The sequence of the last of them. */
export function lastOf(value: Buffer): number {
  return read48(value, 2);
}

/** A parcel as it stands in a record. */
export interface ParcelRecord {
  readonly count: number;
  /** The sequence of its last delivery. */
  readonly last: number;
  /** Bytes of its messages. */
  readonly size: number;
  /** Where each of its deliveries begins and, at the end, where the last one does. */
  readonly bounds: readonly number[];
}

export function readParcel(value: Buffer): ParcelRecord {
  checked(PARCEL_HEAD, value.length);
  const count = value[1]!;
  if (count === 0 || count > MAX_DELIVERIES) throw new RecordError(`a parcel has ${count} messages`);
  const bounds: number[] = [];
  let at = PARCEL_HEAD;
  for (let i = 0; i < count; i++) {
    bounds.push(at);
    checked(at + LENGTH, value.length);
    at += LENGTH + value.readUInt32BE(at);
  }
  if (at !== value.length) throw new RecordError('a parcel does not end where its last message does');
  bounds.push(at);
  return { count, last: read48(value, 2), size: value.readUInt32BE(8), bounds };
}

/** One delivery of a parcel. */
export function readPacked(value: Buffer, { bounds }: ParcelRecord, i: number): DeliveryRecord {
  return readDelivery(value, bounds[i]! + LENGTH, bounds[i + 1]);
}

/** One delivery of a parcel that is damaged: where it stands and, if it can be read, what it says. */
export interface Salvaged {
  readonly sequence: number;
  readonly whole: (DeliveryRecord & { readonly message: Message }) | undefined;
}

/** What is healthy of a parcel of `count`, the last of sequence `last`. One that does not say where it stands is taken to stand behind `behind`. */
export function salvage(value: Buffer, count: number, last: number, behind: number): Salvaged[] {
  const read = attempted(() => readParcel(value));
  const parcel = read?.count === count ? read : undefined;
  const found: Salvaged[] = [];
  for (let i = 0; i < count; i++) {
    const before = found.at(-1)?.sequence ?? 0;
    const highest = last - (count - 1 - i);
    const own = parcel && attempted(() => sequenceOfPacked(value, parcel, i));
    const isKnown = own !== undefined && own > before && own <= highest;
    const guess = parcel === undefined ? highest : Math.min(highest, Math.max(before, behind) + 1);
    const one = parcel && isKnown ? attempted(() => readPacked(value, parcel, i)) : undefined;
    const message = one?.message;
    found.push({ sequence: isKnown ? own : guess, whole: one && message && { ...one, message } });
  }
  return found;
}

/** The sequence of one delivery of a parcel. */
export function sequenceOfPacked(value: Buffer, { bounds }: ParcelRecord, i: number): number {
  const at = bounds[i]! + LENGTH;
  checked(at + DELIVERY_HEAD, bounds[i + 1]!);
  return read48(value, at + 3);
}

/** Which deliveries of a parcel are over. */
export interface SettledRecord {
  /** A bit for each delivery, the first one's is 1. */
  readonly bits: number;
  /** Bytes of their messages. */
  readonly size: number;
}

export function writeSettled({ bits, size }: SettledRecord): Buffer {
  const value = Buffer.allocUnsafe(8);
  write32(value, 0, bits);
  write32(value, 4, size);
  return value;
}

export function readSettled(value: Buffer): SettledRecord {
  checked(8, value.length);
  return { bits: value.readInt32BE(0), size: value.readUInt32BE(4) };
}

function write32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}
