/** Parcels: deliveries of a session that share a record are lost, sent and counted one by one all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import * as parcels from '../../src/broker/parcel-record.js';
import type { CreateOptions } from '../../src/create.js';
import { identifierAt } from '../../src/session/inflight.js';
import type { TestBroker, TestConnection } from '../../src/testing.js';
import { connect, puback, pubcomp, pubrec } from '../conversations/client.js';
import { expectDrained, inventory, recordsOf } from '../conversations/store.js';
import { heard } from '../storage/held.js';
import { drained, Stage, taken } from './stage.js';

/** Of a PUBLISH at QoS 1 of 5.0 to a topic of one character, as it counts in a queue. */
const sizeOf = (payload: string): number => (payload.length > 119 ? 9 : 8) + payload.length;
/** A payload whose message has this size, above 127 bytes. */
const filling = (size: number): string => 'x'.repeat(size - (size > 16_387 ? 10 : 9));

/** The packet identifier of what waits first, second and so on for `bob` at QoS 2, in the session of number 1. */
const idOf = (place: number): number => identifierAt(1 + place);

const numbers = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `${from + i}`);

/** `bob` hears `t` and is away. */
async function away(options: CreateOptions = {}): Promise<Stage> {
  const stage = await Stage.set(options);
  await stage.leave(['bob', 't']);
  return stage;
}

/** `bob` is away, and these wait for him in one record. */
async function waiting(payloads: readonly string[], options: CreateOptions = {}): Promise<Stage> {
  const stage = await away(options);
  await stage.say('t', payloads).settle();
  assert.deepEqual(await stage.counts(), [payloads.length]);
  return stage;
}

const queueOf = ({ broker }: { readonly broker: TestBroker }): { readonly messages: number; readonly bytes: number } => {
  const { queuedMessages, queuedBytes } = broker.broker.session('bob')!;
  return { messages: queuedMessages, bytes: queuedBytes };
};

const queued = (payloads: readonly string[]): { readonly messages: number; readonly bytes: number } => ({
  messages: payloads.length,
  bytes: payloads.reduce((sum, payload) => sum + sizeOf(payload), 0),
});

/** Nothing is left of any message: on record, in the counts, or in what the journal remembers. */
async function expectNothingLeft({ storage, broker, journal }: Stage): Promise<void> {
  await expectDrained(storage.kept);
  assert.deepEqual(broker.broker.stats.queued, { messages: 0, bytes: 0 });
  assert.equal(broker.broker.stats.bugs, 0);
  assert.equal(journal.filing.parcels.size, 0);
}

/** Sent and acknowledged by what the broker sends to the end. */
async function fetch(stage: Stage): Promise<string[]> {
  const payloads = await drained(stage, stage.come('bob'));
  await expectNothingLeft(stage);
  return payloads;
}

// What goes into one.

test('what one commit has of a session shares records, 32 deliveries to each', async () => {
  const stage = await away();
  await stage.say('t', numbers(70)).settle();
  assert.deepEqual(await stage.counts(), [32, 32, 6]);
  assert.deepEqual(queueOf(stage), queued(numbers(70)));
  assert.deepEqual(await fetch(stage), numbers(70));
});

const byBytes: readonly { readonly what: string; readonly sizes: readonly number[]; readonly counts: readonly number[] }[] = [
  { what: 'of 16 KB', sizes: [4_096, 4_096, 4_096, 4_096, 4_096], counts: [4, 1] },
  { what: 'of a byte more than that', sizes: [4_096, 4_096, 4_096, 4_097], counts: [3, 1] },
  { what: 'of which one is larger than a parcel', sizes: [200, 200, 20_000, 200, 200], counts: [2, 1, 2] },
  { what: 'of which the first is larger than a parcel', sizes: [20_000, 200, 200], counts: [1, 2] },
];

for (const { what, sizes, counts } of byBytes) {
  test(`messages ${what} share records of 16 KB, and one that is larger has its own`, async () => {
    const stage = await away();
    const payloads = sizes.map(filling);
    await stage.say('t', payloads).settle();
    assert.deepEqual(await stage.counts(), counts);
    assert.deepEqual(queueOf(stage), { messages: sizes.length, bytes: sizes.reduce((sum, size) => sum + size) });
    assert.deepEqual(await fetch(stage), payloads);
  });
}

test('a parcel ends before what has a record of its own: it expires, or others wait for it too', async () => {
  const stage = await Stage.set();
  await stage.leave(['bob', '#'], ['cy', 's']);
  stage.say('t', ['1', '2']).say('s', ['3']).say('t', ['4', '5']);
  await stage
    .say('t', ['6'], 1, { properties: { messageExpiryInterval: 60 } })
    .say('t', ['7', '8'])
    .settle();
  const records = (await stage.deliveries()).map(({ key }) => keys.placeOf(key)).filter(({ number }) => number === 1);
  assert.deepEqual(
    records.map(({ count }) => count),
    [2, 1, 2, 1, 2],
  );
  assert.deepEqual(await drained(stage, stage.come('bob')), numbers(8));
});

test('two sessions share no parcel', async () => {
  const stage = await Stage.set();
  await stage.leave(['bob', 'b'], ['cy', 'c']);
  for (const i of [1, 2, 3]) stage.say('b', [`b${i}`]).say('c', [`c${i}`]);
  await stage.settle();
  assert.deepEqual(await stage.counts(), [3, 3]);
  assert.deepEqual(await drained(stage, stage.come('cy')), ['c1', 'c2', 'c3']);
  assert.deepEqual(await fetch(stage), ['b1', 'b2', 'b3']);
});

// What is over of one.

test('it is on record which of a parcel are over, until all are', async () => {
  const stage = await waiting(['a', 'bb', 'ccc']);
  const bob = await stage.back('bob');
  const notes: (parcels.SettledRecord | undefined)[] = [];
  for (const packetId of [2, 3, 1]) {
    bob.send(puback(packetId));
    await stage.settle();
    const [note] = await recordsOf(stage.storage.kept, Kind.Settled);
    notes.push(note && parcels.readSettled(note.value));
  }
  assert.deepEqual(notes, [{ bits: 0b010, size: sizeOf('bb') }, { bits: 0b110, size: sizeOf('bb') + sizeOf('ccc') }, undefined]);
  await expectNothingLeft(stage);
});

test('of a parcel that is over at once nothing is noted', async () => {
  const stage = await waiting(['a', 'b']);
  const bob = await stage.back('bob');
  bob.send(puback(2), puback(1));
  await stage.settle();
  assert.equal((await inventory(stage.storage.kept)).Settled, undefined);
  await expectNothingLeft(stage);
});

for (const order of [
  [1, 2, 3, 4],
  [4, 3, 2, 1],
  [2, 4, 1, 3],
]) {
  test(`whenever a process dies while a parcel is acknowledged in the order ${order.join(', ')}, the next sends and counts the rest`, async () => {
    const payloads = ['a', 'bb', 'ccc', 'dddd'];
    const stage = await waiting(payloads);
    const bob = await stage.back('bob');
    const left = new Set(payloads);
    for (const packetId of order) {
      bob.send(puback(packetId));
      left.delete(payloads[packetId - 1]!);
      await stage.settle();
      const next = await stage.next();
      await next.settle();
      assert.deepEqual(queueOf(next), queued([...left]));
      assert.deepEqual(await fetch(next), [...left]);
    }
    await expectNothingLeft(stage);
  });
}

/** What a client has said of the middle one of three messages at QoS 2 when the process dies, and what it is sent by the next. */
const steps = [
  { said: 'nothing', answers: [], sent: (a: number, b: number, c: number) => [`1 ${a} again`, `2 ${b} again`, `3 ${c} again`] },
  { said: 'PUBREC', answers: [pubrec], sent: (a: number, b: number, c: number) => [`release ${b}`, `1 ${a} again`, `3 ${c} again`] },
  { said: 'PUBREC and PUBCOMP', answers: [pubrec, pubcomp], sent: (a: number, _: number, c: number) => [`1 ${a} again`, `3 ${c} again`] },
] as const;

for (const { said, answers, sent } of steps) {
  for (const waited of [true, false]) {
    test(`what ${waited ? 'had waited' : 'was sent at once'} at QoS 2 in a parcel comes no second time after a restart when ${said} was said [MQTT-4.3.3-1]`, async () => {
      const stage = await away();
      let bob: TestConnection;
      if (waited) {
        await stage.say('t', numbers(3), 2).settle();
        bob = await stage.back('bob');
      } else {
        bob = await stage.back('bob');
        await stage.say('t', numbers(3), 2).settle();
      }
      const [a, b, c] = waited ? ([idOf(1), idOf(2), idOf(3)] as const) : ([1, 2, 3] as const);
      assert.deepEqual(taken(bob), [`1 ${a}`, `2 ${b}`, `3 ${c}`]);
      assert.deepEqual(await stage.counts(), [3]);
      bob.send(...answers.map((answer) => answer(b)));
      await stage.settle();
      const next = await stage.next();
      assert.deepEqual(taken(await next.back('bob')), sent(a, b, c));
    });
  }
}

// Who reads a record again.

test('where a window ends in the middle of a parcel, what is over of its one half and of its other is one note', async () => {
  const stage = await Stage.set({ maxInflight: 1 });
  const bob = stage.come('bob', 't');
  await stage.settle();
  const payloads = numbers(400).map((number) => number.padEnd(4_000));
  await stage.say('t', payloads, 2).settle();
  assert.ok((await stage.counts()).includes(4));
  assert.deepEqual(await drained(stage, bob), payloads);
  await expectNothingLeft(stage);
});

test('a client that acknowledges, loses its connection and is back before the next commit is sent the rest of the parcel, once', async () => {
  const stage = await waiting(['1', '2', '3'], { maxInflight: 1 });
  const bob = await stage.back('bob');
  assert.deepEqual(taken(bob), ['1 1']);
  await stage.hold();
  bob.send(puback(1)).hangUp();
  assert.deepEqual(await fetch(stage), ['2', '3']);
});

test('what was acknowledged out of order and is not on record as that is not sent again', async () => {
  const stage = await waiting(['1', '2', '3']);
  const bob = await stage.back('bob');
  await stage.hold();
  bob.send(puback(2)).hangUp();
  const again = await stage.back('bob');
  assert.deepEqual(taken(again), ['1 1 again', '3 3 again']);
});

test('a client that acknowledges one in three whenever it comes empties its queue, and the journal forgets the parcels', async () => {
  const stage = await away({ maxInflight: 10 });
  await stage.say('t', numbers(100)).settle();
  const heardOf = new Set<string>();
  for (let visit = 0; heardOf.size < 100 || queueOf(stage).messages > 0; visit++) {
    assert.ok(visit < 100, 'it comes to an end');
    const bob = await stage.back('bob');
    for (const [i, text] of taken(bob).entries()) {
      const [payload, packetId] = text.split(' ');
      if (i % 3 !== visit % 3) continue;
      heardOf.add(payload!);
      bob.send(puback(Number(packetId)));
    }
    assert.ok(stage.journal.filing.parcels.size <= 10, 'no more than there are in flight');
    bob.hangUp();
  }
  await fetch(stage);
});

test('what merely waits is not remembered, however much that is', async () => {
  const stage = await away();
  for (let i = 0; i < 10; i++) await stage.say('t', numbers(200)).settle();
  assert.equal(stage.journal.filing.parcels.size, 0);
  const next = await stage.next();
  await next.settle();
  assert.equal(next.journal.filing.parcels.size, 0);
});

for (const isRestarted of [false, true]) {
  test(`when a session ends the journal forgets its parcels${isRestarted ? ', after a restart too' : ''}`, async () => {
    let stage = await waiting(numbers(3));
    const bob = await stage.back('bob');
    bob.send(puback(2)).hangUp();
    await stage.settle();
    if (isRestarted) stage = await stage.next();
    await stage.settle();
    assert.equal(stage.journal.filing.parcels.size, 1);
    stage.broker.connect().send(connect('bob'));
    await stage.settle();
    assert.equal(stage.broker.broker.stats.dropped['session-ended'], 0);
    await expectNothingLeft(stage);
  });
}

// What is dropped of one.

test('where the oldest of a parcel are dropped for a client that is away, the rest is counted, kept through a restart, and sent', async () => {
  const options = { maxQueuedMessages: 3, whenQueueFull: 'drop-oldest' } as const;
  const stage = await waiting(['1', '2', '3'], options);
  await stage.hold();
  // Each drops one of the parcel, and reads it again before what became of it is on record.
  for (const payload of ['4', '5']) {
    stage.say('t', [payload]);
    await heard();
  }
  await stage.settle();
  assert.deepEqual(queueOf(stage), queued(['3', '4', '5']));
  assert.equal(stage.broker.broker.stats.dropped['queue-full'], 2);
  const next = await stage.next(options);
  await next.settle();
  assert.deepEqual(queueOf(next), queued(['3', '4', '5']));
  assert.deepEqual(await fetch(next), ['3', '4', '5']);
});

// Packet identifiers on record.

for (const qos of [1, 2] as const) {
  test(`of what was read back at QoS ${qos} a packet identifier goes on record when it has been in flight for two beats, and not before`, async () => {
    const stage = await away();
    await stage.say('t', numbers(3), qos).settle();
    const [a, b, c] = qos === 1 ? ([1, 2, 3] as const) : ([idOf(1), idOf(2), idOf(3)] as const);
    const bob = await stage.back('bob');
    const noted: number[] = [];
    for (let beat = 0; beat < 3; beat++) {
      noted.push((await inventory(stage.storage.kept)).Sent ?? 0);
      if (beat === 0) bob.send(...(qos === 1 ? [puback(a)] : [pubrec(a), pubcomp(a)]));
      stage.broker.advance(100);
      await stage.settle();
    }
    assert.deepEqual([...noted, (await inventory(stage.storage.kept)).Sent], [0, 0, 2, 2]);
    const next = await stage.next();
    assert.deepEqual(taken(await next.back('bob')), [`2 ${b} again`, `3 ${c} again`]);
  });
}

test('who loses the connection has the identifiers of what is in flight on record with the next commit', async () => {
  const stage = await waiting(numbers(3));
  const bob = await stage.back('bob');
  bob.send(puback(2)).hangUp();
  await stage.settle();
  assert.equal((await inventory(stage.storage.kept)).Sent, 2);
  const next = await stage.next();
  assert.deepEqual(taken(await next.back('bob')), ['1 1 again', '3 3 again']);
});

test('what is in flight when its parcel is written has its identifier there, and no note of it', async () => {
  const stage = await away();
  const bob = await stage.back('bob');
  await stage.say('t', numbers(3)).settle();
  bob.hangUp();
  await stage.settle();
  assert.equal((await inventory(stage.storage.kept)).Sent, undefined);
  const next = await stage.next();
  assert.deepEqual(taken(await next.back('bob')), ['1 1 again', '2 2 again', '3 3 again']);
});

/** A message that has a record of its own, with its packet identifier, while one before it had waited. */
const alone = [
  { what: 'that others wait for too', say: (stage: Stage) => stage.say('s', ['2']), counts: [1, 1, 1] },
  {
    what: 'that expires',
    say: (stage: Stage) => stage.say('t', ['2'], 1, { properties: { messageExpiryInterval: 60 } }),
    counts: [1, 1],
  },
  {
    what: 'of a parcel that ends before such a one',
    say: (stage: Stage) => stage.say('t', ['2', '3']).say('s', ['4']),
    counts: [1, 1, 2, 1],
  },
];

for (const { what, say, counts } of alone) {
  test(`after a restart a message ${what} passes none that was sent before it [MQTT-4.6.0-1]`, async () => {
    const stage = await Stage.set({ maxInflight: 3 });
    await stage.leave(['cy', 's']);
    const bob = stage.come('bob', '#');
    await stage.settle();
    await stage.say('t', ['x', 'y', 'z']).settle();
    await stage.say('t', ['1']).settle();
    assert.deepEqual(taken(bob), ['x 1', 'y 2', 'z 3']);
    say(stage);
    bob.send(puback(1), puback(2), puback(3));
    await stage.settle();
    assert.deepEqual(taken(bob).slice(0, 2), ['1 4', '2 5']);
    assert.deepEqual(await stage.counts(), counts);
    const next = await stage.next({ maxInflight: 3 });
    assert.deepEqual(taken(await next.back('bob')).slice(0, 2), ['1 4 again', '2 5 again']);
  });
}

// Reading before a commit.

test('what has expired and is not deleted on record yet is not found there', async () => {
  const stage = await away();
  await stage
    .say('t', ['1'], 1, { properties: { messageExpiryInterval: 3 } })
    .say('t', ['2', '3'])
    .settle();
  stage.broker.advance(2_900);
  await stage.settle();
  stage.broker.advance(200);
  await heard();
  assert.deepEqual(queueOf(stage), queued(['2', '3']));
  assert.deepEqual(await stage.counts(), [1, 2]);
  assert.deepEqual(await fetch(stage), ['2', '3']);
  assert.equal(stage.broker.broker.stats.dropped['message-expired'], 1);
});

test('a message that goes on record under an old number is waited for by who reads', async () => {
  const stage = await Stage.set({ maxInflight: 1 });
  await stage.leave(['cy', 't'], ['bob', '$share/g/t']);
  const dan = stage.broker.connect().send(connect('dan'), { type: 8, packetId: 1, subscriptions: [{ filter: '$share/g/t', qos: 1 }] });
  await stage.settle();
  await stage.say('t', ['1']).settle();
  assert.deepEqual(taken(dan), ['1 1']);
  await stage.hold();
  dan.hangUp();
  assert.equal(queueOf(stage).messages, 1, 'it is his now');
  const bob = stage.come('bob');
  await heard();
  assert.deepEqual(await drained(stage, bob), ['1']);
  assert.equal(bob.closed, false);
  assert.deepEqual(queueOf(stage), { messages: 0, bytes: 0 });
});

// What is damaged.

interface Damage {
  readonly what: string;
  /** Harms the record of three messages. */
  readonly harm: (value: Buffer, bounds: readonly number[]) => void;
  /** Which of them can be read. */
  readonly healthy: readonly string[];
}

/** Bytes before a delivery in a parcel, and of that before its message. */
const LENGTH = 4;
const HEAD = 13;

const damages: readonly Damage[] = [
  { what: 'the QoS of one', harm: (value, [, second]) => void (value[second! + LENGTH]! |= 6), healthy: ['a', 'ccc'] },
  { what: 'the message of one', harm: (value, [, second]) => void (value[second! + LENGTH + HEAD + 14]! ^= 0x40), healthy: ['a', 'ccc'] },
  {
    what: 'the place of one, which is too far ahead',
    harm: (value, [, second]) => void (value[second! + LENGTH + 4]! ^= 1),
    healthy: ['a', 'ccc'],
  },
  {
    what: 'the place of one, which is too far back',
    harm: (value, [, second]) => void value.fill(0, second! + LENGTH + 3, second! + LENGTH + 9),
    healthy: ['a', 'ccc'],
  },
  { what: 'that the body of one is in it', harm: (value, [, second]) => void (value[second! + LENGTH]! |= 8), healthy: ['a', 'ccc'] },
  {
    what: 'the messages of two',
    harm: (value, [first, , third]) => [first, third].forEach((at) => (value[at! + LENGTH]! |= 6)),
    healthy: ['bb'],
  },
  { what: 'the length of one', harm: (value, [, second]) => void (value[second! + 3]! ^= 1), healthy: [] },
  { what: 'how many they are', harm: (value) => void value[1]!--, healthy: [] },
  { what: 'that it is a parcel', harm: (value) => void (value[0] = 0), healthy: ['a', 'bb', 'ccc'] },
];

/** Changes the first record of deliveries there is. */
async function damage({ storage: { kept } }: Stage, harm: Damage['harm']): Promise<void> {
  const [{ key, value } = assert.fail('there is a record')] = await recordsOf(kept, Kind.Delivery);
  const copy = Buffer.from(value);
  harm(copy, parcels.readParcel(value).bounds);
  kept.put(key, copy);
  await kept.commit();
}

const THREE = ['a', 'bb', 'ccc'];

for (const { what, harm, healthy } of damages) {
  test(`where a parcel does not tell ${what}, the others are sent, and what is lost is counted as that`, async () => {
    for (const isSparse of [false, true]) {
      for (const isRestarted of [false, true]) {
        const first = await away({ maxInflight: 1 });
        if (isSparse) await first.leave(['cy', 'c']);
        for (const payload of THREE) first.say('t', [payload]).say('c', ['x']);
        await first.settle();
        await damage(first, harm);
        const stage = isRestarted ? await first.next({ maxInflight: 1 }) : first;
        await stage.settle();
        assert.deepEqual(queueOf(stage), queued(THREE));
        const bob = await stage.back('bob');
        assert.deepEqual(queueOf(stage), queued(healthy.slice(1)));
        assert.equal(stage.broker.broker.stats.dropped['record-damaged'], THREE.length - healthy.length);
        stage.say('t', ['new']);
        assert.deepEqual(await drained(stage, bob), [...healthy, 'new']);
        if (isSparse) await drained(stage, stage.come('cy'));
        await expectNothingLeft(stage);
      }
    }
  });

  test(`where a parcel does not tell ${what} and some of it was sent, the rest is sent again`, async () => {
    const stage = await waiting(THREE);
    const bob = await stage.back('bob');
    assert.deepEqual(taken(bob), ['a 1', 'bb 2', 'ccc 3']);
    bob.send(puback(1)).hangUp();
    await stage.settle();
    await damage(stage, harm);
    const left = healthy.filter((payload) => payload !== 'a');
    assert.deepEqual(await fetch(stage), left);
    assert.equal(stage.broker.broker.stats.dropped['record-damaged'], 2 - left.length);
  });
}

test('of a parcel that is damaged and partly over what is left is counted to the byte', async () => {
  const first = await waiting([...THREE, 'dddd']);
  (await first.back('bob')).send(puback(1)).hangUp();
  await first.settle();
  await damage(first, damages[0]!.harm);
  const stage = await first.next({ maxInflight: 1 });
  await stage.settle();
  assert.deepEqual(queueOf(stage), queued(['bb', 'ccc', 'dddd']));
  const bob = await stage.back('bob');
  assert.deepEqual(queueOf(stage), queued([]));
  assert.deepEqual(await drained(stage, bob), ['ccc', 'dddd']);
  await expectNothingLeft(stage);
});

test('where it cannot be read which of a parcel are over, all of it is counted and comes again', async () => {
  const stage = await waiting(THREE);
  const bob = await stage.back('bob');
  bob.send(puback(2));
  await stage.settle();
  const { kept } = stage.storage;
  const [note] = await recordsOf(kept, Kind.Settled);
  kept.put(note!.key, note!.value.subarray(1));
  await kept.commit();
  const next = await stage.next();
  await next.settle();
  assert.deepEqual(queueOf(next), queued(THREE));
  assert.deepEqual(await drained(next, next.come('bob')), THREE);
  assert.deepEqual(queueOf(next), queued([]));
  assert.equal((await inventory(next.storage.kept)).Delivery, undefined);
});
