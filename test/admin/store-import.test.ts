/** Import: whatever is wrong with a line is said in one sentence with its number, and nothing is taken. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { ImportError } from '../../src/admin/store/import.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import { MemoryStorage } from '../../src/testing.js';
import { exported, imported } from './text.js';

const HEADER = '{"posmq":"store","format":2}';
const END = '{"posmq":"end"}';
const session = { type: 'session', clientId: 'ann', createdAt: '2026-01-01T00:00:00.000Z', expiryInterval: 60 };
const message = { topic: 'a', payload: 'x', qos: 1 };
const queued = { type: 'queued', clientId: 'ann', order: 5, qos: 1, message };
const will = { type: 'will', clientId: 'ann', expiryInterval: 1, will: message };

function text(...lines: readonly (object | string)[]): string {
  return [HEADER, ...lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))), END].join('\n');
}

async function refuses(of: string | Buffer, sentence: string): Promise<void> {
  const storage = new MemoryStorage();
  await assert.rejects(imported(of, storage), (error) => {
    assert.ok(error instanceof ImportError, String(error));
    assert.equal(error.message, sentence);
    return true;
  });
  assert.equal(await storage.get(keys.key(Kind.Format)), undefined);
}

test('a line need only say what differs from what is usual', async () => {
  const { text: again } = await exported(await imported(text(session, queued, { type: 'retained', message })));
  const whole = { ...message, retain: false };
  assert.equal(
    again.trimEnd(),
    text(session, { ...queued, retain: false, message: undefined }, { type: 'retained', message: whole })
      .replace('"retain":false}', `"retain":false,"message":${JSON.stringify(whole)}}`)
      .trimEnd(),
  );
});

const SAME = ' before it';
const lines: readonly (readonly [lines: readonly (object | string)[], sentence: string])[] = [
  [['{'], 'line 2: it is no JSON'],
  [[''], 'line 2: it is no JSON'],
  [['[1]'], 'line 2: it must be an object'],
  [[{}], 'line 2: type must be a string'],
  [[{ type: 'x' }], 'line 2: the type "x" is unknown'],
  [[{ posmq: 'x' }], 'line 2: this is neither a record nor the last line'],
  [[END], 'line 3: nothing may follow the last line'],
  [[session, session], 'line 3: there are two sessions of "ann"'],
  [[{ ...session, clientId: '' }], 'line 2: clientId must not be empty'],
  [[{ ...session, clientId: 7 }], 'line 2: clientId must be a string'],
  [[{ ...session, clientId: 'a\0' }], 'line 2: clientId must be a string'],
  [[{ ...session, clientId: '\ud800' }], 'line 2: clientId must be a string'],
  [[{ ...session, clientId: 'ü'.repeat(32_768) }], 'line 2: clientId has more than 65535 bytes'],
  [[{ ...session, createdAt: 1 }], 'line 2: createdAt must be a time such as 2026-01-31T12:00:00.000Z'],
  [[{ ...session, createdAt: '2026-13-01T00:00:00Z' }], 'line 2: createdAt must be a time such as 2026-01-31T12:00:00.000Z'],
  [[{ ...session, expiryInterval: 0.5 }], 'line 2: expiryInterval must be a whole number between 0 and 4294967295'],
  [[{ ...session, nick: 'x' }], 'line 2: "nick" is unknown'],
  [[{ ...session, subscriptions: {} }], 'line 2: subscriptions must be a list'],
  [[{ ...session, subscriptions: [{ filter: 'a' }] }], 'line 2: subscriptions[0].qos must be a whole number between 0 and 2'],
  [[{ ...session, subscriptions: [{ filter: 'a#', qos: 0 }] }], 'line 2: "a#" is no Topic Filter'],
  [[{ ...session, subscriptions: [{ filter: '$share/g', qos: 0 }] }], 'line 2: "$share/g" is no Topic Filter'],
  [[{ ...session, subscriptions: [{ filter: 'a', qos: 0, rap: true }] }], 'line 2: "subscriptions[0].rap" is unknown'],
  [
    [
      {
        ...session,
        subscriptions: [
          { filter: 'a', qos: 0 },
          { filter: 'a', qos: 1 },
        ],
      },
    ],
    'line 2: two subscriptions have one filter',
  ],
  [[{ ...session, received: [0] }], 'line 2: received[0] must be a whole number between 1 and 65535'],
  [[{ ...session, released: [3, 3] }], 'line 2: released has a Packet Identifier twice'],
  [[queued], `line 2: there is no session of "ann"${SAME}`],
  [[session, queued, queued], 'line 4: order 5 does not come after 5'],
  [[session, { ...queued, order: 2 ** 48 }], 'line 3: order must be a whole number between 1 and 140737488355328'],
  [[session, { ...queued, qos: 0 }], 'line 3: qos must be a whole number between 1 and 2'],
  [[session, { ...queued, message: undefined }], `line 3: it has no message, and there is none of order 5${SAME}`],
  [[session, { ...queued, share: 'a' }], 'line 3: "a" is no Shared Subscription'],
  [[session, { ...queued, identifiers: [0] }], 'line 3: identifiers[0] must be a whole number between 1 and 268435455'],
  [[session, { ...queued, packetId: 0 }], 'line 3: packetId must be a whole number between 1 and 65535'],
  [
    [
      { ...session, released: [4] },
      { ...queued, packetId: 4 },
    ],
    'line 3: packetId 4 is in use by "ann" already',
  ],
  [[session, { ...queued, packetId: 4 }, { ...queued, order: 6, packetId: 4 }], 'line 4: packetId 4 is in use by "ann" already'],
  [
    [
      { type: 'message', order: 5, message },
      { type: 'message', order: 5, message },
    ],
    'line 3: order 5 does not come after 5',
  ],
  [[{ type: 'retained' }], 'line 2: message must be an object'],
  [[{ type: 'retained', message: { ...message, topic: '+' } }], 'line 2: "+" is no Topic Name'],
  [[{ type: 'retained', message: { ...message, payload: undefined } }], 'line 2: a message has either payload or payloadBase64'],
  [[{ type: 'retained', message: { ...message, payloadBase64: '' } }], 'line 2: a message has either payload or payloadBase64'],
  [
    [{ type: 'retained', message: { ...message, payload: undefined, payloadBase64: '?' } }],
    'line 2: message.payloadBase64 must be a string in base64',
  ],
  [[{ type: 'retained', message: { ...message, payload: '\ud800' } }], 'line 2: message.payload must be a string'],
  [[{ type: 'retained', message: { ...message, retain: 1 } }], 'line 2: message.retain must be true or false'],
  [
    [{ type: 'retained', message: { ...message, expiresAt: 'never' } }],
    'line 2: message.expiresAt must be a time such as 2026-01-31T12:00:00.000Z',
  ],
  [[{ type: 'retained', message: { ...message, properties: { topicAlias: 1 } } }], 'line 2: "message.properties.topicAlias" is unknown'],
  [
    [{ type: 'retained', message: { ...message, properties: { userProperties: [['a']] } } }],
    'line 2: message.properties.userProperties[0] must be a list of a name and a value',
  ],
  [
    [{ type: 'retained', message: { ...message, properties: { correlationData: Buffer.alloc(65_536).toString('base64') } } }],
    'line 2: correlationData has more than 65535 bytes',
  ],
  [
    [
      { type: 'retained', message },
      { type: 'retained', message },
    ],
    'line 3: there are two retained messages of "a"',
  ],
  [[will, will], 'line 3: there are two Wills of "ann"'],
];

describe('a line is refused', () => {
  for (const [given, sentence] of lines) it(sentence.replace(/^line \d+: /, ''), () => refuses(text(...given), sentence));
});

const files: readonly (readonly [what: string, text: string | Buffer, sentence: string])[] = [
  ['an empty file', '', 'there is nothing to import'],
  ['a file of something else', '{"a":1}\n', 'line 1: this is no export of a store'],
  ['an export of another version', '{"posmq":"store","format":3}\n', 'line 1: the export is of version 3, this PosMQ reads version 2'],
  [
    'an export that was cut off behind a line',
    `${HEADER}\n${JSON.stringify(session)}\n`,
    'the last line is missing: what is behind line 2 was cut off',
  ],
  ['an export that was cut off in a line', `${HEADER}\n${JSON.stringify(session).slice(0, -3)}`, 'line 2: it is no JSON'],
  ['what is no UTF-8', Buffer.from([0x7b, 0xff, 0x0a]), 'line 1: it is no UTF-8'],
];

for (const [what, of, sentence] of files) test(`${what} is refused`, () => refuses(of, sentence));

test('large imports are committed in batches, and marked as whole only with the last', async () => {
  let commits = 0;
  const storage = new MemoryStorage();
  const commit = storage.commit.bind(storage);
  storage.commit = async () => {
    commits++;
    if (commits < 4) assert.equal(await storage.get(keys.key(Kind.Format)), undefined);
    await commit();
  };
  const payload = 'x'.repeat(1 << 20);
  const many = Array.from({ length: 6 }, (_, i) => ({ ...queued, order: i + 1, message: { ...message, payload } }));
  await imported(text(session, ...many), storage, 100_000);
  assert.equal(commits, 3);
  assert.deepEqual(await storage.get(keys.key(Kind.Format)), Buffer.of(keys.FORMAT));
});
