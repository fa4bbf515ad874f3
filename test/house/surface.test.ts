/** The public surface changes on purpose or not at all: every name that users can import, against the list in surface.txt. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

// Tests run in the root of the repository.
const SNAPSHOT = join('test', 'house', 'surface.txt');
const ENTRIES = { posmq: join('src', 'index.ts'), 'posmq/testing': join('src', 'testing.ts') };

test('the public surface is the one in surface.txt', () => {
  const surface = describeSurface();
  if (process.env.UPDATE_SURFACE === '1') writeFileSync(SNAPSHOT, surface);
  const expected = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
  assert.equal(surface, expected, 'the public surface changed; if it should, run the test with UPDATE_SURFACE=1 and commit surface.txt');
});

test('there is no default export', () => {
  assert.doesNotMatch(describeSurface(), /^ +default /m);
});

function describeSurface(): string {
  // Only names and their kinds are asked for, so the types of others need not be loaded.
  const program = ts.createProgram(Object.values(ENTRIES), {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    noLib: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  return Object.entries(ENTRIES)
    .map(([name, file]) => {
      const source = program.getSourceFile(file);
      assert.ok(source, `${file} exists`);
      const module = checker.getSymbolAtLocation(source);
      const exported = module === undefined ? [] : checker.getExportsOfModule(module);
      return `${name}\n${exported
        .map((symbol) => `  ${symbol.name} (${kindOf(symbol, checker)})\n`)
        .sort()
        .join('')}`;
    })
    .join('\n');
}

function kindOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const { flags } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const typeOnly = symbol.declarations?.some((declaration) => ts.isTypeOnlyExportDeclaration(declaration)) === true;
  const kinds: string[] = [];
  if (flags & ts.SymbolFlags.Class) kinds.push(typeOnly ? 'type' : 'class');
  if (flags & ts.SymbolFlags.Function && !typeOnly) kinds.push('function');
  if (flags & ts.SymbolFlags.Variable && !typeOnly) kinds.push('value');
  if (flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) kinds.push('type');
  assert.ok(kinds.length > 0, `${symbol.name} is something`);
  return kinds.join(', ');
}
