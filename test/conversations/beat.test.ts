/** Acknowledged means kept: what waits for the disk, what does not, and what happens when the disk fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { Publish, type Packet, type TestBroker } from '../../src/testing.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import { HeldStorage, heard, started } from '../storage/held.js';
import {
  connack,
  disconnect,
  knock,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  told,
  unsuback,
  unsubscribe,
  welcomeBack,
  type Client,
} from './client.js';

/** A broker whose commits land when the test says so. */
class Stage {
  readonly storage: HeldStorage;
  readonly broker: TestBroker;

  private constructor(storage: HeldStorage, broker: TestBroker) {
    this.storage = storage;
    this.broker = broker;
  }

  static async set(options: CreateOptions = {}): Promise<Stage> {
    const storage = new HeldStorage();
    return new Stage(storage, await started(storage, options));
  }

  /** Lets commits land until nothing is left to do. */
  async settle(): Promise<void> {
    do {
      this.broker.endTurn();
      if (this.storage.underWay) await this.storage.land();
      else await heard();
    } while (!this.broker.broker.idle);
  }

  /** A client in a session that is kept, or is not, subscribed to `#` at QoS 2 where it `hears`. */
  async arrive(clientId: string, { clean = false, hears = false } = {}): Promise<Client> {
    const client = knock(this.broker, clientId, { clean });
    if (hears) client.send(subscribe(65_000, ['#', 2]));
    await this.settle();
    client.connection.take();
    return client;
  }

  /** What has come to a client by the end of this turn. */
  async expect(client: Client, ...packets: Packet[]): Promise<void> {
    this.broker.endTurn();
    await heard();
    assert.deepEqual(client.connection.take().map(told), packets.map(told));
  }

  /** The same when the commit has landed. */
  async expectLanded(client: Client, ...packets: Packet[]): Promise<void> {
    await this.storage.land();
    assert.deepEqual(client.connection.take().map(told), packets.map(told));
  }
}

/** Each answer that tells a client something is kept: what it answers, in a session that is kept. */
const answers: readonly {
  readonly name: string;
  readonly before?: readonly Packet[];
  readonly sent: readonly Packet[];
  readonly answer: readonly Packet[];
}[] = [
  { name: 'SUBACK', sent: [subscribe(1, ['a', 1])], answer: [suback(1, 1)] },
  { name: 'UNSUBACK', before: [subscribe(1, ['a', 1])], sent: [unsubscribe(2, 'a')], answer: [unsuback(2)] },
  { name: 'PUBREC', sent: [publish('a', 'x', { qos: 2, packetId: 5 })], answer: [pubrec(5)] },
  { name: 'PUBCOMP', before: [publish('a', 'x', { qos: 2, packetId: 5 })], sent: [pubrel(5)], answer: [pubcomp(5)] },
  { name: 'PUBACK of a retained message', sent: [publish('a', 'x', { qos: 1, packetId: 5, retain: true })], answer: [puback(5)] },
  {
    name: 'PUBACK of one that clears a topic',
    before: [publish('a', 'x', { retain: true })],
    sent: [publish('a', '', { qos: 1, packetId: 5, retain: true })],
    answer: [puback(5)],
  },
];

for (const { name, before = [], sent, answer } of answers) {
  test(`${name} waits for the disk`, async () => {
    const stage = await Stage.set();
    const ann = await stage.arrive('ann');
    ann.send(...before);
    await stage.settle();
    ann.connection.take();
    ann.send(...sent);
    await stage.expect(ann);
    await stage.expectLanded(ann, ...answer);
  });
}

test('CONNACK of a session that is kept waits for the disk, and nothing overtakes it', async () => {
  const stage = await Stage.set();
  const ann = knock(stage.broker, 'ann', { clean: false });
  const eve = await stage.arrive('eve', { clean: true, hears: true });
  const bob = knock(stage.broker, 'bob', { clean: false });
  bob.send(subscribe(1, ['a', 0]), pingreq, publish('b', 'x', { qos: 1, packetId: 2 }));
  eve.publish('a', 'zero');
  await stage.expect(bob);
  await stage.expectLanded(bob, connack(), suback(1, 0), pingresp, puback(2), publish('a', 'zero'));
  ann.connection.take();
  ann.hangUp();
  await stage.settle();
  const again = knock(stage.broker, 'ann', { clean: false });
  await stage.expect(again);
  await stage.expectLanded(again, welcomeBack);
});

test('PUBACK and PUBREC, and a message at QoS 2, wait for the disk where a session that is kept hears the message; at QoS 1 and 0, and PINGRESP, nothing does [MQTT-4.3.2-2]', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  const cy = await stage.arrive('cy', { clean: true });
  await stage.expect(cy.send(subscribe(1, ['#', 0])), suback(1, 0));
  ann.publish('a', 'one', { qos: 1, packetId: 1 }).publish('a', 'two', { qos: 2, packetId: 2 }).publish('a', 'zero').send(pingreq);
  bob.send(pingreq);
  await stage.expect(ann, pingresp);
  await stage.expect(bob, publish('a', 'one', { qos: 1, packetId: 1 }), publish('a', 'zero'), pingresp);
  await stage.expect(cy, publish('a', 'one'), publish('a', 'two'), publish('a', 'zero'));
  await stage.storage.land();
  await stage.expect(ann, puback(1), pubrec(2));
  // Under which identifier it was sent is kept before it is sent: after a restart it must be the same, or it would come twice.
  await stage.expect(bob, publish('a', 'two', { qos: 2, packetId: 2 }));
});

test('no message at QoS 1 overtakes one at QoS 2 that waits for the disk: they are sent in the order they would be sent again in [MQTT-4.6.0-1]', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  ann.publish('a', '1', { qos: 1, packetId: 1 }).publish('a', '2', { qos: 2, packetId: 2 }).publish('a', '3', { qos: 1, packetId: 3 });
  await stage.expect(bob, publish('a', '1', { qos: 1, packetId: 1 }));
  const rest = [publish('a', '2', { qos: 2, packetId: 2 }), publish('a', '3', { qos: 1, packetId: 3 })];
  await stage.expectLanded(bob, ...rest);
  bob.hangUp();
  const again = knock(stage.broker, 'bob', { clean: false });
  await stage.settle();
  const resent = [publish('a', '1', { qos: 1, packetId: 1, dup: true })];
  resent.push(publish('a', '2', { qos: 2, packetId: 2, dup: true }), publish('a', '3', { qos: 1, packetId: 3, dup: true }));
  assert.deepEqual(again.connection.take().map(told), [welcomeBack, ...resent].map(told));
});

for (const qos of [1, 2] as const) {
  test(`at QoS ${qos} alone, too, whether its publisher's session is kept or not [MQTT-4.3.2-2]`, async () => {
    for (const clean of [true, false]) {
      const stage = await Stage.set();
      const ann = await stage.arrive('ann', { clean });
      await stage.arrive('bob', { hears: true });
      ann.publish('a', 'x', { qos, packetId: 5 });
      await stage.expect(ann);
      await stage.expectLanded(ann, qos === 1 ? puback(5) : pubrec(5));
    }
  });
}

test('PUBREL waits until the disk knows that PUBLISH must not be sent again [MQTT-4.3.3-1]', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  ann.publish('a', 'x', { qos: 2, packetId: 1 });
  await stage.settle();
  bob.connection.take();
  bob.send(pubrec(1));
  await stage.expect(bob);
  bob.send(pubrec(1));
  await stage.expect(bob);
  await stage.expectLanded(bob, pubrel(1), pubrel(1));
});

test('where nothing is kept nothing waits', async () => {
  const stage = await Stage.set();
  const { commits } = stage.storage;
  const ann = knock(stage.broker, 'ann', { clean: true });
  await stage.expect(ann, connack());
  await stage.expect(ann.send(subscribe(1, ['#', 2])), suback(1, 2));
  ann.publish('a', '1', { qos: 1, packetId: 1 }).publish('a', '2', { qos: 2, packetId: 2 });
  await stage.expect(ann, publish('a', '1', { qos: 1, packetId: 1 }), puback(1), publish('a', '2', { qos: 2, packetId: 2 }), pubrec(2));
  await stage.expect(ann.send(pubrel(2), unsubscribe(2, '#')), pubcomp(2), unsuback(2));
  assert.equal(stage.storage.commits, commits);
});

test('answers keep their order: one that needs no disk does not overtake one that waits', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob');
  bob.send(subscribe(1, ['kept', 1]));
  await stage.settle();
  ann.publish('kept', 'x', { qos: 1, packetId: 1 }).publish('elsewhere', 'x', { qos: 1, packetId: 2 });
  ann.publish('elsewhere', 'x', { qos: 2, packetId: 3 }).send(pubrel(3));
  await stage.expect(ann);
  await stage.expectLanded(ann, puback(1), puback(2), pubrec(3), pubcomp(3));
});

test('answers of several commits leave one commit after the other', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann');
  for (let id = 1; id <= 3; id++) await stage.expect(ann.send(subscribe(id, ['a', 0])));
  await stage.expectLanded(ann, suback(1, 0));
  await stage.expect(ann.send(subscribe(4, ['a', 0])));
  await stage.expectLanded(ann, suback(2, 0), suback(3, 0));
  await stage.expectLanded(ann, suback(4, 0));
});

test('all facts of a turn are one commit, and a second begins only when the first has landed', async () => {
  const stage = await Stage.set();
  const ann = await stage.arrive('ann', { clean: true });
  const hearers = [await stage.arrive('bob', { hears: true }), await stage.arrive('cy', { hears: true })];
  const { storage, broker } = stage;
  storage.commits = 0;
  for (let id = 1; id <= 100; id++) ann.publish('a', 'x', { qos: 1, packetId: id });
  assert.equal(storage.commits, 0, 'the turn has not ended');
  broker.endTurn();
  for (let id = 101; id <= 300; id++) {
    ann.publish('a', 'x', { qos: 1, packetId: id });
    broker.endTurn();
  }
  assert.equal(storage.commits, 1);
  await storage.land();
  assert.equal(storage.commits, 2);
  assert.equal(ann.connection.take().length, 100);
  await storage.land();
  assert.equal(storage.commits, 2);
  assert.equal(ann.connection.take().length, 200);
  for (const hearer of hearers) assert.equal(hearer.connection.take().length, 300);
});

test('the answer to a CONNECT that ends a session that was kept waits until the disk has forgotten it [MQTT-3.1.2-6]', async () => {
  const stage = await Stage.set();
  await stage.arrive('ann', { hears: true });
  const again = knock(stage.broker, 'ann', { clean: true });
  await stage.expect(again);
  await stage.expectLanded(again, connack());
  assert.equal(await stage.storage.kept.get(keys.key(Kind.Session, 'ann')), undefined);
  await stage.settle();
  assert.equal(stage.storage.kept.size, 2, 'its version, and how far its numbers go');
});

test('who is gone when the commit lands is told nothing, and what it sent is kept', async () => {
  for (const goes of ['politely', 'suddenly'] as const) {
    const stage = await Stage.set();
    const ann = await stage.arrive('ann');
    const bob = await stage.arrive('bob', { hears: true });
    ann.publish('a', 'x', { qos: 1, packetId: 1 });
    await stage.expect(ann);
    if (goes === 'politely') ann.send(disconnect);
    else ann.hangUp();
    await stage.settle();
    await stage.expect(ann);
    await stage.expect(bob, publish('a', 'x', { qos: 1, packetId: 1 }));
    assert.equal(stage.broker.broker.stats.bugs, 0);
  }
});

test('more than the buffer takes may wait for the disk: when it has landed everything flows on by itself', async () => {
  const stage = await Stage.set({ maxBufferedBytes: 65_536, maxInflight: 100 });
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  const payloads = Array.from({ length: 60 }, (_, i) => `${i} `.padEnd(5_000, '.'));
  for (const [i, payload] of payloads.entries()) ann.publish('a', payload, { qos: 2, packetId: i + 1 });
  await stage.expect(bob);
  const view = stage.broker.broker.session('bob')!;
  assert.ok(view.queuedMessages > 0 && view.connection!.bytesBuffered < 100_000);
  await stage.settle();
  assert.deepEqual(
    bob.connection.take().map((packet) => (packet as Publish).payload.toString()),
    payloads,
  );
});

test('retained messages that wait behind a CONNACK flow on by themselves when it has left', async () => {
  const stage = await Stage.set({ maxBufferedBytes: 65_536 });
  const ann = await stage.arrive('ann', { clean: true });
  for (let i = 0; i < 150; i++) ann.publish(`t/${i}`, 'x'.repeat(1_000), { retain: true });
  await stage.settle();
  const bob = knock(stage.broker, 'bob', { clean: false }).send(subscribe(1, ['#', 0]));
  await stage.expect(bob);
  await stage.settle();
  assert.equal(bob.connection.take().filter((packet) => packet instanceof Publish).length, 150);
});

test('who speaks while a large message to it waits for the disk is heard after', async () => {
  const stage = await Stage.set({ maxBufferedBytes: 65_536 });
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  ann.publish('a', 'x'.repeat(500_000), { qos: 2, packetId: 1 });
  bob.send(pingreq, pingreq);
  await stage.expect(bob, pingresp, pingresp);
  await stage.storage.land();
  assert.equal(bob.connection.take().length, 1);
  bob.send(pubrec(1), pingreq);
  await stage.expect(bob, pingresp);
  await stage.expectLanded(bob, pubrel(1));
});

test('a commit that fails: nothing is acknowledged, no message at QoS 2 is sent, everybody is closed, nobody is let in, and the embedder is told [MQTT-4.8.0-2]', async () => {
  const lines: string[] = [];
  const note = (_fields: object, line: string): void => void lines.push(line);
  const stage = await Stage.set({ log: { debug: () => {}, info: () => {}, warn: note, error: note } });
  const { broker } = stage.broker;
  const told: unknown[] = [];
  broker.on('failed', ({ error }) => told.push(error));
  const ann = await stage.arrive('ann', { clean: true });
  const bob = await stage.arrive('bob', { hears: true });
  const cy = await stage.arrive('cy', { clean: true });
  const knocking = knock(stage.broker, 'dan', { clean: false });
  ann.publish('a', 'x', { qos: 1, packetId: 1 }).publish('a', 'y', { qos: 2, packetId: 2 }).send(pingreq);
  const own = broker.publish('b', 'x', { qos: 1 });
  await stage.expect(ann, pingresp);
  await Promise.all([assert.rejects(own, /disk full/), stage.storage.fail(new Error('disk full'))]);
  for (const client of [ann, bob, cy, knocking]) {
    await stage.expect(client, ...(client === bob ? [publish('a', 'x', { qos: 1, packetId: 1 })] : []));
    assert.equal(client.closed, true);
  }
  assert.equal(broker.stats.closed['storage-failed'], 4);
  assert.deepEqual(told.map(String), ['Error: disk full']);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /storage failed/);
  const late = knock(stage.broker, 'eve');
  await stage.expect(late);
  assert.equal(late.closed, true);
  assert.equal(stage.storage.underWay, false, 'nothing is committed after');
  assert.equal(broker.stats.connections.open, 0);
  assert.equal(broker.stats.bugs, 0);
  await assert.rejects(broker.publish('b', 'x', { qos: 1, retain: true }), /disk full/);
  await assert.rejects(broker.close(), /disk full/);
});

test('what this process publishes is settled when it is kept, at once where it need not be', async () => {
  const stage = await Stage.set();
  const { broker } = stage.broker;
  await broker.publish('a', 'x', { qos: 1 });
  await stage.arrive('bob', { hears: true });
  let settled = false;
  const publishing = broker.publish('a', 'x', { qos: 1 }).then(() => (settled = true));
  stage.broker.endTurn();
  await heard();
  assert.equal(settled, false);
  await stage.storage.land();
  await publishing;
});

test('closing waits until the last fact is kept', async () => {
  const stage = await Stage.set();
  const bob = await stage.arrive('bob', { hears: true });
  const landed = stage.storage.commits;
  let closed = false;
  const closing = stage.broker.broker.close().then(() => (closed = true));
  await heard();
  assert.equal(bob.closed, true);
  assert.equal(closed, false);
  assert.equal(stage.storage.commits, landed + 1);
  await stage.storage.land();
  await closing;
});
