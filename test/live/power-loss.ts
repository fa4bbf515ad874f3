/** What a disk has kept of a folder when its power was lost, played from the notes that power-loss.c took. */
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Random } from '../fuzz/random.js';

type Fact =
  | { readonly kind: 'made'; readonly number: number; readonly path: string }
  | { readonly kind: 'synced'; readonly bytes: number; readonly path: string }
  | { readonly kind: 'renamed'; readonly from: string; readonly path: string }
  | { readonly kind: 'removed'; readonly path: string };

/**
 * Writes the folder anew as a journaling file system (ext4, XFS) could leave it. Names change in the order in which they were changed: up to
 * the last sync of anything they are certain, of what came after a beginning may have been written. Of a file the bytes are certain that it
 * had when it was last synced; the rest is gone, or a beginning of it is there, or zeroes in its place.
 */
export function losePower(notes: string, target: string, random: Random): void {
  const facts = readFileSync(join(notes, 'notes'), 'utf8').split('\n').slice(0, -1).map(factOf);
  const certain = facts.map(({ kind }) => kind).lastIndexOf('synced') + 1;
  const written = certain + random.below(facts.length - certain + 1);
  const names = new Map<string, number>();
  const synced = new Map<number, number>();
  for (const fact of facts.slice(0, written)) {
    switch (fact.kind) {
      case 'made':
        names.set(fact.path, fact.number);
        break;
      case 'synced': {
        const number = names.get(fact.path);
        if (number !== undefined) synced.set(number, fact.bytes);
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
    const copy = join(target, basename(path));
    copyFileSync(join(notes, String(number)), copy);
    const bytes = synced.get(number) ?? 0;
    const more = statSync(copy).size - bytes;
    const fate = random.pick(['gone', 'begun', 'zeroes'] as const);
    const beginning = fate === 'begun' ? random.below(more + 1) : 0;
    truncateSync(copy, bytes + beginning);
    if (fate === 'zeroes') truncateSync(copy, bytes + random.below(more + 1));
  }
}

function factOf(line: string): Fact {
  const [kind, first = '', path = ''] = line.split('\t');
  switch (kind) {
    case 'made':
      return { kind, number: Number(first), path };
    case 'synced':
      return { kind, bytes: Number(first), path };
    case 'renamed':
      return { kind, from: first, path };
    case 'removed':
      return { kind, path: first };
    default:
      throw new Error(`no note is like ${line}`);
  }
}
