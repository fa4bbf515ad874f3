/** Our codec beside one that others wrote: both read and write the same bytes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { generate, parser, type Packet as Foreign } from 'mqtt-packet';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, packetName, type Packet, type SubscriptionRequest, type Version, type Will } from '../../src/packet/packet.js';
import type { Properties, UserProperty } from '../../src/packet/properties.js';
import { connectReturnCode, ReasonCode } from '../../src/packet/reason-code.js';
import { goodCases } from '../cases/packets.js';
import { bytesOf, valueOf, versionsOf } from '../cases/packet-case.js';
import { anyPacket, anyVersion } from './arbitrary.js';
import { takeAll } from './reading.js';
import { runs } from '../util/runs.js';

const anyCase = anyVersion.chain((version) => fc.record({ version: fc.constant(version), packet: anyPacket(version).filter(isTaken) }));

test('the oracle writes any packet in the bytes we write', () => {
  fc.assert(
    fc.property(anyCase, ({ version, packet }) => {
      fc.pre(version !== 5 || hasOneSpelling(packet));
      assert.deepEqual(generate(foreign(packet, version), { protocolVersion: version }), encode(packet, version));
    }),
    runs(166),
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
    runs(166),
  );
});

test('the oracle reads what we write', () => {
  fc.assert(
    fc.property(anyCase, ({ version, packet }) => {
      assertReadAs(foreign(packet, version), parsed(encode(packet, version), version));
    }),
    runs(166),
  );
});

test('the oracle reads the rows of the table as we do', () => {
  for (const row of goodCases) {
    if (row.canonical === false || !isTaken(row.packet)) continue;
    for (const version of versionsOf(row)) assertReadAs(foreign(row.packet, version), parsed(bytesOf(row), version));
  }
});

/**
 * What the oracle refuses to write or read, though it is allowed: an empty client identifier for a session that is kept, as 3.1.1 has it,
 * a password without a user name, and an AUTH that is empty. And what it cannot say: user properties with names that are not in a row, or values that are empty.
 */
function isTaken(packet: Packet): boolean {
  if (!areTaken(propertiesOf(packet))) return false;
  if (packet.type === PacketType.Auth) return packet.reasonCode !== ReasonCode.Success || packet.properties !== undefined;
  if (packet.type !== PacketType.Connect) return true;
  if (packet.password !== undefined && packet.username === undefined) return false;
  return areTaken(packet.will?.properties) && (packet.clientId !== '' || (packet.clean && packet.version !== 3));
}

function areTaken(properties: Properties | undefined): boolean {
  const pairs = properties?.userProperties ?? [];
  const names = pairs.map(([name]) => name);
  return new Set(names).size === names.length && pairs.every(([name, value]) => value !== '' && !/^\d+$/.test(name));
}

/** Where 5.0 allows to leave out what says nothing the oracle leaves out less than we do. */
function hasOneSpelling(packet: Packet): boolean {
  switch (packet.type) {
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return packet.properties !== undefined || packet.reasonCode === ReasonCode.Success;
    case PacketType.Disconnect:
    case PacketType.Auth:
      return packet.properties !== undefined;
    default:
      return true;
  }
}

function propertiesOf(packet: Packet): Properties | undefined {
  return 'properties' in packet ? packet.properties : undefined;
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
  return {
    cmd: packetName(packet.type).toLowerCase(),
    ...fieldsOf(packet, version),
    ...foreignProperties(propertiesOf(packet)),
  } as Foreign;
}

function fieldsOf(packet: Packet, version: Version): object {
  switch (packet.type) {
    case PacketType.Connect: {
      const { clean, keepAlive, clientId, will, username, password } = packet;
      const protocol = { protocolId: version === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: version };
      const optional = {
        ...(will === undefined ? undefined : { will: foreignWill(will) }),
        ...(username === undefined ? undefined : { username }),
        ...(password === undefined ? undefined : { password }),
      };
      return { ...protocol, clean, keepalive: keepAlive, clientId, ...optional };
    }
    case PacketType.Connack: {
      const { sessionPresent, reasonCode } = packet;
      return { sessionPresent, ...(version === 5 ? { reasonCode } : { returnCode: connectReturnCode(reasonCode) }) };
    }
    case PacketType.Publish: {
      const { topic, payload, qos, retain, dup, packetId } = packet;
      return { topic, payload, qos, retain, dup, ...(qos === 0 ? undefined : { messageId: packetId }) };
    }
    case PacketType.Subscribe:
      return { messageId: packet.packetId, subscriptions: packet.subscriptions.map((request) => foreignRequest(request, version)) };
    case PacketType.Suback:
      return { messageId: packet.packetId, granted: [...packet.reasonCodes] };
    case PacketType.Unsubscribe:
      return { messageId: packet.packetId, unsubscriptions: [...packet.filters] };
    case PacketType.Unsuback:
      return { messageId: packet.packetId, ...(version === 5 ? { granted: [...packet.reasonCodes] } : undefined) };
    case PacketType.Puback:
    case PacketType.Pubrec:
    case PacketType.Pubrel:
    case PacketType.Pubcomp:
      return { messageId: packet.packetId, ...(version === 5 ? { reasonCode: packet.reasonCode } : undefined) };
    case PacketType.Disconnect:
    case PacketType.Auth:
      return version === 5 ? { reasonCode: packet.reasonCode } : {};
    case PacketType.Pingreq:
    case PacketType.Pingresp:
      return {};
  }
}

function foreignRequest({ filter, qos, noLocal, retainAsPublished, retainHandling }: SubscriptionRequest, version: Version): object {
  return { topic: filter, qos, ...(version === 5 ? { nl: noLocal, rap: retainAsPublished, rh: retainHandling } : undefined) };
}

function foreignWill({ properties, ...will }: Will): object {
  return { ...will, ...foreignProperties(properties) };
}

/** `{ properties }` in the oracle's words, or nothing. */
function foreignProperties(properties: Properties | undefined): object {
  if (properties === undefined) return {};
  const words = Object.entries(properties).map(([name, value]): [string, unknown] => {
    switch (name) {
      case 'payloadFormatIndicator':
        return [name, value === 1];
      case 'subscriptionIdentifiers': {
        const identifiers = value as readonly number[];
        return ['subscriptionIdentifier', identifiers.length === 1 ? identifiers[0] : [...identifiers]];
      }
      case 'subscriptionIdentifierAvailable':
        return ['subscriptionIdentifiersAvailable', value];
      case 'userProperties':
        return [name, Object.assign(Object.create(null) as object, Object.fromEntries(value as readonly UserProperty[]))];
      default:
        return [name, value];
    }
  });
  return { properties: Object.fromEntries(words) };
}
