/** What a disk has kept of a folder when its power was lost, played from the notes that power-loss.c took. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Random } from '../fuzz/random.js';

/** What a disk writes as a whole, in bytes. */
const SECTOR = 512;

type Fact =
  | { readonly kind: 'made'; readonly number: number; readonly path: string }
  | { readonly kind: 'synced'; readonly size: number; readonly written: number; readonly path: string }
  | { readonly kind: 'renamed'; readonly from: string; readonly path: string }
  | { readonly kind: 'removed'; readonly path: string };

/**
 * Writes the folder anew as a journaling file system (ext4, XFS) could leave it. Names change in the order in which they were changed: up to
 * the last sync of anything they are certain, of what came after a beginning may have been written. Of a file the size is certain that it
 * had when it was last synced, and the bytes that were written until then. Of the rest nothing is there, or a beginning; or some of its
 * sectors, where the file had room for them, for those are written in any order; or zeroes in its place.
 */
export function losePower(notes: string, target: string, random: Random): void {
  const facts = readFileSync(join(notes, 'notes'), 'utf8').split('\n').slice(0, -1).map(factOf);
  const certain = facts.map(({ kind }) => kind).lastIndexOf('synced') + 1;
  const written = certain + random.below(facts.length - certain + 1);
  const names = new Map<string, number>();
  const synced = new Map<number, Fact & { readonly kind: 'synced' }>();
  for (const fact of facts.slice(0, written)) {
    switch (fact.kind) {
      case 'made':
        names.set(fact.path, fact.number);
        break;
      case 'synced': {
        const number = names.get(fact.path);
        if (number !== undefined) synced.set(number, fact);
        break;
      }
      case 'renamed': {
        const number = names.get(fact.from);
        if (number !== undefined) names.set(fact.path, number);
        names.delete(fact.from);
        break;
      }
      case 'removed':
        names.delete(fact.path);
        break;
    }
  }
  mkdirSync(target);
  for (const [path, number] of names) {
    const { size = 0, written: certainly = 0 } = synced.get(number) ?? {};
    writeFileSync(join(target, basename(path)), keptOf(readFileSync(join(notes, String(number))), size, certainly, random));
  }
}

function keptOf(bytes: Buffer, size: number, written: number, random: Random): Buffer {
  const kept = Buffer.alloc(size + random.below(bytes.length - size + 1));
  bytes.copy(kept, 0, 0, written);
  switch (random.pick(['nothing', 'zeroes', 'a beginning', 'sectors'] as const)) {
    case 'nothing':
      return kept.subarray(0, size);
    case 'zeroes':
      return kept;
    case 'a beginning': {
      const end = written + random.below(kept.length - written + 1);
      bytes.copy(kept, written, written, end);
      return random.once(2) ? kept : kept.subarray(0, Math.max(size, end));
    }
    case 'sectors':
      for (let at = written; at < size; at += SECTOR - (at % SECTOR)) {
        if (random.once(2)) bytes.copy(kept, at, at, Math.min(at - (at % SECTOR) + SECTOR, size));
      }
      return kept;
  }
}

function factOf(line: string): Fact {
  const [kind, first = '', path = '', last = ''] = line.split('\t');
  switch (kind) {
    case 'made':
      return { kind, number: Number(first), path };
    case 'synced':
      return { kind, size: Number(first), written: Number(path), path: last };
    case 'renamed':
      return { kind, from: first, path };
    case 'removed':
      return { kind, path: first };
    default:
      throw new Error(`no note is like ${line}`);
  }
}
