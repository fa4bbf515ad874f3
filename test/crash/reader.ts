/** A client that comes to read what is retained. */

import { PacketType, type Packet } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { idIn } from './letter.js';
import { Peer, type World } from './peer.js';

export class Reader extends Peer {
  /** What is retained, by topic. */
  readonly found = new Map<string, string>();
  /** Whether it has heard all that was retained when it asked, as far as PINGRESP tells. */
  isAnswered = false;
  readonly #filter: string;

  constructor(world: World, name: string, filter: string) {
    super(world, { name, version: world.random.pick([4, 5]) });
    this.#filter = filter;
  }

  override act(): void {
    if (!this.hasCalled) this.connect(true);
  }

  /** Asks whether there is more. */
  ask(): void {
    this.isAnswered = false;
    this.send({ type: PacketType.Pingreq });
  }

  protected override resume(): void {
    this.send({ type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: this.#filter, qos: 0 }] });
    this.ask();
  }

  protected override receive(packet: Packet): void {
    if (packet.type === PacketType.Pingresp) this.isAnswered = true;
    if (!(packet instanceof Publish)) return;
    const { topic, retain, payload } = packet;
    const value = idIn(payload) ?? 'a mutilated payload';
    const { books } = this.world;
    if (!retain) books.found('retained', `${topic} came to ${this.name} without RETAIN`);
    if (this.found.has(topic)) books.found('retained', `${topic} came to ${this.name} twice`);
    this.found.set(topic, value);
  }

  protected override read(): void {}
  protected override interrupted(): void {}
  protected override forget(): void {}
}
