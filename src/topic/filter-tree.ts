/** Topic Filters and the values kept under them, searched by Topic Name. */

import { hasWildcard, isServerTopic, matches } from './name.js';

/**
 * How many levels are spread out into nodes. A filter is 65,536 levels at most and a node is a hundred times the size
 * of a level, so a deeper filter is kept whole, with the others that share its first levels.
 */
const DEPTH = 16;

export class FilterTree<T> {
  readonly #filters = new Map<string, Bucket<T>>(); // every filter; the tree only finds those with a wildcard
  readonly #root = new Node<T>();
  #size = 0;

  /** How many values there are; one that is kept under two filters counts twice. */
  get size(): number {
    return this.#size;
  }

  /** Keeps a value under a valid filter; a value that is there already stays where it is. */
  add(filter: string, value: T): void {
    let bucket = this.#filters.get(filter);
    if (bucket === undefined) {
      bucket = new Bucket(value);
      this.#filters.set(filter, bucket);
      if (hasWildcard(filter)) this.#plant(filter, bucket);
      this.#size++;
    } else if (!bucket.has(value)) {
      bucket.add(value);
      this.#size++;
    }
  }

  /** Says whether the value was there. */
  remove(filter: string, value: T): boolean {
    const bucket = this.#filters.get(filter);
    if (bucket === undefined || !bucket.has(value)) return false;
    if (bucket.size > 1) {
      bucket.delete(value);
    } else {
      this.#filters.delete(filter);
      if (hasWildcard(filter)) this.#uproot(filter);
    }
    this.#size--;
    return true;
  }

  /** Appends the values of every filter that matches a valid Topic Name, filter by filter, each oldest first. */
  match(topic: string, into: T[]): void {
    this.#filters.get(topic)?.pour(into); // a name has no wildcard, so this is the filter that is equal to it

    const reached = [this.#root]; // what was reached level by level; from `at` on, by the levels before `from`
    let wild = !isServerTopic(topic); // [MQTT-4.7.2-1]
    let from = 0;
    for (let at = 0; at < reached.length; wild = true) {
      const over = from > topic.length;
      const slash = topic.indexOf('/', from);
      const to = slash === -1 ? topic.length : slash;
      const level = topic.slice(from, to);
      from = to + 1;
      for (const end = reached.length; at < end; at++) {
        const node = reached[at]!;
        if (wild) node.rest?.pour(into);
        if (node.deep !== undefined) pourMatching(node.deep, topic, into);
        if (over) {
          node.here?.pour(into);
          continue;
        }
        const child = node.named(level);
        if (child !== undefined) reached.push(child);
        if (wild && node.plus !== undefined) reached.push(node.plus);
      }
    }
  }

  #plant(filter: string, bucket: Bucket<T>): void {
    const levels = filter.split('/', DEPTH + 1);
    let node = this.#root;
    for (const level of levels.slice(0, DEPTH)) {
      if (level === '#') {
        node.rest = bucket;
        return;
      }
      node = node.grow(level);
    }
    if (levels.length > DEPTH) node.deep = (node.deep ?? new Map<string, Bucket<T>>()).set(filter, bucket);
    else node.here = bucket;
  }

  #uproot(filter: string): void {
    const levels = filter.split('/', DEPTH + 1);
    const path: { readonly parent: Node<T>; readonly level: string; readonly node: Node<T> }[] = [];
    let node = this.#root;
    for (const level of levels.slice(0, DEPTH)) {
      const child = level === '#' ? undefined : node.child(level);
      if (child === undefined) break;
      path.push({ parent: node, level, node: child });
      node = child;
    }
    if (path.length < DEPTH && levels[path.length] === '#') {
      node.rest = undefined;
    } else if (levels.length > DEPTH) {
      node.deep?.delete(filter);
      if (node.deep?.size === 0) node.deep = undefined;
    } else {
      node.here = undefined;
    }
    for (let step = path.pop(); step?.node.empty; step = path.pop()) step.parent.drop(step.level);
  }
}

/** The end of some levels: the filters that end here and the ways on from here. */
class Node<T> {
  here: Bucket<T> | undefined = undefined; // the filter that is these levels
  rest: Bucket<T> | undefined = undefined; // the filter that is these levels and `#`, which matches them alone as well
  deep: Map<string, Bucket<T>> | undefined = undefined; // the filters that go on below the last depth
  plus: Node<T> | undefined = undefined;
  // One way on alone is held bare: a Map for it would be half of the tree of a fleet whose terminals subscribe to topics of their own.
  #level: string | undefined = undefined;
  #only: Node<T> | undefined = undefined;
  #children: Map<string, Node<T>> | undefined = undefined;

  get empty(): boolean {
    return (
      this.here === undefined &&
      this.rest === undefined &&
      this.deep === undefined &&
      this.plus === undefined &&
      this.#only === undefined &&
      this.#children === undefined
    );
  }

  child(level: string): Node<T> | undefined {
    return level === '+' ? this.plus : this.named(level);
  }

  /** The way on by a level of a Topic Name. */
  named(level: string): Node<T> | undefined {
    if (this.#children !== undefined) return this.#children.get(level);
    return this.#level === level ? this.#only : undefined;
  }

  grow(level: string): Node<T> {
    const child = this.child(level);
    if (child !== undefined) return child;
    const grown = new Node<T>();
    if (level === '+') {
      this.plus = grown;
    } else if (this.#children !== undefined) {
      this.#children.set(level, grown);
    } else if (this.#only === undefined) {
      this.#level = level;
      this.#only = grown;
    } else {
      this.#children = new Map([
        [this.#level!, this.#only],
        [level, grown],
      ]);
      this.#level = this.#only = undefined;
    }
    return grown;
  }

  drop(level: string): void {
    if (level === '+') this.plus = undefined;
    else if (this.#children === undefined) this.#level = this.#only = undefined;
    else if (this.#children.delete(level) && this.#children.size === 0) this.#children = undefined;
  }
}

/** The values of one filter, never none. One alone is held bare, because most filters have a single subscriber. */
class Bucket<T> {
  #only: T | undefined;
  #several: Set<T> | undefined = undefined;

  constructor(value: T) {
    this.#only = value;
  }

  get size(): number {
    return this.#several === undefined ? 1 : this.#several.size;
  }

  has(value: T): boolean {
    return this.#several === undefined ? this.#only === value : this.#several.has(value);
  }

  add(value: T): void {
    if (this.#several === undefined) {
      this.#several = new Set([this.#only!]);
      this.#only = undefined;
    }
    this.#several.add(value);
  }

  delete(value: T): void {
    this.#several?.delete(value);
    if (this.#several?.size === 1) {
      [this.#only] = this.#several;
      this.#several = undefined;
    }
  }

  pour(into: T[]): void {
    if (this.#several === undefined) into.push(this.#only!);
    else for (const value of this.#several) into.push(value);
  }
}

function pourMatching<T>(deep: ReadonlyMap<string, Bucket<T>>, topic: string, into: T[]): void {
  for (const [filter, bucket] of deep) {
    if (matches(filter, topic)) bucket.pour(into);
  }
}
