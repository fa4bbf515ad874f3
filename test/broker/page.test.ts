/** What was read of a queue and is not taken yet: nothing of it is lost, passed or kept in memory whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { readParcel } from '../../src/broker/parcel-record.js';
import { Kind } from '../../src/broker/record-keys.js';
import type { CreateOptions } from '../../src/create.js';
import { OutgoingQueue } from '../../src/session/outgoing-queue.js';
import { expectDrained, recordsOf } from '../conversations/store.js';
import { heard } from '../storage/held.js';
import { drained, Stage, taken } from './stage.js';

/** What comes at one time, for a record. */
const TOGETHER = 32;
/** More than two pages. */
const MANY = 47 * TOGETHER;

const payloads = Array.from({ length: MANY }, (_, i) => `${i}`);

/** `bob` is away, and many messages wait for him in records of thirty-two. */
async function away(options: CreateOptions = {}): Promise<Stage> {
  const stage = await Stage.set(options);
  await stage.leave(['bob', 't']);
  for (let i = 0; i < MANY; i += TOGETHER) await stage.say('t', payloads.slice(i, i + TOGETHER)).settle();
  return stage;
}

/** Bytes that were read and are not taken, of all sessions. @returns how many, and the most there ever were. */
function watched(): { now: number; most: number } {
  const bytes = { now: 0, most: 0 };
  const original: (this: OutgoingQueue, more: number) => void = Reflect.get(OutgoingQueue.prototype, 'read');
  mock.method(OutgoingQueue.prototype, 'read', function (this: OutgoingQueue, more: number) {
    bytes.now += more;
    bytes.most = Math.max(bytes.most, bytes.now);
    original.call(this, more);
  });
  return bytes;
}

test('a queue of many pages is sent to its end, and nothing that was read stays in memory', async (t) => {
  t.after(() => mock.restoreAll());
  const bytes = watched();
  const stage = await away({ maxInflight: 7 });
  const bob = await stage.back('bob');
  assert.ok(bytes.now > 0);
  assert.equal(stage.broker.broker.session('bob')!.queuedMessages, MANY - 7);
  const sent = taken(bob).map((text) => text.split(' ')[0]);
  bob.hangUp();
  await stage.settle();
  assert.equal(bytes.now, 0);
  assert.deepEqual(sent, payloads.slice(0, 7));
  assert.deepEqual(await drained(stage, await stage.back('bob')), payloads);
  assert.equal(bytes.now, 0);
  assert.ok(bytes.most < 100_000, `${bytes.most} bytes at a time`);
  await expectDrained(stage.storage.kept);
});

/** In a delivery of a parcel: the last byte of its sequence, behind its length, flags and packet identifier. */
const LAST_OF_PLACE = 4 + 3 + 5;

/** What may be wrong with a record: how many it has, where it stands, what its last message says of that. */
const harms: readonly { readonly what: string; readonly lost: number; readonly harm: (value: Buffer) => void }[] = [
  { what: 'says it has more messages than there may be', lost: TOGETHER, harm: (value) => void (value[1] = 255) },
  { what: 'says it stands far behind where it does', lost: 0, harm: (value) => void (value[3] = 9) },
  {
    what: 'has a last message that says it stands somewhere else',
    lost: 1,
    harm: (value) => void value[readParcel(value).bounds.at(-2)! + LAST_OF_PLACE]!++,
  },
];

for (const { what, lost, harm } of harms) {
  for (const place of [0, 3, 10, 20, 40]) {
    test(`where the record ${place} of a queue ${what} all else is sent in order, also what was read behind it`, async () => {
      const stage = await away({ maxInflight: 7 });
      const { kept } = stage.storage;
      const { key, value } = (await recordsOf(kept, Kind.Delivery))[place]!;
      const harmed = Buffer.from(value);
      harm(harmed);
      assert.notDeepEqual(harmed, value);
      kept.put(key, harmed);
      await kept.commit();
      const end = (place + 1) * TOGETHER;
      const gone = payloads.slice(end - lost, end);
      assert.deepEqual(
        await drained(stage, await stage.back('bob')),
        payloads.filter((payload) => !gone.includes(payload)),
      );
      assert.equal(stage.broker.broker.stats.dropped['record-damaged'], lost);
      await expectDrained(kept);
    });
  }
}

test('the oldest are dropped of what was read and of what was not, and the rest is sent', async () => {
  const options = { maxInflight: 1, maxQueuedMessages: MANY, whenQueueFull: 'drop-oldest' } as const;
  const stage = await away(options);
  const bob = await stage.back('bob');
  const more = Array.from({ length: 800 }, (_, i) => `more ${i}`);
  for (let i = 0; i < more.length; i += TOGETHER) await stage.say('t', more.slice(i, i + TOGETHER)).settle();
  // One is in flight, and makes room for one.
  assert.equal(stage.broker.broker.stats.dropped['queue-full'], more.length - 1);
  assert.deepEqual(await drained(stage, bob), ['0', ...payloads.slice(more.length), ...more]);
  await expectDrained(stage.storage.kept);
});

test('a client that is back while the oldest are dropped is sent what was in flight, and the rest', async () => {
  const stage = await Stage.set({ maxInflight: 1, maxQueuedMessages: 12, whenQueueFull: 'drop-oldest' });
  await stage.leave(['bob', 't']);
  const early = Array.from({ length: 40 }, (_, i) => `${i}`);
  const late = Array.from({ length: 190 }, (_, i) => `late ${i}`.padEnd(6_000, '.'));
  await stage.say('t', early).settle();
  await stage.back('bob');
  stage.broker.broker.kick('bob');
  await stage.settle();
  await stage.say('t', ['one more']).settle();
  stage.say('t', late);
  await heard();
  const bob = stage.come('bob');
  const sent = await drained(stage, bob);
  assert.equal(bob.closed, false);
  assert.equal(sent.shift(), early[28]);
  assert.ok(sent.length >= 12);
  assert.deepEqual(sent, [...early, 'one more', ...late].slice(-sent.length));
});
