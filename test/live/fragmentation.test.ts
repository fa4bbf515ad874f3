import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Packet } from 'mqtt-packet';
import { createBroker, type Broker, type CloseReason } from 'posmq';
import { Arena } from '../../src/net/arena.js';
import { TcpListener } from '../../src/net/tcp.js';
import { until } from '../util/until.js';
import { bytesOf, connectPacket, publishPacket, RawClient, subscribePacket, Witness } from './raw-client.js';

/** Everything a client says in a short life; what answers the broker is known beforehand. */
const CONVERSATION = bytesOf(
  connectPacket({ clientId: 'cut', keepalive: 60, username: 'ü', password: Buffer.from('secret') }),
  subscribePacket('a/+', 2),
  publishPacket('a/0', 'zero'),
  publishPacket('a/1', 'one', 1, 10),
  publishPacket('a/2', 'two', 2, 11),
  { cmd: 'pubrel', messageId: 11 },
  { cmd: 'puback', messageId: 1 },
  { cmd: 'pubrec', messageId: 2 },
  { cmd: 'pubcomp', messageId: 2 },
  { cmd: 'pingreq' },
  { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/+'] },
  { cmd: 'disconnect' },
);

const ANSWERS = [
  'connack',
  'suback 1',
  'publish: zero',
  'publish 1: one',
  'puback 10',
  'publish 2: two',
  'pubrec 11',
  'pubcomp 11',
  'pubrel 2',
  'pingresp',
  'unsuback 2',
];

for (const bareHandles of [true, false]) {
  describe(`over TCP ${bareHandles ? 'on bare handles' : 'on sockets'}`, () => {
    let broker: Broker;
    let listener: TcpListener;
    before(async () => {
      broker = await createBroker({ host: '127.0.0.1', port: 0 });
      listener = await TcpListener.listen({
        host: '127.0.0.1',
        port: 0,
        arena: new Arena(0),
        bareHandles,
        accept: (transport) => broker.accept(transport),
        failed: (error) => assert.fail(error),
      });
    });
    after(async () => {
      await broker.close();
      await listener.close();
    });

    /** Sends segments, each when the one before has been read, and reads until the broker closes. */
    const converse = async (segments: readonly Buffer[]): Promise<RawClient> => {
      const client = new RawClient(listener.address.port);
      let { bytes } = broker.stats.received;
      for (const segment of segments) {
        client.socket.write(segment);
        bytes += segment.length;
        await until('the segment is read', () => broker.stats.received.bytes === bytes);
      }
      await until('the broker closes', () => client.closed);
      return client;
    };

    it('a conversation goes the same way wherever it is cut in two [MQTT-7.1.1-1]', async () => {
      for (let cut = 1; cut < CONVERSATION.length; cut++) {
        const { packets } = await converse([CONVERSATION.subarray(0, cut), CONVERSATION.subarray(cut)]);
        assert.deepEqual(packets.map(inShort), ANSWERS, `cut after ${cut} bytes`);
      }
      assert.equal(broker.stats.closed['client-disconnect'], broker.stats.connections.total);
    });

    it('a conversation goes the same way byte by byte', async () => {
      const { packets } = await converse(Array.from(CONVERSATION, (byte) => Buffer.of(byte)));
      assert.deepEqual(packets.map(inShort), ANSWERS);
    });

    it('a conversation goes the same way in one segment', async () => {
      const { packets } = await converse([CONVERSATION]);
      assert.deepEqual(packets.map(inShort), ANSWERS);
    });

    it('packets far larger than a read come and go whole between small ones', async () => {
      const client = await RawClient.open(listener.address.port);
      await client.subscribe('large');
      const payload = Buffer.alloc(5_000_000, 'a payload that is somewhat long');
      const small = publishPacket('large', 'small');
      client.send(small, publishPacket('large', payload), small, publishPacket('large', payload.subarray(0, 1_000_000)), small);
      const received: Buffer[] = [];
      for (let i = 0; i < 5; i++) received.push(Buffer.from((await client.next('publish')).payload));
      assert.deepEqual(
        received.map(({ length }) => length),
        [5, 5_000_000, 5, 1_000_000, 5],
      );
      assert.ok(received[1]!.equals(payload) && received[3]!.equals(payload.subarray(0, 1_000_000)));
      client.socket.destroy();
    });

    it('ten thousand packets in one write are answered in order', async () => {
      const client = await RawClient.open(listener.address.port);
      const ids = Array.from({ length: 10_000 }, (_, i) => i + 1);
      client.send(...ids.map((id) => publishPacket('nobody', 'hears this', 1, id)));
      await until('all are answered', () => client.packets.length === ids.length);
      assert.deepEqual(
        client.packets.map(({ messageId }) => messageId),
        ids,
      );
      client.socket.destroy();
    });
  });
}

describe('what breaks the rules ends its own connection, and nobody else notices:', () => {
  const LIMIT = 100_000;
  let broker: Broker;
  let witness: Witness;
  before(async () => {
    broker = await createBroker({ host: '127.0.0.1', port: 0, maxPacketSize: LIMIT });
    witness = await Witness.open(broker.address.port);
  });
  after(async () => {
    witness.close();
    await broker.close();
    assert.equal(broker.stats.bugs, 0);
  });

  const closes = async (reason: CloseReason, client: RawClient, bytes: Buffer): Promise<void> => {
    const before = broker.stats.closed;
    client.socket.write(bytes);
    await witness.isServed();
    await until('the broker closes', () => client.ended);
    assert.deepEqual(broker.stats.closed, { ...before, [reason]: before[reason] + 1 });
    await witness.isServed();
    await until('nothing is left of it', () => broker.transports === 2);
  };

  const first: readonly { name: string; bytes: Buffer; reason: CloseReason }[] = [
    { name: 'a request of HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), reason: 'protocol-error' },
    { name: 'a greeting of TLS', bytes: Buffer.from('160301020001', 'hex'), reason: 'malformed-packet' },
    { name: 'a CONNECT larger than any can be', bytes: Buffer.from('10ffffff7f', 'hex'), reason: 'packet-too-large' },
    { name: 'a Remaining Length of five bytes', bytes: Buffer.from('10ffffffff01', 'hex'), reason: 'malformed-packet' },
    { name: 'a PUBLISH before CONNECT', bytes: bytesOf(publishPacket('a', 'b')), reason: 'protocol-error' },
  ];
  for (const { name, bytes, reason } of first) {
    it(`${name}, as the first thing [MQTT-4.8.0-1]`, async () => {
      await closes(reason, new RawClient(broker.address.port), bytes);
    });
  }

  const later: readonly { name: string; bytes: Buffer; reason: CloseReason }[] = [
    { name: 'a second CONNECT', bytes: bytesOf(connectPacket()), reason: 'protocol-error' },
    { name: 'a CONNACK', bytes: Buffer.from('20020000', 'hex'), reason: 'protocol-error' },
    { name: 'a PUBLISH with both QoS bits', bytes: Buffer.from('36050001610001', 'hex'), reason: 'malformed-packet' },
    { name: 'a topic that is no UTF-8', bytes: Buffer.from('30040002c328', 'hex'), reason: 'malformed-packet' },
    { name: 'a topic with a wildcard', bytes: Buffer.from('300300012b', 'hex'), reason: 'malformed-packet' },
    { name: 'a topic longer than its packet', bytes: Buffer.from('3003ffff61', 'hex'), reason: 'malformed-packet' },
    { name: 'a SUBSCRIBE without filters', bytes: Buffer.from('82020001', 'hex'), reason: 'protocol-error' },
    { name: 'a Remaining Length of five bytes', bytes: Buffer.from('30ffffffff01', 'hex'), reason: 'malformed-packet' },
    {
      name: 'a packet one byte too large',
      bytes: bytesOf(publishPacket('a', Buffer.alloc(LIMIT - 2))),
      reason: 'packet-too-large',
    },
    {
      name: 'a packet much too large, all of which is sent',
      bytes: bytesOf(publishPacket('a', Buffer.alloc(30_000_000))),
      reason: 'packet-too-large',
    },
  ];
  for (const { name, bytes, reason } of later) {
    it(`${name} [MQTT-4.8.0-1]`, async () => {
      await closes(reason, await RawClient.open(broker.address.port), bytes);
    });
  }

  it('but a packet as large as is allowed is taken', async () => {
    const client = await RawClient.open(broker.address.port);
    await client.subscribe('a');
    client.send(publishPacket('a', Buffer.alloc(LIMIT - 3)));
    assert.equal((await client.next('publish')).payload.length, LIMIT - 3);
    client.send({ cmd: 'disconnect' });
    await until('nothing is left of it', () => broker.transports === 2);
  });
});

describe('however a connection ends, nothing is left of it:', { concurrency: true }, () => {
  const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false } as const;
  const ends: readonly {
    how: string;
    end: (client: RawClient, broker: Broker) => void;
    reason: CloseReason;
    halfOpen?: boolean;
    published?: boolean;
  }[] = [
    { how: 'DISCONNECT', end: (client) => client.send({ cmd: 'disconnect' }), reason: 'client-disconnect', published: false },
    {
      how: 'DISCONNECT by a client that never closes its side',
      end: (client) => client.send({ cmd: 'disconnect' }),
      reason: 'client-disconnect',
      halfOpen: true,
      published: false,
    },
    { how: 'a FIN', end: (client) => void client.socket.end(), reason: 'connection-lost' },
    { how: 'a FIN by a client that goes on reading', end: (client) => void client.socket.end(), reason: 'connection-lost', halfOpen: true },
    { how: 'a FIN within a packet', end: (client) => void client.socket.end(Buffer.from('30ff', 'hex')), reason: 'connection-lost' },
    { how: 'a RST', end: (client) => client.reset(), reason: 'socket-error' },
    {
      how: 'a packet that breaks the rules, by a client that never closes its side',
      end: (client) => void client.socket.write(Buffer.from('f000', 'hex')),
      reason: 'malformed-packet',
      halfOpen: true,
    },
    { how: 'a silence longer than its keep-alive', end: () => {}, reason: 'keep-alive-timeout', halfOpen: true },
    { how: 'an operator', end: (_, broker) => void broker.kick('ending'), reason: 'kicked', halfOpen: true },
  ];
  for (const { how, end, reason, halfOpen = false, published = true } of ends) {
    it(how, async () => {
      const broker = await createBroker({ host: '127.0.0.1', port: 0 });
      const wills: string[] = [];
      broker.subscribe('will', ({ payload }) => wills.push(payload.toString()));
      const client = new RawClient(broker.address.port, { halfOpen });
      client.send(connectPacket({ clientId: 'ending', keepalive: reason === 'keep-alive-timeout' ? 1 : 0, will }));
      await client.next('connack');
      await client.subscribe('a');
      end(client, broker);
      await until('it is closed', () => broker.stats.closed[reason] === 1);
      await until('nothing is left', () => broker.transports === 0);
      // One subscription is our own.
      const { connections, sessions, subscriptions } = broker.stats;
      assert.deepEqual(
        { connections, sessions, subscriptions },
        { connections: { open: 0, total: 1 }, sessions: { connected: 0, disconnected: 0 }, subscriptions: 1 },
      );
      client.socket.destroy();
      await broker.close();
      assert.deepEqual(wills, published ? ['gone'] : []);
    });
  }
});

/** `publish 2: two` */
function inShort(packet: Packet): string {
  const named = packet.messageId === undefined ? packet.cmd : `${packet.cmd} ${packet.messageId}`;
  return packet.cmd === 'publish' ? `${named}: ${packet.payload.toString()}` : named;
}
