/** What every `Storage` does, as a suite each of them runs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Entry, Storage } from '../../src/broker/contracts.js';
import { runs } from '../util/runs.js';

/** One empty storage, and how to be done with it. */
export interface Opened {
  readonly storage: Storage;
  readonly close?: () => Promise<void>;
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const FIRST = bytes('00');
const LAST = bytes('ffffffffffffffffffff');

/** @param open opens a new storage that holds nothing. */
export function storageContract(name: string, open: () => Promise<Opened>): void {
  const proves = (sentence: string, prove: (storage: Storage) => Promise<void>): void => {
    test(sentence, async () => {
      const { storage, close } = await open();
      try {
        await prove(storage);
      } finally {
        await close?.();
      }
    });
  };

  describe(`${name} is a storage`, () => {
    proves('what was never put is not there', async (storage) => {
      assert.equal(await storage.get(bytes('01')), undefined);
      assert.deepEqual(await entries(storage), []);
    });

    proves('what was put and deleted counts from the commit on', async (storage) => {
      storage.put(bytes('01'), bytes('aa'));
      assert.equal(await storage.get(bytes('01')), undefined);
      assert.deepEqual(await entries(storage), []);
      await storage.commit();
      assert.deepEqual(await storage.get(bytes('01')), bytes('aa'));
      assert.deepEqual(await entries(storage), [['01', 'aa']]);
      storage.delete(bytes('01'));
      assert.deepEqual(await storage.get(bytes('01')), bytes('aa'));
      await storage.commit();
      assert.equal(await storage.get(bytes('01')), undefined);
      assert.deepEqual(await entries(storage), []);
    });

    proves('the last word on a key counts, whatever came before it in the same commit', async (storage) => {
      storage.put(bytes('01'), bytes('aa'));
      storage.put(bytes('01'), bytes('bb'));
      storage.put(bytes('02'), bytes('aa'));
      storage.delete(bytes('02'));
      storage.delete(bytes('03'));
      storage.put(bytes('03'), bytes('cc'));
      await storage.commit();
      assert.deepEqual(await entries(storage), [
        ['01', 'bb'],
        ['03', 'cc'],
      ]);
    });

    proves('what is put while a commit is under way belongs to the next one', async (storage) => {
      storage.put(bytes('01'), bytes('aa'));
      const first = storage.commit();
      storage.put(bytes('02'), bytes('bb'));
      storage.delete(bytes('01'));
      await first;
      assert.deepEqual(await entries(storage), [['01', 'aa']]);
      await storage.commit();
      assert.deepEqual(await entries(storage), [['02', 'bb']]);
    });

    proves('a commit of nothing, and the deletion of what is not there, are no errors', async (storage) => {
      await storage.commit();
      storage.delete(bytes('01'));
      await storage.commit();
      assert.deepEqual(await entries(storage), []);
    });

    proves('keys are in the order of their unsigned bytes, shorter ones first', async (storage) => {
      const inOrder = ['00', '0000', '0001', '01', '017f', '0180', '01ff', '7f', '80', 'c3a4', 'ff', 'ff00', 'ffff'];
      for (const key of [...inOrder].reverse()) storage.put(bytes(key), bytes(key));
      await storage.commit();
      assert.deepEqual(
        await entries(storage),
        inOrder.map((key) => [key, key]),
      );
    });

    proves('a range has fewer entries where they are large, and none only where there are none', async (storage) => {
      const keys = Array.from({ length: 12 }, (_, i) => Buffer.of(7, i));
      for (const key of keys) storage.put(key, Buffer.alloc(3 << 20, key[1]));
      await storage.commit();
      for (const what of ['entries', 'values', 'texts'] as const) {
        const found: number[] = [];
        for (let from = bytes('07'); ; from = Buffer.of(7, found.length)) {
          const page = await storage.range(from, bytes('08'), 100, what);
          if (page.length === 0) break;
          for (const { value } of page) {
            assert.equal(value.length, 3 << 20);
            found.push(value[0]!);
          }
        }
        assert.deepEqual(
          found,
          keys.map((key) => key[1]),
        );
      }
    });

    proves('a range of keys has the same keys, and one of values the same values, as one of entries', async (storage) => {
      for (const key of ['01', '02', '0200', '03']) storage.put(bytes(key), bytes(`${key}aa`));
      await storage.commit();
      const range = (what?: 'entries' | 'keys' | 'values') => storage.range(bytes('01'), bytes('03'), 100, what);
      const keys = ['01', '02', '0200'];
      const values = ['01aa', '02aa', '0200aa'];
      const keysOf = (page: readonly Entry[]): string[] => page.map(({ key }) => key.toString('hex'));
      const valuesOf = (page: readonly Entry[]): string[] => page.map(({ value }) => value.toString('hex'));
      for (const what of [undefined, 'entries', 'keys'] as const) assert.deepEqual(keysOf(await range(what)), keys, what);
      for (const what of [undefined, 'entries', 'values'] as const) assert.deepEqual(valuesOf(await range(what)), values, what);
      assert.equal((await storage.range(bytes('01'), bytes('03'), 2, 'keys')).length, 2);
      assert.equal((await storage.range(bytes('01'), bytes('03'), 2, 'values')).length, 2);
    });

    for (const [which, strange] of [
      ['all are text', []],
      ['one is not', ['01c3', '01ff']],
    ] as const) {
      proves(`a range of texts has the same entries as one of entries, and the text of its keys, where ${which}`, async (storage) => {
        const names = ['', 'a', 'ä/😀', 'a\0b', '\ufffd', 'x'.repeat(300)];
        for (const name of names) storage.put(Buffer.from(`\x01${name}`), Buffer.from(name));
        for (const key of strange) storage.put(bytes(key), bytes('ff'));
        await storage.commit();
        const [plain, texts] = await Promise.all(
          (['entries', 'texts'] as const).map((what) => storage.range(bytes('01'), bytes('02'), 100, what)),
        );
        assert.equal(plain!.length, names.length + strange.length);
        assert.deepEqual(
          texts!.map(({ key, value }) => ({ key, value })),
          plain,
        );
        for (const { key, text } of texts!) assert.ok(text === undefined || text === key.toString());
      });
    }

    proves('where there is space it does not say that it is full', async (storage) => {
      storage.put(bytes('01'), bytes('aa'));
      await storage.commit();
      assert.notEqual(storage.full, true);
    });

    proves('a range begins with its first key, ends before its last, and has no more entries than were asked for', async (storage) => {
      for (const key of ['01', '02', '0200', '03', '04']) storage.put(bytes(key), bytes('aa'));
      await storage.commit();
      const keys = async (from: string, to: string, limit = 100): Promise<string[]> =>
        (await storage.range(bytes(from), bytes(to), limit)).map((entry) => entry.key.toString('hex'));
      assert.deepEqual(await keys('02', '04'), ['02', '0200', '03']);
      assert.deepEqual(await keys('0201', '05'), ['03', '04']);
      assert.deepEqual(await keys('01', '05', 2), ['01', '02']);
      assert.deepEqual(await keys('02', '02'), []);
      assert.deepEqual(await keys('05', '06'), []);
    });

    proves('asking again from behind the last key finds every entry once', async (storage) => {
      const keys = Array.from({ length: 25 }, (_, i) => Buffer.of(7, i));
      for (const key of keys) storage.put(key, bytes('aa'));
      await storage.commit();
      const found: Buffer[] = [];
      let from = bytes('07');
      for (;;) {
        const page = await storage.range(from, bytes('08'), 10);
        found.push(...page.map(({ key }) => key));
        assert.ok(page.length <= 10);
        if (page.length === 0) break;
        from = Buffer.concat([page.at(-1)!.key, bytes('00')]);
      }
      assert.deepEqual(found, keys);
    });

    proves('values are any bytes, none or a megabyte', async (storage) => {
      const large = Buffer.alloc(1 << 20, bytes('00ff80'));
      storage.put(bytes('01'), Buffer.alloc(0));
      storage.put(bytes('02'), large);
      await storage.commit();
      assert.deepEqual(await storage.get(bytes('01')), Buffer.alloc(0));
      assert.ok((await storage.get(bytes('02')))?.equals(large));
    });

    test('it holds what a sorted map would hold', async () => {
      // Few different bytes, so that keys meet and are each other's beginnings.
      const key = fc
        .uint8Array({ minLength: 1, maxLength: 3 })
        .map((values) => Buffer.from(values.map((value) => [0, 1, 127, 128, 255][value % 5]!)));
      const change = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 4 }).map((value) => Buffer.from(value))) });
      const batches = fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(batches, async (batches) => {
          const { storage, close } = await open();
          const model = new Map<string, string>();
          for (const batch of batches) {
            for (const { key, value } of batch) {
              if (value === null) storage.delete(key);
              else storage.put(key, value);
              if (value === null) model.delete(key.toString('hex'));
              else model.set(key.toString('hex'), value.toString('hex'));
            }
            await storage.commit();
            assert.deepEqual(await entries(storage), [...model].sort(byKey));
          }
          await close?.();
        }),
        runs(16),
      );
    });
  });
}

/** Everything committed, as text. */
async function entries(storage: Storage): Promise<string[][]> {
  return (await storage.range(FIRST, LAST, 1_000)).map(({ key, value }) => [key.toString('hex'), value.toString('hex')]);
}

/** Hexadecimal digits sort as the bytes they stand for. */
function byKey([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}
