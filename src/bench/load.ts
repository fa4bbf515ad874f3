/** Messages from publishers to subscribers: who may send how many now, and what has come of it. Hot. */
import type { BenchError } from './bench-error.js';
import type { Client, ClientListener } from './client.js';
import { micros } from './clock.js';
import type { Frames } from './frames.js';
import { Histogram } from './histogram.js';

/** What one of several publishers sends before it is the next one's turn, in bytes. */
const SHARE = 4_096;
/** The event loop waits with a timer only for what is further off than this, in microseconds: its timers are late by up to one millisecond. */
const SOON = 2_000;

export interface LoadOptions {
  /** How many deliveries each message makes. */
  readonly fan: number;
  /** Messages outstanding: of each publisher if `pairs`, and else in all. */
  readonly window: number;
  readonly pairs: boolean;
  /** Messages a second in all; 0 sends what the window allows. */
  readonly rate: number;
}

export class Load implements ClientListener {
  /** From the time in a message to its arrival. */
  readonly latency = new Histogram();
  /** From a PUBLISH at QoS 1 or 2 to the end of its handshake. */
  readonly acknowledgement = new Histogram();
  sent = 0;
  heardCount = 0;
  /** Rejects when a connection is lost. */
  readonly failed: Promise<never>;
  #fail: (error: BenchError) => void = () => {};

  readonly #fan: number;
  readonly #window: number;
  readonly #pairs: boolean;
  readonly #rate: number;
  #publishers: readonly Client[] = [];
  #sharePerTurn = 0;
  /** By publisher. */
  #sentBy = new Float64Array(0);
  #heardFrom = new Float64Array(0);
  /** Publishers that may have something to send, each once. */
  #touched: Int32Array = new Int32Array(0);
  #touchedCount = 0;
  #isTouched: Uint8Array = new Uint8Array(0);
  /** Whose turn it is, where all share one window. */
  #next = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = true;
  /** Of an open loop: when it began, and how many messages have become due. */
  #began = 0;
  #due = 0;

  constructor(options: LoadOptions) {
    this.#fan = options.fan;
    this.#window = options.window;
    this.#pairs = options.pairs;
    this.#rate = options.rate;
    this.failed = new Promise((_resolve, reject) => (this.#fail = reject));
    // Who waits for the load hears of it; a failure before that is no unhandled rejection.
    this.failed.catch(() => {});
  }

  /** Deliveries that are yet to come. */
  get outstanding(): number {
    return this.sent * this.#fan - this.heardCount;
  }

  get unsettled(): number {
    return this.#publishers.reduce((sum, publisher) => sum + publisher.unsettled, 0);
  }

  /** @param publishers those with {@link Client.source} 0, 1, …, prepared. @param frames one of theirs. */
  start(publishers: readonly Client[], frames: Frames): void {
    const count = publishers.length;
    this.#publishers = publishers;
    this.#sharePerTurn = count === 1 ? frames.copies : Math.floor(SHARE / frames.size) + 1;
    this.#sentBy = new Float64Array(count);
    this.#heardFrom = new Float64Array(count);
    this.#touched = new Int32Array(count);
    this.#isTouched = new Uint8Array(count);
    this.#stopped = false;
    this.#began = micros();
    if (this.#rate === 0) for (let i = 0; i < count; i++) this.#touch(i);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  // What the clients tell.

  heard(client: Client, latency: number, retained: boolean): void {
    // Left over from before this run: what was published now is not marked.
    if (retained) return;
    this.latency.record(latency);
    this.heardCount++;
    if (this.#rate !== 0) return;
    if (this.#pairs) {
      this.#heardFrom[client.source]!++;
      this.#touch(client.source);
    }
    this.#schedule();
  }

  settled(_client: Client, latency: number): void {
    this.acknowledgement.record(latency);
  }

  ready(client: Client): void {
    this.#touch(client.source);
    this.#schedule();
  }

  lost(error: BenchError): void {
    this.#fail(error);
  }

  // The beat: what a turn of the event loop has heard is answered at its end, with one write for each publisher.

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  #touch(source: number): void {
    if (this.#isTouched[source] === 1) return;
    this.#isTouched[source] = 1;
    this.#touched[this.#touchedCount++] = source;
  }

  readonly #wake = (): void => {
    this.#timer = undefined;
    this.#schedule();
  };

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#stopped) return;
    const now = micros();
    if (this.#rate !== 0) this.#turnOfSchedule(now);
    else if (this.#pairs) this.#turnOfPairs(now);
    else this.#turnOfAll(now);
  };

  #turnOfPairs(now: number): void {
    const count = this.#touchedCount;
    this.#touchedCount = 0;
    for (let i = 0; i < count; i++) {
      const source = this.#touched[i]!;
      this.#isTouched[source] = 0;
      const left = this.#window + Math.floor(this.#heardFrom[source]! / this.#fan) - this.#sentBy[source]!;
      if (left > 0 && this.#send(source, left, now, 0) < left) this.#goOn(source);
    }
  }

  #turnOfAll(now: number): void {
    const count = this.#publishers.length;
    let left = this.#window + Math.floor(this.heardCount / this.#fan) - this.sent;
    let able = false;
    for (let i = 0; i < count && left > 0; i++) {
      const share = left < this.#sharePerTurn ? left : this.#sharePerTurn;
      const sent = this.#send(this.#next, share, now, 0);
      if (sent > 0) able = true;
      left -= sent;
      this.#next = this.#next + 1 === count ? 0 : this.#next + 1;
    }
    this.#forgetTouched();
    if (left > 0 && able) this.#schedule();
  }

  /** An open loop: message `m` is due at its time, whatever has become of those before it, and belongs to publisher `m` modulo all. */
  #turnOfSchedule(now: number): void {
    const publishers = this.#publishers.length;
    const gap = 1e6 / this.#rate;
    const due = Math.floor((now - this.#began) / gap) + 1;
    for (let ahead = Math.min(due - this.#due, publishers); ahead > 0; ahead--) this.#touch((due - ahead) % publishers);
    this.#due = due;
    const count = this.#touchedCount;
    this.#touchedCount = 0;
    for (let i = 0; i < count; i++) {
      const source = this.#touched[i]!;
      this.#isTouched[source] = 0;
      const before = this.#sentBy[source]!;
      const left = Math.floor((due - source + publishers - 1) / publishers) - before;
      const time = this.#began + (source + before * publishers) * gap;
      if (left > 0 && this.#send(source, left, time, publishers * gap) < left) this.#goOn(source);
    }
    const wait = this.#began + due * gap - micros();
    if (wait < SOON) this.#schedule();
    else this.#timer ??= setTimeout(this.#wake, (wait - SOON) / 1e3 + 1);
  }

  /** A publisher had more to send than one write takes: it goes on in the next turn, or when it is ready. */
  #goOn(source: number): void {
    if (this.#publishers[source]!.held) return;
    this.#touch(source);
    this.#schedule();
  }

  #forgetTouched(): void {
    for (let i = 0; i < this.#touchedCount; i++) this.#isTouched[this.#touched[i]!] = 0;
    this.#touchedCount = 0;
  }

  #send(source: number, count: number, time: number, step: number): number {
    const sent = this.#publishers[source]!.publish(count, time, step);
    this.#sentBy[source]! += sent;
    this.sent += sent;
    return sent;
  }
}
