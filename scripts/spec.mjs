/**
 * `npm run spec`: every statement of the specifications that binds a server, with the tests that name it; `-- --all` adds those that bind
 * clients only, `--missing` leaves what has neither test nor reason, `--version 5.0` keeps to one version, `--json` prints data. Ends with 1
 * if the lists and the tests disagree.
 */

import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mqtt31, mqtt311 } from '../test/spec/mqtt-3.1.1.mjs';
import { mqtt50 } from '../test/spec/mqtt-5.0.mjs';
import { fail, filesBelow, root } from './prepare.mjs';

/** The versions the broker speaks. What others demand may be named by tests and asked for with `--version`; nobody has to test it yet. */
const SPOKEN = ['5.0', '3.1.1', '3.1'];

/** Every statement there is, with the version that makes it. */
export const statements = [...of('3.1.1', mqtt311), ...of('3.1', mqtt31), ...of('5.0', mqtt50)];

function of(version, list) {
  return list.map((statement) => ({ version, ...statement }));
}

/** The statements to check: those of one version, or of all the broker speaks. */
export function demanded(version) {
  const versions = version === undefined ? SPOKEN : [version];
  return statements.filter((statement) => versions.includes(statement.version));
}

/** Every place below test/ that names a tag, as `{ tag, test: 'file › title' }`. */
export function namings() {
  const here = join(root, 'test', 'spec') + sep;
  return filesBelow(join(root, 'test'), (name) => name.endsWith('.ts'))
    .filter((file) => !file.startsWith(here))
    .flatMap((file) => namingsIn(readFileSync(file, 'utf8'), relative(root, file).replaceAll(sep, '/')));
}

/**
 * The tags one source file names: `[MQTT-…]` in a string is a test's title, unless that test is skipped or still to do; `spec: 'MQTT-…'`,
 * alone or in an array, is a row of a table, called by the `name` beside it. Comments name nothing.
 */
export function namingsIn(source, file) {
  const { code, skeleton, strings } = dissect(source);
  const found = [];
  for (const [start, text] of strings) {
    if (/\.(todo|skip)\(\s*$/.test(code.slice(Math.max(0, start - 40), start))) continue;
    const title = text.replace(/\s*\[MQTT\d*-[^\]]*\]/g, '').trim();
    for (const [, tag] of text.matchAll(/\[(MQTT\d*-[^\]]*)\]/g)) found.push({ tag, test: `${file} › ${title}` });
  }
  for (const { index } of skeleton.matchAll(/\bspec:/g)) {
    const value = /^spec:\s*(\[[^\]]*\]|'[^']*'|"[^"]*")/.exec(code.slice(index))?.[1] ?? '';
    const title = nameBeside(index, skeleton, strings) ?? `line ${source.slice(0, index).split('\n').length}`;
    for (const [, tag] of value.matchAll(/['"](MQTT\d*-[^'"]*)['"]/g)) found.push({ tag, test: `${file} › ${title}` });
  }
  return found;
}

// Comments, then strings, then regular expressions, so that a quote inside one of them is not taken for the start of another.
const OPAQUE =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:;[!&|?{}]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\//g;

// The source without comments (`code`), without strings and regular expressions too (`skeleton`), both with every character in its old
// place, and the strings by the place where they start.
function dissect(source) {
  const strings = new Map();
  const code = source.replace(OPAQUE, (text, start) => {
    if (/^\/[/*]/.test(text)) return blank(text);
    if (!text.startsWith('/')) strings.set(start, text.slice(1, -1).replace(/\\(.)/g, '$1'));
    return text;
  });
  return { code, skeleton: source.replace(OPAQUE, blank), strings };
}

function blank(text) {
  return text.replace(/[^\n]/g, ' ');
}

// The string behind `name:` in the object literal around `index`.
function nameBeside(index, skeleton, strings) {
  let start = index;
  for (let depth = 1; start > 0 && depth > 0; ) depth += step(skeleton[--start], '}', '{');
  for (let at = start + 1, depth = 1; at < skeleton.length && depth > 0; depth += step(skeleton[at++], '{', '}')) {
    if (depth !== 1 || !/^\Wname:/.test(skeleton.slice(at - 1, at + 5))) continue;
    const [place, text] = [...strings].find(([begin]) => begin >= at + 5) ?? [];
    if (skeleton.slice(at + 5, place).trim() === '') return text;
  }
  return undefined;
}

function step(character, up, down) {
  return character === up ? 1 : character === down ? -1 : 0;
}

/**
 * Brings statements and namings together: the rows to print, and a sentence for everything that does not fit. `known` are the statements
 * that may be named; those beyond `list` are not checked.
 */
export function check(list, named, known = list) {
  const tests = new Map(known.map(({ tag }) => [tag, new Set()]));
  const problems = [];
  for (const { tag, test } of named) {
    if (tests.has(tag)) tests.get(tag).add(test);
    else problems.push(`${test} names ${tag}, which is not a tag of the list`);
  }
  const rows = list.map((statement) => ({ ...statement, tests: [...tests.get(statement.tag)] }));
  for (const row of rows) {
    if (isMissing(row)) problems.push(`${row.tag} has neither a test nor a reason for having none: ${row.says}`);
    if (row.untested && row.tests.length > 0) problems.push(`${row.tag} is tested: drop the reason why it is not`);
    if (row.untested && row.binds === 'client') problems.push(`${row.tag} binds clients only and needs no reason for having no test`);
  }
  return { rows, problems };
}

function isMissing({ binds, tests, untested }) {
  return binds !== 'client' && tests.length === 0 && !untested;
}

function main() {
  const { version, all, missing, json } = options();
  const { rows, problems } = check(demanded(version), namings(), statements);
  const missed = rows.filter(isMissing);
  const shown = missing ? missed : all ? rows : rows.filter(({ binds }) => binds !== 'client');

  if (json) {
    console.log(JSON.stringify({ statements: shown, problems }, undefined, 2));
  } else {
    for (const group of byVersion(shown)) console.log([`MQTT ${group[0].version}`, '', ...group.map(lines), ''].join('\n'));
    // What is missing is in the list already.
    for (const problem of problems) if (!missed.some(({ tag }) => problem.startsWith(`${tag} `))) console.log(`! ${problem}`);
    for (const group of byVersion(rows)) console.log(summary(group));
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}

function options() {
  const flag = { type: 'boolean', default: false };
  try {
    const { values } = parseArgs({ options: { version: { type: 'string' }, all: flag, missing: flag, json: flag } });
    if (demanded(values.version).length === 0) throw new Error(`There is no list for MQTT ${String(values.version)}`);
    return values;
  } catch (error) {
    return fail(`${error.message.split('. ')[0]}; npm run spec knows -- --version ${versions().join('|')}, --all, --missing and --json`);
  }
}

function versions() {
  return [...new Set(statements.map(({ version }) => version))];
}

function byVersion(rows) {
  return versions()
    .map((version) => rows.filter((row) => row.version === version))
    .filter((group) => group.length > 0);
}

function lines({ tag, binds, says, tests, untested }) {
  const below = untested
    ? [`not tested: ${untested}`]
    : tests.length > 0
      ? tests
      : binds === 'client'
        ? ['binds clients only']
        : ['NO TEST'];
  return [`${tag.padEnd(14)}  ${says}`, ...below.map((line) => `${' '.repeat(18)}${line}`)].join('\n');
}

function summary(rows) {
  const binding = rows.filter(({ binds }) => binds !== 'client');
  const tested = binding.filter(({ tests }) => tests.length > 0).length;
  const missed = binding.filter(isMissing).length;
  const excused = binding.length - tested - missed;
  const counts = `${tested} tested, ${excused} not testable, ${missed} without a test`;
  return `MQTT ${rows[0].version}: ${rows.length} statements, ${binding.length} bind a server: ${counts}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
