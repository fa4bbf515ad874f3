/** Short rests between turns, so that packets that come one by one are handled together. Hot. */

/** What is measured, at the least, before it is judged, in ms. */
const SPAN = 40;
/** Turns between two looks at the clock. */
const LOOK = 16;
/** Rests are worth it from so many turns in a ms: a core spends a tenth of its time waking up for them. */
const BUSY = 3;
/** Up to so many packets a turn they come one by one; with more, the kernel and the clients gather them already. */
const THIN = 4;
/** What must still come while resting, of what came before: where less comes, somebody waits for answers before sending more. */
const STILL_COMES = 0.85;
/** How many turns may be left, of those before: with more, the rests gather nothing. */
const TURNS_LEFT = 0.7;
/** How many times as long as it should be a turn with its rest may be: not every system wakes up in time. */
const LATE = 4;
/** How long rests go on before it is looked again what would come without, in ms. */
const GOES_ON = 1_000;
/** How long none are tried after they were of no use, in ms: at first, and after many times in a row. */
const LET_BE = 1_000;
const LET_BE_AT_MOST = 32_000;

export interface CoalescingEdges {
  /** How long a rest is, in ms. */
  readonly pause: number;
  /** ms, never going back. */
  readonly now: () => number;
  /** Control Packets received since the start. */
  readonly received: () => number;
  /** Does nothing for that long, in ms; packets wait meanwhile in the kernel. */
  readonly rest: (pause: number) => void;
}

/**
 * Decides after which turns the event loop rests. For a message that comes alone, waking up costs more than everything else, so where many turns
 * bring few packets each, rests are tried. They go on where as much comes as before in fewer turns, and end where less does: those clients
 * wait for what the broker says, and a rest would only slow them down (decision 10).
 */
export class Coalescing {
  readonly #edges: CoalescingEdges;
  #phase: 'awake' | 'trying' | 'resting' = 'awake';
  /** What is measured began then: the time in ms, and the packets up to then. */
  #since: number;
  #received: number;
  #turns = 0;
  /** Packets and turns in a ms without rests. */
  #packetRate = 0;
  #turnRate = 0;
  #notBefore = 0;
  #letBe = LET_BE;

  constructor(edges: CoalescingEdges) {
    this.#edges = edges;
    this.#since = edges.now();
    this.#received = edges.received();
  }

  /** A turn is over, and nothing waits for the disk or for the next. */
  ended(): void {
    if (++this.#turns % LOOK === 0) this.#look();
    if (this.#phase !== 'awake') this.#edges.rest(this.#edges.pause);
  }

  #look(): void {
    const now = this.#edges.now();
    const elapsed = now - this.#since;
    if (elapsed < (this.#phase === 'resting' ? GOES_ON : SPAN)) return;
    const received = this.#edges.received();
    this.#judge(now, (received - this.#received) / elapsed, this.#turns / elapsed);
    this.#since = now;
    this.#received = received;
    this.#turns = 0;
  }

  #judge(now: number, packetRate: number, turnRate: number): void {
    switch (this.#phase) {
      case 'awake':
        if (now < this.#notBefore || turnRate < BUSY || packetRate > turnRate * THIN) return;
        this.#packetRate = packetRate;
        this.#turnRate = turnRate;
        this.#phase = 'trying';
        return;
      case 'trying':
        if (
          packetRate >= this.#packetRate * STILL_COMES &&
          turnRate <= this.#turnRate * TURNS_LEFT &&
          turnRate * this.#edges.pause * LATE >= 1
        ) {
          this.#letBe = LET_BE;
          this.#phase = 'resting';
          return;
        }
        this.#notBefore = now + this.#letBe;
        this.#letBe = Math.min(this.#letBe * 2, LET_BE_AT_MOST);
        this.#phase = 'awake';
        return;
      case 'resting':
        this.#phase = 'awake';
    }
  }
}
