/** Two honest clients with sessions that are kept, who come and go as they like: what one publishes at QoS 2 the other has once, in order. */

import assert from 'node:assert/strict';
import { PacketType, type Packet } from '../../src/packet/packet.js';
import { encode, Publish, type TestBroker, type TestConnection, type Version } from '../../src/testing.js';
import type { Random } from './random.js';

export const POST = 'courier/post';

abstract class Traveller {
  connection: TestConnection | undefined;
  /** Whether the CONNACK has come. */
  arrived = false;
  readonly #test: TestBroker;
  readonly #clientId: string;
  readonly #random: Random;
  #version: Version = 4;

  constructor(test: TestBroker, clientId: string, random: Random) {
    this.#test = test;
    this.#clientId = clientId;
    this.#random = random;
  }

  /** Connects in 3.1.1 or 5.0, if need be while its last connection is still there. */
  connect(...packets: Packet[]): void {
    const random = this.#random;
    this.#version = random.pick([4, 5]);
    const properties = {
      sessionExpiryInterval: 0xffff_ffff,
      receiveMaximum: random.pick([1, 2, 65_535]),
      topicAliasMaximum: random.pick([0, 1]),
    };
    const connect: Packet = {
      type: PacketType.Connect,
      version: this.#version,
      clean: false,
      keepAlive: 0,
      clientId: this.#clientId,
      ...(this.#version === 5 && { properties }),
    };
    this.arrived = false;
    this.connection = this.#test.connect();
    this.connection.version = this.#version;
    this.send(connect, ...packets);
  }

  /** All in one segment, which is written over when the broker has returned. */
  send(...packets: Packet[]): void {
    if (this.connection === undefined || packets.length === 0) return;
    const chunk = Buffer.concat(packets.map((packet) => encode(packet, this.#version)));
    const lent = !this.connection.transport.paused;
    this.connection.transport.send(chunk);
    if (lent) chunk.fill(0xee);
  }

  /** Reads what has come, and answers. */
  read(): void {
    for (const packet of this.connection?.take() ?? []) {
      if (packet.type === PacketType.Connack && packet.reasonCode === 0) {
        this.arrived = true;
        this.resume();
      } else {
        this.receive(packet);
      }
    }
  }

  get lost(): boolean {
    return this.connection === undefined || this.connection.closed;
  }

  abstract resume(): void;
  abstract receive(packet: Packet): void;
}

/** Packet identifiers the sender uses: few, so that each is used again and again. */
const IDENTIFIERS = [1, 2, 255, 256, 65_535];

class Sender extends Traveller {
  published = 0;
  /** What is not done with: the PUBLISH, or the PUBREL once there was a PUBREC. */
  readonly unfinished = new Map<number, Packet>();
  #waits = false;

  /** Publishes the next letter, if there is an identifier for it. @param size bytes of the letter at least. */
  publish(size: number): void {
    const packetId = IDENTIFIERS.find((id) => !this.unfinished.has(id));
    if (packetId === undefined) return;
    const payload = Buffer.from(`letter ${++this.published}`.padEnd(size));
    const packet = Publish.of({ topic: POST, payload, qos: 2, retain: false, packetId });
    this.unfinished.set(packetId, packet);
    this.send(packet);
  }

  /** Connects and goes on where it was, at once or when it is welcome. */
  goOn(atOnce: boolean): void {
    this.#waits = !atOnce;
    if (atOnce) this.connect(...this.#again());
    else this.connect();
  }

  override resume(): void {
    if (this.#waits) this.send(...this.#again());
  }

  #again(): Packet[] {
    return Array.from(this.unfinished.values(), again);
  }

  override receive({ type, packetId }: Packet & { packetId?: number }): void {
    if (packetId === undefined || !this.unfinished.has(packetId)) return;
    if (type === PacketType.Pubcomp) {
      this.unfinished.delete(packetId);
    } else if (type === PacketType.Pubrec) {
      const pubrel: Packet = { type: PacketType.Pubrel, packetId, reasonCode: 0 };
      this.unfinished.set(packetId, pubrel);
      this.send(pubrel);
    }
  }
}

class Addressee extends Traveller {
  readonly letters: string[] = [];
  readonly #received = new Set<number>();

  override resume(): void {}

  override receive(packet: Packet): void {
    if (packet instanceof Publish) {
      if (!this.#received.has(packet.packetId)) this.letters.push(packet.payload.toString().trimEnd());
      this.#received.add(packet.packetId);
      this.send({ type: PacketType.Pubrec, packetId: packet.packetId, reasonCode: 0 });
    } else if (packet.type === PacketType.Pubrel) {
      this.#received.delete(packet.packetId);
      this.send({ type: PacketType.Pubcomp, packetId: packet.packetId, reasonCode: 0 });
    }
  }
}

export class Courier {
  readonly #sender: Sender;
  readonly #addressee: Addressee;
  readonly #random: Random;
  readonly #largest: number;

  /** @param largest the bytes of a letter at most. */
  constructor(test: TestBroker, random: Random, largest: number) {
    this.#random = random;
    this.#largest = largest;
    this.#sender = new Sender(test, 'the honest sender', random);
    this.#addressee = new Addressee(test, 'the honest addressee', random);
    this.#sender.connect();
    const subscribe: Packet = { type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: POST, qos: 2 }] };
    this.#addressee.connect(subscribe);
    test.endTurn();
  }

  /** One of the two does one thing; says what. */
  act(): string {
    const random = this.#random;
    const [name, who] = random.once(2) ? (['sender', this.#sender] as const) : (['addressee', this.#addressee] as const);
    if (who.lost) {
      this.#connect(who);
      return `the ${name} connects`;
    }
    switch (random.weighted({ publish: 6, read: 8, hangUp: 1, comeAgain: 1, freeze: 1, thaw: 2 })) {
      case 'publish':
        if (!this.#sender.arrived) return 'the sender waits';
        for (let letters = random.pick([1, 1, 5]); letters > 0; letters--) this.#sender.publish(random.pick([0, 0, this.#largest]));
        return `the sender has published ${this.#sender.published} letters`;
      case 'read':
        who.read();
        return `the ${name} reads and answers`;
      case 'hangUp':
        who.connection?.hangUp();
        return `the ${name} hangs up`;
      case 'comeAgain':
        this.#connect(who);
        return `the ${name} connects once more`;
      case 'freeze':
        who.connection?.transport.freeze();
        return `the ${name} stops reading`;
      case 'thaw':
        who.connection?.transport.thaw();
        return `the ${name} reads on`;
    }
  }

  /** Both are there, until all is delivered. @param settle lets the broker come to rest. */
  async finish(settle: () => Promise<void>): Promise<void> {
    const both = [this.#sender, this.#addressee];
    for (const who of both) who.connection?.transport.thaw();
    await settle();
    for (let idle = 0, before = -1; idle < 4; ) {
      for (const who of both) {
        if (who.lost) this.#connect(who);
        who.read();
      }
      await settle();
      const now = this.#addressee.letters.length - this.#sender.unfinished.size;
      idle = now === before ? idle + 1 : 0;
      before = now;
    }
    const expected = Array.from({ length: this.#sender.published }, (_, i) => `letter ${i + 1}`);
    assert.deepEqual(this.#addressee.letters, expected, 'every letter arrives once, in order');
    assert.equal(this.#sender.unfinished.size, 0, 'every letter is acknowledged');
    for (const who of both) who.connection?.hangUp();
  }

  #connect(who: Traveller): void {
    if (who instanceof Sender) who.goOn(this.#random.once(2));
    else who.connect();
  }
}

/** As it is sent on a new connection. */
function again(packet: Packet): Packet {
  if (!(packet instanceof Publish)) return packet;
  const { topic, payload, qos, retain, packetId } = packet;
  return Publish.of({ topic, payload, qos, retain, packetId, dup: true });
}
