/** A client that publishes, and publishes again what was not acknowledged [MQTT-4.4.0-1]. */

import { PacketType, type Acknowledgement, type Packet, type QoS } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import { Publish } from '../../src/packet/publish.js';
import { Peer, type Identity, type World } from './peer.js';

/** A message, and what is done in the books when it is on its way. */
export interface Draft {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: Properties | undefined;
  sent(): void;
  sentAgain(): void;
  acknowledged(): void;
}

export interface PublisherHabits {
  /** How many messages it has unfinished at most. */
  readonly window: number;
  /** Whether it takes its time to release what was received. */
  readonly isSlow: boolean;
  /** Its next message. */
  readonly write: () => Draft;
}

interface Unfinished {
  readonly draft: Draft;
  /** Whether PUBREC has come: what is sent again is PUBREL. */
  isReceived: boolean;
}

export class Publisher extends Peer {
  readonly #habits: PublisherHabits;
  /** By packet identifier, in the order in which it is sent again. */
  readonly #unfinished = new Map<number, Unfinished>();
  #releases: Acknowledgement[] = [];
  /** How many more messages it may publish in this round. */
  budget = 0;

  constructor(world: World, identity: Identity, habits: PublisherHabits) {
    super(world, identity);
    this.#habits = habits;
  }

  /** Whether everything it has published is acknowledged to the end. */
  get isFinished(): boolean {
    return this.#unfinished.size === 0;
  }

  get waitsFor(): string {
    return `${this.#unfinished.size} messages are not acknowledged to the end`;
  }

  override act(): void {
    const { random, isClosing } = this.world;
    if (this.isAway) this.connect();
    if (!this.isHere) return;
    if (isClosing || !this.#habits.isSlow || random.once(8)) this.#release();
    if (isClosing) return;
    if (random.once(4)) for (let burst = random.pick([1, 3, 20]); burst > 0; burst--) this.#publish();
    else if (random.once(400)) this.vanish();
  }

  protected override resume(): void {
    const packets = Array.from(this.#unfinished, ([packetId, { draft, isReceived }]): Packet => {
      if (isReceived) return release(packetId);
      draft.sentAgain();
      return this.#packet(draft, packetId, true);
    });
    this.send(...packets);
  }

  protected override receive(packet: Packet): void {
    if (packet.type !== PacketType.Puback && packet.type !== PacketType.Pubrec && packet.type !== PacketType.Pubcomp) return;
    const { type, packetId, reasonCode } = packet;
    const unfinished = this.#unfinished.get(packetId);
    const isDue =
      unfinished !== undefined &&
      (unfinished.isReceived ? type === PacketType.Pubcomp : type === (unfinished.draft.qos === 1 ? PacketType.Puback : PacketType.Pubrec));
    if (!isDue || (reasonCode >= 0x80 && type !== PacketType.Pubcomp)) {
      const sentence = isDue ? `an answer with reason code ${reasonCode}` : 'an answer to nothing it had asked';
      return this.world.books.found('refused', `${this.name} was sent ${sentence}`, { session: this.name });
    }
    if (type !== PacketType.Pubcomp) unfinished.draft.acknowledged();
    this.#unfinished.delete(packetId);
    if (type !== PacketType.Pubrec) return;
    // Behind what else waits for its PUBCOMP [MQTT-4.6.0-4].
    unfinished.isReceived = true;
    this.#unfinished.set(packetId, unfinished);
    this.#releases.push(release(packetId));
  }

  protected override read(): void {
    if (!this.#habits.isSlow) this.#release();
  }

  protected override interrupted(): void {
    this.#releases = [];
  }

  /** What it has not brought to its end is new to the broker. */
  protected override forget(): void {
    for (const [packetId, { isReceived }] of this.#unfinished) if (isReceived) this.#unfinished.delete(packetId);
  }

  #publish(): void {
    if (this.budget <= 0 || this.#unfinished.size >= this.#habits.window) return;
    this.budget--;
    const draft = this.#habits.write();
    const packetId = draft.qos === 0 ? 0 : this.nextId((id) => this.#unfinished.has(id));
    if (draft.qos > 0) this.#unfinished.set(packetId, { draft, isReceived: false });
    draft.sent();
    this.send(this.#packet(draft, packetId, false));
  }

  #release(): void {
    this.send(...this.#releases.splice(0));
  }

  #packet({ topic, payload, qos, retain, properties }: Draft, packetId: number, dup: boolean): Publish {
    return Publish.of({ topic, payload, qos, retain, dup, packetId, version: this.version, properties });
  }
}

function release(packetId: number): Acknowledgement {
  return { type: PacketType.Pubrel, packetId, reasonCode: 0 };
}
