/** Acknowledged means on disk: the real command, its real disk, and what is left of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { ownFolder } from '../util/folder.js';
import { until } from '../util/until.js';
import { BrokerProcess } from './broker-process.js';
import { compileShim, loseOnce } from './loss.js';
import { Program, run } from './program.js';
import { bytesOf, publishPacket, RawClient } from './raw-client.js';
import { SystemCalls } from './system-calls.js';
import { V5Client } from './v5-client.js';

/** Stops a broker in order. */
async function stop(broker: BrokerProcess): Promise<void> {
  broker.signal('SIGTERM');
  assert.equal(await broker.ended(), 0);
}

async function kill(broker: BrokerProcess): Promise<void> {
  broker.signal('SIGKILL');
  assert.equal(await broker.ended(), 'SIGKILL');
}

/** A session that is kept while its client is away. */
async function away(port: number, clientId: string, filter: string): Promise<void> {
  const client = await RawClient.open(port, { clientId, clean: false });
  await client.subscribe(filter, 1);
  client.send({ cmd: 'disconnect' });
  await until(`${clientId} is away`, () => client.closed);
}

/** What waits for a session, as `mosquitto_sub` prints it. */
async function waiting(port: number, clientId: string, filter: string, many: number): Promise<string[]> {
  const args = ['-h', '127.0.0.1', '-p', port, '-i', clientId, '-c', '-q', 1, '-t', filter, '-C', many, '-W', 25, '-F', '%t %p'];
  return (await run('mosquitto_sub', args)).toString().trim().split('\n');
}

describe('the bytes of a PUBACK', { skip: process.platform !== 'linux' && 'strace is a program for Linux' }, () => {
  /** What the broker asked of the system from the PUBLISH for a persistent session to its PUBACK. */
  const publishTo = async (durability: string): Promise<SystemCalls> => {
    const folder = ownFolder();
    const trace = join(folder, 'trace');
    const calls = 'trace=fdatasync,fsync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg';
    // With -D the tracer is the child, and the process started here becomes the broker.
    const strace = ['strace', '-D', '-f', '-y', '-xx', '-s', '4096', '-e', calls, '-o', trace];
    const broker = await BrokerProcess.under(strace, '--data', join(folder, 'data'), '--durability', durability);
    await away(broker.port, 'away', 'a/b');
    const publisher = await RawClient.open(broker.port);
    publisher.send(publishPacket('a/b', 'hello', 1, 0x1234));
    await publisher.next('puback');
    await stop(broker);
    const puback = bytesOf({ cmd: 'puback', messageId: 0x1234 });
    await until('the trace is written', () => new SystemCalls(readFileSync(trace, 'latin1')).wrote(puback));
    return new SystemCalls(readFileSync(trace, 'latin1')).between(bytesOf(publishPacket('a/b', 'hello', 1, 0x1234)), puback);
  };
  const LOG = /\/data\/\d+\.log$/;

  it('leave when fdatasync of the log with the message has returned', async () => {
    const calls = (await publishTo('sync')).afterWriting(LOG, 'hello');
    assert.ok(calls.completes('fdatasync', LOG), calls.toString());
  });

  it('wait for the operating system only, with --durability os', async () => {
    const calls = (await publishTo('os')).afterWriting(LOG, 'hello');
    assert.ok(!calls.completes('fdatasync', LOG), calls.toString());
  });
});

describe('kill -9', () => {
  it('with 50,000 messages queued for a session loses none of them, nor their order', async () => {
    const many = 50_000;
    const data = ownFolder();
    const first = await BrokerProcess.start('--data', data);
    await away(first.port, 'away', 'sale/#');
    const publisher = await RawClient.open(first.port);
    const packets = Array.from({ length: many }, (_, i) => bytesOf(publishPacket(`sale/${i % 7}`, `number ${i}`, 1, i + 1)));
    publisher.socket.write(Buffer.concat(packets));
    await until('all are acknowledged', () => publisher.packets.length === many);
    await kill(first);

    const second = await BrokerProcess.start('--data', data);
    const lines = await waiting(second.port, 'away', 'sale/#', many);
    assert.deepEqual(
      lines,
      Array.from({ length: many }, (_, i) => `sale/${i % 7} number ${i}`),
    );
    await stop(second);
    assert.deepEqual(
      second.log.filter(({ level }) => level !== 'info'),
      [],
    );
  });
});

describe('what was acknowledged', { skip: process.platform !== 'linux' && 'the loss of power is played for Linux' }, () => {
  before(compileShim);
  for (const [durability, survives] of [
    ['sync', 'kill -9 and the loss of power'],
    ['os', 'kill -9'],
  ] as const) {
    it(`with --durability ${durability} survives ${survives}`, async () => {
      for (let seed = 1; seed <= 2; seed++) {
        const { acknowledged, byKill, byPower } = await loseOnce(ownFolder(), durability, seed, 500);
        assert.ok(acknowledged > 0);
        assert.equal(byKill, 0);
        if (durability === 'sync') assert.equal(byPower, 0);
      }
    });
  }
});

describe('the folder of a store', () => {
  it('belongs to one broker: a second is refused with one sentence and exit status 2', async () => {
    const data = ownFolder();
    const broker = await BrokerProcess.start('--data', data);
    const second = new Program(process.execPath, ['dist/cli/posmq.js', '--host', '127.0.0.1', '--port', 0, '--data', data]);
    assert.equal(await second.ended(), 2);
    assert.equal(second.stderr, `posmq: the store in ${data} is in use by another process\n`);
    await away(broker.port, 'away', 'still/served');
    await stop(broker);
    const third = await BrokerProcess.start('--data', data);
    await stop(third);
  });

  it('has everything when the broker is stopped in order and started again: sessions, what waits for them, what is retained', async () => {
    const data = ownFolder();
    const first = await BrokerProcess.start('--data', data);
    await away(first.port, 'away', 'sale/#');
    const publisher = await RawClient.open(first.port);
    publisher.send({ ...publishPacket('sale/1', 'waits', 1, 1), retain: true }, publishPacket('sale/2', 'waits too', 2, 2));
    await publisher.next('puback');
    await publisher.next('pubrec');
    publisher.send({ cmd: 'pubrel', messageId: 2 });
    await publisher.next('pubcomp');
    await stop(first);

    const second = await BrokerProcess.start('--data', data);
    assert.deepEqual(await waiting(second.port, 'away', 'sale/#', 2), ['sale/1 waits', 'sale/2 waits too']);
    const late = await RawClient.open(second.port);
    await late.subscribe('sale/#', 1);
    const { payload, retain } = await late.next('publish');
    assert.deepEqual([payload.toString(), retain], ['waits', true]);
    await stop(second);
  });

  it('is none with --memory: everything ends with the process', async () => {
    const first = await BrokerProcess.start('--memory');
    await away(first.port, 'away', 'sale/#');
    await stop(first);
    const second = await BrokerProcess.start('--memory');
    const again = new RawClient(second.port);
    again.send({ cmd: 'connect', clientId: 'away', clean: false, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4 });
    assert.equal((await again.next('connack')).sessionPresent, false);
    await stop(second);
  });
});

describe('a full disk', { skip: process.platform !== 'linux' && 'prlimit is a program for Linux' }, () => {
  it('refuses publishers that need it, serves everyone else, and is forgotten when there is space', async () => {
    const data = ownFolder();
    const broker = await BrokerProcess.start('--data', data, '--min-free-disk', '0');
    await away(broker.port, 'away', 'kept');
    const listener = await RawClient.open(broker.port);
    await listener.subscribe('live', 1);
    const [first, second, bystander] = [
      await V5Client.open(broker.port),
      await V5Client.open(broker.port),
      await V5Client.open(broker.port),
    ];
    const old = await RawClient.open(broker.port);
    const limit = (soft: string): Promise<Buffer> => run('prlimit', ['--pid', broker.pid, `--fsize=${soft}:`]);

    // To no file may more be written than it has.
    await limit('1');
    first.send(publishPacket('kept', 'before it was known', 1, 1));
    await until('it is known', () => broker.log.some(({ msg }) => msg === 'the disk is full, the store waits for space'));
    assert.equal(await second.publish('kept', 'refused'), 0x97);
    old.send(publishPacket('kept', 'refused too', 1, 1));
    await until('the connection is closed', () => old.ended);
    assert.deepEqual(old.packets, []);

    assert.equal(await bystander.publish('live', 'needs no disk'), 0);
    assert.equal((await listener.next('publish')).payload.toString(), 'needs no disk');
    bystander.send(publishPacket('live', 'nor does this', 0));
    assert.equal((await listener.next('publish')).payload.toString(), 'nor does this');
    assert.deepEqual(await bystander.rest(), []);
    assert.deepEqual(await first.rest(), []);

    await limit('unlimited');
    assert.equal((await first.next('puback')).reasonCode, 0);
    await until('it is known', () => broker.log.some(({ msg }) => msg === 'there is space again, the store goes on'));
    assert.equal(await second.publish('kept', 'after it'), 0);
    await kill(broker);

    const again = await BrokerProcess.start('--data', data);
    assert.deepEqual(await waiting(again.port, 'away', 'kept', 2), ['kept before it was known', 'kept after it']);
    await stop(again);
  });

  it('is foreseen: with less than --min-free-disk left publishers that need the disk are refused, and acknowledgements still taken', async () => {
    const data = ownFolder();
    const first = await BrokerProcess.start('--data', data);
    await away(first.port, 'away', 'kept');
    assert.equal(await (await V5Client.open(first.port)).publish('kept', 'in time'), 0);
    await stop(first);

    const second = await BrokerProcess.start('--data', data, '--min-free-disk', '1099511627776');
    assert.equal(await (await V5Client.open(second.port)).publish('kept', 'too late'), 0x97);
    assert.deepEqual(await waiting(second.port, 'away', 'kept', 1), ['kept in time']);
    await stop(second);
    // Nothing comes again.
    const third = await BrokerProcess.start('--data', data);
    const reader = await RawClient.open(third.port, { clientId: 'away', clean: false });
    reader.send({ cmd: 'pingreq' });
    await reader.next('pingresp');
    await stop(third);
  });
});
