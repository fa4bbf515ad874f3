/** The options of a broker started by an operator: the command line over the environment over the defaults. */

import { everyOption } from './check.js';
import { ConfigurationError, flagOf, OPTION_KEYS, type OptionKey, optionOf, type Options, variableOf } from './options.js';
import { unknown } from './spelling.js';

/** The text given for each option, by its key. */
export type OptionTexts = { readonly [K in OptionKey]?: string };

/**
 * Merges and checks. A value that a flag overrides is not looked at. An empty variable counts as not set, as everywhere in a shell.
 *
 * @throws ConfigurationError that names the flag or the variable as the operator typed it.
 */
export function loadOptions(flags: OptionTexts, environment: Readonly<Record<string, string | undefined>>): Options {
  const variables = readVariables(environment);
  return everyOption(
    (key) => valueOf(key, flags[key] ?? variables[key]),
    (key) => (flags[key] === undefined ? variableOf(key) : flagOf(key)),
  );
}

/** Text that is no number, or neither `true` nor `false`, stays text, and is refused as what it is. */
function valueOf(key: OptionKey, text: string | undefined): number | string | boolean | undefined {
  const { type } = optionOf(key);
  if (text !== undefined && type === 'integer' && /^[+-]?\d+$/.test(text)) return Number(text);
  if (type === 'flag' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const PREFIX = 'POSMQ_';

function readVariables(environment: Readonly<Record<string, string | undefined>>): OptionTexts {
  const keys = new Map(OPTION_KEYS.map((key) => [variableOf(key), key]));
  const texts: { [K in OptionKey]?: string } = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '' || isServiceLink(name, text)) continue;
    const key = keys.get(name);
    // A variable nobody reads is a typo, and a limit that silently does not hold.
    if (key === undefined) throw new ConfigurationError(unknown('environment variable', name, [...keys.keys()]));
    texts[key] = text;
  }
  return texts;
}

/**
 * Whether Kubernetes (or an old Docker link) set the variable for a service called `posmq` or `posmq-…`:
 * `POSMQ_SERVICE_HOST=10.0.0.1`, `POSMQ_PORT=tcp://10.0.0.1:1883`, `POSMQ_PORT_1883_TCP_ADDR=10.0.0.1`.
 */
function isServiceLink(name: string, text: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_.+)?)$/.test(name) ||
    /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(text))
  );
}
