/** PINGREQ, PINGRESP and DISCONNECT (MQTT 3.1.1 sections 3.12 to 3.14), and bytes that are no packet at all. */

import { PacketType } from '../../src/packet/packet.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import type { BadCase, GoodCase } from './packet-case.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };

export const bare: readonly GoodCase[] = [
  { name: 'PINGREQ', hex: 'c0 00', packet: { type: PacketType.Pingreq } },
  { name: 'PINGREQ whose Remaining Length takes four bytes', hex: 'c0 80808000', packet: { type: PacketType.Pingreq }, canonical: false },
  { name: 'PINGRESP', hex: 'd0 00', packet: { type: PacketType.Pingresp } },
  { name: 'DISCONNECT', hex: 'e0 00', packet: { type: PacketType.Disconnect, reasonCode: ReasonCode.NormalDisconnection } },
];

export const badBare: readonly BadCase[] = [
  ...['c1', 'c2', 'c4', 'c8', 'cf'].map(
    (first): BadCase => ({ name: `PINGREQ with first byte ${first}`, spec: 'MQTT-2.2.2-2', hex: `${first} 00`, error: MALFORMED }),
  ),
  ...['d1', 'd2', 'd4', 'd8', 'df'].map(
    (first): BadCase => ({ name: `PINGRESP with first byte ${first}`, spec: 'MQTT-2.2.2-2', hex: `${first} 00`, error: MALFORMED }),
  ),
  ...['e1', 'e2', 'e4', 'e8', 'ef'].map(
    (first): BadCase => ({
      name: `DISCONNECT with first byte ${first}`,
      spec: ['MQTT-2.2.2-2', 'MQTT-3.14.1-1'],
      hex: `${first} 00`,
      error: MALFORMED,
    }),
  ),
  { name: 'PINGREQ with a payload', hex: 'c0 01 00', error: MALFORMED },
  { name: 'PINGRESP with a payload', hex: 'd0 01 00', error: MALFORMED },
  { name: 'DISCONNECT with a payload', hex: 'e0 01 00', error: MALFORMED },

  { name: 'a packet of type 0', hex: '00 00', error: MALFORMED },
  { name: 'a packet of type 0 with flags', hex: '0f 02 000a', error: MALFORMED },
  { name: 'a packet of type 15', hex: 'f0 00', error: MALFORMED },
  { name: 'a packet of type 15 with flags', hex: 'ff 00', error: MALFORMED },
  { name: 'a Remaining Length of five bytes', hex: 'c0 ffffffff 7f', error: MALFORMED },
  { name: 'a Remaining Length of five bytes that is 0', hex: 'c0 80808080 00', error: MALFORMED },
  { name: 'a PUBLISH with a Remaining Length that does not end', hex: '30 ffffffff ffffffff', error: MALFORMED },
];
