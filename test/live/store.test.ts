/** `posmq store`, the real command, on the store of a real broker that was killed. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ownFolder } from '../util/folder.js';
import { BrokerProcess } from './broker-process.js';
import { Program, run } from './program.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));
const QUEUED = 500;

interface Said {
  readonly status: number | string;
  readonly out: string;
  readonly error: string;
}

async function store(args: readonly string[], input?: string): Promise<Said> {
  const program = new Program(process.execPath, [COMMAND, 'store', ...args], input);
  const status = await program.ended();
  return { status, out: program.stdout.toString(), error: program.stderr };
}

/** Files of a folder with their sizes. */
function listing(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => `${name} ${statSync(join(folder, name)).size}`);
}

describe('posmq store', () => {
  const folder = ownFolder();
  const data = join(folder, 'killed');
  const lines = Array.from({ length: QUEUED }, (_, i) => `message ${i}\n`).join('');

  const client = (broker: BrokerProcess, ...args: (string | number)[]): (string | number)[] => [
    '-h',
    '127.0.0.1',
    '-p',
    broker.port,
    ...args,
  ];
  const listen = (broker: BrokerProcess, id: string, ...args: (string | number)[]): Promise<Buffer> =>
    run('mosquitto_sub', client(broker, '-i', id, '-c', '-q', 1, '-t', 'a/#', ...args));

  before(async () => {
    const broker = await BrokerProcess.start('--data', data);
    for (const id of ['ann', 'bob']) await listen(broker, id, '-E');
    await run('mosquitto_pub', client(broker, '-q', 1, '-t', 'a/b', '-l'), lines);
    await run('mosquitto_pub', client(broker, '-q', 1, '-t', 'kept', '-r', '-m', 'retained'));
    const { status, error } = await store(['check', '--data', data]);
    assert.deepEqual([status, error], [2, `posmq: the store in ${data} is in use by another process\n`]);
    broker.signal('SIGKILL');
    await broker.ended();
  });

  it('checks, exports and imports it, and a broker on the import serves all that waited', async () => {
    const { status, out } = await store(['check', '--data', data]);
    assert.equal(status, 0, out);
    assert.match(out, /^sessions +2 /m);
    assert.match(out, /^in all queues +1,000 /m);
    assert.match(out, / is sound\n$/);

    const file = join(folder, 'backup.jsonl');
    const sums = '2 sessions, 1000 queued messages, 1 retained message, 0 Wills';
    assert.deepEqual(await store(['export', '--data', data, file]), { status: 0, out: `exported ${sums} to ${file}\n`, error: '' });
    const copy = join(folder, 'new', 'copy');
    assert.deepEqual(await store(['import', '--data', copy, file]), { status: 0, out: `imported ${sums} into ${copy}\n`, error: '' });
    assert.deepEqual(readdirSync(join(folder, 'new')), ['copy']);
    assert.deepEqual(await store(['export', '--data', copy]), { status: 0, out: readFileSync(file, 'utf8'), error: '' });

    const broker = await BrokerProcess.start('--data', copy);
    for (const id of ['ann', 'bob']) assert.equal((await listen(broker, id, '-C', QUEUED)).toString(), lines, id);
    assert.equal((await run('mosquitto_sub', client(broker, '-t', 'kept', '-C', 1))).toString(), 'retained\n');
    broker.signal('SIGTERM');
    assert.equal(await broker.ended(), 0);
  });

  it('reads from standard input, into an empty folder', async () => {
    const { out } = await store(['export', '--data', data]);
    const copy = join(folder, 'empty');
    mkdirSync(copy);
    const { status } = await store(['import', '--data', copy, '-'], out);
    assert.equal(status, 0);
    assert.equal((await store(['export', '--data', copy])).out, out);
  });

  it('makes no store where there is none, and leaves one alone that is there', async () => {
    const none = join(folder, 'none');
    for (const action of ['check', 'export']) {
      assert.deepEqual(await store([action, '--data', none]), { status: 2, out: '', error: `posmq: there is no store in ${none}\n` });
    }
    assert.equal(existsSync(none), false);
    const there = listing(data);
    const taken = await store(['import', '--data', data], '');
    assert.deepEqual(taken, { status: 2, out: '', error: `posmq: there is a store in ${data} already; an import makes a new one\n` });
    assert.deepEqual(listing(data), there);
    assert.match((await store(['import', '--data', folder], '')).error, /is not empty/);
  });

  it('leaves nothing of an import that cannot be taken', async () => {
    const { out } = await store(['export', '--data', data]);
    const place = join(folder, 'half', 'store');
    const cut = out.slice(0, out.lastIndexOf('\n', out.length - 2) + 1);
    const { status, error } = await store(['import', '--data', place], cut);
    assert.equal(status, 2);
    assert.match(error, /^posmq: standard input cannot be imported, the last line is missing: .*\n$/);
    assert.deepEqual(readdirSync(join(folder, 'half')), []);
  });

  it('tells of a file that cannot be read or written in one sentence', async () => {
    const missing = join(folder, 'missing', 'x.jsonl');
    const read = await store(['import', '--data', join(folder, 'never'), missing]);
    assert.deepEqual([read.status, read.error.split('\n').length], [2, 2]);
    assert.match(read.error, /cannot be read: ENOENT/);
    const written = await store(['export', '--data', data, missing]);
    assert.deepEqual([written.status, written.error.split('\n').length], [2, 2]);
    assert.match(written.error, /cannot be written: ENOENT/);
  });

  it('says that a store is damaged, and repairs nothing', async () => {
    const copy = join(folder, 'damaged');
    await store(['import', '--data', copy], (await store(['export', '--data', data])).out);
    await store(['check', '--data', copy]);
    const table = readdirSync(copy).find((name) => name.endsWith('.ldb'))!;
    truncateSync(join(copy, table), 100);
    for (const action of ['check', 'export']) {
      const { status, error } = await store([action, '--data', copy]);
      assert.equal(status, 1);
      assert.match(error, new RegExp(`^posmq: the store in ${copy} is damaged: .*${table}.*\n$`));
    }
    assert.equal(statSync(join(copy, table)).size, 100);
    assert.equal(existsSync(join(copy, 'lost')), false);
  });

  it('says what is no store of this version', async () => {
    const old = join(folder, 'old');
    const { out } = await store(['export', '--data', data]);
    const file = join(folder, 'old.jsonl');
    writeFileSync(file, out.replace('"format":2', '"format":1'));
    const { status, error } = await store(['import', '--data', old, file]);
    assert.deepEqual(
      [status, error],
      [2, `posmq: ${file} cannot be imported, line 1: the export is of version 1, this PosMQ reads version 2\n`],
    );
  });

  it('is named in the help of posmq', async () => {
    assert.match((await run(process.execPath, [COMMAND, '--help'])).toString(), /posmq store checks, exports and imports a store/);
  });
});
