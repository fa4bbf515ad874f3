/** Shared Subscriptions: one member gets each message, and nothing is lost when a member leaves (MQTT 5.0 section 4.8.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { CreateOptions } from '../../src/create.js';
import type { QoS, SubscriptionRequest } from '../../src/packet/packet.js';
import { createTestBroker, MemoryStorage, PacketType, Publish, type Packet, type TestBroker } from '../../src/testing.js';
import {
  arrive,
  arrive5,
  closeReasons,
  comeBack,
  held,
  knock,
  NOTHING,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  toldWhole,
  unsubscribe,
  type Client,
} from './client.js';
import { runs } from '../util/runs.js';

const SHARED = '$share/g/t';
const kept = { properties: { sessionExpiryInterval: 60 } };
const back = { clean: false, sessionPresent: true, ...kept };

/** A SUBSCRIBE with the options of 5.0. */
function subscribe5(packetId: number, request: SubscriptionRequest, identifier?: number): Packet {
  const properties = identifier === undefined ? undefined : { subscriptionIdentifiers: [identifier] };
  return { type: PacketType.Subscribe, packetId, subscriptions: [request], ...(properties === undefined ? undefined : { properties }) };
}

/** A broker with Ann, who publishes, and members of `$share/g/t` by these names. */
async function scene(
  names: readonly string[],
  { qos = 2, options = {}, fields = {} }: { qos?: QoS; options?: CreateOptions; fields?: Parameters<typeof arrive5>[2] } = {},
): Promise<{ broker: TestBroker; ann: Client; members: Client[] }> {
  const broker = await createTestBroker(options);
  const ann = await arrive5(broker, 'ann');
  const members: Client[] = [];
  for (const name of names) members.push(await (await arrive5(broker, name, fields)).subscribe(SHARED, qos));
  return { broker, ann, members };
}

/** Publishes one message for each payload, and takes the answers. */
async function say(ann: Client, qos: QoS, ...payloads: string[]): Promise<void> {
  for (const payload of payloads) ann.publish('t', payload, { qos });
  assert.equal((await ann.take()).length, qos === 0 ? 0 : payloads.length);
}

function sorted(list: readonly string[]): string[] {
  return [...list].sort();
}

async function each(clients: readonly Client[]): Promise<string[][]> {
  const heard: string[][] = [];
  for (const client of clients) heard.push(await client.payloads());
  return heard;
}

const dropped = ({ broker }: TestBroker): object =>
  Object.fromEntries(Object.entries(broker.stats.dropped).filter(([, count]) => count > 0));

for (const qos of [0, 1, 2] as const) {
  test(`of three members one gets each message of QoS ${qos}, in turn`, async () => {
    const { ann, members } = await scene(['a', 'b', 'c']);
    await say(ann, qos, '1', '2', '3', '4', '5', '6', '7');
    assert.deepEqual(await each(members), [
      ['1', '4', '7'],
      ['2', '5'],
      ['3', '6'],
    ]);
  });
}

test('two groups with one filter, and two filters with one group, each get every message', async () => {
  const { broker, ann, members } = await scene(['a', 'b']);
  const others: Client[] = [];
  for (const filter of ['$share/h/t', '$share/g/+', '$share/g/#', 't']) {
    others.push(await (await arrive5(broker, filter)).subscribe(filter, 0));
  }
  await say(ann, 0, '1', '2');
  assert.deepEqual(await each(members), [['1'], ['2']]);
  for (const heard of await each(others)) assert.deepEqual(heard, ['1', '2']);
});

test('a member with a subscription of its own gets a copy for each, with the identifier of each', async () => {
  const { broker, ann } = await scene([]);
  const a = await arrive5(broker, 'a');
  a.send(
    subscribe5(1, { filter: SHARED, qos: 1 }, 7),
    subscribe5(2, { filter: 't', qos: 0 }, 8),
    subscribe5(3, { filter: '#', qos: 0 }, 9),
  );
  await a.expect(suback(1, 1), suback(2, 0), suback(3, 0));
  await say(ann, 1, 'x');
  const copies = (await a.take()).map((packet) => {
    assert.ok(packet instanceof Publish);
    return `QoS ${packet.qos} ${sorted((packet.properties?.subscriptionIdentifiers ?? []).map(String)).join()}`;
  });
  assert.deepEqual(sorted(copies), ['QoS 0 8,9', 'QoS 1 7']);
});

test('each member hears the identifier it gave, and a member that gave none hears none', async () => {
  const { broker, ann } = await scene([]);
  const [a, b, c] = [await arrive5(broker, 'a'), await arrive5(broker, 'b'), await arrive5(broker, 'c')];
  await a.send(subscribe5(1, { filter: SHARED, qos: 0 }, 1)).expect(suback(1, 0));
  await b.send(subscribe5(1, { filter: SHARED, qos: 0 }, 268_435_455)).expect(suback(1, 0));
  await c.send(subscribe5(1, { filter: SHARED, qos: 0 })).expect(suback(1, 0));
  await say(ann, 0, '1', '2', '3');
  const identifiers = [];
  for (const member of [a, b, c]) {
    const [packet] = await member.take();
    identifiers.push(packet instanceof Publish ? packet.properties?.subscriptionIdentifiers : 'nothing came');
  }
  assert.deepEqual(identifiers, [[1], [268_435_455], undefined]);
});

test('each member is sent messages at the lower of their QoS and what it was granted [MQTT5-4.8.2-3]', async () => {
  const { broker, ann } = await scene([]);
  const members: Client[] = [];
  for (const qos of [0, 1, 2] as const) members.push(await (await arrive5(broker, `at ${qos}`)).subscribe(SHARED, qos));
  await say(ann, 2, '1', '2', '3');
  await members[0]!.expect(publish('t', '1'));
  await members[1]!.expect(publish('t', '2', { qos: 1, packetId: 1 }));
  await members[2]!.expect(publish('t', '3', { qos: 2, packetId: 1 }));
  await say(ann, 0, '4', '5', '6');
  for (const [i, member] of members.entries()) await member.expect(publish('t', `${4 + i}`));
});

test('RETAIN is told as published to a member that asked for that, and to no other', async () => {
  const { broker, ann } = await scene([]);
  const [a, b] = [await arrive5(broker, 'a'), await arrive5(broker, 'b')];
  await a.send(subscribe5(1, { filter: SHARED, qos: 0, retainAsPublished: true })).expect(suback(1, 0));
  await b.send(subscribe5(1, { filter: SHARED, qos: 0 })).expect(suback(1, 0));
  ann.publish('t', '1', { retain: true }).publish('t', '2', { retain: true }).publish('t', '3').publish('t', '4');
  await a.expect(publish('t', '1', { retain: true }), publish('t', '3'));
  await b.expect(publish('t', '2'), publish('t', '4'));
});

for (const retainHandling of [0, 1, 2] as const) {
  test(`no retained message is sent for a shared subscription, whatever its Retain Handling (${retainHandling})`, async () => {
    const { broker, ann } = await scene([]);
    ann.publish('t', 'kept', { retain: true });
    const a = await arrive5(broker, 'a');
    await a.send(subscribe5(1, { filter: SHARED, qos: 1, retainHandling })).expect(suback(1, 1));
    await a.send(subscribe5(2, { filter: SHARED, qos: 1, retainHandling })).expect(suback(2, 1));
  });
}

test('a member gets what it published itself, in its turn', async () => {
  const { members } = await scene(['a', 'b']);
  const [a, b] = members as [Client, Client];
  a.publish('t', '1').publish('t', '2');
  assert.deepEqual(await each([a, b]), [['1'], ['2']]);
});

test('No Local with a shared subscription is a protocol error, and nothing of its SUBSCRIBE is done [MQTT5-3.8.3-4]', async () => {
  const { broker } = await scene([]);
  const a = await arrive5(broker, 'a');
  const subscriptions = [
    { filter: 'x', qos: 0 },
    { filter: SHARED, qos: 0, noLocal: true },
  ] as const;
  a.send({ type: PacketType.Subscribe, packetId: 1, subscriptions });
  const [farewell] = await a.take();
  assert.deepEqual(
    [farewell?.type, farewell !== undefined && 'reasonCode' in farewell && farewell.reasonCode],
    [PacketType.Disconnect, 0x82],
  );
  assert.equal(a.closed, true);
  assert.equal(broker.broker.stats.subscriptions, 0);
  assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
});

const bad = ['$share/', '$share/g', '$share//', '$share//x', '$share/g/', '$share/g+/x', '$share/+/x', '$share/#/x', '$share/g#/x'];
const badFilters = ['$share/#', '$share/+', '$share/g/a#', '$share/g/#/a', '$share/g/a+'];
for (const filter of [...bad, ...badFilters]) {
  test(`${filter} is no Topic Filter: 0x8F in SUBACK and UNSUBACK, and the others are granted [MQTT5-4.8.2-1] [MQTT5-4.8.2-2]`, async () => {
    const { broker } = await scene([]);
    const a = await arrive5(broker, 'a');
    await a.send(subscribe(1, ['x', 1], [filter, 1], ['y', 2])).expect(suback(1, 1, 0x8f, 2));
    await a.send(unsubscribe(2, 'x', filter)).expect({ type: PacketType.Unsuback, packetId: 2, reasonCodes: [0, 0x8f] });
    assert.equal(broker.broker.stats.subscriptions, 1);
  });

  test(`${filter} closes a connection of 3.1.1, which has no code for it`, async () => {
    const { broker } = await scene([]);
    const a = await arrive(broker, 'a');
    await a.send(subscribe(1, [filter, 1])).expectClosed();
  });
}

/** Filters that are valid, a topic they match and one they do not. */
const good: readonly (readonly [filter: string, yes: string, no: string])[] = [
  ['$share/g//x', '/x', 'x'],
  ['$share/g//', '/', 'g'],
  ['$share/g/+', 'x', 'x/y'],
  ['$share/g/#', 'x/y', '$SYS/x'],
  ['$share/g/+/x', 'SYS/x', '$SYS/x'],
  ['$share/g/$SYS/#', '$SYS/x', 'x'],
  ['$share/g/$share/g/x', '$share/g/x', 'x'],
  ['$share/ü b/x', 'x', 'ü b/x'],
  ['$share/$/x', 'x', '$/x'],
  ['$share', '$share', 'share'],
  ['$Share/g/x', '$Share/g/x', 'x'],
  ['$shared/g/x', '$shared/g/x', 'x'],
];
for (const [filter, yes, no] of good) {
  test(`${filter} hears ${yes}, and not ${no} [MQTT5-4.8.2-1] [MQTT5-4.8.2-2] [MQTT5-4.7.2-1]`, async () => {
    const { broker } = await scene([]);
    const a = await arrive5(broker, 'a');
    await a.subscribe(filter);
    await Promise.all([broker.broker.publish(no, 'no'), broker.broker.publish(yes, 'yes')]);
    await a.expect(publish(yes, 'yes'));
  });
}

test('names of groups are told apart by every character', async () => {
  const { broker, ann } = await scene([]);
  const members: Client[] = [];
  for (const group of ['g', 'G', 'g ', 'é', 'e\u0301']) members.push(await (await arrive5(broker, group)).subscribe(`$share/${group}/t`));
  await say(ann, 0, 'x');
  for (const heard of await each(members)) assert.deepEqual(heard, ['x']);
});

test('a member that unsubscribes gets no more, and the others get its share [MQTT5-3.10.4-2]', async () => {
  const { broker, ann, members } = await scene(['a', 'b']);
  const [a, b] = members as [Client, Client];
  await a.send(unsubscribe(9, 't')).expect({ type: PacketType.Unsuback, packetId: 9, reasonCodes: [0x11] });
  await a.send(unsubscribe(9, SHARED)).expect({ type: PacketType.Unsuback, packetId: 9, reasonCodes: [0] });
  await a.send(unsubscribe(9, SHARED)).expect({ type: PacketType.Unsuback, packetId: 9, reasonCodes: [0x11] });
  await say(ann, 0, '1', '2');
  assert.deepEqual(await each([a, b]), [[], ['1', '2']]);
  b.send(unsubscribe(9, SHARED));
  await b.take();
  assert.equal(broker.broker.stats.subscriptions, 0);
});

test('who subscribes again is one member still, with what it asked for last [MQTT5-3.8.4-3]', async () => {
  const { ann, members } = await scene(['a', 'b'], { qos: 0 });
  const [a, b] = members as [Client, Client];
  await a.subscribe(SHARED, 1);
  await say(ann, 1, '1', '2', '3');
  await a.expect(publish('t', '1', { qos: 1, packetId: 1 }), publish('t', '3', { qos: 1, packetId: 2 }));
  await b.expect(publish('t', '2'));
});

test('a message in flight finds another member, although its own has subscribed again meanwhile', async () => {
  const { broker, ann, members } = await scene(['a']);
  const [a] = members as [Client];
  await say(ann, 1, 'x');
  await a.take();
  await a.subscribe(SHARED, 1);
  const b = await (await arrive5(broker, 'b')).subscribe(SHARED, 1);
  a.hangUp();
  assert.deepEqual(await b.payloads(), ['x']);
});

test('a message in flight goes to who is a member when its own leaves, also where there was none meanwhile', async () => {
  const { broker, ann, members } = await scene(['a']);
  const [a] = members as [Client];
  await say(ann, 1, 'x');
  await a.take();
  a.send(unsubscribe(9, SHARED));
  const b = await (await arrive5(broker, 'b')).subscribe(SHARED, 1);
  a.hangUp();
  assert.deepEqual(await b.payloads(), ['x']);
});

test('members of 3.1.1 and of 5.0 are members alike', async () => {
  const { broker, ann, members } = await scene(['a']);
  const b = await (await arrive(broker, 'b')).subscribe(SHARED, 1);
  await say(ann, 2, '1', '2', '3', '4');
  await members[0]!.expect(publish('t', '1', { qos: 2, packetId: 1 }), publish('t', '3', { qos: 2, packetId: 2 }));
  await b.expect(publish('t', '2', { qos: 1, packetId: 1 }), publish('t', '4', { qos: 1, packetId: 2 }));
  b.hangUp();
  assert.deepEqual(await members[0]!.payloads(), ['2', '4']);
});

test('with three members of which one is frozen, messages go to those with room', async () => {
  const { ann, members } = await scene(['a', 'b', 'c'], { qos: 1, options: { maxInflight: 4 } });
  const [a, b, c] = members as [Client, Client, Client];
  b.connection.transport.freeze();
  const payloads = Array.from({ length: 30 }, (_, i) => `${i}`);
  const heard: string[] = [];
  for (const payload of payloads) {
    await say(ann, 1, payload);
    for (const member of [a, c]) {
      for (const packet of await member.take()) {
        assert.ok(packet instanceof Publish);
        heard.push(packet.payload.toString());
        member.send(puback(packet.packetId));
      }
    }
  }
  b.connection.transport.thaw();
  const late = await b.payloads();
  assert.equal(late.length, 4, 'its window and no more');
  assert.deepEqual(sorted([...heard, ...late]), sorted(payloads));
});

for (const frozen of [false, true]) {
  test(`a member that ${frozen ? 'is frozen' : 'answers nothing'} and leaves: what it had not acknowledged, or not been sent, goes to the others, once`, async () => {
    const { broker, ann, members } = await scene(['a', 'b', 'c'], { qos: 1, options: { maxInflight: 2 } });
    const [a, b, c] = members as [Client, Client, Client];
    if (frozen) a.connection.transport.freeze();
    const payloads = Array.from({ length: 12 }, (_, i) => `${i}`);
    await say(ann, 1, ...payloads);
    a.hangUp();
    const heard: string[] = [];
    for (let rounds = 0; rounds < 12; rounds++) {
      for (const member of [b, c]) {
        for (const packet of await member.take()) {
          assert.ok(packet instanceof Publish && !packet.dup);
          heard.push(packet.payload.toString());
          member.send(puback(packet.packetId));
        }
      }
    }
    assert.deepEqual(sorted(heard), sorted(payloads));
    assert.deepEqual(dropped(broker), {});
    assert.deepEqual((held(broker) as typeof NOTHING).queued, { messages: 0, bytes: 0 });
  });
}

test('what a member has acknowledged goes to nobody else when it leaves', async () => {
  const { ann, members } = await scene(['a', 'b']);
  const [a, b] = members as [Client, Client];
  await say(ann, 1, '1', '2', '3');
  await a.take();
  await a.send(puback(1)).expect();
  a.hangUp();
  assert.deepEqual(await b.payloads(), ['2', '3']);
});

for (const recorded of [false, true]) {
  test(`a QoS 2 message that was sent${recorded ? ', and answered with PUBREC,' : ''} goes to nobody else when its member's session ends; one that waited does [MQTT5-4.8.2-5]`, async () => {
    const { broker, ann, members } = await scene(['a'], { options: { maxInflight: 1 } });
    const [a] = members as [Client];
    await say(ann, 2, 'sent', 'waiting');
    await a.expect(publish('t', 'sent', { qos: 2, packetId: 1 }));
    if (recorded) await a.send(pubrec(1)).expect(pubrel(1));
    const b = await (await arrive5(broker, 'b')).subscribe(SHARED, 2);
    a.hangUp();
    await b.expect(publish('t', 'waiting', { qos: 2, packetId: 1 }));
    assert.deepEqual(dropped(broker), {});
  });
}

test('a QoS 2 message stays with the member it was sent to, and is completed when that is back [MQTT5-4.8.2-4]', async () => {
  const { broker, ann, members } = await scene(['a', 'b'], { fields: kept });
  const [a, b] = members as [Client, Client];
  await say(ann, 2, '1', '2', '3', '4');
  await a.take();
  await a.send(pubrec(1)).expect(pubrel(1));
  a.hangUp();
  assert.deepEqual(await b.payloads(), ['2', '4']);
  const again = await arrive5(broker, 'a', back);
  await again.expect(pubrel(1), publish('t', '3', { qos: 2, packetId: 2, dup: true }));
  await again.send(pubcomp(1), pubrec(2)).expect(pubrel(2));
  await again.send(pubcomp(2)).expect();
  await b.expect();
});

test('a member whose session is kept keeps what it was sent or waits, and gets it when it is back; new messages go to the others', async () => {
  const { broker, ann, members } = await scene(['a', 'b'], { qos: 1, fields: kept, options: { maxInflight: 1 } });
  const [a, b] = members as [Client, Client];
  await say(ann, 1, '1', '2', '3');
  await a.expect(publish('t', '1', { qos: 1, packetId: 1 }));
  a.hangUp();
  await b.expect(publish('t', '2', { qos: 1, packetId: 1 }));
  await b.send(puback(1)).expect();
  await say(ann, 1, '4');
  await b.expect(publish('t', '4', { qos: 1, packetId: 2 }));
  const again = await arrive5(broker, 'a', back);
  await again.expect(publish('t', '1', { qos: 1, packetId: 1, dup: true }));
  await again.send(puback(1)).expect(publish('t', '3', { qos: 1, packetId: 2 }));
});

test('a kept session that expires gives what it kept to the others', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 1, fields: kept, options: { maxInflight: 1 } });
  const [a] = members as [Client];
  await say(ann, 1, '1', '2');
  await a.take();
  a.hangUp();
  await say(ann, 1, '3');
  const b = await (await arrive5(broker, 'b', { properties: { receiveMaximum: 10 } })).subscribe(SHARED, 1);
  broker.advance(59_000);
  await b.expect();
  broker.advance(2_000);
  const heard: string[] = [];
  for (let i = 0; i < 3; i++) {
    const [packet] = await b.take();
    assert.ok(packet instanceof Publish);
    heard.push(packet.payload.toString());
    b.send(puback(packet.packetId));
  }
  assert.deepEqual(heard, ['1', '2', '3']);
});

test('a message that has expired meanwhile is given to nobody [MQTT5-3.3.2-5]', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 1, options: { maxInflight: 1 } });
  const [a] = members as [Client];
  const soon = { qos: 1, version: 5, properties: { messageExpiryInterval: 10 } } as const;
  ann.publish('t', 'sent', soon).publish('t', 'waiting', soon).publish('t', 'for ever', { qos: 1 });
  await ann.take();
  const b = await (await arrive5(broker, 'b')).subscribe(SHARED, 1);
  broker.advance(11_000);
  a.hangUp();
  assert.deepEqual(await b.payloads(), ['for ever']);
  assert.deepEqual(dropped(broker), { 'message-expired': 2 });
});

test('a message given to another member has its own QoS, identifier and RETAIN there', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 1 });
  ann.publish('t', 'x', { qos: 2, retain: true, packetId: 9 });
  await members[0]!.expect(publish('t', 'x', { qos: 1, packetId: 1 }));
  const b = await arrive5(broker, 'b');
  b.send(subscribe5(1, { filter: SHARED, qos: 2, retainAsPublished: true }, 5));
  await b.expect(suback(1, 2));
  members[0]!.hangUp();
  assert.deepEqual(toldWhole(await b.take()), [
    { ...toldWhole([publish('t', 'x', { qos: 2, retain: true, packetId: 1 })])[0], properties: { subscriptionIdentifiers: [5] } },
  ]);
});

for (const [name, qos, type] of [
  ['PUBACK', 1, PacketType.Puback],
  ['PUBREC', 2, PacketType.Pubrec],
] as const) {
  for (const reasonCode of [0x80, 0x83, 0x87, 0x90, 0x97, 0x99] as const) {
    test(`${name} 0x${reasonCode.toString(16)} discards the message: nobody else gets it, not even when the member leaves [MQTT5-4.8.2-6]`, async () => {
      const { broker, ann, members } = await scene(['a', 'b'], { options: { maxInflight: 1 } });
      const [a, b] = members as [Client, Client];
      await say(ann, qos, '1');
      await a.expect(publish('t', '1', { qos, packetId: 1 }));
      await a.send({ type, packetId: 1, reasonCode }).expect();
      await say(ann, qos, '2', '3');
      assert.deepEqual(await each([a, b]), [['3'], ['2']]);
      a.hangUp();
      await b.take();
      b.hangUp();
      assert.deepEqual(held(broker), { ...NOTHING, transports: 1, connections: 1, connected: 1 });
    });
  }
}

test('all members away: messages wait with a session that is kept, and QoS 0 is dropped and counted', async () => {
  const { broker, ann, members } = await scene(['a', 'b'], { qos: 1, fields: kept });
  for (const member of members) member.hangUp();
  await say(ann, 1, '1', '2', '3');
  await say(ann, 0, 'gone');
  assert.deepEqual(dropped(broker), { 'no-member': 1 });
  const again = [await arrive5(broker, 'a', back), await arrive5(broker, 'b', back)];
  assert.deepEqual(await each(again), [['1', '3'], ['2']]);
});

test('a connected member gets what one that is away might have kept', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 1, fields: kept });
  members[0]!.hangUp();
  const b = await (await arrive5(broker, 'b')).subscribe(SHARED, 0);
  await say(ann, 1, '1', '2');
  assert.deepEqual(await b.payloads(), ['1', '2']);
  await (await arrive5(broker, 'a', back)).expect();
});

test('where no member could take it a message is dropped and counted as no-member', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 0, fields: kept });
  members[0]!.hangUp();
  await say(ann, 2, '1');
  assert.deepEqual(dropped(broker), { 'no-member': 1 });
});

test('the last member of a session that ends takes its messages with it: they are counted', async () => {
  const { broker, ann, members } = await scene(['a'], { qos: 1, options: { maxInflight: 1 } });
  await say(ann, 1, '1', '2', '3');
  members[0]!.hangUp();
  assert.deepEqual(dropped(broker), { 'no-member': 3 });
  await say(ann, 1, '4');
  assert.deepEqual(dropped(broker), { 'no-member': 3 });
});

test('the messages of one publisher come to one member in their order', async () => {
  const { ann, members } = await scene(['a', 'b', 'c'], { qos: 2, options: { maxInflight: 3 } });
  const heard: number[][] = [[], [], []];
  for (let i = 0; i < 60; i++) {
    ann.publish('t', `${i}`, { qos: i % 2 === 0 ? 1 : 2, packetId: i + 1 });
    if (i % 7 !== 0) continue;
    for (const [m, member] of members.entries()) {
      for (const packet of await member.take()) {
        if (packet instanceof Publish) {
          heard[m]!.push(Number(packet.payload));
          member.send(packet.qos === 1 ? puback(packet.packetId) : pubrec(packet.packetId));
        } else if (packet.type === PacketType.Pubrel) {
          member.send(pubcomp(packet.packetId));
        }
      }
    }
  }
  for (const payloads of heard) {
    assert.ok(payloads.length > 10);
    assert.deepEqual(
      payloads,
      [...payloads].sort((one, other) => one - other),
    );
  }
});

for (const strategy of ['sticky', 'least-inflight'] as const) {
  test(`--shared-subscription-strategy ${strategy} says who is asked first`, async () => {
    const { broker, ann, members } = await scene(['a', 'b'], { qos: 1, options: { sharedSubscriptionStrategy: strategy } });
    const [a, b] = members as [Client, Client];
    await say(ann, 1, '1', '2', '3', '4');
    const heard = await each([a, b]);
    if (strategy === 'sticky') {
      assert.deepEqual(sorted(heard.map((payloads) => payloads.join())), ['', '1,2,3,4']);
    } else {
      assert.deepEqual(heard, [
        ['1', '3'],
        ['2', '4'],
      ]);
      await b.send(puback(1), puback(2)).expect();
      await say(ann, 1, '5', '6');
      assert.deepEqual(await each([a, b]), [[], ['5', '6']]);
    }
    assert.deepEqual(dropped(broker), {});
  });
}

test('when everybody is gone nothing is left of a group', async () => {
  const { broker, ann, members } = await scene(['a', 'b', 'c'], { qos: 1, fields: kept, options: { maxInflight: 2 } });
  await say(ann, 1, ...Array.from({ length: 9 }, (_, i) => `${i}`));
  const [a, b, c] = members as [Client, Client, Client];
  a.hangUp();
  b.leave();
  c.send(unsubscribe(9, SHARED));
  c.hangUp();
  ann.leave();
  broker.advance(100_000);
  await broker.settle();
  assert.deepEqual(held(broker), NOTHING);
});

test('a take-over with Clean Start 1 leaves the group, and its messages go to the others', async () => {
  const { broker, ann, members } = await scene(['a', 'b'], { qos: 1, fields: kept });
  await say(ann, 1, '1', '2');
  await members[0]!.take();
  await arrive5(broker, 'a', { clean: true });
  assert.deepEqual(await members[1]!.payloads(), ['2', '1']);
  await say(ann, 1, '3');
  assert.deepEqual(await members[1]!.payloads(), ['3']);
});

test('after a restart members are members again, and what one kept still goes to the others when its session ends', async () => {
  const storage = new MemoryStorage();
  const { ann, members } = await scene(['a', 'b'], { qos: 1, fields: kept, options: { storage, maxInflight: 1 } });
  const [a, b] = members as [Client, Client];
  await say(ann, 1, '1', '2', '3', '4');
  assert.deepEqual(await each([a, b]), [['1'], ['2']]);
  await b.send(puback(1)).expect(publish('t', '4', { qos: 1, packetId: 2 }));
  await b.send(puback(2)).expect();
  const again = await createTestBroker({ storage });
  const b2 = await arrive5(again, 'b', back);
  await b2.expect();
  again.advance(59_000);
  await b2.expect();
  again.advance(2_000);
  assert.deepEqual(await b2.payloads(), ['1', '3']);
  const ann2 = await arrive5(again, 'ann');
  await say(ann2, 1, '5', '6');
  assert.deepEqual(await b2.payloads(), ['5', '6']);
  b2.leave();
  ann2.leave();
  again.advance(100_000);
  await again.settle();
  assert.equal(storage.size, 2, 'its version, and how far its numbers go');
});

test('a member of 3.1.1 with a session that is kept is a member when it is back', async () => {
  const { broker, ann } = await scene([]);
  const a = await arrive(broker, 'a', { clean: false });
  await a.subscribe(SHARED, 1);
  a.hangUp();
  await say(ann, 1, '1');
  await (await comeBack(broker, 'a')).expect(publish('t', '1', { qos: 1, packetId: 1 }));
});

/** What may happen to a group. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('publish' as const) }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('handle' as const), who: fc.nat(), count: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('join' as const), keeps: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('lose' as const, 'leave' as const, 'again' as const), who: fc.nat() }) },
);

interface Member {
  readonly name: string;
  readonly keeps: boolean;
  client: Client | undefined;
}

/** Members that come and go, and what they acknowledged. */
class Crowd {
  readonly members: Member[] = [];
  readonly acknowledged: string[] = [];
  #names = 0;
  readonly #broker: TestBroker;

  constructor(broker: TestBroker) {
    this.#broker = broker;
  }

  async join(keeps: boolean): Promise<Member> {
    const name = `member-${this.#names++}`;
    const properties = { sessionExpiryInterval: keeps ? 3_600 : 0 };
    const client = await arrive5(this.#broker, name, { properties });
    client.send(subscribe(1, [SHARED, 1]));
    const member = { name, keeps, client };
    this.members.push(member);
    return member;
  }

  lose(member: Member): void {
    member.client?.hangUp();
    member.client = undefined;
    if (!member.keeps) this.#remove(member);
  }

  /** Its session ends. */
  leave(member: Member): void {
    member.client ??= knock(this.#broker, member.name, { version: 5, clean: false });
    member.client.send({ type: PacketType.Disconnect, reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    member.client.hangUp();
    this.#remove(member);
  }

  again(member: Member): void {
    if (member.client !== undefined) return;
    const properties = { sessionExpiryInterval: 3_600 };
    member.client = knock(this.#broker, member.name, { version: 5, clean: false, properties });
  }

  /** Acknowledges so many packets that have come, or all; whether there were any. */
  handle({ client }: Member, count = Infinity): boolean {
    if (client === undefined) return false;
    const packets = client.connection.packets.splice(0, Math.min(count, client.connection.packets.length));
    for (const packet of packets) {
      if (!(packet instanceof Publish)) continue;
      this.acknowledged.push(packet.payload.toString());
      client.send(puback(packet.packetId));
    }
    return packets.length > 0;
  }

  #remove(member: Member): void {
    this.members.splice(this.members.indexOf(member), 1);
  }
}

test('whoever comes and goes, every message published while there is a member is acknowledged by one member, once, in the end', async () => {
  const strategies = fc.constantFrom('round-robin' as const, 'sticky' as const, 'least-inflight' as const);
  await fc.assert(
    fc.asyncProperty(
      strategies,
      fc.integer({ min: 1, max: 3 }),
      fc.array(event, { maxLength: 60, size: 'max' }),
      async (strategy, window, events) => {
        const broker = await createTestBroker({ sharedSubscriptionStrategy: strategy, maxInflight: window });
        const ann = await arrive5(broker, 'ann');
        const crowd = new Crowd(broker);
        const published: string[] = [];
        await crowd.join(false);
        for (const event of events) {
          const { members } = crowd;
          if (event.act === 'publish') {
            published.push(`${published.length}`);
            ann.publish('t', published.at(-1)!, { qos: 1, packetId: 1 });
          } else if (event.act === 'join') {
            await crowd.join(event.keeps);
          } else {
            const member = members[event.who % members.length]!;
            if (event.act === 'handle') crowd.handle(member, event.count);
            else if (event.act === 'again') crowd.again(member);
            // The last member takes its messages with it, and who is kept is no help to those who cannot wait.
            else if (members.length > 1) crowd[event.act](member);
          }
          if (event.act !== 'publish') await broker.settle();
        }
        const last = await crowd.join(false);
        for (const member of crowd.members.filter((one) => one !== last)) {
          await broker.settle();
          crowd.leave(member);
        }
        do await broker.settle();
        while (crowd.handle(last));
        assert.deepEqual(sorted(crowd.acknowledged), sorted(published));
        crowd.leave(last);
        ann.hangUp();
        broker.advance(5_000);
        assert.deepEqual(held(broker), NOTHING);
        assert.deepEqual(dropped(broker), {});
        assert.equal(broker.broker.stats.bugs, 0);
      },
    ),
    runs(12),
  );
});
