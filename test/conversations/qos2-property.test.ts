/** Whatever is lost and repeated: QoS 2 arrives exactly once, QoS 1 at least once, QoS 0 at most once, each in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { QoS } from '../../src/packet/packet.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import { expectPromisesKept, Peer } from './peer.js';
import { runs } from '../util/runs.js';

/** What may happen next, to one of the two. */
const event = fc.record({
  who: fc.constantFrom('ann' as const, 'bob' as const),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('publish' as const) },
    { weight: 8, arbitrary: fc.constant('handle' as const) },
    { weight: 2, arbitrary: fc.constant('lose' as const) },
    { weight: 3, arbitrary: fc.constant('join' as const) },
    { weight: 1, arbitrary: fc.constant('mute' as const) },
    { weight: 1, arbitrary: fc.constant('repeat' as const) },
  ),
  qos: fc.constantFrom<QoS>(0, 1, 2, 2),
});

/** Lets both say everything they have to say. */
function finish(broker: TestBroker, ann: Peer, bob: Peer): void {
  for (const peer of [ann, bob]) peer.lose();
  for (const peer of [ann, bob]) peer.join(broker);
  do broker.endTurn();
  while ([ann.handle(), bob.handle()].includes(true));
}

test('both publish to each other over connections that are lost at any point [MQTT-4.3.3-1][MQTT-4.3.3-2][MQTT-4.3.2-1][MQTT-4.4.0-1][MQTT-4.6.0-6]', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 10, maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 4 }),
      async (events, maxInflight) => {
        const broker = await createTestBroker({ maxInflight });
        const ann = new Peer('ann', 'bob');
        const bob = new Peer('bob', 'ann');
        finish(broker, ann, bob);
        assert.ok(ann.subscribed && bob.subscribed);
        for (const { who, what, qos } of events) {
          const peer = who === 'ann' ? ann : bob;
          if (what === 'publish') peer.publish(qos);
          else if (what === 'join') peer.join(broker);
          else peer[what]();
          broker.endTurn();
        }
        finish(broker, ann, bob);
        expectPromisesKept(ann, bob);
        expectPromisesKept(bob, ann);
        for (const peer of [ann, bob]) {
          const { inflight, received, queuedMessages } = broker.broker.session(peer.clientId)!;
          assert.deepEqual([peer.unacknowledged, inflight, received, queuedMessages], [0, 0, 0, 0], 'nothing is left to say');
        }
        assert.equal(broker.broker.stats.bugs, 0);
      },
    ),
    runs(50),
  );
});
