/** Whether a broker can run with what it is told. */

import {
  alternatives,
  ConfigurationError,
  isOptionKey,
  OPTION_KEYS,
  OPTIONS,
  optionOf,
  type Option,
  type OptionKey,
  type Options,
  type PartialOptions,
} from './options.js';
import { unknown } from './spelling.js';

/**
 * The options a broker runs with: what is given, checked, and the defaults for the rest.
 *
 * @throws ConfigurationError for an unknown name or a value out of bounds.
 */
export function checkOptions(given: PartialOptions): Options {
  if (typeof given !== 'object' || given === null) {
    throw new ConfigurationError(`options must be an object, got ${shown(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (!isOptionKey(name)) throw new ConfigurationError(unknown('option', name, OPTION_KEYS));
  }
  return everyOption(
    (key) => given[key],
    (key) => key,
  );
}

/**
 * Asks for the value of every option in turn, fills the defaults and checks.
 *
 * @param valueOf what was given for an option, `undefined` if nothing was.
 * @param nameOf what the operator calls the option, for the sentence that refuses its value.
 */
export function everyOption(valueOf: (key: OptionKey) => unknown, nameOf: (key: OptionKey) => string): Options {
  const options: Partial<Record<OptionKey, number | string | boolean>> = {};
  for (const key of OPTION_KEYS) {
    const value = valueOf(key);
    options[key] = value === undefined ? OPTIONS[key].default : checked(optionOf(key), value, nameOf(key));
  }
  return options as Options;
}

function checked(option: Option, value: unknown, name: string): number | string | boolean {
  switch (option.type) {
    case 'integer': {
      if (typeof value !== 'number' || !Number.isInteger(value)) {
        throw new ConfigurationError(`${name} must be a whole number, got ${shown(value)}`);
      }
      if (value < option.min || value > option.max) {
        const unit = option.unit === undefined ? '' : ` ${option.unit}`;
        throw new ConfigurationError(`${name} must be between ${option.min} and ${option.max}${unit}, got ${value}`);
      }
      return value;
    }
    case 'choice': {
      if (typeof value !== 'string' || !option.choices.includes(value)) {
        throw new ConfigurationError(`${name} must be ${alternatives(option.choices)}, got ${shown(value)}`);
      }
      return value;
    }
    case 'flag': {
      if (typeof value !== 'boolean') throw new ConfigurationError(`${name} must be true or false, got ${shown(value)}`);
      return value;
    }
    case 'string': {
      if (typeof value !== 'string') throw new ConfigurationError(`${name} must be text, got ${shown(value)}`);
      if (value.trim() === '' && value !== option.default) throw new ConfigurationError(`${name} must not be empty`);
      return value;
    }
  }
}

const LONGEST_SHOWN = 60;

/** A refused value as one short piece of a sentence, whatever it is. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    case 'function':
      return 'a function';
    default:
      return String(value);
  }
}
