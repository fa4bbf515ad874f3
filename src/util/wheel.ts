/** One timing wheel for every deadline; it has no clock of its own and is told the time. */

/** Something that fires once, at a deadline, and may be scheduled again; it belongs to one wheel at a time. */
export class Timer {
  readonly fire: (timer: Timer) => void;

  // The wheel's own: its links in one circular list (to itself when in none) and its deadline in ticks.
  next: Timer = this;
  previous: Timer = this;
  tick = 0;

  constructor(fire: (timer: Timer) => void) {
    this.fire = fire;
  }

  get pending(): boolean {
    return this.next !== this;
  }
}

export interface WheelOptions {
  /** Milliseconds per tick: how late a timer may fire. */
  readonly tick: number;
  /** Ticks per rotation, a power of two. A deadline further away waits in its slot for the right rotation. */
  readonly slots: number;
  /** The time at the start, in milliseconds. */
  readonly now: number;
  /** Hears what a timer throws; without it `advance` throws that itself, after every due timer has fired. */
  readonly onError?: (error: unknown) => void;
}

export class Wheel {
  readonly #width: number;
  /** Each is made when the first timer comes into it. */
  readonly #slots: (Timer | undefined)[];
  readonly #due = head();
  readonly #onError: ((error: unknown) => void) | undefined;
  /** Ticks are counted from the start: since the epoch they would be too many for a small integer, and a number of its own in each timer. */
  readonly #origin: number;
  #now: number;
  #tick = 0;
  #size = 0;

  constructor(options: WheelOptions) {
    if (!(options.slots > 0) || (options.slots & (options.slots - 1)) !== 0) {
      throw new RangeError(`the slots of a wheel must be a power of two, got ${options.slots}`);
    }
    this.#width = options.tick;
    this.#slots = new Array<Timer | undefined>(options.slots).fill(undefined);
    this.#onError = options.onError;
    this.#now = options.now;
    this.#origin = Math.floor(options.now / options.tick);
  }

  /** The time it was last told, in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** Timers pending. */
  get size(): number {
    return this.#size;
  }

  /**
   * Sets the deadline of a timer in place of any it had. A deadline that has passed is met by the next `advance`,
   * never by the one that is under way. One that never comes (`Infinity`) leaves the timer not pending.
   */
  schedule(timer: Timer, at: number): void {
    this.cancel(timer);
    if (!(at < Infinity)) return;
    timer.tick = Math.max(Math.ceil(at / this.#width) - this.#origin, this.#tick);
    append(this.#slot(timer.tick), timer);
    this.#size++;
  }

  cancel(timer: Timer): void {
    if (!timer.pending) return;
    unlink(timer);
    this.#size--;
  }

  /** Tells the time and fires what is due, earlier ticks first. A time before `now` counts as `now`. */
  advance(now: number): void {
    if (now > this.#now) this.#now = now;
    this.#gather(Math.floor(this.#now / this.#width) - this.#origin);
    this.#fire();
  }

  /** Moves what is due out of the slots, so that what a firing timer schedules waits for the next time. */
  #gather(tick: number): void {
    const first = this.#tick;
    this.#tick = tick;
    const visits = Math.min(tick - first + 1, this.#slots.length);
    for (let i = 0; i < visits; i++) {
      const slot = this.#slots[(first + i) & (this.#slots.length - 1)];
      if (slot === undefined) continue;
      for (let timer = slot.next; timer !== slot; ) {
        const next = timer.next;
        if (timer.tick <= tick) {
          unlink(timer);
          append(this.#due, timer);
        }
        timer = next;
      }
    }
    // Only a jump of a rotation or more can find two different ticks due in one slot.
    if (tick - first >= this.#slots.length) sort(this.#due);
  }

  #fire(): void {
    const errors: unknown[] = [];
    while (this.#due.pending) {
      const timer = this.#due.next;
      this.cancel(timer);
      try {
        timer.fire(timer);
      } catch (error) {
        if (this.#onError === undefined) errors.push(error);
        else this.#onError(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} timers failed`);
  }

  #slot(tick: number): Timer {
    return (this.#slots[tick & (this.#slots.length - 1)] ??= head());
  }
}

/** The fixed point of a circular list, itself never due. */
function head(): Timer {
  return new Timer(() => {});
}

function append(list: Timer, timer: Timer): void {
  timer.previous = list.previous;
  timer.next = list;
  list.previous.next = timer;
  list.previous = timer;
}

function unlink(timer: Timer): void {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.next = timer;
  timer.previous = timer;
}

function sort(list: Timer): void {
  const timers: Timer[] = [];
  for (let timer = list.next; timer !== list; timer = timer.next) timers.push(timer);
  timers.sort((a, b) => a.tick - b.tick);
  for (const timer of timers) {
    unlink(timer);
    append(list, timer);
  }
}
