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

export function read48(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at, 6);
}
