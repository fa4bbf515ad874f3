/** How many acknowledged messages are lost: a broker is killed under load, and its disk loses its power at the same moment. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../fuzz/random.js';
import { until } from '../util/until.js';
import { losePower } from './power-loss.js';
import { bytesOf, connectPacket, publishPacket, RawClient } from './raw-client.js';

const COMMAND = fileURLToPath(new URL('../../../dist/cli/posmq.js', import.meta.url));
const SHIM = fileURLToPath(new URL('power-loss.so', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../../test/live/power-loss.c', import.meta.url));

export type Durability = 'sync' | 'os' | 'memory';

/** What became of one load. */
export interface Loss {
  readonly acknowledged: number;
  /** Acknowledged messages that are missing after `kill -9`. */
  readonly byKill: number;
  /** Those missing where the disk lost its power too. */
  readonly byPower: number;
}

const PUBLISHERS = 3;
/** PUBLISH packets of one publisher that wait for their PUBACK. */
const WINDOW = 200;
const LONGEST = 4_000;

export function compileShim(): void {
  const { status, stderr } = spawnSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', SHIM, SOURCE, '-ldl'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}

/** @param folder an empty one. @param longest ms until it is killed, at most. */
export async function loseOnce(folder: string, durability: Durability, seed: number, longest = 1_500): Promise<Loss> {
  const random = new Random(seed);
  const place = realpathSync(folder);
  const [data, notes, disk] = [join(place, 'data'), join(place, 'notes'), join(place, 'disk')];
  mkdirSync(data);
  mkdirSync(notes);
  const broker = await Store.open(data, durability, { LD_PRELOAD: SHIM, POWER_LOSS_FOLDER: data, POWER_LOSS_NOTES: notes });
  const away = await RawClient.open(broker.port, { clientId: 'away', clean: false });
  await away.subscribe('loss/#', 1);
  away.send({ cmd: 'disconnect' });
  await until('it is away', () => away.closed);

  const publishers = await Promise.all(Array.from({ length: PUBLISHERS }, (_, i) => Publisher.open(broker.port, String(i), random)));
  await pause(random.below(longest));
  await broker.kill();
  await until('everything that was sent has come', () => publishers.every(({ client }) => client.closed));
  losePower(notes, disk, random);

  const acknowledged = publishers.flatMap(({ acknowledged: names }) => names);
  const missing = async (store: string, isUndamaged: boolean): Promise<number> => {
    const there = await kept(store, durability, isUndamaged);
    return acknowledged.filter((name) => !there.has(name)).length;
  };
  return { acknowledged: acknowledged.length, byKill: await missing(data, true), byPower: await missing(disk, durability === 'sync') };
}

/** The names of all messages the session still has, which come in the order in which each publisher sent them. */
async function kept(data: string, durability: Durability, isUndamaged: boolean): Promise<Set<string>> {
  const broker = await Store.open(data, durability);
  if (isUndamaged) assert.doesNotMatch(broker.log, /"level":"(?:warn|error)"/, 'what was torn is not taken for damage');
  const reader = new RawClient(broker.port);
  reader.send(connectPacket({ clientId: 'away', clean: false }));
  const { sessionPresent } = await reader.next('connack');
  const names = new Set<string>();
  if (sessionPresent) {
    const writer = await RawClient.open(broker.port);
    writer.send(publishPacket('loss/end', 'end', 1, 1));
    const latest = new Map<string, number>();
    for (;;) {
      const { topic, payload, messageId = 0 } = await reader.next('publish');
      if (topic === 'loss/end') break;
      reader.send({ cmd: 'puback', messageId });
      const [name = '', publisher = '', number] = /^(\d+) (\d+)/.exec(payload.toString('latin1', 0, 40)) ?? [];
      assert.ok(Number(number) > (latest.get(publisher) ?? 0), `${name} came after ${latest.get(publisher)}`);
      latest.set(publisher, Number(number));
      names.add(name);
    }
  }
  await broker.kill();
  return names;
}

/** Sends as much as is acknowledged, and notes what is. */
class Publisher {
  readonly acknowledged: string[] = [];
  readonly client: RawClient;
  readonly #name: string;
  readonly #random: Random;
  #sent = 0;
  #answered = 0;

  private constructor(client: RawClient, name: string, random: Random) {
    this.client = client;
    this.#name = name;
    this.#random = random;
    client.socket.on('data', () => this.#heard());
    this.#send();
  }

  static async open(port: number, name: string, random: Random): Promise<Publisher> {
    return new Publisher(await RawClient.open(port), name, random);
  }

  #heard(): void {
    for (const packet of this.client.packets.splice(0)) {
      assert.equal(packet.cmd, 'puback');
      // One after the other, as they were sent.
      assert.equal(packet.messageId, idOf(++this.#answered));
      this.acknowledged.push(`${this.#name} ${this.#answered}`);
    }
    this.#send();
  }

  #send(): void {
    const packets: Buffer[] = [];
    while (this.#sent - this.#answered < WINDOW) {
      const number = ++this.#sent;
      const filler = 'x'.repeat(this.#random.below(this.#random.once(4) ? LONGEST : 100));
      packets.push(bytesOf(publishPacket(`loss/${this.#name}`, `${this.#name} ${number} ${filler}`, 1, idOf(number))));
    }
    if (packets.length > 0) this.client.socket.write(Buffer.concat(packets));
  }
}

function idOf(number: number): number {
  return 1 + ((number - 1) % 65_535);
}

/** None outlives the process that started it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The command on a store. */
class Store {
  readonly port: number;
  /** What it said until it listened. */
  readonly log: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, log: string) {
    this.#child = child;
    this.port = port;
    this.log = log;
  }

  static async open(data: string, durability: Durability, environment: Readonly<Record<string, string>> = {}): Promise<Store> {
    const limits = ['--max-queued-messages', '10000000', '--max-queued-bytes', '10000000000', '--status-interval', '0'];
    const args = [COMMAND, '--host', '127.0.0.1', '--port', '0', '--data', data, '--durability', durability, '--log-format', 'json'];
    const env = { ...process.env, ...environment };
    const child = spawn(process.execPath, [...args, ...limits], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    running.add(child);
    child.on('close', () => running.delete(child));
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const port = (): string | undefined => /"port":(\d+),"msg":"listening"/.exec(log)?.[1];
    await until(`it listens: ${log}`, () => port() !== undefined || child.exitCode !== null);
    assert.ok(port() !== undefined, log);
    return new Store(child, Number(port()), log);
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}
