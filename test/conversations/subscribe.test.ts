/** SUBSCRIBE and UNSUBSCRIBE: what is granted, what is refused, what is heard because of it, and when that ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker } from '../../src/testing.js';
import { arrive, comeBack, puback, pubcomp, publish, pubrec, pubrel, suback, subscribe, unsuback, unsubscribe } from './client.js';

/** What 3.1.1 has for every refusal of a filter. */
const REFUSED = ReasonCode.UnspecifiedError;

test('SUBSCRIBE is answered with SUBACK: its identifier, and a code per filter in their order [MQTT-3.8.4-1][MQTT-3.8.4-2][MQTT-3.8.4-4][MQTT-3.8.4-5][MQTT-3.9.3-1][MQTT-2.3.1-7]', async () => {
  const ann = await arrive(await createTestBroker(), 'ann');
  await ann.send(subscribe(1, ['a', 0])).expect(suback(1, 0));
  await ann.send(subscribe(65_535, ['a', 2], ['b/+', 0], ['c/#', 1], ['+', 2])).expect(suback(65_535, 2, 0, 1, 2));
});

test('the filters of one SUBSCRIBE count like that many SUBSCRIBEs in that order [MQTT-3.8.4-4]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  await ann.send(subscribe(1, ['a', 2], ['b', 1], ['a', 0])).expect(suback(1, 2, 1, 0));
  assert.deepEqual(broker.broker.session('ann')?.subscriptions, [
    { filter: 'a', qos: 0 },
    { filter: 'b', qos: 1 },
  ]);
  ann.publish('a', 'x', { qos: 2 });
  await ann.expect(publish('a', 'x'), pubrec(1));
});

const invalid = [
  { name: 'an empty filter', spec: ['MQTT-4.7.3-1'], filter: '' },
  { name: 'U+0000 in a filter', spec: ['MQTT-4.7.3-2'], filter: 'a\0b' },
  { name: '# before another level', spec: ['MQTT-4.7.1-2'], filter: 'a/#/b' },
  { name: '# behind a character', spec: ['MQTT-4.7.1-2'], filter: 'a#' },
  { name: '## as a level', spec: ['MQTT-4.7.1-2'], filter: 'a/##' },
  { name: '+ behind a character', spec: ['MQTT-4.7.1-3'], filter: 'a+' },
  { name: '+ before a character', spec: ['MQTT-4.7.1-3'], filter: 'a/+b/c' },
  { name: '++ as a level', spec: ['MQTT-4.7.1-3'], filter: '++' },
];

for (const { name, spec, filter } of invalid) {
  const tags = spec.map((tag) => `[${tag}]`).join('');
  test(`${name} closes the connection of who subscribes, and no other filter beside it counts ${tags}`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann', { clean: false });
    await ann.send(subscribe(1, ['good', 0], [filter, 0])).expectClosed();
    assert.deepEqual(broker.broker.session('ann')?.subscriptions, []);
    assert.equal(broker.broker.stats.closed['malformed-packet'], 1);
  });

  test(`${name} closes the connection of who unsubscribes ${tags}`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann', { clean: false });
    await ann.subscribe('good');
    await ann.send(unsubscribe(2, 'good', filter)).expectClosed();
    assert.equal(broker.broker.session('ann')?.subscriptions.length, 1);
  });
}

const offences = [
  { name: 'SUBSCRIBE with flags 0000', spec: ['MQTT-3.8.1-1', 'MQTT-2.2.2-2'], hex: '80 06 00 01 00 01 61 00' },
  { name: 'SUBSCRIBE with flags 0011', spec: ['MQTT-3.8.1-1', 'MQTT-2.2.2-2'], hex: '83 06 00 01 00 01 61 00' },
  { name: 'SUBSCRIBE without a filter', spec: ['MQTT-3.8.3-3'], hex: '82 02 00 01' },
  { name: 'SUBSCRIBE with a filter and no QoS', spec: ['MQTT-3.8.3-4'], hex: '82 05 00 01 00 01 61' },
  { name: 'SUBSCRIBE at QoS 3', spec: ['MQTT-3.8.3-4'], hex: '82 06 00 01 00 01 61 03' },
  { name: 'SUBSCRIBE with reserved bits beside the QoS', spec: ['MQTT-3.8.3-4'], hex: '82 06 00 01 00 01 61 05' },
  { name: 'SUBSCRIBE with a filter that is not UTF-8', spec: ['MQTT-3.8.3-1', 'MQTT-1.5.3-1'], hex: '82 07 00 01 00 02 c3 28 00' },
  { name: 'SUBSCRIBE with Packet Identifier 0', spec: ['MQTT-2.3.1-1'], hex: '82 06 00 00 00 01 61 00' },
  { name: 'SUBSCRIBE whose filter is cut off', spec: ['MQTT-3.8.3-1'], hex: '82 06 00 01 00 09 61 00' },
  { name: 'UNSUBSCRIBE with flags 0000', spec: ['MQTT-3.10.1-1', 'MQTT-2.2.2-2'], hex: 'a0 05 00 01 00 01 61' },
  { name: 'UNSUBSCRIBE with flags 1010', spec: ['MQTT-3.10.1-1', 'MQTT-2.2.2-2'], hex: 'aa 05 00 01 00 01 61' },
  { name: 'UNSUBSCRIBE without a filter', spec: ['MQTT-3.10.3-2'], hex: 'a2 02 00 01' },
  { name: 'UNSUBSCRIBE with a filter that is not UTF-8', spec: ['MQTT-3.10.3-1', 'MQTT-1.5.3-1'], hex: 'a2 06 00 01 00 02 c3 28' },
  { name: 'UNSUBSCRIBE with a gap behind a filter', spec: ['MQTT-3.10.3-1'], hex: 'a2 06 00 01 00 01 61 00' },
  { name: 'UNSUBSCRIBE with Packet Identifier 0', spec: ['MQTT-2.3.1-1'], hex: 'a2 05 00 00 00 01 61' },
];

for (const { name, spec, hex } of offences) {
  test(`${name} closes its connection without an answer, and no other ${spec.map((tag) => `[${tag}]`).join('')}[MQTT-4.8.0-1]`, async () => {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob');
    ann.connection.sendHex(hex);
    await ann.expectClosed();
    await bob.subscribe('still/there');
  });
}

test('in MQTT 3.1 SUBSCRIBE and UNSUBSCRIBE may have DUP set [MQTT31-7]', async () => {
  const ann = await arrive(await createTestBroker(), 'ann', { version: 3 });
  ann.connection.sendHex('8a 06 00 01 00 01 61 00');
  await ann.expect(suback(1, 0));
  ann.connection.sendHex('aa 05 00 02 00 01 61');
  await ann.expect(unsuback(2));
});

test('what the subscribe gate refuses has code 0x80, hears nothing, and does not touch the filters beside it [MQTT-3.9.3-2][MQTT-3.8.4-5]', async () => {
  const asked: unknown[] = [];
  const broker = await createTestBroker({
    gates: {
      subscribe: ({ filter, qos }, { clientId, username }) => {
        asked.push([filter, qos, clientId, username]);
        return filter !== 'secret/#';
      },
    },
  });
  const ann = await arrive(broker, 'ann', { username: 'Ann' });
  await ann.send(subscribe(1, ['open', 1], ['secret/#', 2], ['also/open', 0])).expect(suback(1, 1, REFUSED, 0));
  assert.deepEqual(asked, [
    ['open', 1, 'ann', 'Ann'],
    ['secret/#', 2, 'ann', 'Ann'],
    ['also/open', 0, 'ann', 'Ann'],
  ]);
  ann.publish('secret/plan', 'x').publish('open', 'y');
  await ann.expect(publish('open', 'y'));
});

test('in MQTT 3.1, which has no code for it, what is refused reads as granted and hears nothing [MQTT31-8]', async () => {
  const broker = await createTestBroker({ gates: { subscribe: ({ filter }) => filter !== 'secret' } });
  const ann = await arrive(broker, 'ann', { version: 3 });
  await ann.send(subscribe(1, ['secret', 1], ['open', 1])).expect(suback(1, 0, 1));
  ann.publish('secret', 'x').publish('open', 'y');
  await ann.expect(publish('open', 'y'));
});

test('a session has as many subscriptions as are allowed: more are refused, a present one can be replaced [MQTT-3.9.3-2]', async () => {
  const broker = await createTestBroker({ maxSubscriptions: 2 });
  const ann = await arrive(broker, 'ann');
  await ann.send(subscribe(1, ['a', 0], ['b', 0], ['c', 0])).expect(suback(1, 0, 0, REFUSED));
  await ann.send(subscribe(2, ['a', 2], ['d', 0])).expect(suback(2, 2, REFUSED));
  await ann.send(unsubscribe(3, 'b')).expect(unsuback(3));
  await ann.send(subscribe(4, ['d', 1])).expect(suback(4, 1));
  const bob = await arrive(broker, 'bob');
  await bob.send(subscribe(1, ['a', 0], ['b', 0])).expect(suback(1, 0, 0));
});

test('a filter with wildcards has 256 levels at most; one without may have more [MQTT-3.9.3-2][MQTT-4.7.3-3]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  const levels = (count: number, last: string): string => 'a/'.repeat(count - 1) + last;
  await ann.send(subscribe(1, [levels(256, '+'), 0], [levels(257, '+'), 0], [levels(257, '#'), 0])).expect(suback(1, 0, REFUSED, REFUSED));
  await ann.send(subscribe(2, [levels(30_000, 'b'), 0])).expect(suback(2, 0));
  ann.publish(levels(30_000, 'b'), 'deep').publish(levels(256, 'c'), 'wild').publish(levels(257, 'c'), 'none');
  assert.deepEqual(await ann.payloads(), ['deep', 'wild']);
});

test('the same filter again replaces the subscription and its QoS [MQTT-3.8.4-3]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  await ann.subscribe('a/+', 0);
  ann.publish('a/b', '1', { qos: 1, packetId: 50 });
  await ann.expect(publish('a/b', '1'), puback(50));
  await ann.subscribe('a/+', 1);
  assert.equal(broker.broker.stats.subscriptions, 1);
  ann.publish('a/b', '2', { qos: 1, packetId: 51 });
  await ann.expect(publish('a/b', '2', { qos: 1, packetId: 1 }), puback(51));
});

test('subscribing again while messages flow neither loses nor doubles one, with or without wildcards [MQTT-3.8.4-3]', async () => {
  for (const filter of ['a', '#']) {
    const broker = await createTestBroker();
    const ann = await arrive(broker, 'ann');
    const bob = await arrive(broker, 'bob');
    await bob.subscribe(filter, 1);
    for (let i = 0; i < 50; i++) {
      ann.publish('a', `${i}`);
      if (i % 3 === 0) bob.send(subscribe(100 + i, [filter, 1]));
    }
    const payloads = (await bob.take()).flatMap((packet) => ('payload' in packet ? [packet.payload.toString()] : []));
    assert.deepEqual(
      payloads,
      Array.from({ length: 50 }, (_, i) => `${i}`),
    );
  }
});

test('overlapping filters deliver a message once, at the highest QoS granted [MQTT-3.3.5-1]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  await ann.send(subscribe(1, ['a/#', 0], ['a/+', 2], ['a/b', 1], ['#', 0])).expect(suback(1, 0, 2, 1, 0));
  const bob = await arrive(broker, 'bob');
  bob.publish('a/b', 'two', { qos: 2 }).publish('a/b', 'one', { qos: 1 }).publish('a/b', 'zero').publish('a/b/c', 'deep', { qos: 2 });
  await ann.expect(
    publish('a/b', 'two', { qos: 2, packetId: 1 }),
    publish('a/b', 'one', { qos: 1, packetId: 2 }),
    publish('a/b', 'zero'),
    publish('a/b/c', 'deep'),
  );
  await ann.send(unsubscribe(2, 'a/+')).expect(unsuback(2));
  bob.publish('a/b', 'again', { qos: 2 });
  await ann.expect(publish('a/b', 'again', { qos: 1, packetId: 3 }));
});

test('UNSUBSCRIBE is answered with UNSUBACK and its identifier, whatever was subscribed [MQTT-3.10.4-4][MQTT-3.10.4-5][MQTT-3.10.4-6][MQTT-2.3.1-7]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  await ann.send(subscribe(1, ['a', 0], ['b', 0], ['c', 0])).expect(suback(1, 0, 0, 0));
  await ann.send(unsubscribe(7, 'nothing')).expect(unsuback(7));
  await ann.send(unsubscribe(65_535, 'a', 'nothing', 'c', 'a')).expect(unsuback(65_535));
  assert.deepEqual(broker.broker.session('ann')?.subscriptions, [{ filter: 'b', qos: 0 }]);
  assert.equal(broker.broker.stats.subscriptions, 1);
});

test('UNSUBSCRIBE ends the subscription with the same characters and no other [MQTT-3.10.4-1]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  await ann.send(subscribe(1, ['a/+', 0], ['a/b', 0], ['#', 0])).expect(suback(1, 0, 0, 0));
  await ann.send(unsubscribe(2, 'a/#', '+/b', '+', 'A/b', 'a/b/', 'a/c')).expect(unsuback(2));
  assert.equal(broker.broker.session('ann')?.subscriptions.length, 3);
  await ann.send(unsubscribe(3, 'a/+', '#')).expect(unsuback(3));
  ann.publish('a/c', 'no').publish('a/b', 'yes');
  await ann.expect(publish('a/b', 'yes'));
});

test('after a subscription is removed nothing new is sent because of it [MQTT-3.10.4-2]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await ann.subscribe('a', 1);
  bob.publish('a', 'before');
  ann.send(unsubscribe(9, 'a'));
  bob.publish('a', 'behind');
  await ann.expect(publish('a', 'before'), unsuback(9));
});

test('what is on its way when its subscription is removed is completed, in flight and waiting [MQTT-3.10.4-3]', async () => {
  const broker = await createTestBroker({ maxInflight: 2 });
  const ann = await arrive(broker, 'ann');
  const bob = await arrive(broker, 'bob');
  await ann.subscribe('a', 2);
  bob.publish('a', 'two', { qos: 2 }).publish('a', 'one', { qos: 1 }).publish('a', 'waits', { qos: 2 });
  await ann.expect(publish('a', 'two', { qos: 2, packetId: 1 }), publish('a', 'one', { qos: 1, packetId: 2 }));
  await ann.send(unsubscribe(9, 'a')).expect(unsuback(9));
  await ann.send(pubrec(1)).expect(pubrel(1));
  await ann.send(pubcomp(1)).expect(publish('a', 'waits', { qos: 2, packetId: 3 }));
  await ann.send(puback(2), pubrec(3)).expect(pubrel(3));
  await ann.send(pubcomp(3)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 0);
});

test('what is on its way is completed after a reconnection too, though its subscription was removed [MQTT-3.10.4-3][MQTT-4.4.0-1]', async () => {
  const broker = await createTestBroker();
  const ann = await arrive(broker, 'ann', { clean: false });
  await ann.subscribe('a', 1);
  ann.publish('a', 'x', { qos: 1, packetId: 90 });
  await ann.expect(publish('a', 'x', { qos: 1, packetId: 1 }), puback(90));
  await ann.send(unsubscribe(9, 'a')).expect(unsuback(9));
  ann.hangUp();
  const again = await comeBack(broker, 'ann');
  await again.expect(publish('a', 'x', { qos: 1, packetId: 1, dup: true }));
  await again.send(puback(1)).expect();
  assert.equal(broker.broker.session('ann')?.inflight, 0);
});

test('who is kicked while its SUBSCRIBE is handled leaves nothing behind', async () => {
  for (const where of ['gate', 'event'] as const) {
    const broker = await createTestBroker();
    const kick = (): boolean => broker.broker.kick('ann');
    if (where === 'gate') broker.broker.gate({ subscribe: kick });
    else broker.broker.on('subscribed', kick);
    const bob = await arrive(broker, 'bob');
    bob.publish('b', 'kept', { retain: true });
    const ann = await arrive(broker, 'ann');
    await ann.send(subscribe(1, ['a', 0], ['b', 0], ['#', 1])).expectClosed();
    assert.equal(broker.broker.session('ann'), undefined);
    assert.equal(broker.broker.stats.subscriptions, 0, where);
    bob.publish('b', 'x');
    await broker.settle();
    assert.equal(broker.broker.stats.dropped['session-ended'], 0);
    assert.equal(broker.broker.stats.bugs, 0);
  }
});
