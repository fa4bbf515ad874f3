/** What a load generator needs to know of the packets in a stream of bytes, found without making an object or a string. Hot. */
import { PacketType, type Version } from '../packet/packet.js';

/** The longest packet that is not a PUBLISH, and the longest part of a PUBLISH before its payload. */
const LONGEST_HEAD = 4_096;
/** Bytes at the beginning of a payload that tell when it was sent. */
const STAMP_SIZE = 4;

export interface PacketListener {
  /**
   * A PUBLISH has come, whole.
   *
   * @param first its first byte. @param packetId 0 at QoS 0. @param stamp the first four bytes of its payload, 0 where it is shorter.
   */
  published(first: number, packetId: number, stamp: number): void;
  /** A PUBACK, PUBREC, PUBREL or PUBCOMP. */
  acknowledged(type: number, packetId: number, reasonCode: number): void;
  /** Any other packet: `bytes[start, end)`, lent, its Variable Header at `body`. */
  answered(bytes: Buffer, start: number, body: number, end: number): void;
}

export class PacketReader {
  readonly #version: Version;
  readonly #listener: PacketListener;
  /** Bytes still to come of a payload that was cut, whose PUBLISH is told when they have. */
  #left = 0;
  #first = 0;
  #packetId = 0;
  #stamp = 0;
  /** The beginning of a packet too short to be read, in its first `#carried` bytes. */
  #carry: Buffer | undefined;
  #carried = 0;

  constructor(version: Version, listener: PacketListener) {
    this.#version = version;
    this.#listener = listener;
  }

  /** Tells of every packet that ends in `bytes[0, length)`. The bytes are lent. */
  read(bytes: Buffer, length: number): void {
    let at = 0;
    if (this.#left > 0) at = this.#skip(length);
    else if (this.#carried > 0) at = this.#complete(bytes, length);
    while (at < length) {
      const size = this.#packet(bytes, at, length);
      if (size === 0) {
        this.#carry ??= Buffer.allocUnsafeSlow(LONGEST_HEAD);
        if (length - at > LONGEST_HEAD) throw tooLong();
        this.#carried = bytes.copy(this.#carry, 0, at, length);
        return;
      }
      at += size;
    }
    // What reaches beyond what has come is payload.
    this.#left = at - length;
  }

  #skip(length: number): number {
    const left = this.#left;
    if (left > length) return left;
    this.#left = 0;
    this.#listener.published(this.#first, this.#packetId, this.#stamp);
    return left;
  }

  /** Reads the packet whose beginning was carried over; answers where it ends in `bytes`, which may be beyond them. */
  #complete(bytes: Buffer, length: number): number {
    const carry = this.#carry!;
    const before = this.#carried;
    const have = before + bytes.copy(carry, before, 0, length);
    const size = this.#packet(carry, 0, have);
    if (size === 0) {
      if (have === LONGEST_HEAD) throw tooLong();
      this.#carried = have;
      return length;
    }
    this.#carried = 0;
    // A payload that was cut short by the size of the carry alone is whole here.
    if (size > have && size <= before + length) this.#listener.published(this.#first, this.#packetId, this.#stamp);
    return size - before;
  }

  /** The size of the packet that begins at `at`, of which all but payload has come; 0 where that is not so. */
  #packet(bytes: Buffer, at: number, end: number): number {
    let body = at + 1;
    let remaining = 0;
    for (let shift = 0; ; shift += 7) {
      if (body >= end) return 0;
      const byte = bytes[body++]!;
      remaining |= (byte & 127) << shift;
      if (byte < 128) break;
      if (shift === 21) throw new Error('a Remaining Length is longer than four bytes');
    }
    const packetEnd = body + remaining;
    const first = bytes[at]!;
    const type = first >> 4;
    if (type === PacketType.Publish) return this.#publish(first, bytes, body, packetEnd, end) ? packetEnd - at : 0;
    if (packetEnd > end) return 0;
    if (type >= PacketType.Puback && type <= PacketType.Pubcomp) {
      this.#listener.acknowledged(type, (bytes[body]! << 8) | bytes[body + 1]!, remaining > 2 ? bytes[body + 2]! : 0);
    } else {
      this.#listener.answered(bytes, at, body, packetEnd);
    }
    return packetEnd - at;
  }

  /** Whether all but payload has come. The PUBLISH is told if the payload has, too, and else remembered. */
  #publish(first: number, bytes: Buffer, body: number, packetEnd: number, end: number): boolean {
    if (body + 2 > end) return false;
    let at = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
    let packetId = 0;
    if ((first & 6) !== 0) {
      if (at + 2 > end) return false;
      packetId = (bytes[at]! << 8) | bytes[at + 1]!;
      at += 2;
    }
    if (this.#version === 5) {
      let properties = 0;
      for (let shift = 0; ; shift += 7) {
        if (at >= end) return false;
        const byte = bytes[at++]!;
        properties |= (byte & 127) << shift;
        if (byte < 128) break;
        if (shift === 21) throw new Error('a property length is longer than four bytes');
      }
      at += properties;
    }
    let stamp = 0;
    if (at + STAMP_SIZE <= packetEnd) {
      if (at + STAMP_SIZE > end) return false;
      stamp = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    } else if (at > end) {
      return false;
    }
    if (packetEnd <= end) {
      this.#listener.published(first, packetId, stamp);
    } else {
      this.#first = first;
      this.#packetId = packetId;
      this.#stamp = stamp;
    }
    return true;
  }
}

function tooLong(): Error {
  return new Error(`a packet is longer than ${LONGEST_HEAD} bytes before its payload`);
}
