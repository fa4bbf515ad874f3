/** Gates: what they are asked with, and what their answers do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode, type ConnectRequest } from 'posmq';
import { createTestBroker, encode, type Version } from 'posmq/testing';
import { arrive, Client, connack, connect, knock, publish, suback, subscribe } from '../conversations/client.js';

test('a connect gate is asked with everything a CONNECT says, and where it came from', async () => {
  const asked: ConnectRequest[] = [];
  const test = await createTestBroker({
    gates: {
      connect: (request) => {
        asked.push(request);
        return true;
      },
    },
  });
  const will = { topic: 'a', payload: Buffer.from('x'), qos: 1, retain: true } as const;
  const fields = { username: 'Ann', password: Buffer.from('secret'), clean: false, keepAlive: 60, will };
  const client = test.connect('192.0.2.7:50112').send(connect('ann', fields));
  await test.settle();
  assert.equal(client.take().length, 1);
  await arrive(test, 'bob', { version: 3 });
  assert.deepEqual(asked, [
    { clientId: 'ann', ...fields, version: 4, properties: undefined, remoteAddress: '192.0.2.7:50112' },
    {
      clientId: 'bob',
      username: undefined,
      password: undefined,
      clean: true,
      keepAlive: 0,
      version: 3,
      will: undefined,
      properties: undefined,
      remoteAddress: 'memory',
    },
  ]);
});

const refusals: readonly { answer: ReasonCode; code: ReasonCode; closed: string }[] = [
  { answer: ReasonCode.ClientIdentifierNotValid, code: ReasonCode.ClientIdentifierNotValid, closed: 'client-identifier-not-valid' },
  { answer: ReasonCode.ServerUnavailable, code: ReasonCode.ServerUnavailable, closed: 'server-unavailable' },
  { answer: ReasonCode.ServerBusy, code: ReasonCode.ServerUnavailable, closed: 'too-many-connections' },
  { answer: ReasonCode.BadUserNameOrPassword, code: ReasonCode.BadUserNameOrPassword, closed: 'bad-user-name-or-password' },
  { answer: ReasonCode.NotAuthorized, code: ReasonCode.NotAuthorized, closed: 'not-authorized' },
  { answer: ReasonCode.Banned, code: ReasonCode.NotAuthorized, closed: 'not-authorized' },
  { answer: ReasonCode.UnspecifiedError, code: ReasonCode.ServerUnavailable, closed: 'server-unavailable' },
];

for (const { answer, code, closed } of refusals) {
  for (const later of [false, true]) {
    test(`a connect gate that answers 0x${answer.toString(16)} ${later ? 'later' : 'at once'} refuses with CONNACK, and the connection is closed [MQTT-3.2.2-5][MQTT-3.2.2-4]`, async () => {
      const test = await createTestBroker({ gates: { connect: () => (later ? Promise.resolve(answer) : answer) } });
      await knock(test, 'ann').expectClosed(connack(code));
      assert.equal(test.broker.stats.closed[closed as 'not-authorized'], 1);
      assert.equal(test.broker.session('ann'), undefined);
    });
  }
}

const failures: readonly { name: string; gate: () => unknown }[] = [
  {
    name: 'throws',
    gate: () => {
      throw new Error('no table');
    },
  },
  { name: 'rejects', gate: () => Promise.reject(new Error('no table')) },
  { name: 'answers nothing', gate: () => undefined },
  { name: 'answers success', gate: () => ReasonCode.Success },
  { name: 'answers false', gate: () => false },
  { name: 'promises nothing', gate: async () => undefined },
];

for (const { name, gate } of failures) {
  test(`a connect gate that ${name} refuses, and is logged and counted`, async () => {
    const lines: string[] = [];
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (_fields: object, line: string) => void lines.push(line) };
    const test = await createTestBroker({ log, gates: { connect: gate as () => true } });
    await knock(test, 'ann').expectClosed(connack(ReasonCode.ServerUnavailable));
    assert.equal(test.broker.stats.bugs, 1);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /connect gate failed/);
  });
}

test('while a connect gate ponders nothing of that client is handled, and others are served', async () => {
  let answer = (_verdict: true): void => {};
  const verdict = new Promise<true>((resolve) => (answer = resolve));
  const test = await createTestBroker({ gates: { connect: ({ clientId }) => (clientId === 'slow' ? verdict : true) } });
  const slow = new Client(test);
  const read = Buffer.concat([connect('slow'), subscribe(1, ['a', 0]), publish('b', 'from slow')].map((packet) => encode(packet, 4)));
  slow.connection.transport.send(read);
  // By the time of the answer others' bytes have been read into the same memory.
  read.fill(0);
  const bob = await arrive(test, 'bob');
  await bob.subscribe('b');
  await slow.expect();
  await bob.expect();
  answer(true);
  await bob.expect(publish('b', 'from slow'));
  await slow.expect(connack(), suback(1, 0));
});

test('who is gone when the connect gate answers is let into nothing', async () => {
  let answer = (_verdict: true): void => {};
  const verdict = new Promise<true>((resolve) => (answer = resolve));
  const test = await createTestBroker({ gates: { connect: () => verdict } });
  knock(test, 'ann', { clean: false }).hangUp();
  answer(true);
  await test.settle();
  assert.deepEqual([...test.broker.sessions()], []);
  assert.equal(test.broker.transports, 0);
});

test('several gates must all agree, whoever set them', async () => {
  const test = await createTestBroker({ gates: { subscribe: ({ filter }) => filter !== 'a' } });
  const { broker } = test;
  assert.equal(broker.gate({ subscribe: ({ filter }) => filter !== 'b' }), broker);
  await broker.use((broker) => void broker.gate({ subscribe: ({ qos }) => qos < 2 }));
  const ann = await arrive(test, 'ann');
  await ann.send(subscribe(1, ['a', 0], ['b', 0], ['c', 2], ['c', 1])).expect(suback(1, 0x80, 0x80, 0x80, 1));
});

test('a publish gate sees the message and who publishes it', async () => {
  const asked: unknown[] = [];
  const test = await createTestBroker({
    gates: {
      publish: ({ topic, payload, qos, retain }, { clientId, username }) => {
        asked.push({ topic, payload: payload.toString(), qos, retain, clientId, username });
        return true;
      },
    },
  });
  const ann = await arrive(test, 'ann', { username: 'Ann' });
  ann.publish('a', 'x', { qos: 1, retain: true });
  await ann.take();
  assert.deepEqual(asked, [{ topic: 'a', payload: 'x', qos: 1, retain: true, clientId: 'ann', username: 'Ann' }]);
});

for (const allowed of [true, false]) {
  test(`a Will is ${allowed ? 'published' : 'dropped and counted'} when its gate ${allowed ? 'allows' : 'refuses'} it, asked when it is due`, async () => {
    const asked: unknown[] = [];
    const test = await createTestBroker({
      gates: {
        will: ({ topic, payload, qos, retain }, { clientId, username }) => {
          asked.push({ topic, payload: payload.toString(), qos, retain, clientId, username });
          return allowed;
        },
        // The publish gate has no say in it.
        publish: () => false,
      },
    });
    const bob = await arrive(test, 'bob');
    await bob.subscribe('#');
    const will = { topic: 'a', payload: Buffer.from('gone'), qos: 0, retain: true } as const;
    const ann = await arrive(test, 'ann', { username: 'Ann', will });
    assert.deepEqual(asked, []);
    ann.hangUp();
    assert.deepEqual(asked, [{ topic: 'a', payload: 'gone', qos: 0, retain: true, clientId: 'ann', username: 'Ann' }]);
    await bob.expect(...(allowed ? [publish('a', 'gone')] : []));
    const { dropped, retained } = test.broker.stats;
    assert.deepEqual([dropped['not-authorized'], retained.messages], allowed ? [0, 1] : [1, 0]);
  });
}

test('gates hold for both versions on the port', async () => {
  const versions: Version[] = [];
  const test = await createTestBroker({
    gates: {
      connect: ({ version }) => {
        versions.push(version);
        return ReasonCode.NotAuthorized;
      },
    },
  });
  for (const version of [3, 4] as const) await knock(test, 'ann', { version }).expectClosed(connack(ReasonCode.NotAuthorized));
  assert.deepEqual(versions, [3, 4]);
});
