import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IPublishPacket } from 'mqtt-packet';
import { createBroker, type Broker, type CreateOptions } from 'posmq';
import { until } from '../util/until.js';
import { bytesOf, connectPacket, publishPacket, RawClient } from './raw-client.js';

const MANY = 500;

describe(`${MANY} connections come at once with one client identifier:`, () => {
  const will = { topic: 'will', payload: Buffer.from('gone'), qos: 1, retain: false } as const;

  /** Lets them come, and answers the one that stays. */
  const storm = async (broker: Broker, clean: boolean): Promise<RawClient> => {
    const clients = Array.from({ length: MANY }, () => new RawClient(broker.address.port));
    for (const { socket } of clients) socket.write(bytesOf(connectPacket({ clientId: 'wanted', clean, will })));
    await until('all have come', () => broker.stats.connections.total === MANY);
    await until('the others are gone', () => broker.transports === 1 && clients.filter(({ closed }) => closed).length === MANY - 1);
    const [left] = clients.filter(({ closed }) => !closed);
    assert.ok(left);
    for (const client of clients) {
      // Who was let in was told so, and no one twice.
      assert.ok(client.packets.filter(({ cmd }) => cmd === 'connack').length <= 1);
    }
    await left.next('connack');
    const { connections, sessions, closed } = broker.stats;
    assert.deepEqual([connections.open, sessions], [1, { connected: 1, disconnected: 0 }]);
    assert.equal(closed['taken-over'], MANY - 1);
    return left;
  };

  const withBroker = async (options: CreateOptions, prove: (broker: Broker) => Promise<void>): Promise<void> => {
    const broker = await createBroker({ ...options, host: '127.0.0.1', port: 0 });
    try {
      await prove(broker);
      assert.equal(broker.stats.bugs, 0);
    } finally {
      await broker.close();
    }
  };

  it('one stays and is served, and the will of every other is published [MQTT-3.1.4-2][MQTT-3.1.2-8]', async () => {
    await withBroker({}, async (broker) => {
      let wills = 0;
      broker.subscribe('will', () => void wills++);
      const left = await storm(broker, true);
      await until('all wills are heard', () => wills === MANY - 1);
      await left.subscribe('hello', 1);
      await broker.publish('hello', 'you', { qos: 1 });
      assert.equal((await left.next('publish')).payload.toString(), 'you');
      left.send({ cmd: 'disconnect' });
      await until('it is gone too', () => broker.transports === 0);
      assert.equal(wills, MANY - 1);
    });
  });

  it('the session they share goes from one to the next, with everything in it [MQTT-3.1.2-4]', async () => {
    await withBroker({}, async (broker) => {
      const owner = await RawClient.open(broker.address.port, { clientId: 'wanted', clean: false });
      await owner.subscribe('kept', 1);
      owner.send({ cmd: 'disconnect' });
      await until('its owner is away', () => broker.transports === 0);
      for (let i = 0; i < 100; i++) await broker.publish('kept', String(i), { qos: 1 });

      const clients = Array.from({ length: MANY }, () => new RawClient(broker.address.port));
      for (const { socket } of clients) socket.write(bytesOf(connectPacket({ clientId: 'wanted', clean: false })));
      await until('the others are gone', () => clients.filter(({ closed }) => closed).length === MANY - 1);
      const [left] = clients.filter(({ closed }) => !closed);
      assert.ok(left);
      assert.equal((await left.next('connack')).sessionPresent, true);
      for (let i = 0; i < 100; i++) {
        const publish: IPublishPacket = await left.next('publish');
        assert.equal(publish.payload.toString(), String(i));
        left.send({ cmd: 'puback', messageId: publish.messageId ?? 0 });
      }
      await until('all is settled', () => broker.session('wanted')?.inflight === 0);
      left.send(publishPacket('kept', 'last', 1, 1));
      assert.equal((await left.next('publish')).payload.toString(), 'last');
      left.socket.destroy();
    });
  });

  it('one stays where a gate takes its time and answers in any order', async () => {
    const waiting: (() => void)[] = [];
    const connect = (): Promise<true> => new Promise((resolve) => waiting.push(() => resolve(true)));
    await withBroker({ gates: { connect } }, async (broker) => {
      const answering = setInterval(() => {
        // Every other one first, then the rest backwards.
        const now = waiting.splice(0);
        for (let i = 0; i < now.length; i += 2) now[i]!();
        for (let i = now.length - 1 - (now.length % 2 === 0 ? 0 : 1); i > 0; i -= 2) now[i]!();
      }, 5);
      try {
        const left = await storm(broker, true);
        left.send({ cmd: 'pingreq' });
        await left.next('pingresp');
      } finally {
        clearInterval(answering);
      }
    });
  });
});
