/** Topic Filters and the values kept under them, searched by Topic Name. */

import { HASH, hasWildcard, isServerTopic, matches, SLASH } from './name.js';

/**
 * How many levels are spread out into nodes. A filter is 65,536 levels at most and a node is a hundred times the size
 * of a level, so a deeper filter is kept whole, with the others that share its first levels.
 */
const DEPTH = 16;

export class FilterTree<T> {
  readonly #exact = new Map<string, Bucket<T>>(); // the filters without a wildcard, each found by the topic that is equal to it
  readonly #root = new Node<T>(''); // those with one
  #size = 0;

  /** How many values there are; one that is kept under two filters counts twice. */
  get size(): number {
    return this.#size;
  }

  /** Keeps a value under a valid filter; a value that is there already stays where it is. */
  add(filter: string, value: T): void {
    if (hasWildcard(filter) ? plant(this.#root, filter, value) : addTo(this.#exact, filter, value)) this.#size++;
  }

  /** Says whether the value was there. */
  remove(filter: string, value: T): boolean {
    const wasThere = hasWildcard(filter) ? uproot(this.#root, filter, 0, 0, value) : removeFrom(this.#exact, filter, value);
    if (wasThere) this.#size--;
    return wasThere;
  }

  /** Appends the values of every filter that matches a valid Topic Name, filter by filter, each oldest first. */
  match(topic: string, into: T[]): void {
    if (this.#exact.size > 0) this.#exact.get(topic)?.pour(into);
    pourBelow(this.#root, topic, 0, !isServerTopic(topic), into); // [MQTT-4.7.2-1]
  }
}

/** The end of some levels: the filters that end here and the ways on from here. */
class Node<T> {
  here: Bucket<T> | undefined = undefined; // the filter that is these levels
  rest: Bucket<T> | undefined = undefined; // the filter that is these levels and `#`, which matches them alone as well
  deep: Map<string, Bucket<T>> | undefined = undefined; // the filters that go on below the last depth
  plus: Node<T> | undefined = undefined;
  /** The last of them. */
  readonly level: string;
  // One way on alone is held bare: a Map for it would be half of the tree of a fleet whose terminals subscribe to topics of their own.
  #only: Node<T> | undefined = undefined;
  #children: Map<string, Node<T>> | undefined = undefined;

  constructor(level: string) {
    this.level = level;
  }

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
    return this.#only?.level === level ? this.#only : undefined;
  }

  /** The way on by the level of a Topic Name that begins at `from`. */
  next(topic: string, from: number): Node<T> | undefined {
    if (this.#children !== undefined) return this.#children.get(topic.slice(from, endOfLevel(topic, from)));
    const only = this.#only;
    return only !== undefined && standsAt(from, only.level, topic) ? only : undefined;
  }

  grow(level: string): Node<T> {
    const child = this.child(level);
    if (child !== undefined) return child;
    const grown = new Node<T>(level);
    if (level === '+') {
      this.plus = grown;
    } else if (this.#children !== undefined) {
      this.#children.set(level, grown);
    } else if (this.#only === undefined) {
      this.#only = grown;
    } else {
      this.#children = new Map([
        [this.#only.level, this.#only],
        [level, grown],
      ]);
      this.#only = undefined;
    }
    return grown;
  }

  drop(level: string): void {
    if (level === '+') this.plus = undefined;
    else if (this.#children === undefined) this.#only = undefined;
    else if (this.#children.delete(level) && this.#children.size === 0) this.#children = undefined;
  }
}

/** The values of one filter. One alone is held bare, because most filters have a single subscriber. */
class Bucket<T> {
  #only: T | undefined;
  #several: Set<T> | undefined = undefined;

  constructor(value: T) {
    this.#only = value;
  }

  get size(): number {
    return this.#several?.size ?? (this.#only === undefined ? 0 : 1);
  }

  /** Whether the value was not there. */
  add(value: T): boolean {
    if (this.#only === value || this.#several?.has(value) === true) return false;
    if (this.#several === undefined) {
      this.#several = new Set([this.#only!]);
      this.#only = undefined;
    }
    this.#several.add(value);
    return true;
  }

  /** Whether the value was there. */
  delete(value: T): boolean {
    if (this.#only === value) {
      this.#only = undefined;
      return true;
    }
    if (this.#several?.delete(value) !== true) return false;
    if (this.#several.size === 1) {
      [this.#only] = this.#several;
      this.#several = undefined;
    }
    return true;
  }

  pour(into: T[]): void {
    if (this.#several === undefined) into.push(this.#only!);
    else for (const value of this.#several) into.push(value);
  }
}

/** Keeps a value under a filter with a wildcard; whether it was not there. */
function plant<T>(root: Node<T>, filter: string, value: T): boolean {
  let node = root;
  let from = 0;
  for (let depth = 0; depth < DEPTH; depth++) {
    if (filter.charCodeAt(from) === HASH) {
      if (node.rest !== undefined) return node.rest.add(value);
      node.rest = new Bucket(value);
      return true;
    }
    const to = endOfLevel(filter, from);
    node = node.grow(filter.slice(from, to));
    from = to + 1;
    if (to === filter.length) {
      if (node.here !== undefined) return node.here.add(value);
      node.here = new Bucket(value);
      return true;
    }
  }
  return addTo((node.deep ??= new Map()), filter, value);
}

/** Takes a value from under what of a filter is left behind `from`, and nodes that have nothing after that; whether it was there. */
function uproot<T>(node: Node<T>, filter: string, from: number, depth: number, value: T): boolean {
  if (from > filter.length) {
    const wasThere = node.here?.delete(value) === true;
    if (node.here?.size === 0) node.here = undefined;
    return wasThere;
  }
  if (depth === DEPTH) {
    const wasThere = node.deep !== undefined && removeFrom(node.deep, filter, value);
    if (node.deep?.size === 0) node.deep = undefined;
    return wasThere;
  }
  if (filter.charCodeAt(from) === HASH) {
    const wasThere = node.rest?.delete(value) === true;
    if (node.rest?.size === 0) node.rest = undefined;
    return wasThere;
  }
  const to = endOfLevel(filter, from);
  const level = filter.slice(from, to);
  const child = node.child(level);
  if (child === undefined) return false;
  const wasThere = uproot(child, filter, to + 1, depth + 1, value);
  if (child.empty) node.drop(level);
  return wasThere;
}

function addTo<T>(buckets: Map<string, Bucket<T>>, filter: string, value: T): boolean {
  const bucket = buckets.get(filter);
  if (bucket !== undefined) return bucket.add(value);
  buckets.set(filter, new Bucket(value));
  return true;
}

function removeFrom<T>(buckets: Map<string, Bucket<T>>, filter: string, value: T): boolean {
  const bucket = buckets.get(filter);
  const wasThere = bucket?.delete(value) === true;
  if (bucket?.size === 0) buckets.delete(filter);
  return wasThere;
}

function endOfLevel(text: string, from: number): number {
  const slash = text.indexOf('/', from);
  return slash === -1 ? text.length : slash;
}

/** Whether this is the level of a Topic Name that begins at `from`: compared in place, which is half of looking for its end and cutting it out. */
function standsAt(from: number, level: string, topic: string): boolean {
  const to = from + level.length;
  if (to > topic.length || (to < topic.length && topic.charCodeAt(to) !== SLASH)) return false;
  for (let i = 0; i < level.length; i++) {
    if (level.charCodeAt(i) !== topic.charCodeAt(from + i)) return false;
  }
  return true;
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
    const named = node.next(topic, from);
    const plus = wild ? node.plus : undefined;
    from = (named === undefined ? endOfLevel(topic, from) : from + named.level.length) + 1;
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
