/** PUBLISH (MQTT 3.1.1 section 3.3). */

import { ReasonCode } from '../../src/packet/reason-code.js';
import { publishOf, type BadCase, type GoodCase } from './packet-case.js';
import { badTexts, field } from './text.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const NO_TOPIC_NAME = { reasonCode: ReasonCode.TopicNameInvalid };
const PROTOCOL_ERROR = { reasonCode: ReasonCode.ProtocolError };

const LONG = 'x'.repeat(65_535);

export const publishes: readonly GoodCase[] = [
  { name: 'PUBLISH at QoS 0', hex: '30 len 0003 "a/b" "hello"', packet: publishOf('a/b', 'hello') },
  { name: 'PUBLISH at QoS 0, retained', hex: '31 len 0003 "a/b" "hello"', packet: publishOf('a/b', 'hello', { retain: true }) },
  { name: 'PUBLISH at QoS 0, empty', hex: '30 len 0003 "a/b"', packet: publishOf('a/b', '') },
  { name: 'PUBLISH at QoS 0, retained and empty', hex: '31 len 0003 "a/b"', packet: publishOf('a/b', '', { retain: true }) },
  {
    name: 'PUBLISH at QoS 0 with a payload that looks like a packet identifier',
    spec: 'MQTT-2.3.1-5',
    hex: '30 len 0003 "a/b" 0000',
    packet: publishOf('a/b', Buffer.of(0, 0)),
  },
  { name: 'PUBLISH at QoS 1', hex: '32 len 0003 "a/b" 000a "hello"', packet: publishOf('a/b', 'hello', { qos: 1, packetId: 10 }) },
  {
    name: 'PUBLISH at QoS 1, retained',
    hex: '33 len 0003 "a/b" 0001 "hello"',
    packet: publishOf('a/b', 'hello', { qos: 1, retain: true, packetId: 1 }),
  },
  {
    name: 'PUBLISH at QoS 1, sent again',
    hex: '3a len 0003 "a/b" ffff "hello"',
    packet: publishOf('a/b', 'hello', { qos: 1, dup: true, packetId: 65_535 }),
  },
  {
    name: 'PUBLISH at QoS 1, sent again and retained',
    hex: '3b len 0003 "a/b" 0100 "hello"',
    packet: publishOf('a/b', 'hello', { qos: 1, dup: true, retain: true, packetId: 256 }),
  },
  { name: 'PUBLISH at QoS 1, empty', hex: '32 len 0003 "a/b" 000a', packet: publishOf('a/b', '', { qos: 1, packetId: 10 }) },
  { name: 'PUBLISH at QoS 2', hex: '34 len 0003 "a/b" 00ff "hello"', packet: publishOf('a/b', 'hello', { qos: 2, packetId: 255 }) },
  {
    name: 'PUBLISH at QoS 2, retained',
    hex: '35 len 0003 "a/b" 000a "hello"',
    packet: publishOf('a/b', 'hello', { qos: 2, retain: true, packetId: 10 }),
  },
  {
    name: 'PUBLISH at QoS 2, sent again',
    hex: '3c len 0003 "a/b" 000a "hello"',
    packet: publishOf('a/b', 'hello', { qos: 2, dup: true, packetId: 10 }),
  },
  {
    name: 'PUBLISH at QoS 2, sent again and retained',
    hex: '3d len 0003 "a/b" 000a "hello"',
    packet: publishOf('a/b', 'hello', { qos: 2, dup: true, retain: true, packetId: 10 }),
  },
  {
    name: 'PUBLISH of a payload that is no text',
    hex: '30 len 0001 "a" 00 ff c0 80',
    packet: publishOf('a', Buffer.of(0, 0xff, 0xc0, 0x80)),
  },
  { name: 'PUBLISH of a payload that looks like a packet', hex: '30 len 0001 "a" c000', packet: publishOf('a', Buffer.of(0xc0, 0)) },
  { name: 'PUBLISH of 127 bytes', hex: `30 7f 0001 "a" "${'x'.repeat(124)}"`, packet: publishOf('a', 'x'.repeat(124)) },
  { name: 'PUBLISH of 128 bytes', hex: `30 8001 0001 "a" "${'x'.repeat(125)}"`, packet: publishOf('a', 'x'.repeat(125)) },
  { name: 'PUBLISH of 16,383 bytes', hex: `30 ff7f 0001 "a" "${'x'.repeat(16_380)}"`, packet: publishOf('a', 'x'.repeat(16_380)) },
  { name: 'PUBLISH of 16,384 bytes', hex: `30 808001 0001 "a" "${'x'.repeat(16_381)}"`, packet: publishOf('a', 'x'.repeat(16_381)) },
  { name: 'PUBLISH to a topic that is a separator', hex: '30 len 0001 "/" "x"', packet: publishOf('/', 'x') },
  { name: 'PUBLISH to a topic with a space and empty levels', hex: '30 len 0006 "/ a// " "x"', packet: publishOf('/ a// ', 'x') },
  { name: 'PUBLISH to a topic that starts with $', hex: '30 len 0006 "$SYS/a" "x"', packet: publishOf('$SYS/a', 'x') },
  {
    name: 'PUBLISH to a topic of characters of one to four bytes',
    hex: '30 len 000a 61 c3a9 e282ac f09f9880 "x"',
    packet: publishOf('aé€😀', 'x'),
  },
  {
    name: 'PUBLISH to a topic with a byte order mark, which is a character like any other',
    spec: 'MQTT-1.5.3-3',
    hex: '32 len 0007 efbbbf "a" efbbbf 000a "x"',
    packet: publishOf('\ufeffa\ufeff', 'x', { qos: 1, packetId: 10 }),
  },
  {
    name: 'PUBLISH to a topic of 65,535 bytes',
    hex: `34 len ffff "${LONG}" 000a "x"`,
    packet: publishOf(LONG, 'x', { qos: 2, packetId: 10 }),
  },
  {
    name: 'PUBLISH whose Remaining Length takes more bytes than it needs',
    hex: '32 8a808000 0003 "a/b" 000a "xyz"',
    packet: publishOf('a/b', 'xyz', { qos: 1, packetId: 10 }),
    canonical: false,
  },
];

export const badPublishes: readonly BadCase[] = [
  { name: 'PUBLISH at QoS 3', spec: 'MQTT-3.3.1-4', hex: '36 len 0003 "a/b" 000a "x"', error: MALFORMED },
  { name: 'PUBLISH at QoS 3, retained', spec: 'MQTT-3.3.1-4', hex: '37 len 0003 "a/b" 000a "x"', error: MALFORMED },
  { name: 'PUBLISH at QoS 3, sent again', spec: 'MQTT-3.3.1-4', hex: '3e len 0003 "a/b" 000a "x"', error: MALFORMED },
  { name: 'PUBLISH at QoS 0, sent again', hex: '38 len 0003 "a/b" "x"', error: MALFORMED },
  { name: 'PUBLISH at QoS 0, sent again and retained', hex: '39 len 0003 "a/b" "x"', error: MALFORMED },

  { name: 'PUBLISH that is empty', spec: 'MQTT-3.3.2-1', hex: '30 00', error: MALFORMED },
  { name: 'PUBLISH that ends in the length of its topic', spec: 'MQTT-3.3.2-1', hex: '30 01 00', error: MALFORMED },
  { name: 'PUBLISH that ends in its topic', spec: 'MQTT-3.3.2-1', hex: '30 len 0003 "a/"', error: MALFORMED },
  { name: 'PUBLISH with a topic longer than it is', spec: 'MQTT-3.3.2-1', hex: '30 len ffff "a/b"', error: MALFORMED },
  { name: 'PUBLISH with an empty topic', spec: 'MQTT-4.7.3-1', hex: '30 len 0000 "x"', error: NO_TOPIC_NAME },
  { name: 'PUBLISH with an empty topic and nothing else', spec: 'MQTT-4.7.3-1', hex: '30 02 0000', error: NO_TOPIC_NAME },
  ...['#', '+', 'a/#', 'a/+', '+/a', 'a+b', 'a#', '/+/'].map((topic): BadCase => {
    const hex = `30 len ${field({ hex: Buffer.from(topic).toString('hex') })} "x"`;
    return { name: `PUBLISH to ${topic}`, spec: ['MQTT-3.3.2-2', 'MQTT-4.7.1-1'], hex, error: NO_TOPIC_NAME };
  }),
  ...badTexts.map((text): BadCase => {
    const hex = `30 len ${field(text)} "x"`;
    return { name: `PUBLISH with ${text.name} in its topic`, spec: [text.spec, 'MQTT-3.3.2-1'], hex, error: MALFORMED };
  }),
  { name: 'PUBLISH at QoS 2 with a NUL in its topic', spec: 'MQTT-4.7.3-2', hex: '34 len 0003 "a" 00 "b" 000a', error: MALFORMED },
  {
    name: 'PUBLISH with a NUL in a topic of more than 128 bytes',
    spec: ['MQTT-1.5.3-2', 'MQTT-4.7.3-2'],
    hex: `30 len 00c9 "${'x'.repeat(200)}" 00 "x"`,
    error: MALFORMED,
  },
  {
    name: 'PUBLISH with a wildcard at the end of a long topic',
    spec: 'MQTT-3.3.2-2',
    hex: `30 len 00ca "${'x'.repeat(200)}/#"`,
    error: NO_TOPIC_NAME,
  },

  { name: 'PUBLISH at QoS 1 without a packet identifier', hex: '32 len 0003 "a/b"', error: MALFORMED },
  { name: 'PUBLISH at QoS 1 with half a packet identifier', hex: '32 len 0003 "a/b" 00', error: MALFORMED },
  { name: 'PUBLISH at QoS 1 with packet identifier 0', spec: 'MQTT-2.3.1-1', hex: '32 len 0003 "a/b" 0000 "x"', error: PROTOCOL_ERROR },
  { name: 'PUBLISH at QoS 2 without a packet identifier', hex: '34 len 0003 "a/b"', error: MALFORMED },
  { name: 'PUBLISH at QoS 2 with half a packet identifier', hex: '34 len 0003 "a/b" 0a', error: MALFORMED },
  { name: 'PUBLISH at QoS 2 with packet identifier 0', spec: 'MQTT-2.3.1-1', hex: '34 len 0003 "a/b" 0000 "x"', error: PROTOCOL_ERROR },
];
