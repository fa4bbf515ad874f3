import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { LogRoom, STEP } from '../../src/storage/log-room.js';
import { ownFolder } from '../util/folder.js';
import { runs } from '../util/runs.js';

const WRITTEN = Buffer.from('what was written');

/** A folder with a log, and room for it. */
function logged(name = '000003.log') {
  const folder = ownFolder();
  const path = join(folder, name);
  writeFileSync(path, WRITTEN);
  const room = new LogRoom(folder);
  return { folder, path, room, size: () => readFileSync(path).length };
}

describe('room in a log', () => {
  it('is made behind what is written, before the first commit', async () => {
    const { path, room } = logged();
    const made = room.begin(1, 100);
    assert.ok(made !== undefined);
    await made;
    assert.deepEqual(readFileSync(path), Buffer.concat([WRITTEN, Buffer.alloc(STEP)]));
  });

  it('is made again when it is used up, and not before', async () => {
    const { room, size } = logged();
    for (let commits = 0, steps = 0; steps < 3; commits++) {
      const made = room.begin(10, 10_000);
      if (made === undefined) assert.ok(commits % 104 !== 0, `commit ${commits} of 10,059 bytes`);
      else {
        await made;
        assert.equal(commits % 104, 0);
        assert.equal(size(), WRITTEN.length + ++steps * STEP);
      }
      room.end();
    }
  });

  it('is made in the newest log, by its number', async () => {
    const { folder, path, room } = logged('999999.log');
    writeFileSync(join(folder, '1000000.log'), 'newer');
    writeFileSync(join(folder, '1000001.ldb'), 'a table');
    await room.begin(1, 1);
    assert.deepEqual(readFileSync(path), WRITTEN);
    assert.equal(readFileSync(join(folder, '1000000.log')).length, 5 + STEP);
    assert.equal(readFileSync(join(folder, '1000001.ldb')).length, 7);
  });

  it('is not made while a commit is under way, and not for one that is larger', async () => {
    const { room, size } = logged();
    assert.equal(room.begin(1, STEP), undefined);
    assert.equal(room.begin(1, 100), undefined);
    room.end();
    assert.equal(room.begin(1, 100), undefined);
    room.end();
    room.end();
    assert.equal(size(), WRITTEN.length);
    await room.begin(1, 100);
    assert.equal(size(), WRITTEN.length + STEP);
  });

  it('is waited for by all who begin meanwhile', async () => {
    const { room, size } = logged();
    const sizes = await Promise.all([1, 2, 3].map(async (i) => (await room.begin(1, i), size())));
    assert.deepEqual(sizes, Array(3).fill(WRITTEN.length + STEP));
  });

  it('that cannot be made keeps no commit from going on, and is tried again when it would have been used up', async () => {
    const folder = ownFolder();
    const room = new LogRoom(folder);
    await room.begin(1, STEP / 2);
    room.end();
    assert.deepEqual(readdirSync(folder), []);
    writeFileSync(join(folder, '000003.log'), '');
    assert.equal(room.begin(1, STEP / 4), undefined);
    room.end();
    await room.begin(1, STEP / 2);
    assert.equal(readFileSync(join(folder, '000003.log')).length, STEP);
  });

  it('is not made after it was closed, and has been when that is done', async () => {
    const { room, size } = logged();
    void room.begin(1, 100);
    await room.close();
    assert.equal(size(), WRITTEN.length + STEP);
    room.end();
    for (let i = 0; i < 3; i++) {
      assert.equal(room.begin(1, STEP - 100), undefined);
      room.end();
    }
    assert.equal(size(), WRITTEN.length + STEP);
  });

  it('is never more than a step behind what is written, nor written over it, where commits take what they say, or less', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(50), fc.oneof(fc.nat(5_000), fc.nat(2 * STEP)), fc.nat(40)), { minLength: 1, maxLength: 30 }),
        async (commits) => {
          const { path, room } = logged();
          let written = WRITTEN;
          let spared = 0;
          for (const [operations, bytes, percent] of commits) {
            await room.begin(operations, bytes);
            const claimed = bytes + operations * 4 + 19;
            const record = Buffer.alloc(Math.ceil((claimed * (100 - percent)) / 100), 'x');
            spared += claimed - record.length;
            written = Buffer.concat([written, record]);
            const before = readFileSync(path);
            writeFileSync(path, Buffer.concat([written, before.subarray(written.length)]));
            room.end();
            const log = readFileSync(path);
            assert.ok(log.subarray(0, written.length).equals(written));
            assert.ok(log.length - written.length <= STEP + spared, `${log.length - written.length} behind ${written.length}`);
          }
        },
      ),
      runs(20),
    );
  });
});

it('leaves a folder without a log as it is', async () => {
  const folder = join(ownFolder(), 'none');
  await new LogRoom(folder).begin(1, 1);
  assert.ok(!existsSync(folder));
});
