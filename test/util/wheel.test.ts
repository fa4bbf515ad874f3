/** The timing wheel: nothing fires early, nothing fires out of order, nothing is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Timer, Wheel } from '../../src/util/wheel.js';

const TICK = 10;
const SLOTS = 8;

function wheelAt(now: number): Wheel {
  return new Wheel({ tick: TICK, slots: SLOTS, now });
}

/** A timer that writes its name down when it fires. */
function named(name: string, fired: string[]): Timer {
  return new Timer(() => fired.push(name));
}

test('a timer fires at its deadline and not before', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const timer = named('a', fired);
  wheel.schedule(timer, 30);
  wheel.advance(29.9);
  assert.deepEqual(fired, []);
  assert.equal(timer.pending, true);
  wheel.advance(30);
  assert.deepEqual(fired, ['a']);
  assert.equal(timer.pending, false);
});

test('a deadline between two ticks is met at the later one', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  wheel.schedule(named('a', fired), 31);
  wheel.advance(39);
  assert.deepEqual(fired, []);
  wheel.advance(40);
  assert.deepEqual(fired, ['a']);
});

test('a timer fires once', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  wheel.schedule(named('a', fired), 10);
  for (let now = 0; now <= 500; now += 5) wheel.advance(now);
  assert.deepEqual(fired, ['a']);
});

test('a deadline rotations away waits in its slot', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const at = TICK * SLOTS * 5 + 20;
  wheel.schedule(named('far', fired), at);
  for (let now = 0; now < at; now += TICK) wheel.advance(now);
  assert.deepEqual(fired, []);
  wheel.advance(at);
  assert.deepEqual(fired, ['far']);
});

test('a jump over many rotations fires everything due in the order of the deadlines', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  for (const at of [900, 20, 100, 180, 90, 10_000, 10]) wheel.schedule(named(`${at}`, fired), at);
  wheel.advance(5_000);
  assert.deepEqual(fired, ['10', '20', '90', '100', '180', '900']);
  assert.equal(wheel.size, 1);
});

test('what is overdue fires before what a jump of exactly one rotation makes due', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  wheel.schedule(named('a rotation away', fired), TICK * SLOTS);
  wheel.schedule(named('overdue', fired), 0);
  wheel.schedule(named('halfway', fired), 40);
  wheel.advance(TICK * SLOTS);
  assert.deepEqual(fired, ['overdue', 'halfway', 'a rotation away']);
});

test('a jump of years costs no more than a rotation', () => {
  const fired: string[] = [];
  const wheel = new Wheel({ tick: 1, slots: 512, now: 0 });
  wheel.schedule(named('a', fired), 1e11);
  wheel.schedule(named('b', fired), 3e11);
  wheel.advance(2e11);
  assert.deepEqual(fired, ['a']);
  wheel.advance(3e11);
  assert.deepEqual(fired, ['a', 'b']);
});

test('timers of one tick fire in the order they were scheduled', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  for (const name of ['a', 'b', 'c']) wheel.schedule(named(name, fired), 50);
  wheel.advance(50);
  assert.deepEqual(fired, ['a', 'b', 'c']);
});

test('a cancelled timer does not fire, and cancelling one that is not pending is fine', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const timer = named('a', fired);
  wheel.cancel(timer);
  wheel.schedule(timer, 20);
  wheel.cancel(timer);
  wheel.cancel(timer);
  assert.equal(timer.pending, false);
  assert.equal(wheel.size, 0);
  wheel.advance(1_000);
  assert.deepEqual(fired, []);
});

test('scheduling a pending timer moves its deadline', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const timer = named('a', fired);
  wheel.schedule(timer, 20);
  wheel.schedule(timer, 60);
  assert.equal(wheel.size, 1);
  wheel.advance(50);
  assert.deepEqual(fired, []);
  wheel.schedule(timer, 55);
  wheel.advance(60);
  assert.deepEqual(fired, ['a']);
});

test('a deadline in the past is met by the next advance, even one to the same moment', () => {
  const fired: string[] = [];
  const wheel = wheelAt(1_234);
  wheel.schedule(named('a', fired), 7);
  wheel.schedule(named('b', fired), -Infinity);
  assert.deepEqual(fired, []);
  wheel.advance(1_234);
  assert.deepEqual(fired, ['a', 'b']);
});

test('a deadline that never comes is not scheduled and takes the place of one that would have come', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const timer = named('a', fired);
  wheel.schedule(timer, 20);
  wheel.schedule(timer, Infinity);
  assert.equal(timer.pending, false);
  assert.equal(wheel.size, 0);
  wheel.schedule(timer, NaN);
  assert.equal(timer.pending, false);
  wheel.advance(1_000);
  assert.deepEqual(fired, []);
});

test('time does not go back', () => {
  const fired: string[] = [];
  const wheel = wheelAt(100);
  wheel.schedule(named('a', fired), 140);
  wheel.advance(130);
  wheel.advance(50);
  assert.equal(wheel.now, 130);
  wheel.advance(140);
  assert.deepEqual(fired, ['a']);
});

test('a timer that fires is no longer pending, sees the time it was told and may schedule itself again', () => {
  const seen: number[] = [];
  const wheel = wheelAt(0);
  const timer = new Timer((self) => {
    assert.equal(self, timer);
    assert.equal(self.pending, false);
    seen.push(wheel.now);
    wheel.schedule(self, wheel.now + 100);
  });
  wheel.schedule(timer, 100);
  for (let now = 0; now <= 350; now += 5) wheel.advance(now);
  assert.deepEqual(seen, [100, 200, 300]);
});

test('a timer that schedules itself in the past fires once per advance', () => {
  const wheel = wheelAt(0);
  let count = 0;
  const timer = new Timer((self) => {
    count++;
    wheel.schedule(self, 0);
  });
  wheel.schedule(timer, 0);
  wheel.advance(5);
  assert.equal(count, 1);
  wheel.advance(1_000);
  assert.equal(count, 2);
});

test('a timer that fires may cancel or put off one that is due in the same advance', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  const cancelled = named('cancelled', fired);
  const late = named('late', fired);
  wheel.schedule(
    new Timer(() => {
      wheel.cancel(cancelled);
      wheel.schedule(late, 200);
    }),
    10,
  );
  wheel.schedule(cancelled, 10);
  wheel.schedule(late, 20);
  wheel.schedule(named('other', fired), 20);
  wheel.advance(100);
  assert.deepEqual(fired, ['other']);
  wheel.advance(200);
  assert.deepEqual(fired, ['other', 'late']);
  assert.equal(wheel.size, 0);
});

test('a timer that fires may advance the wheel', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  wheel.schedule(new Timer(() => wheel.advance(100)), 10);
  wheel.schedule(named('b', fired), 20);
  wheel.schedule(named('c', fired), 90);
  wheel.advance(20);
  assert.deepEqual(fired, ['b', 'c']);
  assert.equal(wheel.now, 100);
});

test('what a timer throws is thrown after the others have fired', () => {
  const fired: string[] = [];
  const wheel = wheelAt(0);
  wheel.schedule(
    new Timer(() => {
      throw new Error('first');
    }),
    10,
  );
  wheel.schedule(named('b', fired), 10);
  assert.throws(() => wheel.advance(10), { message: 'first' });
  assert.deepEqual(fired, ['b']);
  assert.equal(wheel.size, 0);
});

test('what several timers throw is thrown together', () => {
  const wheel = wheelAt(0);
  for (const name of ['first', 'second']) {
    wheel.schedule(
      new Timer(() => {
        throw new Error(name);
      }),
      10,
    );
  }
  assert.throws(
    () => wheel.advance(10),
    (error) => error instanceof AggregateError && error.errors.length === 2,
  );
});

test('what a timer throws is told to onError if there is one', () => {
  const fired: string[] = [];
  const errors: unknown[] = [];
  const wheel = new Wheel({ tick: TICK, slots: SLOTS, now: 0, onError: (error) => errors.push(error) });
  const bug = new Error('bug');
  wheel.schedule(
    new Timer(() => {
      throw bug;
    }),
    10,
  );
  wheel.schedule(named('b', fired), 10);
  wheel.advance(10);
  assert.deepEqual(errors, [bug]);
  assert.deepEqual(fired, ['b']);
});

test('an onError that throws delays the others to the next advance but loses none', () => {
  const fired: string[] = [];
  const wheel = new Wheel({
    tick: TICK,
    slots: SLOTS,
    now: 0,
    onError: (error) => {
      throw error;
    },
  });
  wheel.schedule(
    new Timer(() => {
      throw new Error('bug');
    }),
    10,
  );
  wheel.schedule(named('b', fired), 10);
  assert.throws(() => wheel.advance(10), { message: 'bug' });
  wheel.advance(10);
  assert.deepEqual(fired, ['b']);
});

test('a wheel whose slots are not a power of two is refused', () => {
  for (const slots of [0, -8, 3, 100]) assert.throws(() => new Wheel({ tick: 1, slots, now: 0 }), RangeError);
});

test('a wheel fires the same timers in the same order as a sorted list does', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ op: fc.constant('schedule' as const), timer: fc.nat(9), by: fc.integer({ min: -50, max: 400 }) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('cancel' as const), timer: fc.nat(9), by: fc.constant(0) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('advance' as const),
        timer: fc.constant(0),
        by: fc.oneof(fc.integer({ min: -20, max: 40 }), fc.integer({ min: 0, max: 1_000 })),
      }),
    },
  );
  fc.assert(
    fc.property(fc.nat(2_000), fc.array(step, { maxLength: 80 }), (start, steps) => {
      const fired: number[] = [];
      const wheel = wheelAt(start);
      const timers = Array.from({ length: 10 }, (_, i) => new Timer(() => fired.push(i)));
      let now = start;
      let model: { readonly timer: number; readonly tick: number }[] = [];
      for (const { op, timer, by } of steps) {
        if (op === 'advance') {
          now = Math.max(now, now + by);
          wheel.advance(wheel.now + by);
          const tick = Math.floor(now / TICK);
          const due = model.filter((entry) => entry.tick <= tick).sort((a, b) => a.tick - b.tick);
          model = model.filter((entry) => entry.tick > tick);
          assert.deepEqual(
            fired.splice(0),
            due.map((entry) => entry.timer),
          );
        } else {
          model = model.filter((entry) => entry.timer !== timer);
          if (op === 'cancel') {
            wheel.cancel(timers[timer]!);
          } else {
            wheel.schedule(timers[timer]!, now + by);
            model.push({ timer, tick: Math.max(Math.ceil((now + by) / TICK), Math.floor(now / TICK)) });
          }
        }
        assert.equal(wheel.now, now);
        assert.equal(wheel.size, model.length);
      }
    }),
  );
});

test('a hundred thousand timers are scheduled, moved, cancelled and fired', () => {
  const wheel = new Wheel({ tick: 100, slots: 1_024, now: 0 });
  let fired = 0;
  const timers = Array.from({ length: 100_000 }, () => new Timer(() => fired++));
  timers.forEach((timer, i) => wheel.schedule(timer, i));
  timers.forEach((timer, i) => wheel.schedule(timer, 60_000 + i));
  timers.forEach((timer, i) => i % 2 === 0 && wheel.cancel(timer));
  assert.equal(wheel.size, 50_000);
  for (let now = 0; now <= 200_000; now += 100) wheel.advance(now);
  assert.equal(fired, 50_000);
  assert.equal(wheel.size, 0);
});
