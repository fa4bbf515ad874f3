/** One line on a terminal that is written over; nothing where no terminal is. */

/** How often it shows at most what changes all the time, in ms. */
const EVERY = 100;

export class StatusLine {
  #shownAt = -Infinity;

  /** Shows what changes all the time. @param state is asked only where it is shown. */
  show(state: () => string): void {
    if (process.stderr.isTTY && performance.now() - this.#shownAt >= EVERY) this.tell(state());
  }

  /** Shows what may stand for a while: at once. */
  tell(state: string): void {
    if (!process.stderr.isTTY) return;
    this.#shownAt = performance.now();
    process.stderr.write(`\r\u001B[K${state}`);
  }

  clear(): void {
    if (this.#shownAt !== -Infinity) process.stderr.write('\r\u001B[K');
    this.#shownAt = -Infinity;
  }
}
