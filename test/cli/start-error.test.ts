import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startError } from '../../src/cli/start-error.js';
import { ConfigurationError } from '../../src/config/options.js';

const ADDRESS = { host: '127.0.0.1', port: 80 };
const failure = (code: string) => Object.assign(new Error(`listen ${code}`), { code });

describe('why a broker did not start', () => {
  for (const [code, reason] of [
    ['EADDRINUSE', 'the port is already in use'],
    ['EACCES', 'permission denied'],
    ['ENOTFOUND', 'the host name does not resolve'],
    ['EAI_AGAIN', 'the host name does not resolve'],
    ['EADDRNOTAVAIL', 'the address is not one of this machine'],
    ['EAFNOSUPPORT', 'this machine has no addresses of that kind'],
  ] as const) {
    it(`is one sentence for ${code}, thrown itself or as a cause`, () => {
      const sentence = `cannot listen on 127.0.0.1:80: ${reason}`;
      assert.equal(startError(failure(code), ADDRESS), sentence);
      assert.equal(startError(new Error('the broker did not start', { cause: failure(code) }), ADDRESS), sentence);
    });
  }

  it('writes an IPv6 address in brackets', () => {
    assert.equal(
      startError(failure('EADDRINUSE'), { host: '::1', port: 1_883 }),
      'cannot listen on [::1]:1883: the port is already in use',
    );
  });

  it('is the sentence of a configuration error', () => {
    assert.equal(startError(new ConfigurationError('unexpected argument "x"'), undefined), 'unexpected argument "x"');
  });

  it('is not made up for a bug', () => {
    const circle = new Error('round');
    circle.cause = circle;
    for (const error of [new TypeError('x is not a function'), failure('EPIPE'), circle, 'text', undefined]) {
      assert.equal(startError(error, ADDRESS), undefined);
    }
    assert.equal(startError(failure('EADDRINUSE'), undefined), undefined);
  });
});
