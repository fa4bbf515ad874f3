/** What of a queue may be in memory: bounded for one session, and for all of them together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN } from '../../src/session/contracts.js';
import { Delivery } from '../../src/session/inflight.js';
import { OutgoingQueue } from '../../src/session/outgoing-queue.js';
import { Tally } from '../../src/session/tally.js';

const KIBIBYTE = 1_024;
const ALL_WINDOWS = 64 * KIBIBYTE * KIBIBYTE;

/** A queue on a shelf of so many messages. */
function queueOf(shelved: number, tally = new Tally()): OutgoingQueue {
  const limits = {
    maxInflight: 10,
    maxQueuedMessages: Infinity,
    maxQueuedBytes: Infinity,
    maxTotalQueuedMessages: Infinity,
    maxTotalQueuedBytes: Infinity,
    whenQueueFull: 'drop-newest',
  } as const;
  const queue = new OutgoingQueue(limits, tally);
  for (let i = 0; i < shelved; i++) queue.pushShelved(KIBIBYTE);
  return queue;
}

const delivery = (size: number): Delivery => new Delivery(undefined, 1, false, PLAIN, size);

test('more is read while the window and what was read are low, and more lies behind that', () => {
  const queue = queueOf(2_000);
  assert.equal(queue.wanted(0), 512);
  assert.equal(queue.wanted(256), 512);
  assert.equal(queue.wanted(257), 0);
  assert.equal(queueOf(100).wanted(99), 512);
  assert.equal(queueOf(100).wanted(100), 0);
  for (let i = 0; i < 200; i++) queue.taken(delivery(1));
  assert.equal(queue.wanted(56), 512);
  assert.equal(queue.wanted(57), 0);
});

test('bytes that were read count as those of the window: half of what one may have is enough', () => {
  const queue = queueOf(2_000);
  queue.taken(delivery(256 * KIBIBYTE));
  queue.read(256 * KIBIBYTE);
  assert.equal(queue.wanted(1), 512);
  queue.read(1);
  assert.equal(queue.wanted(1), 0);
  queue.read(-1);
  assert.equal(queue.wanted(1), 512);
});

test('where all windows together are full a queue has a few in memory, and what was read counts as they do', () => {
  const tally = new Tally();
  const [one, other] = [queueOf(2_000, tally), queueOf(2_000, tally)];
  one.read(ALL_WINDOWS - 1);
  assert.equal(other.wanted(0), 512);
  other.taken(delivery(1));
  assert.equal(other.wanted(0), 63);
  assert.equal(other.wanted(40), 23);
  assert.equal(other.wanted(63), 0);
  one.read(1 - ALL_WINDOWS);
  other.clear();
  assert.equal(tally.windowBytes, 0);
});
