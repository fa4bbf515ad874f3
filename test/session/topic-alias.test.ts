/** Topic Aliases: what a client has named, and what we name for it (MQTT 5.0 section 3.3.2.3.4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { QoS } from '../../src/packet/packet.js';
import { MqttError, ReasonCode } from '../../src/packet/reason-code.js';
import { InboundAliases, OutboundAliases } from '../../src/session/topic-alias.js';

const refusal = (reasonCode: ReasonCode) => (error: unknown) => error instanceof MqttError && error.reasonCode === reasonCode;

test('an alias stands for the topic it was last given, each for its own', () => {
  const aliases = new InboundAliases(2);
  assert.equal(aliases.resolve(1, 'a'), 'a');
  assert.equal(aliases.resolve(2, 'b'), 'b');
  assert.deepEqual([aliases.resolve(1, ''), aliases.resolve(2, '')], ['a', 'b']);
  assert.equal(aliases.resolve(1, 'c'), 'c');
  assert.deepEqual([aliases.resolve(1, ''), aliases.resolve(2, '')], ['c', 'b']);
});

for (const { alias, maximum } of [
  { alias: 0, maximum: 10 },
  { alias: 11, maximum: 10 },
  { alias: 65_535, maximum: 65_534 },
  { alias: 1, maximum: 0 },
]) {
  test(`alias ${alias} is refused where ${maximum} is the highest, with a topic and without [MQTT5-3.3.2-8] [MQTT5-3.3.2-9]`, () => {
    const aliases = new InboundAliases(maximum);
    assert.throws(() => aliases.resolve(alias, 'a'), refusal(ReasonCode.TopicAliasInvalid));
    assert.throws(() => aliases.resolve(alias, ''), refusal(ReasonCode.TopicAliasInvalid));
  });
}

test('the lowest and the highest alias that are allowed are taken [MQTT5-3.3.2-10]', () => {
  const aliases = new InboundAliases(65_535);
  for (const alias of [1, 65_535]) {
    aliases.resolve(alias, `${alias}`);
    assert.equal(aliases.resolve(alias, ''), `${alias}`);
  }
});

test('an alias that was given no topic is a protocol error', () => {
  const aliases = new InboundAliases(10);
  aliases.resolve(1, 'a');
  assert.throws(() => aliases.resolve(2, ''), refusal(ReasonCode.ProtocolError));
});

test('two connections name topics each for itself [MQTT5-3.3.2-7]', () => {
  new InboundAliases(10).resolve(1, 'a');
  assert.throws(() => new InboundAliases(10).resolve(1, ''), refusal(ReasonCode.ProtocolError));
});

/** Uses the alias of a topic, as for a message that is sent. */
function send(aliases: OutboundAliases, topic: string, qos: QoS = 0): { alias: number; isNew: boolean } | undefined {
  const known = aliases.of(topic, qos);
  if (known?.isNew === true) aliases.told(topic, known.alias, qos);
  return known;
}

test('a topic is named the first time it is sent, and called by its alias from then on', () => {
  for (const qos of [0, 1, 2] as const) {
    const aliases = new OutboundAliases(10);
    assert.deepEqual(send(aliases, 'sensors/1', qos), { alias: 1, isNew: true });
    assert.deepEqual(send(aliases, 'sensors/2', qos), { alias: 2, isNew: true });
    assert.deepEqual(send(aliases, 'sensors/1', qos), { alias: 1, isNew: false });
  }
});

test('an alias is not known to a client whose message was not sent after all: the next one is named with it [MQTT5-3.3.2-11]', () => {
  const aliases = new OutboundAliases(10);
  assert.deepEqual(aliases.of('sensors/1', 0), { alias: 1, isNew: true });
  assert.deepEqual(aliases.of('sensors/1', 0), { alias: 1, isNew: true });
  assert.deepEqual(send(aliases, 'sensors/2'), { alias: 1, isNew: true });
  assert.deepEqual(send(aliases, 'sensors/1'), { alias: 2, isNew: true });
});

for (const qos of [1, 2] as const) {
  test(`what was named at QoS ${qos} may wait for the disk, so QoS 0, which does not, names it once more [MQTT5-3.3.2-11]`, () => {
    const aliases = new OutboundAliases(10);
    send(aliases, 'sensors/1', qos);
    assert.deepEqual(send(aliases, 'sensors/1', qos), { alias: 1, isNew: false });
    assert.deepEqual(send(aliases, 'sensors/1', 0), { alias: 1, isNew: true });
    for (const later of [0, 1, 2] as const) assert.deepEqual(send(aliases, 'sensors/1', later), { alias: 1, isNew: false });
  });
}

test('a client that takes no aliases is given none [MQTT5-3.1.2-27]', () => {
  assert.equal(new OutboundAliases(0).of('sensors/1', 0), undefined);
});

test('where all aliases are given, further topics go by their names, and the first keep theirs [MQTT5-3.1.2-26]', () => {
  const aliases = new OutboundAliases(1);
  send(aliases, 'sensors/1');
  assert.equal(send(aliases, 'sensors/2'), undefined);
  assert.deepEqual(send(aliases, 'sensors/1'), { alias: 1, isNew: false });
});

test('a name no longer than an alias goes without', () => {
  const aliases = new OutboundAliases(10);
  assert.equal(aliases.of('a/b', 0), undefined);
  assert.deepEqual(aliases.of('a/bc', 0), { alias: 1, isNew: true });
});

test('however many aliases a client takes, no more than 256 topics are remembered for it', () => {
  const aliases = new OutboundAliases(65_535);
  const given = Array.from({ length: 300 }, (_, i) => send(aliases, `sensors/${i}`)?.alias);
  assert.deepEqual(
    given,
    Array.from({ length: 300 }, (_, i) => (i < 256 ? i + 1 : undefined)),
  );
});

test('whatever is sent or dropped, and what waits for the disk or overtakes it, the client hears the topic that was meant [MQTT5-3.3.2-11]', () => {
  const topic = fc.constantFrom('sensors/1', 'sensors/2', 'sensors/3', 'sensors/4', 'abc');
  const messages = fc.array(fc.record({ topic, qos: fc.constantFrom<QoS>(0, 1, 2), isSent: fc.boolean(), lands: fc.boolean() }));
  fc.assert(
    fc.property(fc.nat(5), messages, (maximum, messages) => {
      const ours = new OutboundAliases(maximum);
      const theirs = new InboundAliases(maximum);
      const held: (() => void)[] = [];
      for (const { topic, qos, isSent, lands } of messages) {
        if (isSent) {
          const known = send(ours, topic, qos);
          const hear = (): void => {
            if (known !== undefined) assert.equal(theirs.resolve(known.alias, known.isNew ? topic : ''), topic);
          };
          if (qos === 0) hear();
          else held.push(hear);
        } else {
          ours.of(topic, qos);
        }
        if (lands) for (const hear of held.splice(0)) hear();
      }
      for (const hear of held) hear();
    }),
  );
});
