/** Any string of whole characters. */
import * as fc from 'fast-check';

const SURROGATES = { from: 0xd800, count: 0x800 } as const;

/** As the unit `binary` of fast-check, without the table of all 1,112,064 characters that that one makes in each process. */
const anyCharacter = fc.nat(0x10_ffff - SURROGATES.count).map(
  (place) => String.fromCodePoint(place < SURROGATES.from ? place : place + SURROGATES.count),
  (character) => {
    const point = typeof character === 'string' ? character.codePointAt(0) : undefined;
    if (point === undefined || String.fromCodePoint(point) !== character) throw new RangeError('that is not one character');
    return point < SURROGATES.from ? point : point - SURROGATES.count;
  },
);

export function anyString(length: { readonly minLength?: number; readonly maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.string({ ...length, unit: anyCharacter });
}
