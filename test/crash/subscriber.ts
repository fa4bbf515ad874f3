/** A client that subscribes, takes what comes and never loses it; how fast it answers and when it is there are its habits. */

import { PacketType, type Acknowledgement, type Packet, type QoS } from '../../src/packet/packet.js';
import { Publish } from '../../src/packet/publish.js';
import { idIn } from './letter.js';
import { Peer, type Identity, type World } from './peer.js';

export interface SubscriberHabits {
  /** Always, now and then, or only to subscribe. */
  readonly presence: 'there' | 'now and then' | 'away';
  /** Whether its answers are late, and in any order. */
  readonly isSlow: boolean;
  /** Whether it adds and removes subscriptions. */
  readonly wanders: boolean;
  /** Whether it begins a new session now and then. */
  readonly beginsAnew: boolean;
  readonly filters: readonly { readonly filter: string; readonly qos: QoS }[];
}

/** How a subscription is, and how it is to be. */
interface Standing {
  readonly filter: string;
  readonly qos: QoS;
  is: boolean;
  wanted: boolean;
  /** Of the SUBSCRIBE or UNSUBSCRIBE that was sent over this connection. */
  request: number | undefined;
}

export class Subscriber extends Peer {
  readonly #habits: SubscriberHabits;
  readonly #standings: Standing[];
  /** QoS 2 messages by packet identifier, until PUBREL [MQTT-4.3.3-2]. */
  readonly #received = new Map<number, string>();
  #answers: Acknowledgement[] = [];

  constructor(world: World, identity: Identity, habits: SubscriberHabits) {
    super(world, identity);
    this.#habits = habits;
    this.#standings = habits.filters.map(({ filter, qos }) => ({ filter, qos, is: false, wanted: true, request: undefined }));
  }

  /** Whether it subscribes to all it wants, and has brought to its end all that came. */
  get isFinished(): boolean {
    return this.isHere && this.#isSettled && this.#received.size === 0 && this.#answers.length === 0;
  }

  get waitsFor(): string {
    const open = this.#standings.filter(({ is, wanted }) => is !== wanted).map(({ filter }) => filter);
    return `${this.#received.size} messages are not released, ${open.length === 0 ? 'no request' : open.join(' and ')} is open`;
  }

  override act(): void {
    const { random, isClosing } = this.world;
    const { presence, beginsAnew, wanders } = this.#habits;
    if (this.isAway) {
      if (presence === 'there' || isClosing || !this.#isSettled || (presence === 'now and then' && random.once(30))) this.connect();
      return;
    }
    if (!this.isHere) return;
    if (isClosing || random.once(6)) this.#answer();
    for (const standing of this.#standings) {
      if (wanders && !isClosing && standing.request === undefined && random.once(100)) standing.wanted = !standing.wanted;
      if (standing.is !== standing.wanted && standing.request === undefined) this.#ask(standing);
    }
    if (isClosing) return;
    if (presence === 'away' && this.#isSettled) this.leave();
    else if (presence === 'now and then' && random.once(40)) this.#go();
    else if (beginsAnew && random.once(150)) this.#beginAnew();
  }

  protected override resume(): void {
    if (this.isBrief) this.leave();
  }

  protected override receive(packet: Packet): void {
    if (packet instanceof Publish) this.#take(packet);
    else if (packet.type === PacketType.Pubrel) {
      this.#received.delete(packet.packetId);
      this.#answers.push({ type: PacketType.Pubcomp, packetId: packet.packetId, reasonCode: 0 });
    } else if (packet.type === PacketType.Suback || packet.type === PacketType.Unsuback) {
      const standing = this.#standings.find(({ request }) => request === packet.packetId);
      if (standing === undefined) return;
      const code = packet.reasonCodes[0] ?? 0;
      if (code >= 0x80) {
        this.world.books.found('refused', `${standing.filter} was answered with ${code}`, { session: this.name });
      }
      standing.request = undefined;
      standing.is = packet.type === PacketType.Suback;
      if (standing.is) this.world.books.subscribed(this.name, standing.filter);
      else this.world.books.unsubscribed(this.name, standing.filter);
    }
  }

  protected override read(): void {
    if (!this.#habits.isSlow || this.world.isClosing) this.#answer();
  }

  protected override interrupted(): void {
    this.#answers = [];
    for (const standing of this.#standings) standing.request = undefined;
  }

  protected override forget(): void {
    this.#received.clear();
    for (const standing of this.#standings) standing.is = false;
  }

  get #isSettled(): boolean {
    return this.#standings.every(({ is, wanted }) => is === wanted);
  }

  #take({ packetId, qos, topic, dup, payload, properties }: Publish): void {
    const { books } = this.world;
    const id = idIn(payload);
    if (id === undefined) return books.found('changed', `a payload on ${topic} came mutilated to ${this.name}`, { session: this.name });
    const known = qos === 2 ? this.#received.get(packetId) : undefined;
    if (known !== undefined && known !== id) {
      const sentence = `${this.name} got ${id} under packet identifier ${packetId}, which ${known} has and no PUBREL released`;
      return books.found('lost', sentence, { letter: id, session: this.name });
    }
    const left = properties?.messageExpiryInterval;
    books.arrived(this.name, { id, topic, qos, dup, repeated: known !== undefined, left });
    if (qos === 2) this.#received.set(packetId, id);
    if (qos > 0) this.#answers.push({ type: qos === 1 ? PacketType.Puback : PacketType.Pubrec, packetId, reasonCode: 0 });
  }

  /** Sends the answers that are due: all, or of one who is slow some, in any order. */
  #answer(): void {
    const { random, isClosing } = this.world;
    if (isClosing || !this.#habits.isSlow) return this.send(...this.#answers.splice(0));
    for (let some = random.below(this.#answers.length + 1); some > 0; some--) {
      this.send(...this.#answers.splice(random.below(this.#answers.length), 1));
    }
  }

  #ask(standing: Standing): void {
    const { filter, qos, wanted } = standing;
    const packetId = this.nextId((id) => this.#standings.some(({ request }) => request === id));
    standing.request = packetId;
    if (wanted) {
      this.world.books.subscribes(this.name, filter, qos);
      this.send({ type: PacketType.Subscribe, packetId, subscriptions: [{ filter, qos }] });
    } else {
      this.world.books.unsubscribes(this.name, filter);
      this.send({ type: PacketType.Unsubscribe, packetId, filters: [filter] });
    }
  }

  #go(): void {
    if (this.world.random.once(2)) this.leave();
    else this.vanish();
  }

  #beginAnew(): void {
    this.#go();
    for (const standing of this.#standings) standing.is = false;
    this.connect(true);
  }
}
