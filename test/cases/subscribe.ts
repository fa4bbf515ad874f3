/** SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK (MQTT 3.1.1 sections 3.8 to 3.11). */

import { PacketType, type QoS } from '../../src/packet/packet.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import type { BadCase, GoodCase } from './packet-case.js';
import { badTexts, field } from './text.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const PROTOCOL_ERROR = { reasonCode: ReasonCode.ProtocolError };

function subscribe(packetId: number, ...subscriptions: readonly (readonly [filter: string, qos: QoS])[]): GoodCase['packet'] {
  return { type: PacketType.Subscribe, packetId, subscriptions: subscriptions.map(([filter, qos]) => ({ filter, qos })) };
}

function suback(packetId: number, ...reasonCodes: readonly ReasonCode[]): GoodCase['packet'] {
  return { type: PacketType.Suback, packetId, reasonCodes };
}

function unsubscribe(packetId: number, ...filters: readonly string[]): GoodCase['packet'] {
  return { type: PacketType.Unsubscribe, packetId, filters };
}

const WRONG_FLAGS = '013456789bcdef'.split('');
const LONG = 'x'.repeat(65_535);

export const subscribes: readonly GoodCase[] = [
  { name: 'SUBSCRIBE at QoS 0', hex: '82 len 000a 0003 "a/b" 00', packet: subscribe(10, ['a/b', 0]) },
  { name: 'SUBSCRIBE at QoS 1', hex: '82 len ffff 0003 "a/b" 01', packet: subscribe(65_535, ['a/b', 1]) },
  { name: 'SUBSCRIBE at QoS 2', hex: '82 len 0001 0003 "a/b" 02', packet: subscribe(1, ['a/b', 2]) },
  {
    name: 'SUBSCRIBE to several filters',
    hex: '82 len 000a 0001 "#" 02 0001 "+" 00 0005 "a/+/#" 01',
    packet: subscribe(10, ['#', 2], ['+', 0], ['a/+/#', 1]),
  },
  { name: 'SUBSCRIBE to the same filter twice', hex: '82 len 000a 0001 "a" 02 0001 "a" 00', packet: subscribe(10, ['a', 2], ['a', 0]) },
  {
    name: 'SUBSCRIBE to a filter with a byte order mark, which is a character like any other',
    spec: 'MQTT-1.5.3-3',
    hex: '82 len 000a 0004 efbbbf "a" 00',
    packet: subscribe(10, ['\ufeffa', 0]),
  },
  { name: 'SUBSCRIBE to a filter of 65,535 bytes', hex: `82 len 000a ffff "${LONG}" 01`, packet: subscribe(10, [LONG, 1]) },
  {
    name: 'SUBSCRIBE of 3.1 sent again',
    spec: 'MQTT31-7',
    version: 3,
    hex: '8a len 000a 0003 "a/b" 01',
    packet: subscribe(10, ['a/b', 1]),
    canonical: false,
  },

  { name: 'SUBACK', hex: '90 len 000a 00', packet: suback(10, ReasonCode.GrantedQoS0) },
  {
    name: 'SUBACK with every return code',
    spec: 'MQTT-3.9.3-2',
    version: 4,
    hex: '90 len ffff 02 01 80 00',
    packet: suback(65_535, ReasonCode.GrantedQoS2, ReasonCode.GrantedQoS1, ReasonCode.UnspecifiedError, ReasonCode.GrantedQoS0),
  },

  { name: 'UNSUBSCRIBE', hex: 'a2 len 000a 0003 "a/b"', packet: unsubscribe(10, 'a/b') },
  {
    name: 'UNSUBSCRIBE from several filters',
    hex: 'a2 len ffff 0001 "#" 0001 "+" 0003 "a/b"',
    packet: unsubscribe(65_535, '#', '+', 'a/b'),
  },
  { name: 'UNSUBSCRIBE from a filter of 65,535 bytes', hex: `a2 len 000a ffff "${LONG}"`, packet: unsubscribe(10, LONG) },
  {
    name: 'UNSUBSCRIBE of 3.1 sent again',
    spec: 'MQTT31-7',
    version: 3,
    hex: 'aa len 000a 0003 "a/b"',
    packet: unsubscribe(10, 'a/b'),
    canonical: false,
  },

  { name: 'UNSUBACK', hex: 'b0 02 000a', packet: { type: PacketType.Unsuback, packetId: 10, reasonCodes: [] } },
];

export const badSubscribes: readonly BadCase[] = [
  ...WRONG_FLAGS.flatMap((flags): BadCase[] => [
    {
      name: `SUBSCRIBE with first byte 8${flags}`,
      spec: ['MQTT-3.8.1-1', 'MQTT-2.2.2-2'],
      hex: `8${flags} len 000a 0003 "a/b" 01`,
      error: MALFORMED,
    },
    {
      name: `UNSUBSCRIBE with first byte a${flags}`,
      spec: ['MQTT-3.10.1-1', 'MQTT-2.2.2-2'],
      hex: `a${flags} len 000a 0003 "a/b"`,
      error: MALFORMED,
    },
  ]),
  { name: 'SUBSCRIBE of 3.1.1 with DUP', spec: 'MQTT-3.8.1-1', version: 4, hex: '8a len 000a 0003 "a/b" 01', error: MALFORMED },
  { name: 'UNSUBSCRIBE of 3.1.1 with DUP', spec: 'MQTT-3.10.1-1', version: 4, hex: 'aa len 000a 0003 "a/b"', error: MALFORMED },

  { name: 'SUBSCRIBE that is empty', hex: '82 00', error: MALFORMED },
  { name: 'SUBSCRIBE with half a packet identifier', hex: '82 01 00', error: MALFORMED },
  { name: 'SUBSCRIBE of packet identifier 0', spec: 'MQTT-2.3.1-1', hex: '82 len 0000 0003 "a/b" 01', error: PROTOCOL_ERROR },
  { name: 'SUBSCRIBE without a filter', spec: 'MQTT-3.8.3-3', hex: '82 02 000a', error: PROTOCOL_ERROR },
  { name: 'SUBSCRIBE that ends in the length of its filter', hex: '82 len 000a 00', error: MALFORMED },
  { name: 'SUBSCRIBE that ends in its filter', hex: '82 len 000a 0003 "a/"', error: MALFORMED },
  { name: 'SUBSCRIBE that ends before its QoS', hex: '82 len 000a 0003 "a/b"', error: MALFORMED },
  { name: 'SUBSCRIBE that ends before its second QoS', hex: '82 len 000a 0003 "a/b" 01 0003 "a/c"', error: MALFORMED },
  { name: 'SUBSCRIBE with a byte too many', hex: '82 len 000a 0003 "a/b" 01 00', error: MALFORMED },
  ...[0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff].map((options): BadCase => {
    const hex = `82 len 000a 0003 "a/b" ${options.toString(16).padStart(2, '0')}`;
    return { name: `SUBSCRIBE with a QoS byte of ${options}`, spec: 'MQTT-3.8.3-4', hex, error: MALFORMED };
  }),
  { name: 'SUBSCRIBE at QoS 3 for its second filter', spec: 'MQTT-3.8.3-4', hex: '82 len 000a 0001 "a" 01 0001 "b" 03', error: MALFORMED },
  ...badTexts.map((text): BadCase => {
    const hex = `82 len 000a ${field(text)} 01`;
    return { name: `SUBSCRIBE with ${text.name} in its filter`, spec: [text.spec, 'MQTT-3.8.3-1'], hex, error: MALFORMED };
  }),

  { name: 'SUBACK with first byte 91', spec: 'MQTT-2.2.2-2', hex: '91 len 000a 00', error: MALFORMED },
  { name: 'SUBACK of packet identifier 0', hex: '90 len 0000 00', error: PROTOCOL_ERROR },
  { name: 'SUBACK without a return code', hex: '90 02 000a', error: PROTOCOL_ERROR },
  { name: 'SUBACK with return code 3', spec: 'MQTT-3.9.3-2', hex: '90 len 000a 03', error: MALFORMED },
  { name: 'SUBACK with a return code of 5.0', spec: 'MQTT-3.9.3-2', hex: '90 len 000a 00 87', error: MALFORMED },
  { name: 'SUBACK with half a packet identifier', hex: '90 01 00', error: MALFORMED },

  { name: 'UNSUBSCRIBE that is empty', hex: 'a2 00', error: MALFORMED },
  { name: 'UNSUBSCRIBE with half a packet identifier', hex: 'a2 01 00', error: MALFORMED },
  { name: 'UNSUBSCRIBE of packet identifier 0', spec: 'MQTT-2.3.1-1', hex: 'a2 len 0000 0003 "a/b"', error: PROTOCOL_ERROR },
  { name: 'UNSUBSCRIBE without a filter', spec: 'MQTT-3.10.3-2', hex: 'a2 02 000a', error: PROTOCOL_ERROR },
  { name: 'UNSUBSCRIBE that ends in the length of its filter', hex: 'a2 len 000a 00', error: MALFORMED },
  { name: 'UNSUBSCRIBE that ends in its filter', hex: 'a2 len 000a 0003 "a/"', error: MALFORMED },
  { name: 'UNSUBSCRIBE with a byte too many', spec: 'MQTT-3.10.3-1', hex: 'a2 len 000a 0003 "a/b" 00', error: MALFORMED },
  ...badTexts.map((text): BadCase => {
    const hex = `a2 len 000a ${field(text)}`;
    return { name: `UNSUBSCRIBE with ${text.name} in its filter`, spec: [text.spec, 'MQTT-3.10.3-1'], hex, error: MALFORMED };
  }),

  { name: 'UNSUBACK with first byte b2', spec: 'MQTT-2.2.2-2', hex: 'b2 02 000a', error: MALFORMED },
  { name: 'UNSUBACK of packet identifier 0', hex: 'b0 02 0000', error: PROTOCOL_ERROR },
  { name: 'UNSUBACK that is empty', hex: 'b0 00', error: MALFORMED },
  { name: 'UNSUBACK with a byte too many', hex: 'b0 03 000a 00', error: MALFORMED },
];
