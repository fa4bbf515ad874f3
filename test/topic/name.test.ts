/** Topic Names and Topic Filters: what is one, and which filter matches which name. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { hasWildcard, isServerTopic, isTopicFilter, isTopicName, levels, matches, MAX_LENGTH } from '../../src/topic/name.js';
import { anyFilter, anyName, matchesByLevels } from './alphabet.js';
import { runs } from '../util/runs.js';

const BOTH = [isTopicName, isTopicFilter] as const;

test('a topic name has no wildcards [MQTT-4.7.1-1]', () => {
  for (const s of ['#', '+', 'a/#', 'a/+', '+/a', 'a+', 'a#b', '/+']) assert.equal(isTopicName(s), false, s);
  for (const s of ['a', 'a/b', '/', '//', '/a', 'a/', 'a b', '$SYS/x', '*', 'a/é/b']) assert.equal(isTopicName(s), true, s);
});

test('a multi-level wildcard must be the last character of the filter [MQTT-4.7.1-2]', () => {
  for (const s of ['#', 'sport/tennis/#', '/#', '//#', '+/#', '$SYS/#']) assert.equal(isTopicFilter(s), true, s);
  for (const s of ['sport/tennis/#/ranking', '#/', '##', '#/#', 'a/##', '#a']) assert.equal(isTopicFilter(s), false, s);
});

test('a multi-level wildcard stands alone or follows a separator [MQTT-4.7.1-2]', () => {
  for (const s of ['sport/tennis#', 'a#', ' #', '+#', 'a/b#']) assert.equal(isTopicFilter(s), false, s);
});

test('a single-level wildcard fills an entire level, at any level and several times [MQTT-4.7.1-3]', () => {
  for (const s of ['+', '+/tennis/#', 'sport/+/player1', '/+', '+/', '+/+', '+//+', 'a/+']) assert.equal(isTopicFilter(s), true, s);
  for (const s of ['sport+', '+sport', 'a/+b', 'a/b+/c', '++', '+/++', '/++/', 'a/+b/+']) assert.equal(isTopicFilter(s), false, s);
});

test('a topic is at least one character long [MQTT-4.7.3-1]', () => {
  for (const isTopic of BOTH) {
    assert.equal(isTopic(''), false);
    assert.equal(isTopic(' '), true);
    assert.equal(isTopic('/'), true);
  }
});

test('a topic has no null character [MQTT-4.7.3-2]', () => {
  for (const isTopic of BOTH) for (const s of ['\0', 'a\0', '\0a', 'a/\0/b']) assert.equal(isTopic(s), false);
});

test('a topic is at most 65,535 bytes of UTF-8 [MQTT-4.7.3-3]', () => {
  assert.equal(MAX_LENGTH, 65_535);
  for (const isTopic of BOTH) {
    for (const [character, bytes] of [
      ['a', 1],
      ['/', 1],
      ['é', 2],
      ['€', 3],
      ['\uffff', 3],
      ['😀', 4],
    ] as const) {
      const most = Math.floor(MAX_LENGTH / bytes);
      const filled = character.repeat(most) + 'x'.repeat(MAX_LENGTH - most * bytes);
      assert.equal(Buffer.byteLength(filled), MAX_LENGTH);
      assert.equal(isTopic(filled), true, character);
      assert.equal(isTopic(`${filled}x`), false, character);
    }
  }
});

test('a topic has no lone surrogates, which UTF-8 cannot say [MQTT-1.5.3-1]', () => {
  for (const isTopic of BOTH) {
    for (const s of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud83d/', 'a/\ud83d\ud83d\ude00']) assert.equal(isTopic(s), false);
    for (const s of ['😀', 'a/😀/b', '\ud800\udc00', '\udbff\udfff', '\ue000']) assert.equal(isTopic(s), true);
  }
});

test('a string is a topic name exactly if it survives UTF-8 and breaks no rule of section 4.7', () => {
  const anyString = fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '\0', 'é', '\ud83d', '\ude00', '😀'), maxLength: 6 });
  fc.assert(
    fc.property(anyString, (s) => {
      const text = s !== '' && !s.includes('\0') && Buffer.from(s).toString() === s;
      assert.equal(isTopicName(s), text && !/[+#]/u.test(s));
      assert.equal(isTopicFilter(s), text && /^(?:(?:\+|[^+#/]*)\/)*(?:\+|#|[^+#/]*)$/u.test(s));
    }),
    runs(333),
  );
});

test('a topic that starts with $ is a server topic', () => {
  assert.equal(isServerTopic('$SYS/uptime'), true);
  assert.equal(isServerTopic('$'), true);
  assert.equal(isServerTopic('a/$SYS'), false);
  assert.equal(isServerTopic('/$SYS'), false);
  assert.equal(isServerTopic(''), false);
});

test('a filter has a wildcard if it has a + or a #', () => {
  for (const s of ['#', '+', 'a/#', 'a/+/b']) assert.equal(hasWildcard(s), true, s);
  for (const s of ['a', 'a/b', '/', '$SYS']) assert.equal(hasWildcard(s), false, s);
});

test('an empty level is a level', () => {
  assert.equal(levels('a'), 1);
  assert.equal(levels('a/b'), 2);
  assert.equal(levels('/a'), 2);
  assert.equal(levels('a/'), 2);
  assert.equal(levels('a//b'), 3);
  assert.equal(levels('/'), 2);
  assert.equal(levels('/'.repeat(MAX_LENGTH)), MAX_LENGTH + 1);
});

test('a multi-level wildcard matches the parent level and any number of levels below it (section 4.7.1.2)', () => {
  expectMatches('sport/tennis/player1/#', ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/wimbledon']);
  expectMatches('sport/#', ['sport', 'sport/', 'sport/a/b'], ['sports', 'spor', '/sport', 'Sport']);
  expectMatches('#', ['sport', '/', 'a/b/c', '/finance']);
  expectMatches('/#', ['/', '/a', '//'], ['a', 'a/b']);
  expectMatches('+/#', ['a', 'a/', 'a/b', '/']);
  expectMatches('a/+/#', ['a/b', 'a/', 'a/b/c'], ['a']);
});

test('a single-level wildcard matches one level, also an empty one (section 4.7.1.3)', () => {
  expectMatches('sport/tennis/+', ['sport/tennis/player1', 'sport/tennis/player2'], ['sport/tennis/player1/ranking', 'sport/tennis']);
  expectMatches('sport/+', ['sport/', 'sport/a'], ['sport', 'sports', 'sport//']);
  expectMatches('+', ['finance'], ['/finance', 'a/']);
  expectMatches('+/+', ['/finance', '/', 'a/b'], ['finance', 'a/b/c']);
  expectMatches('/+', ['/finance', '/'], ['finance', '/a/b']);
  expectMatches('+/tennis/#', ['sport/tennis', '/tennis/x'], ['tennis', 'a/b/tennis']);
  expectMatches('sport/+/player1', ['sport/tennis/player1', 'sport//player1'], ['sport/player1', 'sport/a/b/player1']);
});

test('a filter that starts with a wildcard matches no topic that starts with $ [MQTT-4.7.2-1]', () => {
  expectMatches('#', [], ['$SYS', '$SYS/monitor/Clients', '$']);
  expectMatches('+/monitor/Clients', ['a/monitor/Clients'], ['$SYS/monitor/Clients']);
  expectMatches('+', [], ['$SYS']);
  expectMatches('$SYS/#', ['$SYS', '$SYS/monitor/Clients', '$SYS/']);
  expectMatches('$SYS/monitor/+', ['$SYS/monitor/Clients'], ['$SYS/monitor']);
  expectMatches('a/#', ['a/$SYS']);
  expectMatches('a/+', ['a/$SYS']);
  expectMatches('+/+', ['/$SYS']);
});

test('topics are compared as they are: case, spaces, slashes and Unicode forms all count [MQTT-4.7.3-4]', () => {
  expectMatches('ACCOUNTS', ['ACCOUNTS'], ['Accounts', 'ACCOUNTS ', '/ACCOUNTS', 'ACCOUNTS/']);
  expectMatches('Accounts payable', ['Accounts payable'], ['Accounts  payable']);
  expectMatches('\u00e9', ['\u00e9'], ['e\u0301']);
  expectMatches('a//b', ['a//b'], ['a/b', 'a///b']);
  expectMatches('\ufeffa', ['\ufeffa'], ['a']);
});

test('a filter matches a name exactly if their levels do, one by one', () => {
  fc.assert(
    fc.property(anyFilter, anyName, (filter, name) => {
      assert.equal(isTopicFilter(filter), true);
      assert.equal(isTopicName(name), true);
      assert.equal(matches(filter, name), matchesByLevels(filter, name));
    }),
    runs(1_000),
  );
});

test('a filter and a name of 65,536 levels are matched', () => {
  const name = '/'.repeat(MAX_LENGTH);
  assert.equal(matches(name, name), true);
  assert.equal(matches('+/'.repeat(32_767), '/'.repeat(32_767)), true);
  assert.equal(matches('+/'.repeat(32_767), name), false);
  assert.equal(matches(`${'+/'.repeat(32_767)}#`, name), true);
});

function expectMatches(filter: string, names: readonly string[], others: readonly string[] = []): void {
  for (const name of names) assert.equal(matches(filter, name), true, `${filter} matches ${name}`);
  for (const name of others) assert.equal(matches(filter, name), false, `${filter} does not match ${name}`);
}
