/** What a process asked of its system, as `strace -f -y -xx` writes it down, in the order in which it happened. */
import assert from 'node:assert/strict';

interface Moment {
  readonly at: 'begin' | 'end';
  readonly name: string;
  /** The file or socket it was asked of. */
  readonly target: string;
  /** The first bytes that were read or written, in hexadecimal. */
  readonly bytes: string;
}

export class SystemCalls {
  readonly #moments: readonly Moment[];

  constructor(trace: string | readonly Moment[]) {
    this.#moments = typeof trace === 'string' ? momentsOf(trace) : trace;
  }

  /** Whether these bytes were written at the beginning of a call. */
  wrote(bytes: Buffer): boolean {
    return this.#beginning(bytes) >= 0;
  }

  /** From the return of the call that read these bytes to the beginning of the one that wrote those. */
  between(read: Buffer, written: Buffer): SystemCalls {
    const from = this.#moments.findIndex(({ at, bytes }) => at === 'end' && bytes.includes(read.toString('hex')));
    const to = this.#beginning(written);
    assert.ok(from >= 0 && to > from, this.toString());
    return new SystemCalls(this.#moments.slice(from, to));
  }

  /** From the return of the call that wrote such bytes to such a file. */
  afterWriting(target: RegExp, part: string): SystemCalls {
    const hex = Buffer.from(part).toString('hex');
    const from = this.#moments.findIndex((moment) => moment.at === 'end' && target.test(moment.target) && moment.bytes.includes(hex));
    assert.ok(from >= 0, this.toString());
    return new SystemCalls(this.#moments.slice(from));
  }

  /** Whether a call on such a file began and returned. */
  completes(name: string, target: RegExp): boolean {
    const is = (moment: Moment, at: Moment['at']): boolean => moment.at === at && moment.name === name && target.test(moment.target);
    const began = this.#moments.findIndex((moment) => is(moment, 'begin'));
    return began >= 0 && this.#moments.slice(began).some((moment) => is(moment, 'end'));
  }

  #beginning(written: Buffer): number {
    return this.#moments.findIndex(
      ({ at, bytes, name }) => at === 'begin' && /^(?:write|send)/.test(name) && bytes.startsWith(written.toString('hex')),
    );
  }

  toString(): string {
    return this.#moments.map(({ at, name, target, bytes }) => `${name} ${at} ${target} ${bytes.slice(0, 40)}`).join('\n');
  }
}

function momentsOf(trace: string): Moment[] {
  const moments: Moment[] = [];
  /** What each thread has begun. */
  const begun = new Map<string, Moment>();
  for (const line of trace.split('\n')) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const [, resumed] = /^<\.\.\. (\w+) resumed>/.exec(text) ?? [];
    if (resumed !== undefined) {
      const moment = begun.get(thread);
      if (moment !== undefined) moments.push({ ...moment, at: 'end', bytes: moment.bytes + hexIn(text) });
      continue;
    }
    const [, name, target = ''] = /^(\w+)\(\d+<(.*?)>/.exec(text) ?? [];
    if (name === undefined) continue;
    const moment: Moment = { at: 'begin', name, target: textOf(target), bytes: hexIn(text) };
    moments.push(moment);
    if (text.endsWith('<unfinished ...>')) begun.set(thread, moment);
    else moments.push({ ...moment, at: 'end' });
  }
  return moments;
}

/** The bytes between the first quotes: `\x30\x0a…`. */
function hexIn(text: string): string {
  const [, quoted = ''] = /"((?:\\x[0-9a-f]{2})*)"/.exec(text) ?? [];
  return quoted.replaceAll('\\x', '');
}

/** The name of a file may be written as bytes too. */
function textOf(target: string): string {
  return target.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
