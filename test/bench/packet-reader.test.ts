import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PacketReader } from '../../src/bench/packet-reader.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, type Packet, type QoS, type Version } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import type { Properties } from '../../src/packet/properties.js';
import { ReasonCode } from '../../src/packet/reason-code.js';

/** What a reader tells, in words. */
class Listener {
  readonly told: string[] = [];
  readonly published = (first: number, packetId: number, stamp: number): void =>
    void this.told.push(`publish ${first.toString(16)} id ${packetId} stamp ${stamp}`);
  readonly acknowledged = (type: number, packetId: number, code: number): void =>
    void this.told.push(`ack ${type} id ${packetId} code ${code}`);
  readonly answered = (bytes: Buffer, start: number, body: number, end: number): void =>
    void this.told.push(`packet ${bytes.toString('hex', start, end)} body at ${body - start}`);
}

function told(version: Version, pieces: readonly Buffer[]): string[] {
  const listener = new Listener();
  const reader = new PacketReader(version, listener);
  // What a reader keeps must be its own: every piece comes in the same memory.
  const shared = Buffer.alloc(Math.max(...pieces.map((piece) => piece.length)));
  for (const piece of pieces) {
    piece.copy(shared);
    reader.read(shared, piece.length);
    shared.fill(0xff);
  }
  return listener.told;
}

function publish(
  version: Version,
  qos: QoS,
  payload: Buffer,
  { properties, retain = false }: { properties?: Properties; retain?: boolean } = {},
): Buffer {
  return Publish.of({ topic: 'bench/t/1', payload, qos, retain, version, packetId: qos === 0 ? 0 : 258, properties }).bytes;
}

function stamped(stamp: number, length: number): Buffer {
  const payload = Buffer.alloc(length, 'x');
  payload.writeInt32BE(stamp);
  return payload;
}

function conversation(version: Version): Buffer {
  const acknowledgements: readonly Packet[] = [PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp].map((type) => ({
    type,
    packetId: 0x1234,
    reasonCode: version === 5 && type === PacketType.Puback ? ReasonCode.NoMatchingSubscribers : ReasonCode.Success,
  }));
  const properties = version === 5 ? { userProperties: [['k', 'v'.repeat(150)]] as const } : undefined;
  return Buffer.concat([
    encode({ type: PacketType.Connack, sessionPresent: false, reasonCode: ReasonCode.Success }, version),
    publish(version, 0, stamped(7, 16)),
    publish(version, 1, stamped(-2, 4)),
    publish(version, 2, stamped(2 ** 31 - 1, 200), properties === undefined ? {} : { properties }),
    ...acknowledgements.map((packet) => encode(packet, version)),
    publish(version, 0, Buffer.from('abc')),
    publish(version, 1, Buffer.alloc(0), { retain: true }),
    encode({ type: PacketType.Pingresp }, version),
  ]);
}

const CONNACK: Readonly<Record<Version, string>> = {
  3: 'packet 20020000 body at 2',
  4: 'packet 20020000 body at 2',
  5: 'packet 2003000000 body at 2',
};

function expected(version: Version): string[] {
  return [
    CONNACK[version],
    'publish 30 id 0 stamp 7',
    'publish 32 id 258 stamp -2',
    'publish 34 id 258 stamp 2147483647',
    `ack 4 id 4660 code ${version === 5 ? 16 : 0}`,
    'ack 5 id 4660 code 0',
    'ack 6 id 4660 code 0',
    'ack 7 id 4660 code 0',
    'publish 30 id 0 stamp 0',
    'publish 33 id 258 stamp 0',
    'packet d000 body at 2',
  ];
}

describe('the packet reader', () => {
  for (const version of [3, 4, 5] as const) {
    const bytes = conversation(version);

    it(`tells of every packet of version ${version} once, wherever the bytes are cut in two`, () => {
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepEqual(told(version, [bytes.subarray(0, cut), bytes.subarray(cut)]), expected(version), `cut at ${cut}`);
      }
    });

    it(`tells of every packet of version ${version} once, in pieces of any length`, () => {
      for (let length = 1; length <= bytes.length; length++) {
        const pieces = Array.from({ length: Math.ceil(bytes.length / length) }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
        assert.deepEqual(told(version, pieces), expected(version), `pieces of ${length}`);
      }
    });
  }

  it('tells of a large message when its last byte has come, not before', () => {
    const bytes = publish(4, 1, stamped(5, 100_000));
    for (const cut of [1, 3, 15, 20, 4_095, 4_096, 4_097, 50_000, bytes.length - 1]) {
      const listener = new Listener();
      const reader = new PacketReader(4, listener);
      reader.read(bytes.subarray(0, cut), cut);
      assert.deepEqual(listener.told, [], `after ${cut} bytes`);
      reader.read(bytes.subarray(cut), bytes.length - cut);
      assert.deepEqual(listener.told, ['publish 32 id 258 stamp 5'], `cut at ${cut}`);
    }
  });

  it('reads on behind a large message that was cut', () => {
    const bytes = Buffer.concat([publish(4, 0, stamped(1, 10_000)), publish(4, 0, stamped(2, 10_000)), publish(4, 0, stamped(3, 16))]);
    for (let cut = 1; cut < bytes.length; cut += 7) {
      const stamps = told(4, [bytes.subarray(0, cut), bytes.subarray(cut)]).map((line) => line.split(' ').at(-1));
      assert.deepEqual(stamps, ['1', '2', '3'], `cut at ${cut}`);
    }
  });

  it('refuses what is no MQTT', () => {
    const read = (bytes: Buffer): string[] => told(4, [bytes]);
    assert.throws(() => read(Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 1)), /longer than four bytes/);
    assert.throws(
      () => read(Buffer.concat([Buffer.of(0x90, 0xff, 0x7f), Buffer.alloc(5_000)])),
      /longer than 4096 bytes before its payload/,
    );
  });
});
