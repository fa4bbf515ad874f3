/** Testing what you build on PosMQ: no port, no waiting; the clock is advanced and turns are ended by hand. */
import assert from 'node:assert/strict';
import { createTestBroker, PacketType } from 'posmq/testing';

const bench = await createTestBroker();
const { broker } = bench;

const till = bench.connect();
const will = { topic: 'till/7/state', payload: Buffer.from('lost'), qos: 0, retain: true } as const;
till.send({ type: PacketType.Connect, version: 4, clean: true, keepAlive: 60, clientId: 'till-7', will });
bench.endTurn();
assert.equal(till.take()[0]?.type, PacketType.Connack);

bench.advance(89_900);
assert.equal(till.closed, false);
bench.advance(300);
assert.equal(till.closed, true);
assert.equal(broker.stats.closed['keep-alive-timeout'], 1);
assert.equal(broker.stats.retained.messages, 1);
console.log('after a minute and a half of silence the will was published');

await broker.close();
