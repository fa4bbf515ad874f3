/** Imports go down the stairs or stay in the room. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { test } from 'node:test';
import { compiler } from './compiler.js';

/** A room is a folder in src/; '.' are the files directly in it. */
const FLOORS: readonly (readonly string[])[] = [
  ['util'],
  ['packet', 'topic'],
  ['session'],
  ['broker'],
  ['net', 'storage', 'access', 'admin', 'cluster', 'config', 'bench'],
  ['.'],
  ['cli'],
];

/** The last floor that knows neither Node nor a package. */
const LAST_PURE_FLOOR = 3;

/** What each file, named as below src/, imports. */
type House = ReadonlyMap<string, readonly string[]>;

test('imports go down the stairs or stay in the room', () => {
  const house = readHouse();
  assert.ok(house.size > 0, 'there are sources to look at');
  assert.deepEqual(offences(house), []);
});

test('every kind of import counts', () => {
  const source = `
    // import './comment.js';
    import './effect.js';
    import { a } from './value.js';
    import type { B } from './type.js';
    export { c } from './through.js';
    type D = import('./inline.js').D;
    const e = await import('./late.js');
  `;
  assert.deepEqual(importsIn(source).sort(), ['./effect.js', './inline.js', './late.js', './through.js', './type.js', './value.js']);
});

test('a bad import is found and named', () => {
  const cases: readonly [file: string, imported: string, offence: RegExp][] = [
    ['util/queue.ts', '../packet/packet.js', /^src\/util\/queue\.ts imports \.\.\/packet\/packet\.js: up the stairs/],
    ['packet/decode.ts', '../topic/name.js', /rooms on one floor do not know each other/],
    ['net/tcp.ts', '../storage/memory.js', /rooms on one floor do not know each other/],
    ['broker/broker.ts', '../index.js', /up the stairs/],
    ['create.ts', './cli/posmq.js', /up the stairs/],
    ['session/session.ts', 'node:events', /floors 0 to 3 know neither Node nor packages/],
    ['broker/broker.ts', 'pino', /floors 0 to 3 know neither Node nor packages/],
    ['net/tcp.ts', 'posmq', /from inside, posmq is imported by path/],
    ['net/tcp.ts', '../../test/fixture.js', /outside of src/],
    ['helpers/thing.ts', '../util/queue.js', /src\/helpers is on no floor/],
  ];
  for (const [file, imported, offence] of cases) {
    const [found, ...more] = offences(new Map([[file, [imported]]]));
    assert.match(found ?? 'no offence', offence);
    assert.deepEqual(more, []);
  }
});

test('a good import is not', () => {
  const house: House = new Map([
    ['util/queue.ts', ['./wheel.js']],
    ['session/session.ts', ['./inflight.js', '../packet/packet.js', '../topic/name.js', '../util/queue.js']],
    ['net/tcp.ts', ['node:net', 'pino', '../broker/contracts.js', './inner/deep.js']],
    ['net/inner/deep.ts', ['../tcp.js', '../../util/queue.js']],
    ['create.ts', ['./net/tcp.js', './config/options.js']],
    ['index.ts', ['./create.js', './packet/reason-code.js']],
    ['cli/posmq.ts', ['../index.js', 'commander']],
  ]);
  assert.deepEqual(offences(house), []);
});

function offences(house: House): string[] {
  return [...house].flatMap(([file, imports]) =>
    imports.flatMap((imported) => {
      const offence = offenceOf(file, imported);
      return offence === undefined ? [] : [`src/${file} imports ${imported}: ${offence}`];
    }),
  );
}

function offenceOf(file: string, imported: string): string | undefined {
  const room = roomOf(file);
  const floor = floorOf(room);
  if (floor < 0) return `src/${room} is on no floor`;
  if (/^posmq($|\/testing)/.test(imported)) return 'from inside, posmq is imported by path';
  if (!imported.startsWith('.')) {
    return floor <= LAST_PURE_FLOOR ? `floors 0 to ${LAST_PURE_FLOOR} know neither Node nor packages` : undefined;
  }

  const target = posix.join(posix.dirname(file), imported);
  if (target.startsWith('..')) return 'outside of src';
  const targetRoom = roomOf(target);
  const targetFloor = floorOf(targetRoom);
  if (targetFloor < 0) return `src/${targetRoom} is on no floor`;
  if (targetFloor > floor) return `up the stairs, from floor ${floor} to ${targetFloor}`;
  if (targetFloor === floor && targetRoom !== room) return 'rooms on one floor do not know each other';
  return undefined;
}

function roomOf(file: string): string {
  const slash = file.indexOf('/');
  return slash < 0 ? '.' : file.slice(0, slash);
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function importsIn(source: string): string[] {
  return compiler.preProcessFile(source, true, true).importedFiles.map((imported) => imported.fileName);
}

// Tests run in the root of the repository.
function readHouse(): House {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file.split(sep).join('/'), importsIn(readFileSync(join('src', file), 'utf8'))]));
}
