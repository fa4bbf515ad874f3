/** One run of `posmq bench` → what it measured, or why it did not. */

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root } from '../prepare.mjs';
import { end, lastLine, launch } from './server-process.mjs';

const COMMAND = join(root, 'dist', 'cli', 'posmq.js');
/** How long a run may take beyond its load, in seconds: sessions are filled and drained, connections opened. */
const BEYOND = 120;

/**
 * @param words of `posmq bench`, from the scenario on.
 * @param interrupted aborts it, with nothing measured.
 * @returns {Promise<{ figures?: object, failure?: string }>} both where messages were lost.
 */
export async function load(words, { seconds, core, host, port, pid, interrupted }) {
  const where = port === undefined ? [] : ['--host', host, '--port', String(port), '--broker-pid', String(pid)];
  const args = [COMMAND, 'bench', ...words, '-t', String(seconds), '--json', ...where];
  const generator = launch(process.execPath, args, { core, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  generator.child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const late = new AbortController();
  const deadline = pause((seconds + BEYOND) * 1_000, 'late', { signal: AbortSignal.any([late.signal, interrupted]) }).catch(
    () => 'stopped',
  );
  const outcome = await Promise.race([generator.over, deadline]);
  late.abort();
  await end(generator);
  if (outcome === 'late') return { failure: `it did not end within ${seconds + BEYOND} s` };
  if (outcome === 'stopped') return { failure: 'interrupted' };
  const figures = parsed(output);
  if (outcome === 0 && figures !== undefined) return { figures };
  const failure = lastLine(generator.errors)?.replace(/^posmq: /, '') ?? `the generator ended with ${outcome}`;
  return figures === undefined ? { failure } : { figures, failure };
}

function parsed(output) {
  try {
    return JSON.parse(output);
  } catch {
    return undefined;
  }
}
