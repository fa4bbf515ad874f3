/** Messages on the terms of one connection: which bytes are everybody's, and which are one client's alone (MQTT 5.0 section 3.1.2.11). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Publish } from '../../src/packet/publish.js';
import type { Properties } from '../../src/packet/properties.js';
import { PLAIN, type Extras } from '../../src/session/contracts.js';
import { Message } from '../../src/session/message.js';
import { Terms } from '../../src/session/terms.js';

const NOW = 1_000_000;
const now = (): number => NOW;

function message(expiresAt = Infinity, text = '21.5'): Message {
  return new Message(Publish.of({ topic: 'sensors/1', payload: Buffer.from(text), qos: 1, retain: false, version: 5 }), 'ann', expiresAt);
}

const numbered: Extras = { identifiers: [7], share: undefined };
const ways: { name: string; asked: Properties; extras: Extras; expiresAt: number; told: Properties | undefined }[] = [
  { name: 'with nothing of its own', asked: {}, extras: PLAIN, expiresAt: Infinity, told: undefined },
  { name: 'with an identifier', asked: {}, extras: numbered, expiresAt: Infinity, told: { subscriptionIdentifiers: [7] } },
  { name: 'that expires', asked: {}, extras: PLAIN, expiresAt: NOW + 1_500, told: { messageExpiryInterval: 2 } },
  { name: 'that has expired', asked: {}, extras: PLAIN, expiresAt: NOW - 1, told: { messageExpiryInterval: 0 } },
  { name: 'where there are aliases', asked: { topicAliasMaximum: 1 }, extras: PLAIN, expiresAt: Infinity, told: { topicAlias: 1 } },
];

for (const { name, asked, extras, expiresAt, told } of ways) {
  test(`a message ${name} is ${told === undefined ? 'shared with' : 'laid out for'} each 5.0 client`, () => {
    const one = message(expiresAt);
    const frames = [new Terms(5, asked), new Terms(5, asked)].map((terms) => terms.frame(one, 1, extras, now));
    assert.deepEqual(frames[0]?.properties, told);
    assert.equal(frames[0] === frames[1], told === undefined);
  });
}

test('a packet may be as large as the client takes, and no larger [MQTT5-3.1.2-24]', () => {
  for (const extras of [PLAIN, numbered]) {
    const { length } = new Terms(5).frame(message(), 1, extras, now)!;
    for (const [maximumPacketSize, expected] of [
      [length, length],
      [length - 1, undefined],
    ] as const) {
      assert.equal(new Terms(5, { maximumPacketSize }).frame(message(), 1, extras, now)?.length, expected);
    }
  }
});

test('an alias that makes the packet too large is left out, and still to be told', () => {
  const large = message(Infinity, 'x'.repeat(50));
  const terms = new Terms(5, { topicAliasMaximum: 1, maximumPacketSize: large.frame(5, 1).length });
  assert.deepEqual(
    [large, message(), message(), large].map((one) => {
      const frame = terms.frame(one, 1, PLAIN, now);
      return [frame?.topic, frame?.properties?.topicAlias];
    }),
    [
      ['sensors/1', undefined],
      ['sensors/1', 1],
      ['', 1],
      ['', 1],
    ],
  );
});

test('an alias is forgotten with its connection', () => {
  const terms = new Terms(5, { topicAliasMaximum: 1 });
  terms.frame(message(), 1, PLAIN, now);
  terms.forgetAliases();
  assert.equal(terms.frame(message(), 1, PLAIN, now)?.topic, 'sensors/1');
});
