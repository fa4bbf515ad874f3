/** `broker.publish` and `broker.subscribe`: messages from and to the program PosMQ is embedded in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError, ReasonCode, type Broker, type Message } from 'posmq';
import { createTestBroker, type TestBroker } from 'posmq/testing';
import { arrive, comeBack, publish, suback, subscribe } from '../conversations/client.js';

/** What a listener is told, as it is compared and shown. */
const heard = ({ topic, payload, qos, retain }: Message): object => ({ topic, payload: payload.toString(), qos, retain });

/** A broker, and what it hears under a filter. */
async function hearing(
  filter: string,
  test?: TestBroker,
): Promise<{ test: TestBroker; broker: Broker; messages: object[]; end: () => void }> {
  const there = test ?? (await createTestBroker());
  const messages: object[] = [];
  const end = there.broker.subscribe(filter, (message) => messages.push(heard(message)));
  return { test: there, broker: there.broker, messages, end };
}

test('what is published reaches clients: text as UTF-8, bytes as they are, at QoS 0 unless told otherwise', async () => {
  const test = await createTestBroker();
  const ann = await arrive(test, 'ann');
  await ann.subscribe('#', 2);
  const { broker } = test;
  await Promise.all([
    broker.publish('a', 'grüße'),
    broker.publish('b', Buffer.from([0x68, 0x69])),
    broker.publish('c', new Uint8Array(0), { qos: 2 }),
    broker.publish('d', 'x', { qos: 1, retain: true }),
    test.settle(),
  ]);
  await ann.expect(
    publish('a', 'grüße'),
    publish('b', 'hi'),
    publish('c', '', { qos: 2, packetId: 1 }),
    publish('d', 'x', { qos: 1, packetId: 2 }),
  );
  await ann.send(subscribe(9, ['d', 1])).expect(suback(9, 1), publish('d', 'x', { qos: 1, packetId: 3, retain: true }));
});

test('the bytes that are published are the caller’s again at once', async () => {
  const { test, broker, messages } = await hearing('a');
  const bytes = Buffer.from('first');
  const publishing = broker.publish('a', bytes, { retain: true });
  bytes.write('wrong');
  await Promise.all([publishing, test.settle()]);
  assert.deepEqual(messages, [{ topic: 'a', payload: 'first', qos: 0, retain: true }]);
  const ann = await arrive(test, 'ann');
  await ann.send(subscribe(1, ['a', 0])).expect(suback(1, 0), publish('a', 'first', { retain: true }));
});

test('it waits for a client that is away', async () => {
  const test = await createTestBroker();
  const ann = await arrive(test, 'ann', { clean: false });
  await ann.subscribe('a', 1);
  ann.leave();
  await test.broker.publish('a', 'x', { qos: 1 });
  await (await comeBack(test, 'ann')).expect(publish('a', 'x', { qos: 1, packetId: 1 }));
});

test('gates are for clients: what this process does is not asked about, and $SYS is its to speak in', async () => {
  const test = await createTestBroker({ gates: { publish: () => false } });
  const { broker, messages } = await hearing('$SYS/#', test);
  await Promise.all([broker.publish('$SYS/uptime', '1'), test.settle()]);
  assert.deepEqual(messages, [{ topic: '$SYS/uptime', payload: '1', qos: 0, retain: false }]);
});

const refused: readonly { name: string; act: (broker: Broker) => unknown; reasonCode: ReasonCode; message: RegExp }[] = [
  {
    name: 'an empty topic',
    act: (broker) => broker.publish('', 'x'),
    reasonCode: ReasonCode.TopicNameInvalid,
    message: /^"" is no Topic Name$/,
  },
  {
    name: 'a topic with a wildcard',
    act: (broker) => broker.publish('a/+', 'x'),
    reasonCode: ReasonCode.TopicNameInvalid,
    message: /^"a\/\+" is no Topic Name$/,
  },
  {
    name: 'a topic with U+0000',
    act: (broker) => broker.publish('a\0', 'x'),
    reasonCode: ReasonCode.TopicNameInvalid,
    message: /^"a\\u0000" is no Topic Name$/,
  },
  {
    name: 'half a character in a topic',
    act: (broker) => broker.publish('a\ud800', 'x'),
    reasonCode: ReasonCode.TopicNameInvalid,
    message: /is no Topic Name$/,
  },
  {
    name: 'QoS 3',
    act: (broker) => broker.publish('a', 'x', { qos: 3 as 2 }),
    reasonCode: ReasonCode.QoSNotSupported,
    message: /^the QoS must be 0, 1 or 2, got 3$/,
  },
  {
    name: 'a payload larger than a packet may be',
    act: (broker) => broker.publish('a', Buffer.alloc(1_000)),
    reasonCode: ReasonCode.PacketTooLarge,
    message: /^a payload of 1000 bytes makes a packet larger than is allowed$/,
  },
  {
    name: 'a filter that is none',
    act: async (broker) => broker.subscribe('a/#/b', () => {}),
    reasonCode: ReasonCode.TopicFilterInvalid,
    message: /^"a\/#\/b" is no Topic Filter$/,
  },
];

for (const { name, act, reasonCode, message } of refused) {
  test(`${name} is refused with a sentence [MQTT-4.7.1-1][MQTT-4.7.3-1][MQTT-4.7.3-2]`, async () => {
    const { broker } = await createTestBroker({ maxPacketSize: 500 });
    await assert.rejects(
      async () => act(broker),
      (error) => error instanceof MqttError && error.reasonCode === reasonCode && message.test(error.message),
    );
  });
}

test('a topic of more than 65,535 bytes is refused before it is encoded; one of 65,535 is published [MQTT-4.7.3-3]', async () => {
  const { test, broker, messages } = await hearing('#');
  await assert.rejects(broker.publish('ä'.repeat(32_768), 'x'), MqttError);
  await Promise.all([broker.publish(`${'ä'.repeat(32_767)}x`, 'x'), test.settle()]);
  assert.equal(messages.length, 1);
});

test('a listener hears what clients and this process publish, when the turn has ended, as it was published', async () => {
  const { test, broker, messages } = await hearing('a/+');
  const ann = await arrive(test, 'ann');
  ann.publish('a/1', 'one', { qos: 1 }).publish('b', 'no').publish('a/2', 'two', { qos: 2, retain: true });
  void broker.publish('a/3', 'three');
  assert.deepEqual(messages, []);
  test.endTurn();
  assert.deepEqual(messages, [
    { topic: 'a/1', payload: 'one', qos: 1, retain: false },
    { topic: 'a/2', payload: 'two', qos: 2, retain: true },
    { topic: 'a/3', payload: 'three', qos: 0, retain: false },
  ]);
});

test('what a listener hears is its own: the buffer the bytes were read into may be used again', async () => {
  const { test, messages } = await hearing('a');
  const ann = await arrive(test, 'ann');
  const read = Buffer.from(publish('a', 'true').bytes);
  ann.connection.transport.send(read);
  read.fill(0x21);
  await test.settle();
  assert.deepEqual(messages, [{ topic: 'a', payload: 'true', qos: 0, retain: false }]);
});

test('a listener hears what is retained first, then what is published [MQTT-3.3.1-6]', async () => {
  const test = await createTestBroker();
  await Promise.all([
    ...['a/1', 'a/2', '$own/a', 'b'].map((topic) => test.broker.publish(topic, 'kept', { qos: 1, retain: true })),
    test.settle(),
  ]);
  const { broker, messages } = await hearing('a/#', test);
  void broker.publish('a/3', 'new');
  await test.settle();
  assert.deepEqual(messages, [
    { topic: 'a/1', payload: 'kept', qos: 1, retain: true },
    { topic: 'a/2', payload: 'kept', qos: 1, retain: true },
    { topic: 'a/3', payload: 'new', qos: 0, retain: false },
  ]);
});

test('a subscription ends when told, also by its own listener, also twice', async () => {
  const { test, broker, messages, end } = await hearing('#');
  const once: string[] = [];
  const endOnce = broker.subscribe('#', ({ payload }) => {
    once.push(payload.toString());
    endOnce();
  });
  assert.equal(broker.stats.subscriptions, 2);
  void broker.publish('a', '1');
  void broker.publish('a', '2');
  await test.settle();
  assert.deepEqual(once, ['1']);
  assert.equal(messages.length, 2);
  void broker.publish('a', '3');
  end();
  end();
  await test.settle();
  assert.equal(messages.length, 2, 'what had not been heard is not heard any more');
  assert.equal(broker.stats.subscriptions, 0);
});

test('a listener that throws, at once or later, is logged and counted; it and the others go on hearing', async () => {
  const lines: { err: unknown; line: string }[] = [];
  const log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields: object, line: string) => lines.push({ err: fields, line }),
  };
  const test = await createTestBroker({ log });
  const { broker } = test;
  let calls = 0;
  broker.subscribe('a', () => {
    calls++;
    throw new Error('at once');
  });
  broker.subscribe('a', async () => {
    throw new Error('later');
  });
  const { messages } = await hearing('a', test);
  for (const payload of ['1', '2']) void broker.publish('a', payload);
  await test.settle();
  assert.equal(calls, 2);
  assert.equal(messages.length, 2);
  assert.deepEqual(lines.map(({ err, line }) => `${line}: ${String((err as { err: unknown }).err)}`).sort(), [
    'a message listener failed: Error: at once',
    'a message listener failed: Error: at once',
    'a message listener failed: Error: later',
    'a message listener failed: Error: later',
  ]);
  assert.equal(broker.stats.bugs, 4);
});

test('each listener hears a message once, however many there are, and a listener may publish', async () => {
  const { test, broker, messages } = await hearing('a');
  broker.subscribe('a', ({ payload }) => void broker.publish('b', `re: ${payload.toString()}`));
  const other = await hearing('+', test);
  const ann = await arrive(test, 'ann');
  await ann.subscribe('b');
  ann.publish('a', 'x');
  await ann.expect(publish('b', 're: x'));
  assert.equal(messages.length, 1);
  assert.equal(other.messages.length, 2);
});
