/** Packets → bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { variableIntegerSize, writeVariableInteger } from '../../src/packet/bytes.js';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, packetName, type Packet, type Suback } from '../../src/packet/packet.js';
import { connectReturnCode, isRefusal, ReasonCode, reasonOfReturnCode } from '../../src/packet/reason-code.js';
import { goodCases } from '../cases/packets.js';
import { bytesOf, publishOf, versionsOf } from '../cases/packet-case.js';
import { takeAll } from './reading.js';

test('every packet is written as the table has it [MQTT-2.2.2-1][MQTT-3.6.1-1]', () => {
  for (const row of goodCases) {
    if (row.canonical === false) continue;
    for (const version of versionsOf(row)) assert.deepEqual(encode(row.packet, version), bytesOf(row), row.name);
  }
});

test('a packet that was read is written with the bytes it came in, unless there are better ones', () => {
  for (const row of goodCases) {
    const isPublish = row.packet.type === PacketType.Publish;
    if (row.canonical === false && !isPublish) continue;
    for (const version of versionsOf(row)) {
      const decoder = new Decoder();
      decoder.version = version;
      const [packet] = takeAll(decoder, bytesOf(row));
      assert.deepEqual(encode(packet!, version), bytesOf(row), row.name);
    }
  }
});

test('a CONNACK that refuses has Session Present 0 [MQTT-3.2.2-4]', () => {
  const packet: Packet = { type: PacketType.Connack, sessionPresent: true, reasonCode: ReasonCode.NotAuthorized };
  assert.equal(encode(packet, 4).toString('hex'), '20020005');
});

test('the first byte of a CONNACK of 3.1 is 0, also with a session [MQTT31-5]', () => {
  const packet: Packet = { type: PacketType.Connack, sessionPresent: true, reasonCode: ReasonCode.Success };
  assert.equal(encode(packet, 3).toString('hex'), '20020000');
  assert.equal(encode(packet, 4).toString('hex'), '20020100');
});

test('every refusal has a return code from 1 to 5, and success has 0', () => {
  for (const code of Object.values(ReasonCode)) {
    if (code === ReasonCode.Success) assert.equal(connectReturnCode(code), 0);
    else if (isRefusal(code)) assert.ok([1, 2, 3, 4, 5].includes(connectReturnCode(code)), `reason code ${code}`);
  }
});

test('a return code stands for a reason code that is told by it', () => {
  for (const code of [0, 1, 2, 3, 4, 5]) assert.equal(connectReturnCode(reasonOfReturnCode(code)), code);
});

test('whatever the refusal, the SUBACK of 3.1.1 says 0x80 and that of 3.1, which has no such code, says QoS 0 [MQTT-3.9.3-2]', () => {
  for (const refusal of [ReasonCode.UnspecifiedError, ReasonCode.NotAuthorized, ReasonCode.QuotaExceeded]) {
    const packet: Suback = { type: PacketType.Suback, packetId: 10, reasonCodes: [1, refusal, 2] };
    assert.equal(encode(packet, 4).toString('hex'), '9005000a018002');
    assert.equal(encode(packet, 3).toString('hex'), '9005000a010002');
  }
});

test('an UNSUBACK has no reason codes before 5.0', () => {
  const packet: Packet = { type: PacketType.Unsuback, packetId: 10, reasonCodes: [0, 0x11] };
  assert.equal(encode(packet, 4).toString('hex'), 'b002000a');
});

test('the Remaining Length takes one to four bytes, changing where table 2.4 has it', () => {
  for (const [value, hex] of [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2_097_151, 'ffff7f'],
    [2_097_152, '80808001'],
    [268_435_455, 'ffffff7f'],
  ] as const) {
    const bytes = Buffer.alloc(6, 0xee);
    const end = writeVariableInteger(bytes, 1, value);
    assert.equal(bytes.toString('hex', 1, end), hex);
    assert.equal(variableIntegerSize(value), end - 1);
    assert.deepEqual([bytes[0], bytes[end]], [0xee, 0xee]);
  }
});

test('PUBLISH packets around each length of the fixed header are read as they were written', () => {
  for (const border of [128, 16_384, 2_097_152]) {
    for (let remaining = border - 2; remaining <= border + 2; remaining++) {
      const publish = publishOf('a/b', Buffer.alloc(remaining - 7, 0x61), { qos: 1, packetId: 10 });
      const bytes = encode(publish, 4);
      assert.equal(bytes.length, 1 + variableIntegerSize(remaining) + remaining);
      const [read, ...more] = takeAll(new Decoder(), bytes);
      assert.equal(more.length, 0);
      assert.ok(read?.type === PacketType.Publish && read.payload.equals(publish.payload));
      assert.equal(read.packetId, 10);
    }
  }
});

test('AUTH, a packet of 5.0, is not written for 3.1.1', () => {
  assert.throws(() => encode({ type: PacketType.Auth, reasonCode: ReasonCode.Success }, 4), /AUTH is not a packet of MQTT 3\.1\.1/);
});

test('packet types are named as in the specification', () => {
  for (const [key, type] of Object.entries(PacketType)) assert.equal(packetName(type), key.toUpperCase());
  assert.equal(packetName(0), 'packet type 0');
});
