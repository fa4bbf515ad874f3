import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { createBroker } from 'posmq';
import { Program, run } from './program.js';

// Tests run in the root of the repository.
const PROGRAM = 'build/test/live/paho';

describe("a program on Paho's C library", { concurrency: true }, () => {
  before(() => run('cc', ['-O1', '-Wall', '-Werror', '-o', PROGRAM, 'test/live/paho.c', '-lpaho-mqtt3c']));

  for (const version of [3, 4]) {
    it(`connects, talks at each QoS, retains, resumes, sends much and dies, with protocol version ${version} [MQTT-7.0.0-2]`, async () => {
      const broker = await createBroker({ host: '127.0.0.1', port: 0 });
      try {
        const program = new Program(PROGRAM, [`tcp://127.0.0.1:${broker.address.port}`, version]);
        const status = await program.ended();
        const passed = ['connect', 'each QoS', 'retained', 'persistent session', 'large payload', 'will'];
        assert.deepEqual([program.lines, status], [passed.map((what) => `PASS ${what}`), 0]);
        assert.equal(broker.stats.bugs, 0);
      } finally {
        await broker.close();
      }
    });
  }
});
