/** The filter tree: a topic finds the values of all filters that match it, and only those. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FilterTree } from '../../src/topic/filter-tree.js';
import { heapUsed } from '../util/heap.js';
import { anyFilter, anyName, matchesByLevels } from './alphabet.js';
import { runs } from '../util/runs.js';

/** A tree in which every filter has itself for a value. */
function treeOf(...filters: readonly string[]): FilterTree<string> {
  const tree = new FilterTree<string>();
  for (const filter of filters) tree.add(filter, filter);
  return tree;
}

function found<T>(tree: FilterTree<T>, topic: string): T[] {
  const values: T[] = [];
  tree.match(topic, values);
  return values;
}

function expectFound(tree: FilterTree<string>, topic: string, expected: readonly string[]): void {
  assert.deepEqual(found(tree, topic).sort(), [...expected].sort(), topic);
}

test('an empty tree matches nothing', () => {
  const tree = treeOf();
  assert.equal(tree.size, 0);
  expectFound(tree, 'a', []);
  expectFound(tree, '/', []);
});

test('a filter without wildcards is found by the topic that is equal to it [MQTT-4.7.3-4]', () => {
  const tree = treeOf('a', 'a/b', '/a', 'a//b', 'A', '$SYS/x');
  for (const topic of ['a', 'a/b', '/a', 'a//b', 'A', '$SYS/x']) expectFound(tree, topic, [topic]);
  for (const topic of ['b', 'a/', '/a/b', 'a/b/c', '$SYS', '/']) expectFound(tree, topic, []);
});

test('a multi-level wildcard finds the parent level and all levels below it', () => {
  const tree = treeOf('#', 'sport/#', 'sport/tennis/#', '/#');
  expectFound(tree, 'sport', ['#', 'sport/#']);
  expectFound(tree, 'sport/tennis', ['#', 'sport/#', 'sport/tennis/#']);
  expectFound(tree, 'sport/tennis/a/b', ['#', 'sport/#', 'sport/tennis/#']);
  expectFound(tree, 'sports', ['#']);
  expectFound(tree, '/sport', ['#', '/#']);
});

test('a single-level wildcard finds one level, also an empty one', () => {
  const tree = treeOf('+', '+/+', '/+', 'a/+', 'a/+/b');
  expectFound(tree, 'a', ['+']);
  expectFound(tree, 'a/', ['+/+', 'a/+']);
  expectFound(tree, '/finance', ['+/+', '/+']);
  expectFound(tree, 'a//b', ['a/+/b']);
  expectFound(tree, 'a/x/c', []);
});

test('filters that start with a wildcard do not find topics that start with $ [MQTT-4.7.2-1]', () => {
  const tree = treeOf('#', '+', '+/#', '+/x', '$SYS/#', '$SYS/+', 'a/#', 'a/+');
  expectFound(tree, '$SYS', ['$SYS/#']);
  expectFound(tree, '$SYS/x', ['$SYS/#', '$SYS/+']);
  expectFound(tree, '$SYS/x/y', ['$SYS/#']);
  expectFound(tree, 'a/$x', ['#', '+/#', 'a/#', 'a/+']);
});

test('the values of one filter come in the order they were added', () => {
  for (const filter of ['a', '+']) {
    const tree = new FilterTree<number>();
    for (const value of [3, 1, 2]) tree.add(filter, value);
    tree.add(filter, 3);
    assert.equal(tree.size, 3);
    assert.deepEqual(found(tree, 'a'), [3, 1, 2]);
    tree.remove(filter, 3);
    tree.add(filter, 3);
    assert.deepEqual(found(tree, 'a'), [1, 2, 3]);
  }
});

test('a value under several filters is found once for each', () => {
  const tree = new FilterTree<string>();
  for (const filter of ['a', '+', '#']) tree.add(filter, 'value');
  assert.equal(tree.size, 3);
  assert.deepEqual(found(tree, 'a'), ['value', 'value', 'value']);
});

test('what was found is appended to what is there', () => {
  const into = ['before'];
  treeOf('a').match('a', into);
  assert.deepEqual(into, ['before', 'a']);
});

test('removing says whether the value was there', () => {
  for (const filter of ['a', 'a/+', 'a/#', '#']) {
    const tree = new FilterTree<string>();
    assert.equal(tree.remove(filter, 'x'), false);
    tree.add(filter, 'x');
    assert.equal(tree.remove(filter, 'y'), false);
    tree.add(filter, 'y');
    assert.equal(tree.remove(filter, 'x'), true);
    assert.equal(tree.remove(filter, 'x'), false);
    assert.equal(tree.remove(filter, 'y'), true);
    assert.equal(tree.remove(filter, 'y'), false);
    assert.equal(tree.size, 0);
    assert.deepEqual(found(tree, 'a/b'), []);
  }
});

test('removing a filter leaves the filters above, beside and below it', () => {
  const filters = ['a/+', 'a/+/b', 'a/+/#', 'a/#', '#', 'a/b/+', `${'a/'.repeat(20)}+`, `${'a/'.repeat(20)}#`];
  for (const removed of filters) {
    const tree = treeOf(...filters);
    assert.equal(tree.remove(removed, removed), true);
    for (const topic of ['a', 'a/b', 'a/x/b', 'a/b/b', 'a/'.repeat(20), 'a/'.repeat(21)]) {
      expectFound(
        tree,
        topic,
        filters.filter((filter) => filter !== removed && matchesByLevels(filter, topic)),
      );
    }
  }
});

test('a topic finds the same filters as trying them one by one does', () => {
  const step = fc.record({ filter: anyFilter, value: fc.nat(3), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(anyName, { minLength: 1, maxLength: 10 }), (steps, names) => {
      const tree = new FilterTree<string>();
      const model = new Set<string>();
      for (const { filter, value, remove } of steps) {
        const entry = `${value} ${filter}`;
        if (remove) {
          assert.equal(tree.remove(filter, entry), model.delete(entry));
        } else {
          tree.add(filter, entry);
          model.add(entry);
        }
        assert.equal(tree.size, model.size);
      }
      for (const name of names) {
        expectFound(
          tree,
          name,
          [...model].filter((entry) => matchesByLevels(entry.slice(2), name)),
        );
      }
      for (const entry of model) assert.equal(tree.remove(entry.slice(2), entry), true);
      assert.equal(tree.size, 0);
      for (const name of names) expectFound(tree, name, []);
    }),
    runs(100),
  );
});

test('topics and filters of 65,000 levels are kept and found', () => {
  const slashes = '/'.repeat(65_000);
  const filters = [slashes, `${slashes}+`, `${slashes}#`, '#', '/#', `${'+/'.repeat(32_000)}#`, `${'+/'.repeat(32_000)}+`, `+${slashes}`];
  const tree = treeOf(...filters);
  expectFound(tree, slashes, [slashes, `${slashes}+`, `${slashes}#`, '#', '/#', `${'+/'.repeat(32_000)}#`, `+${slashes}`]);
  expectFound(tree, `a${slashes}`, ['#', `${'+/'.repeat(32_000)}#`, `+${slashes}`]);
  for (const filter of filters) assert.equal(tree.remove(filter, filter), true);
  assert.equal(tree.size, 0);
  expectFound(tree, slashes, []);
});

test('wildcards at every level cost no more than the nodes there are', () => {
  const tree = new FilterTree<number>();
  for (let i = 0; i < 1_024; i++) {
    tree.add(Array.from({ length: 10 }, (_, bit) => ((i >> bit) & 1 ? '+' : 'a')).join('/'), i);
  }
  const topic = Array.from({ length: 10 }, () => 'a').join('/');
  assert.equal(found(tree, topic).length, 1_024);
  assert.equal(found(tree, `${topic}${'/a'.repeat(30_000)}`).length, 0);
});

test('a filter with a hundred thousand values loses them in any order', () => {
  for (const filter of ['a/b', 'a/+']) {
    const tree = new FilterTree<number>();
    for (let i = 0; i < 100_000; i++) tree.add(filter, i);
    assert.equal(found(tree, 'a/b').length, 100_000);
    for (let i = 50_000; i < 100_000; i++) tree.remove(filter, i);
    for (let i = 49_999; i >= 0; i--) tree.remove(filter, i);
    assert.equal(tree.size, 0);
    assert.deepEqual(found(tree, 'a/b'), []);
  }
});

test('a tree that was emptied holds no memory', () => {
  for (const end of ['/+/b', `/+${'/b'.repeat(20)}`]) {
    const tree = new FilterTree<number>();
    const before = heapUsed();
    for (let i = 0; i < 10_000; i++) tree.add(`a/${i}${end}`, i);
    const full = heapUsed();
    for (let i = 0; i < 10_000; i++) tree.remove(`a/${i}${end}`, i);
    const after = heapUsed();
    assert.ok(after - before < (full - before) / 10, `${before} bytes before, ${full} full, ${after} after`);
    assert.equal(tree.size, 0);
  }
});
