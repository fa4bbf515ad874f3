import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createBroker, type Broker } from 'posmq';
import { until } from '../util/until.js';
import { Program, run } from './program.js';

type Word = string | number;

const VERSIONS = ['mqttv31', 'mqttv311', '5'];

describe('the tools of mosquitto with -V 5', () => {
  let broker: Broker;
  beforeEach(async () => {
    broker = await createBroker({ host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    await broker.close();
    assert.equal(broker.stats.bugs, 0);
  });

  const common = (version: string): Word[] => ['-h', '127.0.0.1', '-p', broker.address.port, '-V', version];

  const publish = (topic: string, ...words: Word[]): Promise<Buffer> => run('mosquitto_pub', [...common('5'), '-t', topic, ...words]);

  /** A subscriber that is subscribed. */
  const subscriber = async (clientId: string, words: Word[], version = '5'): Promise<Program> => {
    let missing = words.filter((word) => word === '-t').length;
    const stop = broker.on('subscribed', (event) => {
      if (event.clientId === clientId) missing--;
    });
    const program = new Program('mosquitto_sub', [...common(version), '-i', clientId, ...words]);
    await until(`${clientId} is subscribed`, () => missing === 0);
    stop();
    return program;
  };

  const isAway = async (clientId: string): Promise<void> =>
    until(`${clientId} is away`, () => broker.session(clientId)?.connection === undefined);

  const linesOf = async (program: Program): Promise<string[]> => (await program.output()).toString().split('\n').slice(0, -1);

  it('the properties of a message arrive as they were sent', async () => {
    const program = await subscriber('props', ['-t', 'props', '-q', 2, '-C', 3, '-F', '%p|%q|%C|%R|%D|%F|%P']);
    const properties = {
      'content-type': 'text/plain',
      'response-topic': 'answers',
      'correlation-data': 'c-1',
      'payload-format-indicator': '1',
    };
    const words = Object.entries(properties).flatMap(([name, value]) => ['-D', 'publish', name, value]);
    const pairs = ['z 1', 'a 2', 'z 3'].flatMap((pair) => ['-D', 'publish', 'user-property', ...pair.split(' ')]);
    for (const qos of [0, 1, 2]) await publish('props', '-q', qos, '-m', `at ${qos}`, ...words, ...pairs);
    assert.deepEqual(
      await linesOf(program),
      [0, 1, 2].map((qos) => `at ${qos}|${qos}|text/plain|answers|c-1|1|z:1 a:2 z:3`),
    );
  });

  it('clients of every version hear each other; the properties stay among those of 5.0, and an expiry holds for all [MQTT5-4.2.0-1]', async () => {
    const programs = await Promise.all(
      VERSIONS.map((version) => subscriber(`sub ${version}`, ['-t', 'mixed/#', '-q', 2, '-C', 4, '-F', '%t %p %C'], version)),
    );
    for (const version of VERSIONS) {
      const words = version === '5' ? ['-D', 'publish', 'content-type', 'text/plain'] : [];
      await run('mosquitto_pub', [...common(version), '-t', `mixed/${version}`, '-q', 2, '-m', 'hello', ...words]);
    }
    await publish('mixed/end', '-q', 2, '-m', 'end', '-D', 'publish', 'message-expiry-interval', 1);
    for (const [i, program] of programs.entries()) {
      const contentType = VERSIONS[i] === '5' ? 'text/plain' : '';
      const expected = ['mixed/mqttv31 hello ', 'mixed/mqttv311 hello ', `mixed/5 hello ${contentType}`, 'mixed/end end '];
      assert.deepEqual(await linesOf(program), expected);
    }
  });

  it('mosquitto_rr asks and is answered, two of them at once, of either version', async () => {
    const responder = await subscriber('responder', ['-t', 'questions', '-q', 1, '-C', 2, '-F', '%R %D %p']);
    const ask = (n: number): Program => {
      const where = ['-t', 'questions', '-e', `answers/${n}`, '-q', 1, '-m', `question ${n}`];
      return new Program('mosquitto_rr', [...common('5'), ...where, '-D', 'publish', 'correlation-data', `id-${n}`, '-F', '%p %D']);
    };
    const asked = [ask(1), ask(2)];
    for (const line of await linesOf(responder)) {
      const [topic = '', id = '', , n] = line.split(' ');
      await publish(topic, '-q', 1, '-m', `answer ${n}`, '-D', 'publish', 'correlation-data', id);
    }
    assert.deepEqual(await Promise.all(asked.map(linesOf)), [['answer 1 id-1'], ['answer 2 id-2']]);

    const older = await subscriber('older', ['-t', 'questions', '-C', 1], 'mqttv311');
    const program = new Program('mosquitto_rr', [...common('mqttv311'), '-t', 'questions', '-e', 'answers/3', '-m', 'question 3']);
    await older.output();
    await publish('answers/3', '-m', 'answer 3');
    assert.deepEqual(await linesOf(program), ['answer 3']);
  });

  it('a session is kept as long as its Session Expiry Interval says [MQTT5-3.1.2-23]', async () => {
    const leave = async (words: Word[]): Promise<void> => {
      await (await subscriber('away', ['-t', 'away/#', '-q', 2, '-E', ...words])).output();
      await isAway('away');
    };
    await leave(['-D', 'connect', 'session-expiry-interval', 60]);
    for (const qos of [0, 1, 2]) await publish(`away/${qos}`, '-q', qos, '-m', 'meanwhile', '-D', 'publish', 'message-expiry-interval', 90);
    assert.equal(broker.session('away')?.queuedMessages, 2);
    const back = await subscriber('away', ['-c', '-x', 60, '-t', 'away/#', '-q', 2, '-C', 2, '-F', '%t %p %E']);
    for (const line of await linesOf(back)) assert.match(line, /^away\/[12] meanwhile (90|8\d)$/);
    await isAway('away');
    await leave(['-c', '-x', 0]);
    await until('it has ended with its connection', () => broker.session('away') === undefined);
    await leave(['-x', 1]);
    assert.notEqual(broker.session('away'), undefined);
    await until('it has expired', () => broker.session('away') === undefined);
  });

  it('a Will waits for its delay, and does not come where the client is back in time [MQTT5-3.1.3-9]', async () => {
    const witness = await subscriber('witness', ['-t', 'will/#', '-q', 1, '-C', 2, '-F', '%t %p %C']);
    const will = [
      '--will-payload',
      'gone',
      '--will-qos',
      1,
      '-D',
      'will',
      'will-delay-interval',
      1,
      '-D',
      'will',
      'content-type',
      'text/plain',
    ];
    const words = (clientId: string): Word[] => ['-c', '-x', 60, '-t', 'x', '--will-topic', `will/${clientId}`, ...will];
    const programs = [await subscriber('gone', words('gone')), await subscriber('back', words('back'))];
    const killedAt = performance.now();
    for (const program of programs) program.signal('SIGKILL');
    for (const clientId of ['gone', 'back']) await isAway(clientId);
    await subscriber('back', words('back'));
    await until('a will has come', () => witness.lines.length === 1);
    assert.ok(performance.now() - killedAt >= 900);
    await publish('will/end', '-q', 1, '-m', 'end');
    assert.deepEqual(await linesOf(witness), ['will/gone gone text/plain', 'will/end end ']);
  });

  it('of three members of a Shared Subscription one freezes and one leaves, and every message is worked on', async () => {
    const member = (clientId: string): Promise<Program> =>
      subscriber(clientId, ['-t', '$share/workers/jobs', '-q', 1, '-D', 'connect', 'receive-maximum', 3]);
    const [frozen, leaving, staying] = [await member('frozen'), await member('leaving'), await member('staying')];
    frozen.signal('SIGSTOP');
    const jobs = Array.from({ length: 40 }, (_, i) => `job ${i}`);
    const bring = (some: string[]): Promise<Buffer> =>
      run('mosquitto_pub', [...common('5'), '-t', 'jobs', '-q', 1, '-l'], `${some.join('\n')}\n`);
    const isIdle = (clientId: string): boolean => {
      const { inflight = 0, queuedMessages = 0 } = broker.session(clientId) ?? {};
      return inflight + queuedMessages === 0;
    };
    await bring(jobs.slice(0, 20));
    await until('the others are done', () => isIdle('leaving') && isIdle('staying'));
    leaving.signal('SIGTERM');
    await leaving.ended();
    await bring(jobs.slice(20));
    frozen.signal('SIGKILL');
    await until('all is done', () => leaving.lines.length + staying.lines.length >= 40);
    assert.deepEqual([...leaving.lines, ...staying.lines].sort(), jobs.sort());
    assert.deepEqual(frozen.lines, []);
    assert.ok(leaving.lines.length > 0);
  });

  it('Subscription Identifiers tell why a message comes, and Retain As Published that it was to be kept', async () => {
    const identified = ['-D', 'subscribe', 'subscription-identifier', 268_435_455];
    const program = await subscriber('told', ['-t', 'told/#', ...identified, '--retain-as-published', '-C', 2, '-F', '%S %r %p']);
    const plain = await subscriber('plain', ['-t', 'told/#', '-C', 2, '-F', '%S %r %p']);
    await publish('told/x', '-m', 'passing');
    await publish('told/x', '-r', '-m', 'kept');
    assert.deepEqual(await linesOf(program), ['268435455 0 passing', '268435455 1 kept']);
    assert.deepEqual(await linesOf(plain), [' 0 passing', ' 0 kept']);
  });

  it('a Topic Alias stands for its topic from the second message on', async () => {
    const program = await subscriber('full', ['-t', 'a/long/topic', '-q', 1, '-C', 3, '-v'], 'mqttv311');
    const words = [...common('5'), '-t', 'a/long/topic', '-q', 1, '-D', 'publish', 'topic-alias', 3, '-l'];
    await run('mosquitto_pub', words, 'one\ntwo\nthree\n');
    assert.deepEqual(await linesOf(program), ['a/long/topic one', 'a/long/topic two', 'a/long/topic three']);
  });

  it('what is too large for a subscriber passes it by [MQTT5-3.1.2-25]', async () => {
    const program = await subscriber('small', ['-t', 'sizes', '-q', 1, '-C', 2, '-D', 'connect', 'maximum-packet-size', 50]);
    for (const payload of ['small', 'x'.repeat(100), 'end']) await publish('sizes', '-q', 1, '-m', payload);
    assert.deepEqual(await linesOf(program), ['small', 'end']);
    assert.equal(broker.stats.dropped['packet-too-large'], 1);
  });

  it('what a gate refuses is told', async () => {
    broker.gate({ publish: ({ topic }) => topic !== 'secret', subscribe: ({ filter }) => filter !== 'secret' });
    for (const qos of [1, 2]) {
      const program = new Program('mosquitto_pub', [...common('5'), '-t', 'secret', '-q', qos, '-m', 'x']);
      await program.ended();
      assert.match(program.stderr, /Publish 1 failed: Not authorized/);
    }
    const program = new Program('mosquitto_sub', [...common('5'), '-t', 'secret']);
    await program.ended();
    assert.match(program.stderr, /All subscription requests were denied/);
  });
});
