/** The lists of what MQTT demands are whole, and every statement of a version the broker speaks has its test. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

interface Statement {
  readonly version?: string;
  readonly tag: string;
  readonly binds: 'server' | 'client' | 'both';
  readonly says: string;
  readonly untested?: string;
}

interface Naming {
  readonly tag: string;
  readonly test: string;
}

interface SpecScript {
  readonly statements: readonly Statement[];
  demanded(version?: string): readonly Statement[];
  namings(): Naming[];
  namingsIn(source: string, file: string): Naming[];
  check(statements: readonly Statement[], namings: readonly Naming[], known?: readonly Statement[]): { problems: string[] };
}

// The script is not compiled, and tests run in the root of the repository.
const spec: SpecScript = await import(pathToFileURL(join(process.cwd(), 'scripts', 'spec.mjs')).href);

test('every statement that binds a server has a test that names it, or a reason why not', () => {
  const { problems } = spec.check(spec.demanded(), spec.namings(), spec.statements);
  assert.equal(problems.length, 0, `npm run spec -- --missing\n${problems.join('\n')}`);
});

// How many statements the standards number in each section (their Appendices B): 141 in 3.1.1, 251 in 5.0; and ours for MQTT 3.1.
const NUMBERED = `
  MQTT-1.5.3:3 MQTT-2.2.2:2 MQTT-2.3.1:7
  MQTT-3.1.0:2 MQTT-3.1.2:24 MQTT-3.1.3:11 MQTT-3.1.4:5 MQTT-3.2.0:1 MQTT-3.2.2:6
  MQTT-3.3.1:12 MQTT-3.3.2:3 MQTT-3.3.4:1 MQTT-3.3.5:2 MQTT-3.6.1:1
  MQTT-3.8.1:1 MQTT-3.8.3:4 MQTT-3.8.4:6 MQTT-3.9.3:2 MQTT-3.10.1:1 MQTT-3.10.3:2 MQTT-3.10.4:6
  MQTT-3.12.4:1 MQTT-3.14.1:1 MQTT-3.14.4:3
  MQTT-4.1.0:2 MQTT-4.3.1:1 MQTT-4.3.2:2 MQTT-4.3.3:2 MQTT-4.4.0:1 MQTT-4.5.0:2 MQTT-4.6.0:6
  MQTT-4.7.1:3 MQTT-4.7.2:1 MQTT-4.7.3:4 MQTT-4.8.0:2
  MQTT-6.0.0:4 MQTT-7.0.0:2 MQTT-7.1.1:1 MQTT-7.1.2:1
  MQTT31:9
  MQTT5-1.5.4:3 MQTT5-1.5.5:1 MQTT5-1.5.7:1 MQTT5-2.1.3:1 MQTT5-2.2.1:2-6 MQTT5-2.2.2:1
  MQTT5-3.1.0:2 MQTT5-3.1.2:30 MQTT5-3.1.3:12 MQTT5-3.1.4:6 MQTT5-3.2.0:2 MQTT5-3.2.2:22
  MQTT5-3.3.1:13 MQTT5-3.3.2:20 MQTT5-3.3.4:10 MQTT5-3.4.2:3 MQTT5-3.5.2:3 MQTT5-3.6.1:1 MQTT5-3.6.2:3 MQTT5-3.7.2:3
  MQTT5-3.8.1:1 MQTT5-3.8.3:5 MQTT5-3.8.4:8 MQTT5-3.9.2:2 MQTT5-3.9.3:2
  MQTT5-3.10.1:1 MQTT5-3.10.3:2 MQTT5-3.10.4:6 MQTT5-3.11.2:2 MQTT5-3.11.3:2
  MQTT5-3.12.4:1 MQTT5-3.14.0:1 MQTT5-3.14.1:1 MQTT5-3.14.2:4 MQTT5-3.14.4:3 MQTT5-3.15.1:1 MQTT5-3.15.2:3
  MQTT5-4.1.0:2 MQTT5-4.2.0:1 MQTT5-4.3.1:1 MQTT5-4.3.2:5 MQTT5-4.3.3:13 MQTT5-4.4.0:2 MQTT5-4.5.0:2 MQTT5-4.6.0:6
  MQTT5-4.7.0:1 MQTT5-4.7.1:2 MQTT5-4.7.2:1 MQTT5-4.7.3:4 MQTT5-4.8.2:6 MQTT5-4.9.0:3
  MQTT5-4.12.0:7 MQTT5-4.12.1:2 MQTT5-4.13.1:1 MQTT5-4.13.2:1
  MQTT5-6.0.0:4
`;

test('the lists have every tag of the standards once, in their order', () => {
  const wanted = NUMBERED.trim().split(/\s+/).flatMap(tagsOf);
  assert.deepEqual(
    spec.statements.map(({ tag }) => tag),
    wanted,
  );
});

// `section:count`, or `section:first-last` where the numbers do not begin with 1.
function tagsOf(entry: string): string[] {
  const [, section, first, last] = /^(.+):(?:(\d+)-)?(\d+)$/.exec(entry) ?? [];
  const begin = Number(first ?? 1);
  return Array.from({ length: Number(last) - begin + 1 }, (_, n) => `${section}-${begin + n}`);
}

test('a tag says by its prefix to which version it belongs', () => {
  const prefixes: Record<string, RegExp> = { '3.1.1': /^MQTT-/, '3.1': /^MQTT31-/, '5.0': /^MQTT5-/ };
  for (const { version = '', tag } of spec.statements) assert.match(tag, prefixes[version] ?? /never/);
});

test('a statement is one finished line', () => {
  for (const { tag, binds, says, untested } of spec.statements) {
    assert.match(binds, /^(server|client|both)$/, tag);
    for (const line of untested === undefined ? [says] : [says, untested]) assert.match(line, /^\S.{10,230}[^.]\.$/, tag);
  }
});

test('titles and rows of tables name statements; comments, skipped tests and tests to do do not', () => {
  const source = String.raw`
    // [MQTT-9.0.0-1] a comment
    test('it\'s refused [MQTT-3.1.0-1][MQTT-3.1.0-2]', () => /['"${'`'}]/.test("'")); /* 'no [MQTT-9.0.0-2]' */
    test.todo('later [MQTT-9.0.0-3]');
    test.skip(
      'never [MQTT-9.0.0-4]',
    );
    const cases = [
      { name: 'a row', hex: '// not a comment', nested: { name: 'not this' }, spec: 'MQTT-3.2.0-1' },
      {
        nested: { name: 'nor this' },
        spec: ['MQTT-3.3.1-1', "MQTT31-1"], // one of two
        name:
          'a longer row',
      },
      { spec: 'MQTT-4.1.0-1' },
    ];
    for (const { name, spec } of cases) test(${'`${name} [${spec}]`'}, check);
  `;
  assert.deepEqual(
    spec.namingsIn(source, 'x.ts').map(({ tag, test: named }) => `${tag} ${named}`),
    [
      "MQTT-3.1.0-1 x.ts › it's refused",
      "MQTT-3.1.0-2 x.ts › it's refused",
      'MQTT-3.2.0-1 x.ts › a row',
      'MQTT-3.3.1-1 x.ts › a longer row',
      'MQTT31-1 x.ts › a longer row',
      'MQTT-4.1.0-1 x.ts › line 16',
    ],
  );
});

test('a statement of a version the broker does not speak yet may be named, and need not be', () => {
  const old: Statement[] = [{ version: '1.0', tag: 'MQTT-1.0.0-1', binds: 'server', says: 'This holds today.' }];
  const coming: Statement[] = [
    { version: '2.0', tag: 'MQTT2-1.0.0-1', binds: 'server', says: 'This will hold.' },
    { version: '2.0', tag: 'MQTT2-1.0.0-2', binds: 'server', says: 'And this will.' },
  ];
  const named: Naming[] = [
    { tag: 'MQTT-1.0.0-1', test: 'x.ts › a' },
    { tag: 'MQTT2-1.0.0-1', test: 'x.ts › b' },
    { tag: 'MQTT2-1.0.0-9', test: 'x.ts › c' },
  ];
  assert.deepEqual(spec.check(old, named, [...old, ...coming]).problems, ['x.ts › c names MQTT2-1.0.0-9, which is not a tag of the list']);
});

test('a tag nobody knows, a statement nobody tests and a reason that is out of date are reported', () => {
  const list: Statement[] = [
    { tag: 'MQTT-1.0.0-1', binds: 'server', says: 'Nobody tests this.' },
    { tag: 'MQTT-1.0.0-2', binds: 'both', says: 'This is tested.', untested: 'It could not be, once.' },
    { tag: 'MQTT-1.0.0-3', binds: 'both', says: 'This is not.', untested: 'It cannot be.' },
    { tag: 'MQTT-1.0.0-4', binds: 'client', says: 'This is for clients.' },
  ];
  const { problems } = spec.check(list, [
    { tag: 'MQTT-1.0.0-2', test: 'x.ts › a' },
    { tag: 'MQTT-1.0.0-1..2', test: 'x.ts › b' },
  ]);
  assert.deepEqual(problems, [
    'x.ts › b names MQTT-1.0.0-1..2, which is not a tag of the list',
    'MQTT-1.0.0-1 has neither a test nor a reason for having none: Nobody tests this.',
    'MQTT-1.0.0-2 is tested: drop the reason why it is not',
  ]);
});
