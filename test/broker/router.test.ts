/** The router: who hears a topic, also while it remembers what it answered before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Router } from '../../src/broker/router.js';
import type { QoS } from '../../src/packet/packet.js';
import type { Subscriber, Subscription } from '../../src/session/contracts.js';
import { matches } from '../../src/topic/name.js';
import { anyFilter, anyName } from '../topic/alphabet.js';

const subscriber = (clientId: string): Subscriber => ({ clientId, durable: false, takes: () => true, deliver: () => 0 });
const ann = subscriber('ann');
const bob = subscriber('bob');

function subscription(subscriber: Subscriber, filter: string, qos: QoS): Subscription {
  return { subscriber, filter, qos, noLocal: false, retainAsPublished: false, identifier: undefined };
}

/** Who hears the topic: `['ann 1', 'bob 0']`. */
function audience(router: Router, topic: string, wasHeard = true): string[] {
  return router.audience(topic, wasHeard).map(({ subscriber, qos }) => `${subscriber.clientId} ${qos}`);
}

function routerOf(...subscriptions: readonly Subscription[]): Router {
  const router = new Router();
  for (const one of subscriptions) router.add(one);
  return router;
}

test('nobody hears a topic no filter matches', () => {
  const router = routerOf(subscription(ann, 'a/b', 0));
  assert.deepEqual(audience(router, 'a'), []);
  assert.deepEqual(audience(router, 'a/b/c'), []);
});

test('who has several matching filters hears a topic once, at the highest QoS of them [MQTT-3.3.5-1]', () => {
  const router = routerOf(
    subscription(ann, 'a/+', 1),
    subscription(ann, 'a/b', 0),
    subscription(bob, 'a/#', 0),
    subscription(ann, '#', 2),
    subscription(ann, 'a/b/c', 2),
  );
  assert.deepEqual(audience(router, 'a/b').sort(), ['ann 2', 'bob 0']);
});

test('the same audience is answered from memory until a subscription changes it', () => {
  const router = routerOf(subscription(ann, 'a', 0));
  const before = router.audience('a');
  assert.equal(router.audience('a'), before);
  router.add(subscription(bob, 'b', 0));
  assert.equal(router.audience('a'), before);
  router.add(subscription(bob, 'a', 1));
  assert.deepEqual(audience(router, 'a'), ['ann 0', 'bob 1']);
  assert.deepEqual(
    before.map(({ subscriber }) => subscriber),
    [ann],
    'who is reading the old one is not disturbed',
  );
});

test('a filter with wildcards changes every audience at once', () => {
  const router = routerOf(subscription(ann, 'a/b', 0));
  assert.deepEqual(audience(router, 'a/b'), ['ann 0']);
  assert.deepEqual(audience(router, 'a/c'), []);
  const wild = subscription(bob, 'a/+', 2);
  router.add(wild);
  assert.deepEqual(audience(router, 'a/b').sort(), ['ann 0', 'bob 2']);
  assert.deepEqual(audience(router, 'a/c'), ['bob 2']);
  router.remove(wild);
  assert.deepEqual(audience(router, 'a/b'), ['ann 0']);
  assert.deepEqual(audience(router, 'a/c'), []);
});

test('it remembers no more topics than it is told to', () => {
  const router = new Router(3);
  router.add(subscription(ann, '#', 0));
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(audience(router, `topic/${i}`), ['ann 0']);
    assert.ok(router.remembered <= 3);
  }
});

test('a topic that was not heard before is answered like any other, and not remembered', () => {
  const router = routerOf(subscription(ann, 'a/+', 0), subscription(bob, 'a/b', 1));
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(audience(router, 'a/b', false).sort(), ['ann 0', 'bob 1']);
    assert.deepEqual(audience(router, 'b', false), []);
  }
  assert.equal(router.remembered, 0);
});

test('it counts subscriptions, and none twice', () => {
  const one = subscription(ann, 'a', 0);
  const router = routerOf(one, subscription(bob, 'a', 0), subscription(ann, '+', 0));
  assert.equal(router.size, 3);
  router.remove(one);
  router.remove(one);
  assert.equal(router.size, 2);
});

test('whatever changes in between, a topic is heard by those whose filters match it', () => {
  const change = fc.record({
    who: fc.constantFrom(ann, bob),
    filter: anyFilter,
    qos: fc.constantFrom<QoS>(0, 1, 2),
    goes: fc.boolean(),
    topic: anyName,
    wasHeard: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const router = new Router(4);
      const present = new Map<string, Subscription>();
      for (const { who, filter, qos, goes, topic, wasHeard } of changes) {
        const key = `${who.clientId} ${filter}`;
        const replaced = present.get(key);
        if (replaced !== undefined) router.remove(replaced);
        present.delete(key);
        if (!goes) {
          const fresh = subscription(who, filter, qos);
          present.set(key, fresh);
          router.add(fresh);
        }
        const expected = new Map<string, QoS>();
        for (const { subscriber, filter, qos } of present.values()) {
          if (!matches(filter, topic)) continue;
          expected.set(subscriber.clientId, Math.max(qos, expected.get(subscriber.clientId) ?? 0) as QoS);
        }
        assert.deepEqual(audience(router, topic, wasHeard).sort(), [...expected].map(([clientId, qos]) => `${clientId} ${qos}`).sort());
        assert.equal(router.size, present.size);
      }
    }),
  );
});
