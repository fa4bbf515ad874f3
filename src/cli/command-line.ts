/** What was typed after `posmq`, read with the table of options. */

import { Command, CommanderError, Option } from 'commander';
import { ConfigurationError, flagOf, OPTION_KEYS, type OptionKey, optionOf } from '../config/options.js';
import type { OptionTexts } from '../config/load.js';
import { unknown } from '../config/spelling.js';

/** What the operator asks for: a broker, or only a text to read. */
export type Request = { readonly kind: 'start'; readonly flags: OptionTexts } | { readonly kind: 'help' | 'version' };

/** Flags that are no options of a broker. */
const HELP = '--help';
const VERSION = '--version';

/**
 * @param argv what follows the name of the command.
 * @throws ConfigurationError for a flag nobody knows, a flag without its value or a word that is no flag.
 */
export function readCommandLine(argv: readonly string[]): Request {
  const command = commandOf();
  const rest = parse(command, argv);
  const [stray] = rest.unknown;
  if (stray !== undefined) throw new ConfigurationError(refusal(stray));
  const [word] = rest.operands;
  if (word !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(word)}`);
  const { help, version, ...given } = command.opts<Record<string, string | true>>();
  if (help === true) return { kind: 'help' };
  if (version === true) return { kind: 'version' };
  const flags = Object.fromEntries(Object.entries(given).map(([key, text]) => [key, String(text)])) as OptionTexts;
  return { kind: 'start', flags };
}

/**
 * What commander makes of the words; the values of flags it knows are the command's from then on.
 * @throws ConfigurationError for a flag without its value.
 */
export function parse(command: Command, argv: readonly string[]): { readonly operands: string[]; readonly unknown: string[] } {
  try {
    return command.parseOptions([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError) || error.code !== 'commander.optionMissingArgument') throw error;
    // Only the last word can lack what should follow it.
    throw new ConfigurationError(`${argv.at(-1)} needs a value`);
  }
}

/** What `--help` prints, at most `width` columns wide. */
export function helpText(width: number): string {
  const command = commandOf();
  command.configureHelp({
    helpWidth: width,
    // The longest flag leaves less beside it than commander would wrap by itself.
    minWidthToWrap: 20,
    // POSIX writes PORT where commander writes <PORT>.
    optionTerm: (option) => (option.short === undefined ? `    ${option.flags}` : option.flags).replaceAll(/[<>]/g, ''),
  });
  return `${command.helpInformation()}
Every option is also an environment variable: --max-packet-size is
POSMQ_MAX_PACKET_SIZE. A flag wins over a variable.

posmq bench puts a load on a broker and measures it: posmq bench --help.
posmq store checks, exports and imports a store: posmq store --help.
`;
}

function commandOf(): Command {
  const command = new Command('posmq')
    .description('An MQTT broker.')
    .usage('[options]')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const key of OPTION_KEYS) command.addOption(commandOption(key));
  return command
    .addOption(new Option(HELP, 'Print this and exit.').helpGroup('Other:'))
    .addOption(new Option(VERSION, 'Print the version and exit.').helpGroup('Other:'));
}

function commandOption(key: OptionKey): Option {
  const option = optionOf(key);
  const short = option.short === undefined ? '' : `-${option.short}, `;
  if (option.type === 'flag') return new Option(`${short}${flagOf(key)}`, option.sentence).helpGroup(`${option.group}:`);
  const choices = option.type === 'choice' ? `${option.choices.join(', ')}; ` : '';
  return new Option(
    `${short}${flagOf(key)} <${option.placeholder}>`,
    `${option.sentence} (${choices}default: ${option.default})`,
  ).helpGroup(`${option.group}:`);
}

function refusal(stray: string): string {
  const flag = stray.startsWith('--') ? stray.replace(/=.*$/s, '') : stray;
  const flags = [...OPTION_KEYS.map(flagOf), HELP, VERSION];
  return flags.includes(flag) ? `${flag} takes no value` : unknown('option', flag, flags);
}
