/** The public surface changes on purpose or not at all: every name that users can import, against the list in surface.txt. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type ts from 'typescript';
import { compiler } from './compiler.js';

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
  // Only names and their kinds are asked for, so what the files import besides need not be loaded.
  const program = compiler.createProgram(Object.values(ENTRIES).flatMap(filesBehind), {
    target: compiler.ScriptTarget.ES2022,
    module: compiler.ModuleKind.NodeNext,
    noLib: true,
    noResolve: true,
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

/** A file and, where it hands on what stands in others, those. */
function filesBehind(file: string): readonly string[] {
  const source = readFileSync(file, 'utf8');
  if (!/^export (type )?[{*]/m.test(source)) return [file];
  const own = compiler.preProcessFile(source).importedFiles.filter(({ fileName }) => fileName.startsWith('.'));
  return [file, ...own.flatMap(({ fileName }) => filesBehind(join(dirname(file), fileName.replace(/\.js$/, '.ts'))))];
}

function kindOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  const { flags } = symbol.flags & compiler.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const typeOnly = symbol.declarations?.some((declaration) => compiler.isTypeOnlyExportDeclaration(declaration)) === true;
  const kinds: string[] = [];
  if (flags & compiler.SymbolFlags.Class) kinds.push(typeOnly ? 'type' : 'class');
  if (flags & compiler.SymbolFlags.Function && !typeOnly) kinds.push('function');
  if (flags & compiler.SymbolFlags.Variable && !typeOnly) kinds.push('value');
  if (flags & (compiler.SymbolFlags.Interface | compiler.SymbolFlags.TypeAlias)) kinds.push('type');
  assert.ok(kinds.length > 0, `${symbol.name} is something`);
  return kinds.join(', ');
}
