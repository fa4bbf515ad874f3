/** Wills over a restart: a process that dies takes its connections with it, and what their clients left is published, once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import type { Message } from '../../src/session/message.js';
import type { Will } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import { createTestBroker, MemoryStorage, type TestBroker } from '../../src/testing.js';
import { arrive, arrive5, comeBack, knock, toldWhole, type Client } from './client.js';
import { copyOf, inventory, startAt } from './store.js';

const willOf = (properties?: Properties): Will => ({
  topic: 'gone',
  payload: Buffer.from('alice'),
  qos: 1,
  retain: false,
  ...(properties === undefined ? undefined : { properties }),
});

/** A broker and, in a session that is kept, `bob`, who hears of Wills and is away. */
async function scene(options: CreateOptions = {}): Promise<{ storage: MemoryStorage; broker: TestBroker }> {
  const storage = new MemoryStorage();
  const broker = await createTestBroker({ storage, ...options });
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('gone', 1);
  bob.leave();
  await broker.settle();
  return { storage, broker };
}

/** The process dies, and another one finds what was committed, so many ms later. */
async function restart(
  { storage, broker }: { storage: MemoryStorage; broker: TestBroker },
  later = 0,
  options: CreateOptions = {},
): Promise<TestBroker> {
  await broker.settle();
  const again = await createTestBroker({ storage: await copyOf(storage), ...options });
  again.advance(later);
  await again.settle();
  return again;
}

/** What Bob finds when he comes back. */
async function heard(broker: TestBroker): Promise<string[]> {
  const bob = await comeBack(broker, 'bob');
  const payloads = await bob.accept();
  bob.leave();
  await broker.settle();
  return payloads;
}

const DELAY = 20;
const SHORT = 5;
const LONG = 60;

interface Row {
  readonly says: string;
  readonly alice: (broker: TestBroker) => Promise<Client>;
  /** Seconds after the restart. */
  readonly due: number;
}

const in5 =
  (delay: number, expiry: number): Row['alice'] =>
  async (broker) =>
    arrive5(broker, 'alice', { will: willOf({ willDelayInterval: delay }), properties: { sessionExpiryInterval: expiry } });

const rows: readonly Row[] = [
  { says: '3.1.1, a session that ends', alice: (broker) => arrive(broker, 'alice', { will: willOf() }), due: 0 },
  { says: '3.1.1, a session that is kept', alice: (broker) => arrive(broker, 'alice', { will: willOf(), clean: false }), due: 0 },
  { says: '5.0, no delay, a session that ends', alice: in5(0, 0), due: 0 },
  { says: '5.0, no delay, a session that is kept', alice: in5(0, LONG), due: 0 },
  { says: '5.0, a delay, a session that ends', alice: in5(DELAY, 0), due: 0 },
  { says: '5.0, a delay, a session that is kept for longer', alice: in5(DELAY, LONG), due: DELAY },
  { says: '5.0, a delay, a session that is kept for less', alice: in5(DELAY, SHORT), due: SHORT },
];

for (const { says, alice, due } of rows) {
  test(`the Will of who was connected is published ${due} s after the restart, once: ${says} [MQTT-3.1.2-8] [MQTT5-3.1.2-8]`, async () => {
    const stage = await scene();
    await alice(stage.broker);
    const again = await restart(stage, Math.max(0, due * 1_000 - 200));
    if (due > 0) {
      assert.deepEqual(await heard(again), []);
      again.advance(300);
    }
    assert.deepEqual(await heard(again), ['alice']);
    again.advance(LONG * 1_000);
    assert.deepEqual(await heard(again), []);
  });

  test(`after DISCONNECT no Will is on record, and none is published by another process: ${says} [MQTT-3.14.4-3]`, async () => {
    const stage = await scene();
    (await alice(stage.broker)).leave();
    await stage.broker.settle();
    assert.equal((await inventory(stage.storage)).Will, undefined);
    assert.deepEqual(await heard(await restart(stage, LONG * 1_000)), []);
  });

  test(`a Will that was published is published by no other process: ${says}`, async () => {
    const stage = await scene();
    (await alice(stage.broker)).hangUp();
    stage.broker.advance(LONG * 1_000);
    await stage.broker.settle();
    assert.equal((await inventory(stage.storage)).Will, undefined);
    assert.deepEqual(await heard(await restart(stage, LONG * 1_000)), ['alice']);
  });

  test(`killed again after the restart, before or after the Will was due, it is published once: ${says}`, async () => {
    const stage = await scene();
    await alice(stage.broker);
    for (const later of [0, 2_000, 2 * LONG * 1_000]) {
      const storage = await copyOf(stage.storage);
      const second = await createTestBroker({ storage });
      second.advance(later);
      const third = await restart({ storage, broker: second }, 2 * LONG * 1_000);
      assert.deepEqual(await heard(third), ['alice']);
    }
  });
}

test('a client that comes back within the delay after the restart cancels the Will for good [MQTT5-3.1.3-9]', async () => {
  const stage = await scene();
  await in5(DELAY, LONG)(stage.broker);
  const again = await restart(stage, (DELAY - 1) * 1_000);
  await arrive5(again, 'alice', { clean: false, sessionPresent: true, properties: { sessionExpiryInterval: LONG } });
  again.advance(LONG * 1_000);
  assert.deepEqual(await heard(again), []);
  assert.equal((await inventory(stage.storage)).Will, 1, 'in the copy that died');
});

test('a client that comes back at once does not cancel a Will without a delay [MQTT5-3.1.2-8]', async () => {
  const stage = await scene();
  await in5(0, LONG)(stage.broker);
  await stage.broker.settle();
  const again = await createTestBroker({ storage: stage.storage });
  await arrive5(again, 'alice', { clean: false, sessionPresent: true, properties: { sessionExpiryInterval: LONG } });
  assert.deepEqual(await heard(again), ['alice']);
});

test('a client that begins a new session within the delay after the restart ends the old one, and that publishes the Will [MQTT5-3.1.3-9]', async () => {
  const stage = await scene();
  await in5(DELAY, LONG)(stage.broker);
  const again = await restart(stage);
  await arrive5(again, 'alice', { clean: true });
  assert.deepEqual(await heard(again), ['alice']);
});

for (const { says, away, down, due } of [
  { says: 'goes on', away: 5, down: 3, due: 12 },
  { says: 'may be over while no process runs', away: 5, down: 30, due: 0 },
]) {
  test(`a delay that had begun before the restart ${says} [MQTT5-3.1.3-9]`, async () => {
    const stage = await scene();
    (await in5(DELAY, LONG)(stage.broker)).hangUp();
    stage.broker.advance(away * 1_000);
    await stage.broker.settle();
    const again = await startAt(stage.broker.now + down * 1_000, { storage: stage.storage });
    if (due > 0) {
      again.advance(due * 1_000 - 200);
      assert.deepEqual(await heard(again), []);
      again.advance(300);
    }
    assert.deepEqual(await heard(again), ['alice']);
  });
}

test('of two connections of one client only the Will of the last one is on record [MQTT5-3.1.2-7]', async () => {
  const stage = await scene();
  await arrive(stage.broker, 'alice', { will: { ...willOf(), payload: Buffer.from('first') }, clean: false });
  await comeBack(stage.broker, 'alice', { will: { ...willOf(), payload: Buffer.from('second') } });
  assert.deepEqual(await heard(stage.broker), ['first']);
  assert.deepEqual(await heard(await restart(stage)), ['second']);
});

test('a connection without a Will that takes over leaves none on record [MQTT5-3.1.2-10]', async () => {
  const stage = await scene();
  await in5(DELAY, LONG)(stage.broker);
  await arrive5(stage.broker, 'alice', { clean: false, sessionPresent: true, properties: { sessionExpiryInterval: LONG } });
  await stage.broker.settle();
  assert.equal((await inventory(stage.storage)).Will, undefined);
  assert.deepEqual(await heard(await restart(stage, LONG * 1_000)), []);
});

test('a Will whose client was not let in because the record did not land is never published', async () => {
  const stage = await scene();
  await stage.broker.settle();
  const before = await copyOf(stage.storage);
  knock(stage.broker, 'alice', { will: willOf() });
  assert.deepEqual(await heard(await restart({ storage: before, broker: stage.broker })), []);
});

for (const clean of [true, false]) {
  test(`the will gate is asked after the restart too, with the name of the client's user, of a session that ${clean ? 'ended' : 'is kept'}`, async () => {
    const stage = await scene();
    await arrive(stage.broker, 'alice', { will: willOf(), clean, username: 'al' });
    await arrive(stage.broker, 'eve', { will: willOf(), clean, username: 'eve' });
    const asked: string[] = [];
    const will = (_: Message, { clientId, username }: { clientId: string; username: string | undefined }): boolean => {
      asked.push(`${clientId} ${username}`);
      return username !== 'eve';
    };
    const again = await restart(stage, 0, { gates: { will } });
    assert.deepEqual(asked, ['alice al', 'eve eve']);
    assert.deepEqual(await heard(again), ['alice']);
    assert.equal(again.broker.stats.dropped['not-authorized'], 1);
  });
}

test('a Will comes back with all it has: properties, QoS, RETAIN, a topic beyond ASCII', async () => {
  const { storage, broker } = await scene();
  const properties: Properties = {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 100,
    contentType: 'text/plain',
    responseTopic: 'why',
    correlationData: Buffer.of(0, 1, 2),
    userProperties: [
      ['a', '1'],
      ['a', '2'],
    ],
  };
  const will: Will = {
    topic: 'weg/ü',
    payload: Buffer.from('\u{1f600}'),
    qos: 2,
    retain: true,
    properties: { ...properties, willDelayInterval: 0 },
  };
  await arrive5(broker, 'alice', { will });
  const again = await restart({ storage, broker });
  const cy = await arrive5(again, 'cy');
  await cy.subscribe('weg/ü', 2);
  const [told] = toldWhole(await cy.take());
  assert.deepEqual(told, {
    type: 'PUBLISH',
    topic: 'weg/ü',
    payload: '\u{1f600}',
    qos: 2,
    retain: true,
    dup: false,
    packetId: 1,
    properties,
  });
});

test('an orderly stop publishes Wills and leaves none on record', async () => {
  const stage = await scene();
  await in5(DELAY, LONG)(stage.broker);
  await arrive(stage.broker, 'dan', { will: willOf() });
  await Promise.all([stage.broker.broker.close(), stage.broker.settle()]);
  assert.equal((await inventory(stage.storage)).Will, undefined);
  assert.deepEqual(await heard(await restart(stage, LONG * 1_000)), ['alice', 'alice']);
});
