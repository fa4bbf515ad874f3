/** One line on a terminal that is written over; nothing where no terminal is. */

/** How often it is written at most, in ms. */
const EVERY = 100;

export class StatusLine {
  #shownAt = -Infinity;

  /** @param state is asked only where it is shown. */
  show(state: () => string): void {
    const now = performance.now();
    if (!process.stderr.isTTY || now - this.#shownAt < EVERY) return;
    this.#shownAt = now;
    process.stderr.write(`\r\u001B[K${state()}`);
  }

  clear(): void {
    if (this.#shownAt !== -Infinity) process.stderr.write('\r\u001B[K');
    this.#shownAt = -Infinity;
  }
}
