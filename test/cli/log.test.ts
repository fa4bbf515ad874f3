import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openLog } from '../../src/cli/log.js';
import type { Options } from '../../src/config/options.js';

function logged(
  options: Partial<Pick<Options, 'logLevel' | 'logFormat'>>,
  terminal: { isTTY?: boolean; hasColors?(): boolean } = {},
): string {
  const lines: string[] = [];
  const log = openLog({ logLevel: 'info', logFormat: 'auto', ...options }, { ...terminal, write: (line) => lines.push(line) });
  log.debug({}, 'unheard');
  log.info({ host: '127.0.0.1', port: 1_883 }, 'listening');
  log.info({ status: { connections: 1 } }, 'one connection');
  return lines.join('');
}

describe('the log', () => {
  it('is JSON, one object per line, where no terminal is', () => {
    for (const text of [logged({}), logged({ logFormat: 'json' }, { isTTY: true })]) {
      const lines = text.trimEnd().split('\n');
      assert.equal(lines.length, 2);
      const [listening, status] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.match(String(listening?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual({ ...listening, time: 0 }, { level: 'info', time: 0, host: '127.0.0.1', port: 1_883, msg: 'listening' });
      assert.deepEqual({ ...status, time: 0 }, { level: 'info', time: 0, status: { connections: 1 }, msg: 'one connection' });
    }
  });

  it('is readable on a terminal or when asked to be, the status line without its fields', () => {
    for (const text of [logged({}, { isTTY: true }), logged({ logFormat: 'pretty' })]) {
      const [listening, status, end] = text.split('\n');
      assert.match(listening ?? '', /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] INFO: listening \{"host":"127\.0\.0\.1","port":1883\}$/);
      assert.match(status ?? '', /\] INFO: one connection$/);
      assert.equal(end, '');
    }
  });

  it('has colours only where a terminal can show them', () => {
    const ESCAPE = '\u001B';
    assert.ok(logged({}, { isTTY: true, hasColors: () => true }).includes(ESCAPE));
    assert.ok(!logged({}, { isTTY: true, hasColors: () => false }).includes(ESCAPE));
    assert.ok(!logged({ logFormat: 'pretty' }, { hasColors: () => true }).includes(ESCAPE));
  });

  it('leaves out what is less serious than its level', () => {
    assert.match(logged({ logLevel: 'debug' }), /unheard/);
    assert.equal(logged({ logLevel: 'warn' }), '');
    assert.equal(logged({ logLevel: 'silent' }), '');
  });
});
