/** How large packets may be, in both directions (MQTT 5.0 sections 3.1.2.11.4 and 3.2.2.3.6). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, PacketType, Publish, type Packet, type QoS, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  closeReasons,
  expectFarewell,
  expectRefusal,
  having,
  knock,
  pingreq,
  pingresp,
  puback,
  saying,
  publish,
  pubcomp,
  pubrec,
  pubrel,
  rawPacket,
  subscribe,
  suback,
  type Client,
} from './client.js';

/** A broker whose CONNACK has no properties, so that any size is one a client may ask for; Ann takes so many bytes. */
async function scene(maximumPacketSize: number, sessionExpiryInterval = 0): Promise<{ broker: TestBroker; ann: Client; bob: Client }> {
  const broker = await createTestBroker({
    receiveMaximum: 65_535,
    topicAliasMaximum: 0,
    gates: { publish: ({ topic }) => topic !== 'no' },
  });
  const ann = await arrive5(broker, 'ann', { properties: { maximumPacketSize, sessionExpiryInterval } });
  await ann.subscribe('a', 2);
  return { broker, ann, bob: await arrive5(broker, 'bob') };
}

/** A payload that makes a PUBLISH to `a` without properties just so large, in bytes. */
const filling = (size: number, qos: QoS): string => 'x'.repeat(size - (size > 129 ? 1 : 0) - 2 - 3 - (qos > 0 ? 2 : 0) - 1);

for (const qos of [0, 1, 2] as const) {
  for (const [kind, expiry] of [
    ['ends with its connection', 0],
    ['is kept', 60],
  ] as const) {
    for (const size of [50, 1_000]) {
      test(`in a session that ${kind} a message at QoS ${qos} of just ${size} bytes is sent, one of a byte more is dropped for that client alone [MQTT5-3.1.2-24][MQTT5-3.1.2-25]`, async () => {
        const { broker, ann, bob } = await scene(size, expiry);
        const cat = await arrive5(broker, 'cat');
        await cat.subscribe('a');
        bob.publish('a', filling(size + 1, qos), { qos });
        bob.publish('a', filling(size, qos), { qos });
        bob.publish('a', 'last', { qos });
        const before = ann.connection.bytesReceived;
        await ann.expect(
          publish('a', filling(size, qos), { qos, packetId: qos === 0 ? 0 : 1 }),
          publish('a', 'last', { qos, packetId: qos === 0 ? 0 : 2 }),
        );
        assert.equal(ann.connection.bytesReceived - before, size + 10 + (qos > 0 ? 2 : 0));
        assert.equal((await cat.payloads()).length, 3);
        assert.equal(broker.broker.stats.dropped['packet-too-large'], 1);
        assert.equal(broker.broker.session('ann')?.messagesDropped, 1);
        assert.equal(broker.broker.session('ann')?.inflight, qos === 0 ? 0 : 2);
        assert.equal((await bob.take()).length, qos === 0 ? 0 : 3);
      });
    }
  }
}

test('a message too large takes no place in the window, and those that wait behind it move on [MQTT5-3.1.2-25]', async () => {
  for (const sessionExpiryInterval of [0, 60]) {
    const broker = await createTestBroker();
    const ann = await arrive5(broker, 'ann', { properties: { maximumPacketSize: 60, receiveMaximum: 1, sessionExpiryInterval } });
    await ann.subscribe('a', 2);
    const bob = await arrive5(broker, 'bob');
    const large = 'x'.repeat(60);
    for (const payload of [large, 'first', large, large, 'second', large, 'third']) bob.publish('a', payload, { qos: 1 });
    await ann.expect(publish('a', 'first', { qos: 1, packetId: 1 }));
    await ann.send(puback(1)).expect(publish('a', 'second', { qos: 1, packetId: 2 }));
    await ann.send(puback(2)).expect(publish('a', 'third', { qos: 1, packetId: 3 }));
    await ann.send(puback(3)).expect();
    assert.equal(broker.broker.stats.dropped['packet-too-large'], 4);
    assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  }
});

test('what a client comes back too small for is dropped, whether it waited, was in flight or is retained [MQTT5-3.1.2-24][MQTT5-3.1.2-25]', async () => {
  const { broker, ann, bob } = await scene(1_000, 60);
  const large = 'x'.repeat(100);
  bob.publish('a', large, { qos: 1 }).publish('a', 'small', { qos: 1 }).publish('a', large, { qos: 2 });
  bob.publish('r', large, { retain: true });
  await ann.take();
  ann.hangUp();
  bob.publish('a', large, { qos: 1 }).publish('a', 'waited', { qos: 2 });
  const properties = { maximumPacketSize: 60, sessionExpiryInterval: 60 };
  const again = await arrive5(broker, 'ann', { clean: false, sessionPresent: true, properties });
  // Of the one that was sent at QoS 2 the identifier is given back.
  await again.expect(
    publish('a', 'small', { qos: 1, packetId: 2, dup: true }),
    saying(PacketType.Pubrel, 3, 0),
    publish('a', 'waited', { qos: 2, packetId: 4 }),
  );
  await again.subscribe('r');
  await again.send(pubcomp(3)).expect();
  assert.equal(broker.broker.stats.dropped['packet-too-large'], 4);
  assert.equal(broker.broker.session('ann')?.inflight, 2);
});

test('properties, and identifiers of subscriptions, count as well; who takes no 5.0 gets the message [MQTT5-3.1.2-24]', async () => {
  const { broker, ann, bob } = await scene(60);
  const old = await arrive(broker, 'old');
  await old.subscribe('a');
  bob.publish('a', 'x', having({ userProperties: [['name', 'v'.repeat(60)]] }));
  await ann.expect();
  await old.expect(publish('a', 'x'));
});

test('packets other than PUBLISH are small for everybody, whatever they say [MQTT5-3.1.2-24][MQTT5-3.4.2-2][MQTT5-3.4.2-3][MQTT5-3.5.2-2][MQTT5-3.5.2-3][MQTT5-3.6.2-2][MQTT5-3.6.2-3][MQTT5-3.7.2-2][MQTT5-3.7.2-3][MQTT5-3.9.2-1][MQTT5-3.9.2-2][MQTT5-3.11.2-1][MQTT5-3.11.2-2]', async () => {
  const { ann } = await scene(6);
  const answers: [asked: Packet, answer: Packet, bytes: number][] = [
    [publish('no', 'x', { qos: 1, packetId: 1 }), saying(PacketType.Puback, 1, 0x87), 5],
    [publish('no', 'x', { qos: 2, packetId: 1 }), saying(PacketType.Pubrec, 1, 0x87), 5],
    [pubrec(9), saying(PacketType.Pubrel, 9, 0x92), 5],
    [pubrel(9), saying(PacketType.Pubcomp, 9, 0x92), 5],
    [subscribe(2, ['a/#/b', 1]), suback(2, 0x8f), 6],
    [{ type: PacketType.Unsubscribe, packetId: 3, filters: ['#/'] }, { type: PacketType.Unsuback, packetId: 3, reasonCodes: [0x8f] }, 6],
    [pingreq, pingresp, 2],
  ];
  for (const [asked, answer, bytes] of answers) {
    const before = ann.connection.bytesReceived;
    await ann.send(asked).expect(answer);
    assert.equal(ann.connection.bytesReceived - before, bytes);
  }
});

test('what cannot be answered in the size a client takes is not carried out: 0x95 [MQTT5-3.1.2-24][MQTT5-4.13.2-1]', async () => {
  const fits = await scene(7);
  await fits.ann.send(subscribe(1, ['b', 0], ['c', 0])).expect(suback(1, 0, 0));
  const asked: Packet[] = [
    subscribe(2, ['d', 0], ['e', 0], ['f', 0]),
    { type: PacketType.Unsubscribe, packetId: 2, filters: ['a', 'b', 'c'] },
  ];
  for (const packet of asked) {
    const { broker, ann } = await scene(7, 60);
    const before = ann.connection.bytesReceived;
    ann.send(packet);
    await expectFarewell(ann, 0x95);
    assert.equal(ann.connection.bytesReceived - before, 3);
    assert.equal(broker.broker.session('ann')?.subscriptions.length, 1);
  }
});

test('a client that takes no CONNACK of ours is refused with 0x95, and one that takes none at all without a word; its session is left alone [MQTT5-3.1.2-24][MQTT5-3.2.2-7]', async () => {
  const broker = await createTestBroker();
  const kept = await arrive5(broker, 'ann', { properties: { sessionExpiryInterval: 60 } });
  await kept.subscribe('a');
  const small = knock(broker, 'ann', { version: 5, properties: { maximumPacketSize: 10 } });
  assert.equal(await expectRefusal(broker, small, 0x95), undefined);
  await knock(broker, 'ann', { version: 5, properties: { maximumPacketSize: 4 } }).expectClosed();
  await kept.publish('a', 'still here').expect(publish('a', 'still here'));
  await arrive5(broker, 'bob', { properties: { maximumPacketSize: 11 } });
});

for (const [size, hasReason] of [
  [200, true],
  [15, false],
] as const) {
  test(`a DISCONNECT to a client that takes ${size} bytes has ${hasReason ? 'a' : 'no'} reason [MQTT5-3.14.2-3][MQTT5-3.14.2-4]`, async () => {
    const { ann } = await scene(size);
    const before = ann.connection.bytesReceived;
    ann.sendBytes(rawPacket(0x30, 'a/#', [0]));
    const [packet] = await ann.take();
    assert.ok(packet?.type === PacketType.Disconnect);
    assert.equal(packet.reasonCode, 0x90 satisfies ReasonCode);
    assert.equal(packet.properties?.reasonString !== undefined, hasReason);
    assert.equal(packet.properties?.userProperties, undefined);
    assert.ok(ann.connection.bytesReceived - before <= size);
  });
}

test('a packet of the largest size the CONNACK tells is taken; one of a byte more gets 0x95 before it is read [MQTT5-3.2.2-15]', async () => {
  for (const maxPacketSize of [100, 127, 128, 2_000]) {
    const broker = await createTestBroker({ maxPacketSize });
    const bob = await arrive5(broker, 'bob');
    await bob.subscribe('a');
    const ann = await arrive5(broker, 'ann');
    const payload = (more: number): string => 'x'.repeat(maxPacketSize - 4 + more);
    ann.publish('a', payload(0), { version: 5 });
    assert.deepEqual((await bob.payloads()).length, 1);
    const tooLarge = publish('a', payload(1), { version: 5 });
    assert.ok(tooLarge instanceof Publish);
    ann.sendBytes(tooLarge.bytes.subarray(0, 5));
    await expectFarewell(ann, 0x95);
    await bob.expect();
    assert.deepEqual(closeReasons(broker), { 'packet-too-large': 1 });
  }
});
