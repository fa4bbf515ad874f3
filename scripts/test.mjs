/**
 * `npm test`: everything. `npm run test:unit` and `npm run test:live`: one half, and with words after `--` only the files whose path
 * has one of the words in it.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildLibrary, compileAll, fail, filesBelow, install, root } from './prepare.mjs';
import { setUpLive } from './setup-live.mjs';

// Nothing may hang the run: more than the slowest process needs on a busy machine, less than anyone would wait for.
const SECONDS_PER_PROCESS = 120;
const FILES_AT_ONCE = 2;
const PROCESSES = 4;

const totals = { passed: 0, failed: 0, skipped: 0 };
const [half, ...words] = process.argv.slice(2);

if (half === undefined) {
  step('install', () => install());
  step('build', () => buildLibrary());
  step('type-check', () => compileAll());
  step('lint', () => npx('oxlint', '--type-aware') && npx('biome', 'format', '.'));
  step('unit', () => run('unit'));
  step('live', () => run('live'));
} else if (half === 'unit' || half === 'live') {
  install();
  // What does compile is run all the same: half-done work elsewhere should not keep anyone from testing theirs.
  const compiled = compileAll();
  step(half, () => run(half));
  finish(compiled);
} else {
  fail(`there is no test suite called ${half}, only unit and live`);
}
finish(true);

function step(name, work) {
  console.log(`\n── ${name}`);
  const began = performance.now();
  const passed = work() !== false;
  console.log(`── ${name} ${passed ? 'took' : 'failed after'} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (!passed) finish(false);
}

function finish(passed) {
  if (totals.skipped > 0) console.log(`\n${totals.skipped} skipped`);
  console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
  process.exit(passed ? 0 : 1);
}

function npx(command, ...args) {
  const bin = join(root, 'node_modules', '.bin', command);
  return spawnSync(bin, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
}

/** Runs one half of the compiled tests, adds to the totals and answers whether all passed. */
function run(suite) {
  if (suite === 'live') setUpLive();

  const files = testFiles(suite);
  if (files.length === 0) fail(`no ${suite} test matches`);

  const result = join(root, 'build', `.${suite}.json`);
  rmSync(result, { force: true });
  const args = [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${FILES_AT_ONCE}`,
    `--test-timeout=${SECONDS_PER_PROCESS * 1000}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/tally.mjs',
    `--test-reporter-destination=${relative(root, result)}`,
    ...(suite === 'unit' && words.length === 0 ? together(files) : files),
  ];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (!existsSync(result)) fail('the test runner ended without a result');

  const tally = JSON.parse(readFileSync(result, 'utf8'));
  for (const kind of Object.keys(totals)) totals[kind] += tally[kind];
  return status === 0 && tally.passed > 0;
}

/**
 * Files that share processes: a process of its own costs a test file more than its tests do. Unit tests leave nothing behind that another
 * could trip over; live tests have processes of their own. The last come first: topic/ and util/ measure the heap, which is collected in a
 * tenth of the time while there is little in it.
 */
function together(files) {
  const folder = join(root, 'build', 'unit');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return Array.from({ length: PROCESSES }, (_, i) => {
    const share = files.filter((_file, at) => at % PROCESSES === i).reverse();
    const path = join(folder, `${i + 1}.test.mjs`);
    writeFileSync(path, share.map((file) => `await import(${JSON.stringify(pathToFileURL(join(root, file)).href)});\n`).join(''));
    return relative(root, path);
  });
}

// Found by their sources: the compiler leaves the output of deleted tests behind.
function testFiles(suite) {
  return filesBelow(join(root, 'test'), (name) => name.endsWith('.test.ts'))
    .map((file) => relative(root, file))
    .filter((file) => file.startsWith(join('test', 'live') + sep) === (suite === 'live'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .map((file) => join('build', file.replace(/\.ts$/, '.js')));
}
