/** Topic Names and the value kept under each, searched by Topic Filter. */

import { hasWildcard, matches } from './name.js';

/**
 * How many levels are spread out into nodes. A name is 65,536 levels at most and a node is a hundred times the size of
 * a level, so a deeper name is kept whole, with the others that share its first levels.
 */
const DEPTH = 16;

export class NameTree<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #root = new Node<T>();
  #births = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): T | undefined {
    return this.#entries.get(name)?.value;
  }

  /** Keeps a value under a valid name and returns the one it replaced. */
  set(name: string, value: T): T | undefined {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      const replaced = entry.value;
      entry.value = value;
      return replaced;
    }
    const fresh = { name, birth: ++this.#births, value };
    this.#entries.set(name, fresh);
    this.#plant(fresh);
    return undefined;
  }

  /** Returns the value that was there. */
  delete(name: string): T | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    this.#uproot(name);
    return entry.value;
  }

  /**
   * Yields the values whose names match a valid filter, each name once. The tree may change between two steps: a name
   * that was there at the first step and was not deleted since is yielded, with the value it has by then; one that
   * came (or came back) later is not.
   */
  *match(filter: string): Generator<T, void, undefined> {
    if (!hasWildcard(filter)) {
      const entry = this.#entries.get(filter);
      if (entry !== undefined) yield entry.value;
      return;
    }
    // The tree narrows down which names can match; that each does is for `matches` to say. A stack of Map iterators
    // stays right under changes: a node with an old name below it is never taken out, what is taken out has no names.
    const lastBirth = this.#births;
    const levels = filter.split('/', DEPTH);
    const open: Iterator<Node<T>, undefined>[] = [[this.#root].values()];
    for (let nodes = open.at(-1); nodes !== undefined; nodes = open.at(-1)) {
      const node = nodes.next().value;
      if (node === undefined) {
        open.pop();
        continue;
      }
      const entry = node.entry;
      if (entry !== undefined && entry.birth <= lastBirth && matches(filter, entry.name)) yield entry.value;
      if (node.deep !== undefined) {
        for (const deep of node.deep.values()) {
          if (deep.birth <= lastBirth && matches(filter, deep.name)) yield deep.value;
        }
      }
      if (node.children !== undefined) open.push(candidates(node.children, levels, open.length - 1));
    }
  }

  #plant(entry: Entry<T>): void {
    const levels = entry.name.split('/', DEPTH + 1);
    let node = this.#root;
    for (const level of levels.slice(0, DEPTH)) node = node.grow(level);
    if (levels.length > DEPTH) node.deep = (node.deep ?? new Map<string, Entry<T>>()).set(entry.name, entry);
    else node.entry = entry;
  }

  #uproot(name: string): void {
    const levels = name.split('/', DEPTH + 1);
    const path: { readonly parent: Node<T>; readonly level: string; readonly node: Node<T> }[] = [];
    let node = this.#root;
    for (const level of levels.slice(0, DEPTH)) {
      const child = node.children?.get(level);
      if (child === undefined) break;
      path.push({ parent: node, level, node: child });
      node = child;
    }
    if (levels.length > DEPTH) {
      node.deep?.delete(name);
      if (node.deep?.size === 0) node.deep = undefined;
    } else {
      node.entry = undefined;
    }
    for (let step = path.pop(); step?.node.empty; step = path.pop()) step.parent.drop(step.level);
  }
}

interface Entry<T> {
  readonly name: string;
  readonly birth: number; // grows with every name that comes, so that a search knows what came after it began
  value: T;
}

/** The end of some levels: the names that end here and the ways on from here. */
class Node<T> {
  entry: Entry<T> | undefined = undefined; // the name that is these levels
  deep: Map<string, Entry<T>> | undefined = undefined; // the names that go on below the last depth
  children: Map<string, Node<T>> | undefined = undefined;

  get empty(): boolean {
    return this.entry === undefined && this.deep === undefined && this.children === undefined;
  }

  grow(level: string): Node<T> {
    const child = this.children?.get(level);
    if (child !== undefined) return child;
    const grown = new Node<T>();
    this.children = (this.children ?? new Map<string, Node<T>>()).set(level, grown);
    return grown;
  }

  drop(level: string): void {
    if (this.children?.delete(level) && this.children.size === 0) this.children = undefined;
  }
}

/** The children, at a depth, under which names that match a filter can be. */
function candidates<T>(children: ReadonlyMap<string, Node<T>>, levels: readonly string[], depth: number): Iterator<Node<T>, undefined> {
  const level = levels[depth];
  if (level === '+' || (depth >= levels.length - 1 && levels.at(-1) === '#')) return children.values();
  const child = level === undefined ? undefined : children.get(level);
  return (child === undefined ? [] : [child]).values();
}
