/** How much was exported or imported. */
export class Sums {
  sessions = 0;
  /** Messages that wait for sessions, for each of these. */
  queued = 0;
  retained = 0;
  wills = 0;

  /** For people. */
  get sentence(): string {
    const { sessions, queued, retained, wills } = this;
    const of = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
    return [of(sessions, 'session'), of(queued, 'queued message'), of(retained, 'retained message'), of(wills, 'Will')].join(', ');
  }
}
