/** A client with a Will, which is published when the client is gone without a DISCONNECT: also when the broker goes with it. */

import type { Packet } from '../../src/packet/packet.js';
import { letterOf, payloadOf, type Letter } from './letter.js';
import { Peer, type World } from './peer.js';

/** How it goes, if the broker does not go before. */
const ENDS = ['stays', 'stays', 'leaves', 'vanishes'] as const;
const DAY = 86_400;

export class Mortal extends Peer {
  readonly #will: Letter;
  readonly #end: (typeof ENDS)[number];
  readonly #isClean: boolean;
  /** Whether there is nothing to learn any more of what becomes of the Will. */
  #isDecided = false;
  /** The moment at which the broker had ended the connection after DISCONNECT. */
  #left: number | undefined;

  constructor(world: World, name: string) {
    const { random } = world;
    const version = random.pick([4, 5] as const);
    const isClean = random.once(2);
    const qos = random.pick([1, 2] as const);
    const letter = letterOf(name, 1, `w/${name}`, qos);
    const willDelayInterval = random.pick([0, 0, 1]);
    const properties = version === 5 && willDelayInterval > 0 ? { properties: { willDelayInterval } } : undefined;
    super(world, {
      name,
      version,
      properties: isClean ? undefined : { sessionExpiryInterval: DAY },
      will: { topic: letter.topic, payload: payloadOf(letter), qos, retain: false, ...properties },
    });
    this.#will = letter;
    this.#isClean = isClean;
    this.#end = random.pick(ENDS);
  }

  /** Whether it and its Will have had their time. */
  get isOver(): boolean {
    return this.#isDecided && this.isAway;
  }

  override act(): void {
    const { random, books, isClosing } = this.world;
    if (this.#left !== undefined && !this.#isDecided && books.proves(this.#left)) {
      books.revoked(this.#will, 'is revoked: the DISCONNECT is on disk');
      this.#isDecided = true;
    }
    if (!this.hasCalled && !isClosing) {
      books.sent(this.#will);
      this.connect(this.#isClean);
    }
    if (!this.isHere || isClosing || !random.once(40)) return;
    if (this.#end === 'leaves') this.leave(() => (this.#left = books.now));
    if (this.#end === 'vanishes') {
      this.vanish();
      this.#die('is due: its client is gone');
    }
  }

  /** The broker is killed at this moment. */
  killed(): void {
    if (this.isHere) this.#die('is due: its client was connected');
    // What came of a CONNECT or a DISCONNECT under way nobody knows.
    this.#isDecided = true;
  }

  protected override resume(): void {}
  protected override receive(_packet: Packet): void {}
  protected override read(): void {}
  protected override interrupted(): void {}
  protected override forget(): void {}

  #die(because: string): void {
    this.#isDecided = true;
    this.world.books.owed(this.#will, because);
  }
}
