import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadOptions, type OptionTexts } from '../../src/config/load.js';
import { checkOptions } from '../../src/config/check.js';
import { ConfigurationError, type Option, OPTION_KEYS, optionOf, variableOf } from '../../src/config/options.js';

const DEFAULTS = checkOptions({});

function refuses(flags: OptionTexts, environment: Record<string, string>, message: string): void {
  assert.throws(
    () => loadOptions(flags, environment),
    (error) => error instanceof ConfigurationError && error.message === message,
    message,
  );
}

/** A value that is not its default. */
function valueFor(option: Option): number | string | boolean {
  switch (option.type) {
    case 'integer':
      return option.max;
    case 'choice':
      return option.choices.find((choice) => choice !== option.default)!;
    case 'flag':
      return !option.default;
    case 'string':
      return 'localhost';
  }
}

describe('loadOptions', () => {
  it('takes the command line over the environment over the defaults', () => {
    assert.deepEqual(loadOptions({}, {}), DEFAULTS);
    assert.deepEqual(loadOptions({}, { POSMQ_PORT: '2000', POSMQ_HOST: '::1' }), { ...DEFAULTS, port: 2_000, host: '::1' });
    assert.deepEqual(loadOptions({ port: '3000' }, { POSMQ_PORT: '2000', POSMQ_HOST: '::1' }), { ...DEFAULTS, port: 3_000, host: '::1' });
  });

  it('reads a variable for every option', () => {
    for (const key of OPTION_KEYS) {
      const value = valueFor(optionOf(key));
      assert.equal(loadOptions({}, { [variableOf(key)]: String(value) })[key], value);
    }
  });

  it('names what the operator typed: the flag or the variable', () => {
    refuses({ port: '99999' }, {}, '--port must be between 0 and 65535, got 99999');
    refuses({}, { POSMQ_PORT: '99999' }, 'POSMQ_PORT must be between 0 and 65535, got 99999');
    refuses({ port: '-1' }, { POSMQ_PORT: '1' }, '--port must be between 0 and 65535, got -1');
    refuses({ maxInflight: 'ten' }, {}, '--max-inflight must be a whole number, got "ten"');
    refuses({}, { POSMQ_MAX_INFLIGHT: 'ten' }, 'POSMQ_MAX_INFLIGHT must be a whole number, got "ten"');
    refuses({}, { POSMQ_LOG_FORMAT: 'xml' }, 'POSMQ_LOG_FORMAT must be pretty, json or auto, got "xml"');
    refuses({ host: '' }, {}, '--host must not be empty');
    refuses({}, { POSMQ_MEMORY: 'yes' }, 'POSMQ_MEMORY must be true or false, got "yes"');
  });

  it('takes plain decimal digits for numbers and nothing else', () => {
    for (const text of ['', ' 1', '1 ', '1.0', '1e3', '0x10', '1_000', '1,000', '١', '--host']) {
      refuses({ port: text }, {}, `--port must be a whole number, got ${JSON.stringify(text)}`);
    }
    assert.equal(loadOptions({ port: '0001883' }, {}).port, 1_883);
  });

  it('takes true and false for a flag, in a variable too, and nothing else', () => {
    assert.equal(loadOptions({ memory: 'true' }, { POSMQ_MEMORY: 'false' }).memory, true);
    assert.equal(loadOptions({}, { POSMQ_MEMORY: 'false' }).memory, false);
    for (const text of ['TRUE', '1', '0', 'no', ' true']) {
      refuses({}, { POSMQ_MEMORY: text }, `POSMQ_MEMORY must be true or false, got ${JSON.stringify(text)}`);
    }
  });

  it('does not look at a variable that a flag overrides', () => {
    assert.equal(loadOptions({ port: '3000' }, { POSMQ_PORT: 'ten' }).port, 3_000);
  });

  it('takes an empty variable for one that is not set', () => {
    assert.deepEqual(loadOptions({}, { POSMQ_PORT: '', POSMQ_HOST: '', POSMQ_PROT: '' }), DEFAULTS);
  });

  it('refuses variables it does not know and guesses what was meant', () => {
    refuses({}, { POSMQ_PROT: '1' }, 'unknown environment variable POSMQ_PROT; did you mean POSMQ_PORT?');
    refuses({}, { POSMQ_MAXPACKETSIZE: '1' }, 'unknown environment variable POSMQ_MAXPACKETSIZE; did you mean POSMQ_MAX_PACKET_SIZE?');
    refuses({}, { POSMQ_COLOUR_OF_THE_SKY: 'blue' }, 'unknown environment variable POSMQ_COLOUR_OF_THE_SKY');
    assert.deepEqual(loadOptions({}, { PATH: '/bin', POSMQ: '1', MY_POSMQ_PORT: '1' }), DEFAULTS);
  });

  it('leaves the variables alone that Kubernetes sets for a service called posmq', () => {
    const links = {
      POSMQ_SERVICE_HOST: '10.0.0.1',
      POSMQ_SERVICE_PORT: '1883',
      POSMQ_SERVICE_PORT_MQTT: '1883',
      POSMQ_PORT: 'tcp://10.0.0.1:1883',
      POSMQ_PORT_1883_TCP: 'tcp://10.0.0.1:1883',
      POSMQ_PORT_1883_TCP_PROTO: 'tcp',
      POSMQ_PORT_1883_TCP_PORT: '1883',
      POSMQ_PORT_1883_TCP_ADDR: '10.0.0.1',
      POSMQ_METRICS_SERVICE_HOST: '10.0.0.2',
      POSMQ_METRICS_PORT: 'tcp://10.0.0.2:9090',
    };
    assert.deepEqual(loadOptions({}, links), DEFAULTS);
  });
});
