/** Copies of one PUBLISH, one behind the other in one buffer, that are patched where they differ and written many at a time. Hot. */
import type { QoS, Version } from '../packet/packet.js';
import { Publish } from '../packet/publish.js';

/** Digits of a topic's number. */
const DIGITS = 7;
/** As many topics as can be numbered: 16^7. */
export const MOST_TOPICS = 0x1000_0000;
const HEX = Buffer.from('0123456789abcdef');

/** Which topics a series of messages goes to: `first`, `first + stride`, …, each modulo `topics`. */
export interface Numbering {
  readonly first: number;
  readonly stride: number;
  readonly topics: number;
}

export interface FrameOptions {
  /** The whole name, or where it is numbered what comes before the number. */
  readonly topic: string;
  readonly numbering?: Numbering | undefined;
  readonly payload: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly version: Version;
  /** How many copies there are to be. */
  readonly copies: number;
}

export class Frames {
  /** Bytes of one. */
  readonly size: number;
  readonly copies: number;
  readonly #bytes: Buffer;
  readonly #packetIdAt: number;
  readonly #stampAt: number;
  readonly #numberAt: number;
  readonly #stride: number;
  readonly #topics: number;
  #number: number;
  #view: Buffer;

  constructor(options: FrameOptions) {
    const { topic, numbering, payload, qos, retain, version, copies } = options;
    const name = numbering === undefined ? topic : topicName(topic, 0);
    const publish = Publish.of({ topic: name, payload: Buffer.alloc(payload, 'x'), qos, retain, version, packetId: qos === 0 ? 0 : 1 });
    this.size = publish.length;
    this.copies = copies;
    this.#bytes = Buffer.allocUnsafeSlow(this.size * copies);
    for (let i = 0; i < copies; i++) publish.bytes.copy(this.#bytes, i * this.size);
    this.#packetIdAt = qos === 0 ? -1 : publish.packetIdOffset;
    this.#stampAt = payload < 4 ? -1 : publish.payloadOffset;
    this.#numberAt = numbering === undefined ? -1 : publish.topicOffset + publish.topicLength - DIGITS;
    this.#stride = numbering?.stride ?? 0;
    this.#topics = numbering?.topics ?? 1;
    this.#number = numbering?.first ?? 0;
    this.#view = this.#bytes.subarray(0, this.size);
  }

  /** Writes the time into copy `i`, its packet identifier where it has one, and the next topic's number. */
  patch(i: number, stamp: number, packetId: number): void {
    const bytes = this.#bytes;
    const start = i * this.size;
    if (this.#stampAt >= 0) {
      const at = start + this.#stampAt;
      bytes[at] = stamp >>> 24;
      bytes[at + 1] = stamp >>> 16;
      bytes[at + 2] = stamp >>> 8;
      bytes[at + 3] = stamp;
    }
    if (this.#packetIdAt >= 0) {
      const at = start + this.#packetIdAt;
      bytes[at] = packetId >>> 8;
      bytes[at + 1] = packetId;
    }
    if (this.#numberAt >= 0) this.#patchTopic(start + this.#numberAt);
  }

  /** The first `count` copies as they are to be written. */
  view(count: number): Buffer {
    const length = count * this.size;
    // A publisher mostly sends as many as the last time, and a view costs as much as patching ten frames.
    if (this.#view.length !== length) this.#view = this.#bytes.subarray(0, length);
    return this.#view;
  }

  #patchTopic(at: number): void {
    let rest = this.#number;
    for (let digit = DIGITS - 1; digit >= 0; digit--) {
      this.#bytes[at + digit] = HEX[rest & 15]!;
      rest >>>= 4;
    }
    this.#number = (this.#number + this.#stride) % this.#topics;
  }
}

/** The name of a numbered topic. */
export function topicName(prefix: string, number: number): string {
  return prefix + number.toString(16).padStart(DIGITS, '0');
}
