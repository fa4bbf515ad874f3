/** The page that documents every option, written from the table. */

import { alternatives, flagOf, OPTION_KEYS, OPTIONS, type OptionKey, optionOf, variableOf } from './options.js';

/** `docs/options.md`, whole. */
export function optionsPage(): string {
  const lines = [
    '# Options',
    '',
    '<!-- Written by `node scripts/options-doc.mjs` from the table in src/config/options.ts; change it there. -->',
    '',
    'Every option has one name and three spellings: `--max-packet-size` on the command line, `POSMQ_MAX_PACKET_SIZE` in the environment and',
    "`maxPacketSize` in the library's `createBroker`. A flag wins over a variable, a variable wins over the default.",
    '',
    '- Numbers are whole and in plain digits. Sizes are bytes, times are seconds.',
    '- A bad value, an unknown flag, an unknown variable that starts with `POSMQ_` or an address that cannot be listened on stops the start',
    '  with one sentence on standard error and exit status 2.',
    '- An empty variable counts as not set. Variables that Kubernetes sets for a service called `posmq` (`POSMQ_SERVICE_HOST`,',
    '  `POSMQ_PORT=tcp://…`, `POSMQ_PORT_1883_TCP…`) are left alone.',
    '- `--help` and `--version` print to standard output; the log goes to standard error.',
  ];
  for (const group of new Set(OPTION_KEYS.map((key) => OPTIONS[key].group))) {
    lines.push('', `## ${group}`);
    for (const key of OPTION_KEYS.filter((one) => OPTIONS[one].group === group)) lines.push('', ...section(key));
  }
  return `${lines.join('\n')}\n`;
}

function section(key: OptionKey): string[] {
  const option = optionOf(key);
  const short = option.short === undefined ? '' : `\`-${option.short}\`, `;
  return [
    `### ${key}`,
    '',
    option.sentence,
    '',
    '| Flag | Variable | Value | Default |',
    '| --- | --- | --- | --- |',
    `| ${short}\`${[flagOf(key), option.placeholder].join(' ').trimEnd()}\` | \`${variableOf(key)}\` | ${valuesOf(key)} | ${option.default === '' ? 'none' : `\`${option.default}\``} |`,
  ];
}

/** `0 to 65535`, `pretty, json or auto`, `text` */
function valuesOf(key: OptionKey): string {
  const option = optionOf(key);
  switch (option.type) {
    case 'integer':
      return `${option.min} to ${option.max}${option.unit === undefined ? '' : ` ${option.unit}`}`;
    case 'choice':
      return alternatives(option.choices);
    case 'flag':
      return 'true or false';
    case 'string':
      return 'text';
  }
}
