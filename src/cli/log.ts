/** The log of the command: one line per event, for a reader or for a machine. */

import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Options } from '../config/options.js';

/** Where lines go, one by one and at once: standard error, or a list in a test. */
export interface Lines {
  readonly isTTY?: boolean;
  /** Whether colours can be shown; terminals answer, and know NO_COLOR. */
  hasColors?(): boolean;
  write(line: string): unknown;
}

export function openLog({ logLevel, logFormat }: Pick<Options, 'logLevel' | 'logFormat'>, lines: Lines): Logger {
  const terminal = lines.isTTY === true;
  const readable = logFormat === 'auto' ? terminal : logFormat === 'pretty';
  return pino(
    {
      level: logLevel,
      // The process and the machine are known to whoever collects the lines.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    readable ? prettyLines(lines, terminal && lines.hasColors?.() === true) : lines,
  );
}

/** In the same thread and at once: what is logged last is what matters most, and must not die with a worker. */
function prettyLines(lines: Lines, colorize: boolean): Lines {
  const format = pretty.prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    // A status line says it all in its message; the fields are for machines.
    ignore: 'status',
  });
  return { write: (line) => lines.write(format(line)) };
}
