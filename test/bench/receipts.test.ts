/** When a broker is done with what it sent: not before it has come to the acknowledgements. */
import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { mock, test, type TestContext } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import { BenchError } from '../../src/bench/bench-error.js';
import type { Client } from '../../src/bench/client.js';
import { type Behind, Receipts } from '../../src/bench/receipts.js';

/** A client whose broker owes it PUBRELs, and answers a PINGREQ when it is told to. */
class Owed {
  unreleased: number;
  answer: () => void = () => {};
  isAsked = false;

  constructor(unreleased: number) {
    this.unreleased = unreleased;
  }

  async ping(): Promise<void> {
    this.isAsked = true;
    return new Promise((resolve) => (this.answer = resolve));
  }
}

/** Time that passes when it is told to, in steps as long as who waits looks away. */
function clock(t: TestContext): { pass: (ms: number) => Promise<void> } {
  t.after(() => {
    mock.timers.reset();
    mock.restoreAll();
    syncBuiltinESMExports();
  });
  mock.timers.enable({ apis: ['setTimeout'] });
  syncBuiltinESMExports(); // for who has imported it
  let now = 0;
  mock.method(performance, 'now', () => now);
  return {
    pass: async (ms) => {
      for (const end = now + ms; now < end; ) {
        now += 20;
        mock.timers.tick(20);
        await turned();
      }
    },
  };
}

interface Wait {
  /** What it ended with; none while it lasts. */
  ended: Behind | Error | undefined;
}

function acknowledged(receipts: Receipts, ...clients: Owed[]): Wait {
  const wait: Wait = { ended: undefined };
  receipts.acknowledged(clients as unknown as Client[]).then(
    (behind) => (wait.ended = behind),
    (error: Error) => (wait.ended = error),
  );
  return wait;
}

test('it is asked whether it has come to all acknowledgements when no PUBREL is owed any more', async (t) => {
  const { pass } = clock(t);
  const [ann, bob] = [new Owed(2), new Owed(0)];
  const wait = acknowledged(new Receipts(), ann, bob);
  await pass(1_000);
  assert.deepEqual([ann.isAsked, bob.isAsked], [false, false]);
  ann.unreleased = 0;
  await pass(100);
  assert.deepEqual([ann.isAsked, bob.isAsked], [true, true]);
  ann.answer();
  await pass(100);
  assert.equal(wait.ended, undefined);
  bob.answer();
  await pass(20);
  assert.deepEqual(wait.ended, { unacknowledged: 0, unanswered: 0 });
});

test('a broker that has not come to them after ten seconds is not waited for: what is owed is told', async (t) => {
  const { pass } = clock(t);
  const ann = new Owed(1_000);
  const wait = acknowledged(new Receipts(), ann);
  for (let i = 0; i < 9; i++) {
    ann.unreleased--;
    await pass(1_000);
  }
  assert.equal(wait.ended, undefined);
  await pass(1_100);
  assert.deepEqual(wait.ended, { unacknowledged: 991, unanswered: 0 });
  assert.equal(ann.isAsked, false);
});

test('nor is one that does not answer every PINGREQ: to how many is told', async (t) => {
  const { pass } = clock(t);
  const clients = [new Owed(0), new Owed(0), new Owed(0)];
  const wait = acknowledged(new Receipts(), ...clients);
  await pass(100);
  clients[1]!.answer();
  await pass(9_800);
  assert.equal(wait.ended, undefined);
  await pass(200);
  assert.deepEqual(wait.ended, { unacknowledged: 0, unanswered: 2 });
});

test('a connection that is lost meanwhile ends the wait', async (t) => {
  const { pass } = clock(t);
  const receipts = new Receipts();
  const wait = acknowledged(receipts, new Owed(1));
  const error = new BenchError('the broker closed a connection');
  receipts.lost(error);
  await pass(20);
  assert.equal(wait.ended, error);
});
