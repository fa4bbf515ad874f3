/** The rolling map: what a `Map` is, for keys that come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RollingMap } from '../../src/util/rolling-map.js';
import { heapUsed } from './heap.js';
import { runs } from './runs.js';

test('an empty map has nothing under any key, and takes nothing away', () => {
  const map = new RollingMap<string>();
  for (const key of [0, 1, 7, 65_535]) {
    assert.equal(map.get(key), undefined);
    assert.equal(map.has(key), false);
    assert.equal(map.delete(key), false);
  }
  assert.equal(map.size, 0);
  assert.deepEqual([...map.values()], []);
});

test('a key that was never set is not taken for a slot that is free', () => {
  const map = new RollingMap<string>();
  map.set(5, 'five');
  assert.equal(map.delete(0), false);
  assert.equal(map.get(0), undefined);
  assert.equal(map.size, 1);
});

test('maps that hold nothing do not share what they are given', () => {
  const [one, other] = [new RollingMap<string>(), new RollingMap<string>()];
  one.set(1, 'a');
  assert.equal(other.get(1), undefined);
  one.clear();
  other.set(1, 'b');
  assert.equal(one.get(1), undefined);
  assert.deepEqual([...other.values()], ['b']);
});

/** Keys as they are given out: one after the other, or like those of a queue that others are in, too. */
const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 70 }).map((i) => i * 64),
  fc.integer({ min: 0, max: 65_535 }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('set' as const), key }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('roll' as const), key: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('empty' as const, 'clear' as const), key: fc.constant(0) }) },
);

test('it behaves like a Map, the order of its values included', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = new RollingMap<number>();
      const model = new Map<number, number>();
      let next = 0;
      let value = 0;
      const set = (at: number): void => {
        map.set(at, value);
        model.set(at, value++);
      };
      const remove = (at: number): void => assert.equal(map.delete(at), model.delete(at));
      for (const { op, key: of } of steps) {
        if (op === 'set') set(of);
        if (op === 'delete') remove(of);
        // So many are given out, then the oldest half of all there are is given back.
        if (op === 'roll') {
          for (let i = 0; i < of; i++) set((next = (next % 65_535) + 1));
          for (const oldest of [...model.keys()].slice(0, model.size >> 1)) remove(oldest);
        }
        if (op === 'empty') for (const each of model.keys()) remove(each);
        if (op === 'clear') map.clear();
        if (op === 'clear') model.clear();
        assert.equal(map.size, model.size);
        assert.deepEqual([...map.values()], [...model.values()]);
        for (const each of [of, next, next + 1]) assert.equal(map.get(each), model.get(each));
        for (const each of [of, next, next + 1]) assert.equal(map.has(each), model.has(each));
      }
      for (const [each, there] of model) assert.equal(map.get(each), there);
    }),
    runs(300),
  );
});

test('its values are those of the moment it was asked, whatever becomes of the map meanwhile', () => {
  const map = new RollingMap<number>();
  for (let i = 0; i < 20; i++) map.set(i, i);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value);
    map.set(value + 100, value + 100);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test('what passes through leaves no memory behind, also where one key stays', () => {
  const map = new RollingMap<readonly number[]>();
  map.set(3, []);
  const before = heapUsed();
  for (let i = 0; i < 200_000; i++) {
    const at = 1_000 + (i % 60_000);
    map.set(at, new Array<number>(10).fill(i));
    if (i >= 100) map.delete(1_000 + ((i - 100) % 60_000));
  }
  assert.equal(map.size, 101);
  // What passed through was 22 MB. What V8 compiles meanwhile is on the heap, too: 100 KB have been seen.
  const more = heapUsed() - before;
  assert.ok(more < 300_000, `${more} bytes more`);
});

test('few scattered keys take little memory, and a map that empties gives it back', () => {
  const maps = Array.from({ length: 100 }, () => new RollingMap<boolean>());
  const before = heapUsed();
  for (const map of maps) for (let i = 0; i < 20; i++) map.set((i * 7_919) % 65_536, true);
  const scattered = heapUsed() - before;
  assert.ok(scattered < 100 * 6_000, `${scattered} bytes for 100 maps of 20`);
  for (const map of maps) {
    for (let i = 0; i < 1_000; i++) map.set(i, true);
    for (let i = 0; i < 65_536; i++) map.delete(i);
    assert.equal(map.size, 0);
  }
  const left = heapUsed() - before;
  assert.ok(left < 100 * 3_000, `${left} bytes for 100 maps that are empty`);
});
