/** A Shared Subscription from within: whom each strategy chooses, and who is passed over. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { forgetful } from '../../src/broker/journal.js';
import { ShareGroup, STRATEGIES, type Strategy } from '../../src/broker/share-group.js';
import type { QoS } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import type { Subscription, Wire } from '../../src/session/contracts.js';
import { Message } from '../../src/session/message.js';
import { Session, type SessionSurroundings } from '../../src/session/session.js';
import { Tally } from '../../src/session/tally.js';
import { NO_TERMS } from '../../src/session/terms.js';
import { LIMITS } from '../util/limits.js';

interface Heard {
  readonly who: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly retain: boolean;
}

/** How a member is: connected with room, with a full window, with a wire that takes nothing, or away; its queue may be full. */
type State = 'free' | 'busy' | 'frozen' | 'away' | 'full' | 'away and full' | 'ended';

/** A group, and what its members were sent. */
class Scene {
  readonly tally = new Tally();
  readonly group: ShareGroup;
  readonly heard: Heard[] = [];
  readonly #surroundings: SessionSurroundings = {
    limits: { ...LIMITS, maxInflight: 2, maxQueuedMessages: 2, maxQueuedBytes: 1e6 },
    journal: forgetful,
    shelf: undefined,
    tally: this.tally,
    now: () => 0,
    again: () => {},
  };

  constructor(strategy: Strategy = 'round-robin') {
    this.group = new ShareGroup('$share/g/t', 't', strategy, this.tally);
  }

  join(clientId: string, options: Partial<Subscription> = {}, state: State = 'free'): Session {
    const session = new Session(clientId, 0, state.startsWith('away') ? 60 : 0, 0, this.#surroundings);
    const wire = {
      congested: false,
      send: () => {},
      publish: ({ payload }: Publish, first: number) =>
        this.heard.push({ who: clientId, payload: payload.toString(), qos: ((first >> 1) & 3) as QoS, retain: (first & 1) === 1 }),
    };
    if (!state.startsWith('away') && state !== 'ended') session.resume(wire as unknown as Wire, NO_TERMS);
    const fill = { free: 0, busy: 2, frozen: 0, away: 0, full: 4, 'away and full': 2, ended: 0 }[state];
    for (let i = 0; i < fill; i++) session.deliver(message('filler', 1), 1, false, { identifiers: undefined, share: undefined });
    wire.congested = state === 'frozen';
    this.heard.length = 0;
    this.enter(session, options);
    return session;
  }

  enter(session: Session, options: Partial<Subscription> = {}): void {
    const plain = { filter: '$share/g/t', qos: 2, noLocal: false, retainAsPublished: false, identifier: undefined } as const;
    this.group.join(session, { subscriber: session, ...plain, ...options });
  }

  publish(payload: string, qos: QoS = 0, publisher?: string, retain = false): this {
    this.group.deliver(message(payload, qos, publisher, retain), qos, retain);
    return this;
  }

  /** Who heard something since it was asked last, in order. */
  who(): string {
    return this.heard
      .splice(0)
      .map(({ who }) => who)
      .join(' ');
  }
}

function message(payload: string, qos: QoS, publisher?: string, retain = false): Message {
  return new Message(Publish.of({ topic: 't', payload: Buffer.from(payload), qos, retain }), publisher, Infinity);
}

/** How many messages each member got. */
function counts(heard: readonly Heard[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const { who } of heard) result[who] = (result[who] ?? 0) + 1;
  return result;
}

test('round robin gives each message to one member, and each member the same number of them', () => {
  const scene = new Scene();
  for (const name of ['a', 'b', 'c']) scene.join(name);
  for (let i = 0; i < 3_000; i++) scene.publish(`${i}`);
  assert.deepEqual(
    scene.heard.map(({ payload }) => payload),
    Array.from({ length: 3_000 }, (_, i) => `${i}`),
  );
  assert.deepEqual(counts(scene.heard), { a: 1_000, b: 1_000, c: 1_000 });
});

test('round robin goes on with whoever is next when a member before or after it leaves, or joins', () => {
  const scene = new Scene();
  const [a, b] = [scene.join('a'), scene.join('b')];
  for (const name of ['c', 'd']) scene.join(name);
  scene.publish('1').publish('2');
  scene.group.leave(a);
  scene.publish('3');
  assert.equal(scene.who(), 'a b c');
  scene.join('e');
  scene.publish('4').publish('5').publish('6');
  assert.equal(scene.who(), 'd e b');
  scene.group.leave(b);
  scene.publish('7').publish('8').publish('9').publish('10');
  assert.equal(scene.who(), 'c d e c');
});

test('round robin is as fair among members that are away, or have no room', () => {
  for (const state of ['away', 'busy'] as const) {
    const scene = new Scene();
    const members = ['a', 'b'].map((name) => scene.join(name, {}, state));
    for (let i = 0; i < 4; i++) scene.publish(`${i}`, 1);
    assert.deepEqual(
      members.map(({ queue }) => queue.length),
      [2, 2],
      state,
    );
  }
});

test('sticky gives all messages of a publisher to one member, in their order, and spreads the publishers', () => {
  const scene = new Scene('sticky');
  for (const name of ['a', 'b', 'c', 'd']) scene.join(name);
  for (let i = 0; i < 3; i++) for (let p = 0; p < 200; p++) scene.publish(`${p} ${i}`, 0, `publisher-${p}`);
  const member = new Map<string, string[]>();
  for (const { who, payload } of scene.heard) {
    const publisher = payload.split(' ')[0]!;
    member.set(publisher, [...(member.get(publisher) ?? []), who]);
  }
  for (const heard of member.values()) assert.deepEqual(heard, [heard[0], heard[0], heard[0]]);
  const shares = Object.values(counts(scene.heard));
  assert.equal(shares.length, 4);
  for (const share of shares) assert.ok(share > 60, `one of four has ${share} of 600`);
});

test('sticky passes over a member without room, and comes back to it', () => {
  const scene = new Scene('sticky');
  const members = new Map(['a', 'b'].map((name) => [name, scene.join(name)]));
  const chosen = (): string => scene.publish('x', 1, 'ann').who();
  const first = chosen();
  assert.equal(chosen(), first);
  assert.notEqual(chosen(), first, 'its window of two is full');
  members.get(first)!.acknowledged(1);
  assert.equal(chosen(), first);
});

test('what comes from this process has one member where publishers stick, too', () => {
  const scene = new Scene('sticky');
  for (const name of ['a', 'b', 'c']) scene.join(name);
  scene.publish('1').publish('2').publish('3');
  assert.deepEqual(Object.values(counts(scene.heard)), [3]);
});

test('least in-flight asks who has the least to do, and of several each in turn', () => {
  const scene = new Scene('least-inflight');
  const [a, b] = [scene.join('a'), scene.join('b'), scene.join('c')];
  scene.publish('1', 1).publish('2', 1).publish('3', 1);
  assert.equal(scene.who(), 'a b c');
  b.acknowledged(1);
  scene.publish('4', 1);
  assert.equal(scene.who(), 'b');
  a.acknowledged(1);
  scene.publish('5', 1).publish('6', 1);
  assert.equal(scene.who(), 'a b');
});

test('least in-flight shares messages evenly among members that are as fast as each other', () => {
  const scene = new Scene('least-inflight');
  for (const name of ['a', 'b', 'c']) scene.join(name);
  for (let i = 0; i < 300; i++) scene.publish(`${i}`);
  assert.deepEqual(counts(scene.heard), { a: 100, b: 100, c: 100 });
});

test('least in-flight is not led astray by a member that is away and has nothing to do', () => {
  const scene = new Scene('least-inflight');
  scene.join('away', {}, 'away');
  scene.join('a');
  const b = scene.join('b');
  scene.publish('1', 1).publish('2', 1);
  b.acknowledged(1);
  scene.publish('3', 1);
  assert.equal(scene.who(), 'a b b');
});

for (const published of [0, 1, 2] as const) {
  for (const granted of [0, 1, 2] as const) {
    const qos = Math.min(published, granted);
    test(`QoS ${published} goes at QoS ${qos} to a member that was granted QoS ${granted} [MQTT5-4.8.2-3]`, () => {
      const scene = new Scene();
      scene.join('a', { qos: granted });
      scene.publish('x', published);
      assert.deepEqual(scene.heard, [{ who: 'a', payload: 'x', qos, retain: false }]);
    });
  }
}

test('each member has the QoS and the RETAIN it asked for itself [MQTT5-4.8.2-3]', () => {
  const scene = new Scene();
  scene.join('a', { qos: 0, retainAsPublished: true });
  scene.join('b', { qos: 1 });
  scene.join('c', { qos: 2, retainAsPublished: true });
  for (const payload of ['1', '2', '3']) scene.publish(payload, 2, undefined, true);
  scene.publish('4', 2);
  assert.deepEqual(scene.heard, [
    { who: 'a', payload: '1', qos: 0, retain: true },
    { who: 'b', payload: '2', qos: 1, retain: false },
    { who: 'c', payload: '3', qos: 2, retain: true },
    { who: 'a', payload: '4', qos: 0, retain: false },
  ]);
});

/** From whom it goes to first to whom it goes to last; who is not named takes none. */
const orders: Record<QoS, readonly (readonly State[])[]> = {
  0: [['free', 'busy', 'full'], ['frozen']],
  1: [['free'], ['busy', 'frozen'], ['away'], ['full', 'away and full']],
  2: [['free'], ['busy', 'frozen'], ['away'], ['full', 'away and full']],
};
const states: readonly State[] = ['free', 'busy', 'frozen', 'away', 'full', 'away and full', 'ended'];

for (const strategy of STRATEGIES) {
  for (const qos of [0, 1, 2] as const) {
    const order = orders[qos];
    const rank = (state: State): number => {
      const index = order.findIndex((equal) => equal.includes(state));
      return index === -1 ? order.length : index;
    };
    test(`at QoS ${qos} with ${strategy} members with room come first: ${order.map((equal) => equal.join(' or ')).join(', then ')}`, () => {
      for (const one of states) {
        for (const other of states) {
          const scene = new Scene(strategy);
          const members = [scene.join('one', {}, one), scene.join('other', {}, other)];
          const before = members.map(({ queue, messagesDropped }) => queue.length + messagesDropped);
          scene.publish('x', qos);
          const took = members.filter((member, i) => {
            const isSent = scene.heard.some(({ who }) => who === member.clientId);
            return isSent || member.queue.length + member.messagesDropped > before[i]!;
          });
          const best = Math.min(rank(one), rank(other));
          const names = members.filter((_, i) => rank([one, other][i]!) === best);
          if (best === order.length) assert.equal(scene.tally.dropped['no-member'], 1, `${one}, ${other}`);
          else assert.ok(took.length === 1 && names.includes(took[0]!), `${one}, ${other}`);
        }
      }
    });
  }
}

test('who was granted QoS 0 and is away takes nothing', () => {
  const scene = new Scene();
  scene.join('a', { qos: 0 }, 'away');
  scene.publish('1', 2);
  assert.equal(scene.tally.dropped['no-member'], 1);
  scene.join('b', { qos: 1 }, 'away');
  scene.publish('2', 2);
  assert.equal(scene.tally.dropped['no-member'], 1);
});

test('a message nobody has room for is dropped and counted, once', () => {
  const scene = new Scene();
  scene.join('a', {}, 'full');
  scene.join('b', {}, 'away and full');
  scene.publish('x', 1);
  assert.equal(scene.tally.dropped['queue-full'], 1);
});

test('who subscribes again keeps its place, and has what it asked for last', () => {
  const scene = new Scene();
  const a = scene.join('a', { qos: 0 });
  scene.join('b');
  scene.publish('1', 1);
  scene.enter(a, { qos: 1 });
  assert.equal(scene.group.size, 2);
  scene.publish('2', 1).publish('3', 1);
  assert.deepEqual(
    scene.heard.map(({ who, qos }) => `${who} ${qos}`),
    ['a 0', 'b 1', 'a 1'],
  );
});

test('who is no member cannot leave', () => {
  const scene = new Scene();
  const a = scene.join('a');
  scene.group.leave(a);
  scene.group.leave(a);
  assert.equal(scene.group.size, 0);
  scene.publish('x', 2);
  assert.equal(scene.tally.dropped['no-member'], 1);
});

test('whatever the strategy and whoever comes, goes and answers, each message goes to one member or is counted', () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('join' as const), state: fc.constantFrom(...states), qos: fc.constantFrom<QoS>(0, 1, 2) }),
    fc.record({ act: fc.constant('leave' as const), member: fc.nat() }),
    fc.record({ act: fc.constant('acknowledge' as const), member: fc.nat() }),
    {
      weight: 4,
      arbitrary: fc.record({ act: fc.constant('publish' as const), qos: fc.constantFrom<QoS>(0, 1, 2), publisher: fc.string() }),
    },
  );
  fc.assert(
    fc.property(fc.constantFrom(...STRATEGIES), fc.array(step, { maxLength: 60 }), (strategy, steps) => {
      const scene = new Scene(strategy);
      const all: Session[] = [];
      const members: Session[] = [];
      const taken = (): number =>
        all.reduce((sum, { queue, messagesSent, messagesDropped }) => sum + queue.length + messagesSent + messagesDropped, 0) +
        scene.tally.dropped['no-member'];
      for (const step of steps) {
        if (step.act === 'join') {
          const member = scene.join(`${all.length}`, { qos: step.qos }, step.state);
          all.push(member);
          members.push(member);
        } else if (step.act === 'publish') {
          const before = taken();
          scene.publish('x', step.qos, step.publisher);
          assert.equal(taken() - before, 1);
        } else if (members.length > 0) {
          const index = step.member % members.length;
          if (step.act === 'leave') scene.group.leave(members.splice(index, 1)[0]!);
          else for (let id = 1; id < 10; id++) members[index]!.acknowledged(id);
        }
        assert.equal(scene.group.size, members.length);
      }
    }),
  );
});
