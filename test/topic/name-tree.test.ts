/** The name tree: a filter finds the values of all names it matches, and only those, even while they change. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { NameTree } from '../../src/topic/name-tree.js';
import { heapUsed } from '../util/heap.js';
import { anyFilter, anyName, matchesByLevels } from './alphabet.js';
import { runs } from '../util/runs.js';

/** A tree in which every name has itself for a value. */
function treeOf(...names: readonly string[]): NameTree<string> {
  const tree = new NameTree<string>();
  for (const name of names) tree.set(name, name);
  return tree;
}

function expectFound(tree: NameTree<string>, filter: string, expected: readonly string[]): void {
  assert.deepEqual([...tree.match(filter)].sort(), [...expected].sort(), filter);
}

test('a name has the value that was set last', () => {
  const tree = new NameTree<number>();
  assert.equal(tree.get('a/b'), undefined);
  assert.equal(tree.set('a/b', 1), undefined);
  assert.equal(tree.set('a/b', 2), 1);
  assert.equal(tree.get('a/b'), 2);
  assert.equal(tree.get('a'), undefined);
  assert.equal(tree.size, 1);
  assert.equal(tree.delete('a/b'), 2);
  assert.equal(tree.delete('a/b'), undefined);
  assert.equal(tree.get('a/b'), undefined);
  assert.equal(tree.size, 0);
});

test('a filter without wildcards finds the name that is equal to it [MQTT-4.7.3-4]', () => {
  const tree = treeOf('a', 'A', 'a/', '/a');
  expectFound(tree, 'a', ['a']);
  expectFound(tree, '/a', ['/a']);
  expectFound(tree, 'b', []);
});

test('a multi-level wildcard finds the parent level and all levels below it', () => {
  const tree = treeOf('sport', 'sport/', 'sport/tennis', 'sport/tennis/a', 'sports', '/sport');
  expectFound(tree, 'sport/#', ['sport', 'sport/', 'sport/tennis', 'sport/tennis/a']);
  expectFound(tree, '#', ['sport', 'sport/', 'sport/tennis', 'sport/tennis/a', 'sports', '/sport']);
  expectFound(tree, '/#', ['/sport']);
  expectFound(tree, 'sport/tennis/a/#', ['sport/tennis/a']);
});

test('a single-level wildcard finds one level, also an empty one', () => {
  const tree = treeOf('a', '/', '/a', 'a/', 'a/b', 'a//b', 'a/b/b');
  expectFound(tree, '+', ['a']);
  expectFound(tree, '+/+', ['/', '/a', 'a/', 'a/b']);
  expectFound(tree, 'a/+/b', ['a//b', 'a/b/b']);
  expectFound(tree, 'a/+/#', ['a/', 'a/b', 'a//b', 'a/b/b']);
});

test('filters that start with a wildcard do not find names that start with $ [MQTT-4.7.2-1]', () => {
  const tree = treeOf('$SYS', '$SYS/x', 'a', 'a/$x');
  expectFound(tree, '#', ['a', 'a/$x']);
  expectFound(tree, '+', ['a']);
  expectFound(tree, '+/#', ['a', 'a/$x']);
  expectFound(tree, '+/x', []);
  expectFound(tree, '$SYS/#', ['$SYS', '$SYS/x']);
  expectFound(tree, '$SYS/+', ['$SYS/x']);
});

test('a filter finds the same names as trying them one by one does', () => {
  const step = fc.record({ name: anyName, remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(anyFilter, { minLength: 1, maxLength: 10 }), (steps, filters) => {
      const tree = new NameTree<string>();
      const model = new Set<string>();
      for (const { name, remove } of steps) {
        const before = model.has(name) ? name : undefined;
        assert.equal(remove ? tree.delete(name) : tree.set(name, name), before);
        if (remove) model.delete(name);
        else model.add(name);
        assert.equal(tree.size, model.size);
      }
      for (const filter of filters) {
        expectFound(
          tree,
          filter,
          [...model].filter((name) => matchesByLevels(filter, name)),
        );
      }
      for (const name of model) tree.delete(name);
      assert.equal(tree.size, 0);
      for (const filter of filters) expectFound(tree, filter, []);
    }),
    runs(100),
  );
});

test('a search yields once each name that stays, and none that is gone or new, while names come and go', () => {
  const change = fc.record({ name: anyName, remove: fc.boolean() });
  const turn = fc.array(change, { maxLength: 5 });
  fc.assert(
    fc.property(fc.uniqueArray(anyName, { maxLength: 30 }), anyFilter, fc.array(turn, { maxLength: 30 }), (names, filter, turns) => {
      const tree = treeOf(...names);
      const stayed = new Set(names); // since the start
      const yielded: string[] = [];
      const search = tree.match(filter);
      let turnsTaken = 0;
      for (let step = search.next(); !step.done; step = search.next()) {
        assert.ok(stayed.has(step.value), `${step.value} was there from the start`);
        yielded.push(step.value);
        for (const { name, remove } of turns[turnsTaken++] ?? []) {
          if (remove) stayed.delete(name);
          if (remove) tree.delete(name);
          else tree.set(name, name);
        }
      }
      assert.equal(new Set(yielded).size, yielded.length, 'no name twice');
      for (const name of stayed) assert.equal(yielded.includes(name), matchesByLevels(filter, name), name);
    }),
    runs(166),
  );
});

test('a search that every step gives a new name to find comes to an end', () => {
  const tree = treeOf('a/0', `${'a/'.repeat(30)}0`);
  let count = 0;
  for (const name of tree.match('a/#')) tree.set(`${name}${++count}`, 'new');
  assert.equal(count, 2);
  assert.equal(tree.size, 4);
});

test('a search yields a name with the value it has by then', () => {
  const tree = treeOf('a', 'b');
  const search = tree.match('+');
  assert.equal(search.next().value, 'a');
  tree.set('b', 'newer');
  assert.equal(search.next().value, 'newer');
  assert.equal(search.next().done, true);
});

test('a name that was deleted and came back during a search is not yielded twice', () => {
  const tree = treeOf('a/x', 'b', 'c');
  const yielded: string[] = [];
  for (const name of tree.match('#')) {
    yielded.push(name);
    tree.delete('a/x');
    tree.set('a/x', 'a/x');
  }
  assert.deepEqual(yielded, ['a/x', 'b', 'c']);
});

test('a search may be left at any step', () => {
  const tree = treeOf('a', 'b', 'c');
  for (const name of tree.match('+')) if (name === 'b') break;
  const search = tree.match('+');
  search.next();
  search.return();
  assert.equal(search.next().done, true);
  expectFound(tree, '+', ['a', 'b', 'c']);
});

test('names of 65,000 levels are kept and found', () => {
  const slashes = '/'.repeat(65_000);
  const names = [slashes, `${slashes}a`, `a${slashes}`, '/', 'a'];
  const tree = treeOf(...names);
  assert.equal(tree.get(slashes), slashes);
  expectFound(tree, '#', names);
  expectFound(tree, '/#', [slashes, `${slashes}a`, '/']);
  expectFound(tree, `${slashes}+`, [slashes, `${slashes}a`]);
  expectFound(tree, `${'+/'.repeat(32_000)}#`, [slashes, `${slashes}a`, `a${slashes}`]);
  for (const name of names) assert.equal(tree.delete(name), name);
  assert.equal(tree.size, 0);
  expectFound(tree, '#', []);
});

test('a hundred thousand names are set, found and deleted in any order', () => {
  const tree = new NameTree<number>();
  for (let i = 0; i < 100_000; i++) tree.set(`site/${i % 100}/device/${i}`, i);
  assert.equal([...tree.match('site/7/device/+')].length, 1_000);
  const search = tree.match('site/#');
  for (let i = 0; i < 200; i++) assert.equal(search.next().done, false);
  for (let i = 99_999; i >= 0; i--) assert.equal(tree.delete(`site/${i % 100}/device/${i}`), i);
  assert.equal(tree.size, 0);
  assert.deepEqual([...tree.match('#')], []);
});

test('a tree that was emptied holds no memory', () => {
  for (const end of ['/b', '/b'.repeat(20)]) {
    const tree = new NameTree<number>();
    const before = heapUsed();
    for (let i = 0; i < 10_000; i++) tree.set(`a/${i}${end}`, i);
    const full = heapUsed();
    for (let i = 0; i < 10_000; i++) tree.delete(`a/${i}${end}`);
    const after = heapUsed();
    assert.ok(after - before < (full - before) / 10, `${before} bytes before, ${full} full, ${after} after`);
    assert.equal(tree.size, 0);
  }
});
