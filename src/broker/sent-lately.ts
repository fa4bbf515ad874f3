/** Deliveries that were sent lately and are not on record as that, for a while: most are acknowledged before it is over. Hot. */
import type { Delivery } from '../session/inflight.js';
import { isSentUnrecorded } from './filed.js';

/** Deliveries of one session that are gone through at least, before those that are settled are let go of. */
const FEW = 64;

/** Of one session, in the order they were sent. */
class Sent {
  deliveries: Delivery[] = [];
  /** How many there may be until those that are settled are let go of. */
  #room = FEW;

  /** A list that kept what is settled would be what a message costs the garbage collector most: it would outlive two collections. */
  add(delivery: Delivery): void {
    if (this.deliveries.length >= this.#room) {
      this.deliveries = this.deliveries.filter(isSentUnrecorded);
      this.#room = Math.max(FEW, 2 * this.deliveries.length);
    }
    this.deliveries.push(delivery);
  }
}

export class SentLately {
  /** By number of the session: since the last beat, and between the one before and that. */
  #now = new Map<number, Sent>();
  #before = new Map<number, Sent>();

  /** How many it holds in memory. */
  get size(): number {
    let size = 0;
    for (const sent of [this.#before, this.#now]) for (const { deliveries } of sent.values()) size += deliveries.length;
    return size;
  }

  add(delivery: Delivery): void {
    let sent = this.#now.get(delivery.number);
    if (sent === undefined) this.#now.set(delivery.number, (sent = new Sent()));
    sent.add(delivery);
  }

  /** Time passes. @returns those that are still unsettled two beats after they were sent, in the order they were sent to each session. */
  beat(): Delivery[] {
    const overdue: Delivery[] = [];
    for (const { deliveries } of this.#before.values())
      for (const delivery of deliveries) if (isSentUnrecorded(delivery)) overdue.push(delivery);
    this.#before = this.#now;
    this.#now = new Map();
    return overdue;
  }

  /** Takes out those of a session that are not settled, in the order they were sent. */
  take(number: number): Delivery[] {
    const taken = [...(this.#before.get(number)?.deliveries ?? []), ...(this.#now.get(number)?.deliveries ?? [])];
    this.#before.delete(number);
    this.#now.delete(number);
    return taken.filter(isSentUnrecorded);
  }
}
