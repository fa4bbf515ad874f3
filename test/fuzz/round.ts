/** One round of fuzzing: a broker with random bounds, clients that do random things to it, and what must be so all the same. */

import assert from 'node:assert/strict';
import type { AuthenticationMethod, AuthenticationStep } from '../../src/broker/contracts.js';
import type { CreateOptions, RunningBroker } from '../../src/create.js';
import { STRATEGIES } from '../../src/broker/share-group.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { key, Kind } from '../../src/broker/record-keys.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import type { CloseReason } from '../../src/session/tally.js';
import { heard, HeldStorage, started } from '../storage/held.js';
import { Actor } from './actor.js';
import { Courier, POST } from './courier.js';
import { CLIENT_IDS, METHODS, publishOf } from './packets.js';
import { Random } from './random.js';
import { slabsOut } from './slabs.js';
import { Witness, WITNESSED } from './witness.js';

const ACTORS = 5;
/** What is done in a round, unless it is told otherwise. */
export const STEPS = 120;
/** Seconds. */
const FOR_EVER = 4_294_967_295;

/** What a round has done. */
export interface Outcome {
  readonly packets: number;
  /** Connections that were closed. */
  readonly closed: number;
}

/** A round that failed: what was wrong, and all that was done before. */
export class Failure extends Error {
  readonly trace: readonly string[];

  constructor(seed: number, trace: readonly string[], cause: unknown, steps = STEPS) {
    const again = `npm run fuzz -- --seed ${seed} --rounds 1${steps === STEPS ? '' : ` --steps ${steps}`}`;
    super(`round ${seed} failed: ${cause instanceof Error ? cause.message : String(cause)}\nagain: ${again}`, { cause });
    this.name = 'Failure';
    this.trace = trace;
  }
}

/** @throws Failure where anything was not as it must be. */
export async function round(seed: number, steps = STEPS): Promise<Outcome> {
  const trace: string[] = [];
  try {
    return await new Round(seed, trace).run(steps);
  } catch (error) {
    throw new Failure(seed, trace, error, steps);
  }
}

class Round {
  readonly #random: Random;
  readonly #trace: string[];
  readonly #storage: HeldStorage | undefined;
  readonly #options: CreateOptions;
  /** Whether every honest client gets all it wants. */
  readonly #roomy: boolean;
  /** Connects that wait for their gate. */
  readonly #waiting: (() => void)[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #errors: unknown[] = [];

  constructor(seed: number, trace: string[]) {
    const random = (this.#random = new Random(seed));
    this.#trace = trace;
    this.#storage = random.once(2) ? new HeldStorage() : undefined;
    const bounds = {
      maxPacketSize: random.pick([64, 300, 5_000, 268_435_455]),
      connectTimeout: 2,
      maxInflight: random.pick([1, 3, 1_000]),
      maxBufferedBytes: random.pick([65_536, 8_388_608]),
      maxRetainedMessages: random.pick([0, 2, 1_000]),
      maxRetainedBytes: random.pick([1_000, 1_073_741_824]),
      sessionExpiry: FOR_EVER,
      topicAliasMaximum: random.pick([0, 2, 32]),
      sharedSubscriptionStrategy: random.pick(STRATEGIES),
      payloadFormat: random.pick(['trust', 'check'] as const),
      responseInformation: random.pick(['', 'responses/']),
    };
    this.#roomy = random.once(2);
    this.#options = this.#roomy
      ? bounds
      : {
          ...bounds,
          maxConnections: random.pick([5, 100]),
          maxQueuedMessages: random.pick([0, 2, 100_000]),
          maxQueuedBytes: random.pick([1_000, 67_108_864]),
          sessionExpiry: random.pick([0, 5, FOR_EVER]),
          maxSessions: random.pick([5, 1_000]),
          maxSubscriptions: random.pick([2, 1_000]),
          receiveMaximum: random.pick([1, 3, 1_000]),
          maxKeepAlive: random.pick([0, 5]),
        };
  }

  async run(steps: number): Promise<Outcome> {
    const slabs = slabsOut();
    this.#trace.push(`${this.#storage === undefined ? 'no storage' : 'a storage'}, ${JSON.stringify(this.#options)}`);
    const test = await this.#open();
    const { broker } = test;
    const witness = new Witness(test);
    const courier = this.#roomy ? new Courier(test, this.#random, Math.min(this.#options.maxPacketSize! - 20, 30_000)) : undefined;
    this.#setGates(broker);
    broker.on('disconnected', ({ clientId, reason }) => {
      if (clientId.startsWith('the ')) assert.ok(HONEST_ENDS.includes(reason), `${clientId} is closed for ${reason}`);
    });
    const noisy = this.#random.once(8);
    const actors = Array.from({ length: ACTORS }, () => new Actor(test, this.#random, this.#options.maxPacketSize!, noisy));
    for (let step = 0; step < steps; step++) {
      const number = this.#random.below(ACTORS + 4);
      if (number < ACTORS) this.#trace.push(`client ${number} ${actors[number]!.act()}`);
      else if (number < ACTORS + 2 && courier !== undefined) this.#trace.push(courier.act());
      else this.#trace.push(await this.#befall(test));
      witness.check();
      assert.deepEqual(this.#errors, []);
    }
    const outcome = { packets: broker.stats.received.packets, closed: broker.stats.connections.total };

    this.#trace.push('everybody leaves');
    for (const actor of actors) actor.leave();
    for (const end of this.#listeners) end();
    await this.#settle(test);
    // A farewell in the middle of a packet, or before a gate has answered with a refusal, is none.
    for (const actor of actors) actor.hangUp();
    await courier?.finish(() => this.#settle(test));
    for (let exchange = 0; exchange < 3; exchange++) {
      await this.#settle(test);
      witness.answer();
    }
    witness.leave();
    await this.#settle(test);
    // Those who do not read are given time to.
    test.advance(5_000);
    await this.#settle(test);
    assertAlone(broker);
    assert.equal(slabsOut(), slabs, 'every slab is back');
    await this.#restart(test);
    await this.#expire(test);
    const closed = broker.close();
    await this.#settle(test);
    await closed;
    assert.deepEqual(this.#errors, []);
    return outcome;
  }

  async #open(): Promise<TestBroker> {
    const hear = (fields: object): void => void this.#errors.push((fields as { err?: unknown }).err);
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: hear };
    const options = { ...this.#options, log, authenticationMethods: [this.#riddle()] };
    return this.#storage === undefined ? createTestBroker(options) : started(this.#storage, options);
  }

  /** An Authentication Method that takes one answer or several, or is never content, at once or later. */
  #riddle(): AuthenticationMethod {
    const random = this.#random;
    const step = (): AuthenticationStep => {
      if (random.once(4)) return { refused: ReasonCode.NotAuthorized };
      const data = random.once(2) ? random.bytes(2) : undefined;
      return random.once(2) ? { continue: data } : { success: data, username: random.pick(['user', 'user', 'another']) };
    };
    const later = (): Promise<AuthenticationStep> => new Promise((resolve) => this.#waiting.push(() => resolve(step())));
    return { name: METHODS[0]!, begin: () => ({ step: () => (random.once(2) ? step() : later()) }) };
  }

  #setGates(broker: RunningBroker): void {
    const random = this.#random;
    if (random.once(3)) {
      broker.gate({
        connect: () => (random.once(3) ? true : new Promise((resolve) => this.#waiting.push(() => resolve(random.once(4) ? 0x87 : true)))),
      });
    }
    if (random.once(3))
      broker.gate({ publish: ({ topic }) => topic === WITNESSED || topic === POST || !random.once(5), will: () => !random.once(2) });
    if (random.once(3)) broker.gate({ subscribe: ({ filter }) => filter !== 'secret' });
  }

  /** Something happens that is nobody's deed. */
  async #befall(test: TestBroker): Promise<string> {
    const random = this.#random;
    const { broker } = test;
    switch (random.weighted({ turn: 4, time: 3, disk: 6, gate: 6, publish: 2, kick: 1, listen: 1 })) {
      case 'turn':
        test.endTurn();
        return 'a turn ends';
      case 'time': {
        const milliseconds = random.pick([100, 1_000, 1_600, 2_500, 16_000]);
        test.advance(milliseconds);
        return `${milliseconds} ms pass`;
      }
      case 'disk':
        if (this.#storage?.underWay !== true) return 'the disk has nothing to do';
        await this.#storage.land();
        return 'a commit lands';
      case 'gate': {
        this.#waiting.splice(random.below(this.#waiting.length), 1)[0]?.();
        for (let i = 0; i < 10; i++) await Promise.resolve();
        return 'the gate answers';
      }
      case 'publish': {
        const version = random.pick([4, 5] as const);
        const { topic, payload, qos, retain, properties } = publishOf(random, version);
        const { topicAlias: _, subscriptionIdentifiers: __, ...given } = properties ?? {};
        // What does not fit is refused; what waits for the disk is not waited for.
        broker.publish(topic, payload, { qos, retain, ...(properties !== undefined && { properties: given }) }).catch(() => {});
        return `the broker publishes ${payload.length} bytes to ${topic} at QoS ${qos}${retain ? ', retained' : ''}`;
      }
      case 'kick': {
        const clientId = random.pick(CLIENT_IDS);
        broker.kick(clientId);
        return `${clientId} is kicked`;
      }
      case 'listen':
        this.#listeners.push(broker.subscribe(random.pick(['#', 'a/+', 'b']), () => {}));
        return 'somebody listens in this process';
    }
  }

  /** Lets everything come to an end that waits for the gate, the disk or a turn. */
  async #settle(test: TestBroker): Promise<void> {
    do {
      for (const answer of this.#waiting.splice(0)) answer();
      test.endTurn();
      await heard();
      if (this.#storage?.underWay === true) await this.#storage.land();
    } while (!test.broker.idle || this.#waiting.length > 0);
  }

  /** A broker that starts from what was kept has what this one has. */
  async #restart(test: TestBroker): Promise<void> {
    if (this.#storage === undefined) return;
    this.#trace.push('another broker starts from the same storage');
    const again = await this.#open();
    const { broker } = again;
    await this.#settle(again);
    assert.deepEqual(kept(broker, test.broker), kept(test.broker, test.broker));
    assert.deepEqual(broker.stats.retained, test.broker.stats.retained);
  }

  /** Sessions that expire leave nothing behind, not even in the storage. */
  async #expire(test: TestBroker): Promise<void> {
    const { sessionExpiry } = this.#options;
    if (sessionExpiry === undefined || sessionExpiry === FOR_EVER) return;
    this.#trace.push('every session expires');
    test.advance(sessionExpiry * 1_000 + 100);
    await this.#settle(test);
    const { sessions, subscriptions, queued, retained } = test.broker.stats;
    assert.deepEqual({ sessions, subscriptions, queued }, NOTHING);
    if (this.#storage === undefined) return;
    const { kept } = this.#storage;
    const ofTheStore = await Promise.all([Kind.Format, Kind.Sequence].map((kind) => kept.get(key(kind))));
    const records = retained.messages + ofTheStore.filter((value) => value !== undefined).length;
    assert.equal(kept.size, records, 'records that are kept');
  }
}

const HONEST_ENDS: readonly CloseReason[] = ['client-disconnect', 'connection-lost', 'taken-over', 'connect-timeout', 'not-authorized'];
const NOTHING = { sessions: { connected: 0, disconnected: 0 }, subscriptions: 0, queued: { messages: 0, bytes: 0 } };

/** Nobody is connected; what there is belongs to sessions that are kept. */
function assertAlone(broker: RunningBroker): void {
  const { connections, sessions, subscriptions, queued, bugs } = broker.stats;
  const views = [...broker.sessions()];
  assert.equal(bugs, 0, 'no fault was counted');
  assert.equal(broker.transports, 0, 'every transport is released');
  assert.equal(connections.open, 0);
  assert.deepEqual(sessions, { connected: 0, disconnected: views.length });
  for (const { clean, connection } of views) assert.deepEqual({ clean, connection }, { clean: false, connection: undefined });
  assert.equal(
    subscriptions,
    sum(views, (view) => view.subscriptions.length),
  );
  assert.deepEqual(queued, { messages: sum(views, (view) => view.queuedMessages), bytes: sum(views, (view) => view.queuedBytes) });
}

/** What a restart must bring back of a broker, by client: what was in flight counts as waiting until its client is back. */
function kept(broker: RunningBroker, before: RunningBroker): object {
  const entries = Array.from(
    broker.sessions(),
    ({ clientId, createdAt, subscriptions, inflight, received, queuedMessages, queuedBytes }) => {
      const filters = subscriptions.map(({ filter, qos }) => `${filter} ${qos}`).sort();
      const bytes = before.session(clientId)?.inflight === 0 ? queuedBytes : undefined;
      return [clientId, { createdAt, filters, received, messages: inflight + queuedMessages, bytes }] as const;
    },
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sum<T>(things: readonly T[], of: (thing: T) => number): number {
  return things.reduce((total, thing) => total + of(thing), 0);
}
