import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommandLine } from '../../src/cli/command-line.js';
import { ConfigurationError, flagOf, OPTION_KEYS, optionOf } from '../../src/config/options.js';

function reads(line: string): ReturnType<typeof readCommandLine> {
  return readCommandLine(line === '' ? [] : line.split(' '));
}

function refuses(line: string, sentence: string): void {
  assert.throws(
    () => reads(line),
    (error) => error instanceof ConfigurationError && error.message === sentence,
    sentence,
  );
}

describe('the command line', () => {
  it('knows a flag for every option', () => {
    for (const key of OPTION_KEYS) {
      const [line, text] = optionOf(key).type === 'flag' ? [flagOf(key), 'true'] : [`${flagOf(key)} 1`, '1'];
      assert.deepEqual(reads(line), { kind: 'start', flags: { [key]: text } });
    }
    assert.deepEqual(reads(''), { kind: 'start', flags: {} });
  });

  it('takes letters, equal signs, values with a dash and the last of several', () => {
    const flags = { port: '1', host: 'a' };
    for (const line of ['-p 1 -h a', '-p1 -ha', '--port=1 --host=a', '--host b --port 2 --host a -p 1']) {
      assert.deepEqual(reads(line), { kind: 'start', flags }, line);
    }
    assert.deepEqual(reads('--port -1 --host --help'), { kind: 'start', flags: { port: '-1', host: '--help' } });
    assert.deepEqual(reads('--host='), { kind: 'start', flags: { host: '' } });
  });

  it('tells help and version from a start', () => {
    assert.deepEqual(reads('--help'), { kind: 'help' });
    assert.deepEqual(reads('--port 1 --help'), { kind: 'help' });
    assert.deepEqual(reads('--version'), { kind: 'version' });
  });

  it('refuses what it does not know and guesses what was meant', () => {
    refuses('--prot 1', 'unknown option --prot; did you mean --port?');
    refuses('--prot=1', 'unknown option --prot; did you mean --port?');
    refuses('--max-packetsize 1', 'unknown option --max-packetsize; did you mean --max-packet-size?');
    refuses('--maxPacketSize 1', 'unknown option --maxPacketSize; did you mean --max-packet-size?');
    refuses('--hepl', 'unknown option --hepl; did you mean --help?');
    refuses('--colour', 'unknown option --colour');
    refuses('-x', 'unknown option -x');
    refuses('--help=yes', '--help takes no value');
    refuses('--memory=true', '--memory takes no value');
  });

  it('refuses a flag without its value and words that are no flags', () => {
    refuses('--port', '--port needs a value');
    refuses('--port 1 -h', '-h needs a value');
    refuses('1883', 'unexpected argument "1883"');
    refuses('--port 1 again', 'unexpected argument "again"');
    refuses('--memory true', 'unexpected argument "true"');
  });
});
