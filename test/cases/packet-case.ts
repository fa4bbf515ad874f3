/** A row of the tables of packets: bytes, and the packet they are or the reason they are none. */

import type { Packet, Version } from '../../src/packet/packet.js';
import { Publish, type PublishFields } from '../../src/packet/publish.js';
import type { ReasonCode } from '../../src/packet/reason-code.js';

interface Row {
  readonly name: string;
  readonly spec?: string | readonly string[];
  /** The one version in which it is so; without it, 3.1 and 3.1.1. */
  readonly version?: Version;
  /** Hex, text in quotes, `len` for the Remaining Length of what follows, and properties in brackets, which stand for their length as well. */
  readonly hex: string;
}

export interface GoodCase extends Row {
  readonly packet: Packet;
  /** False where the same packet is written in other bytes than these. */
  readonly canonical?: false;
}

export interface BadCase extends Row {
  readonly error: { readonly reasonCode: ReasonCode };
}

/** The bytes of a row, in memory of their own. */
export function bytesOf({ hex }: { readonly hex: string }): Buffer {
  const [head, body] = hex.split(/\blen\b/);
  if (body === undefined) return bytesOfText(hex);
  const rest = bytesOfText(body);
  return Buffer.concat([bytesOfText(head!), variableInteger(rest.length), rest]);
}

function bytesOfText(text: string): Buffer {
  const [, before, properties, after] = /^([^[]*)\[([^\]]*)\](.*)$/s.exec(text) ?? [];
  if (properties !== undefined) {
    const bytes = bytesOfText(properties);
    return Buffer.concat([bytesOfText(before!), variableInteger(bytes.length), bytes, bytesOfText(after!)]);
  }
  const parts = text
    .split(/"([^"]*)"/)
    .map((part, i) => Buffer.from(i % 2 === 1 ? part : part.replace(/\s/g, ''), i % 2 === 1 ? 'utf8' : 'hex'));
  return Buffer.concat(parts);
}

/** As the algorithm of MQTT 3.1.1 section 2.2.3 has it. */
function variableInteger(length: number): Buffer {
  const bytes: number[] = [];
  let rest = length;
  do {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? byte + 128 : byte);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function versionsOf({ version }: Row): readonly Version[] {
  return version === undefined ? [3, 4] : [version];
}

/** What a packet says, apart from where its bytes lie: equal for equal packets. */
export function valueOf(packet: Packet | undefined): object | undefined {
  if (!(packet instanceof Publish)) return packet;
  const { type, topic, dup, qos, retain, packetId, properties } = packet;
  const value = { type, topic, dup, qos, retain, packetId, payload: Buffer.from(packet.payload) };
  return properties === undefined ? value : { ...value, properties };
}

export function publishOf(topic: string, payload: string | Uint8Array, fields: Partial<PublishFields> = {}): Publish {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Publish.of({ topic, payload: bytes, qos: 0, retain: false, ...fields });
}
