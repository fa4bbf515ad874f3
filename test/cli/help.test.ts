import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helpText } from '../../src/cli/command-line.js';
import { flagOf, OPTION_KEYS, optionOf } from '../../src/config/options.js';

describe('--help', () => {
  it('lists every option of the table with its letter, its default and its sentence', () => {
    const words = helpText(100).replaceAll(/\s+/g, ' ');
    for (const key of OPTION_KEYS) {
      const option = optionOf(key);
      const short = option.short === undefined ? '' : `-${option.short}, `;
      if (option.type === 'flag') assert.ok(words.includes(` ${short}${flagOf(key)} ${option.sentence} `), key);
      else {
        assert.ok(words.includes(` ${short}${flagOf(key)} ${option.placeholder} ${option.sentence} (`), key);
        assert.ok(words.includes(`default: ${option.default})`), key);
      }
      assert.ok(words.includes(` ${option.group}: `), key);
    }
    assert.ok(words.includes(' --help Print this and exit.'));
    assert.ok(words.includes(' --version Print the version and exit.'));
    assert.ok(words.includes('POSMQ_MAX_PACKET_SIZE'));
  });

  it('keeps -h for the host', () => {
    assert.match(helpText(80), /^ {2}-h, --host HOST /m);
    assert.match(helpText(80), /^ {6}--help /m);
  });

  it('fits the terminal', () => {
    for (const width of [80, 100]) {
      for (const line of helpText(width).split('\n')) assert.ok(line.length <= width, line);
    }
  });
});
