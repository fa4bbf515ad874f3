/** The status line: what a broker holds now and what it did, in one line. */

import type { Stats } from '../broker/stats.js';

export interface StatusLine {
  /** Everything, for machines, under the one name `status`. */
  readonly fields: { readonly status: object };
  /** The same, for readers. */
  readonly message: string;
}

/**
 * @param before what `now` was when the last line was written.
 * @param seconds the time between the two; rates are per second of it.
 */
export function statusLine(now: Stats, before: Stats, seconds: number): StatusLine {
  const { connections, sessions, subscriptions, retained, queued } = now;
  const received = traffic(now.received, before.received, seconds);
  const sent = traffic(now.sent, before.sent, seconds);
  const dropped = nonZero(now.dropped);
  const closed = nonZero(now.closed);
  return {
    fields: { status: { connections, sessions, subscriptions, retained, queued, received, sent, dropped, closed } },
    message: [
      `${count(connections.open, 'connection')} (${number(connections.total)} in all)`,
      `${count(sessions.connected + sessions.disconnected, 'session')} (${number(sessions.connected)} connected, ${number(sessions.disconnected)} disconnected)`,
      `in ${flow(received)}`,
      `out ${flow(sent)}`,
      `${number(retained.messages)} retained (${size(retained.bytes)})`,
      `${number(queued.messages)} queued (${size(queued.bytes)})`,
      `dropped ${drops(dropped)}`,
    ].join('; '),
  };
}

interface Traffic {
  readonly messages: number;
  readonly bytes: number;
  readonly packets: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

function traffic(now: Stats['received'], before: Stats['received'], seconds: number): Traffic {
  return {
    messages: now.messages,
    bytes: now.bytes,
    packets: now.packets,
    messagesPerSecond: rate(now.messages - before.messages, seconds),
    bytesPerSecond: rate(now.bytes - before.bytes, seconds),
  };
}

/** To one decimal, which is enough to tell something from nothing. */
function rate(amount: number, seconds: number): number {
  return seconds > 0 ? Math.round((amount / seconds) * 10) / 10 : 0;
}

function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, amount]) => amount !== 0));
}

/** `1,234 messages, 56.3 kB (41.1/s, 1.9 kB/s)` */
function flow({ messages, bytes, messagesPerSecond, bytesPerSecond }: Traffic): string {
  return `${count(messages, 'message')}, ${size(bytes)} (${number(messagesPerSecond)}/s, ${size(bytesPerSecond)}/s)`;
}

/** `7 (queue-full 5, slow-consumer 2)`, or `0` */
function drops(counts: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(counts);
  if (reasons.length === 0) return '0';
  const all = reasons.reduce((sum, [, amount]) => sum + amount, 0);
  return `${number(all)} (${reasons.map(([reason, amount]) => `${reason} ${number(amount)}`).join(', ')})`;
}

function count(amount: number, noun: string): string {
  return `${number(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

/** One locale, whatever the machine speaks: a log is searched. */
function number(amount: number): string {
  return amount.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `0 B`, `999 B`, `1.2 kB`, `56.3 GB`: powers of a thousand. */
function size(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // 999.95 would be shown as 1,000.
  while (amount >= 999.95 && unit < UNITS.length - 1) {
    amount /= 1_000;
    unit++;
  }
  return `${number(amount)} ${UNITS[unit]}`;
}
