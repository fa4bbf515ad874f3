/** Topic Names seen lately: found by their bytes, never mistaken for each other, and bounded in number. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readString } from '../../src/packet/bytes.js';
import { TopicNames } from '../../src/packet/topic-names.js';
import { runs } from '../util/runs.js';

/** Names, and how often one had to be read because it was not remembered. */
class Watched {
  reads = 0;
  readonly #names: TopicNames;

  constructor(slots: number) {
    this.#names = new TopicNames(slots);
  }

  /** Whether the name found last was said to have been seen. */
  get wasSeen(): boolean {
    return this.#names.wasSeen;
  }

  /** Finds each so often that it is remembered. */
  learn(...names: readonly string[]): void {
    for (const name of [...names, ...names]) this.find(name);
    this.reads = 0;
  }

  find(name: string | Uint8Array): string {
    const bytes = Buffer.from(name as string);
    // It stands among other bytes, and those are written over once it is found.
    const packet = Buffer.concat([Buffer.from('#+'), bytes, Buffer.from('#+')]);
    const found = this.#names.find(packet, 2, 2 + bytes.length, (from, start, end) => {
      this.reads++;
      return readString(from, start, end);
    });
    packet.fill(0x21);
    return found;
  }
}

test('a name is remembered when it is seen again, and not read after that', () => {
  const names = new Watched(16);
  for (const reads of [1, 2, 2, 2]) {
    assert.equal(names.find('a/b'), 'a/b');
    assert.equal(names.reads, reads);
  }
});

test('it says whether a name was seen before', () => {
  const names = new Watched(16);
  const seen = ['a', 'b', 'a', 'a', 'é', 'b', 'é', 'c'].map((name) => (names.find(name), names.wasSeen));
  assert.deepEqual(seen, [false, false, true, true, false, true, true, false]);
});

test('a name is what reading it plainly gives, whatever was found before it', () => {
  // Few letters and few slots, so that names collide and resemble each other; some are no UTF-8.
  const anyByte = fc.constantFrom(0x61, 0x62, 0x2f, 0x61, 0x62, 0xc3, 0xa9, 0xe9, 0x00);
  const anyName = fc.oneof(
    fc.uint8Array({ maxLength: 3 }),
    fc.array(anyByte, { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes)),
    fc.integer({ min: 126, max: 130 }).map((length) => new Uint8Array(length).fill(0x61)),
  );
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 8), fc.array(anyName, { minLength: 1, maxLength: 60 }), (slots, sought) => {
      const names = new Watched(slots);
      for (const name of sought) {
        const plain = attempt(() => readString(Buffer.from(name), 0, name.length));
        assert.deepEqual(
          attempt(() => names.find(name)),
          plain,
        );
      }
    }),
    runs(166),
  );
});

test('names that fall on one slot replace each other', () => {
  const names = new Watched(1);
  names.learn('a', 'b');
  for (const name of ['a', 'b', 'a', 'b']) assert.equal(names.find(name), name);
  assert.equal(names.reads, 4);
  names.find('b');
  assert.equal(names.reads, 4);
});

test('names seen once take the place of none that was seen again', () => {
  const names = new Watched(64);
  names.learn('a');
  for (let i = 0; i < 10_000; i++) names.find(`sensors/${i}/temperature`);
  names.reads = 0;
  names.find('a');
  assert.equal(names.reads, 0);
});

test('no more names are remembered than there are slots', () => {
  const names = new Watched(64);
  const sought = Array.from({ length: 10_000 }, (_, i) => `sensors/${i}/temperature`);
  for (const name of sought) names.learn(name);
  for (const name of sought.reverse()) names.find(name);
  assert.ok(names.reads >= sought.length - 64, `${sought.length - names.reads} names were remembered`);
});

test('names spread over the slots', () => {
  const names = new Watched(4_096);
  const sought = Array.from({ length: 1_000 }, (_, i) => `sensors/${i}/temperature`);
  names.learn(...sought);
  for (const name of sought) names.find(name);
  assert.ok(names.reads < sought.length / 3, `${names.reads} of ${sought.length} names had to be read again`);
});

test('a name of more than 128 bytes is read each time, and takes no slot', () => {
  const names = new Watched(1);
  names.learn('a');
  for (let i = 0; i < 3; i++) assert.equal(names.find('x'.repeat(129)).length, 129);
  assert.equal(names.reads, 3);
  names.find('a');
  assert.equal(names.reads, 3);
  names.learn('x'.repeat(128));
  names.find('x'.repeat(128));
  assert.equal(names.reads, 0);
});

test('what is no name is refused each time, and takes no slot', () => {
  const names = new Watched(1);
  names.learn('a');
  for (let i = 0; i < 3; i++) assert.throws(() => names.find(Uint8Array.of(0xff)));
  names.find('a');
  assert.equal(names.reads, 3);
});

function attempt(find: () => string): string {
  try {
    return find();
  } catch (error) {
    return String(error);
  }
}
