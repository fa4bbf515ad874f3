/** `posmq bench` against a broker of its own: what is sent is what is counted. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BrokerProcess } from './broker-process.js';
import { Program } from './program.js';
import { RawClient } from './raw-client.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));

interface Report {
  readonly [name: string]: unknown;
  readonly lost?: number;
  readonly delivered_per_s?: number;
  readonly latency_ms?: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
}

describe('posmq bench', () => {
  let broker: BrokerProcess;
  before(async () => {
    broker = await BrokerProcess.start();
  });
  after(async () => {
    broker.signal('SIGTERM');
    assert.equal(await broker.ended(), 0);
  });

  const bench = (line: string): Program => new Program(process.execPath, [COMMAND, 'bench', ...line.split(' '), '--port', broker.port]);
  const report = async (line: string): Promise<Report> => {
    const program = bench(`${line} --json`);
    assert.equal(await program.ended(), 0, program.stderr);
    assert.equal(program.stderr, '');
    assert.equal(program.lines.length, 1);
    return JSON.parse(program.lines[0]!) as Report;
  };

  for (const line of [
    'p2p -P 3 -S 6 -w 10 -t 0.4',
    'p2p -P 2 -S 2 -q 1 -w 50 -t 0.4 -V 5 --topics 50',
    'p2p -P 2 -S 2 -q 2 -w 20 -t 0.4 --persistent',
    'p2p -b 300000 -w 2 -t 0.4',
    'p2p -q 1 -t 0.4 --retained --topics 20',
    'fanout -S 5 -w 20 -t 0.4 -V 3',
    'fanin -P 5 -w 100 -t 0.4 --filters 2500',
    'shared -P 3 -S 3 -q 1 -t 0.4',
    'latency -r 500 -t 0.6',
    'fanout -S 2 -t 0.4 --slow 1',
  ]) {
    it(`loses nothing: ${line}`, async () => {
      const { mode, lost, delivered_per_s, latency_ms } = await report(line);
      assert.deepEqual({ mode, lost }, { mode: line.split(' ')[0], lost: 0 });
      assert.ok(delivered_per_s! > 0);
      assert.ok(latency_ms!.p50 <= latency_ms!.p99 && latency_ms!.p99 <= latency_ms!.p999 && latency_ms!.p999 <= latency_ms!.max);
    });
  }

  it('tells of the handshakes at QoS 1 and 2, and not of any at QoS 0', async () => {
    for (const qos of [0, 1, 2]) {
      const told = await report(`p2p -q ${qos} -w 10 -t 0.3`);
      assert.equal('ack_latency_ms' in told, qos > 0, `QoS ${qos}`);
    }
  });

  it('drains what waited for sessions, all of it', async () => {
    for (const qos of [1, 2]) {
      const told = await report(`drain -S 3 --queue 200 -P 2 -q ${qos}`);
      assert.equal(told.lost, 0);
      assert.equal(told['unacknowledged'], 0);
      assert.ok(Number(told['filled_per_s']) > 0 && told.delivered_per_s! > 0);
    }
  });

  it('hears every retained message once, and leaves none behind', async () => {
    assert.equal((await report('retained --topics 500 -S 2')).lost, 0);
    const client = await RawClient.open(broker.port);
    await client.subscribe('bench/#');
    client.send({ cmd: 'pingreq' });
    await client.next('pingresp');
    client.socket.destroy();
  });

  it('counts connections that come and go', async () => {
    assert.ok(Number((await report('conn -P 5 -t 0.3'))['connects_per_s']) > 0);
  });

  it('measures itself against a sink', async () => {
    const told = await report('sink -t 0.4');
    assert.ok(told.delivered_per_s! > 0);
  });

  it('prints a table where no JSON is asked for, and runs again with the sessions it kept', async () => {
    await report('p2p -P 2 -S 2 -q 1 -t 0.2 --persistent');
    const program = bench('p2p -P 2 -S 2 -q 1 -t 0.2 --persistent');
    assert.equal(await program.ended(), 0, program.stderr);
    assert.match(program.stdout.toString(), /^published +[\d,]+\/s$/m);
    assert.match(program.stdout.toString(), /^lost +0$/m);
  });

  it('ends on SIGINT with what was measured so far', async () => {
    const witness = await RawClient.open(broker.port);
    await witness.subscribe('bench/t/#');
    const program = bench('latency -r 100 -t 600 --json');
    await witness.next('publish');
    program.signal('SIGINT');
    assert.equal(await program.ended(), 0, program.stderr);
    const told = JSON.parse(program.lines[0]!) as Report;
    assert.equal(told.lost, 0);
    assert.equal(typeof told.delivered_per_s, 'number');
    witness.socket.destroy();
  });

  it('says in one sentence what is wrong with the command, with status 2', async () => {
    const program = bench('p2p -q 7');
    assert.equal(await program.ended(), 2);
    assert.equal(program.stderr, 'posmq: --qos must be between 0 and 2, got 7\n');
  });

  it('says in one sentence that nobody is there, with status 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const program = new Program(process.execPath, [COMMAND, 'bench', 'p2p', '--port', port]);
    assert.equal(await program.ended(), 1);
    assert.equal(program.stderr, `posmq: cannot connect to 127.0.0.1:${port}: the connection is refused\n`);
  });
});

describe('posmq bench against a broker that speaks another version', () => {
  it('says so in one sentence, with status 1', async () => {
    // A CONNACK as it was before 5.0, without properties.
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(Buffer.of(0x20, 2, 0, 1));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const program = new Program(process.execPath, [COMMAND, 'bench', 'p2p', '-V', '5', '--port', port]);
    assert.equal(await program.ended(), 1);
    assert.match(program.stderr, /^posmq: the broker sent what is no MQTT: .+\n$/);
    server.close();
  });
});

describe('posmq bench against a broker that loses messages', () => {
  it('says how many, with status 1', async () => {
    const broker = await BrokerProcess.start('--max-queued-messages', '50');
    const program = new Program(process.execPath, [COMMAND, 'bench', 'drain', '-S', 1, '--queue', 80, '--port', broker.port, '--json']);
    assert.equal(await program.ended(), 1);
    assert.equal(program.stderr, 'posmq: 30 messages of 80 were lost\n');
    assert.equal((JSON.parse(program.lines[0]!) as Report).lost, 30);
    broker.signal('SIGTERM');
    assert.equal(await broker.ended(), 0);
  });
});
