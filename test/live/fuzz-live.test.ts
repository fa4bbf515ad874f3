import assert from 'node:assert/strict';
import { it } from 'node:test';
import { encode } from 'posmq/testing';
import { announcementOf, brokenPacketOf, connectOf, knownPacketOf, packetOf } from '../fuzz/packets.js';
import { Random } from '../fuzz/random.js';
import { inTime, until } from '../util/until.js';
import { BrokerProcess } from './broker-process.js';
import { RawClient, Witness } from './raw-client.js';

/** What is done to it is decided by this number alone; how it falls together in time is not. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const CONNECTIONS = Number(process.env['FUZZ_CONNECTIONS'] ?? 1_500);
const AT_ONCE = 25;

it(`the running command survives ${CONNECTIONS} connections full of nonsense and serves others meanwhile (FUZZ_SEED=${SEED})`, async () => {
  const broker = await BrokerProcess.start('--max-packet-size', '100000', '--connect-timeout', '5');
  const witness = await Witness.open(broker.port);
  const random = new Random(SEED);
  for (let done = 0; done < CONNECTIONS; done += AT_ONCE) {
    const clients = Array.from({ length: AT_ONCE }, () => misbehave(broker.port, random));
    await witness.isServed();
    await inTime('they are gone', Promise.all(clients));
    await witness.isServed();
  }
  witness.close();
  broker.signal('SIGTERM');
  assert.equal(await broker.ended(), 0);
  assert.deepEqual(
    broker.log.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  );
});

/** A connection on which a few things are sent that may be packets, cut anywhere; it ends in one way or another. */
async function misbehave(port: number, random: Random): Promise<void> {
  const bytes = Buffer.concat([
    ...(random.once(4) ? [] : [encode(connectOf(random), 4)]),
    ...Array.from({ length: random.below(20) }, () => nonsense(random)),
  ]);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);
  const end = random.pick(['end', 'destroy', 'reset'] as const);

  const client = new RawClient(port, { halfOpen: random.once(4), deaf: true });
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    const piece = bytes.subarray(from, cut);
    await new Promise<void>((written) => client.socket.write(piece, () => written()));
    from = cut;
  }
  if (end === 'destroy') client.socket.destroy();
  else if (end === 'reset') client.reset();
  else client.socket.end();
  // The broker closes when it sees the end, if it has not before.
  await until('it is over', () => client.ended);
  client.socket.destroy();
}

function nonsense(random: Random): Buffer {
  const version = random.pick([3, 4, 5] as const);
  switch (random.weighted({ packet: 8, broken: 6, known: 2, announcement: 1, noise: 1 })) {
    case 'packet':
      return encode(packetOf(random, version), version);
    case 'broken':
      return brokenPacketOf(random, version);
    case 'known':
      return knownPacketOf(random);
    case 'announcement':
      return announcementOf(random);
    case 'noise':
      return random.bytes(random.below(200));
  }
}
