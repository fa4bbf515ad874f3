/** What was typed after `posmq store`. */

import { Command, Option } from 'commander';
import { ConfigurationError, optionOf } from '../config/options.js';
import { unknown } from '../config/spelling.js';
import { parse } from './command-line.js';

export const ACTIONS = ['check', 'export', 'import'] as const;
export type Action = (typeof ACTIONS)[number];

/** What the operator asks for: something done, or only a text to read. */
export type StoreRequest =
  | { readonly kind: 'help' }
  | {
      readonly kind: Action;
      /** The folder of the store; undefined where it was not given. */
      readonly data: string | undefined;
      /** The file of an export; undefined is standard input or output. */
      readonly file: string | undefined;
    };

const MEANINGS: Readonly<Record<Action, string>> = {
  check: 'reads every record and tells what there is, and what is damaged',
  export: 'writes lines of JSON to FILE, or to standard output',
  import: 'makes a new store of such lines, from FILE or standard input',
};

/**
 * @param argv what follows `store`.
 * @throws ConfigurationError for an action or flag nobody knows.
 */
export function readStoreCommandLine(argv: readonly string[]): StoreRequest {
  const command = commandOf();
  const rest = parse(command, argv);
  const [stray] = rest.unknown;
  if (stray !== undefined) {
    const flag = stray.replace(/=.*$/s, '');
    throw new ConfigurationError(flag === '--help' ? '--help takes no value' : unknown('option', flag, ['--data', '--help']));
  }
  const { help, data } = command.opts<{ readonly help?: true; readonly data?: string }>();
  if (help === true) return { kind: 'help' };
  const [word, file, extra] = rest.operands;
  if (word === undefined) throw new ConfigurationError(`store needs one of ${ACTIONS.join(', ')}`);
  const action = ACTIONS.find((known) => known === word);
  if (action === undefined) throw new ConfigurationError(unknown('action', word, ACTIONS));
  const surplus = action === 'check' ? file : extra;
  if (surplus !== undefined) throw new ConfigurationError(`unexpected argument ${JSON.stringify(surplus)}`);
  if (data === '') throw new ConfigurationError('--data must not be empty');
  return { kind: action, data, file: file === '-' ? undefined : file };
}

/** What `posmq store --help` prints, at most `width` columns wide. */
export function storeHelpText(width: number): string {
  const command = commandOf();
  command.configureHelp({
    helpWidth: width,
    minWidthToWrap: 20,
    optionTerm: (option) => `    ${option.flags}`.replaceAll(/[<>]/g, ''),
  });
  const actions = ACTIONS.map((action) => `  ${action.padEnd(7)} ${MEANINGS[action]}\n`);
  return `${command.helpInformation()}
Actions:
${actions.join('')}
No broker may have the store open meanwhile.
`;
}

function commandOf(): Command {
  return new Command('posmq store')
    .description('Looks after the store of a broker that is stopped.')
    .usage('<action> [options] [FILE]')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addOption(new Option('--data <DIR>', `The folder of the store (default: ${optionOf('data').default})`))
    .addOption(new Option('--help', 'Print this and exit'));
}
