import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openLog } from '../../src/cli/log.js';
import { stopOnSignal } from '../../src/cli/stop.js';

function running(stop: () => Promise<void>) {
  const host = Object.assign(new EventEmitter(), { statuses: [] as number[], exit: (status: number) => host.statuses.push(status) });
  const lines: string[] = [];
  const clock = { now: 0 };
  const log = openLog({ logLevel: 'info', logFormat: 'json' }, { write: (line) => lines.push(line) });
  stopOnSignal(stop, log, host, () => clock.now);
  return { host, lines, clock };
}

const NEVER = () => new Promise<void>(() => {});

describe('a signal', () => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`stops in order and exits with 0 on ${signal}`, async () => {
      let stops = 0;
      const { host, lines } = running(async () => void stops++);
      host.emit(signal);
      await turn();
      assert.deepEqual([stops, host.statuses], [1, [0]]);
      assert.match(lines.join(''), new RegExp(`"signal":"${signal}","msg":"stopping"`));
    });

    it(`exits at once with ${status} on a second ${signal}`, () => {
      const { host, clock } = running(NEVER);
      host.emit('SIGINT');
      clock.now = 1_000;
      host.emit(signal);
      assert.deepEqual(host.statuses, [status]);
    });
  }

  it('that arrives twice at once, from the terminal and from npm, is one', async () => {
    const { host, clock } = running(NEVER);
    host.emit('SIGINT');
    clock.now = 20;
    host.emit('SIGINT');
    await turn();
    assert.deepEqual(host.statuses, []);
  });

  it('exits with 1 when the stop fails', async () => {
    const { host, lines } = running(() => Promise.reject(new Error('the disk is gone')));
    host.emit('SIGTERM');
    await turn();
    assert.deepEqual(host.statuses, [1]);
    assert.match(lines.join(''), /the disk is gone/);
  });
});
