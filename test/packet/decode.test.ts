/** Bytes → packets: every row of the table, whole, cut anywhere and among others. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../src/packet/decode.js';
import { Decoder } from '../../src/packet/decoder.js';
import { PacketType, type Version } from '../../src/packet/packet.js';
import { MqttError } from '../../src/packet/reason-code.js';
import { badCases, goodCases } from '../cases/packets.js';
import { bytesOf, valueOf, versionsOf, type GoodCase } from '../cases/packet-case.js';
import { cutsOf, feedInPieces, takeAll } from './reading.js';

for (const row of goodCases) {
  test(row.name, () => {
    for (const version of versionsOf(row)) {
      assert.deepEqual(takeAll(reading(version), bytesOf(row)).map(valueOf), [valueOf(row.packet)]);
    }
  });
}

for (const row of badCases) {
  test(`${row.name} is refused`, () => {
    for (const version of versionsOf(row)) {
      const decoder = reading(version);
      decoder.feed(bytesOf(row));
      assert.throws(() => decoder.next(), isRefusal(row.error));
    }
  });
}

test('no two rows of the table have one name', () => {
  const names = [...goodCases, ...badCases].map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
});

test('a packet is read the same wherever it is cut in two', () => {
  for (const row of goodCases) {
    const bytes = bytesOf(row);
    for (const version of versionsOf(row)) {
      for (const cut of cutsOf(bytes)) {
        const packets = feedInPieces(reading(version), [bytes.subarray(0, cut), bytes.subarray(cut)]);
        assert.deepEqual(packets.map(valueOf), [valueOf(row.packet)], `${row.name}, cut at ${cut}`);
      }
    }
  }
});

test('a packet that comes byte by byte is read the same', () => {
  for (const row of goodCases) {
    const bytes = bytesOf(row);
    if (bytes.length > 1_000) continue;
    for (const version of versionsOf(row)) {
      const packets = feedInPieces(
        reading(version),
        Array.from(bytes, (byte) => Buffer.of(byte)),
      );
      assert.deepEqual(packets.map(valueOf), [valueOf(row.packet)], row.name);
    }
  }
});

test('a broken packet is refused for the same reason wherever it is cut in two, and byte by byte', () => {
  for (const row of badCases) {
    const bytes = bytesOf(row);
    const ways = cutsOf(bytes).map((cut) => [bytes.subarray(0, cut), bytes.subarray(cut)]);
    ways.push(Array.from(bytes, (byte) => Buffer.of(byte)));
    for (const version of versionsOf(row)) {
      for (const pieces of ways) {
        assert.throws(() => feedInPieces(reading(version), pieces), isRefusal(row.error), row.name);
      }
    }
  }
});

test('a CONNECT of 3.1.1 or 5.0 that lacks any number of its last bytes is refused', () => {
  for (const row of goodCases) {
    if (row.packet.type !== PacketType.Connect || row.version === 3 || row.canonical === false) continue;
    const whole = bytesOf(row);
    const body = whole.subarray(whole.length < 130 ? 2 : 4);
    for (const length of cutsOf(body)) {
      const hex = `10 len ${body.toString('hex', 0, length)}`;
      assert.throws(() => takeAll(reading(4), bytesOf({ hex })), MqttError, `${row.name}, its first ${length} bytes`);
    }
  }
});

test('many packets in one chunk are read one after the other', () => {
  for (const version of [3, 4, 5] as const) {
    const rows = rowsOf(version);
    const packets = takeAll(reading(version), Buffer.concat(rows.map(bytesOf)));
    assert.deepEqual(
      packets.map(valueOf),
      rows.map(({ packet }) => valueOf(packet)),
    );
  }
});

test('many packets in two chunks are read the same wherever they are cut', () => {
  for (const version of [3, 4, 5] as const) {
    const rows = rowsOf(version).filter((row) => bytesOf(row).length < 100);
    const bytes = Buffer.concat(rows.map(bytesOf));
    const expected = rows.map(({ packet }) => valueOf(packet));
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const packets = feedInPieces(reading(version), [bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert.equal(packets.length, expected.length, `cut at ${cut}`);
      if (cut % 16 === 0) assert.deepEqual(packets.map(valueOf), expected, `cut at ${cut}`);
    }
  }
});

test('packets that were read are the same after their chunk was written over, once they are kept', () => {
  for (const version of [3, 4, 5] as const) {
    const rows = rowsOf(version);
    const chunk = Buffer.concat(rows.map(bytesOf));
    const packets = takeAll(reading(version), chunk);
    chunk.fill(0xee);
    assert.deepEqual(
      packets.map(valueOf),
      rows.map(({ packet }) => valueOf(packet)),
    );
  }
});

test('packets that were not read yet are the same after their chunk was written over, once the decoder keeps them', () => {
  const rows = rowsOf(4);
  const bytes = Buffer.concat(rows.map(bytesOf));
  for (let first = 0; first <= rows.length; first += 7) {
    const decoder = reading(4);
    const chunk = Buffer.from(bytes);
    decoder.feed(chunk);
    for (let i = 0; i < first; i++) decoder.next();
    decoder.keep();
    chunk.fill(0xee);
    assert.deepEqual(
      takeAll(decoder).map(valueOf),
      rows.slice(first).map(({ packet }) => valueOf(packet)),
    );
  }
});

test('what comes while packets wait to be read is read after them', () => {
  const rows = rowsOf(4);
  const decoder = reading(4);
  for (const row of rows) {
    const chunk = bytesOf(row);
    decoder.feed(chunk);
    decoder.keep();
    chunk.fill(0xee);
  }
  assert.deepEqual(
    takeAll(decoder).map(valueOf),
    rows.map(({ packet }) => valueOf(packet)),
  );
});

test('only the first bytes of a chunk that were said to have come are read', () => {
  const decoder = reading(4);
  decoder.feed(Buffer.from('c000c000', 'hex'), 3);
  assert.equal(takeAll(decoder).length, 1);
  decoder.feed(Buffer.from('00c0', 'hex'), 1);
  assert.equal(takeAll(decoder).length, 1);
});

test('a packet is read where it stands, among bytes that are not its own', () => {
  for (const row of goodCases) {
    const own = bytesOf(row);
    const bytes = Buffer.concat([Buffer.alloc(3, 0xff), own, Buffer.alloc(3, 0xff)]);
    const body = 1 + own.subarray(1).findIndex((byte) => byte < 128) + 1;
    for (const version of versionsOf(row)) {
      const packet = decode(bytes, 3, 3 + body, 3 + own.length, version, false);
      assert.deepEqual(valueOf(packet), valueOf(row.packet), row.name);
    }
  }
});

function reading(version: Version): Decoder {
  const decoder = new Decoder();
  decoder.version = version;
  return decoder;
}

function rowsOf(version: Version): GoodCase[] {
  return goodCases.filter((row) => versionsOf(row).includes(version));
}

function isRefusal({ reasonCode }: { readonly reasonCode: number }): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MqttError, String(error));
    assert.equal(error.reasonCode, reasonCode, error.message);
    return true;
  };
}
