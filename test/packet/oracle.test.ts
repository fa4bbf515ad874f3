/** Our codec beside one that others wrote: both read and write the same bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { generate, parser, type Packet as Foreign } from 'mqtt-packet';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, packetName, type Packet, type Version } from '../../src/packet/packet.js';
import { connectReturnCode } from '../../src/packet/reason-code.js';
import { goodCases } from '../cases/packets.js';
import { bytesOf, valueOf, versionsOf } from '../cases/packet-case.js';
import { anyPacket, anyVersion } from './arbitrary.js';
import { takeAll } from './reading.js';

const anyCase = anyVersion.chain((version) => fc.record({ version: fc.constant(version), packet: anyPacket(version).filter(isTaken) }));

test('the oracle writes any packet in the bytes we write', () => {
  fc.assert(
    fc.property(anyCase, ({ version, packet }) => {
      assert.deepEqual(generate(foreign(packet, version), { protocolVersion: version }), encode(packet, version));
    }),
    { numRuns: 500 },
  );
});

test('we read what the oracle writes', () => {
  fc.assert(
    fc.property(anyCase, ({ version, packet }) => {
      const decoder = new Decoder();
      decoder.version = version;
      const bytes = generate(foreign(packet, version), { protocolVersion: version });
      assert.deepEqual(takeAll(decoder, bytes).map(valueOf), [valueOf(packet)]);
    }),
    { numRuns: 500 },
  );
});

test('the oracle reads what we write', () => {
  fc.assert(
    fc.property(anyCase, ({ version, packet }) => {
      assertReadAs(foreign(packet, version), parsed(encode(packet, version), version));
    }),
    { numRuns: 500 },
  );
});

test('the oracle reads the rows of the table as we do', () => {
  for (const row of goodCases) {
    if (row.canonical === false || !isTaken(row.packet)) continue;
    for (const version of versionsOf(row)) assertReadAs(foreign(row.packet, version), parsed(bytesOf(row), version));
  }
});

/** What the oracle refuses to write or read, though it is allowed: an empty client identifier for a session that is kept, as 3.1.1 has it. */
function isTaken(packet: Packet): boolean {
  if (packet.type !== PacketType.Connect) return true;
  return packet.clientId !== '' || (packet.clean && packet.version === 4);
}

function parsed(bytes: Buffer, version: Version): Foreign[] {
  const packets: Foreign[] = [];
  const reader = parser({ protocolVersion: version });
  reader.on('packet', (packet) => packets.push(packet));
  reader.on('error', (error) => assert.fail(`the oracle says: ${String(error)}`));
  reader.parse(bytes);
  return packets;
}

/** What it read has every field that was written; it fills others with words of its own. */
function assertReadAs(written: Foreign, [read, ...more]: readonly Foreign[]): void {
  assert.equal(more.length, 0);
  const fields = read as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(written)) {
    const found = fields[name];
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && !Buffer.isBuffer(value)) {
      assert.deepEqual({ ...(found as object) }, value, name);
    } else {
      assert.deepEqual(found, value, name);
    }
  }
}

/** A packet in the oracle's words. */
function foreign(packet: Packet, version: Version): Foreign {
  const cmd = packetName(packet.type).toLowerCase();
  switch (packet.type) {
    case PacketType.Connect: {
      const { clean, keepAlive, clientId, will, username, password } = packet;
      const protocol = version === 3 ? { protocolId: 'MQIsdp', protocolVersion: 3 } : { protocolId: 'MQTT', protocolVersion: 4 };
      const optional = {
        ...(will === undefined ? undefined : { will }),
        ...(username === undefined ? undefined : { username }),
        ...(password === undefined ? undefined : { password }),
      };
      return { cmd, ...protocol, clean, keepalive: keepAlive, clientId, ...optional } as Foreign;
    }
    case PacketType.Connack:
      return { cmd, sessionPresent: packet.sessionPresent, returnCode: connectReturnCode(packet.reasonCode) } as Foreign;
    case PacketType.Publish: {
      const { topic, payload, qos, retain, dup, packetId } = packet;
      return { cmd, topic, payload, qos, retain, dup, ...(qos === 0 ? undefined : { messageId: packetId }) } as Foreign;
    }
    case PacketType.Subscribe: {
      const subscriptions = packet.subscriptions.map(({ filter, qos }) => ({ topic: filter, qos }));
      return { cmd, messageId: packet.packetId, subscriptions } as Foreign;
    }
    case PacketType.Suback:
      return { cmd, messageId: packet.packetId, granted: [...packet.reasonCodes] } as Foreign;
    case PacketType.Unsubscribe:
      return { cmd, messageId: packet.packetId, unsubscriptions: [...packet.filters] } as Foreign;
    case PacketType.Unsuback:
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return { cmd, messageId: packet.packetId } as Foreign;
    case PacketType.Pingreq:
    case PacketType.Pingresp:
    case PacketType.Disconnect:
    case PacketType.Auth:
      return { cmd } as Foreign;
  }
}
