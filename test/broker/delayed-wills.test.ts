/** Wills that wait: each is published once, when its time comes or its session ends, or never. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DelayedWills } from '../../src/broker/delayed-wills.js';
import type { Session } from '../../src/session/session.js';
import { Wheel } from '../../src/util/wheel.js';

/** A session is nothing but a key here. */
const session = (clientId: string): Session => ({ clientId }) as Session;
const [ann, bob] = [session('ann'), session('bob')];

function scene(): { wheel: Wheel; wills: DelayedWills; published: string[]; delay: (session: Session, at: number) => void } {
  const wheel = new Wheel({ tick: 1, slots: 16, now: 0 });
  const wills = new DelayedWills(wheel);
  const published: string[] = [];
  return { wheel, wills, published, delay: (session, at) => wills.delay(session, at, () => published.push(session.clientId)) };
}

test('a Will is published when its time comes, and not before', () => {
  const { wheel, wills, published, delay } = scene();
  delay(ann, 100);
  delay(bob, 50);
  wheel.advance(49);
  assert.deepEqual(published, []);
  wheel.advance(50);
  assert.deepEqual(published, ['bob']);
  wheel.advance(100);
  assert.deepEqual(published, ['bob', 'ann']);
  assert.equal(wills.size, 0);
});

test('a Will that is cancelled is never published, and nothing is left of it [MQTT5-3.1.3-9]', () => {
  const { wheel, wills, published, delay } = scene();
  delay(ann, 100);
  wills.cancel(ann);
  wheel.advance(1_000);
  wills.settle(ann);
  assert.deepEqual(published, []);
  assert.deepEqual([wills.size, wheel.size], [0, 0]);
});

test('a Will is published when it is settled, and not again when its time comes [MQTT5-3.1.2-10]', () => {
  const { wheel, wills, published, delay } = scene();
  delay(ann, 100);
  wills.settle(ann);
  wills.settle(ann);
  wheel.advance(1_000);
  assert.deepEqual(published, ['ann']);
  assert.deepEqual([wills.size, wheel.size], [0, 0]);
});

test('who has no Will waiting has nothing to cancel or to settle', () => {
  const { wills, published, delay } = scene();
  delay(ann, 100);
  wills.cancel(bob);
  wills.settle(bob);
  assert.deepEqual(published, []);
  assert.equal(wills.size, 1);
});

test('all that wait are published at once when nobody is to wait any more', () => {
  const { wheel, wills, published, delay } = scene();
  delay(ann, 100);
  delay(bob, 50);
  wills.settleAll();
  assert.deepEqual(published, ['ann', 'bob']);
  assert.deepEqual([wills.size, wheel.size], [0, 0]);
});

test('a Will may wait again under its session, also from within a publication', () => {
  const { wheel, wills, published, delay } = scene();
  wills.delay(ann, 10, () => {
    published.push('first');
    delay(ann, 20);
  });
  wheel.advance(10);
  assert.equal(wills.size, 1);
  wheel.advance(20);
  assert.deepEqual(published, ['first', 'ann']);
  assert.equal(wills.size, 0);
});
