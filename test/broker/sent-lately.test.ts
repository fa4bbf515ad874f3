/** What was sent lately: who is told of it two beats later, and that what is settled is not held until then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Filed } from '../../src/broker/filed.js';
import { SentLately } from '../../src/broker/sent-lately.js';
import { PLAIN } from '../../src/session/contracts.js';
import { Delivery } from '../../src/session/inflight.js';
import { runs } from '../util/runs.js';

/** A delivery on record that was sent, of a session. */
function sentOf(number: number, sequence: number): Delivery {
  return Object.assign(new Delivery(undefined, 1, false, PLAIN, 10), { number, sequence, packetId: sequence, filed: Filed.Record });
}

function settle(delivery: Delivery): void {
  delivery.filed &= ~Filed.Record;
}

test('what is still in flight is told at the second beat, once, in the order it was sent', () => {
  const lately = new SentLately();
  const [one, two, three] = [sentOf(1, 1), sentOf(1, 2), sentOf(1, 3)];
  for (const delivery of [one, two, three]) lately.add(delivery);
  assert.deepEqual(lately.beat(), []);
  settle(two);
  assert.deepEqual(lately.beat(), [one, three]);
  assert.deepEqual(lately.beat(), []);
  assert.equal(lately.size, 0);
});

test('what is on record as sent meanwhile, or under its identifier, is told no more', () => {
  const lately = new SentLately();
  const [sent, addressed, open] = [sentOf(1, 1), sentOf(1, 2), sentOf(1, 3)];
  for (const delivery of [sent, addressed, open]) lately.add(delivery);
  sent.filed |= Filed.Sent;
  addressed.filed |= Filed.Addressed;
  lately.beat();
  assert.deepEqual(lately.beat(), [open]);
});

test('those of one session are taken out, of this beat and the one before, and those of others stay', () => {
  const lately = new SentLately();
  const [before, settled, now, other] = [sentOf(1, 1), sentOf(1, 2), sentOf(1, 3), sentOf(2, 4)];
  lately.add(before);
  lately.add(settled);
  lately.beat();
  lately.add(now);
  lately.add(other);
  settle(settled);
  assert.deepEqual(lately.take(1), [before, now]);
  assert.deepEqual(lately.take(1), []);
  assert.equal(lately.size, 1);
  lately.beat();
  assert.deepEqual(lately.beat(), [other]);
});

test('what is settled is let go of before a beat: no more is held than twice what is in flight, and a few', () => {
  const lately = new SentLately();
  const window: Delivery[] = [];
  for (let i = 1; i <= 100_000; i++) {
    const delivery = sentOf(1, i);
    lately.add(delivery);
    window.push(delivery);
    if (window.length > 200) settle(window.shift()!);
    if (lately.size > 2 * 201 + 1) assert.fail(`${lately.size} are held of ${window.length} in flight`);
  }
  assert.ok(lately.size >= 200);
  lately.beat();
  assert.deepEqual(lately.beat(), window);
});

test('whatever is sent, settled, taken out and beaten, all that is unsettled is told, and nothing else', () => {
  const step = fc.oneof(
    { weight: 200, arbitrary: fc.record({ does: fc.constant('send' as const), session: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 150, arbitrary: fc.record({ does: fc.constant('settle' as const), which: fc.nat() }) },
    { weight: 5, arbitrary: fc.record({ does: fc.constant('beat' as const) }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('take' as const), session: fc.integer({ min: 1, max: 3 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1_500, size: 'max' }), (steps) => {
      const lately = new SentLately();
      let now: Delivery[] = [];
      let before: Delivery[] = [];
      let sequence = 0;
      const open = (list: readonly Delivery[]): Delivery[] => list.filter(({ filed }) => filed === Filed.Record);
      const bySession = (a: Delivery, b: Delivery): number => a.number - b.number || a.sequence - b.sequence;
      for (const one of steps) {
        if (one.does === 'send') {
          const delivery = sentOf(one.session, ++sequence);
          now.push(delivery);
          lately.add(delivery);
        } else if (one.does === 'settle') {
          const inFlight = open([...before, ...now]);
          const delivery = inFlight[one.which % Math.max(1, inFlight.length)];
          if (delivery !== undefined) settle(delivery);
        } else if (one.does === 'take') {
          const isOf = ({ number }: Delivery): boolean => number === one.session;
          assert.deepEqual(lately.take(one.session), open([...before, ...now]).filter(isOf));
          now = now.filter((delivery) => !isOf(delivery));
          before = before.filter((delivery) => !isOf(delivery));
        } else {
          assert.deepEqual(lately.beat().sort(bySession), open(before).sort(bySession));
          before = now;
          now = [];
        }
      }
    }),
    runs(100),
  );
});
