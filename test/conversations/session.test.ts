/** What is remembered of a client that is away, and what it finds when it comes back (MQTT 3.1.1 sections 3.1.2.4, 4.1 and 4.4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifierAt } from '../../src/session/inflight.js';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  comeBack,
  connack,
  held,
  knock,
  NOTHING,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  welcomeBack,
  type Client,
} from './client.js';

const stay = { clean: false };

/** Alice with a session that outlives her connection, subscribed to `to/alice` at QoS 2, and Bob, who writes to her. */
async function aliceAndBob(options?: Parameters<typeof createTestBroker>[0]): Promise<{ broker: TestBroker; alice: Client; bob: Client }> {
  const broker = await createTestBroker(options);
  const alice = await arrive(broker, 'alice', stay);
  await alice.subscribe('to/alice', 2);
  return { broker, alice, bob: await arrive(broker, 'bob') };
}

const ends: [string, (client: Client) => void][] = [
  ['ended', (client) => client.leave()],
  ['was lost', (client) => client.hangUp()],
  ['is still open', () => {}],
];
const transitions = [
  { name: 'finds its session', before: 0, now: 0, sessionPresent: true, spec: ['MQTT-3.2.2-2', 'MQTT-3.1.2-4'] },
  { name: 'finds none, for it wants none', before: 0, now: 1, sessionPresent: false, spec: ['MQTT-3.2.2-1', 'MQTT-3.1.2-6'] },
  { name: 'finds none, for none was kept', before: 1, now: 0, sessionPresent: false, spec: ['MQTT-3.2.2-3', 'MQTT-3.1.2-6'] },
  { name: 'finds none, as ever', before: 1, now: 1, sessionPresent: false, spec: ['MQTT-3.2.2-1', 'MQTT-3.1.2-6'] },
];
for (const { name, before, now, sessionPresent } of transitions) {
  for (const [ended, end] of ends) {
    test(`a client with Clean Session ${now} whose last connection had ${before} and ${ended} ${name} [MQTT-3.1.4-3]`, async () => {
      const broker = await createTestBroker();
      const first = await arrive(broker, 'alice', { clean: before === 1 });
      await first.subscribe('a', 1);
      end(first);
      const second = knock(broker, 'alice', { clean: now === 1 });
      await second.expect(connack(0, sessionPresent));
      assert.equal(broker.broker.session('alice')?.clean, now === 1);
      assert.equal(broker.broker.session('alice')?.subscriptions.length, sessionPresent ? 1 : 0);
      assert.equal(broker.broker.stats.subscriptions, sessionPresent ? 1 : 0);
      second.publish('a', 'to myself');
      assert.deepEqual(await second.payloads(), sessionPresent ? ['to myself'] : []);
    });
  }
}

test('Clean Session 0 begins a session where there is none, and it is there next time [MQTT-3.2.2-3] [MQTT-3.2.2-2]', async () => {
  const broker = await createTestBroker();
  for (const sessionPresent of [false, true, true]) {
    const alice = knock(broker, 'alice', stay);
    await alice.expect(connack(0, sessionPresent));
    alice.leave();
  }
});

test('nothing of a clean session is ever found again, nor of one a clean session replaced [MQTT-3.1.2-6]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ maxInflight: 1 });
  for (const payload of ['in flight', 'waits', 'waits too']) bob.publish('to/alice', payload, { qos: 2 });
  await alice.expect(publish('to/alice', 'in flight', { qos: 2, packetId: 1 }));
  await alice.publish('to/bob', 'half', { qos: 2, packetId: 7 }).expect(pubrec(7));
  alice.hangUp();
  bob.leave();

  const clean = await arrive(broker, 'alice', { clean: true });
  assert.deepEqual(held(broker), { ...NOTHING, transports: 1, connections: 1, connected: 1 });
  clean.leave();
  assert.deepEqual(held(broker), NOTHING);

  const anew = await arrive(broker, 'alice', stay);
  assert.equal(broker.broker.session('alice')?.received, 0);
  await anew.expect();
});

test('QoS 1 and 2 messages wait for a client that is away, QoS 0 is dropped [MQTT-3.1.2-5] [MQTT-4.1.0-1] [MQTT-4.5.0-1]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  alice.hangUp();
  bob.publish('to/alice', 'one', { qos: 1 });
  bob.publish('to/alice', 'zero', { qos: 0 });
  bob.publish('to/alice', 'two', { qos: 2 });
  bob.publish('to/others', 'not hers', { qos: 2 });
  const { queued, dropped } = broker.broker.stats;
  assert.equal(queued.messages, 2);
  assert.equal(dropped['session-offline'], 1);
  const back = await comeBack(broker, 'alice');
  await back.expect(publish('to/alice', 'one', { qos: 1, packetId: 1 }), publish('to/alice', 'two', { qos: 2, packetId: 2 }));
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
});

test('what waits for a client that is away is bounded by count', async () => {
  const { broker, alice, bob } = await aliceAndBob({ maxQueuedMessages: 2 });
  alice.leave();
  for (const payload of ['1', '2', '3']) bob.publish('to/alice', payload, { qos: 1 });
  await bob.expect(puback(1), puback(2), puback(3));
  assert.equal(broker.broker.stats.dropped['queue-full'], 1);
  assert.equal(broker.broker.session('alice')?.messagesDropped, 1);
  assert.deepEqual(await (await comeBack(broker, 'alice')).payloads(), ['1', '2']);
});

test('what waits for a client that is away is bounded by bytes', async () => {
  const { broker, alice, bob } = await aliceAndBob({ maxQueuedBytes: 300 });
  alice.leave();
  for (const [i, size] of [100, 100, 100, 10].entries()) bob.publish('to/alice', String(i).repeat(size), { qos: 1 });
  assert.equal(broker.broker.stats.dropped['queue-full'], 1);
  const waiting = await (await comeBack(broker, 'alice')).payloads();
  assert.deepEqual(
    waiting.map((payload) => payload.length),
    [100, 100, 10],
  );
});

test('what was not acknowledged is sent again with DUP, its identifier and its place [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  for (const [payload, qos] of [
    ['1', 1],
    ['2', 2],
    ['3', 1],
    ['4', 2],
    ['5', 1],
  ] as const)
    bob.publish('to/alice', payload, { qos });
  assert.deepEqual(await alice.payloads(), ['1', '2', '3', '4', '5']);
  alice.send(puback(3));
  alice.hangUp();
  bob.publish('to/alice', '6', { qos: 1 });

  const unanswered = [
    publish('to/alice', '1', { qos: 1, packetId: 1, dup: true }),
    publish('to/alice', '2', { qos: 2, packetId: 2, dup: true }),
    publish('to/alice', '4', { qos: 2, packetId: 4, dup: true }),
    publish('to/alice', '5', { qos: 1, packetId: 5, dup: true }),
  ];
  const back = await comeBack(broker, 'alice');
  await back.expect(...unanswered, publish('to/alice', '6', { qos: 1, packetId: 6 }));
  back.send(puback(5), puback(6)).hangUp();
  const again = await comeBack(broker, 'alice');
  await again.expect(...unanswered.slice(0, 3));
});

test('what was sent again and is answered is done with, and its identifier free [MQTT-4.4.0-1] [MQTT-2.3.1-4]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  bob.publish('to/alice', '1', { qos: 1 }).publish('to/alice', '2', { qos: 2 });
  await alice.take();
  alice.hangUp();
  const back = await comeBack(broker, 'alice');
  await back.take();
  await back.send(puback(1), pubrec(2)).expect(pubrel(2));
  await back.send(pubcomp(2)).expect();
  assert.equal(broker.broker.session('alice')?.inflight, 0);
  back.hangUp();
  await (await comeBack(broker, 'alice')).expect();
});

test('a QoS 2 message its receiver has is never sent again, its PUBREL is [MQTT-4.4.0-1] [MQTT-4.3.3-1] [MQTT-4.6.0-1]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  for (const payload of ['1', '2', '3']) bob.publish('to/alice', payload, { qos: 2 });
  await alice.take();
  await alice.send(pubrec(1), pubrec(2)).expect(pubrel(1), pubrel(2));
  alice.hangUp();
  const back = await comeBack(broker, 'alice');
  await back.expect(pubrel(1), pubrel(2), publish('to/alice', '3', { qos: 2, packetId: 3, dup: true }));
  await back.send(pubcomp(1)).expect();
  back.hangUp();
  const again = await comeBack(broker, 'alice');
  await again.expect(pubrel(2), publish('to/alice', '3', { qos: 2, packetId: 3, dup: true }));
});

test('a QoS 2 message published before and after a reconnect is delivered once [MQTT-4.3.3-2] [MQTT-4.1.0-1]', async () => {
  const { broker, alice, bob } = await aliceAndBob();
  await bob.subscribe('from/alice', 2);
  await alice.publish('from/alice', 'once', { qos: 2, packetId: 7 }).expect(pubrec(7));
  alice.hangUp();
  const back = await comeBack(broker, 'alice');
  await back.publish('from/alice', 'once', { qos: 2, packetId: 7, dup: true }).expect(pubrec(7));
  back.hangUp();
  const again = await comeBack(broker, 'alice');
  await again.send(pubrel(7)).expect(pubcomp(7));
  assert.deepEqual(await bob.payloads(), ['once']);
  await again.publish('from/alice', 'anew', { qos: 2, packetId: 7 }).expect(pubrec(7));
  assert.deepEqual(await bob.payloads(), ['anew']);
});

test('a clean session forgets which QoS 2 messages came in [MQTT-3.1.2-6]', async () => {
  const broker = await createTestBroker();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('from/alice', 0);
  for (const payload of ['first', 'second']) {
    const alice = await arrive(broker, 'alice');
    await alice.publish('from/alice', payload, { qos: 2, packetId: 7 }).expect(pubrec(7));
    alice.hangUp();
  }
  assert.deepEqual(await bob.payloads(), ['first', 'second']);
});

test('the window holds for what is sent again and what waits behind it', async () => {
  const { broker, alice, bob } = await aliceAndBob({ maxInflight: 2 });
  for (const payload of ['1', '2', '3', '4']) bob.publish('to/alice', payload, { qos: 1 });
  assert.deepEqual(await alice.payloads(), ['1', '2']);
  alice.hangUp();
  const back = await comeBack(broker, 'alice');
  assert.deepEqual(await back.payloads(), ['1', '2']);
  await back.send(puback(2)).expect(publish('to/alice', '3', { qos: 1, packetId: 3 }));
  await back.send(puback(1), puback(3)).expect(publish('to/alice', '4', { qos: 1, packetId: 4 }));
});

test('a client that is away loses no subscription and misses no message [MQTT-4.1.0-1] [MQTT-4.5.0-1]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice', stay);
  alice.send(subscribe(1, ['a/+', 2], ['b', 1], ['c/#', 0]));
  await alice.expect(suback(1, 2, 1, 0));
  alice.leave();
  const bob = await arrive(broker, 'bob');
  for (const topic of ['a/x', 'b', 'c/x', 'd']) bob.publish(topic, topic, { qos: 2 });
  const back = await comeBack(broker, 'alice');
  await back.expect(publish('a/x', 'a/x', { qos: 2, packetId: 1 }), publish('b', 'b', { qos: 1, packetId: 2 }));
  bob.publish('c/y', 'c/y');
  assert.deepEqual(await back.payloads(), ['c/y']);
});

test('retained messages belong to no session and stay when that of their publisher ends [MQTT-3.1.2-7]', async () => {
  const broker = await createTestBroker();
  const alice = await arrive(broker, 'alice');
  alice.publish('a', 'kept', { retain: true });
  alice.leave();
  (await arrive(broker, 'alice')).leave();
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('a');
  await bob.expect(publish('a', 'kept', { retain: true }));
});

test('nothing overtakes CONNACK, which waits for the disk: no resent, queued or fresh message, no answer [MQTT-3.2.0-1]', async () => {
  const storage = new SlowStorage();
  const { broker, alice, bob } = await aliceAndBob({ storage });
  bob.publish('to/alice', 'resent', { qos: 1 });
  await alice.expect(publish('to/alice', 'resent', { qos: 1, packetId: 1 }));
  alice.hangUp();
  bob.publish('to/alice', 'waited', { qos: 2 });
  await bob.expect(puback(1), pubrec(2));

  const landed = storage.hold();
  const back = knock(broker, 'alice', stay).send(pingreq);
  bob.publish('to/alice', 'fresh');
  for (let turn = 0; turn < 3; turn++) broker.endTurn();
  assert.deepEqual(back.connection.take(), []);
  landed();
  await back.expect(
    welcomeBack,
    // What is to be read back comes when it is.
    pingresp,
    publish('to/alice', 'fresh'),
    publish('to/alice', 'resent', { qos: 1, packetId: 1, dup: true }),
    publish('to/alice', 'waited', { qos: 2, packetId: identifierAt(3) }),
  );
});

/** A storage whose commits land when they are let. */
class SlowStorage extends MemoryStorage {
  #landing: Promise<void> = Promise.resolve();

  hold(): () => void {
    let land = (): void => {};
    this.#landing = new Promise((resolve) => (land = resolve));
    return land;
  }

  override async commit(): Promise<void> {
    await this.#landing;
    await super.commit();
  }
}

test('a session ends when its client has been away for the session expiry, to the second', async () => {
  const { broker, alice, bob } = await aliceAndBob({ sessionExpiry: 60 });
  const ended: string[] = [];
  broker.broker.on('sessionEnded', ({ clientId }) => ended.push(clientId));
  bob.leave();
  alice.hangUp();
  broker.advance(59_900);
  const back = await comeBack(broker, 'alice');
  back.hangUp();
  broker.advance(59_900);
  assert.deepEqual(ended, ['bob']);
  broker.advance(100);
  assert.deepEqual(ended, ['bob', 'alice']);
  assert.deepEqual(held(broker), NOTHING);
  await arrive(broker, 'alice', stay);
});

test('an expired session takes with it what waited for it, and counts it', async () => {
  const { broker, alice, bob } = await aliceAndBob({ sessionExpiry: 60, maxInflight: 1 });
  for (const payload of ['1', '2', '3']) bob.publish('to/alice', payload, { qos: 1 });
  assert.deepEqual(await alice.payloads(), ['1']);
  alice.hangUp();
  bob.publish('to/alice', '4', { qos: 1 });
  bob.leave();
  broker.advance(60_000);
  assert.deepEqual(held(broker), NOTHING);
  assert.equal(broker.broker.stats.dropped['session-ended'], 3);
});

test('a session never ends while its connection is open [MQTT-4.1.0-2]', async () => {
  const { broker, alice, bob } = await aliceAndBob({ sessionExpiry: 10 });
  alice.hangUp();
  broker.advance(5_000);
  const back = await comeBack(broker, 'alice');
  broker.advance(100_000);
  bob.publish('to/alice', 'still here');
  assert.deepEqual(await back.payloads(), ['still here']);
});

test('with a session expiry of 0 a session ends with its connection', async () => {
  const broker = await createTestBroker({ sessionExpiry: 0 });
  const alice = await arrive(broker, 'alice', stay);
  await alice.subscribe('a', 1);
  broker.advance(1_000);
  alice.hangUp();
  broker.advance(100);
  assert.deepEqual(held(broker), NOTHING);
  await arrive(broker, 'alice', stay);
});

test('the longest session expiry never comes', async () => {
  const { broker, alice } = await aliceAndBob({ sessionExpiry: 0xffff_ffff });
  alice.hangUp();
  broker.advance(1_000_000);
  await comeBack(broker, 'alice');
});

test('those who listen are told of every session that ends, and why its connection did', async () => {
  const broker = await createTestBroker();
  const told: string[] = [];
  broker.broker.on('disconnected', ({ clientId, reason }) => told.push(`${clientId} disconnected: ${reason}`));
  broker.broker.on('sessionEnded', ({ clientId }) => told.push(`${clientId} ended`));
  const alice = await arrive(broker, 'alice', stay);
  const bob = await arrive(broker, 'bob');
  alice.leave();
  bob.hangUp();
  await arrive(broker, 'alice');
  assert.deepEqual(told, ['alice disconnected: client-disconnect', 'bob disconnected: connection-lost', 'bob ended', 'alice ended']);
});
