import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Arena } from '../../src/net/arena.js';
import { MemoryTransport } from '../../src/net/memory.js';
import { TcpListener } from '../../src/net/tcp.js';
import type { Transport } from '../../src/net/transport.js';
import { transportContract, type FarSide, type Line } from '../contracts/transport.js';
import { until } from '../util/until.js';

for (const bareHandles of [true, false]) {
  transportContract(`TCP ${bareHandles ? 'on bare handles' : 'on sockets'}`, () => overTcp(bareHandles));
}

transportContract('memory', async () => {
  const received: Buffer[] = [];
  let closed = false;
  const transport = new MemoryTransport(
    { received: (bytes) => received.push(Buffer.from(bytes)), closed: () => void (closed = true) },
    'somewhere',
  );
  const far: FarSide = {
    received: () => Buffer.concat(received),
    closed: () => closed,
    send: (bytes) => transport.send(bytes),
    freeze: () => transport.freeze(),
    thaw: () => transport.thaw(),
    end: () => transport.hangUp(),
    reset: () => transport.hangUp(new Error('broken')),
  };
  return { transport, far, address: 'somewhere' };
});

describe('TCP reads into the arena', () => {
  it('over bare handles', async () => {
    assert.equal(await readsAreShared(), true);
  });

  it('not where node:net is not built as bare handles expect, and connections are served all the same', async () => {
    const insides = await insidesOfASocket();
    const own = Object.getOwnPropertyDescriptor(insides, 'useUserBuffer');
    Object.defineProperty(insides, 'useUserBuffer', { value: undefined, configurable: true });
    try {
      assert.equal(await readsAreShared(), false);
    } finally {
      if (own === undefined) Reflect.deleteProperty(insides, 'useUserBuffer');
      else Object.defineProperty(insides, 'useUserBuffer', own);
    }
    assert.equal(await readsAreShared(), true);
  });
});

async function overTcp(bareHandles: boolean): Promise<Line> {
  const accepted: Transport[] = [];
  const listener = await listen(new Arena(0), (transport) => accepted.push(transport), bareHandles);
  const socket = connect({ port: listener.address.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const far = farSide(socket);
  await once(socket, 'connect');
  await until('it is accepted', () => accepted.length === 1);
  const { address, port } = socket.address() as AddressInfo;
  const close = async (): Promise<void> => {
    socket.destroy();
    await listener.close();
  };
  return { transport: accepted[0]!, far, address: `${address}:${port}`, close };
}

function farSide(socket: Socket): FarSide {
  const chunks: Buffer[] = [];
  let closed = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => (closed = true));
  socket.on('close', () => (closed = true));
  socket.on('error', () => {});
  return {
    received: () => Buffer.concat(chunks),
    closed: () => closed,
    send: (bytes) => void socket.write(bytes),
    freeze: () => void socket.pause(),
    thaw: () => void socket.resume(),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

async function listen(arena: Arena, accepted: (transport: Transport) => void, bareHandles?: boolean): Promise<TcpListener> {
  return TcpListener.listen({
    port: 0,
    host: '127.0.0.1',
    arena,
    ...(bareHandles === undefined ? {} : { bareHandles }),
    accept: (transport) => {
      accepted(transport);
      return true;
    },
    failed: (error) => assert.fail(error),
  });
}

/** Sends something over a new connection, and sees whether it comes in the shared buffer. */
async function readsAreShared(): Promise<boolean> {
  const arena = new Arena(0);
  let heard = '';
  let shared = true;
  const listener = await listen(arena, (transport) => {
    transport.start({
      received(bytes, length) {
        heard += bytes.toString('latin1', 0, length);
        shared &&= bytes === arena.bytes;
      },
      drained() {},
      ended: () => transport.destroy(),
      released() {},
    });
  });
  const socket = connect(listener.address.port, '127.0.0.1');
  socket.end('hello');
  await until('it is received', () => heard === 'hello');
  socket.destroy();
  await listener.close();
  return shared;
}

/** What all sockets that are accepted have in common. */
async function insidesOfASocket(): Promise<object> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const { _handle: handle } = accepted as unknown as { readonly _handle: object };
  client.destroy();
  accepted.destroy();
  server.close();
  return Object.getPrototypeOf(handle) as object;
}
