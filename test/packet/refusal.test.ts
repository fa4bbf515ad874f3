/** What a broker does about packets that are none: it closes the connection they came on, and nobody else notices. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '../../src/packet/reason-code.js';
import {
  createTestBroker,
  encode,
  PacketType,
  type Packet,
  type TestBroker,
  type TestConnection,
  type Version,
} from '../../src/testing.js';
import type { Disconnect } from '../../src/packet/packet.js';
import type { CloseReason } from '../../src/session/tally.js';
import { badCases } from '../cases/packets.js';
import { bytesOf, publishOf, valueOf, versionsOf, type BadCase } from '../cases/packet-case.js';

const REASONS: ReadonlyMap<ReasonCode, CloseReason> = new Map([
  [ReasonCode.MalformedPacket, 'malformed-packet'],
  [ReasonCode.TopicNameInvalid, 'malformed-packet'],
  [ReasonCode.ProtocolError, 'protocol-error'],
  [ReasonCode.UnsupportedProtocolVersion, 'unsupported-protocol-version'],
]);

test('every broken packet closes its connection with a named reason, which 5.0 is told, and only that one [MQTT-4.8.0-1][MQTT5-4.13.1-1]', async () => {
  const test = await createTestBroker();
  const witness = new Witness(test);
  for (const row of badCases.filter((row) => !isConnect(row))) {
    for (const version of versionsOf(row)) {
      const connection = test.connect();
      connection.send(connect('offender', version));
      test.endTurn();
      assert.equal(connection.take().length, 1);
      expectClosedFor(row, test, () => connection.sendBytes(bytesOf(row)));
      assert.equal(connection.closed, true, row.name);
      assert.deepEqual(connection.take().map(told), version === 5 ? [{ type: PacketType.Disconnect, ...row.error }] : [], row.name);
      witness.isServed();
    }
  }
  assert.equal(test.broker.stats.bugs, 0);
});

test('a broken CONNECT closes its connection unanswered, unless it is of 5.0 or of a version nobody here speaks [MQTT-3.1.4-1][MQTT-3.1.2-2][MQTT5-3.1.4-1]', async () => {
  const test = await createTestBroker();
  const witness = new Witness(test);
  for (const row of badCases.filter(isConnect)) {
    const connection = test.connect();
    // Its version is known behind the fixed header.
    const is5 = row.version === 5 && row.hex.startsWith('10');
    connection.version = is5 ? 5 : 4;
    expectClosedFor(row, test, () => connection.sendBytes(bytesOf(row)));
    assert.equal(connection.closed, true, row.name);
    const isTold = is5 || row.error.reasonCode === ReasonCode.UnsupportedProtocolVersion;
    const answer = { type: PacketType.Connack, sessionPresent: false, ...row.error };
    assert.deepEqual(connection.take().map(told), isTold ? [answer] : [], row.name);
    witness.isServed();
  }
  assert.equal(test.broker.stats.bugs, 0);
});

test('what stands before a broken packet in one segment is done, what stands behind it is not', async () => {
  const test = await createTestBroker();
  const witness = new Witness(test);
  for (const row of badCases.filter((row) => !isConnect(row) && row.version !== 3)) {
    const connection = test.connect();
    const version = row.version ?? 4;
    const before = encode(publishOf('witness', 'before'), version);
    const behind = encode(publishOf('witness', 'behind'), version);
    connection.version = version;
    connection.sendBytes(Buffer.concat([encode(connect('offender', version), version), before, bytesOf(row), behind]));
    witness.hears('before');
    assert.equal(connection.closed, true, row.name);
  }
});

test('a packet larger than is allowed closes its connection as soon as it is announced', async () => {
  const test = await createTestBroker({ maxPacketSize: 1_000 });
  const witness = new Witness(test);
  const connection = test.connect().send(connect('offender', 4));
  connection.sendHex('30 e807'); // a Remaining Length of 1,000
  assert.equal(connection.closed, false);
  connection.hangUp();

  const offender = test.connect().send(connect('offender', 4));
  offender.sendHex('30 e9');
  assert.equal(offender.closed, false);
  offender.sendHex('07');
  assert.equal(offender.closed, true);
  assert.equal(test.broker.stats.closed['packet-too-large'], 1);
  witness.isServed();
});

test('a first packet larger than any CONNECT closes its connection as soon as it is announced, unanswered', async () => {
  const test = await createTestBroker();
  const connection = test.connect().sendHex('10 91 80 14'); // 327,697: five fields of 65,535 bytes, their lengths, and 12 bytes
  assert.equal(connection.closed, false);
  const offender = test.connect().sendHex('10 92 80 14');
  assert.equal(offender.closed, true);
  assert.deepEqual(offender.take(), []);
  assert.equal(test.broker.stats.closed['packet-too-large'], 1);
});

/** A healthy client that hears what it publishes. */
class Witness {
  readonly #test: TestBroker;
  readonly #connection: TestConnection;
  #published = 0;

  constructor(test: TestBroker) {
    this.#test = test;
    const request = { filter: 'witness', qos: 0 } as const;
    this.#connection = test.connect().send(connect('witness', 4), { type: PacketType.Subscribe, packetId: 1, subscriptions: [request] });
    test.endTurn();
    assert.equal(this.#connection.take().length, 2);
  }

  isServed(): void {
    const payload = `${++this.#published}`;
    this.#connection.send(publishOf('witness', payload));
    this.hears(payload);
  }

  hears(payload: string): void {
    this.#test.endTurn();
    assert.deepEqual(this.#connection.take().map(valueOf), [valueOf(publishOf('witness', payload))]);
  }
}

function connect(clientId: string, version: Version): Packet {
  return { type: PacketType.Connect, version, clean: true, keepAlive: 0, clientId };
}

/** A row about CONNECT is one about the first packet of a connection. */
function isConnect({ hex }: BadCase): boolean {
  return hex.startsWith('1');
}

/** An answer without the sentence of its reason, which is for people; there is one where there can be one. */
function told(packet: Packet): object {
  const { properties, ...rest } = packet as Disconnect;
  if (properties === undefined) return rest;
  assert.match(properties.reasonString!, /^[A-Za-z].* /);
  return rest;
}

function expectClosedFor({ name, error }: BadCase, { broker }: TestBroker, offend: () => void): void {
  const reason = REASONS.get(error.reasonCode)!;
  const before = broker.stats.closed;
  offend();
  assert.deepEqual(broker.stats.closed, { ...before, [reason]: before[reason] + 1 }, name);
}
