import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { checkOptions } from '../../src/config/check.js';
import { optionsPage } from '../../src/config/document.js';
import {
  ConfigurationError,
  flagOf,
  OPTION_KEYS,
  optionOf,
  type OptionKey,
  type Options,
  type PartialOptions,
  variableOf,
} from '../../src/config/options.js';

const DEFAULTS: Options = {
  port: 1_883,
  host: '0.0.0.0',
  data: './posmq-data',
  memory: false,
  durability: 'sync',
  minFreeDisk: 134_217_728,
  maxPacketSize: 268_435_455,
  connectTimeout: 30,
  coalesce: 400,
  maxConnections: 100_000,
  maxBufferedBytes: 8_388_608,
  maxInflight: 1_000,
  maxQueuedMessages: 100_000,
  maxQueuedBytes: 67_108_864,
  maxTotalQueuedMessages: 100_000_000,
  maxTotalQueuedBytes: 17_179_869_184,
  whenQueueFull: 'drop-newest',
  sessionExpiry: 2_592_000,
  maxSessions: 1_000_000,
  maxSubscriptions: 10_000,
  maxRetainedMessages: 1_000_000,
  maxRetainedBytes: 1_073_741_824,
  receiveMaximum: 1_000,
  topicAliasMaximum: 32,
  maxQos: 2,
  maxKeepAlive: 0,
  sharedSubscriptionStrategy: 'round-robin',
  payloadFormat: 'trust',
  responseInformation: '',
  statusInterval: 30,
  logLevel: 'info',
  logFormat: 'auto',
};

function refuses(given: unknown, sentence: string): void {
  assert.throws(
    () => checkOptions(given as PartialOptions),
    (error) => error instanceof ConfigurationError && error.name === 'ConfigurationError' && error.message === sentence,
    sentence,
  );
}

describe('the table of options', () => {
  it('gives every option a flag, a variable and a letter of its own', () => {
    const spellings = OPTION_KEYS.flatMap((key) => {
      const { short } = optionOf(key);
      return [flagOf(key), variableOf(key), ...(short === undefined ? [] : [`-${short}`])];
    });
    assert.equal(new Set(spellings).size, spellings.length);
    for (const key of OPTION_KEYS) {
      assert.match(key, /^[a-z]+(?:[A-Z][a-z]+)*$/);
      assert.match(flagOf(key), /^--[a-z]+(?:-[a-z]+)*$/);
      assert.match(variableOf(key), /^POSMQ_[A-Z]+(?:_[A-Z]+)*$/);
    }
    assert.equal(flagOf('maxPacketSize'), '--max-packet-size');
    assert.equal(variableOf('maxPacketSize'), 'POSMQ_MAX_PACKET_SIZE');
  });

  it('describes every option in one sentence', () => {
    // The point in 5.0 ends no sentence.
    for (const key of OPTION_KEYS) assert.match(optionOf(key).sentence, /^[A-Z](?:[^.]|(?<=\d)\.(?=\d))+\.$/, key);
  });

  it('is what docs/options.md says', () => {
    const committed = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8');
    assert.equal(committed, optionsPage(), 'run `npm run build && node scripts/options-doc.mjs`');
  });
});

describe('checkOptions', () => {
  it('fills the defaults', () => {
    assert.deepEqual(checkOptions({}), DEFAULTS);
    assert.deepEqual(checkOptions({ port: undefined, host: '::1' }), { ...DEFAULTS, host: '::1' });
  });

  it('takes its own defaults', () => {
    assert.deepEqual(checkOptions(DEFAULTS), DEFAULTS);
  });

  for (const key of OPTION_KEYS) {
    const option = optionOf(key);
    switch (option.type) {
      case 'integer':
        it(`bounds ${key}`, () => {
          const { min, max, unit } = option;
          assert.equal(checkOptions({ [key]: min })[key], min);
          assert.equal(checkOptions({ [key]: max })[key], max);
          const sentence = `${key} must be between ${min} and ${max}${unit === undefined ? '' : ` ${unit}`}, got `;
          refuses({ [key]: min - 1 }, `${sentence}${min - 1}`);
          refuses({ [key]: max + 1 }, `${sentence}${max + 1}`);
          refuses({ [key]: min + 0.5 }, `${key} must be a whole number, got ${min + 0.5}`);
          refuses({ [key]: String(min) }, `${key} must be a whole number, got "${min}"`);
        });
        break;
      case 'choice':
        it(`takes no ${key} but those listed`, () => {
          for (const choice of option.choices) assert.equal(checkOptions({ [key]: choice })[key], choice);
          refuses({ [key]: 'loud' }, `${key} must be ${option.choices.slice(0, -1).join(', ')} or ${option.choices.at(-1)}, got "loud"`);
          refuses({ [key]: 3 }, `${key} must be ${option.choices.slice(0, -1).join(', ')} or ${option.choices.at(-1)}, got 3`);
        });
        break;
      case 'flag':
        it(`takes true and false for ${key}`, () => {
          for (const value of [true, false]) assert.equal(checkOptions({ [key]: value })[key], value);
          refuses({ [key]: 'true' }, `${key} must be true or false, got "true"`);
          refuses({ [key]: 1 }, `${key} must be true or false, got 1`);
        });
        break;
      case 'string':
        it(option.default === '' ? `takes text or nothing for ${key}` : `takes no empty ${key}`, () => {
          assert.equal(checkOptions({ [key]: 'any text' })[key], 'any text');
          if (option.default === '') assert.equal(checkOptions({ [key]: '' })[key], '');
          else refuses({ [key]: '' }, `${key} must not be empty`);
          refuses({ [key]: '  ' }, `${key} must not be empty`);
          refuses({ [key]: 7 }, `${key} must be text, got 7`);
        });
        break;
    }
  }

  it('says what it got in a few plain words', () => {
    refuses({ port: 99_999 }, 'port must be between 0 and 65535, got 99999');
    refuses({ connectTimeout: 0 }, 'connectTimeout must be between 1 and 3600 seconds, got 0');
    refuses({ maxInflight: 'ten' }, 'maxInflight must be a whole number, got "ten"');
    refuses({ logFormat: 'xml' }, 'logFormat must be pretty, json or auto, got "xml"');
    for (const [value, words] of [
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      [null, 'null'],
      [true, 'true'],
      [10n, '10'],
      [[1], 'an array'],
      [{ port: 1 }, 'an object'],
      [() => 1, 'a function'],
      ['two\nlines', '"two\\nlines"'],
      ['x'.repeat(1_000), `"${'x'.repeat(60)}…"`],
    ] as const) {
      refuses({ port: value }, `port must be a whole number, got ${words}`);
    }
    refuses(1_883, 'options must be an object, got 1883');
    refuses(null, 'options must be an object, got null');
  });

  it('refuses names it does not know and guesses what was meant', () => {
    for (const [name, meant] of [
      ['prot', 'port'],
      ['Port', 'port'],
      ['hots', 'host'],
      ['maxPacketsize', 'maxPacketSize'],
      ['maxRetainedByte', 'maxRetainedBytes'],
      ['loglevel', 'logLevel'],
    ] as const satisfies readonly (readonly [string, OptionKey])[]) {
      refuses({ [name]: 1 }, `unknown option ${name}; did you mean ${meant}?`);
    }
    refuses({ colour: 'blue' }, 'unknown option colour');
    refuses({ constructor: 1 }, 'unknown option constructor');
    refuses(JSON.parse('{ "__proto__": 1 }'), 'unknown option __proto__');
    refuses({ 'two\nlines': 1 }, 'unknown option "two\\nlines"');
    refuses({ ['x'.repeat(1_000)]: 1 }, `unknown option ${'x'.repeat(1_000)}`);
  });
});
