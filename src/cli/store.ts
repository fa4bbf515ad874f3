/** `posmq store`: check, export and import of a store no broker has open. */

import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Check, mustBeOfThisVersion, VersionError, type Sum } from '../admin/store/check.js';
import { Export } from '../admin/store/export.js';
import { Import, ImportError } from '../admin/store/import.js';
import { linesOf } from '../admin/store/lines.js';
import type { Log } from '../broker/contracts.js';
import { FORMAT, Kind } from '../broker/record-keys.js';
import { loadOptions } from '../config/load.js';
import { ConfigurationError } from '../config/options.js';
import { LevelStorage } from '../storage/level.js';
import { DamagedError } from '../storage/opening.js';
import { StatusLine } from './status-line.js';
import { readStoreCommandLine, storeHelpText } from './store-command-line.js';
import { makeStore } from './store-folder.js';

/** What the kinds of records are called for people, in this order. */
const NAMES: readonly (readonly [kind: Kind, name: string])[] = [
  [Kind.Session, 'sessions'],
  [Kind.Subscription, 'subscriptions'],
  [Kind.Delivery, 'queued messages'],
  [Kind.Settled, 'which of those are over'],
  [Kind.Body, 'messages several sessions wait for'],
  [Kind.Sent, 'identifiers of messages in flight'],
  [Kind.Released, 'messages that wait for PUBCOMP'],
  [Kind.Received, 'messages received, PUBREL to come'],
  [Kind.Expiry, 'times messages expire at'],
  [Kind.Retained, 'retained messages'],
  [Kind.Will, 'Wills'],
  [Kind.Ended, 'sessions that are over'],
];

/** Of the names in the table. */
const WIDTH = Math.max(...NAMES.map(([, name]) => name.length));

/**
 * Runs the command to its end.
 *
 * @param argv what follows `store`.
 * @param width of the help, in columns.
 */
export async function store(argv: readonly string[], width: number): Promise<void> {
  const request = readStoreCommandLine(argv);
  if (request.kind === 'help') return void process.stdout.write(storeHelpText(width));
  const { data } = loadOptions(request.data === undefined ? {} : { data: request.data }, process.env);
  try {
    switch (request.kind) {
      case 'check':
        return await check(data);
      case 'export':
        return await exportTo(request.file, data);
      case 'import':
        return await importFrom(request.file, data);
    }
  } catch (error) {
    if (error instanceof DamagedError) return fail(error.message);
    if (error instanceof VersionError) throw new ConfigurationError(`the store in ${data}: ${error.message}`);
    throw error;
  }
}

async function check(data: string): Promise<void> {
  await withStore(data, async (storage, log) => {
    const check = new Check(storage, tellDamage);
    await check.run();
    const damages = check.damages + log.errors;
    process.stdout.write(summaryOf(check));
    process.stdout.write(damages === 0 ? `the store in ${data} is sound\n` : `the store in ${data} is damaged, see above\n`);
    if (damages > 0) process.exitCode = 1;
  });
}

/** What there is, as a table. */
export function summaryOf({ sums, queued, largest, leftovers }: Check): string {
  const empty: Sum = { records: 0, bytes: 0 };
  const rows = NAMES.map(([kind, name]) => [name, sums.get(kind) ?? empty] as const);
  const row = (name: string, { records, bytes }: Sum): string =>
    `${name.padEnd(WIDTH)} ${records.toLocaleString('en').padStart(13)} ${bytes.toLocaleString('en').padStart(17)}\n`;
  return [
    `${`format ${FORMAT}`.padEnd(WIDTH)} ${'records'.padStart(13)} ${'bytes'.padStart(17)}\n`,
    ...rows.map(([name, sum]) => row(name, sum)),
    row('left over, for the next start to delete', leftovers),
    '\n',
    row('in all queues', queued),
    ...largest.map((queue) => row(`  ${JSON.stringify(queue.clientId)}`, queue)),
  ].join('');
}

async function exportTo(file: string | undefined, data: string): Promise<void> {
  await withStore(data, async (storage, log) => {
    const status = new StatusLine();
    let damages = 0;
    const source = new Export(storage, (key, sentence) => {
      damages++;
      status.clear();
      process.stderr.write(damageText(key, `${sentence}; it is left out`));
    });
    const shown = async function* (): AsyncGenerator<string, void, undefined> {
      for await (const text of source.lines()) {
        status.show(() => `exported ${source.sums.sentence}`);
        yield text;
      }
    };
    try {
      if (file === undefined) await pipeline(Readable.from(shown()), process.stdout, { end: false });
      else await writeFile(file, shown());
    } catch (error) {
      // Whoever read it has enough.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
      damages++;
    } finally {
      status.clear();
    }
    if (file !== undefined) process.stdout.write(`exported ${source.sums.sentence} to ${file}\n`);
    if (damages + log.errors > 0) process.exitCode = 1;
  });
}

/** All of it or nothing: what was in the file is there until this is complete. */
async function writeFile(file: string, text: AsyncIterable<string>): Promise<void> {
  const beside = `${file}.part`;
  try {
    await pipeline(Readable.from(text), createWriteStream(beside));
    const handle = await open(beside);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) throw new ConfigurationError(`${file} cannot be written: ${message}`, { cause: error });
    throw error;
  }
}

async function importFrom(file: string | undefined, data: string): Promise<void> {
  const stop = new AbortController();
  const stopped = (signal: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort();
  };
  for (const signal of SIGNALS) process.once(signal, stopped);
  const status = new StatusLine();
  const name = file ?? 'standard input';
  try {
    let sums = '';
    await makeStore(data, new ErrorsTold(), stop.signal, async (storage) => {
      const target = new Import(storage);
      const stream: Readable = file === undefined ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
      const shown = async function* (): AsyncGenerator<readonly string[], void, undefined> {
        for await (const lines of linesOf(stream as AsyncIterable<Buffer>)) {
          stop.signal.throwIfAborted();
          status.show(() => `imported ${target.sums.sentence}`);
          yield lines;
        }
      };
      stop.signal.addEventListener('abort', () => stream.destroy(new Error('stopped')));
      await target.run(shown());
      sums = target.sums.sentence;
    });
    process.stdout.write(`imported ${sums} into ${data}\n`);
  } catch (error) {
    if (stop.signal.aborted) return;
    if (error instanceof ImportError) throw new ConfigurationError(`${name} cannot be imported, ${error.message}`, { cause: error });
    const { syscall, path, message } = error as NodeJS.ErrnoException;
    if (syscall !== undefined && path !== undefined && path === file) {
      throw new ConfigurationError(`${file} cannot be read: ${message}`, { cause: error });
    }
    throw error;
  } finally {
    status.clear();
    for (const signal of SIGNALS) process.off(signal, stopped);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Opens the store as it is, for reading. */
async function withStore(data: string, use: (storage: LevelStorage, log: ErrorsTold) => Promise<void>): Promise<void> {
  const log = new ErrorsTold();
  const storage = await LevelStorage.open(data, { sync: false, minFreeDisk: 0, log, asItIs: true });
  try {
    await mustBeOfThisVersion(storage);
    await use(storage, log);
  } finally {
    await storage.close();
  }
}

/** A log of which the operator is told errors only. */
class ErrorsTold implements Log {
  errors = 0;

  debug(): void {}
  info(): void {}
  warn(): void {}

  error({ err, remarks }: { readonly err?: unknown; readonly remarks?: readonly string[] }, message: string): void {
    this.errors++;
    const details = [err instanceof Error ? err.message : undefined, ...(remarks ?? [])].filter((detail) => detail !== undefined);
    process.stderr.write(`posmq: ${[message, ...details].join(': ')}\n`);
  }
}

function tellDamage(key: Buffer, sentence: string): void {
  process.stdout.write(damageText(key, sentence));
}

function damageText(key: Buffer, sentence: string): string {
  const kind = key[0] ?? 0;
  const [, name = 'records'] = NAMES.find(([known]) => known === kind) ?? [];
  return `damaged: ${key.toString('hex')} (${name}): ${sentence}\n`;
}

function fail(sentence: string): void {
  process.stderr.write(`posmq: ${sentence}\n`);
  process.exitCode = 1;
}
