/** PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 3.1.1 sections 3.4 to 3.7). */

import { PacketType, type Acknowledgement } from '../../src/packet/packet.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import type { BadCase, GoodCase } from './packet-case.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const PROTOCOL_ERROR = { reasonCode: ReasonCode.ProtocolError };

function acknowledgement(type: Acknowledgement['type'], packetId: number): Acknowledgement {
  return { type, packetId, reasonCode: ReasonCode.Success };
}

const KINDS = [
  { word: 'PUBACK', type: PacketType.Puback, first: '40' },
  { word: 'PUBREC', type: PacketType.Pubrec, first: '50' },
  { word: 'PUBREL', type: PacketType.Pubrel, first: '62' },
  { word: 'PUBCOMP', type: PacketType.Pubcomp, first: '70' },
] as const;

/** Every first byte of a type but the right one. */
function wrongFirstBytes(first: string, tolerated: readonly string[] = []): string[] {
  const all = Array.from({ length: 16 }, (_, flags) => `${first[0]}${flags.toString(16)}`);
  return all.filter((wrong) => wrong !== first && !tolerated.includes(wrong));
}

export const acknowledgements: readonly GoodCase[] = [
  ...KINDS.flatMap(({ word, type, first }): GoodCase[] => [
    { name: word, hex: `${first} 02 000a`, packet: acknowledgement(type, 10) },
    { name: `${word} of packet identifier 1`, hex: `${first} 02 0001`, packet: acknowledgement(type, 1) },
    { name: `${word} of packet identifier 256`, hex: `${first} 02 0100`, packet: acknowledgement(type, 256) },
    { name: `${word} of packet identifier 65,535`, hex: `${first} 02 ffff`, packet: acknowledgement(type, 65_535) },
  ]),
  {
    name: 'PUBREL of 3.1 sent again',
    spec: 'MQTT31-7',
    version: 3,
    hex: '6a 02 000a',
    packet: acknowledgement(PacketType.Pubrel, 10),
    canonical: false,
  },
];

export const badAcknowledgements: readonly BadCase[] = [
  ...KINDS.flatMap(({ word, first }): BadCase[] => [
    { name: `${word} that is empty`, hex: `${first} 00`, error: MALFORMED },
    { name: `${word} with half a packet identifier`, hex: `${first} 01 00`, error: MALFORMED },
    { name: `${word} with a byte too many`, hex: `${first} 03 000a 00`, error: MALFORMED },
    { name: `${word} of packet identifier 0`, hex: `${first} 02 0000`, error: PROTOCOL_ERROR },
  ]),
  ...KINDS.filter(({ type }) => type !== PacketType.Pubrel).flatMap(({ word, first }) =>
    wrongFirstBytes(first).map(
      (wrong): BadCase => ({ name: `${word} with first byte ${wrong}`, spec: 'MQTT-2.2.2-2', hex: `${wrong} 02 000a`, error: MALFORMED }),
    ),
  ),
  ...wrongFirstBytes('62', ['6a']).map(
    (wrong): BadCase => ({ name: `PUBREL with first byte ${wrong}`, spec: 'MQTT-3.6.1-1', hex: `${wrong} 02 000a`, error: MALFORMED }),
  ),
  { name: 'PUBREL of 3.1.1 with DUP', spec: ['MQTT-3.6.1-1', 'MQTT-2.2.2-2'], version: 4, hex: '6a 02 000a', error: MALFORMED },
];
