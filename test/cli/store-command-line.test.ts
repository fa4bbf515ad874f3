import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ACTIONS, readStoreCommandLine, storeHelpText } from '../../src/cli/store-command-line.js';
import { ConfigurationError } from '../../src/config/options.js';

function reads(line: string): ReturnType<typeof readStoreCommandLine> {
  return readStoreCommandLine(line === '' ? [] : line.split(' '));
}

describe('posmq store', () => {
  it('takes an action, the folder and a file, in any order', () => {
    const nothing = { data: undefined, file: undefined };
    assert.deepEqual(reads('check'), { kind: 'check', ...nothing });
    assert.deepEqual(reads('export --data d f'), { kind: 'export', data: 'd', file: 'f' });
    assert.deepEqual(reads('--data=d import f'), { kind: 'import', data: 'd', file: 'f' });
    assert.deepEqual(reads('export -'), { kind: 'export', ...nothing });
    assert.deepEqual(reads('check --help'), { kind: 'help' });
  });

  const refusals: readonly (readonly [line: string, sentence: string])[] = [
    ['', 'store needs one of check, export, import'],
    ['exprot', 'unknown action exprot; did you mean export?'],
    ['check file', 'unexpected argument "file"'],
    ['export a b', 'unexpected argument "b"'],
    ['check --data', '--data needs a value'],
    ['check --data=', '--data must not be empty'],
    ['check --date=x', 'unknown option --date; did you mean --data?'],
    ['check --help=1', '--help takes no value'],
  ];
  for (const [line, sentence] of refusals) {
    it(`refuses ${JSON.stringify(line)}: ${sentence}`, () => {
      assert.throws(
        () => reads(line),
        (error) => error instanceof ConfigurationError && error.message === sentence,
      );
    });
  }

  it('has a help that fits the terminal and names every action', () => {
    for (const width of [80, 100]) {
      const help = storeHelpText(width);
      for (const line of help.split('\n')) assert.ok(line.length <= width, line);
      for (const action of ACTIONS) assert.match(help, new RegExp(`^  ${action} `, 'm'));
    }
  });
});
