/** Gates that are asked and events that are told: how several of them live together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hooks, type ConnectRequest, type Gates } from '../../src/broker/hooks.js';
import { Publish } from '../../src/packet/publish.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { Message } from '../../src/session/message.js';

const ann = { clientId: 'ann', username: undefined };
const request: ConnectRequest = {
  ...ann,
  password: undefined,
  clean: true,
  keepAlive: 0,
  version: 4,
  will: undefined,
  properties: undefined,
  remoteAddress: 'memory',
};
const message = new Message(Publish.of({ topic: 'a', payload: Buffer.from('1'), qos: 0, retain: false }), undefined, Infinity);

/** Hooks, and what failed in them. */
function hooks(): { hooks: Hooks; failures: string[] } {
  const failures: string[] = [];
  return { hooks: new Hooks((where, error) => failures.push(`${where}: ${String(error)}`)), failures };
}

test('a gate nobody sets is not there, so that it costs nothing', () => {
  const { gates } = hooks().hooks;
  assert.deepEqual(gates, { connect: undefined, publish: undefined, subscribe: undefined, will: undefined });
});

/** The gates that answer yes or no, each asked with something to judge. */
const yesOrNo = [
  { name: 'publish', ask: (gates: Partial<Gates>) => gates.publish?.(message, ann) },
  { name: 'subscribe', ask: (gates: Partial<Gates>) => gates.subscribe?.({ filter: 'a', qos: 0 }, ann) },
  { name: 'will', ask: (gates: Partial<Gates>) => gates.will?.(message, ann) },
] as const;

for (const { name, ask } of yesOrNo) {
  test(`${name} gates are asked in the order they were set until one refuses`, () => {
    const asked: string[] = [];
    const { hooks: broker } = hooks();
    const answers: Record<string, boolean> = { first: true, second: true, third: true };
    for (const gate of Object.keys(answers)) {
      broker.gate({
        [name]: () => {
          asked.push(gate);
          return answers[gate];
        },
      });
    }
    assert.equal(ask(broker.gates as Partial<Gates>), true);
    assert.deepEqual(asked.splice(0), ['first', 'second', 'third']);
    answers.second = false;
    assert.equal(ask(broker.gates as Partial<Gates>), false);
    assert.deepEqual(asked.splice(0), ['first', 'second']);
  });

  test(`a ${name} gate that throws refuses, and is reported`, () => {
    const { hooks: broker, failures } = hooks();
    broker.gate({
      [name]: () => {
        throw new Error('no table');
      },
    });
    assert.equal(ask(broker.gates as Partial<Gates>), false);
    assert.deepEqual(failures, [`the ${name} gate: Error: no table`]);
  });

  test(`a ${name} gate that answers anything but true refuses: a promise is no yes`, () => {
    const { hooks: broker } = hooks();
    broker.gate({ [name]: (async () => true) as unknown as () => boolean });
    assert.equal(ask(broker.gates as Partial<Gates>), false);
  });
}

const verdicts = [
  { name: 'both agree', first: true, second: true, verdict: true, asked: 2 },
  { name: 'the first refuses', first: ReasonCode.Banned, second: true, verdict: ReasonCode.Banned, asked: 1 },
  { name: 'the second refuses', first: true, second: ReasonCode.NotAuthorized, verdict: ReasonCode.NotAuthorized, asked: 2 },
] as const;

for (const { name, first, second, verdict, asked } of verdicts) {
  for (const [later, how] of [
    [[false, false], 'at once'],
    [[true, false], 'the first later'],
    [[false, true], 'the second later'],
    [[true, true], 'both later'],
  ] as const) {
    test(`of two connect gates ${name}; they answer ${how}`, async () => {
      const { hooks: broker } = hooks();
      let count = 0;
      const gate = (answer: true | ReasonCode, later: boolean): Gates['connect'] => {
        return () => {
          count++;
          return later ? Promise.resolve(answer) : answer;
        };
      };
      broker.gate({ connect: gate(first, later[0]) });
      broker.gate({ connect: gate(second, later[1]) });
      const answer = broker.gates.connect?.(request);
      assert.equal(answer instanceof Promise, later[0] || (later[1] && asked === 2), 'a promise only where one was given');
      assert.equal(await answer, verdict);
      assert.equal(count, asked);
    });
  }
}

test('every listener of an event hears it, in the order they came, until it is ended', () => {
  const { hooks: broker } = hooks();
  const log: string[] = [];
  broker.on('sessionEnded', ({ clientId }) => log.push(`first ${clientId}`));
  const end = broker.on('sessionEnded', ({ clientId }) => log.push(`second ${clientId}`));
  broker.emit('sessionEnded', { clientId: 'ann' });
  end();
  end();
  broker.emit('sessionEnded', { clientId: 'bob' });
  broker.emit('unsubscribed', { clientId: 'bob', filter: 'a' });
  assert.deepEqual(log, ['first ann', 'second ann', 'first bob']);
});

test('a listener that throws is reported, and the others hear the event all the same', () => {
  const { hooks: broker, failures } = hooks();
  const log: string[] = [];
  broker.on('disconnected', () => {
    throw new Error('no room');
  });
  broker.on('disconnected', ({ clientId, reason }) => log.push(`${clientId} ${reason}`));
  broker.emit('disconnected', { clientId: 'ann', reason: 'kicked' });
  assert.deepEqual(log, ['ann kicked']);
  assert.deepEqual(failures, ["a listener of 'disconnected': Error: no room"]);
});

test('an async listener that fails later is reported as well', async () => {
  const { hooks: broker, failures } = hooks();
  broker.on('disconnected', async () => {
    throw new Error('no room');
  });
  broker.emit('disconnected', { clientId: 'ann', reason: 'kicked' });
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(failures, ["a listener of 'disconnected': Error: no room"]);
});
