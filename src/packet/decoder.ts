/** Chunks of bytes, cut anywhere → whole Control Packets. Hot. */
import { decode } from './decode.js';
import { MAX_REMAINING_LENGTH, type Packet, type Version } from './packet.js';
import { MqttError, ReasonCode } from './reason-code.js';

const NO_BYTES: Buffer = Buffer.alloc(0);
const LONGEST_FIXED_HEADER = 5;

/**
 * Give it each chunk with {@link feed}, take packets with {@link next} until there is none, and call {@link keep} where you stop before
 * that. A chunk is borrowed: it may be written over after that, and so may a PUBLISH that was read from it and not kept.
 */
export class Decoder {
  /** The version in which what follows is written; CONNECT tells. */
  version: Version = 4;
  /** The largest Remaining Length taken, in bytes. */
  maxPacketSize: number;
  #chunk = NO_BYTES;
  #at = 0;
  #end = 0;
  #borrowed = false;
  /** A packet whose end has not come: its first `#have` bytes. It grows with what arrives, never with what was announced. */
  #partial: Buffer | undefined;
  #have = 0;

  /** @param maxPacketSize the largest Remaining Length taken, in bytes. */
  constructor(maxPacketSize: number = MAX_REMAINING_LENGTH) {
    this.maxPacketSize = maxPacketSize;
  }

  /** Bytes of memory held between chunks. */
  get held(): number {
    return (this.#partial?.length ?? 0) + (this.#borrowed ? 0 : this.#end);
  }

  /** @param chunk what came, in its first `end` bytes. */
  feed(chunk: Buffer, end: number = chunk.length): void {
    if (this.#at < this.#end) {
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at, this.#end), chunk.subarray(0, end)]);
      this.#end = this.#chunk.length;
      this.#borrowed = false;
    } else {
      this.#chunk = chunk;
      this.#end = end;
      this.#borrowed = true;
    }
    this.#at = 0;
  }

  /**
   * The next whole packet, or undefined where more bytes are needed.
   * @throws MqttError where the bytes are no packet or a packet is too large; the decoder is of no use after that.
   */
  next(): Packet | undefined {
    if (this.#partial !== undefined) return this.#nextOfPartial(this.#partial);
    const chunk = this.#chunk;
    const start = this.#at;
    const end = this.#end;
    // The Remaining Length (MQTT 3.1.1 section 2.2.3): seven bits a byte, at most four bytes.
    let at = start + 1;
    let remaining = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) return this.#begin(start);
      const byte = chunk[at++]!;
      remaining |= (byte & 127) << shift;
      if (byte < 128) {
        if (byte === 0 && shift > 0) this.#mustBeShort();
        break;
      }
      if (shift === 21) throw new MqttError(ReasonCode.MalformedPacket, 'a Remaining Length is longer than four bytes');
    }
    if (remaining > this.maxPacketSize) throw this.#tooLarge(remaining);
    if (at + remaining > end) return this.#begin(start);
    this.#at = at + remaining;
    // A small packet that is kept must not keep all of a large chunk with it, so it is lent even where the chunk is our own.
    const packet = decode(chunk, start, at, this.#at, this.version, this.#borrowed || remaining < end >> 1);
    if (this.#at === end) this.#forget();
    return packet;
  }

  /** Makes what is left unread its own, so that the chunk it came in may be written over. */
  keep(): void {
    if (!this.#borrowed) return;
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#at, this.#end));
    this.#at = 0;
    this.#end = this.#chunk.length;
    this.#borrowed = false;
  }

  /** Keeps the bytes from `start` on as the beginning of a packet. */
  #begin(start: number): undefined {
    const length = this.#end - start;
    if (length > 0) {
      this.#partial = Buffer.allocUnsafe(Math.max(length, LONGEST_FIXED_HEADER));
      this.#chunk.copy(this.#partial, 0, start, this.#end);
      this.#have = length;
    }
    this.#forget();
    return undefined;
  }

  #forget(): void {
    this.#chunk = NO_BYTES;
    this.#at = 0;
    this.#end = 0;
    this.#borrowed = false;
  }

  #nextOfPartial(partial: Buffer): Packet | undefined {
    let size = this.#sizeOf(partial);
    while (size === undefined) {
      if (this.#at === this.#end) return undefined;
      partial[this.#have++] = this.#chunk[this.#at++]!;
      size = this.#sizeOf(partial);
    }
    const wanted = size - this.#have;
    const taken = Math.min(wanted, this.#end - this.#at);
    const bytes = this.#roomFor(partial, this.#have + taken, size);
    this.#chunk.copy(bytes, this.#have, this.#at, this.#at + taken);
    this.#have += taken;
    this.#at += taken;
    if (this.#at === this.#end) this.#forget();
    if (taken < wanted) {
      this.#partial = bytes;
      return undefined;
    }
    this.#partial = undefined;
    this.#have = 0;
    return decode(bytes, 0, bodyAt(bytes), size, this.version, false);
  }

  /** The size of the whole packet that begins in `partial`, or undefined while its fixed header is not there. */
  #sizeOf(partial: Buffer): number | undefined {
    let remaining = 0;
    for (let i = 1; i < this.#have; i++) {
      const byte = partial[i]!;
      remaining |= (byte & 127) << (7 * (i - 1));
      if (byte < 128) {
        if (byte === 0 && i > 1) this.#mustBeShort();
        if (remaining > this.maxPacketSize) throw this.#tooLarge(remaining);
        return i + 1 + remaining;
      }
      if (i === 4) throw new MqttError(ReasonCode.MalformedPacket, 'a Remaining Length is longer than four bytes');
    }
    return undefined;
  }

  /** A Remaining Length has a byte more than it needs, which 3.1.1 does not forbid. */
  #mustBeShort(): void {
    if (this.version === 5) throw new MqttError(ReasonCode.MalformedPacket, 'a Remaining Length is longer than it need be'); // [MQTT5-1.5.5-1]
  }

  /** At least `needed` bytes, twice as many as there were so that growing stays cheap, and never more than the packet has. */
  #roomFor(partial: Buffer, needed: number, size: number): Buffer {
    if (partial.length >= needed) return partial;
    const grown = Buffer.allocUnsafeSlow(Math.min(size, Math.max(needed, partial.length * 2)));
    partial.copy(grown, 0, 0, this.#have);
    return grown;
  }

  #tooLarge(remaining: number): MqttError {
    return new MqttError(ReasonCode.PacketTooLarge, `a packet of ${remaining} bytes is announced, ${this.maxPacketSize} are allowed`);
  }
}

function bodyAt(bytes: Buffer): number {
  let at = 1;
  while (bytes[at]! > 127) at++;
  return at + 1;
}
