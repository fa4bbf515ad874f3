/** A client whose session lives for a second after it has left, and must not come back after that. */

import { PacketType, type Packet } from '../../src/packet/packet.js';
import { Peer, type World } from './peer.js';

/** ms after which the session is gone: its second, and what a busy machine adds. */
const GONE_AFTER = 1_000 + 700;

export class Mayfly extends Peer {
  #state: 'alive' | 'leaving' | 'gone' | 'asking' | 'over' = 'alive';
  /** The moment at which the broker had ended its connection; none where the broker was killed before. */
  #left: number | undefined;
  /** Whether that is on disk. */
  #isKept = false;
  /** ms since the epoch: when its second began. */
  #countedFrom = Infinity;

  constructor(world: World, name: string) {
    super(world, { name, version: 5, properties: { sessionExpiryInterval: 1 } });
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  override act(): void {
    if (this.#state === 'alive' && !this.hasCalled) this.connect();
    if (this.#state !== 'gone') return;
    if (this.#left !== undefined) this.#isKept ||= this.world.books.proves(this.#left);
    if (Date.now() - this.#countedFrom < GONE_AFTER) return;
    this.#state = 'asking';
    this.mustBeGone();
    this.connect();
  }

  killed(): void {
    if (this.#state === 'alive' && this.isHere) this.#state = 'gone';
    else if (this.#state === 'leaving') this.#state = 'gone';
    else if (this.#state !== 'gone') this.#state = 'over';
    // Of a connection whose end is not on disk the next broker counts from its own start.
    if (this.#isKept) return;
    this.#left = undefined;
    this.#countedFrom = Infinity;
  }

  /** The broker listens again. */
  restarted(): void {
    if (this.#countedFrom === Infinity) this.#countedFrom = Date.now();
  }

  protected override resume(): void {
    if (this.#state === 'alive') this.send({ type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: 'a/+', qos: 1 }] });
    else {
      this.#state = 'over';
      this.vanish();
    }
  }

  protected override receive(packet: Packet): void {
    if (packet.type !== PacketType.Suback) return;
    this.#state = 'leaving';
    this.leave(() => {
      this.#state = 'gone';
      this.#left = this.world.books.now;
      this.#countedFrom = Date.now();
    });
  }

  protected override read(): void {}
  protected override interrupted(): void {}
  protected override forget(): void {}
}
