/** What every `Transport` does, as a suite each of them runs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Receiver, Transport } from '../../src/net/transport.js';
import { until } from '../util/until.js';

/** One connection, not started. */
export interface Line {
  readonly transport: Transport;
  readonly far: FarSide;
  /** What {@link Transport.remoteAddress} is to say. */
  readonly address: string;
  /** Ends whatever is left of it. */
  readonly close?: () => Promise<void>;
}

/** What the peer does. */
export interface FarSide {
  /** Everything it has taken. */
  received(): Buffer;
  /** Whether it has been told that nothing more comes. */
  closed(): boolean;
  send(bytes: Buffer): void;
  /** Takes nothing more until {@link thaw}. */
  freeze(): void;
  thaw(): void;
  /** Closes its side in order. */
  end(): void;
  /** Breaks the connection. */
  reset(): void;
}

const MEGABYTE = 1_048_576;
/** More than any kernel holds for a peer that does not read. */
const VERY_MUCH = 32 * MEGABYTE;

/** @param open makes a new connection. */
export function transportContract(name: string, open: () => Promise<Line>): void {
  const proves = (sentence: string, prove: (line: Line, receiver: Recorder) => Promise<void>): void => {
    test(sentence, async () => {
      const line = await open();
      try {
        await prove(line, new Recorder());
      } finally {
        line.transport.destroy();
        await line.close?.();
      }
    });
  };

  describe(`${name} is a transport`, () => {
    proves('it knows where its peer is', async ({ transport, address }) => {
      assert.equal(transport.remoteAddress, address);
    });

    proves('what the peer sends is received, all of it and in order', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      const sent = noise(4 * MEGABYTE);
      for (let at = 0; at < sent.length; at += 99_991) far.send(sent.subarray(at, at + 99_991));
      await until('everything is received', () => receiver.length >= sent.length);
      assert.ok(receiver.bytes.equals(sent));
    });

    proves('what is written arrives, all of it and in order, one by one or all at once', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      const sent = noise(MEGABYTE);
      const pieces = cut(sent, 10_007);
      for (const piece of pieces.slice(0, 40)) transport.write(piece);
      transport.writeAll(pieces.slice(40));
      await until('everything has arrived', () => far.received().length >= sent.length);
      assert.ok(far.received().equals(sent));
      await until('nothing waits', () => transport.buffered === 0);
    });

    proves('bytes that are not buffered any more may be written over', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      const sent = noise(200_000);
      const lent = Buffer.alloc(1_000);
      for (const piece of cut(sent, lent.length)) {
        piece.copy(lent);
        transport.write(lent);
        await until('they are taken', () => transport.buffered === 0);
        lent.fill(0);
      }
      await until('everything has arrived', () => far.received().length >= sent.length);
      assert.ok(far.received().equals(sent));
    });

    for (const how of ['one by one', 'all at once']) {
      proves(`however little the peer leaves buffered of what is written ${how}, it is told when that is taken`, async (line, receiver) => {
        const { transport, far } = line;
        transport.start(receiver);
        far.freeze();
        const written: Buffer[] = [];
        for (let seed = 1; transport.buffered === 0; seed++) {
          const piece = noise(4_000, seed);
          written.push(piece, piece);
          assert.ok(written.length * piece.length < VERY_MUCH, 'a frozen peer takes no more at some point');
          if (how === 'all at once') transport.writeAll([piece, piece]);
          else for (const bytes of [piece, piece]) transport.write(bytes);
        }
        assert.equal(receiver.drains, 0);
        far.thaw();
        await until('it is told', () => receiver.drains > 0);
        assert.equal(transport.buffered, 0);
        const sent = Buffer.concat(written);
        await until('everything has arrived', () => far.received().length >= sent.length);
        assert.ok(far.received().equals(sent));
      });
    }

    proves('a write that is not taken at once says that more is not welcome', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.freeze();
      assert.equal(transport.write(noise(VERY_MUCH)), false);
      assert.ok(transport.buffered > 0 && transport.buffered <= VERY_MUCH);
      far.thaw();
      await until('it is taken', () => receiver.drains > 0);
      assert.equal(transport.write(noise(100)), true);
    });

    proves('nothing is received while it is paused, and everything after', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.send(noise(1_000));
      await until('it reads', () => receiver.length === 1_000);
      transport.pause();
      const sent = noise(MEGABYTE, 2);
      far.send(sent);
      // Whatever goes the other way meanwhile gives the bytes the time to come.
      transport.write(noise(MEGABYTE, 3));
      await until('the peer has its bytes', () => far.received().length === MEGABYTE);
      assert.equal(receiver.length, 1_000);
      transport.resume();
      await until('everything is received', () => receiver.length >= 1_000 + sent.length);
      assert.ok(receiver.bytes.subarray(1_000).equals(sent));
    });

    proves('a receiver that pauses it while it receives gets no more than it has', async ({ transport, far }) => {
      const receiver = new Recorder(() => transport.pause());
      transport.start(receiver);
      const sent = noise(MEGABYTE);
      far.send(sent.subarray(0, MEGABYTE / 2));
      far.send(sent.subarray(MEGABYTE / 2));
      let times = 0;
      while (receiver.length < sent.length) {
        await until('something is received', () => receiver.times > times);
        times = receiver.times;
        transport.resume();
      }
      assert.ok(receiver.bytes.equals(sent));
    });

    proves('it ends after everything that was written, and is released once', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.freeze();
      const sent = noise(16 * MEGABYTE);
      transport.write(sent);
      transport.end();
      far.thaw();
      await until('the peer is told', () => far.closed());
      assert.ok(far.received().equals(sent));
      far.end();
      await until('it is released', () => receiver.told.includes('released'));
      assert.equal(receiver.told.filter((word) => word === 'released').length, 1);
    });

    proves('a peer that closes ends it without an error, after what it sent, and it is released', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      const sent = noise(100_000);
      far.send(sent);
      far.end();
      await until('it is released', () => receiver.told.includes('released'));
      assert.deepEqual([receiver.told, receiver.error], [['ended', 'released'], undefined]);
      assert.ok(receiver.bytes.equals(sent));
    });

    proves('a peer that breaks the connection ends it with an error, and it is released', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.reset();
      await until('it is released', () => receiver.told.includes('released'));
      assert.deepEqual(receiver.told, ['ended', 'released']);
      assert.ok(receiver.error instanceof Error);
    });

    proves('a peer that breaks the connection while much waits for it leaves nothing behind', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.freeze();
      transport.write(noise(VERY_MUCH));
      far.reset();
      await until('it is released', () => receiver.told.includes('released'));
      assert.equal(receiver.told.filter((word) => word === 'released').length, 1);
      assert.equal(receiver.drains, 0);
    });

    proves('destroyed, it is released once, whatever waits, and tells nothing after', async ({ transport, far }, receiver) => {
      transport.start(receiver);
      far.freeze();
      transport.write(noise(VERY_MUCH));
      transport.end();
      transport.destroy();
      transport.destroy();
      await until('it is released', () => receiver.told.includes('released'));
      far.thaw();
      await until('the peer is told', () => far.closed());
      assert.deepEqual(receiver.told, ['released']);
      assert.equal(receiver.drains, 0);
    });

    proves('destroyed before it was started, it is gone', async ({ transport, far }) => {
      transport.destroy();
      await until('the peer is told', () => far.closed());
      assert.equal(far.received().length, 0);
    });
  });
}

/** A receiver that writes down what it is told. */
class Recorder implements Receiver {
  /** How its connection went: each word once in a row. */
  readonly told: ('ended' | 'released')[] = [];
  error: Error | undefined;
  drains = 0;
  length = 0;
  /** How often it received something. */
  times = 0;
  readonly #chunks: Buffer[] = [];
  readonly #whenReceived: () => void;

  constructor(whenReceived: () => void = () => {}) {
    this.#whenReceived = whenReceived;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  received(bytes: Buffer, length: number): void {
    this.#chunks.push(Buffer.from(bytes.subarray(0, length)));
    this.length += length;
    this.times++;
    this.#whenReceived();
  }

  drained(): void {
    this.drains++;
  }

  ended(error: Error | undefined): void {
    this.error ??= error;
    if (this.told.at(-1) !== 'ended') this.told.push('ended');
  }

  released(): void {
    this.told.push('released');
  }
}

/** Bytes of which no two stretches are alike, so that none can be lost, doubled or swapped unseen. */
function noise(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let word = seed;
  for (let i = 0; i < words.length; i++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[i] = word;
  }
  return Buffer.from(words.buffer, 0, length);
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
