/** Ends of queues: what comes to somebody who is away, a little at a time, shares records in the end, and nobody who reads it notices. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import * as fc from 'fast-check';
import { Kind } from '../../src/broker/record-keys.js';
import { Tails } from '../../src/broker/tails.js';
import type { CreateOptions } from '../../src/create.js';
import { PLAIN } from '../../src/session/contracts.js';
import { Delivery } from '../../src/session/inflight.js';
import { Message } from '../../src/session/message.js';
import { MemoryStorage, Publish, type QoS, type TestConnection } from '../../src/testing.js';
import { answerTo, puback } from '../conversations/client.js';
import { expectDrained, messagesIn, recordsOf } from '../conversations/store.js';
import { runs } from '../util/runs.js';
import { heard } from '../storage/held.js';
import { drained, Stage, taken } from './stage.js';

const numbers = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `${from + i}`);

/** `bob` hears `t` and is away. */
async function away(options: CreateOptions = {}): Promise<Stage> {
  const stage = await Stage.set(options);
  await stage.leave(['bob', 't']);
  return stage;
}

/** Each commit has so many of these for `bob`. */
async function dribble(stage: Stage, payloads: readonly string[], each = 1): Promise<void> {
  for (let i = 0; i < payloads.length; i += each) await stage.say('t', payloads.slice(i, i + each)).settle();
}

/** `bob` comes, is sent what there is room for, and is gone again. @returns the payloads. */
async function look(stage: Stage, acknowledged = 0): Promise<string[]> {
  const bob = await stage.back('bob');
  const sent = taken(bob);
  for (const line of sent.slice(0, acknowledged)) bob.send(puback(Number(line.split(' ')[1])));
  bob.hangUp();
  await stage.settle();
  return sent.map((line) => line.split(' ')[0]!);
}

test('what comes one by one is on record one by one, until there are 32: then they share a record', async () => {
  const stage = await away();
  await dribble(stage, numbers(31));
  assert.deepEqual(await stage.counts(), Array(31).fill(1));
  await dribble(stage, ['32']);
  assert.deepEqual(await stage.counts(), [32]);
  await dribble(stage, numbers(33, 33));
  assert.deepEqual(await stage.counts(), [32, 32, 1]);
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(65));
  await expectDrained(stage.storage.kept);
});

test('a record is filled with the first of what comes together, the rest begins the next', async () => {
  const stage = await away();
  await dribble(stage, numbers(66), 3);
  assert.deepEqual(await stage.counts(), [32, 32, 2]);
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(66));
  await expectDrained(stage.storage.kept);
});

test('four that come together share a record as they come, and end what is before them', async () => {
  const stage = await away();
  await dribble(stage, numbers(20));
  await dribble(stage, numbers(4, 21), 4);
  await dribble(stage, numbers(33, 25), 3);
  assert.deepEqual(await stage.counts(), [...Array<number>(20).fill(1), 4, 32, 1]);
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(57));
  await expectDrained(stage.storage.kept);
});

test('a record is full with 16 KB of messages', async () => {
  const stage = await away();
  const payloads = numbers(6).map((payload) => payload.padEnd(4_000, '.'));
  await dribble(stage, payloads);
  assert.deepEqual(await stage.counts(), [4, 1, 1]);
  assert.deepEqual(await drained(stage, stage.come('bob')), payloads);
  await expectDrained(stage.storage.kept);
});

test('a message of more than 4 KB has a record of its own, and ends what is before it', async () => {
  const stage = await away();
  await dribble(stage, numbers(20));
  const large = 'x'.repeat(4_097);
  await dribble(stage, [large, ...numbers(20, 21)]);
  assert.deepEqual(await stage.counts(), Array(41).fill(1));
  assert.deepEqual(await drained(stage, stage.come('bob')), [...numbers(20), large, ...numbers(20, 21)]);
  await expectDrained(stage.storage.kept);
});

for (const [what, say] of [
  ['expires', (stage: Stage) => stage.say('t', ['odd'], 1, { properties: { messageExpiryInterval: 60 } })],
  ['has its body apart', (stage: Stage) => stage.say('both', ['odd'])],
] as const) {
  test(`what ${what} keeps its place between those that share records`, async () => {
    const stage = await Stage.set();
    await stage.leave(['bob', '#'], ['cy', 'both']);
    await dribble(stage, numbers(20));
    await say(stage).settle();
    await dribble(stage, numbers(40, 21));
    assert.deepEqual(await drained(stage, stage.come('bob')), [...numbers(20), 'odd', ...numbers(40, 21)]);
    await drained(stage, stage.come('cy'));
    await expectDrained(stage.storage.kept);
  });
}

test('whenever the process dies, each message that was acknowledged is there once, in order', async () => {
  const stage = await away();
  for (let said = 1; said <= 70; said++) {
    await stage.say('t', [`${said}`]).settle();
    const next = await stage.next();
    assert.deepEqual(await drained(next, next.come('bob')), numbers(said));
    await expectDrained(next.storage.kept);
  }
});

test('what somebody has looked at stays as it is on record: what was acknowledged of it does not come back', async () => {
  const stage = await away({ maxInflight: 20 });
  await dribble(stage, numbers(20));
  assert.deepEqual(await look(stage, 10), numbers(20));
  await dribble(stage, numbers(40, 21));
  assert.deepEqual(await stage.counts(), [...Array<number>(10).fill(1), 32, ...Array<number>(8).fill(1)]);
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(50, 11));
  await expectDrained(stage.storage.kept);
});

test('what came before somebody looked but was not on record then stays as it is, too', async () => {
  const stage = await away({ maxInflight: 5 });
  await dribble(stage, numbers(10));
  await stage.hold();
  stage.say('t', ['11']);
  assert.deepEqual(await look(stage, 5), numbers(5));
  await dribble(stage, numbers(60, 12));
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(66, 6));
  await expectDrained(stage.storage.kept);
});

for (const each of [1, 3, 7, 40]) {
  test(`the oldest are dropped of a queue to which ${each} come at a time, and the rest is sent once`, async () => {
    const stage = await away({ maxInflight: 1, maxQueuedMessages: 50, whenQueueFull: 'drop-oldest' });
    await dribble(stage, numbers(280), each);
    assert.equal(stage.broker.broker.session('bob')!.queuedMessages, 50);
    assert.deepEqual(await drained(stage, stage.come('bob')), numbers(50, 231));
    await expectDrained(stage.storage.kept);
  });
}

/**
 * A record of the queue is damaged, so that what reads it goes on to the end of all there is, whenever that is: the next read that does finds what is there
 * when `find` is called, and tells it when `tell` is.
 */
async function slowReads({ storage }: Stage): Promise<{ find: () => Promise<void>; tell: () => Promise<void> }> {
  const { kept } = storage;
  const [first] = await recordsOf(kept, Kind.Delivery);
  kept.put(first!.key, first!.value.subarray(0, 5));
  await kept.commit();
  const step = (): { done: () => void; isDone: Promise<void> } => {
    let done = (): void => {};
    const isDone = new Promise<void>((resolve) => (done = resolve));
    return { done, isDone };
  };
  const [asked, looked] = [step(), step()];
  let reads = 0;
  mock.method(storage, 'range', async (from: Buffer, to: Buffer, limit: number) => {
    const isCareful = ++reads === 2;
    if (isCareful) await asked.isDone;
    const found = await kept.range(from, to, limit);
    if (isCareful) await looked.isDone;
    return found;
  });
  const after = ({ done }: { readonly done: () => void }) => {
    return async (): Promise<void> => {
      done();
      await heard();
    };
  };
  return { find: after(asked), tell: after(looked) };
}

test('what comes for somebody who is here while the queue is read stays on record as it is found', async () => {
  const stage = await away({ maxInflight: 50 });
  await dribble(stage, numbers(10));
  const { find, tell } = await slowReads(stage);
  const bob = stage.come('bob');
  await stage.settle();
  await dribble(stage, numbers(20, 11));
  await find();
  await dribble(stage, numbers(40, 31));
  await tell();
  assert.deepEqual(await drained(stage, bob), numbers(69, 2));
  await expectDrained(stage.storage.kept);
});

test('what comes while the oldest are read to be dropped stays on record as it is found', async () => {
  const stage = await away({ maxQueuedMessages: 10, whenQueueFull: 'drop-oldest' });
  await dribble(stage, numbers(10));
  const { find, tell } = await slowReads(stage);
  await dribble(stage, numbers(20, 11));
  await find();
  await dribble(stage, numbers(40, 31));
  await tell();
  await stage.settle();
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(10, 61));
  await expectDrained(stage.storage.kept);
});

test('what a session had that has ended is not there for the next one of the client', async () => {
  const stage = await away();
  await dribble(stage, numbers(20));
  stage.broker
    .connect()
    .send({ ...answerless, clientId: 'bob' })
    .hangUp();
  await stage.settle();
  assert.equal(stage.journal.filing.tails.bytes, 0);
  await stage.leave(['bob', 't']);
  await dribble(stage, numbers(20, 21));
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(20, 21));
  await expectDrained(stage.storage.kept);
  assert.deepEqual(await recordsOf(stage.storage.kept, Kind.Ended), []);
});

test('they take 16 MB of memory at most, however many queues there are; what is let go of stays on record', async () => {
  const storage = new MemoryStorage();
  const tails = new Tails(storage);
  let sequence = 0;
  let most = 0;
  for (let round = 0; round < 3; round++) {
    for (let number = 1; number <= 6_000; number++) {
      tails.add([delivery(number, ++sequence, 3_000)]);
      most = Math.max(most, tails.bytes);
    }
    await storage.commit();
  }
  assert.ok(most > 8_000_000 && most <= 16_777_216 + 32_768, `${most} bytes`);
  assert.equal(messagesIn(await recordsOf(storage, Kind.Delivery)), 18_000);
  for (let number = 1; number <= 6_000; number++) tails.end(number);
  assert.equal(tails.bytes, 0);
});

test('what stands beside small messages is bounded: publishers with long names', async () => {
  const storage = new MemoryStorage();
  const tails = new Tails(storage);
  for (let sequence = 1; sequence <= 200; sequence++) {
    tails.add([delivery(1, sequence, 10, 'p'.repeat(sequence % 3 === 0 ? 65_535 : 9_000))]);
    assert.ok(tails.bytes < 2 * 65_535 + 32_768, `${tails.bytes} bytes`);
  }
  for (let sequence = 201; sequence <= 200 + 32; sequence++) tails.add([delivery(1, sequence, 10)]);
  assert.ok(tails.bytes <= 32_768, `${tails.bytes} bytes`);
  await storage.commit();
  assert.equal(messagesIn(await recordsOf(storage, Kind.Delivery)), 232);
});

const answerless = { type: 1, version: 4, clean: true, keepAlive: 0 } as const;

function delivery(number: number, sequence: number, size: number, publisher = 'ann'): Delivery {
  const publish = Publish.of({ topic: 't', payload: Buffer.alloc(size), qos: 1, retain: false, packetId: 1, version: 4 });
  const message = new Message(publish, publisher, Infinity);
  return Object.assign(new Delivery(message, 1, false, PLAIN, message.size), { number, sequence });
}

// Whatever comes, whoever looks.

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('say' as const),
      many: fc.constantFrom(1, 2, 5, 9, 14, 35),
      each: fc.constantFrom(1, 2, 3, 3, 40),
      qos: fc.constantFrom<QoS>(1, 2),
      size: fc.constantFrom(1, 1, 1, 700, 5_000),
      kind: fc.constantFrom('plain', 'plain', 'plain', 'plain', 'plain', 'expires', 'shared'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('look' as const), answers: fc.constantFrom(0, 1, 4, 40) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('die' as const) }) },
);

/** One client that comes and goes: what it is sent, and what of that it answered, told as a list. */
class Visitor {
  readonly #maxInflight: number;
  readonly #most: number;
  stage: Stage;
  inFlight: string[] = [];
  waiting: string[] = [];

  constructor(stage: Stage, maxInflight: number, most: number) {
    this.stage = stage;
    this.#maxInflight = maxInflight;
    this.#most = most;
  }

  expect(payload: string): void {
    this.waiting.push(payload);
    if (this.waiting.length > this.#most) this.waiting.shift();
  }

  /** Comes, answers so many messages, and is gone. */
  async visit(answers: number): Promise<void> {
    const bob = await this.stage.back('bob');
    const all = [...this.inFlight, ...this.waiting];
    const sent: string[] = [];
    const open: Publish[] = [];
    this.#hear(bob, sent, open);
    let answered = 0;
    for (; answered < answers && open.length > 0; answered++) {
      bob.send(answerTo(open.shift()!)!);
      await this.stage.settle();
      this.#hear(bob, sent, open);
      await this.stage.settle();
      this.#hear(bob, sent, open);
    }
    const taken = Math.min(all.length, Math.max(answered + this.#maxInflight, this.inFlight.length));
    assert.deepEqual(sent, all.slice(0, taken));
    this.inFlight = all.slice(answered, taken);
    this.waiting = all.slice(taken);
    bob.hangUp();
    await this.stage.settle();
  }

  /** A PUBREL is answered at once. */
  #hear(bob: TestConnection, sent: string[], open: Publish[]): void {
    for (const packet of bob.take()) {
      if (packet instanceof Publish) {
        sent.push(packet.payload.toString());
        open.push(packet);
      } else {
        const answer = answerTo(packet);
        if (answer !== undefined) bob.send(answer);
      }
    }
  }
}

for (const most of [100_000, 60]) {
  test(`whoever looks in whenever is sent what waits, in order and once, where ${most} may`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 8, maxLength: 50, size: 'max' }),
        fc.constantFrom(1, 3, 40),
        async (events, maxInflight) => {
          const options = { maxInflight, maxQueuedMessages: most, whenQueueFull: 'drop-oldest' } as const;
          const stage = await Stage.set(options);
          await stage.leave(['bob', '#'], ['cy', 's']);
          const visitor = new Visitor(stage, maxInflight, most);
          let place = 0;
          for (const deed of events) {
            if (deed.does === 'say') {
              const payloads = Array.from({ length: deed.many }, () => `${++place}`.padEnd(deed.size, '.'));
              const topic = deed.kind === 'shared' ? 's' : 't';
              const fields = deed.kind === 'expires' ? { properties: { messageExpiryInterval: 1_000 } } : {};
              for (let i = 0; i < payloads.length; i += deed.each)
                await visitor.stage.say(topic, payloads.slice(i, i + deed.each), deed.qos, fields).settle();
              for (const payload of payloads) visitor.expect(payload);
            } else if (deed.does === 'look') {
              await visitor.visit(deed.answers);
            } else {
              visitor.stage = await visitor.stage.next(options);
              await visitor.stage.settle();
            }
          }
          await visitor.visit(100_000);
          assert.deepEqual([visitor.inFlight, visitor.waiting], [[], []]);
          await drained(visitor.stage, visitor.stage.come('cy'));
          await expectDrained(visitor.stage.storage.kept);
          assert.equal(visitor.stage.broker.broker.stats.bugs, 0);
        },
      ),
      runs(25),
    );
  });
}
