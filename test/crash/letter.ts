/** What is published in a crash test: it tells who published it, as the how many-th, and whether it is whole. */

import { crc32 } from 'node:zlib';
import type { QoS } from '../../src/packet/packet.js';

export interface Letter {
  /** Its publisher and its number: `p1#17`. */
  readonly id: string;
  readonly publisher: string;
  readonly sequence: number;
  readonly topic: string;
  readonly qos: QoS;
  /** Seconds until it expires. */
  readonly expiry?: number | undefined;
}

/** A letter of a publisher's, by its number. */
export function letterOf(publisher: string, sequence: number, topic: string, qos: QoS, expiry?: number): Letter {
  return { id: `${publisher}#${sequence}`, publisher, sequence, topic, qos, expiry };
}

/** @param filler how many bytes longer than it need be. */
export function payloadOf({ id }: { readonly id: string }, filler = 0): Buffer {
  const text = `${id} ${'.'.repeat(filler)}`;
  return Buffer.from(`${text} ${crc32(text).toString(16)}`);
}

/** The letter's id, or undefined where the payload is not whole. */
export function idIn(payload: Buffer): string | undefined {
  const text = payload.toString('latin1');
  const end = text.lastIndexOf(' ');
  const [id = ''] = text.split(' ', 1);
  return crc32(text.slice(0, end)).toString(16) === text.slice(end + 1) ? id : undefined;
}
