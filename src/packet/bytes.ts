/** The data representations of MQTT (3.1.1 section 1.5): numbers, strings and binary data in a packet's bytes. */
import { MqttError, ReasonCode } from './reason-code.js';

// [MQTT-1.5.3-1] ill-formed UTF-8, surrogates among it, is refused; [MQTT-1.5.3-3] a byte order mark is a character like any other.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What every Buffer has, though only `toString` is documented, which finds it by the name of the encoding: that costs as much as the string. */
interface Sliceable {
  latin1Slice?(start: number, end: number): string;
}

const isSliceable = typeof (Buffer.prototype as Sliceable).latin1Slice === 'function';

/** The string of the characters U+0000 to U+00FF that `bytes[start, end)` are. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return isSliceable ? (bytes as unknown as Required<Sliceable>).latin1Slice(start, end) : bytes.toString('latin1', start, end);
}

/**
 * The string that `bytes[start, end)` hold in UTF-8.
 * @throws MqttError MalformedPacket where they are not well-formed UTF-8 or hold U+0000 [MQTT-1.5.3-1] [MQTT-1.5.3-2].
 */
export function readString(bytes: Buffer, start: number, end: number): string {
  let high = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === 0) throw new MqttError(ReasonCode.MalformedPacket, 'a string holds the character U+0000');
    high |= byte;
  }
  if (high < 0x80) return latin1(bytes, start, end);
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    throw new MqttError(ReasonCode.MalformedPacket, 'a string is not well-formed UTF-8');
  }
}

/** Whether bytes are well-formed UTF-8. */
export function isUtf8(bytes: Buffer): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Reads the fields of one packet in order; every read past its end is a malformed packet. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  uint32(): number {
    const at = this.#take(4);
    return this.#bytes.readUInt32BE(at);
  }

  /** One to four bytes with seven bits each (MQTT 5.0 section 1.5.5). */
  variableInteger(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte === 0 && shift > 0) throw new MqttError(ReasonCode.MalformedPacket, 'a variable byte integer is longer than it need be'); // [MQTT5-1.5.5-1]
      if (byte < 128) return value;
    }
    throw new MqttError(ReasonCode.MalformedPacket, 'a variable byte integer is longer than four bytes');
  }

  string(): string {
    const length = this.uint16();
    const at = this.#take(length);
    return readString(this.#bytes, at, at + length);
  }

  /** Binary data with its length before it; a copy, so it outlives the packet's bytes. */
  binary(): Buffer {
    const length = this.uint16();
    const at = this.#take(length);
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** Reads the next `length` bytes for themselves. */
  part(length: number): Reader {
    const at = this.#take(length);
    return new Reader(this.#bytes, at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#end)
      throw new MqttError(ReasonCode.MalformedPacket, 'a field reaches past the end of its packet, or of the properties');
    this.#at = at + length;
    return at;
  }
}

/** Writes the fields of one packet in order into bytes that are long enough: their size is computed before. */
export class Writer {
  readonly bytes: Buffer;
  #at: number;

  /** @param bytes where to write, or how many bytes to make. @param at the offset to begin at. */
  constructor(bytes: Buffer | number, at = 0) {
    this.bytes = typeof bytes === 'number' ? Buffer.allocUnsafe(bytes) : bytes;
    this.#at = at;
  }

  byte(value: number): this {
    this.bytes[this.#at++] = value;
    return this;
  }

  uint16(value: number): this {
    this.bytes[this.#at++] = value >>> 8;
    this.bytes[this.#at++] = value & 0xff;
    return this;
  }

  uint32(value: number): this {
    this.#at = this.bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  variableInteger(value: number): this {
    this.#at = writeVariableInteger(this.bytes, this.#at, value);
    return this;
  }

  string(value: string): this {
    const length = this.bytes.write(value, this.#at + 2);
    this.uint16(length);
    this.#at += length;
    return this;
  }

  binary(value: Uint8Array): this {
    this.uint16(value.length);
    return this.raw(value);
  }

  raw(value: Uint8Array): this {
    this.bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** The fixed header: type and flags, then the Remaining Length. */
  header(first: number, remaining: number): this {
    this.bytes[this.#at] = first;
    this.#at = writeVariableInteger(this.bytes, this.#at + 1, remaining);
    return this;
  }
}

/** How many bytes, 1 to 4, a Remaining Length takes (MQTT 3.1.1 table 2.4). */
export function variableIntegerSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

/** Writes a Remaining Length at `at` and returns where it ends. */
export function writeVariableInteger(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Bytes a string takes with its length before it. */
export function stringSize(value: string): number {
  return 2 + Buffer.byteLength(value);
}
