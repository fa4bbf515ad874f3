/** Topics over an alphabet so small that filters and names meet, and the plainest matcher there is to compare with. */

import * as fc from 'fast-check';

const level = fc.constantFrom('', 'a', 'b', '$s');
const deepPrefix = fc.constantFrom('', '', '', 'a/'.repeat(14), 'a/'.repeat(15), '/'.repeat(16), 'b/'.repeat(40));

function join(prefix: string, levels: readonly string[]): string {
  const topic = prefix + levels.join('/');
  return topic === '' ? '/' : topic;
}

/** Valid names; some go down to where the trees keep topics whole. */
export const anyName = fc
  .tuple(deepPrefix, fc.array(level, { minLength: 1, maxLength: 4 }))
  .map(([prefix, levels]) => join(prefix, levels));

const filterPrefix = fc.oneof(
  { weight: 3, arbitrary: deepPrefix },
  { weight: 1, arbitrary: fc.constantFrom('+/'.repeat(14), 'a/+/'.repeat(8)) },
);

/** Valid filters, most of them with a wildcard. */
export const anyFilter = fc
  .tuple(filterPrefix, fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([prefix, levels, multi]) => join(prefix, multi ? [...levels.slice(1), '#'] : levels));

export function matchesByLevels(filter: string, name: string): boolean {
  if (name.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const given = name.split('/');
  const multi = wanted.at(-1) === '#';
  if (multi) wanted.pop();
  if (given.length < wanted.length || (!multi && given.length > wanted.length)) return false;
  return wanted.every((want, i) => want === '+' || want === given[i]);
}
