/** The files LevelDB appends to, its logs and manifests: records in blocks, each whole or in pieces (doc/log_format.md of LevelDB). */

/** Bytes of a block: no piece crosses its end, and where a header has no place before it there are zeroes. */
const BLOCK = 32_768;
/** Sum of four bytes, length of two, kind. */
const HEADER = 7;
const Kind = { Bad: 0, Whole: 1, First: 2, Middle: 3, Last: 4 } as const;

/** A piece from its header up to its end, or what stands where one should be: that is `Bad`, and goes as far as it says of itself. */
interface Piece {
  readonly kind: number;
  readonly from: number;
  readonly to: number;
}

/** The whole records, up to the first that is not whole. Their sums are not looked at. */
export function* recordsOf(bytes: Buffer): Generator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  for (const { kind, from, to } of piecesOf(bytes)) {
    if (kind === Kind.Bad) return;
    if (kind === Kind.Whole || kind === Kind.First) pieces = [];
    pieces.push(bytes.subarray(from + HEADER, to));
    if (kind === Kind.Whole || kind === Kind.Last) yield Buffer.concat(pieces);
  }
}

/**
 * Where a record begins that nobody finished writing: the last thing in a log, and not all of it is there. In a log with room behind its
 * records zeroes stand for the rest, or for any part of it when the power was lost, for a disk writes sectors in whatever order it likes.
 * @returns undefined where there is none: the log ends with a record, or with one that was written and is damaged.
 */
export function unfinishedAt(bytes: Buffer): number | undefined {
  const used = usedOf(bytes);
  const starts: number[] = [];
  for (const { kind, from } of piecesOf(bytes)) {
    if (from >= used) break;
    if (kind === Kind.Whole || kind === Kind.First) starts.push(from);
  }
  let end: number | undefined;
  while (end === undefined && starts.length > 0) end = endOfWhole(bytes, starts.pop()!);
  end ??= 0;
  return end < used && isUnfinished(bytes, end, used) ? end : undefined;
}

/**
 * Where zeroes stand in the place of a record though something was written behind them. LevelDB takes them for room, and passes over the rest
 * of their block without a word (kZeroType in db/log_reader.cc).
 */
export function gapAt(bytes: Buffer): number | undefined {
  const used = usedOf(bytes);
  for (const { from, to } of piecesOf(bytes)) {
    if (from >= used) return undefined;
    if (to === from + HEADER && bytes[from + 6] === Kind.Bad) return from;
  }
  return undefined;
}

/** Where nothing but zeroes follows. */
function usedOf(bytes: Buffer): number {
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  return used;
}

function* piecesOf(bytes: Buffer, start = 0): Generator<Piece, void, undefined> {
  for (let from = start; from + HEADER <= bytes.length; ) {
    const bound = endOfBlock(from);
    if (from + HEADER > bound) {
      from = bound; // no place for a header
      continue;
    }
    const to = from + HEADER + bytes.readUInt16LE(from + 4);
    const kind = bytes[from + 6]!;
    const isPiece = kind >= Kind.Whole && kind <= Kind.Last && to <= bound && to <= bytes.length;
    yield { kind: isPiece ? kind : Kind.Bad, from, to };
    from = isPiece ? to : bound;
  }
}

function endOfBlock(at: number): number {
  return at - (at % BLOCK) + BLOCK;
}

/** Where the last record ends that may be whole: all its pieces are there, with the sums they should have. Undefined if they are not. */
function endOfWhole(bytes: Buffer, start: number): number | undefined {
  for (const { kind, from, to } of piecesOf(bytes, start)) {
    if (!isSumRight(bytes, from, to)) return undefined;
    if (kind === Kind.Whole || kind === Kind.Last) return to;
  }
  return undefined;
}

function isSumRight(bytes: Buffer, from: number, to: number): boolean {
  return bytes.readUInt32LE(from) === masked(crc32c(bytes.subarray(from + HEADER - 1, to)));
}

/** What a disk writes as a whole, at least, in bytes. */
const SECTOR = 512;

/** Whether some of what begins here was never written. @param used where nothing but zeroes follows. */
function isUnfinished(bytes: Buffer, start: number, used: number): boolean {
  let first: number | undefined;
  for (const { kind, from, to } of piecesOf(bytes, start)) {
    if (first === undefined && hasPieceWithin(bytes, from + 1, Math.min(endOfBlock(from), used))) return false;
    first ??= from;
    if (to > used) return to <= endOfBlock(from);
    if (kind === Kind.First || kind === Kind.Middle) continue;
    return hasEmptySector(bytes, first, used);
  }
  return true;
}

/** Whether a piece lies anywhere between these: one was written behind what seems to be the last, whose length is another. */
function hasPieceWithin(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at + HEADER <= to; at++) {
    const kind = bytes[at + 6]!;
    const end = at + HEADER + bytes.readUInt16LE(at + 4);
    if (kind >= Kind.Whole && kind <= Kind.Last && end <= to && isSumRight(bytes, at, end)) return true;
  }
  return false;
}

function hasEmptySector(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const end = Math.min(at - (at % SECTOR) + SECTOR, to);
    if (bytes.subarray(at, end).every((byte) => byte === 0)) return true;
    at = end;
  }
  return false;
}

/** What a sum is written as, so that the sum of bytes that hold sums is not weak (util/crc32c.h of LevelDB). */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The remainders of all bytes by Castagnoli's polynomial, bits reversed. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0x82f63b78 : 0);
  return rest;
});

/** CRC-32C (RFC 3720 section 12.1), as an unsigned number of 32 bits. */
export function crc32c(bytes: Buffer): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
