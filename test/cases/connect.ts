/** CONNECT and CONNACK (MQTT 3.1.1 sections 3.1 and 3.2). */

import { PacketType, type Connack, type Connect, type Will } from '../../src/packet/packet.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import type { BadCase, GoodCase } from './packet-case.js';
import { badTexts, field } from './text.js';

const MALFORMED = { reasonCode: ReasonCode.MalformedPacket };
const UNSUPPORTED = { reasonCode: ReasonCode.UnsupportedProtocolVersion };

/** Everything before the Connect Flags. */
const MQTT = '10 len 0004 "MQTT" 04';
const MQISDP = '10 len 0006 "MQIsdp" 03';

function connect(fields: Partial<Connect> = {}): Connect {
  return { type: PacketType.Connect, version: 4, clean: true, keepAlive: 60, clientId: 'abc', ...fields };
}

function will(fields: Partial<Will> = {}): Will {
  return { topic: 'w', payload: Buffer.from('bye'), qos: 0, retain: false, ...fields };
}

function connack(reasonCode: ReasonCode, sessionPresent = false): Connack {
  return { type: PacketType.Connack, sessionPresent, reasonCode };
}

const A_WILL = '0001 "w" 0003 "bye"';
const LONG = 'x'.repeat(65_535);

export const connects: readonly GoodCase[] = [
  { name: 'CONNECT for a clean session', version: 4, hex: `${MQTT} 02 003c 0003 "abc"`, packet: connect() },
  { name: 'CONNECT for a session that is kept', version: 4, hex: `${MQTT} 00 003c 0003 "abc"`, packet: connect({ clean: false }) },
  { name: 'CONNECT without keep-alive', version: 4, hex: `${MQTT} 02 0000 0003 "abc"`, packet: connect({ keepAlive: 0 }) },
  { name: 'CONNECT with the longest keep-alive', version: 4, hex: `${MQTT} 02 ffff 0003 "abc"`, packet: connect({ keepAlive: 65_535 }) },
  { name: 'CONNECT with an empty client identifier', version: 4, hex: `${MQTT} 02 003c 0000`, packet: connect({ clientId: '' }) },
  {
    name: 'CONNECT with a client identifier of 23 characters',
    version: 4,
    hex: `${MQTT} 02 003c 0017 "0123456789abcdefgXYZABC"`,
    packet: connect({ clientId: '0123456789abcdefgXYZABC' }),
  },
  {
    name: 'CONNECT with a client identifier of 65,535 bytes',
    version: 4,
    hex: `${MQTT} 02 003c ffff "${LONG}"`,
    packet: connect({ clientId: LONG }),
  },
  {
    name: 'CONNECT with characters of one to four bytes',
    version: 4,
    hex: `${MQTT} 02 003c 000a 61 c3a9 e282ac f09f9880`,
    packet: connect({ clientId: 'aé€😀' }),
  },
  {
    name: 'CONNECT with a byte order mark in its client identifier, which is a character like any other',
    spec: 'MQTT-1.5.3-3',
    version: 4,
    hex: `${MQTT} 02 003c 0007 efbbbf 61 efbbbf`,
    packet: connect({ clientId: '\ufeffa\ufeff' }),
  },
  {
    name: 'CONNECT with U+FFFF and control characters, which are allowed',
    version: 4,
    hex: `${MQTT} 02 003c 0005 01 7f efbfbf`,
    packet: connect({ clientId: '\u0001\u007f\uffff' }),
  },
  { name: 'CONNECT with a will', version: 4, hex: `${MQTT} 06 003c 0003 "abc" ${A_WILL}`, packet: connect({ will: will() }) },
  {
    name: 'CONNECT with a will at QoS 1',
    spec: 'MQTT-3.1.2-9',
    version: 4,
    hex: `${MQTT} 0e 003c 0003 "abc" ${A_WILL}`,
    packet: connect({ will: will({ qos: 1 }) }),
  },
  {
    name: 'CONNECT with a will at QoS 2',
    spec: ['MQTT-3.1.2-9', 'MQTT-3.1.2-14'],
    version: 4,
    hex: `${MQTT} 16 003c 0003 "abc" ${A_WILL}`,
    packet: connect({ will: will({ qos: 2 }) }),
  },
  {
    name: 'CONNECT with a will that is retained',
    spec: 'MQTT-3.1.2-9',
    version: 4,
    hex: `${MQTT} 26 003c 0003 "abc" ${A_WILL}`,
    packet: connect({ will: will({ retain: true }) }),
  },
  {
    name: 'CONNECT with a will at QoS 2 that is retained, for a session that is kept',
    version: 4,
    hex: `${MQTT} 34 003c 0003 "abc" ${A_WILL}`,
    packet: connect({ clean: false, will: will({ qos: 2, retain: true }) }),
  },
  {
    name: 'CONNECT with an empty will',
    version: 4,
    hex: `${MQTT} 06 003c 0003 "abc" 0001 "w" 0000`,
    packet: connect({ will: will({ payload: Buffer.alloc(0) }) }),
  },
  {
    name: 'CONNECT with a will that is no text',
    version: 4,
    hex: `${MQTT} 06 003c 0003 "abc" 0001 "w" 0004 00 ff c0 80`,
    packet: connect({ will: will({ payload: Buffer.of(0, 0xff, 0xc0, 0x80) }) }),
  },
  {
    name: 'CONNECT with a user name',
    spec: 'MQTT-3.1.2-19',
    version: 4,
    hex: `${MQTT} 82 003c 0003 "abc" 0004 "user"`,
    packet: connect({ username: 'user' }),
  },
  { name: 'CONNECT with an empty user name', version: 4, hex: `${MQTT} 82 003c 0003 "abc" 0000`, packet: connect({ username: '' }) },
  {
    name: 'CONNECT with a user name and a password',
    spec: 'MQTT-3.1.2-21',
    version: 4,
    hex: `${MQTT} c2 003c 0003 "abc" 0004 "user" 0002 "pw"`,
    packet: connect({ username: 'user', password: Buffer.from('pw') }),
  },
  {
    name: 'CONNECT with an empty password',
    version: 4,
    hex: `${MQTT} c2 003c 0003 "abc" 0004 "user" 0000`,
    packet: connect({ username: 'user', password: Buffer.alloc(0) }),
  },
  {
    name: 'CONNECT with a password that is no text',
    version: 4,
    hex: `${MQTT} c2 003c 0003 "abc" 0004 "user" 0003 00 ff c3`,
    packet: connect({ username: 'user', password: Buffer.of(0, 0xff, 0xc3) }),
  },
  {
    name: 'CONNECT with all its fields in their order',
    spec: 'MQTT-3.1.3-1',
    version: 4,
    hex: `${MQTT} f6 003c 0001 "1" 0001 "2" 0001 "3" 0001 "4" 0001 "5"`,
    packet: connect({
      clientId: '1',
      will: will({ topic: '2', payload: Buffer.from('3'), qos: 2, retain: true }),
      username: '4',
      password: Buffer.from('5'),
    }),
  },
  {
    name: 'CONNECT whose Remaining Length takes more bytes than it needs',
    version: 4,
    hex: '10 8f8000 0004 "MQTT" 04 02 003c 0003 "abc"',
    packet: connect(),
    canonical: false,
  },

  { name: 'CONNECT of 3.1', version: 3, hex: `${MQISDP} 02 003c 0003 "abc"`, packet: connect({ version: 3 }) },
  {
    name: 'CONNECT of 3.1 with all its fields',
    version: 3,
    hex: `${MQISDP} f4 003c 0003 "abc" ${A_WILL} 0004 "user" 0002 "pw"`,
    packet: connect({
      version: 3,
      clean: false,
      will: will({ qos: 2, retain: true }),
      username: 'user',
      password: Buffer.from('pw'),
    }),
  },
  {
    name: 'CONNECT of 3.1 with the user name flag alone',
    spec: 'MQTT31-6',
    version: 3,
    hex: `${MQISDP} 82 003c 0003 "abc"`,
    packet: connect({ version: 3 }),
    canonical: false,
  },
  {
    name: 'CONNECT of 3.1 with the flags for a user name and a password and neither field',
    spec: 'MQTT31-6',
    version: 3,
    hex: `${MQISDP} c2 003c 0003 "abc"`,
    packet: connect({ version: 3 }),
    canonical: false,
  },
  {
    name: 'CONNECT of 3.1 with both flags and a user name',
    spec: 'MQTT31-6',
    version: 3,
    hex: `${MQISDP} c2 003c 0003 "abc" 0004 "user"`,
    packet: connect({ version: 3, username: 'user' }),
    canonical: false,
  },
  {
    name: 'CONNECT of 3.1 with both flags, a will and neither field',
    spec: 'MQTT31-6',
    version: 3,
    hex: `${MQISDP} c6 003c 0003 "abc" ${A_WILL}`,
    packet: connect({ version: 3, will: will() }),
    canonical: false,
  },

  { name: 'CONNACK', hex: '20 02 00 00', packet: connack(ReasonCode.Success) },
  { name: 'CONNACK with a session', version: 4, hex: '20 02 01 00', packet: connack(ReasonCode.Success, true) },
  { name: 'CONNACK: unacceptable protocol version', hex: '20 02 00 01', packet: connack(ReasonCode.UnsupportedProtocolVersion) },
  { name: 'CONNACK: identifier rejected', hex: '20 02 00 02', packet: connack(ReasonCode.ClientIdentifierNotValid) },
  { name: 'CONNACK: server unavailable', hex: '20 02 00 03', packet: connack(ReasonCode.ServerUnavailable) },
  { name: 'CONNACK: bad user name or password', hex: '20 02 00 04', packet: connack(ReasonCode.BadUserNameOrPassword) },
  { name: 'CONNACK: not authorized', hex: '20 02 00 05', packet: connack(ReasonCode.NotAuthorized) },
];

export const badConnects: readonly BadCase[] = [
  { name: 'CONNECT with RETAIN', spec: 'MQTT-2.2.2-2', version: 4, hex: '11 len 0004 "MQTT" 04 02 003c 0003 "abc"', error: MALFORMED },
  { name: 'CONNECT with a QoS', spec: 'MQTT-2.2.2-2', version: 4, hex: '12 len 0004 "MQTT" 04 02 003c 0003 "abc"', error: MALFORMED },
  { name: 'CONNECT with DUP', spec: 'MQTT-2.2.2-2', version: 4, hex: '18 len 0004 "MQTT" 04 02 003c 0003 "abc"', error: MALFORMED },

  {
    name: 'CONNECT with an unknown protocol name',
    spec: ['MQTT-3.1.2-1', 'MQTT-3.1.4-1'],
    version: 4,
    hex: '10 len 0004 "MQTX" 04 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  {
    name: 'CONNECT with its protocol name in small letters',
    spec: 'MQTT-3.1.2-1',
    version: 4,
    hex: '10 len 0004 "mqtt" 04 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  {
    name: 'CONNECT with an empty protocol name',
    spec: 'MQTT-3.1.2-1',
    version: 4,
    hex: '10 len 0000 04 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a protocol name that goes on',
    spec: 'MQTT-3.1.2-1',
    version: 4,
    hex: '10 len 0005 "MQTTX" 04 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  {
    name: 'CONNECT of 3.1 with its protocol name in capitals',
    spec: 'MQTT-3.1.2-1',
    version: 3,
    hex: '10 len 0006 "MQISDP" 03 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a NUL in its protocol name',
    spec: 'MQTT-1.5.3-2',
    version: 4,
    hex: '10 len 0004 "MQT" 00 04 02 003c 0003 "abc"',
    error: MALFORMED,
  },
  ...[0, 1, 2, 0x84].map((level): BadCase => {
    const hex = `10 len 0004 "MQTT" ${level.toString(16).padStart(2, '0')} 02 003c 0003 "abc"`;
    return { name: `CONNECT with protocol level ${level}`, spec: 'MQTT-3.1.2-2', version: 4, hex, error: UNSUPPORTED };
  }),
  ...[6, 7, 0x83, 0x85, 255].map((level): BadCase => {
    const hex = `10 len 0004 "MQTT" ${level.toString(16).padStart(2, '0')} 02 003c 0003 "abc"`;
    return { name: `CONNECT with protocol level ${level}, of a time to come`, spec: 'MQTT5-3.1.2-2', version: 4, hex, error: MALFORMED };
  }),
  {
    name: 'CONNECT with protocol level 3 under the name of 3.1.1',
    spec: ['MQTT-3.1.2-2', 'MQTT31-2'],
    version: 4,
    hex: '10 len 0004 "MQTT" 03 02 003c 0003 "abc"',
    error: UNSUPPORTED,
  },
  ...[0, 2, 4, 0x83].map((level): BadCase => {
    const hex = `10 len 0006 "MQIsdp" ${level.toString(16).padStart(2, '0')} 02 003c 0003 "abc"`;
    return { name: `CONNECT of 3.1 with protocol level ${level}`, spec: 'MQTT31-2', version: 3, hex, error: UNSUPPORTED };
  }),
  {
    name: 'CONNECT with an unknown protocol level and nothing after it',
    spec: 'MQTT-3.1.2-2',
    version: 4,
    hex: '10 len 0004 "MQTT" 02',
    error: UNSUPPORTED,
  },

  {
    name: 'CONNECT with its reserved flag',
    spec: ['MQTT-3.1.2-3', 'MQTT-3.1.4-1'],
    version: 4,
    hex: `${MQTT} 03 003c 0003 "abc"`,
    error: MALFORMED,
  },
  { name: 'CONNECT of 3.1 with its reserved flag', version: 3, hex: `${MQISDP} 03 003c 0003 "abc"`, error: MALFORMED },
  {
    name: 'CONNECT with a will QoS of 1 and no will',
    spec: ['MQTT-3.1.2-11', 'MQTT-3.1.2-13'],
    version: 4,
    hex: `${MQTT} 0a 003c 0003 "abc"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a will QoS of 2 and no will',
    spec: ['MQTT-3.1.2-11', 'MQTT-3.1.2-13'],
    version: 4,
    hex: `${MQTT} 12 003c 0003 "abc"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a will QoS of 3 and no will',
    spec: 'MQTT-3.1.2-13',
    version: 4,
    hex: `${MQTT} 1a 003c 0003 "abc"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with will retain and no will',
    spec: ['MQTT-3.1.2-11', 'MQTT-3.1.2-15'],
    version: 4,
    hex: `${MQTT} 22 003c 0003 "abc"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with the fields of a will and no will flag',
    spec: 'MQTT-3.1.2-11',
    version: 4,
    hex: `${MQTT} 02 003c 0003 "abc" ${A_WILL}`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a will QoS of 3',
    spec: 'MQTT-3.1.2-14',
    version: 4,
    hex: `${MQTT} 1e 003c 0003 "abc" ${A_WILL}`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a password flag and no user name flag',
    spec: 'MQTT-3.1.2-22',
    version: 4,
    hex: `${MQTT} 42 003c 0003 "abc" 0002 "pw"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT of 3.1 with a password and no user name flag',
    version: 3,
    hex: `${MQISDP} 42 003c 0003 "abc" 0002 "pw"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a user name and no user name flag',
    spec: 'MQTT-3.1.2-18',
    version: 4,
    hex: `${MQTT} 02 003c 0003 "abc" 0004 "user"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT with a password and no password flag',
    spec: 'MQTT-3.1.2-20',
    version: 4,
    hex: `${MQTT} 82 003c 0003 "abc" 0004 "user" 0002 "pw"`,
    error: MALFORMED,
  },
  { name: 'CONNECT of 3.1 with a byte too many', version: 3, hex: `${MQISDP} c2 003c 0003 "abc" 0001 "u" 0001 "p" 00`, error: MALFORMED },
  { name: 'CONNECT with a byte too many', spec: 'MQTT-3.1.4-1', version: 4, hex: `${MQTT} 02 003c 0003 "abc" 00`, error: MALFORMED },

  { name: 'CONNECT that is empty', version: 4, hex: '10 00', error: MALFORMED },
  { name: 'CONNECT that ends in the length of its protocol name', version: 4, hex: '10 len 00', error: MALFORMED },
  { name: 'CONNECT that ends in its protocol name', version: 4, hex: '10 len 0004 "MQT"', error: MALFORMED },
  { name: 'CONNECT that ends before its protocol level', version: 4, hex: '10 len 0004 "MQTT"', error: MALFORMED },
  { name: 'CONNECT that ends before its flags', version: 4, hex: MQTT, error: MALFORMED },
  { name: 'CONNECT that ends before its keep-alive', version: 4, hex: `${MQTT} 02`, error: MALFORMED },
  { name: 'CONNECT that ends in its keep-alive', version: 4, hex: `${MQTT} 02 00`, error: MALFORMED },
  {
    name: 'CONNECT that ends before its client identifier',
    spec: ['MQTT-3.1.3-3', 'MQTT-3.1.4-1'],
    version: 4,
    hex: `${MQTT} 02 003c`,
    error: MALFORMED,
  },
  { name: 'CONNECT that ends in the length of its client identifier', version: 4, hex: `${MQTT} 02 003c 00`, error: MALFORMED },
  {
    name: 'CONNECT that ends in its client identifier',
    spec: 'MQTT-3.1.3-3',
    version: 4,
    hex: `${MQTT} 02 003c 0003 "ab"`,
    error: MALFORMED,
  },
  {
    name: 'CONNECT that ends before its Will Topic',
    spec: 'MQTT-3.1.2-9',
    version: 4,
    hex: `${MQTT} 06 003c 0003 "abc"`,
    error: MALFORMED,
  },
  { name: 'CONNECT that ends in its Will Topic', version: 4, hex: `${MQTT} 06 003c 0003 "abc" 0002 "w"`, error: MALFORMED },
  {
    name: 'CONNECT that ends before its Will Message',
    spec: 'MQTT-3.1.2-9',
    version: 4,
    hex: `${MQTT} 06 003c 0003 "abc" 0001 "w"`,
    error: MALFORMED,
  },
  { name: 'CONNECT that ends in its Will Message', version: 4, hex: `${MQTT} 06 003c 0003 "abc" 0001 "w" 0004 "bye"`, error: MALFORMED },
  {
    name: 'CONNECT that ends before its user name',
    spec: ['MQTT-3.1.2-19', 'MQTT-3.1.4-1'],
    version: 4,
    hex: `${MQTT} 82 003c 0003 "abc"`,
    error: MALFORMED,
  },
  { name: 'CONNECT that ends in its user name', version: 4, hex: `${MQTT} 82 003c 0003 "abc" 0004 "use"`, error: MALFORMED },
  {
    name: 'CONNECT that ends before its password',
    spec: 'MQTT-3.1.2-21',
    version: 4,
    hex: `${MQTT} c2 003c 0003 "abc" 0004 "user"`,
    error: MALFORMED,
  },
  { name: 'CONNECT that ends in its password', version: 4, hex: `${MQTT} c2 003c 0003 "abc" 0004 "user" 0002 "p"`, error: MALFORMED },
  { name: 'CONNECT of 3.1 that ends in the length of its user name', version: 3, hex: `${MQISDP} 82 003c 0003 "abc" 00`, error: MALFORMED },
  { name: 'CONNECT of 3.1 that ends in its password', version: 3, hex: `${MQISDP} c2 003c 0003 "abc" 0001 "u" 0002 "p"`, error: MALFORMED },

  ...badTexts.flatMap((text): BadCase[] => [
    {
      name: `CONNECT with ${text.name} in its client identifier`,
      spec: [text.spec, 'MQTT-3.1.3-4'],
      version: 4,
      hex: `${MQTT} 02 003c ${field(text)}`,
      error: MALFORMED,
    },
    {
      name: `CONNECT with ${text.name} in its Will Topic`,
      spec: [text.spec, 'MQTT-3.1.3-10'],
      version: 4,
      hex: `${MQTT} 06 003c 0003 "abc" ${field(text)} 0000`,
      error: MALFORMED,
    },
    {
      name: `CONNECT with ${text.name} in its user name`,
      spec: [text.spec, 'MQTT-3.1.3-11'],
      version: 4,
      hex: `${MQTT} 82 003c 0003 "abc" ${field(text)}`,
      error: MALFORMED,
    },
  ]),

  { name: 'CONNACK with reserved flags', hex: '20 02 02 00', error: MALFORMED },
  { name: 'CONNACK with a return code that is not defined', hex: '20 02 00 06', error: MALFORMED },
  { name: 'CONNACK that ends before its return code', hex: '20 01 00', error: MALFORMED },
  { name: 'CONNACK that is empty', hex: '20 00', error: MALFORMED },
  { name: 'CONNACK with a byte too many', hex: '20 03 00 00 00', error: MALFORMED },
];
