/** Reason codes: each packet may carry those MQTT 5.0 lists for it, and no other. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decoder } from '../../src/packet/decoder.js';
import { MqttError, ReasonCode } from '../../src/packet/reason-code.js';
import { bytesOf } from '../cases/packet-case.js';
import { takeAll } from './reading.js';

/** MQTT 5.0 tables 3-1, 3-4, 3-5, 3-6, 3-7, 3-8, 3-9, 3-10 and 3-11. `hex` has the packet around its reason code. */
const TABLES: readonly { name: string; spec: string; hex: (code: string) => string; codes: string }[] = [
  {
    name: 'CONNACK',
    spec: 'MQTT5-3.2.2-8',
    hex: (code) => `20 len 00 ${code} []`,
    codes: '00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f',
  },
  { name: 'PUBACK', spec: 'MQTT5-3.4.2-1', hex: (code) => `40 len 000a ${code}`, codes: '00 10 80 83 87 90 91 97 99' },
  { name: 'PUBREC', spec: 'MQTT5-3.5.2-1', hex: (code) => `50 len 000a ${code}`, codes: '00 10 80 83 87 90 91 97 99' },
  { name: 'PUBREL', spec: 'MQTT5-3.6.2-1', hex: (code) => `62 len 000a ${code}`, codes: '00 92' },
  { name: 'PUBCOMP', spec: 'MQTT5-3.7.2-1', hex: (code) => `70 len 000a ${code}`, codes: '00 92' },
  { name: 'SUBACK', spec: 'MQTT5-3.9.3-2', hex: (code) => `90 len 000a [] ${code}`, codes: '00 01 02 80 83 87 8f 91 97 9e a1 a2' },
  { name: 'UNSUBACK', spec: 'MQTT5-3.11.3-2', hex: (code) => `b0 len 000a [] ${code}`, codes: '00 11 80 83 87 8f 91' },
  {
    name: 'DISCONNECT',
    spec: 'MQTT5-3.14.2-1',
    hex: (code) => `e0 len ${code}`,
    codes: '00 04 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2',
  },
  { name: 'AUTH', spec: 'MQTT5-3.15.2-1', hex: (code) => `f0 len ${code}`, codes: '00 18 19' },
];

for (const { name, spec, hex, codes } of TABLES) {
  test(`${name} has the reason codes ${codes}, and any other is a protocol error [${spec}]`, () => {
    const taken: string[] = [];
    for (let value = 0; value < 256; value++) {
      const code = value.toString(16).padStart(2, '0');
      const decoder = new Decoder();
      decoder.version = 5;
      try {
        const [packet] = takeAll(decoder, bytesOf({ hex: hex(code) }));
        const { reasonCode, reasonCodes } = packet as { reasonCode?: number; reasonCodes?: readonly number[] };
        assert.deepEqual(reasonCodes ?? [reasonCode], [value]);
        taken.push(code);
      } catch (error) {
        assert.ok(error instanceof MqttError, String(error));
        assert.equal(error.reasonCode, ReasonCode.ProtocolError);
      }
    }
    assert.equal(taken.join(' '), codes);
  });
}
