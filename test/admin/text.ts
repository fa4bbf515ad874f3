/** Stores as text and text as stores, for tests. */
import { Check } from '../../src/admin/store/check.js';
import { Export } from '../../src/admin/store/export.js';
import { Import } from '../../src/admin/store/import.js';
import { linesOf } from '../../src/admin/store/lines.js';
import type { Storage } from '../../src/broker/contracts.js';
import { rangeOf, type Kind } from '../../src/broker/record-keys.js';
import { MemoryStorage } from '../../src/testing.js';

/** What an export says, and what it had to leave out: keys in hex with a sentence. */
export async function exported(storage: Storage): Promise<{ readonly text: string; readonly leftOut: readonly string[] }> {
  const leftOut: string[] = [];
  let text = '';
  for await (const chunk of new Export(storage, (key, sentence) => leftOut.push(`${key.toString('hex')} ${sentence}`)).lines())
    text += chunk;
  return { text, leftOut };
}

/** @param piece bytes in which the text comes. */
export async function imported<S extends Storage = MemoryStorage>(
  text: string | Buffer,
  storage?: S,
  piece = 1_000,
): Promise<S | MemoryStorage> {
  const target = storage ?? new MemoryStorage();
  await new Import(target).run(linesOf(inPieces(Buffer.from(text), piece)));
  return target;
}

async function* inPieces(bytes: Buffer, piece: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

export async function checked(storage: Storage): Promise<{ readonly check: Check; readonly damages: readonly string[] }> {
  const damages: string[] = [];
  const check = new Check(storage, (key, sentence) => damages.push(`${key.toString('hex')} ${sentence}`));
  await check.run();
  return { check, damages };
}

/** The keys of all records of a kind. */
export async function keysOf(storage: Storage, kind: Kind): Promise<readonly Buffer[]> {
  const { from, to } = rangeOf(kind);
  return (await storage.range(from, to, 1_000)).map(({ key }) => key);
}
