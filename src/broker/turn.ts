/** The beat: during a turn of the event loop facts and bytes pile up; at its end they are committed once and written once. Hot. */
import type { Ticket } from '../session/contracts.js';

/** Somebody with bytes to write when the turn ends. */
export interface Flushable {
  flush(): void;
  /** Everything up to this ticket is durable now. */
  release(durable: Ticket): void;
}

export interface TurnEdges {
  /** Calls back when this turn of the event loop is over. */
  readonly schedule: (end: () => void) => void;
  /** Makes durable what was written to the storage up to now. */
  readonly commit: () => Promise<void>;
  /** A commit failed: nothing that waits for it may ever be acknowledged. */
  readonly failed: (error: unknown) => void;
  /** A task, or an outbox, threw; the others are not to suffer for it. */
  readonly bug: (where: string, error: unknown) => void;
  /** A turn is over and its bytes are written; nothing of it waits for the disk, and nothing for the next. */
  readonly ended?: (() => void) | undefined;
}

export class Turn {
  /** The newest ticket that is durable. */
  durable: Ticket = 0;
  readonly #edges: TurnEdges;
  readonly #end = (): void => this.end();
  /** The ticket of what is being written now. */
  #batch: Ticket = 1;
  #dirty = false;
  /** Facts were written that nobody waits for. */
  #hasUnawaited = false;
  #committing = false;
  #stopped = false;
  #failure: { readonly error: unknown } | undefined;
  #scheduled = false;
  #touched: Flushable[] = [];
  #holding: Flushable[] = [];
  #tasks: (() => void)[] = [];
  #waiters: { readonly ticket: Ticket; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(edges: TurnEdges) {
    this.#edges = edges;
  }

  /** Whether nothing waits for a turn to end or for the disk. */
  get idle(): boolean {
    const isWritten = !this.#dirty && !this.#hasUnawaited;
    return !this.#scheduled && !this.#committing && (isWritten || this.#stopped || this.#failure !== undefined);
  }

  /** A fact was written to the storage: its ticket. */
  wrote(): Ticket {
    this.#dirty = true;
    this.#schedule();
    return this.#batch;
  }

  /**
   * A fact was written that nobody waits for: it goes with the next commit, or alone when somebody says so by {@link hasten}. A sync of its own
   * would cost as much as one that publishers wait for, and make them wait for it.
   */
  wroteUnawaited(): void {
    this.#hasUnawaited = true;
  }

  /** What nobody waits for is to be committed, too. */
  hasten(): void {
    if (this.#hasUnawaited) this.wrote();
  }

  /** The ticket of the next fact that is written. */
  get batch(): Ticket {
    return this.#batch;
  }

  /** The ticket of the last fact that was written. */
  get newest(): Ticket {
    return this.#dirty || this.#hasUnawaited ? this.#batch : this.#batch - 1;
  }

  /** Bytes wait in this outbox; it is flushed once, when the turn ends. */
  touch(outbox: Flushable): void {
    this.#touched.push(outbox);
    this.#schedule();
  }

  /** Bytes in this outbox wait for the disk; it is told, once, when more is durable. */
  holding(outbox: Flushable): void {
    this.#holding.push(outbox);
  }

  /** Does something when this turn ends, before its facts are committed; what comes up meanwhile waits for the next. */
  later(task: () => void): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  /** Resolves when the ticket is durable, rejects when it will never be. */
  async settled(ticket: Ticket): Promise<void> {
    if (ticket <= this.durable) return;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (ticket === this.#batch) this.hasten();
    await new Promise<void>((resolve, reject) => this.#waiters.push({ ticket, resolve, reject }));
  }

  /** Commits nothing more: what is still written is for nobody. */
  stop(): void {
    this.#stopped = true;
  }

  end(): void {
    this.#scheduled = false;
    if (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) this.#guard('a task', task);
    }
    this.#commit();
    this.flush();
    if (!this.#committing && !this.#scheduled) this.#edges.ended?.();
  }

  /** Writes what the touched outboxes hold, before the turn ends: also when memory for them runs short. */
  flush(): void {
    const touched = this.#touched;
    if (touched.length === 0) return;
    this.#touched = [];
    for (const outbox of touched) {
      try {
        outbox.flush();
      } catch (error) {
        this.#edges.bug('a flush', error);
      }
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#edges.schedule(this.#end);
  }

  /** One commit at a time: what is written meanwhile goes with the next. */
  #commit(): void {
    if (!this.#dirty || this.#committing || this.#stopped || this.#failure !== undefined) return;
    this.#dirty = false;
    this.#hasUnawaited = false;
    this.#committing = true;
    const ticket = this.#batch++;
    this.#edges.commit().then(
      () => this.#landed(ticket),
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#committing = false;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    this.#edges.failed(error);
  }

  #landed(ticket: Ticket): void {
    this.#committing = false;
    this.durable = ticket;
    this.#commit();
    const holding = this.#holding;
    this.#holding = [];
    for (const outbox of holding) this.#guard('a release', () => outbox.release(ticket));
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.ticket <= ticket) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  #guard(where: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#edges.bug(where, error);
    }
  }
}
