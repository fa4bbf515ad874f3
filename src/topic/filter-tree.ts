/** Topic Filters and the values kept under them, searched by Topic Name. */

import { hasWildcard, isServerTopic, matches } from './name.js';

/**
 * How many levels are spread out into nodes. A filter is 65,536 levels at most and a node is a hundred times the size
 * of a level, so a deeper filter is kept whole, with the others that share its first levels.
 */
const DEPTH = 16;

export class FilterTree<T> {
  readonly #exact = new Map<string, Bucket<T>>(); // the filters without a wildcard, each found by the topic that is equal to it
  readonly #wild = new Map<string, Bucket<T>>(); // those with one, which the tree finds
  readonly #root = new Node<T>();
  #size = 0;

  /** How many values there are; one that is kept under two filters counts twice. */
  get size(): number {
    return this.#size;
  }

  /** Keeps a value under a valid filter; a value that is there already stays where it is. */
  add(filter: string, value: T): void {
    const isWild = hasWildcard(filter);
    const filters = isWild ? this.#wild : this.#exact;
    let bucket = filters.get(filter);
    if (bucket === undefined) {
      bucket = new Bucket(value);
      filters.set(filter, bucket);
      if (isWild) this.#plant(filter, bucket);
      this.#size++;
    } else if (!bucket.has(value)) {
      bucket.add(value);
      this.#size++;
    }
  }

  /** Says whether the value was there. */
  remove(filter: string, value: T): boolean {
    const isWild = hasWildcard(filter);
    const filters = isWild ? this.#wild : this.#exact;
    const bucket = filters.get(filter);
    if (bucket === undefined || !bucket.has(value)) return false;
    if (bucket.size > 1) {
      bucket.delete(value);
    } else {
      filters.delete(filter);
      if (isWild) this.#uproot(filter);
    }
    this.#size--;
    return true;
  }

  /** Appends the values of every filter that matches a valid Topic Name, filter by filter, each oldest first. */
  match(topic: string, into: T[]): void {
    if (this.#exact.size > 0) this.#exact.get(topic)?.pour(into);
    if (this.#wild.size > 0) pourBelow(this.#root, topic, 0, !isServerTopic(topic), into); // [MQTT-4.7.2-1]
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
    return this.here === undefined && this.rest === undefined && this.deep === undefined && this.isEnd;
  }

  /** Whether no way goes on from here. */
  get isEnd(): boolean {
    return this.plus === undefined && this.#only === undefined && this.#children === undefined;
  }

  child(level: string): Node<T> | undefined {
    if (level === '+') return this.plus;
    if (this.#children !== undefined) return this.#children.get(level);
    return this.#level === level ? this.#only : undefined;
  }

  /** The way on by the level of a Topic Name at `topic[from, to)`. */
  next(topic: string, from: number, to: number): Node<T> | undefined {
    if (this.#children !== undefined) return this.#children.get(topic.slice(from, to));
    const level = this.#level;
    return level !== undefined && level.length === to - from && topic.slice(from, to) === level ? this.#only : undefined;
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

/** Appends what matches of a node that the levels before `from` led to; nodes are {@link DEPTH} deep at most. */
function pourBelow<T>(start: Node<T>, topic: string, from: number, wild: boolean, into: T[]): void {
  for (let node = start; ; wild = true) {
    if (wild && node.rest !== undefined) node.rest.pour(into);
    if (node.deep !== undefined) pourMatching(node.deep, topic, into);
    if (from > topic.length) {
      if (node.here !== undefined) node.here.pour(into);
      return;
    }
    if (node.isEnd) return;
    const slash = topic.indexOf('/', from);
    const to = slash === -1 ? topic.length : slash;
    const named = node.next(topic, from, to);
    const plus = wild ? node.plus : undefined;
    from = to + 1;
    if (named !== undefined) {
      if (plus !== undefined) pourBelow(plus, topic, from, true, into);
      node = named;
    } else if (plus !== undefined) {
      node = plus;
    } else {
      return;
    }
  }
}

function pourMatching<T>(deep: ReadonlyMap<string, Bucket<T>>, topic: string, into: T[]): void {
  for (const [filter, bucket] of deep) {
    if (matches(filter, topic)) bucket.pour(into);
  }
}
