import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import type { Log } from '../../src/broker/contracts.js';
import { LevelStorage } from '../../src/storage/level.js';
import { STEP } from '../../src/storage/log-room.js';
import { StoreError } from '../../src/storage/opening.js';
import { recordsOf } from '../../src/storage/record-log.js';
import { storageContract } from '../contracts/storage.js';
import { ownFolder } from '../util/folder.js';
import { until } from '../util/until.js';
import { COMMITS } from '../storage/full.js';

interface Line {
  readonly level: 'info' | 'error';
  readonly message: string;
  readonly setAside?: readonly string[];
  readonly remarks?: readonly string[];
  readonly damage?: string;
}

/** A log that remembers what it was told. */
function memo(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const at =
    (level: Line['level']) =>
    (fields: object, message: string): void =>
      void lines.push({ ...fields, level, message });
  return { lines, log: { debug: () => {}, info: at('info'), warn: at('error'), error: at('error') } };
}

async function opened(folder: string, { log, minFreeDisk = 0, sync = false }: Partial<Parameters<typeof LevelStorage.open>[1]> = {}) {
  return LevelStorage.open(folder, { log: log ?? memo().log, minFreeDisk, sync });
}

storageContract('LevelStorage', async () => {
  const storage = await opened(ownFolder());
  return { storage, close: () => storage.close() };
});

describe('a store', () => {
  it('is made where its folder is not there, and has everything committed when it is opened again', async () => {
    const folder = join(ownFolder(), 'a', 'b');
    const first = await opened(folder, { sync: true });
    first.put(Buffer.from('1'), Buffer.from('one'));
    await first.commit();
    first.put(Buffer.from('2'), Buffer.from('not committed'));
    await first.close();
    const { log, lines } = memo();
    const second = await opened(folder, { log });
    assert.deepEqual(await second.get(Buffer.from('1')), Buffer.from('one'));
    assert.equal(await second.get(Buffer.from('2')), undefined);
    await second.close();
    assert.deepEqual(lines, []);
    assert.ok(!existsSync(join(folder, 'lost')));
  });

  it('that waits for the disk has room in its log, however much is committed, and what was committed is there when it is killed', async () => {
    const folder = ownFolder();
    const storage = await opened(folder, { sync: true });
    const rooms: number[] = [];
    // More than LevelDB keeps in one log.
    for (let i = 0; i < 400; i++) {
      storage.put(keyOf(i), Buffer.alloc(100_000, valueOf(i)));
      await storage.commit();
      const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
      const log = readFileSync(join(folder, logs.sort().at(-1)!));
      let used = log.length;
      while (used > 0 && log[used - 1] === 0) used--;
      rooms.push(log.length - used);
    }
    assert.ok(Math.max(...rooms) <= STEP, `${Math.max(...rooms)}`);
    assert.equal(rooms.filter((room) => room > 0).length > 300, process.platform === 'linux');

    const killed = ownFolder();
    cpSync(folder, killed, { recursive: true });
    await storage.close();
    for (const place of [folder, killed]) {
      const { log, lines } = memo();
      const again = await opened(place, { log });
      for (let i = 0; i < 400; i++) assert.deepEqual(await again.get(keyOf(i)), Buffer.alloc(100_000, valueOf(i)));
      await again.close();
      assert.deepEqual(lines, []);
    }
  });

  it('has one owner at a time; another is refused in a sentence and does no harm', async () => {
    const folder = ownFolder();
    const owner = await opened(folder);
    const sentence = `the store in ${folder} is in use by this process`;
    for (let i = 0; i < 2; i++) await assert.rejects(opened(folder), (error) => error instanceof StoreError && error.message === sentence);
    owner.put(Buffer.from('1'), Buffer.from('one'));
    await owner.commit();
    await owner.close();
    const next = await opened(folder);
    assert.deepEqual(await next.get(Buffer.from('1')), Buffer.from('one'));
    await next.close();
  });

  it('that cannot be made or reached is refused in a sentence', async () => {
    const file = join(ownFolder(), 'file');
    writeFileSync(file, '');
    for (const folder of [file, join(file, 'below')]) {
      await assert.rejects(
        opened(folder),
        (error) => error instanceof StoreError && error.message.startsWith(`the store in ${folder} cannot be made: `),
      );
    }
  });

  it('gives pages of a bounded size where values are large, and all of them in the end', async () => {
    const storage = await opened(ownFolder());
    const large = Buffer.alloc(300_000, 'large');
    for (let i = 0; i < 10; i++) storage.put(Buffer.of(i), large);
    await storage.commit();
    const sizes: number[] = [];
    let from = Buffer.of(0);
    for (;;) {
      const page = await storage.range(from, Buffer.of(255), 100);
      if (page.length === 0) break;
      sizes.push(page.length);
      from = Buffer.concat([page.at(-1)!.key, Buffer.of(0)]);
    }
    assert.ok(Math.max(...sizes) <= 4, sizes.join());
    assert.equal(
      sizes.reduce((sum, size) => sum + size),
      10,
    );
    assert.deepEqual(
      (await storage.range(Buffer.of(0), Buffer.of(255), 100, 'keys')).map(({ value }) => value.length),
      Array(10).fill(0),
    );
    await storage.close();
  });
});

/** Keys `k000000` and on, with values that cannot be guessed, and that do not become smaller. */
const OLD = 4_000;
const NEW = 200;
const keyOf = (i: number): Buffer => Buffer.from(`k${String(i).padStart(6, '0')}`);
const valueOf = (i: number): Buffer => createHash('sha512').update(String(i)).digest();

/** What can be found of all that was put: nothing else, nothing changed, in order. */
async function found(storage: LevelStorage): Promise<Set<number>> {
  const all = new Set<number>();
  let from = Buffer.from('a');
  for (;;) {
    const page = await storage.range(from, Buffer.from('z'), 1_000);
    if (page.length === 0) return all;
    for (const { key, value } of page) {
      const i = Number(key.subarray(1));
      assert.deepEqual([key, value], [keyOf(i), valueOf(i)]);
      all.add(i);
    }
    from = Buffer.concat([page.at(-1)!.key, Buffer.of(0)]);
  }
}

describe('a damaged store', () => {
  const whole = ownFolder();
  let files: readonly string[];
  const nameOf = (kind: RegExp): string => {
    const name = files.find((file) => kind.test(file));
    assert.ok(name !== undefined, `${String(kind)} is among ${files.join()}`);
    return name;
  };

  // A table that was written while the store was open, so that the manifest has changed since, and behind it a log with commits of ten.
  before(async () => {
    const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', writeBufferSize: 1 << 18 };
    const level = new ClassicLevel<Buffer, Buffer>(whole, options);
    await level.open();
    const put = async (first: number, end: number): Promise<void> => {
      const batch = level.batch();
      for (let i = first; i < end; i++) batch.put(keyOf(i), valueOf(i));
      await batch.write({ sync: false });
    };
    await put(0, OLD);
    for (let i = OLD; i < OLD + NEW; i += 10) await put(i, i + 10);
    await until('what filled the first log is a table', () => !readdirSync(whole).includes('000003.log'));
    await level.close();
    files = readdirSync(whole);
  });

  const cut = (path: string, bytes: number): void => truncateSync(path, statSync(path).size - bytes);
  const flip = (path: string, at: (size: number) => number): void => {
    const bytes = readFileSync(path);
    const i = at(bytes.length);
    bytes[i] = bytes[i]! ^ 0x10;
    writeFileSync(path, bytes);
  };
  const TABLE = /\.ldb$/;
  const MANIFEST = /^MANIFEST/;
  const LOG = /\.log$/;

  /** Harms a copy and opens it; everything but what is said to be lost is there, and the lines tell of it. */
  const proves = (
    sentence: string,
    harm: (path: (kind: RegExp) => string) => void,
    told: { readonly damage?: RegExp; readonly setAside?: RegExp; readonly remarks?: RegExp },
    lost: (i: number) => boolean = () => false,
  ): void => {
    test(sentence, async () => {
      const folder = ownFolder();
      cpSync(whole, folder, { recursive: true });
      harm((kind) => join(folder, nameOf(kind)));
      const { log, lines } = memo();
      const storage = await opened(folder, { log });
      const there = await found(storage);
      const missing = Array.from({ length: OLD + NEW }, (_, i) => i).filter((i) => !there.has(i));
      assert.ok(missing.every(lost), `lost without need: ${missing.filter((i) => !lost(i)).length}`);
      assert.ok(lost === NOTHING_LOST || missing.length > 0);
      for (const i of [0, OLD - 1, OLD, OLD + NEW - 1]) {
        assert.deepEqual(await storage.get(keyOf(i)), there.has(i) ? valueOf(i) : undefined);
      }

      const all = JSON.stringify(lines);
      if (told.damage !== undefined) assert.match(lines.flatMap(({ damage }) => damage ?? []).join('\n'), told.damage, all);
      const setAside = lines.flatMap((line) => line.setAside ?? []);
      if (told.setAside !== undefined) {
        assert.match(setAside.join(' '), told.setAside, all);
        for (const name of setAside) assert.ok(existsSync(join(folder, 'lost', name)), name);
      }
      if (told.remarks !== undefined) assert.match(lines.flatMap(({ remarks }) => remarks ?? []).join('\n'), told.remarks, all);
      if (Object.keys(told).length === 0) assert.deepEqual(lines, []);

      // It can be written, and has nothing more to tell when it is opened again.
      storage.put(Buffer.from('~'), Buffer.from('new'));
      await storage.commit();
      await storage.close();
      const later = memo();
      const again = await opened(folder, { log: later.log });
      assert.equal((await again.get(Buffer.from('~')))?.toString(), 'new');
      assert.equal((await found(again)).size, there.size);
      await again.close();
      assert.deepEqual(later.lines, []);
    });
  };
  const NOTHING_LOST = (): boolean => false;

  const CURRENT = /^CURRENT$/;
  describe('loses nothing where', () => {
    for (const [what, harm, damage] of [
      ['CURRENT is missing', (path) => rmSync(path(CURRENT)), /^CURRENT is missing$/],
      ['CURRENT is empty', (path) => truncateSync(path(CURRENT), 0), /^CURRENT names no manifest$/],
      ['the manifest is missing', (path) => rmSync(path(MANIFEST)), /^MANIFEST-\d+ is missing$/],
      ['the manifest is empty', (path) => truncateSync(path(MANIFEST), 0), /^MANIFEST-\d+ cannot be read$/],
      ['the manifest is cut within its last change', (path) => cut(path(MANIFEST), 1), /^MANIFEST-\d+ is cut short/],
      [
        'the manifest is cut to its half',
        (path) => cut(path(MANIFEST), statSync(path(MANIFEST)).size >> 1),
        /^MANIFEST-\d+ (?:is cut short|cannot be read)/,
      ],
      ['a byte of the manifest is another', (path) => flip(path(MANIFEST), () => 20), /checksum mismatch/],
    ] as readonly (readonly [string, (path: (kind: RegExp) => string) => void, RegExp])[]) {
      proves(what, harm, { damage, setAside: what === 'the manifest is missing' ? /\.log/ : /MANIFEST/ }, NOTHING_LOST);
    }
    proves(
      'a crash tore nothing and left zeroes behind the log',
      (path) => writeFileSync(path(LOG), Buffer.alloc(5_000), { flag: 'a' }),
      {},
      NOTHING_LOST,
    );
  });

  describe('keeps everything else, and names what it sets aside, where', () => {
    const old = (i: number): boolean => i < OLD;
    const recent = (i: number): boolean => i >= OLD;
    const cutTable = { damage: /^\d+\.ldb has \d+ bytes of \d+$/, setAside: /\.ldb/ };
    proves('a table is cut to its half', (path) => cut(path(TABLE), statSync(path(TABLE)).size >> 1), cutTable, old);
    proves('a table has lost a byte', (path) => cut(path(TABLE), 1), cutTable, old);
    proves(
      'the end of a table is another',
      (path) => flip(path(TABLE), (size) => size - 1),
      { damage: /has lost its end/, setAside: /\.ldb/ },
      old,
    );
    proves('a table is missing', (path) => rmSync(path(TABLE)), { damage: /\.ldb is missing/ }, old);
    proves('a log is missing', (path) => rmSync(path(LOG)), { damage: /\.log is missing/ }, recent);
    proves(
      'a byte of the log is another',
      (path) => flip(path(LOG), (size) => size - 5_000),
      { setAside: /\.log/, remarks: /dropping \d+ bytes; Corruption: checksum mismatch/ },
      (i) => i >= OLD && i < OLD + NEW,
    );
    proves(
      'a commit in the midst of the log is zeroes',
      (path) => {
        const log = readFileSync(path(LOG));
        const [first, second, third] = [...recordsOf(log)].slice(-6).map((record) => log.indexOf(record) - 7);
        assert.ok(first! > 0 && second! > first! && third! > second!);
        writeFileSync(path(LOG), log.fill(0, second, third));
      },
      { setAside: /\.log/, remarks: /^\d+\.log: zeroes at byte \d+, and records behind them$/ },
      (i) => i >= OLD + NEW - 50,
    );
  });

  proves(
    'loses the commit that was torn, as if it had not been begun, and says nothing',
    (path) => cut(path(LOG), 5),
    {},
    (i) => i >= OLD + NEW - 10,
  );

  describe('with room behind its log', () => {
    const room = (path: string): void => writeFileSync(path, Buffer.alloc(100_000), { flag: 'a' });
    const last = (i: number): boolean => i >= OLD + NEW - 10;
    for (const bytes of [1, 5, 300, 700]) {
      proves(
        `loses the commit of which ${bytes} bytes were not written, as if it had not been begun, and says nothing`,
        (path) => {
          cut(path(LOG), bytes);
          room(path(LOG));
        },
        {},
        last,
      );
    }
    proves(
      'loses the commit of which a sector was not written when the power was lost, and says nothing',
      (path) => {
        const log = readFileSync(path(LOG));
        const start = log.length - [...recordsOf(log)].at(-1)!.length - 7;
        const end = log.length - (log.length % 512);
        // What the sector had of the commit before is there.
        writeFileSync(path(LOG), log.fill(0, Math.max(end - 512, start), end));
        room(path(LOG));
      },
      {},
      last,
    );
    proves(
      'tells of a commit that was written and is another, though it is the last',
      (path) => {
        flip(path(LOG), (size) => size - 5);
        room(path(LOG));
      },
      { setAside: /\.log/, remarks: /checksum mismatch/ },
      last,
    );
  });

  it('whose damage shows while it is read passes over it, tells once, and is repaired with the next start', async () => {
    const folder = ownFolder();
    cpSync(whole, folder, { recursive: true });
    // A table begins with its first key: how much of it is as in the one before.
    flip(join(folder, nameOf(TABLE)), () => 0);

    const { log, lines } = memo();
    const storage = await opened(folder, { log });
    assert.deepEqual(lines, []);
    await assert.rejects(storage.get(keyOf(0)), /bad entry in block/);
    const there = await found(storage);
    const missing = OLD + NEW - there.size;
    assert.ok(missing > 0 && missing < 100 && !there.has(0) && there.has(100));
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['the store is damaged: some of it cannot be read; it is repaired with the next start'],
    );
    await storage.close();

    const next = memo();
    const repaired = await opened(folder, { log: next.log });
    assert.deepEqual(
      next.lines.flatMap(({ setAside = [] }) => setAside).filter((name) => TABLE.test(name)),
      [nameOf(TABLE)],
    );
    assert.deepEqual(await found(repaired), there);
    assert.equal(await repaired.get(keyOf(0)), undefined);
    await repaired.close();
  });
});

describe('a disk that is full', { skip: process.platform === 'win32' && 'no bounds of that kind' }, () => {
  // The size of a file stands for that of a disk: a system tells both in the same way, and this needs no privileges.
  const BOUND = 1 << 20;
  const child = fileURLToPath(new URL('../storage/full.js', import.meta.url));
  const run = (folder: string, what: 'again' | 'close'): string[] => {
    const line = `ulimit -S -f ${BOUND / 512} && exec "$0" "$@"`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', line, process.execPath, child, folder, what], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n');
  };

  it('makes a commit wait, says so meanwhile, and loses nothing when there is space again', async () => {
    const folder = ownFolder();
    assert.deepEqual(run(folder, 'again'), [
      'error: the disk is full, the store waits for space',
      'full while a commit waits: true',
      'info: there is space again, the store goes on',
      'read all the time: true',
      'full afterwards: false',
    ]);
    const storage = await opened(folder);
    const kept = await storage.range(Buffer.of(0), Buffer.of(255), 1_000, 'keys');
    assert.deepEqual(
      kept.map(({ key }) => key[0]),
      Array.from({ length: COMMITS }, (_, i) => i),
    );
    await storage.close();
  });

  it('does not keep a store from being closed: the commit that waits fails, and what was committed before it is there', async () => {
    const folder = ownFolder();
    assert.deepEqual(run(folder, 'close'), [
      'error: the disk is full, the store waits for space',
      'full while a commit waits: true',
      'read meanwhile: before',
      'closed',
      'the commit failed',
    ]);
    const { log, lines } = memo();
    const storage = await opened(folder, { log });
    assert.deepEqual(
      (await storage.range(Buffer.of(0), Buffer.of(255), 1_000)).map(({ value }) => value.toString()),
      ['before'],
    );
    assert.deepEqual(lines, []);
    await storage.close();
  });

  it('is foreseen: with less than `minFreeDisk` left the storage says it is full, and still commits', async () => {
    const { log, lines } = memo();
    const storage = await opened(ownFolder(), { log, minFreeDisk: Number.MAX_SAFE_INTEGER });
    assert.equal(storage.full, true);
    assert.match(lines[0]!.message, /^little space is left on the disk/);
    storage.put(Buffer.from('1'), Buffer.from('one'));
    await storage.commit();
    assert.equal((await storage.get(Buffer.from('1')))?.toString(), 'one');
    await storage.close();
  });
});
