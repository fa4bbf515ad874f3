/** The packet identifier that belongs to a place in a queue: the same after a restart, though it is not on record; and never that of two messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import { writeSent } from '../../src/broker/records.js';
import type { CreateOptions } from '../../src/create.js';
import type { TestConnection } from '../../src/testing.js';
import { AROUND, identifierAt, Inflight, OWES_PUBACK, SHARED } from '../../src/session/inflight.js';
import { connect, puback, pubcomp, pubrec } from '../conversations/client.js';
import { inventory, recordsOf } from '../conversations/store.js';
import { heard } from '../storage/held.js';
import { drained, Stage, taken } from './stage.js';

/** `bob`, who hears `t` at QoS 2, is away. */
async function away(options: CreateOptions = {}): Promise<Stage> {
  const stage = await Stage.set(options);
  await stage.leave(['bob', 't']);
  return stage;
}

/** The packet identifiers in what was taken. */
const identifiersIn = (texts: readonly string[]): number[] => texts.map((text) => Number(text.split(' ')[1]));

/** Messages wait for him, the second under the identifier of the first. */
async function twins(): Promise<{ stage: Stage; bob: TestConnection; packetId: number }> {
  const stage = await away({ maxInflight: 1 });
  const { journal } = stage;
  await stage.say('t', ['1'], 2).settle();
  const sequence = journal.sequence;
  journal.continueAfter(sequence + AROUND - 1);
  await stage.say('t', ['2'], 2).settle();
  assert.equal(journal.sequence, sequence + AROUND);
  const bob = await stage.back('bob');
  const packetId = identifierAt(sequence);
  assert.deepEqual(taken(bob), [`1 ${packetId}`]);
  return { stage, bob, packetId };
}

test('an identifier belongs to a place, is one there can be, and is that of the next only as many places later', () => {
  for (const sequence of [0, 1, AROUND - 1, AROUND, AROUND + 1, 2 ** 31, 2 ** 48 - 2]) {
    const packetId = identifierAt(sequence);
    assert.ok(Number.isInteger(packetId) && packetId > SHARED && packetId <= 65_535, `${packetId}`);
    assert.equal(identifierAt(sequence + AROUND), packetId);
    assert.notEqual(identifierAt(sequence + 1), packetId);
  }
});

test('a QoS 2 message that was read back goes out before a commit, and nothing is put on record of that', async () => {
  const stage = await away({ maxInflight: 2 });
  await stage.say('t', ['1', '2', '3'], 2).settle();
  const bob = await stage.back('bob');
  const [first] = bob.take();
  assert.ok(first !== undefined && 'packetId' in first);
  bob.send(pubrec(first.packetId)).send(pubcomp(first.packetId));
  await stage.settle();
  bob.take();
  assert.equal((await inventory(stage.storage.kept)).Sent, undefined);
});

for (const isHeld of [true, false]) {
  test(`while a restart could bring back what had an identifier, another message waits for the record${isHeld ? ', also while a commit is under way' : ''}`, async () => {
    const { stage, bob, packetId } = await twins();
    bob.send(pubrec(packetId));
    await stage.settle();
    taken(bob);
    if (isHeld) await stage.hold();
    bob.send(pubcomp(packetId));
    stage.broker.endTurn();
    await heard();
    assert.deepEqual(taken(bob), []);
    await stage.settle();
    assert.deepEqual(taken(bob), [`2 ${packetId}`]);
    const next = await stage.next();
    assert.deepEqual(taken(await next.back('bob')), [`2 ${packetId} again`]);
  });
}

test('it does so also where what had the identifier has its own place elsewhere', async () => {
  const stage = await away();
  await stage.say('t', ['1', '2'], 2).settle();
  const { kept } = stage.storage;
  const { number, sequence } = keys.placeOf((await stage.deliveries())[0]!.key);
  const packetId = identifierAt(sequence);
  kept.put(keys.noteKey(Kind.Sent, number, sequence - 1), writeSent(packetId));
  await kept.commit();
  const next = await stage.next({ maxInflight: 1 });
  const bob = await next.back('bob');
  assert.deepEqual(taken(bob), [`1 ${packetId} again`]);
  bob.send(pubrec(packetId));
  await next.settle();
  taken(bob);
  await next.hold();
  bob.send(pubcomp(packetId));
  next.broker.endTurn();
  await heard();
  assert.deepEqual(taken(bob), []);
  await next.settle();
  assert.deepEqual(taken(bob), [`2 ${packetId}`]);
});

test('and where a restart has brought back only that its PUBREL is due, be it the first identifier there is', async () => {
  const stage = await away({ maxInflight: 1 });
  for (const times of [1, 2]) {
    stage.journal.continueAfter(times * AROUND - 1);
    await stage.say('t', [`${times}`], 2).settle();
  }
  const packetId = identifierAt(AROUND);
  assert.equal(packetId, SHARED + 1);
  (await stage.back('bob')).send(pubrec(packetId));
  await stage.settle();
  const next = await stage.next({ maxInflight: 1 });
  const bob = await next.back('bob');
  assert.deepEqual(taken(bob), [`release ${packetId}`]);
  await next.hold();
  bob.send(pubcomp(packetId));
  next.broker.endTurn();
  await heard();
  assert.deepEqual(taken(bob), []);
  await next.settle();
  assert.deepEqual(taken(bob), [`2 ${packetId} again`]);
});

test('once it is on record that what had an identifier is over, it belongs to the next message', async () => {
  const stage = await away();
  const { journal } = stage;
  await stage.say('t', ['1'], 2).settle();
  const { sequence } = journal;
  await drained(stage, await stage.back('bob'));
  stage.broker.broker.kick('bob');
  await stage.settle();
  journal.continueAfter(sequence + AROUND - 1);
  await stage.say('t', ['2'], 2).settle();
  assert.deepEqual(taken(await stage.back('bob')), [`2 ${identifierAt(sequence)}`]);
});

test('at QoS 1 nothing waits for the record, and no identifier is taken from a place', async () => {
  const stage = await away({ maxInflight: 1 });
  await stage.say('t', ['1', '2']).settle();
  const bob = await stage.back('bob');
  assert.deepEqual(taken(bob), ['1 1']);
  await stage.hold();
  bob.send(puback(1));
  stage.broker.endTurn();
  assert.deepEqual(taken(bob), ['2 2']);
});

test('identifiers that belong to no place go round, and take those of places only where all others are in use', () => {
  const inflight = new Inflight();
  for (let i = 1; i <= SHARED; i++) {
    assert.equal(inflight.nextId(), i);
    if (i !== 7) inflight.add(i, OWES_PUBACK);
  }
  assert.equal(inflight.nextId(), 7);
  inflight.add(7, OWES_PUBACK);
  inflight.continueAfter(SHARED);
  assert.equal(inflight.nextId(), SHARED + 1);
  inflight.add(SHARED + 1, OWES_PUBACK);
  inflight.delete(9);
  inflight.delete(SHARED + 1);
  assert.equal(inflight.nextId(), 9);
});

test('an identifier that is in flight is given to no other message, and what is sent all the same is on record with its own', async () => {
  const stage = await away({ maxInflight: 2 });
  const { journal } = stage;
  await stage.say('t', ['1'], 2).settle();
  const packetId = identifierAt(journal.sequence);
  journal.continueAfter(journal.sequence + AROUND - 1);
  await stage.say('t', ['2'], 2).settle();
  const bob = await stage.back('bob');
  const [first, second] = taken(bob);
  assert.equal(first, `1 ${packetId}`);
  assert.notEqual(second, `2 ${packetId}`);
  assert.equal((await inventory(stage.storage.kept)).Sent, 2, 'that of the message before it, too');
  assert.deepEqual(taken(await (await stage.next()).back('bob')), [`${first} again`, `${second} again`]);
});

test('a QoS 2 message that waits in memory goes out only when it is on record [MQTT-4.3.3-1]', async () => {
  const stage = await Stage.set({ maxInflight: 1 });
  const bob = stage.come('bob', 't');
  await stage.settle();
  await stage.say('t', ['1'], 2).settle();
  bob.take();
  bob.send(pubrec(1));
  await stage.settle();
  await stage.hold();
  stage.say('t', ['2'], 2);
  bob.send(pubcomp(1));
  taken(bob);
  stage.broker.endTurn();
  await heard();
  assert.deepEqual(taken(bob), []);
  await stage.settle();
  const [sent] = taken(bob);
  assert.ok(sent?.startsWith('2 '));
  assert.deepEqual(taken(await (await stage.next()).back('bob')), [`${sent} again`]);
});

test('a QoS 2 message of a Shared Subscription is on record as sent before it goes out: it goes to nobody else [MQTT5-4.8.2-5]', async () => {
  const stage = await Stage.set();
  await stage.leave(['bob', '$share/group/t']);
  await stage.say('t', ['1'], 2).settle();
  const bob = stage.come('bob');
  while ((await inventory(stage.storage.kept)).Sent === undefined) {
    assert.deepEqual(taken(bob), []);
    stage.broker.endTurn();
    await heard();
    if (stage.storage.underWay) await stage.storage.land();
  }
  await stage.settle();
  assert.equal(taken(bob).length, 1);
});

test('what another session is done with takes no identifier from a message that may have been sent [MQTT-4.3.3-1]', async () => {
  const stage = await Stage.set();
  await stage.leave(['bob', 't'], ['bea', 't']);
  await stage.say('t', ['1'], 2).settle();
  const packetId = identifierAt(stage.journal.sequence);
  for (const name of ['bob', 'bea']) assert.deepEqual(taken(await stage.back(name)), [`1 ${packetId}`]);
  const next = await stage.next();
  const bob = await next.back('bob');
  bob.send(pubrec(packetId));
  await next.settle();
  bob.send(pubcomp(packetId)); // over, and not on record as that yet
  assert.deepEqual(taken(await next.back('bea')), [`1 ${packetId} again`]);
});

test('what was dropped before it was sent has its identifier until that is on record', async () => {
  const stage = await away({ maxInflight: 1, maxQueuedMessages: 3, whenQueueFull: 'drop-oldest' });
  const { journal } = stage;
  await stage.say('t', ['1', '2'], 2).settle();
  journal.continueAfter(journal.sequence + AROUND - 1);
  await stage.say('t', ['3'], 2).settle();
  const bob = await stage.back('bob');
  const [first] = identifiersIn(taken(bob));
  bob.send(pubrec(first!));
  await stage.settle();
  taken(bob);
  await stage.hold();
  stage.say('t', ['4', '5'], 2);
  assert.equal(stage.broker.broker.stats.dropped['queue-full'], 1);
  bob.send(pubcomp(first!));
  stage.broker.endTurn();
  assert.deepEqual(taken(bob), []);
});

test('what may have been sent is known after a connection of a later process that did not come to it [MQTT-3.3.1-1]', async () => {
  const stage = await away();
  await stage.say('t', ['1', '2'], 2).settle();
  const sent = taken(await stage.back('bob'));
  assert.equal(sent.length, 2);
  const next = await stage.next({ maxInflight: 1 });
  assert.deepEqual(taken(await next.back('bob')), [`${sent[0]} again`]);
  next.broker.broker.kick('bob');
  await next.settle();
  const last = await next.next();
  assert.deepEqual(
    taken(await last.back('bob')),
    sent.map((text) => `${text} again`),
  );
});

// What may have been sent, and is given up.

test('of a QoS 2 message that may have been sent and is dropped after a restart the identifier is released, and free after that', async () => {
  const options = { maxQueuedMessages: 1, whenQueueFull: 'drop-oldest' } as const;
  const stage = await away();
  await stage.say('t', ['1'], 2).settle();
  const [sent] = taken(await stage.back('bob'));
  const packetId = Number(sent!.split(' ')[1]);
  const next = await stage.next(options);
  await next.settle();
  await next.say('t', ['2'], 2).settle();
  assert.equal(next.broker.broker.stats.dropped['queue-full'], 1);
  const last = await next.next(options);
  const bob = await last.back('bob');
  const [release, second] = taken(bob);
  assert.equal(release, `release ${packetId}`);
  assert.ok(second?.startsWith('2 '));
  bob.send(pubcomp(packetId));
  bob.send(pubrec(Number(second!.split(' ')[1])));
  await last.settle();
  bob.send(pubcomp(Number(second!.split(' ')[1])));
  last.broker.broker.kick('bob');
  await last.settle();
  assert.deepEqual(await inventory(last.storage.kept), { Format: 1, Sequence: 1, Session: 1 });
});

test('that identifier is released also where a release whose PUBCOMP is not on record fills the window', async () => {
  const stage = await away({ maxInflight: 1 });
  await stage.say('t', ['1', '2'], 2).settle();
  const bob = await stage.back('bob');
  const [a] = identifiersIn(taken(bob));
  bob.send(pubrec(a!));
  await stage.settle();
  taken(bob);
  await stage.hold();
  bob.send(pubcomp(a!));
  stage.broker.endTurn();
  const [b] = identifiersIn(taken(bob));
  const next = await stage.next({ maxInflight: 1, maxQueuedMessages: 1, whenQueueFull: 'drop-oldest' });
  await next.settle();
  await next.say('t', ['3'], 2).settle();
  assert.deepEqual(taken(await next.back('bob')), [`release ${a}`, `release ${b}`]);
});

/** `bob` is here again, and takes packets of 50 bytes. */
async function backWithLess(stage: Stage): Promise<TestConnection> {
  const properties = { maximumPacketSize: 50, sessionExpiryInterval: 1_000 };
  const bob = stage.broker.connect().send(connect('bob', { version: 5, clean: false, properties }));
  await stage.settle();
  return bob;
}

test('of a QoS 2 message in flight that is too large for a later connection the identifier is released', async () => {
  const stage = await away();
  await stage.say('t', ['1'.repeat(100)], 2).settle();
  const [packetId] = identifiersIn(taken(await stage.back('bob')));
  stage.broker.broker.kick('bob');
  await stage.settle();
  const bob = await backWithLess(stage);
  assert.deepEqual(taken(bob), [`release ${packetId}`]);
  bob.send(pubcomp(packetId!));
  await stage.settle();
  assert.equal(stage.broker.broker.session('bob')!.inflight, 0);
});

test('the same where it was sent under another identifier than its own, and may have been before a restart', async () => {
  const options = { maxInflight: 2 };
  const stage = await away(options);
  const { journal } = stage;
  await stage.say('t', ['1'], 2).settle();
  journal.continueAfter(journal.sequence + AROUND - 1);
  await stage.say('t', ['2'.repeat(100)], 2).settle();
  assert.equal(taken(await stage.back('bob')).length, 2);
  const next = await stage.next(options);
  const bob = await next.back('bob');
  const [own, other] = identifiersIn(taken(bob));
  assert.notEqual(own, other);
  bob.send(pubrec(own!));
  await next.settle();
  bob.send(pubcomp(own!));
  next.broker.broker.kick('bob');
  await next.settle();
  const small = await backWithLess(next);
  assert.deepEqual(taken(small), [`release ${other}`]);
  small.send(pubcomp(other!));
  await next.settle();
  assert.equal(next.broker.broker.session('bob')!.inflight, 0);
});

// Releases.

test('PUBRELs of one commit share a record, which has those whose PUBCOMPs have not come, and goes with the last of them', async () => {
  const stage = await away();
  await stage.say('t', ['1', '2', '3'], 2).settle();
  const bob = await stage.back('bob');
  const packetIds = identifiersIn(taken(bob));
  const [a, b, c] = packetIds as [number, number, number];
  bob.send(pubrec(b), pubrec(a), pubrec(c));
  await stage.settle();
  assert.equal((await recordsOf(stage.storage.kept, Kind.Released)).length, 1);
  for (const packetId of [a, b]) {
    bob.send(pubcomp(packetId));
    await stage.say('t', ['4']).settle();
  }
  const next = await stage.next();
  const again = await next.back('bob');
  assert.deepEqual(
    taken(again).filter((text) => text.startsWith('release')),
    [`release ${c}`],
  );
  again.send(pubcomp(c));
  await next.say('t', ['5']).settle();
  assert.deepEqual(await recordsOf(next.storage.kept, Kind.Released), []);
});

test('more PUBRELs than a record takes are on record in their order', async () => {
  const stage = await away();
  const payloads = Array.from({ length: 70 }, (_, i) => `${i}`);
  await stage.say('t', payloads, 2).settle();
  const bob = await stage.back('bob');
  const packetIds = identifiersIn(taken(bob));
  bob.send(...packetIds.map(pubrec));
  await stage.settle();
  assert.equal((await recordsOf(stage.storage.kept, Kind.Released)).length, 3);
  const next = await stage.next();
  assert.deepEqual(
    taken(await next.back('bob')),
    packetIds.map((packetId) => `release ${packetId}`),
  );
});

test('PUBRELs are on record in the order of their PUBRECs, also of what was sent since the last commit [MQTT-4.6.0-4]', async () => {
  const stage = await away({ maxInflight: 2 });
  await stage.say('t', ['1', '2', '3'], 2).settle();
  const bob = await stage.back('bob');
  const [a, b] = identifiersIn(taken(bob));
  bob.send(pubrec(a!));
  await stage.settle();
  taken(bob);
  await stage.hold();
  bob.send(pubcomp(a!));
  stage.broker.endTurn();
  const [c] = identifiersIn(taken(bob));
  bob.send(pubrec(b!), pubrec(c!));
  await stage.settle();
  assert.deepEqual(taken(await (await stage.next()).back('bob')), [`release ${b}`, `release ${c}`]);
});
