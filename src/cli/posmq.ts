#!/usr/bin/env node
/** The command `posmq`: a broker with the options of its command line and environment. */

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { loadOptions } from '../config/load.js';
import type { Options } from '../config/options.js';
import { createBroker } from '../index.js';
import { helpText, readCommandLine } from './command-line.js';
import { openLog } from './log.js';
import { startError } from './start-error.js';
import { stopOnSignal } from './stop.js';

const require = createRequire(import.meta.url);

/** The widest help that is still easy to read, in columns. */
const WIDEST = 100;
/** The width where nobody can tell. */
const NO_TERMINAL = 80;

/** What a first word without dashes does instead of starting a broker; loaded only then. */
const COMMANDS: Readonly<Record<string, () => Promise<(argv: readonly string[], width: number) => Promise<void>>>> = {
  bench: async () => (await import('./bench.js')).bench,
  store: async () => (await import('./store.js')).store,
};

/**
 * Runs the command; a running broker outlives the promise.
 *
 * @param argv what follows the name of the command.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever read our output is gone; that is no reason to stop serving.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const width = Math.min(process.stdout.columns || NO_TERMINAL, WIDEST);
  const [word = '', ...rest] = argv;
  let options: Options | undefined;
  try {
    if (Object.hasOwn(COMMANDS, word)) {
      const command = await COMMANDS[word]!();
      return await command(rest, width);
    }
    const request = readCommandLine(argv);
    switch (request.kind) {
      case 'help':
        process.stdout.write(helpText(width));
        break;
      case 'version':
        process.stdout.write(`posmq ${version()}\n`);
        break;
      case 'start':
        options = loadOptions(request.flags, process.env);
        await start(options);
        break;
    }
  } catch (error) {
    const sentence = startError(error, options);
    if (sentence === undefined) throw error;
    process.stderr.write(`posmq: ${sentence}\n`);
    process.exitCode = 2;
  }
}

async function start(options: Options): Promise<void> {
  const log = openLog(options, process.stderr);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected error');
    process.exit(1);
  });
  const starting = createBroker({ ...options, log });
  stopOnSignal(async () => (await starting).close(), log);
  const broker = await starting;
  // The broker has stopped by itself then, and the process ends when nothing is left to do.
  broker.on('failed', () => void (process.exitCode = 1));
}

function version(): string {
  return (require('posmq/package.json') as { version: string }).version;
}

/** Whether this file is what was started, also through a link: npm and npx start `.bin/posmq`. */
function started(): boolean {
  const [, script] = process.argv;
  if (script === undefined) return false;
  try {
    return require.resolve(script) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

if (started()) await main(process.argv.slice(2));
