/** Counts the slabs that outboxes have taken and not given back, of all brokers in this process. */

import { Arena } from '../../src/net/arena.js';

type Method<A extends unknown[], R> = (this: Arena, ...args: A) => R;

let out = 0;
const take = Object.getOwnPropertyDescriptor(Arena.prototype, 'take')!.value as Method<[], number>;
const give = Object.getOwnPropertyDescriptor(Arena.prototype, 'give')!.value as Method<[number], void>;

Arena.prototype.take = function (): number {
  const slab = take.call(this);
  if (slab >= 0) out++;
  return slab;
};

Arena.prototype.give = function (slab: number): void {
  out--;
  give.call(this, slab);
};

export function slabsOut(): number {
  return out;
}
