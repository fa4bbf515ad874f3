/** Whole numbers of 48 bits in bytes, big-endian. Hot. */

export const MAX_UINT48 = 2 ** 48 - 1;

export function write48(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high & 0xff;
  bytes[at + 2] = (value >>> 24) & 0xff;
  bytes[at + 3] = (value >>> 16) & 0xff;
  bytes[at + 4] = (value >>> 8) & 0xff;
  bytes[at + 5] = value & 0xff;
}

/**
 * A number below 2 ** 31 never passes through arithmetic with larger ones: V8 would make a number with a fraction of it, and of each field it is
 * ever put into, and throw away what it has compiled for those.
 * @throws RangeError where the bytes end before.
 */
export function read48(bytes: Buffer, at: number): number {
  if (at + 6 > bytes.length) throw new RangeError(`there are no 6 bytes at ${at} of ${bytes.length}`);
  const high = (bytes[at]! << 8) | bytes[at + 1]!;
  const low = (bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  if (high === 0 && low >= 0) return low;
  return high * 0x1_0000_0000 + (low >>> 0);
}
