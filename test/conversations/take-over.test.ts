/** A client identifier that connects while it is connected: the newer connection takes over [MQTT-3.1.4-2]. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gates } from '../../src/broker/hooks.js';
import { Arena } from '../../src/net/arena.js';
import { createTestBroker, Publish } from '../../src/testing.js';
import {
  arrive,
  closeReasons,
  comeBack,
  connack,
  held,
  knock,
  NOTHING,
  pingreq,
  pingresp,
  puback,
  publish,
  pubrec,
  type Client,
} from './client.js';

const stay = { clean: false };
const ONE_CLIENT = { ...NOTHING, transports: 1, connections: 1, connected: 1 };

for (const clean of [true, false]) {
  test(`a newer connection closes the older one (Clean Session ${Number(clean)}) [MQTT-3.1.4-2] [MQTT-3.1.4-4]`, async () => {
    const broker = await createTestBroker();
    const bystander = await arrive(broker, 'alicia');
    const old = await arrive(broker, 'alice', { clean });
    const fresh = knock(broker, 'alice', { clean });
    await old.expectClosed();
    await fresh.expect(connack(0, !clean));
    await fresh.send(pingreq).expect(pingresp);
    await bystander.send(pingreq).expect(pingresp);
    assert.deepEqual(closeReasons(broker), { 'taken-over': 1 });
    bystander.leave();
    assert.deepEqual(held(broker), ONE_CLIENT);
  });
}

test('the older connection is heard of before the newer one', async () => {
  const broker = await createTestBroker();
  const told: string[] = [];
  broker.broker.on('connected', ({ clientId }) => told.push(`${clientId} connected`));
  broker.broker.on('disconnected', ({ clientId, reason }) => told.push(`${clientId} ${reason}`));
  await arrive(broker, 'alice');
  await arrive(broker, 'alice');
  assert.deepEqual(told, ['alice connected', 'alice taken-over', 'alice connected']);
});

test('what the older connection still sends has no effect [MQTT-3.1.4-2]', async () => {
  const broker = await createTestBroker();
  const old = await arrive(broker, 'alice', stay);
  const fresh = await comeBack(broker, 'alice');
  await fresh.subscribe('a');
  await old.publish('a', 'too late').send(pingreq).expectClosed();
  old.leave();
  old.hangUp();
  await fresh.expect();
  assert.deepEqual(held(broker), { ...ONE_CLIENT, subscriptions: 1 });
});

test('a newer connection is sent again what the older one had and did not answer', async () => {
  const broker = await createTestBroker({ maxInflight: 2 });
  const old = await arrive(broker, 'alice', stay);
  await old.subscribe('a', 2);
  const bob = await arrive(broker, 'bob');
  for (const payload of ['1', '2', '3']) bob.publish('a', payload, { qos: 2 });
  assert.deepEqual(await old.payloads(), ['1', '2']);
  const fresh = await comeBack(broker, 'alice');
  await fresh.expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }), publish('a', '2', { qos: 2, packetId: 2, dup: true }));
  old.send(pubrec(1));
  await fresh.expect();
});

test('the older connection is handed what was on its way to it, and nothing that came later', async () => {
  const broker = await createTestBroker();
  const old = await arrive(broker, 'alice', stay);
  await old.subscribe('a');
  void broker.broker.publish('a', 'before');
  const fresh = knock(broker, 'alice', stay);
  void broker.broker.publish('a', 'after');
  await old.expectClosed(publish('a', 'before'));
  await fresh.expect(connack(0, true), publish('a', 'after'));
});

test('an older connection that takes no bytes any more is let go after two seconds', async () => {
  const broker = await createTestBroker();
  const old = await arrive(broker, 'alice', stay);
  await old.subscribe('a');
  old.connection.transport.freeze();
  await broker.broker.publish('a', 'x'.repeat(1_000));
  const fresh = await comeBack(broker, 'alice');
  assert.deepEqual(held(broker), { ...ONE_CLIENT, transports: 2, subscriptions: 1 });
  broker.advance(2_000);
  await old.expectClosed();
  assert.deepEqual(held(broker), { ...ONE_CLIENT, subscriptions: 1 });
  await fresh.send(pingreq).expect(pingresp);
});

test('a storm of 1,000 take-overs ends with one connection and one session, and leaves nothing else', async (context) => {
  const take = context.mock.method(Arena.prototype, 'take');
  const give = context.mock.method(Arena.prototype, 'give');
  const random = randomOf(20_260_101);
  const gate = slowGate();
  const broker = await createTestBroker({ gates: gate });
  const clients: Client[] = [];
  for (let i = 0; i < 1_000; i++) {
    clients.push(knock(broker, 'alice', { clean: random() < 0.5 }).send(pingreq));
    if (random() < 0.2) clients[Math.floor(random() * clients.length)]!.hangUp();
    if (random() < 0.1) broker.endTurn();
    for (let answers = Math.floor(random() * 3); answers > 0; answers--) await gate.answerOne(random);
  }
  while (gate.waiting > 0) await gate.answerOne(random);
  const last = knock(broker, 'alice');
  await gate.answerOne(random);
  await last.expect(connack());

  const { closed, connections, bugs } = broker.broker.stats;
  assert.deepEqual(held(broker), ONE_CLIENT);
  assert.equal(clients.filter((client) => !client.closed).length, 0);
  assert.equal(connections.total, 1_001);
  assert.equal(closed['taken-over'] + closed['connection-lost'], 1_000);
  assert.ok(closed['taken-over'] > 500);
  assert.equal(bugs, 0);
  await last.send(pingreq).expect(pingresp);
  last.leave();
  assert.deepEqual(held(broker), NOTHING);
  assert.ok(take.mock.callCount() > 0);
  assert.equal(take.mock.callCount() - give.mock.callCount(), 0, 'slabs that are still lent');
});

test('no message is lost or out of order in a storm of take-overs of a session that is kept', async () => {
  const random = randomOf(7);
  const gate = slowGate();
  const broker = await createTestBroker({ maxInflight: 5 });
  const bob = await arrive(broker, 'bob');
  const clients = [await arrive(broker, 'alice', stay)];
  await clients[0]!.subscribe('a', 1);
  broker.broker.gate(gate);
  const heard = new Set<number>();

  /** @returns how many messages have come. */
  const hear = async (client: Client, patience: number): Promise<number> => {
    const messages = (await client.take()).filter((packet) => packet instanceof Publish);
    for (const { packetId, payload } of messages) {
      heard.add(Number(payload));
      if (random() < patience) client.send(puback(packetId));
    }
    return messages.length;
  };
  for (let i = 0; i < 300; i++) {
    bob.publish('a', String(i), { qos: 1 });
    clients.push(knock(broker, 'alice', stay));
    if (random() < 0.7) await gate.answerOne(random);
    if (random() < 0.5) continue;
    for (const client of clients.splice(0)) {
      await hear(client, 0.7);
      if (!client.closed) clients.push(client);
    }
  }
  while (gate.waiting > 0) await gate.answerOne(random);
  const last = knock(broker, 'alice', stay);
  await gate.answerOne(random);
  while ((await hear(last, 1)) > 0);

  assert.deepEqual(
    [...heard],
    Array.from({ length: 300 }, (_, i) => i),
  );
  bob.leave();
  assert.deepEqual(held(broker), { ...ONE_CLIENT, subscriptions: 1 });
  assert.equal(broker.broker.session('alice')?.inflight, 0);
});

interface SlowGate {
  readonly connect: Gates['connect'];
  readonly waiting: number;
  /** Lets in one of those who wait, whichever. */
  answerOne(random: () => number): Promise<void>;
}

function slowGate(): SlowGate {
  const waiting: ((verdict: true) => void)[] = [];
  return {
    connect: () => new Promise((resolve) => waiting.push(resolve)),
    get waiting() {
      return waiting.length;
    },
    answerOne: async (random) => {
      waiting.splice(Math.floor(random() * waiting.length), 1)[0]?.(true);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    },
  };
}

/** Numbers in [0, 1) that are the same each time (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
