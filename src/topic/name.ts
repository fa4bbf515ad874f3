/** Topic Names and Topic Filters: which strings are one, and which filter matches which name. */

/** The longest name or filter, in bytes of UTF-8. */
export const MAX_LENGTH = 65_535;

const NUL = 0x00;
export const HASH = 0x23;
const DOLLAR = 0x24;
const PLUS = 0x2b;
export const SLASH = 0x2f;

export function isTopicName(s: string): boolean {
  return isText(s) && !hasWildcard(s); // [MQTT-4.7.1-1]
}

export function isTopicFilter(s: string): boolean {
  if (!isText(s)) return false;
  const hash = s.indexOf('#');
  if (hash !== -1 && (hash !== s.length - 1 || !startsLevel(s, hash))) return false; // [MQTT-4.7.1-2]
  for (let plus = s.indexOf('+'); plus !== -1; plus = s.indexOf('+', plus + 1)) {
    if (!startsLevel(s, plus) || !endsLevel(s, plus)) return false; // [MQTT-4.7.1-3]
  }
  return true;
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/** Whether a topic is of the kind that is the server's own, such as `$SYS/uptime`. */
export function isServerTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR;
}

/** `$SYS` is where a broker speaks of itself; nobody else does (MQTT 3.1.1 section 4.7.2). */
export function isSysTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR && topic.startsWith('$SYS/');
}

const SHARE = '$share/';

/** A filter and, where it is that of a Shared Subscription (`$share/group/filter`), the name of its group (MQTT 5.0 section 4.8.2). */
export interface SharedFilter {
  /** Empty where the text after `$share/` is no group and filter, so it is no Topic Filter either [MQTT5-4.8.2-1] [MQTT5-4.8.2-2]. */
  readonly filter: string;
  readonly share: string | undefined;
}

export function filterOf(text: string): SharedFilter {
  if (!text.startsWith(SHARE)) return { filter: text, share: undefined };
  const end = text.indexOf('/', SHARE.length);
  const share = text.slice(SHARE.length, end === -1 ? undefined : end);
  const isValid = end !== -1 && share !== '' && !hasWildcard(share);
  return { filter: isValid ? text.slice(end + 1) : '', share };
}

/** Levels are what separators part, so there is one more of them than there are separators. */
export function levels(s: string): number {
  let count = 1;
  for (let slash = s.indexOf('/'); slash !== -1; slash = s.indexOf('/', slash + 1)) count++;
  return count;
}

/** Whether a valid filter matches a valid name, character by character: nothing is normalised [MQTT-4.7.3-4]. */
export function matches(filter: string, topic: string): boolean {
  if (isServerTopic(topic) && !isServerTopic(filter)) return false; // [MQTT-4.7.2-1]
  let t = 0;
  for (let f = 0; f < filter.length; f++) {
    const code = filter.charCodeAt(f);
    if (code === HASH) return true;
    if (code === PLUS) {
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++;
    } else if (t === topic.length) {
      return f === filter.length - 2 && filter.endsWith('/#'); // `sport/#` matches `sport` too: section 4.7.1.2
    } else if (code !== topic.charCodeAt(t++)) {
      return false;
    }
  }
  return t === topic.length;
}

function isText(s: string): boolean {
  if (s.length === 0) return false; // [MQTT-4.7.3-1]
  let bytes = 0;
  for (let i = 0; i < s.length; i++) {
    const code = s.charCodeAt(i);
    if (code === NUL) return false; // [MQTT-4.7.3-2]
    if (code < 0x80) {
      bytes += 1;
    } else if (code < 0x800) {
      bytes += 2;
    } else if (code < 0xd800 || code > 0xdfff) {
      bytes += 3;
    } else {
      const low = s.charCodeAt(++i);
      if (code > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return false; // UTF-8 has no lone surrogates
      bytes += 4;
    }
  }
  return bytes <= MAX_LENGTH; // [MQTT-4.7.3-3]
}

function startsLevel(s: string, at: number): boolean {
  return at === 0 || s.charCodeAt(at - 1) === SLASH;
}

function endsLevel(s: string, at: number): boolean {
  return at === s.length - 1 || s.charCodeAt(at + 1) === SLASH;
}
