/** Ways to bring bytes to a decoder. */

import type { Decoder } from '../../src/packet/decoder.js';
import type { Packet } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';

/** Feeds a chunk, if there is one, and takes every packet; each is kept. */
export function takeAll(decoder: Decoder, chunk?: Buffer): Packet[] {
  if (chunk !== undefined) decoder.feed(chunk);
  const packets: Packet[] = [];
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
    if (packet instanceof Publish) packet.keep();
    packets.push(packet);
  }
  return packets;
}

/** Brings pieces one after the other in one buffer, as a socket with a shared buffer does, and writes over each once it is read. */
export function feedInPieces(decoder: Decoder, pieces: readonly Buffer[]): Packet[] {
  const shared = Buffer.alloc(Math.max(...pieces.map(({ length }) => length)));
  return pieces.flatMap((piece) => {
    piece.copy(shared);
    decoder.feed(shared, piece.length);
    const packets = takeAll(decoder);
    shared.fill(0xee);
    return packets;
  });
}

/** Where to cut bytes in two: everywhere, but for the middle of long ones. */
export function cutsOf(bytes: Buffer): number[] {
  const cuts = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
  return cuts.length <= 200 ? cuts : [...cuts.slice(0, 20), cuts.length >> 1, ...cuts.slice(-20)];
}
