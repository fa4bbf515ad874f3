import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createBroker, type Broker } from 'posmq';
import { heapUsed } from '../util/heap.js';
import { until } from '../util/until.js';
import { bytesOf, connectPacket, publishPacket, RawClient, subscribePacket } from './raw-client.js';

const ROUNDS = 3;
const CONNECTIONS = 2_000;
const AT_ONCE = 250;

/** Every way in which a connection may end. */
const ENDS: readonly ((client: RawClient, clientId: string, port: number) => void)[] = [
  function disconnects(client) {
    client.send({ cmd: 'disconnect' });
  },
  function disconnectsAndNeverCloses(client) {
    client.socket.allowHalfOpen = true;
    client.send({ cmd: 'disconnect' });
  },
  function closes(client) {
    client.socket.end();
  },
  function closesWithinAPacket(client) {
    client.socket.end(Buffer.from('30ff7f0001', 'hex'));
  },
  function resets(client) {
    client.reset();
  },
  function resetsWithMuchToTake(client, clientId) {
    client.socket.pause();
    const large = publishPacket(clientId, Buffer.alloc(100_000));
    client.socket.write(bytesOf(large, large, large, large, large), () => client.reset());
  },
  function breaksTheRules(client) {
    client.socket.write(Buffer.from('f000', 'hex'));
  },
  function announcesTooMuch(client) {
    client.socket.write(Buffer.from('30ffffff7f', 'hex'));
  },
  function isTakenOver(_, clientId, port) {
    new RawClient(port).send(connectPacket({ clientId }), { cmd: 'disconnect' });
  },
  function fallsSilent(client) {
    client.socket.pause();
  },
];

describe('a broker that has had thousands of connections', () => {
  it(`holds nothing of them: sockets, register, sessions and heap are as after the first ones`, async (test) => {
    const broker = await createBroker({ host: '127.0.0.1', port: 0, maxPacketSize: 200_000 });
    const atFirst = openFiles();
    const heap: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await live(broker);
      await until('every file is closed', () => openFiles() === atFirst);
      const { connections, sessions, subscriptions, queued } = broker.stats;
      assert.deepEqual(
        { transports: broker.transports, open: connections.open, sessions, subscriptions, queued },
        { transports: 0, open: 0, sessions: { connected: 0, disconnected: 0 }, subscriptions: 0, queued: { messages: 0, bytes: 0 } },
      );
      heap.push(heapUsed());
    }
    test.diagnostic(`heap after each round: ${heap.map((bytes) => `${(bytes / 1e6).toFixed(2)} MB`).join(', ')}`);
    const { closed, bugs } = broker.stats;
    await broker.close();

    assert.equal(bugs, 0);
    for (const reason of [
      'client-disconnect',
      'connection-lost',
      'socket-error',
      'malformed-packet',
      'packet-too-large',
      'taken-over',
      'keep-alive-timeout',
    ] as const) {
      assert.ok(closed[reason] >= (ROUNDS * CONNECTIONS) / ENDS.length, `${closed[reason]} ended by ${reason}`);
    }
    // The first round fills caches of ours and of Node's; a leak would add its share with each of the others.
    const [, second = 0] = heap;
    const grown = (heap.at(-1)! - second) / CONNECTIONS / (ROUNDS - 2);
    assert.ok(grown < 200, `each connection left ${grown} bytes`);
  });
});

/** One round: all connect, subscribe, publish, hear, and end. */
async function live(broker: Broker): Promise<void> {
  const { port } = broker.address;
  const all: RawClient[] = [];
  for (let from = 0; from < CONNECTIONS; from += AT_ONCE) {
    const wave = Array.from({ length: AT_ONCE }, (_, i) => {
      const client = new RawClient(port);
      const clientId = `client ${from + i}`;
      const end = ENDS[i % ENDS.length]!;
      const keepalive = end.name === 'fallsSilent' ? 1 : 0;
      client.send(connectPacket({ clientId, keepalive }), subscribePacket(clientId, 1), publishPacket(clientId, 'hello', 1, 1));
      return { client, clientId, end };
    });
    await until('each has heard its own', () => wave.every(({ client }) => client.packets.length === 4));
    for (const { client, clientId, end } of wave) {
      end(client, clientId, port);
      all.push(client);
    }
  }
  await until('all are gone', () => broker.transports === 0);
  for (const { socket } of all) socket.destroy();
}

/** Files and sockets this process has open; where the system does not tell, it is as if there were none. */
function openFiles(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}
