/** What several rounds say together, and how numbers are written. */

/** @returns the middle of some numbers, or of the two in the middle; undefined of none. */
export function median(values) {
  return quantile(values, 0.5);
}

/** @param share 0.5 is the median; between two numbers it is as far as the share says. */
export function quantile(values, share) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

/** @returns {{ median: number, min: number, max: number, count: number } | undefined} of what is a number. */
export function spread(values) {
  const numbers = values.filter((value) => Number.isFinite(value));
  if (numbers.length === 0) return undefined;
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers), count: numbers.length };
}

/** @returns the figure of this name, such as `latency_ms.p99`. */
export function figureOf(figures, name) {
  return name.split('.').reduce((value, key) => value?.[key], figures);
}

/** Three digits that count, and no decimals from a hundred on. */
export function written(value) {
  if (value === undefined) return '–';
  const size = Math.abs(value);
  if (size >= 99.95) return Math.round(value).toLocaleString('en-US');
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** The median, and in parentheses the least and the most if there was more than one round. */
export function writtenSpread(spread) {
  if (spread === undefined) return '–';
  const { median, min, max, count } = spread;
  return count === 1 ? written(median) : `${written(median)} (${written(min)}–${written(max)})`;
}

/** A ratio as people say it: a small one as a fraction of one. */
export function writtenRatio(ratio) {
  if (ratio === undefined || !Number.isFinite(ratio)) return '–';
  if (ratio <= 0) return '0';
  if (ratio > 0.5) return ratio.toFixed(2);
  const whole = 1 / ratio;
  return `1/${Math.abs(whole - Math.round(whole)) < 0.05 || whole >= 20 ? Math.round(whole) : whole.toFixed(1)}`;
}
