/** A client that behaves as it likes: well, badly, or as one that has lost its mind. */

import assert from 'node:assert/strict';
import { PacketType, type Packet } from '../../src/packet/packet.js';
import { encode, Publish, type TestBroker, type TestConnection } from '../../src/testing.js';
import { announcementOf, brokenPacketOf, connectOf, knownPacketOf, packetOf, publishOf, subscribeOf } from './packets.js';
import type { Random } from './random.js';

const DEEDS = {
  greet: 3,
  speak: 14,
  speakTwice: 4,
  answer: 12,
  publishMuch: 2,
  askMuch: 1,
  beginToSpeak: 3,
  babble: 3,
  recite: 2,
  makeNoise: 1,
  announce: 1,
  freeze: 2,
  thaw: 3,
  hangUp: 2,
  leave: 2,
} as const;

type Deed = keyof typeof DEEDS;

/** What one does who knows nothing of MQTT but how to begin. */
const NOISE: Partial<Record<Deed, number>> = { greet: 2, makeNoise: 20, babble: 4, announce: 2, hangUp: 1 };

export class Actor {
  readonly #test: TestBroker;
  readonly #random: Random;
  readonly #largest: number;
  readonly #deeds: Partial<Record<Deed, number>>;
  #connection: TestConnection | undefined;
  /** The end of a packet whose beginning was sent. */
  #rest: Buffer | undefined;
  /** Whether there was a CONNACK on this connection. */
  #welcome = false;

  /** @param largest the bytes of a packet it knows not to exceed. @param noisy whether it sends hardly anything but random bytes. */
  constructor(test: TestBroker, random: Random, largest: number, noisy: boolean) {
    this.#test = test;
    this.#random = random;
    this.#largest = largest;
    this.#deeds = noisy ? NOISE : DEEDS;
  }

  /** Does one thing, and says what. */
  act(): string {
    const random = this.#random;
    if (this.#connection === undefined || this.#connection.closed) {
      this.#connection = this.#test.connect();
      this.#rest = undefined;
      this.#welcome = false;
      // Most are polite enough to begin with CONNECT.
      if (!random.once(8)) return `connects and ${this.#do('greet', this.#connection)}`;
    }
    return this.#do(random.weighted(this.#deeds), this.#connection);
  }

  /** Says goodbye at times, as far as it can be understood. */
  leave(): void {
    if (this.#random.once(2)) this.#connection?.send({ type: PacketType.Disconnect, reasonCode: 0 });
  }

  /** Is gone without a word. */
  hangUp(): void {
    this.#connection?.transport.hangUp(this.#random.once(2) ? new Error('ECONNRESET') : undefined);
  }

  #do(deed: Deed, connection: TestConnection): string {
    const random = this.#random;
    switch (deed) {
      case 'greet': {
        const connect = connectOf(random, this.#largest);
        connection.version = connect.version;
        const packets = random.once(2) ? [connect] : [connect, subscribeOf(random)];
        return this.#send(connection, Buffer.concat(packets.map((packet) => encode(packet, connect.version))));
      }
      case 'speak':
        return this.#send(connection, encode(packetOf(random, this.#largest), 4));
      case 'speakTwice':
        return this.#send(
          connection,
          Buffer.concat([encode(packetOf(random, this.#largest), 4), encode(packetOf(random, this.#largest), 4)]),
        );
      case 'answer':
        return this.#answer(connection);
      case 'publishMuch': {
        const publish = encode(publishOf(random, this.#largest), 4);
        return this.#send(connection, Buffer.concat(Array.from({ length: 60 }, () => publish)));
      }
      case 'askMuch':
        return this.#send(connection, Buffer.alloc(random.once(3) ? 40_000 : 400, 'c000', 'hex'));
      case 'beginToSpeak': {
        const bytes = encode(packetOf(random, this.#largest), 4);
        const cut = random.below(bytes.length);
        const said = this.#send(connection, bytes.subarray(0, cut));
        this.#rest = bytes.subarray(cut);
        return `${said} …`;
      }
      case 'babble':
        return this.#send(connection, brokenPacketOf(random));
      case 'recite':
        return this.#send(connection, knownPacketOf(random));
      case 'makeNoise':
        return this.#send(connection, random.bytes(1 + random.below(random.pick([10, 40, 2_000]))));
      case 'announce':
        return this.#send(connection, announcementOf(random));
      case 'freeze':
        connection.transport.freeze();
        return 'stops reading';
      case 'thaw':
        connection.transport.thaw();
        return 'reads on';
      case 'hangUp':
        this.hangUp();
        return 'hangs up';
      case 'leave':
        return this.#send(connection, encode({ type: PacketType.Disconnect, reasonCode: 0 }, 4));
    }
  }

  /** Answers most of what has come as the protocol wants it. */
  #answer(connection: TestConnection): string {
    const answers: Packet[] = [];
    for (const packet of connection.take()) {
      if (packet.type === PacketType.Connack) this.#welcome = true;
      assert.ok(this.#welcome, 'nothing comes before CONNACK');
      const answer = answerTo(packet);
      if (answer !== undefined && !this.#random.once(10)) answers.push(answer);
    }
    return answers.length === 0
      ? 'has nothing to answer'
      : this.#send(connection, Buffer.concat(answers.map((answer) => encode(answer, 4))));
  }

  #send(connection: TestConnection, bytes: Buffer): string {
    const chunk = Buffer.concat([this.#rest ?? Buffer.alloc(0), bytes]);
    this.#rest = undefined;
    const { transport } = connection;
    const lent = !transport.paused;
    transport.send(chunk);
    const said = `sends ${shown(chunk)}`;
    // As the next read does.
    if (lent) chunk.fill(0xee);
    return said;
  }
}

/** What a client owes for a packet. */
export function answerTo(packet: Packet): Packet | undefined {
  switch (packet.type) {
    case PacketType.Publish: {
      if (!(packet instanceof Publish) || packet.qos === 0) return undefined;
      return { type: packet.qos === 1 ? PacketType.Puback : PacketType.Pubrec, packetId: packet.packetId, reasonCode: 0 };
    }
    case PacketType.Pubrec:
      return { type: PacketType.Pubrel, packetId: packet.packetId, reasonCode: 0 };
    case PacketType.Pubrel:
      return { type: PacketType.Pubcomp, packetId: packet.packetId, reasonCode: 0 };
    default:
      return undefined;
  }
}

function shown(bytes: Buffer): string {
  const hex = bytes.toString('hex', 0, 64);
  return bytes.length <= 64 ? hex : `${hex}… (${bytes.length} bytes)`;
}
