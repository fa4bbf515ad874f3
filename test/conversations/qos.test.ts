/** QoS 1 and 2 in both directions: acknowledgements, packet identifiers, and what is repeated, unknown or out of order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateOptions } from '../../src/create.js';
import { createTestBroker, PacketType, Publish, type TestBroker } from '../../src/testing.js';
import { arrive, comeBack, connack, knock, pingreq, pingresp, puback, pubcomp, publish, pubrec, pubrel, type Client } from './client.js';

/** A broker with `ann`, who publishes, and `bob`, who hears `a` at QoS 2 in a session that is kept. */
async function scene(options: CreateOptions = {}): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker(options);
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob', { clean: false });
  await bob.subscribe('a', 2);
  return { broker, ann, bob };
}

const inflight = (broker: TestBroker): number | undefined => broker.broker.session('bob')?.inflight;

test('a QoS 1 message leaves under an unused identifier with DUP 0 and is in flight until its PUBACK [MQTT-4.3.2-1][MQTT-2.3.1-4]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', '1', { qos: 1 }).publish('a', '2', { qos: 1 });
  await bob.expect(publish('a', '1', { qos: 1, packetId: 1 }), publish('a', '2', { qos: 1, packetId: 2 }));
  assert.equal(inflight(broker), 2);
  await bob.send(puback(1)).expect();
  assert.equal(inflight(broker), 1);
  await bob.send(puback(2)).expect();
  assert.equal(inflight(broker), 0);
});

test('a QoS 2 message goes PUBLISH, PUBREC, PUBREL, PUBCOMP under one identifier, which is in use until the last [MQTT-4.3.3-1][MQTT-2.3.1-4][MQTT-2.3.1-6]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', 'x', { qos: 2 });
  await bob.expect(publish('a', 'x', { qos: 2, packetId: 1 }));
  await bob.send(pubrec(1)).expect(pubrel(1));
  assert.equal(inflight(broker), 1);
  await bob.send(pubcomp(1)).expect();
  assert.equal(inflight(broker), 0);
});

test('after its PUBREC a message is never sent again, only PUBREL is [MQTT-4.3.3-1][MQTT-4.4.0-1]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', 'x', { qos: 2 });
  await bob.expect(publish('a', 'x', { qos: 2, packetId: 1 }));
  await bob.send(pubrec(1)).expect(pubrel(1));
  await bob.send(pubrec(1), pubrec(1)).expect(pubrel(1), pubrel(1));
  bob.hangUp();
  const again = await comeBack(broker, 'bob');
  await again.expect(pubrel(1));
  await again.send(pubcomp(1), pubcomp(1)).expect();
  assert.equal(inflight(broker), 0);
});

test('PUBRELs leave in the order their PUBRECs came, not that of the messages [MQTT-4.6.0-4]', async () => {
  const { ann, bob } = await scene();
  for (const payload of ['1', '2', '3']) ann.publish('a', payload, { qos: 2 });
  assert.deepEqual(await bob.payloads(), ['1', '2', '3']);
  await bob.send(pubrec(2), pubrec(3), pubrec(1)).expect(pubrel(2), pubrel(3), pubrel(1));
});

test('acknowledgements may come in any order; each frees its own identifier', async () => {
  const { broker, ann, bob } = await scene({ maxInflight: 3 });
  for (const payload of ['1', '2', '3', '4', '5']) ann.publish('a', payload, { qos: 1 });
  assert.deepEqual(await bob.payloads(), ['1', '2', '3']);
  await bob.send(puback(2)).expect(publish('a', '4', { qos: 1, packetId: 4 }));
  await bob.send(puback(4), puback(3), puback(1)).expect(publish('a', '5', { qos: 1, packetId: 5 }));
  await bob.send(puback(5)).expect();
  assert.equal(inflight(broker), 0);
});

test('no more messages than maxInflight are on their way, counted until PUBACK and PUBCOMP', async () => {
  for (const clean of [true, false]) {
    const broker = await createTestBroker({ maxInflight: 2 });
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob', { clean });
    await bob.subscribe('a', 2);
    for (const payload of ['1', '2', '3', '4']) ann.publish('a', payload, { qos: 2 });
    assert.deepEqual(await bob.payloads(), ['1', '2']);
    assert.equal(broker.broker.session('bob')?.queuedMessages, 2);
    await bob.send(pubrec(1)).expect(pubrel(1));
    await bob.send(pubcomp(1)).expect(publish('a', '3', { qos: 2, packetId: 3 }));
    assert.equal(inflight(broker), 2);
    await bob.send(pubrec(2), pubrec(3)).expect(pubrel(2), pubrel(3));
    await bob.send(pubcomp(2), pubcomp(3)).expect(publish('a', '4', { qos: 2, packetId: 4 }));
    assert.equal(broker.broker.session('bob')?.queuedMessages, 0);
  }
});

test('QoS 0 needs no room in the window', async () => {
  const { ann, bob } = await scene({ maxInflight: 1 });
  ann.publish('a', '1', { qos: 1 }).publish('a', '2', { qos: 1 }).publish('a', '0');
  assert.deepEqual(await bob.payloads(), ['1', '0']);
});

for (const clean of [true, false]) {
  test(`identifiers wrap around 65,535 and pass over those in use, in a session that ${clean ? 'ends' : 'is kept'} [MQTT-2.3.1-4]`, async () => {
    const broker = await createTestBroker({ maxInflight: 65_535 });
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob', { clean });
    await bob.subscribe('a', 1);
    const ids = async (): Promise<number[]> => (await bob.take()).map((packet) => (packet instanceof Publish ? packet.packetId : 0));
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) ann.publish('a', 'x', { qos: 1, packetId: 1 });
    };
    send(65_535);
    assert.deepEqual(
      await ids(),
      Array.from({ length: 65_535 }, (_, i) => i + 1),
    );
    send(4);
    assert.deepEqual(await ids(), [], 'the window is full');
    bob.send(puback(30_000), puback(7), puback(65_535));
    // Each identifier freed is used again, whatever its place; none in use is.
    assert.deepEqual(await ids(), [30_000, 7, 65_535]);
    bob.send(puback(2), puback(1));
    assert.deepEqual(await ids(), [2]);
    send(1);
    assert.deepEqual(await ids(), [1]);
  });
}

test('the two directions have identifiers of their own', async () => {
  const { ann, bob } = await scene();
  ann.publish('a', 'from ann', { qos: 2, packetId: 9 });
  await bob.expect(publish('a', 'from ann', { qos: 2, packetId: 1 }));
  bob.publish('b', 'from bob', { qos: 2, packetId: 1 });
  await bob.expect(pubrec(1));
  await bob.send(pubrec(1)).expect(pubrel(1));
  await bob.send(pubrel(1)).expect(pubcomp(1));
  bob.publish('b', 'from bob', { qos: 1, packetId: 1 });
  await bob.expect(puback(1));
  await bob.send(pubcomp(1)).expect();
});

test('every session has identifiers of its own', async () => {
  const { broker, ann, bob } = await scene();
  const cy = await arrive(broker, 'cy');
  await cy.subscribe('a', 1);
  ann.publish('a', '1', { qos: 1 });
  await bob.send(puback(1)).expect(publish('a', '1', { qos: 1, packetId: 1 }));
  await cy.expect(publish('a', '1', { qos: 1, packetId: 1 }));
  assert.equal(broker.broker.session('cy')?.inflight, 1);
  assert.equal(inflight(broker), 0);
});

const strangers = [
  { name: 'PUBACK', packet: puback(77), answer: [] },
  { name: 'PUBREC', packet: pubrec(77), answer: [pubrel(77)] },
  { name: 'PUBREL', packet: pubrel(77), answer: [pubcomp(77)] },
  { name: 'PUBCOMP', packet: pubcomp(77), answer: [] },
];

for (const { name, packet, answer } of strangers) {
  test(`a ${name} for a message nobody knows is ${answer.length === 0 ? 'ignored' : 'answered'}, never punished`, async () => {
    const ann = await arrive(await createTestBroker(), 'ann');
    await ann.send(packet, packet, pingreq).expect(...answer, ...answer, pingresp);
  });
}

test('an acknowledgement of the wrong kind changes nothing', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', 'one', { qos: 1 }).publish('a', 'two', { qos: 2 });
  assert.deepEqual(await bob.payloads(), ['one', 'two']);
  await bob.send(pubcomp(1), puback(2), pubcomp(2)).expect();
  await bob.send(pubrec(1)).expect(pubrel(1));
  assert.equal(inflight(broker), 2);
  bob.hangUp();
  const again = await comeBack(broker, 'bob');
  await again.expect(publish('a', 'one', { qos: 1, packetId: 1, dup: true }), publish('a', 'two', { qos: 2, packetId: 2, dup: true }));
  await again.send(puback(1), pubrec(2)).expect(pubrel(2));
  await again.send(puback(2), pubcomp(2)).expect();
  assert.equal(inflight(broker), 0);
});

const lengths = ['40 00', '40 01 01', '40 03 00 01 00', '50 01 01', '62 03 00 01 00', '70 00'];
const flags = ['41 02 00 01', '42 02 00 01', '52 02 00 01', '60 02 00 01', '63 02 00 01', '6a 02 00 01', '72 02 00 01'];
const zeros = ['40 02 00 00', '50 02 00 00', '62 02 00 00', '70 02 00 00'];

for (const { name, cases } of [
  { name: 'an acknowledgement of the wrong length closes its connection [MQTT-4.8.0-1]', cases: lengths },
  { name: 'an acknowledgement with the wrong flags closes its connection [MQTT-3.6.1-1][MQTT-2.2.2-2]', cases: flags },
  { name: 'an acknowledgement of Packet Identifier 0 closes its connection', cases: zeros },
]) {
  test(name, async () => {
    const broker = await createTestBroker();
    for (const hex of cases) {
      const ann = await arrive(broker, 'ann');
      ann.connection.sendHex(hex);
      await ann.expectClosed();
    }
    assert.equal(broker.broker.stats.bugs, 0);
  });
}

test('in MQTT 3.1 a PUBREL may have DUP set [MQTT31-7]', async () => {
  const ann = await arrive(await createTestBroker(), 'ann', { version: 3 });
  ann.connection.sendHex('6a 02 00 01');
  await ann.expect(pubcomp(1));
});

test('after its PUBACK a QoS 1 identifier stands for a new message, also with DUP set [MQTT-4.3.2-2]', async () => {
  const { ann, bob } = await scene();
  ann.publish('a', '1', { qos: 1, packetId: 5 }).publish('a', '1', { qos: 1, packetId: 5, dup: true });
  await ann.expect(puback(5), puback(5));
  assert.deepEqual(await bob.payloads(), ['1', '1']);
});

test('a QoS 2 PUBLISH that is repeated is answered and not delivered again, until PUBREL frees its identifier [MQTT-4.3.3-2]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', '1', { qos: 2, packetId: 5 });
  await ann.expect(pubrec(5));
  assert.equal(broker.broker.session('ann')?.received, 1);
  ann.publish('a', '1', { qos: 2, packetId: 5, dup: true }).publish('a', '1', { qos: 2, packetId: 5 });
  await ann.expect(pubrec(5), pubrec(5));
  assert.deepEqual(await bob.payloads(), ['1']);
  await ann.send(pubrel(5), pubrel(5)).expect(pubcomp(5), pubcomp(5));
  assert.equal(broker.broker.session('ann')?.received, 0);
  ann.publish('a', '2', { qos: 2, packetId: 5 });
  await ann.expect(pubrec(5));
  assert.deepEqual(await bob.payloads(), ['2']);
});

test('a QoS 2 message the gate refused is not asked about again when it is repeated [MQTT-4.3.3-2][MQTT-3.3.5-2]', async () => {
  const { broker, ann, bob } = await scene({ gates: { publish: () => false } });
  ann.publish('a', '1', { qos: 2, packetId: 5 }).publish('a', '1', { qos: 2, packetId: 5, dup: true });
  await ann.expect(pubrec(5), pubrec(5));
  await bob.expect();
  assert.equal(broker.broker.stats.dropped['not-authorized'], 1);
});

test('every identifier may be open for QoS 2 at once [MQTT-4.3.3-2]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  const all = Array.from({ length: 65_535 }, (_, i) => i + 1);
  for (const packetId of all) ann.publish('a', '', { qos: 2, packetId });
  const ids = async (type: number): Promise<number[]> =>
    (await ann.take()).map((packet) => ('packetId' in packet && packet.type === type ? packet.packetId : 0));
  assert.deepEqual(await ids(PacketType.Pubrec), all);
  assert.equal(broker.broker.session('ann')?.received, 65_535);
  for (const packetId of all) ann.send(pubrel(packetId));
  assert.deepEqual(await ids(PacketType.Pubcomp), all);
  assert.equal(broker.broker.session('ann')?.received, 0);
});

test('a session that is kept remembers the QoS 2 identifiers it received; one that is not forgets them [MQTT-4.3.3-2][MQTT-4.1.0-1]', async () => {
  for (const clean of [true, false]) {
    const { broker, bob } = await scene();
    const cy = await arrive(broker, 'cy', { clean });
    cy.publish('a', '1', { qos: 2, packetId: 5 });
    await cy.expect(pubrec(5));
    cy.hangUp();
    const again = await knock(broker, 'cy', { clean }).expect(connack(0, !clean));
    again.publish('a', '1', { qos: 2, packetId: 5, dup: true });
    await again.expect(pubrec(5));
    assert.deepEqual(await bob.payloads(), clean ? ['1', '1'] : ['1']);
  }
});

test('a session that is kept has its messages sent again: with DUP, under their identifiers, in their order, before those that wait [MQTT-3.3.1-1][MQTT-4.4.0-1][MQTT-4.6.0-1]', async () => {
  const { broker, ann, bob } = await scene({ maxInflight: 4 });
  for (const [payload, qos] of [
    ['1', 2],
    ['2', 1],
    ['3', 2],
    ['4', 1],
    ['5', 1],
    ['6', 2],
  ] as const) {
    ann.publish('a', payload, { qos });
  }
  assert.deepEqual(await bob.payloads(), ['1', '2', '3', '4']);
  await bob.send(pubrec(3), puback(2)).expect(pubrel(3), publish('a', '5', { qos: 1, packetId: 5 }));
  bob.hangUp();
  ann.publish('a', '7', { qos: 1 });
  const again = await comeBack(broker, 'bob');
  await again.expect(
    pubrel(3),
    publish('a', '1', { qos: 2, packetId: 1, dup: true }),
    publish('a', '4', { qos: 1, packetId: 4, dup: true }),
    publish('a', '5', { qos: 1, packetId: 5, dup: true }),
  );
  again.send(puback(4), puback(5), pubcomp(3));
  await again.expect(publish('a', '6', { qos: 2, packetId: 6 }), publish('a', '7', { qos: 1, packetId: 7 }));
});

test('what is sent again has DUP each time, and the identifier stays [MQTT-3.3.1-1][MQTT-2.3.1-4]', async () => {
  const { broker, ann, bob } = await scene();
  ann.publish('a', 'x', { qos: 1 });
  await bob.expect(publish('a', 'x', { qos: 1, packetId: 1 }));
  bob.hangUp();
  for (let i = 0; i < 3; i++) {
    const again = await comeBack(broker, 'bob');
    await again.expect(publish('a', 'x', { qos: 1, packetId: 1, dup: true }));
    again.hangUp();
  }
});

test('a session that ends with its connection has nothing sent again', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await bob.subscribe('a', 2);
  ann.publish('a', 'x', { qos: 2 });
  await bob.expect(publish('a', 'x', { qos: 2, packetId: 1 }));
  bob.hangUp();
  const again = await arrive(broker, 'bob');
  await again.subscribe('a', 2);
  ann.publish('a', 'y', { qos: 1 });
  await again.expect(publish('a', 'y', { qos: 1, packetId: 1 }));
});
