import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createBroker, type Broker } from 'posmq';
import { until } from '../util/until.js';
import { Program, run } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'posmq-mosquitto-'));
after(() => rmSync(folder, { recursive: true }));

for (const version of ['mqttv31', 'mqttv311']) {
  describe(`mosquitto_pub and mosquitto_sub with -V ${version}`, () => {
    let broker: Broker;
    beforeEach(async () => {
      broker = await createBroker({ host: '127.0.0.1', port: 0 });
    });
    afterEach(() => broker.close());

    const common = (): (string | number)[] => ['-h', '127.0.0.1', '-p', broker.address.port, '-V', version];

    const publish = (topic: string, ...args: (string | number)[]): Promise<Buffer> =>
      run('mosquitto_pub', [...common(), '-t', topic, ...args]);

    /** A subscriber that is subscribed. */
    const subscriber = async (clientId: string, ...args: (string | number)[]): Promise<Program> => {
      let missing = args.filter((arg) => arg === '-t').length;
      const stop = broker.on('subscribed', (event) => {
        if (event.clientId === clientId) missing--;
      });
      const program = new Program('mosquitto_sub', [...common(), '-i', clientId, ...args]);
      await until(`${clientId} is subscribed`, () => missing === 0);
      stop();
      return program;
    };

    const isAway = async (clientId: string): Promise<void> =>
      until(`${clientId} is gone`, () => broker.session(clientId)?.connection === undefined);

    it('a message comes at the lower of the QoS it was published with and the one subscribed with [MQTT-3.8.4-6][MQTT-7.0.0-2]', async () => {
      const subscribers = await Promise.all([0, 1, 2].map((qos) => subscriber(`q${qos}`, '-t', 'q', '-q', qos, '-C', 3, '-F', '%p %q')));
      for (const qos of [0, 1, 2]) await publish('q', '-q', qos, '-m', `sent at ${qos}`);
      for (const [granted, program] of subscribers.entries()) {
        const expected = [0, 1, 2].map((qos) => `sent at ${qos} ${Math.min(qos, granted)}\n`);
        assert.equal((await program.output()).toString(), expected.join(''));
      }
    });

    it('a thousand messages at QoS 2 come once each and in order', async () => {
      const lines = Array.from({ length: 1_000 }, (_, i) => `message ${i}\n`).join('');
      const program = await subscriber('thousand', '-t', 'thousand', '-q', 2, '-C', 1_000);
      await run('mosquitto_pub', [...common(), '-t', 'thousand', '-q', 2, '-l'], lines);
      assert.equal((await program.output()).toString(), lines);
    });

    it('a retained message waits for subscribers until it is replaced or cleared', async () => {
      await publish('kept/1', '-r', '-q', 1, '-m', 'first');
      await publish('kept/1', '-r', '-q', 1, '-m', 'second');
      await publish('kept/2', '-r', '-q', 2, '-m', 'other');
      const early = await subscriber('early', '-t', 'kept/#', '-q', 2, '-C', 3, '-F', '%t %p %q %r');
      await until('both have come', () => early.lines.length === 2);
      await publish('kept/1', '-r', '-n');
      assert.deepEqual((await early.output()).toString().split('\n').slice(0, 2).sort(), ['kept/1 second 1 1', 'kept/2 other 2 1']);
      assert.equal(early.lines[2], 'kept/1  0 0');
      const later = await subscriber('later', '-t', 'kept/#', '-C', 1, '-F', '%t %p');
      assert.equal((await later.output()).toString(), 'kept/2 other\n');
    });

    it('a will is published when its client is killed, and not when it disconnects', async () => {
      const witness = await subscriber('witness', '-t', 'will', '-q', 2, '-C', 2, '-F', '%p %q %r');
      const will = (payload: string): string[] => ['--will-topic', 'will', '--will-payload', payload, '--will-qos', '1', '--will-retain'];

      const polite = await subscriber('polite', '-t', 'x', '-C', 1, ...will('never'));
      await publish('x', '-m', 'enough');
      await polite.output();
      await isAway('polite');
      const killed = await subscriber('killed', '-t', 'x', ...will('gone'));
      killed.signal('SIGKILL');
      await isAway('killed');
      await publish('will', '-m', 'end');

      assert.equal((await witness.output()).toString(), 'gone 1 0\nend 0 0\n');
      const later = await subscriber('later', '-t', 'will', '-q', 1, '-C', 1, '-F', '%p %q %r');
      assert.equal((await later.output()).toString(), 'gone 1 1\n');
    });

    it('a persistent session keeps what comes at QoS 1 and 2 while its client is away', async () => {
      const session = ['-c', '-t', 'away/#', '-q', 2];
      await (await subscriber('away', ...session, '-E')).output();
      await isAway('away');
      for (const qos of [0, 1, 2, 1]) await publish(`away/${qos}`, '-q', qos, '-m', 'meanwhile');
      assert.equal(broker.session('away')?.queuedMessages, 3);
      const back = await subscriber('away', ...session, '-C', 3, '-F', '%t %q');
      // One that comes at QoS 2 is printed when it is released, and so after one at QoS 1 that was sent behind it.
      assert.equal((await back.output()).toString(), 'away/1 1\naway/1 1\naway/2 2\n');
      await isAway('away');
      assert.deepEqual([broker.session('away')?.queuedMessages, broker.session('away')?.inflight], [0, 0]);

      await (await subscriber('away', '-t', 'elsewhere', '-E')).output();
      await until('the session is over', () => broker.session('away') === undefined);
    });

    for (const [size, qos] of [
      [1_000_000, 0],
      [1_000_000, 1],
      [1_000_000, 2],
      [20_000_000, 1],
    ] as const) {
      it(`a payload of ${size / 1_000_000} MB arrives whole at QoS ${qos}`, async () => {
        const payload = randomBytes(size);
        const file = join(folder, 'payload');
        writeFileSync(file, payload);
        const program = await subscriber('large', '-t', 'large', '-q', qos, '-C', 1, '-N');
        await publish('large', '-q', qos, '-f', file);
        assert.ok((await program.output()).equals(payload));
      });
    }

    it('wildcards match as they should, and filters that overlap bring a message once [MQTT-3.3.5-1]', async () => {
      const filters = ['a/+/c', 'a/#', '+/b', '#'].flatMap((filter) => ['-t', filter]);
      const program = await subscriber('wild', ...filters, '-C', 4, '-F', '%t');
      const plus = await subscriber('plus', '-t', 'a/+/c', '-C', 1, '-F', '%t');
      const hash = await subscriber('hash', '-t', 'a/#', '-C', 3, '-F', '%t');
      for (const topic of ['$hidden/b', 'a', 'a/b', 'a/b/c', 'end']) await publish(topic, '-m', topic);
      assert.equal((await program.output()).toString(), 'a\na/b\na/b/c\nend\n');
      assert.equal((await plus.output()).toString(), 'a/b/c\n');
      assert.equal((await hash.output()).toString(), 'a\na/b\na/b/c\n');
    });
  });
}

// At once: one that is refused its own protocol waits for five seconds before it tries the plain one.
describe('mosquitto as a bridge to this broker', { concurrency: true }, () => {
  let broker: Broker;
  before(async () => {
    broker = await createBroker({ host: '127.0.0.1', port: 0 });
  });
  after(() => broker.close());

  for (const { version, tries } of [
    { version: 'mqttv31', tries: 'the plain protocol' },
    { version: 'mqttv311', tries: 'the plain protocol' },
    { version: 'mqttv311', tries: 'a protocol of its own first' },
  ]) {
    it(`with ${version}, trying ${tries}, carries messages both ways and leaves its will`, async () => {
      const name = `bridge-${version}-${tries.length}`;
      const local = join(folder, `${name}.sock`);
      const states: string[] = [];
      const heard: string[] = [];
      broker.subscribe(`${name}/state`, ({ payload }) => states.push(payload.toString()));
      broker.subscribe(`${name}/up/#`, ({ topic, payload, qos }) => heard.push(`${topic} ${payload.toString()} ${qos}`));

      const bridge = new Program('mosquitto', ['-c', configuration(name, version, tries !== 'the plain protocol', local)]);
      await until('the bridge stands', () => broker.session(name)?.subscriptions.length === 1);

      await run('mosquitto_pub', ['--unix', local, '-t', `${name}/down/ready`, '-m', 'ready', '-r']);
      const listener = new Program('mosquitto_sub', ['--unix', local, '-t', `${name}/down/#`, '-q', 2, '-C', 4, '-F', '%t %p %q']);
      await until('it is subscribed', () => listener.lines.length === 1);
      for (const qos of [0, 1, 2] as const) {
        await run('mosquitto_pub', ['--unix', local, '-t', `${name}/up/${qos}`, '-m', 'from there', '-q', qos]);
        await broker.publish(`${name}/down/${qos}`, 'from here', { qos });
      }
      await listener.output();
      assert.deepEqual(
        listener.lines.slice(1),
        [0, 1, 2].map((qos) => `${name}/down/${qos} from here ${qos}`),
      );
      await until('all have come', () => heard.length === 3);
      assert.deepEqual(
        heard,
        [0, 1, 2].map((qos) => `${name}/up/${qos} from there ${qos}`),
      );

      bridge.signal('SIGKILL');
      await until('its will has come', () => states.at(-1) === '0');
      assert.deepEqual(states, ['1', '0']);
    });
  }

  function configuration(name: string, version: string, tryPrivate: boolean, local: string): string {
    const file = join(folder, `${name}.conf`);
    const lines = [
      `listener 0 ${local}`,
      'allow_anonymous true',
      'persistence false',
      // Where it is started by root it would become somebody who may not write into the folder.
      'user root',
      `connection ${name}`,
      `address 127.0.0.1:${broker.address.port}`,
      `remote_clientid ${name}`,
      `bridge_protocol_version ${version}`,
      `try_private ${tryPrivate}`,
      'restart_timeout 1',
      'cleansession false',
      `notification_topic ${name}/state`,
      `topic ${name}/up/# out 2`,
      `topic ${name}/down/# in 2`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }
});
