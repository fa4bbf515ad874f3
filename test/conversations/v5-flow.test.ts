/** How many messages may be on their way at once, in both directions (MQTT 5.0 sections 3.3.4 and 4.9). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestBroker, PacketType, type Packet, type QoS, type TestBroker } from '../../src/testing.js';
import {
  arrive5,
  closeReasons,
  expectFarewell,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  saying,
  publish,
  pubrec,
  pubrel,
  subscribe,
  suback,
  type Client,
} from './client.js';

// Outbound: what the client takes.

/** A broker with `bob`, who publishes, and `ann`, who hears `a` at QoS 2 and takes so many messages at once. */
async function scene(
  receiveMaximum: number | undefined,
  sessionExpiryInterval = 60,
): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker();
  const ann = await arrive5(broker, 'ann', { properties: { sessionExpiryInterval, ...limit(receiveMaximum) } });
  await ann.subscribe('a', 2);
  return { broker, ann, bob: await arrive5(broker, 'bob') };
}

const limit = (receiveMaximum: number | undefined): object => (receiveMaximum === undefined ? {} : { receiveMaximum });

function publishAll(client: Client, qos: QoS, ...payloads: string[]): void {
  for (const payload of payloads) client.publish('a', payload, { qos });
}

async function back(broker: TestBroker, receiveMaximum?: number): Promise<Client> {
  const properties = { sessionExpiryInterval: 60, ...limit(receiveMaximum) };
  return arrive5(broker, 'ann', { clean: false, sessionPresent: true, properties });
}

for (const sessionExpiryInterval of [0, 60]) {
  const kind = sessionExpiryInterval === 0 ? 'that ends with its connection' : 'that is kept';

  test(`a session ${kind} is sent one message at a time where its client takes one [MQTT5-3.3.4-9][MQTT5-4.9.0-1][MQTT5-4.9.0-2]`, async () => {
    const { ann, bob } = await scene(1, sessionExpiryInterval);
    publishAll(bob, 1, '1', '2');
    publishAll(bob, 2, '3', '4');
    await ann.expect(publish('a', '1', { qos: 1, packetId: 1 }));
    await ann.send(puback(1)).expect(publish('a', '2', { qos: 1, packetId: 2 }));
    await ann.send(puback(2)).expect(publish('a', '3', { qos: 2, packetId: 3 }));
    await ann.send(pubrec(3)).expect(pubrel(3));
    await ann.send(pubcomp(3)).expect(publish('a', '4', { qos: 2, packetId: 4 }));
  });

  test(`in a session ${kind} PUBACK, PUBCOMP and a refusal give back what they took, once [MQTT5-4.9.0-2][MQTT5-4.4.0-2]`, async () => {
    const { ann, bob } = await scene(2, sessionExpiryInterval);
    publishAll(bob, 2, '1', '2', '3', '4', '5', '6');
    assert.deepEqual(await ann.payloads(), ['1', '2']);
    await ann.send(pubrec(1)).expect(pubrel(1));
    await ann.send(saying(PacketType.Pubrec, 2, 0x80)).expect(publish('a', '3', { qos: 2, packetId: 3 }));
    await ann.send(saying(PacketType.Pubrec, 2, 0x80), puback(3), pubcomp(3), pubcomp(9)).expect();
    await ann.send(pubcomp(1)).expect(publish('a', '4', { qos: 2, packetId: 4 }));
    await ann.send(pubcomp(1)).expect();
  });

  test(`at a quota of 0 a session ${kind} still has every other packet answered at once, and QoS 0 [MQTT5-3.3.4-10][MQTT5-4.9.0-3]`, async () => {
    const { ann, bob } = await scene(1, sessionExpiryInterval);
    publishAll(bob, 2, '1', '2');
    await ann.take();
    await ann.send(pingreq).expect(pingresp);
    await ann.send(subscribe(9, ['b', 1])).expect(suback(9, 1));
    await ann.publish('c', 'x', { qos: 1, packetId: 5 }).expect(puback(5));
    await ann.publish('c', 'x', { qos: 2, packetId: 6 }).expect(pubrec(6));
    await ann.send(pubrel(6)).expect(pubcomp(6));
    publishAll(bob, 0, 'zero');
    await ann.expect(publish('a', 'zero'));
    await ann.send(pubrec(1)).expect(pubrel(1));
  });
}

test('a PUBACK of 0x80 and above frees the place and the identifier of its message, and it is not sent again [MQTT5-4.4.0-2][MQTT5-2.2.1-4]', async () => {
  const { broker, ann, bob } = await scene(1);
  publishAll(bob, 1, '1', '2');
  await ann.take();
  await ann.send(saying(PacketType.Puback, 1, 0x80)).expect(publish('a', '2', { qos: 1, packetId: 2 }));
  await ann.send(saying(PacketType.Puback, 2, 0x80)).expect();
  ann.hangUp();
  await (await back(broker)).expect();
});

test('the window is the lower of what the client takes and what the broker lets be in flight; 65,535 where neither says', async () => {
  const broker = await createTestBroker({ maxInflight: 2 });
  const ann = await arrive5(broker, 'ann', { properties: { receiveMaximum: 3 } });
  await ann.subscribe('a', 1);
  const bob = await arrive5(broker, 'bob');
  publishAll(bob, 1, '1', '2', '3', '4');
  assert.deepEqual(await ann.payloads(), ['1', '2']);
});

test('a client that takes less than is in flight is sent it in slices, with DUP and in order [MQTT5-4.9.0-1][MQTT5-3.3.4-9][MQTT5-4.6.0-1]', async () => {
  const { broker, ann, bob } = await scene(undefined);
  publishAll(bob, 1, '1', '2', '3', '4', '5');
  await ann.take();
  ann.hangUp();
  publishAll(bob, 1, '6');
  const again = await back(broker, 2);
  const resent = (packetId: number): Packet => publish('a', `${packetId}`, { qos: 1, packetId, dup: true });
  await again.expect(resent(1), resent(2));
  await again.send(puback(2)).expect(resent(3));
  publishAll(bob, 1, '7');
  await again.send(puback(1), puback(3)).expect(resent(4), resent(5));
  await again.send(puback(4)).expect(publish('a', '6', { qos: 1, packetId: 6 }));
  await again.send(puback(5)).expect(publish('a', '7', { qos: 1, packetId: 7 }));
  await again.send(puback(6), puback(7)).expect();
});

test('a PUBREL waits for no quota, and its message counts until its PUBCOMP [MQTT5-3.3.4-9][MQTT5-3.3.4-10][MQTT5-4.3.3-5][MQTT5-4.3.3-6]', async () => {
  const { broker, ann, bob } = await scene(3);
  publishAll(bob, 2, '1', '2', '3');
  await ann.take();
  await ann.send(pubrec(3)).expect(pubrel(3));
  ann.hangUp();
  publishAll(bob, 1, '4', '5');
  const again = await back(broker, 1);
  await again.expect(pubrel(3));
  await again.send(pubcomp(3)).expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }));
  await again.send(pubrec(1)).expect(pubrel(1));
  await again.send(pubcomp(1)).expect(publish('a', '2', { qos: 2, packetId: 2, dup: true }));
  await again.send(saying(PacketType.Pubrec, 2, 0x80)).expect(publish('a', '4', { qos: 1, packetId: 4 }));
  await again.send(puback(4)).expect(publish('a', '5', { qos: 1, packetId: 5 }));
});

test('more released messages than the client takes now: the rest waits for their PUBCOMPs, QoS 0 does not [MQTT5-3.3.4-9]', async () => {
  const { broker, ann, bob } = await scene(3);
  publishAll(bob, 2, '1', '2', '3');
  await ann.take();
  await ann.send(pubrec(1), pubrec(2), pubrec(3)).expect(pubrel(1), pubrel(2), pubrel(3));
  ann.hangUp();
  publishAll(bob, 1, '4');
  const again = await back(broker, 1);
  await again.expect(pubrel(1), pubrel(2), pubrel(3));
  publishAll(bob, 0, 'zero');
  await again.send(pubcomp(1), pubcomp(2)).expect(publish('a', 'zero'));
  await again.send(pubcomp(3)).expect(publish('a', '4', { qos: 1, packetId: 4 }));
});

test('PUBRELs go out in the order their PUBRECs came, also when they are sent again [MQTT5-4.6.0-4]', async () => {
  const { broker, ann, bob } = await scene(undefined);
  publishAll(bob, 2, '1', '2', '3');
  await ann.take();
  await ann.send(pubrec(3), pubrec(1), pubrec(2)).expect(pubrel(3), pubrel(1), pubrel(2));
  ann.hangUp();
  await (await back(broker)).expect(pubrel(3), pubrel(1), pubrel(2));
});

test('each connection begins with a quota of its own [MQTT5-4.9.0-1]', async () => {
  const { broker, ann, bob } = await scene(1);
  publishAll(bob, 1, '1', '2', '3');
  assert.deepEqual(await ann.payloads(), ['1']);
  ann.hangUp();
  const more = await back(broker, 2);
  assert.deepEqual(await more.payloads(), ['1', '2']);
  more.hangUp();
  const most = await back(broker);
  assert.deepEqual(await most.payloads(), ['1', '2', '3']);
});

test('an answer to what was sent over an earlier connection is taken, and that message not sent again [MQTT5-4.4.0-1]', async () => {
  const { broker, ann, bob } = await scene(undefined);
  publishAll(bob, 2, '1', '2', '3');
  await ann.take();
  ann.hangUp();
  const again = await back(broker, 1);
  await again.expect(publish('a', '1', { qos: 2, packetId: 1, dup: true }));
  await again.send(pubrec(2)).expect(pubrel(2));
  await again.send(pubrec(1)).expect(pubrel(1));
  await again.send(pubcomp(1), pubcomp(2)).expect(publish('a', '3', { qos: 2, packetId: 3, dup: true }));
});

// Inbound: what the broker takes.

test('a client may have as many unfinished messages as it was told; one more is told 0x93 and goes to nobody [MQTT5-3.3.4-7]', async () => {
  for (const qos of [1, 2] as const) {
    const broker = await createTestBroker({ receiveMaximum: 2 });
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('a');
    const ann = await arrive5(broker, 'ann');
    publishAll(ann, 2, '1', '2');
    await ann.expect(pubrec(1), pubrec(2));
    ann.publish('a', 'too many', { qos, packetId: 9 });
    await expectFarewell(ann, 0x93);
    assert.deepEqual(await bob.payloads(), ['1', '2']);
    assert.deepEqual(closeReasons(broker), { 'receive-maximum-exceeded': 1 });
  }
});

test('PUBCOMP gives a place back; a message that is sent again, or at QoS 0 or refused, takes none [MQTT5-3.3.4-7]', async () => {
  const broker = await createTestBroker({ receiveMaximum: 1, gates: { publish: ({ topic }) => topic !== 'no' } });
  const ann = await arrive5(broker, 'ann', { properties: { sessionExpiryInterval: 60 } });
  await ann.publish('no', 'x', { qos: 2, packetId: 1 }).expect(saying(PacketType.Pubrec, 1, 0x87));
  await ann.publish('a', 'x', { qos: 2, packetId: 2 }).expect(pubrec(2));
  await ann.publish('a', 'x', { qos: 2, packetId: 2, dup: true }).expect(pubrec(2));
  await ann.publish('a', 'x').expect();
  await ann.send(pubrel(2)).expect(pubcomp(2));
  await ann.publish('a', 'x', { qos: 1, packetId: 3 }).publish('a', 'x', { qos: 1, packetId: 4 }).expect(puback(3), puback(4));
  await ann.publish('a', 'x', { qos: 2, packetId: 5 }).expect(pubrec(5));
  ann.hangUp();
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true });
  await again.publish('a', 'x', { qos: 2, packetId: 5, dup: true }).expect(pubrec(5));
  again.publish('a', 'x', { qos: 2, packetId: 6 });
  await expectFarewell(again, 0x93);
});

test('QoS 1 messages are acknowledged in the order they come and never too many', async () => {
  const broker = await createTestBroker({ receiveMaximum: 1 });
  const ann = await arrive5(broker, 'ann');
  for (let i = 1; i <= 50; i++) ann.publish('a', 'x', { qos: 1, packetId: i });
  await ann.expect(...Array.from({ length: 50 }, (_, i) => puback(i + 1)));
});
