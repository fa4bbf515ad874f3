/** A reporter for node:test that writes nothing but the totals, as JSON. */

export default async function* tally(events) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    // The runner ends with its totals as top-level remarks: "pass 12", "fail 0", …
    if (type !== 'test:diagnostic' || data.nesting !== 0) continue;
    const [, word, count] = /^(pass|fail|cancelled|skipped|todo) (\d+)$/.exec(data.message) ?? [];
    if (word === 'pass') totals.passed = Number(count);
    if (word === 'fail' || word === 'cancelled') totals.failed += Number(count);
    if (word === 'skipped' || word === 'todo') totals.skipped += Number(count);
  }
  yield JSON.stringify(totals);
}
