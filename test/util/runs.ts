/** How often properties are tried. */

/** By hand, `PROPERTY_RUNS=10 npm run test:unit` tries ten times as often as when everything is tested. */
const factor = Number(process.env.PROPERTY_RUNS ?? 1);

export function runs(usual: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(usual * factor) };
}
