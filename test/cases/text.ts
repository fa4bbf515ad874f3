/** Strings that are none: what section 1.5.3 of MQTT 3.1.1 forbids in any string of any packet. */

export interface BadText {
  readonly name: string;
  readonly spec: string;
  readonly hex: string;
}

const ILL_FORMED = 'MQTT-1.5.3-1';

export const badTexts: readonly BadText[] = [
  { name: 'a NUL', spec: 'MQTT-1.5.3-2', hex: '00' },
  { name: 'a NUL within', spec: 'MQTT-1.5.3-2', hex: '61 00 62' },
  { name: 'a NUL behind a character of two bytes', spec: 'MQTT-1.5.3-2', hex: 'c3a9 00' },
  { name: 'a high surrogate', spec: ILL_FORMED, hex: 'eda080' },
  { name: 'a low surrogate', spec: ILL_FORMED, hex: 'edbfbf' },
  { name: 'a pair of surrogates', spec: ILL_FORMED, hex: 'eda081 edb080' },
  { name: 'a NUL in two bytes', spec: ILL_FORMED, hex: 'c080' },
  { name: 'a slash in two bytes', spec: ILL_FORMED, hex: 'c0af' },
  { name: 'a slash in three bytes', spec: ILL_FORMED, hex: 'e080af' },
  { name: 'a character beyond U+10FFFF', spec: ILL_FORMED, hex: 'f4908080' },
  { name: 'a byte that never stands in UTF-8', spec: ILL_FORMED, hex: '61 ff' },
  { name: 'a continuation byte alone', spec: ILL_FORMED, hex: '80' },
  { name: 'a character cut after one byte of two', spec: ILL_FORMED, hex: '61 c3' },
  { name: 'a character cut after two bytes of three', spec: ILL_FORMED, hex: 'e282' },
  { name: 'a character cut by the next one', spec: ILL_FORMED, hex: 'f09f98 61' },
];

/** The bytes with their length before them, in hex. */
export function field({ hex }: { readonly hex: string }): string {
  const digits = hex.replace(/\s/g, '');
  return `${(digits.length / 2).toString(16).padStart(4, '0')} ${digits}`;
}
