import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statusLine } from '../../src/admin/status.js';

type Stats = Parameters<typeof statusLine>[0];

const NOTHING = { messages: 0, bytes: 0, packets: 0 };
const START = {
  startedAt: 0,
  connections: { open: 0, total: 0 },
  sessions: { connected: 0, disconnected: 0 },
  subscriptions: 0,
  retained: { messages: 0, bytes: 0 },
  queued: { messages: 0, bytes: 0 },
  received: NOTHING,
  sent: NOTHING,
  dropped: {},
  closed: {},
} as unknown as Stats;

// The line takes reasons as they come; these are not tied to the words of the day.
const LATER = {
  startedAt: 0,
  connections: { open: 3, total: 15 },
  sessions: { connected: 3, disconnected: 1_200 },
  subscriptions: 7,
  retained: { messages: 12, bytes: 999 },
  queued: { messages: 4, bytes: 1_234 },
  received: { messages: 1_234, bytes: 56_300, packets: 1_300 },
  sent: { messages: 1, bytes: 999_999, packets: 40 },
  dropped: { expired: 0, full: 5, slow: 1_002 },
  closed: { asked: 12, silent: 0 },
} as unknown as Stats;

describe('the status line', () => {
  it('reads as one sentence', () => {
    assert.equal(
      statusLine(LATER, START, 30).message,
      '3 connections (15 in all); 1,203 sessions (3 connected, 1,200 disconnected); in 1,234 messages, 56.3 kB (41.1/s, 1.9 kB/s); ' +
        'out 1 message, 1 MB (0/s, 33.3 kB/s); 12 retained (999 B); 4 queued (1.2 kB); dropped 1,007 (full 5, slow 1,002)',
    );
  });

  it('has something to say about nothing', () => {
    assert.equal(
      statusLine(START, START, 30).message,
      '0 connections (0 in all); 0 sessions (0 connected, 0 disconnected); in 0 messages, 0 B (0/s, 0 B/s); ' +
        'out 0 messages, 0 B (0/s, 0 B/s); 0 retained (0 B); 0 queued (0 B); dropped 0',
    );
  });

  it('has every figure as a field, and of the reasons those that happened', () => {
    assert.deepEqual(statusLine(LATER, START, 10).fields, {
      status: {
        connections: { open: 3, total: 15 },
        sessions: { connected: 3, disconnected: 1_200 },
        subscriptions: 7,
        retained: { messages: 12, bytes: 999 },
        queued: { messages: 4, bytes: 1_234 },
        received: { messages: 1_234, bytes: 56_300, packets: 1_300, messagesPerSecond: 123.4, bytesPerSecond: 5_630 },
        sent: { messages: 1, bytes: 999_999, packets: 40, messagesPerSecond: 0.1, bytesPerSecond: 99_999.9 },
        dropped: { full: 5, slow: 1_002 },
        closed: { asked: 12 },
      },
    });
  });

  it('counts rates from the last line and survives two at once', () => {
    const { received } = statusLine(LATER, LATER, 30).fields.status as { received: object };
    assert.deepEqual(received, { messages: 1_234, bytes: 56_300, packets: 1_300, messagesPerSecond: 0, bytesPerSecond: 0 });
    assert.match(statusLine(LATER, START, 0).message, /in 1,234 messages, 56\.3 kB \(0\/s, 0 B\/s\)/);
  });
});
