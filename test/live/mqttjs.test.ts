import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { createBroker, type Broker, type QoS } from 'posmq';
import { until } from '../util/until.js';

const EACH_QOS: readonly QoS[] = [0, 1, 2];

for (const [protocolId, protocolVersion] of [
  ['MQIsdp', 3],
  ['MQTT', 4],
] as const) {
  describe(`MQTT.js with protocol version ${protocolVersion}`, () => {
    let broker: Broker;
    let clients: MqttClient[];
    beforeEach(async () => {
      broker = await createBroker({ host: '127.0.0.1', port: 0 });
      clients = [];
    });
    afterEach(async () => {
      for (const client of clients) client.end(true);
      await broker.close();
      assert.equal(broker.stats.bugs, 0);
    });

    /** A client that is about to connect. */
    const start = (clientId: string, options: IClientOptions = {}): MqttClient => {
      const identity = { clientId, protocolId, protocolVersion, reconnectPeriod: 0 };
      const client = connect(`mqtt://127.0.0.1:${broker.address.port}`, { ...identity, ...options });
      client.on('error', () => {});
      clients.push(client);
      return client;
    };

    /** A client that is connected. */
    const open = async (clientId: string, options: IClientOptions = {}): Promise<MqttClient> => {
      const client = start(clientId, options);
      await until(`${clientId} is connected`, () => client.connected);
      return client;
    };

    const isAway = async (clientId: string): Promise<void> =>
      until(`${clientId} is away`, () => broker.session(clientId)?.connection === undefined);

    it('messages go both ways at each QoS [MQTT-7.0.0-2]', async () => {
      const one = await open('one');
      const other = await open('other');
      const heard = record(one);
      const heardByOther = record(other);
      await one.subscribeAsync({ 'to/one': { qos: 2 }, both: { qos: 1 } });
      await other.subscribeAsync('both', { qos: 2 });
      for (const qos of EACH_QOS) await one.publishAsync('both', `one's ${qos}`, { qos });
      for (const qos of EACH_QOS) await other.publishAsync('to/one', `other's ${qos}`, { qos });
      await until('all have come', () => heard.length === 6 && heardByOther.length === 3);
      assert.deepEqual(heardByOther, ["both: one's 0 (0)", "both: one's 1 (1)", "both: one's 2 (2)"]);
      assert.deepEqual(heard.sort(), [
        "both: one's 0 (0)",
        "both: one's 1 (1)",
        "both: one's 2 (1)",
        "to/one: other's 0 (0)",
        "to/one: other's 1 (1)",
        "to/one: other's 2 (2)",
      ]);
      await one.unsubscribeAsync('both');
      await other.publishAsync('both', 'unheard');
      await other.publishAsync('to/one', 'end');
      await until('the end has come', () => heard.at(-1) === 'to/one: end (0)');
      assert.equal(heard.length, 7);
    });

    it('a retained message comes to later subscribers, until it is cleared', async () => {
      const publisher = await open('publisher');
      for (const qos of EACH_QOS) await publisher.publishAsync(`kept/${qos}`, 'kept', { qos, retain: true });
      await publisher.publishAsync('kept/1', '', { qos: 1, retain: true });
      await publisher.endAsync();
      const subscriber = await open('subscriber');
      const heard = record(subscriber);
      await subscriber.subscribeAsync('kept/#', { qos: 2 });
      await until('both have come', () => heard.length === 2);
      assert.deepEqual(heard.sort(), ['kept/0: kept (0, retained)', 'kept/2: kept (2, retained)']);
    });

    it('a will is published when the connection is lost, and not after a disconnect', async () => {
      const witness = await open('witness');
      const heard = record(witness);
      await witness.subscribeAsync('will/#', { qos: 2 });
      for (const qos of EACH_QOS) {
        const will = { topic: `will/${qos}`, payload: Buffer.from('gone'), qos, retain: false };
        await (await open(`polite ${qos}`, { will })).endAsync();
        await isAway(`polite ${qos}`);
        (await open(`lost ${qos}`, { will })).stream.destroy();
        await isAway(`lost ${qos}`);
      }
      await until('all have come', () => heard.length === 3);
      await witness.publishAsync('will/end', 'end');
      await until('the end has come', () => heard.includes('will/end: end (0)'));
      assert.deepEqual(heard.sort(), ['will/0: gone (0)', 'will/1: gone (1)', 'will/2: gone (2)', 'will/end: end (0)']);
    });

    it('a persistent session is resumed with what came meanwhile, in order', async () => {
      const first = await open('away', { clean: false });
      await first.subscribeAsync('away/#', { qos: 2 });
      await first.endAsync();
      await isAway('away');
      const publisher = await open('publisher');
      const numbers = Array.from({ length: 150 }, (_, i) => String(i));
      for (const number of numbers) {
        await Promise.all([publisher.publishAsync('away/1', number, { qos: 1 }), publisher.publishAsync('away/2', number, { qos: 2 })]);
      }

      const second = start('away', { clean: false });
      const heard: Record<string, string[]> = { 'away/1': [], 'away/2': [] };
      let sessionPresent: boolean | undefined;
      second.on('connect', (connack) => (sessionPresent = connack.sessionPresent));
      second.on('message', (topic, payload) => heard[topic]?.push(payload.toString()));
      await until('all have come', () => heard['away/1']!.length + heard['away/2']!.length === 300);
      assert.deepEqual(heard, { 'away/1': numbers, 'away/2': numbers });
      // MQTT 3.1 has no bit to tell it with.
      assert.equal(sessionPresent, protocolVersion === 4);
    });

    it('connections that break under way lose nothing at QoS 1 and 2, and double nothing at QoS 2', async () => {
      const reconnecting: IClientOptions = { clean: false, reconnectPeriod: 5, resubscribe: false };
      const subscriber = await open('subscriber', reconnecting);
      await subscriber.subscribeAsync({ 'count/1': { qos: 1 }, 'count/2': { qos: 2 } });
      const heard: Record<string, number[]> = { 'count/1': [], 'count/2': [] };
      subscriber.on('message', (topic, payload) => heard[topic]?.push(Number(payload)));
      const publisher = await open('publisher', reconnecting);

      const numbers = Array.from({ length: 600 }, (_, i) => i);
      const published: Promise<void>[] = [];
      for (const i of numbers) {
        published.push(publishAgain(publisher, 'count/1', String(i), 1), publishAgain(publisher, 'count/2', String(i), 2));
        if (i % 20 === 0) await pause(1);
        if (i % 100 === 50) await until('the publisher is back to be broken off', () => broker.kick('publisher'));
        if (i % 100 === 90) await until('the subscriber is back to be broken off', () => broker.kick('subscriber'));
      }
      await Promise.all(published);
      const [atLeastOnce, exactlyOnce] = [heard['count/1']!, heard['count/2']!];
      await until('all have come', () => new Set(atLeastOnce).size + new Set(exactlyOnce).size === 2 * numbers.length);
      await until('all is settled', () => broker.session('subscriber')?.inflight === 0);
      assert.deepEqual(
        numbers,
        [...new Set(atLeastOnce)].sort((a, b) => a - b),
      );
      assert.deepEqual(
        numbers,
        exactlyOnce.sort((a, b) => a - b),
      );
      assert.equal(broker.stats.closed.kicked, 12);
    });

    it('large payloads arrive whole in both directions', async () => {
      const one = await open('one');
      const received: Buffer[] = [];
      one.on('message', (_, payload) => received.push(payload));
      await one.subscribeAsync('large/#', { qos: 2 });
      const sent = EACH_QOS.map(() => randomBytes(5_000_000));
      for (const qos of EACH_QOS) {
        await one.publishAsync(`large/${qos}`, sent[qos]!, { qos });
        await until('it has come', () => received.length === qos + 1);
        assert.ok(received[qos]!.equals(sent[qos]!));
      }
    });

    it('pings keep an idle connection, and messages one that is not', async () => {
      const idle = await open('idle', { keepalive: 1 });
      const pings = count(idle, 'packetreceive', 'pingresp');
      const busy = await open('busy', { keepalive: 1 });
      const busyPings = count(busy, 'packetsend', 'pingreq');
      let sent = 0;
      // At QoS 1: MQTT.js holds back its pings where something is answered.
      const sending = setInterval(() => {
        busy.publish('busy', 'x', { qos: 1 });
        sent++;
      }, 100);
      await until('two pings are answered', () => pings() >= 2);
      await until('the busy one has gone on as long', () => sent >= 20);
      clearInterval(sending);
      assert.equal(busyPings(), 0);
      assert.ok(idle.connected && busy.connected);
      assert.deepEqual([broker.stats.connections.total, broker.stats.closed['keep-alive-timeout']], [2, 0]);
      assert.equal(broker.session('idle')?.connection?.keepAlive, 1);
    });

    it('two hundred clients at once hear what each of them is sent', async () => {
      const heard: string[] = [];
      const many = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const client = await open(`client ${i}`);
          client.on('message', (topic, payload) => heard.push(`${i} hears ${payload.toString()} on ${topic}`));
          await client.subscribeAsync({ [`own/${i}`]: { qos: 1 }, all: { qos: 0 } });
          return client;
        }),
      );
      assert.deepEqual(broker.stats.sessions, { connected: 200, disconnected: 0 });
      await Promise.all(many.map((client, i) => client.publishAsync(`own/${(i + 1) % 200}`, `hello from ${i}`, { qos: 1 })));
      await many[0]!.publishAsync('all', 'hello all');
      await until('all have come', () => heard.length === 400);
      const expected = many.flatMap((_, i) => [`${i} hears hello from ${(i + 199) % 200} on own/${i}`, `${i} hears hello all on all`]);
      assert.deepEqual(heard.sort(), expected.sort());
    });
  });
}

/** Publishes, again where MQTT.js says that it has not sent it: it refuses what comes while it resumes a session that ends at once. */
async function publishAgain(client: MqttClient, topic: string, payload: string, qos: QoS): Promise<void> {
  for (;;) {
    try {
      await client.publishAsync(topic, payload, { qos });
      return;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'Connection closed') throw error;
    }
  }
}

/** Every message a client hears, as a line. */
function record(client: MqttClient): string[] {
  const heard: string[] = [];
  client.on('message', (topic, payload, { qos, retain }) => {
    heard.push(`${topic}: ${payload.toString()} (${qos}${retain ? ', retained' : ''})`);
  });
  return heard;
}

/** How many packets of a kind a client has sent or received by now. */
function count(client: MqttClient, event: 'packetsend' | 'packetreceive', kind: string): () => number {
  let packets = 0;
  client.on(event, ({ cmd }) => {
    if (cmd === kind) packets++;
  });
  return () => packets;
}
