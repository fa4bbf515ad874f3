/** The beat: facts are committed once a turn, bytes written once a turn, and who waits for the disk is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turn, type Flushable } from '../../src/broker/turn.js';
import { heard } from '../storage/held.js';

/** A turn whose edges write down what they are asked, and whose commits land when told. */
class Beat {
  readonly done: string[] = [];
  readonly bugs: string[] = [];
  /** Turns that ended with nothing on its way to the disk. */
  ends = 0;
  readonly turn = new Turn({
    schedule: () => void this.done.push('schedule'),
    commit: () => {
      this.done.push('commit');
      return new Promise((resolve, reject) => (this.#commit = { resolve, reject }));
    },
    failed: (error) => void this.done.push(`failed: ${String(error)}`),
    bug: (where, error) => void this.bugs.push(`${where}: ${String(error)}`),
    ended: () => void this.ends++,
  });
  #commit: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  /** What was done since it was asked last. */
  take(): string[] {
    return this.done.splice(0);
  }

  outbox(name: string): Flushable {
    return {
      flush: () => void this.done.push(`flush ${name}`),
      release: (durable) => void this.done.push(`release ${name} ${durable}`),
    };
  }

  async land(): Promise<void> {
    this.#commit?.resolve();
    await heard();
  }

  async fail(): Promise<void> {
    this.#commit?.reject(new Error('disk full'));
    await heard();
  }
}

test('whatever comes up in a turn schedules its end once', () => {
  const beat = new Beat();
  beat.turn.wrote();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.later(() => {});
  beat.turn.wrote();
  assert.deepEqual(beat.take(), ['schedule']);
  beat.turn.end();
  beat.take();
  beat.turn.touch(beat.outbox('a'));
  assert.deepEqual(beat.take(), ['schedule']);
});

test('at its end tasks are done, facts committed and bytes written, in this order', () => {
  const beat = new Beat();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.wrote();
  beat.turn.later(() => beat.done.push('task'));
  beat.take();
  beat.turn.end();
  assert.deepEqual(beat.take(), ['task', 'commit', 'flush a']);
});

test('a turn without facts commits nothing', () => {
  const beat = new Beat();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'flush a']);
});

test('each touch is flushed once', () => {
  const beat = new Beat();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.end();
  beat.take();
  beat.turn.end();
  assert.deepEqual(beat.take(), []);
});

test('bytes can be written before the turn ends', () => {
  const beat = new Beat();
  beat.turn.wrote();
  beat.turn.touch(beat.outbox('a'));
  beat.take();
  beat.turn.flush();
  assert.deepEqual(beat.take(), ['flush a']);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['commit']);
});

test('what a task leaves for later is done in the next turn', () => {
  const beat = new Beat();
  beat.turn.later(() => {
    beat.done.push('first');
    beat.turn.later(() => beat.done.push('second'));
  });
  beat.take();
  beat.turn.end();
  assert.deepEqual(beat.take(), ['first', 'schedule']);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['second']);
});

test('the facts of one turn share a ticket and a commit', async () => {
  const beat = new Beat();
  const ticket = beat.turn.wrote();
  assert.equal(beat.turn.wrote(), ticket);
  assert.ok(ticket > beat.turn.durable);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'commit']);
  assert.ok(ticket > beat.turn.durable, 'not durable before the commit has landed');
  await beat.land();
  assert.equal(beat.turn.durable, ticket);
});

test('one commit at a time: what is written meanwhile goes with the next, which begins when the first has landed', async () => {
  const beat = new Beat();
  const first = beat.turn.wrote();
  beat.turn.end();
  beat.take();
  const second = beat.turn.wrote();
  assert.equal(second, first + 1);
  beat.turn.end();
  assert.equal(beat.turn.wrote(), second);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'schedule']);
  await beat.land();
  assert.deepEqual(beat.take(), ['commit']);
  assert.equal(beat.turn.durable, first);
  await beat.land();
  assert.equal(beat.turn.durable, second);
  assert.deepEqual(beat.take(), []);
});

test('who holds bytes for the disk is told once, with what is durable by then', async () => {
  const beat = new Beat();
  const a = beat.outbox('a');
  const first = beat.turn.wrote();
  beat.turn.holding(a);
  beat.turn.holding({ ...beat.outbox('b'), release: () => beat.turn.holding(beat.outbox('b')) });
  beat.turn.end();
  const second = beat.turn.wrote();
  beat.take();
  await beat.land();
  assert.deepEqual(beat.take(), ['commit', `release a ${first}`]);
  await beat.land();
  assert.deepEqual(beat.take(), [`release b ${second}`], 'b asked again, a did not');
});

test('who waits for a ticket hears when it is durable, at once if it is', async () => {
  const beat = new Beat();
  await beat.turn.settled(0);
  const first = beat.turn.wrote();
  beat.turn.end();
  const second = beat.turn.wrote();
  const log: string[] = [];
  for (const ticket of [second, first]) void beat.turn.settled(ticket).then(() => log.push(`${ticket}`));
  await heard();
  assert.deepEqual(log, []);
  await beat.land();
  assert.deepEqual(log, [`${first}`]);
  await beat.land();
  assert.deepEqual(log, [`${first}`, `${second}`]);
  await beat.turn.settled(second);
});

test('a commit that fails is told once; nothing is committed or durable after it, and who waits is refused', async () => {
  const beat = new Beat();
  const ticket = beat.turn.wrote();
  beat.turn.holding(beat.outbox('a'));
  const waiting = assert.rejects(beat.turn.settled(ticket), /disk full/);
  beat.turn.end();
  beat.take();
  await beat.fail();
  assert.deepEqual(beat.take(), ['failed: Error: disk full']);
  await waiting;
  const late = beat.turn.wrote();
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule']);
  assert.equal(beat.turn.durable, 0);
  await assert.rejects(beat.turn.settled(late), /disk full/);
});

test('it is idle when nothing waits for its end or for the disk, also when the disk has failed', async () => {
  const beat = new Beat();
  assert.equal(beat.turn.idle, true);
  beat.turn.wrote();
  assert.equal(beat.turn.idle, false);
  beat.turn.end();
  assert.equal(beat.turn.idle, false, 'the commit is under way');
  await beat.land();
  assert.equal(beat.turn.idle, true);
  beat.turn.later(() => {});
  assert.equal(beat.turn.idle, false);
  beat.turn.wrote();
  beat.turn.end();
  await beat.fail();
  beat.turn.wrote();
  beat.turn.end();
  assert.equal(beat.turn.idle, true);
});

test('a task or an outbox that throws is reported, and the others do not suffer for it', async () => {
  const beat = new Beat();
  const broken = (what: string) => (): never => {
    throw new Error(what);
  };
  beat.turn.later(broken('task'));
  beat.turn.later(() => beat.done.push('task'));
  beat.turn.touch({ ...beat.outbox('a'), flush: broken('flush') });
  beat.turn.touch(beat.outbox('b'));
  beat.turn.holding({ ...beat.outbox('a'), release: broken('release') });
  beat.turn.holding(beat.outbox('b'));
  const ticket = beat.turn.wrote();
  beat.take();
  beat.turn.end();
  await beat.land();
  assert.deepEqual(beat.take(), ['task', 'commit', 'flush b', `release b ${ticket}`]);
  assert.deepEqual(
    beat.bugs.map((bug) => bug.split(': ').at(-1)),
    ['task', 'flush', 'release'],
  );
});

test('a fact nobody waits for schedules nothing, and goes with the next commit', async () => {
  const beat = new Beat();
  const ticket = beat.turn.batch;
  beat.turn.wroteUnawaited();
  beat.turn.end();
  assert.deepEqual(beat.take(), []);
  assert.equal(beat.turn.idle, false);
  assert.equal(beat.turn.wrote(), ticket);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'commit']);
  await beat.land();
  assert.equal(beat.turn.durable, ticket);
  assert.equal(beat.turn.idle, true);
});

test('a fact nobody waits for is committed when it is hastened, and when somebody waits for it after all', async () => {
  const beat = new Beat();
  beat.turn.hasten();
  assert.deepEqual(beat.take(), []);
  beat.turn.wroteUnawaited();
  beat.turn.hasten();
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'commit']);
  await beat.land();
  const ticket = beat.turn.batch;
  beat.turn.wroteUnawaited();
  assert.equal(beat.turn.newest, ticket);
  const settled = beat.turn.settled(ticket);
  beat.turn.end();
  assert.deepEqual(beat.take(), ['schedule', 'commit']);
  await beat.land();
  await settled;
});

test('who would rest is not told of the end of a turn that has left something for the next', () => {
  const beat = new Beat();
  beat.turn.later(() => beat.turn.later(() => {}));
  beat.turn.end();
  assert.equal(beat.ends, 0);
  beat.turn.end();
  assert.equal(beat.ends, 1);
});

test('who would rest is told of the ends of turns, but while a commit is on its way', async () => {
  const beat = new Beat();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.end();
  assert.equal(beat.ends, 1);
  beat.turn.wrote();
  beat.turn.end();
  beat.turn.touch(beat.outbox('a'));
  beat.turn.end();
  assert.equal(beat.ends, 1, 'its end must not be found late');
  await beat.land();
  beat.turn.end();
  assert.equal(beat.ends, 2);
});
