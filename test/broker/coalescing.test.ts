/** Rests between turns: taken where they gather packets, and left where somebody waits for answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coalescing } from '../../src/broker/coalescing.js';
import { RunningBroker, type CreateOptions } from '../../src/create.js';
import { realWorld } from '../../src/world.js';
import { PacketType, TestBroker, TestWorld } from '../../src/testing.js';

const PAUSE = 0.4;
/** What waking up and one packet cost a turn of {@link Loop}, in ms. */
const WAKING = 0.02;
const PACKET = 0.005;

/** An event loop whose time is told: a turn takes every packet that has come, or waits for the first. */
class Loop {
  time = 0;
  received = 0;
  turns = 0;
  rests = 0;
  readonly #coalescing: Coalescing;

  /** @param late how many times as long as it is asked for a rest is. */
  constructor(pause = PAUSE, late = 1) {
    const rest = (): void => {
      this.rests++;
      this.time += pause * late;
    };
    this.#coalescing = new Coalescing({ pause, now: () => this.time, received: () => this.received, rest });
  }

  /** Runs for so many ms with a source of packets. */
  run(milliseconds: number, source: Source): { received: number; turns: number; rests: number } {
    const { received, turns, rests } = this;
    const end = this.time + milliseconds;
    source.begin(this.time);
    while (this.time < end) {
      this.time = Math.max(this.time, source.next()) + WAKING;
      const came = source.take(this.time);
      this.time += came * PACKET;
      this.received += came;
      source.answered(came, this.time);
      this.turns++;
      this.#coalescing.ended();
    }
    return { received: this.received - received, turns: this.turns - turns, rests: this.rests - rests };
  }
}

/** Where packets come from. */
interface Source {
  begin(now: number): void;
  /** When the next comes. */
  next(): number;
  /** How many have come. */
  take(now: number): number;
  answered(packets: number, now: number): void;
}

/** So many packets together again and again, whatever becomes of them. */
function steady(every: number, together = 1): Source {
  let next = 0;
  return {
    begin: (now) => void (next = now),
    next: () => next,
    take(now) {
      let came = 0;
      for (; next <= now; next += every) came += together;
      return came;
    },
    answered: () => {},
  };
}

/** So many clients that send the next packet a while after the last was answered. */
function waiting(clients: number, delay: number): Source {
  let due: number[] = [];
  return {
    begin: (now) => void (due = Array.from({ length: clients }, (_, i) => now + i * 0.01)),
    next: () => Math.min(...due),
    take(now) {
      const came = due.filter((at) => at <= now).length;
      due = due.filter((at) => at > now);
      return came;
    },
    answered: (packets, now) => void due.push(...Array.from({ length: packets }, () => now + delay)),
  };
}

/** Both at once. */
function both(a: Source, b: Source): Source {
  let fromA = 0;
  return {
    begin(now) {
      a.begin(now);
      b.begin(now);
    },
    next: () => Math.min(a.next(), b.next()),
    take(now) {
      fromA = a.take(now);
      return fromA + b.take(now);
    },
    answered(packets, now) {
      a.answered(fromA, now);
      b.answered(packets - fromA, now);
    },
  };
}

test('packets that come one by one, whatever becomes of them, are gathered by rests', () => {
  const loop = new Loop();
  const { received, turns, rests } = loop.run(10_000, steady(0.1));
  assert.ok(received >= 99_000, `${received} packets`);
  assert.ok(turns < received / 3, `${turns} turns for ${received} packets`);
  assert.ok(rests > turns * 0.8, `${rests} rests in ${turns} turns`);
});

test('clients that wait for an answer before they send more are not slowed down', () => {
  for (const clients of [1, 3]) {
    const without = new Loop(0).run(60_000, waiting(clients, 0.05)).received;
    const { received, rests } = new Loop().run(60_000, waiting(clients, 0.05));
    assert.ok(received > without * 0.98, `${received} packets of ${clients} clients, ${without} without rests`);
    assert.ok(rests > 0, 'it was tried');
  }
});

test('one client that waits among others that do not is not slowed down either', () => {
  const loop = new Loop();
  const { turns, rests } = loop.run(60_000, both(steady(0.2), waiting(1, 0.05)));
  assert.ok(rests > 0, 'it was tried');
  assert.ok(rests < turns * 0.02, `${rests} rests in ${turns} turns`);
});

test('where a rest is much longer than it was asked to be there is none, whatever it gathers', () => {
  const loop = new Loop(PAUSE, 15 / PAUSE);
  const { turns, rests } = loop.run(60_000, steady(0.1));
  assert.ok(rests > 0, 'it was tried');
  assert.ok(rests < turns * 0.001, `${rests} rests in ${turns} turns`);
});

test('where little comes there is no rest', () => {
  assert.equal(new Loop().run(60_000, steady(0.5)).rests, 0);
});

test('where much comes at once there is no rest', () => {
  assert.equal(new Loop().run(60_000, steady(0.2, 20)).rests, 0);
});

test('rests end when those come who wait for answers, and begin again when they are gone', () => {
  const loop = new Loop();
  loop.run(10_000, steady(0.1));
  // A span that had begun may go on for a second.
  const later = loop.run(1_100, waiting(1, 0.05)).rests;
  assert.ok(later > 0, 'it was resting');
  const { turns, rests } = loop.run(30_000, waiting(1, 0.05));
  assert.ok(rests < turns * 0.02, `${rests} rests in ${turns} turns`);
  // Tried in vain again and again, it is tried after half a minute at the latest.
  loop.run(33_000, steady(0.1));
  const again = loop.run(5_000, steady(0.1));
  assert.ok(again.rests > again.turns * 0.8, `${again.rests} rests in ${again.turns} turns`);
});

test('a clock that stands still decides nothing', () => {
  let rests = 0;
  const coalescing = new Coalescing({ pause: PAUSE, now: () => 5, received: () => 0, rest: () => void rests++ });
  for (let i = 0; i < 1_000; i++) coalescing.ended();
  assert.equal(rests, 0);
});

test('the option says whether a broker rests; in a program it does not unless it is told to', async () => {
  assert.ok((await restsOf({ coalesce: 400 })) > 0);
  assert.equal(await restsOf({ coalesce: 0 }), 0);
  assert.equal(await restsOf({}), 0);
});

test('a rest is as long as it is said to be, on this very thread', () => {
  const before = performance.now();
  realWorld.rest(0.4);
  assert.ok(performance.now() - before >= 0.4);
});

/** How often a broker rests while a PINGREQ comes every tenth of a ms and none waits for an answer. */
async function restsOf(options: CreateOptions): Promise<number> {
  const world = new TestWorld();
  const test = new TestBroker(await RunningBroker.assemble(options, world), world);
  const client = test.connect();
  client.send({ type: PacketType.Connect, version: 4, clean: true, keepAlive: 0, clientId: 'c' });
  for (let i = 0; i < 1_000; i++) {
    client.send({ type: PacketType.Pingreq });
    world.time += 0.1;
    test.endTurn();
  }
  await test.broker.close();
  return world.rests;
}
