/** Whatever happens in whatever order, kills among it: sessions that are kept are sent everything, and nothing of it is left behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turned } from 'node:timers/promises';
import * as fc from 'fast-check';
import type { QoS } from '../../src/packet/packet.js';
import { createTestBroker, type TestBroker } from '../../src/testing.js';
import { HeldStorage } from '../storage/held.js';
import { Client, connect, disconnect, having, subscribe } from './client.js';
import { expectPromisesKept, Peer } from './peer.js';
import { APART, inventory } from './store.js';
import { runs } from '../util/runs.js';

const event = fc.record({
  who: fc.constantFrom(0, 1, 2),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('publish' as const) },
    { weight: 1, arbitrary: fc.constant('burst' as const) },
    { weight: 8, arbitrary: fc.constant('handle' as const) },
    { weight: 4, arbitrary: fc.constant('land' as const) },
    { weight: 3, arbitrary: fc.constant('join' as const) },
    { weight: 1, arbitrary: fc.constantFrom('lose' as const, 'mute' as const, 'repeat' as const, 'kill' as const) },
    { weight: 1, arbitrary: fc.constantFrom('begin' as const, 'expiring' as const, 'end' as const, 'pass' as const) },
  ),
  qos: fc.constantFrom<QoS>(0, 1, 2, 2),
  many: fc.integer({ min: 2, max: 20 }),
  ends: fc.boolean(),
});

/** A client whose session comes and goes, in the middle of everything. */
const MAYFLY = 'mayfly';

class Scene {
  storage = new HeldStorage();
  readonly ann = new Peer('ann');
  readonly bob = new Peer('bob', 'ann');
  readonly cy = new Peer('cy', 'ann');
  readonly peers = [this.ann, this.bob, this.cy];
  readonly #maxInflight: number;
  #broker: TestBroker | undefined;

  constructor(maxInflight: number) {
    this.#maxInflight = maxInflight;
  }

  get broker(): TestBroker {
    assert.ok(this.#broker !== undefined);
    return this.#broker;
  }

  /** The process dies, if there is one; the next finds what was committed. */
  async start(): Promise<void> {
    for (const peer of this.peers) peer.lose();
    this.storage = new HeldStorage(this.storage.kept);
    const assembled = createTestBroker({ storage: this.storage, maxInflight: this.#maxInflight });
    await turned();
    if (this.storage.underWay) await this.storage.land();
    this.#broker = await assembled;
  }

  async land(): Promise<void> {
    if (this.storage.underWay) await this.storage.land();
    await turned();
  }

  /** Whoever is there says everything there is to say, until the broker has come to rest. */
  async finish(): Promise<void> {
    let isBusy = true;
    while (isBusy) {
      this.broker.endTurn();
      await this.land();
      isBusy = this.peers.filter((peer) => peer.connected && peer.handle()).length > 0 || this.storage.underWay || !this.broker.broker.idle;
    }
  }

  /** The other client is there for a moment. */
  visit(clean: boolean): Client {
    return new Client(this.broker).send(connect(MAYFLY, { version: 5, clean, properties: { sessionExpiryInterval: clean ? 0 : 5 } }));
  }
}

test('every acknowledged message arrives, in order, exactly once at QoS 2, and nothing of it stays [MQTT-4.3.3-1][MQTT-4.3.2-1][MQTT-4.4.0-1][MQTT-4.6.0-6]', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 10, maxLength: 120, size: 'max' }),
      fc.integer({ min: 1, max: 5 }),
      async (events, maxInflight) => {
        const scene = new Scene(maxInflight);
        const { ann, bob, cy, peers } = scene;
        await scene.start();
        for (const peer of peers) peer.join(scene.broker);
        await scene.finish();
        assert.ok(bob.subscribed && cy.subscribed);
        for (const { who, what, qos, many, ends } of events) {
          const peer = peers[who]!;
          if (what === 'publish') ann.publish(qos);
          else if (what === 'burst') for (let i = 0; i < many; i++) ann.publish(qos);
          else if (what === 'join') peer.join(scene.broker);
          else if (what === 'kill') await scene.start();
          else if (what === 'land') await scene.land();
          else if (what === 'begin')
            scene
              .visit(false)
              .send(subscribe(1, ['ann', 2], ['soon', 2], [APART, 2]))
              .hangUp();
          else if (what === 'end') scene.visit(true).send(disconnect);
          else if (what === 'expiring')
            scene
              .visit(true)
              .publish('soon', 'x', having({ messageExpiryInterval: 2 }, { qos: 1 }))
              .hangUp();
          else if (what === 'pass') scene.broker.advance(many * 100);
          else peer[what]();
          if (ends) scene.broker.endTurn();
        }
        for (const peer of peers) peer.lose();
        for (const peer of peers) peer.join(scene.broker);
        await scene.finish();
        expectPromisesKept(ann, bob);
        expectPromisesKept(ann, cy);
        for (let i = 0; i < 10; i++) {
          scene.broker.advance(1_000);
          await scene.finish();
        }
        const { queued, bugs } = scene.broker.broker.stats;
        assert.deepEqual({ queued, bugs }, { queued: { messages: 0, bytes: 0 }, bugs: 0 });
        assert.deepEqual(await inventory(scene.storage.kept), { Format: 1, Sequence: 1, Session: 3 });
      },
    ),
    runs(20),
  );
});
