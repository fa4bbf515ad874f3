import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBroker } from 'posmq';
import { inTime, until } from '../util/until.js';
import { bytesOf, connectPacket, publishPacket, RawClient, subscribePacket, Witness } from './raw-client.js';

describe('a subscriber that reads nothing', () => {
  const BUDGET = 1_048_576;
  const MESSAGES = 20_000;
  const SIZE = 1_000;

  it('costs bounded bytes and its own messages at QoS 0; another subscriber hears all', async () => {
    const broker = await createBroker({ host: '127.0.0.1', port: 0, maxBufferedBytes: BUDGET });
    const { port } = broker.address;
    const frozen = await RawClient.open(port, { clientId: 'frozen' });
    await frozen.subscribe('fast');
    frozen.socket.pause();
    const other = await RawClient.open(port);
    await other.subscribe('fast');
    const publisher = await RawClient.open(port);

    let most = 0;
    for (let sent = 0; sent < MESSAGES; sent += 200) {
      publisher.send(...Array.from({ length: 200 }, (_, i) => publishPacket('fast', String(sent + i).padEnd(SIZE))));
      await until('the other has heard them', () => other.packets.length === sent + 200);
      most = Math.max(most, broker.session('frozen')?.connection?.bytesBuffered ?? Infinity);
    }
    assert.deepEqual(
      numbers(other),
      Array.from({ length: MESSAGES }, (_, i) => i),
    );
    assert.ok(most > BUDGET / 2 && most < BUDGET + 65_536, `${most} bytes were buffered`);

    const dropped = broker.stats.dropped['slow-consumer'];
    assert.ok(dropped > 0);
    assert.equal(broker.session('frozen')?.messagesDropped, dropped);
    frozen.socket.resume();
    await until('it has the rest', () => frozen.packets.length === MESSAGES - dropped);
    const heard = numbers(frozen);
    assert.deepEqual(
      heard,
      Array.from(heard, (_, i) => i),
    );
    await until('nothing waits', () => broker.session('frozen')?.connection?.bytesBuffered === 0);
    publisher.send(publishPacket('fast', 'again'));
    await until('it is served again', () => frozen.packets.length === MESSAGES - dropped + 1);
    for (const { socket } of [frozen, other, publisher]) socket.destroy();
    await broker.close();
  });

  it('finds at QoS 1 what its window and its queue hold, in order, and no more', async () => {
    const maxQueuedMessages = 5_000;
    const maxInflight = 100;
    const broker = await createBroker({ host: '127.0.0.1', port: 0, maxInflight, maxQueuedMessages });
    const { port } = broker.address;
    const frozen = await RawClient.open(port, { clientId: 'frozen' });
    await frozen.subscribe('fast', 1);
    frozen.socket.pause();
    const publisher = await RawClient.open(port);
    for (let sent = 0; sent < MESSAGES; sent += 200) {
      publisher.send(...Array.from({ length: 200 }, (_, i) => publishPacket('fast', String(sent + i).padEnd(SIZE), 1, i + 1)));
      await until('they are acknowledged', () => publisher.packets.length === sent + 200);
    }
    const kept = maxInflight + maxQueuedMessages;
    const view = broker.session('frozen');
    assert.deepEqual([view?.inflight, view?.queuedMessages], [maxInflight, maxQueuedMessages]);
    assert.equal(broker.stats.dropped['queue-full'], MESSAGES - kept);

    frozen.socket.resume();
    for (let acknowledged = 0; acknowledged < kept; ) {
      await until('something comes', () => frozen.packets.length > acknowledged);
      for (; acknowledged < frozen.packets.length; acknowledged++) {
        frozen.send({ cmd: 'puback', messageId: frozen.packets[acknowledged]!.messageId ?? 0 });
      }
    }
    assert.deepEqual(
      numbers(frozen),
      Array.from({ length: kept }, (_, i) => i),
    );
    await until('nothing waits', () => broker.session('frozen')?.inflight === 0);
    for (const { socket } of [frozen, publisher]) socket.destroy();
    await broker.close();
  });
});

describe('a client that asks for much and reads nothing', () => {
  const BUDGET = 262_144;
  const RETAINED = 50_000;
  const LEVELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

  it('is heard no further while its answers wait, and answered in full when it reads', async () => {
    const broker = await createBroker({ host: '127.0.0.1', port: 0, maxBufferedBytes: BUDGET });
    const witness = await Witness.open(broker.address.port);
    await broker.publish(LEVELS.join('/'), Buffer.alloc(RETAINED, 'x'), { retain: true });
    const client = await RawClient.open(broker.address.port, { clientId: 'greedy' });
    client.socket.pause();
    // Each filter matches the one retained message; together they are answered with more than any kernel holds.
    const filters = Array.from({ length: 2 ** LEVELS.length }, (_, bits) =>
      LEVELS.map((level, i) => (bits & (1 << i) ? '+' : level)).join('/'),
    );
    client.send(...filters.map((filter) => subscribePacket(filter, 0)));
    const pings = 300_000;
    client.socket.write(Buffer.alloc(2 * pings, bytesOf({ cmd: 'pingreq' })));
    let most = 0;
    for (let i = 0; i < 100; i++) {
      await witness.isServed();
      most = Math.max(most, broker.session('greedy')?.connection?.bytesBuffered ?? Infinity);
    }
    assert.ok(most <= 2 * BUDGET + RETAINED + 65_536, `${most} bytes were buffered`);
    client.socket.resume();
    await until('everything is answered', () => client.packets.length === 2 * filters.length + pings);
    const count = (kind: string): number => client.packets.filter(({ cmd }) => cmd === kind).length;
    assert.deepEqual([count('suback'), count('publish'), count('pingresp')], [filters.length, filters.length, pings]);
    client.socket.destroy();
    witness.close();
    await broker.close();
  });
});

describe('a broker that is full', () => {
  it('tells those who come that it is, keeps those it has, and takes others when some have gone', async () => {
    const maxConnections = 20;
    const broker = await createBroker({ host: '127.0.0.1', port: 0, maxConnections });
    const witness = await Witness.open(broker.address.port);
    const clients = Array.from({ length: 500 }, () => new RawClient(broker.address.port));
    for (const client of clients) client.send(connectPacket());
    await until('the rest is turned away', () => clients.filter(({ closed }) => closed).length === 500 - (maxConnections - 2));
    for (const { closed, packets } of clients) {
      const [connack] = packets;
      assert.ok(packets.length <= 1);
      // Told so, or, where very many come at once, closed without a word.
      if (connack?.cmd === 'connack') assert.equal(connack.returnCode, closed ? 3 : 0);
      else assert.ok(closed);
    }
    await witness.isServed();
    assert.equal(broker.stats.connections.open, maxConnections);

    for (const { socket } of clients) socket.destroy();
    await until('there is room', () => broker.transports === 2);
    const late = await RawClient.open(broker.address.port);
    late.socket.destroy();
    witness.close();
    await broker.close();
  });
});

describe('a broker that is closed', () => {
  it('ends every connection, whatever state it is in, and takes no more', async () => {
    const broker = await createBroker({ host: '127.0.0.1', port: 0 });
    const { port } = broker.address;
    const wills: string[] = [];
    broker.subscribe('will', ({ payload }) => wills.push(payload.toString()));

    const silent = new RawClient(port, { halfOpen: true });
    const half = new RawClient(port, { halfOpen: true });
    half.socket.write(bytesOf(connectPacket({ clientId: 'half' })).subarray(0, 5));
    const open = await RawClient.open(port, {
      clientId: 'open',
      will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false },
    });
    const frozen = await RawClient.open(port, { clientId: 'frozen' });
    await frozen.subscribe('much');
    frozen.socket.pause();
    for (let i = 0; i < 16; i++) await broker.publish('much', Buffer.alloc(1_000_000));
    await until('all are there', () => broker.transports === 4);

    await inTime('it is closed', broker.close());
    assert.equal(broker.transports, 0);
    assert.equal(broker.stats.closed['server-stopping'], 4);
    await until('the client sees it', () => open.closed);
    assert.deepEqual(wills, ['gone']);
    const late = new RawClient(port);
    await until('nobody listens', () => late.closed);
    for (const { socket } of [silent, half, open, frozen]) socket.destroy();
  });
});

/** The payloads of what has come, as numbers. */
function numbers(client: RawClient): number[] {
  return client.packets.map((packet) => (packet.cmd === 'publish' ? Number(packet.payload.toString()) : NaN));
}
