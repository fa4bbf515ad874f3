/** A client that behaves as it likes: well, badly, or as one that has lost its mind. */

import assert from 'node:assert/strict';
import { PacketType, type Acknowledgement, type Packet } from '../../src/packet/packet.js';
import { encode, Publish, type TestBroker, type TestConnection, type Version } from '../../src/testing.js';
import {
  acknowledgementOf,
  announcementOf,
  authOf,
  brokenPacketOf,
  connectOf,
  disconnectOf,
  knownPacketOf,
  packetOf,
  publishOf,
  subscribeOf,
} from './packets.js';
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
  /** The version this connection speaks: what the broker reads in the first bytes. */
  #version: Version = 4;
  /** The first bytes that were sent, as many as it takes to know. */
  #first = Buffer.alloc(0);

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
      this.#version = 4;
      this.#first = Buffer.alloc(0);
      // Most are polite enough to begin with CONNECT.
      if (!random.once(8)) return `connects and ${this.#do('greet', this.#connection)}`;
    }
    return this.#do(random.weighted(this.#deeds), this.#connection);
  }

  /** Says goodbye at times, as far as it can be understood. */
  leave(): void {
    if (this.#random.once(2)) this.#connection?.send(disconnectOf(this.#random, this.#version));
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
        const packets = random.once(2) ? [connect] : [connect, subscribeOf(random, connect.version)];
        return this.#send(connection, Buffer.concat(packets.map((packet) => encode(packet, connect.version))));
      }
      case 'speak':
        return this.#send(connection, this.#packet());
      case 'speakTwice':
        return this.#send(connection, Buffer.concat([this.#packet(), this.#packet()]));
      case 'answer':
        return this.#answer(connection);
      case 'publishMuch': {
        const publish = encode(publishOf(random, this.#version, this.#largest), this.#version);
        return this.#send(connection, Buffer.concat(Array.from({ length: 60 }, () => publish)));
      }
      case 'askMuch':
        return this.#send(connection, Buffer.alloc(random.once(3) ? 40_000 : 400, 'c000', 'hex'));
      case 'beginToSpeak': {
        const bytes = this.#packet();
        const cut = random.below(bytes.length);
        const said = this.#send(connection, bytes.subarray(0, cut));
        this.#rest = bytes.subarray(cut);
        return `${said} …`;
      }
      case 'babble':
        return this.#send(connection, brokenPacketOf(random, this.#version));
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
        return this.#send(connection, encode(disconnectOf(random, this.#version), this.#version));
    }
  }

  /** Answers most of what has come as the protocol wants it. */
  #answer(connection: TestConnection): string {
    const answers: Packet[] = [];
    for (const packet of connection.take()) {
      if (packet.type === PacketType.Connack) this.#welcome = true;
      assert.ok(this.#welcome || packet.type === PacketType.Auth, 'nothing comes before CONNACK but a riddle');
      const answer = this.#answerTo(packet);
      if (answer !== undefined && !this.#random.once(10)) answers.push(answer);
    }
    return answers.length === 0
      ? 'has nothing to answer'
      : this.#send(connection, Buffer.concat(answers.map((answer) => encode(answer, this.#version))));
  }

  #packet(): Buffer {
    return encode(packetOf(this.#random, this.#version, this.#largest), this.#version);
  }

  /** What the protocol wants, in 5.0 with a reason of its own. */
  #answerTo(packet: Packet): Packet | undefined {
    const random = this.#random;
    if (packet.type === PacketType.Auth && packet.reasonCode !== 0) return authOf(random);
    const answer = answerTo(packet);
    return answer === undefined || this.#version !== 5 ? answer : acknowledgementOf(random, 5, answer.type, answer.packetId);
  }

  /** Reads the answers to what it sends in the version in which they will come. */
  #listen(connection: TestConnection, chunk: Buffer): void {
    if (this.#first.length >= ENOUGH) return;
    this.#first = Buffer.concat([this.#first, chunk.subarray(0, ENOUGH)]);
    connection.version = this.#version = versionIn(this.#first);
  }

  #send(connection: TestConnection, bytes: Buffer): string {
    const chunk = Buffer.concat([this.#rest ?? Buffer.alloc(0), bytes]);
    this.#rest = undefined;
    this.#listen(connection, chunk);
    const { transport } = connection;
    const lent = !transport.paused;
    transport.send(chunk);
    const said = `sends ${shown(chunk)}`;
    // As the next read does.
    if (lent) chunk.fill(0xee);
    return said;
  }
}

/** Bytes of a CONNECT up to its protocol level, with the longest Remaining Length and the longest protocol name. */
const ENOUGH = 14;

/** The version a broker takes these first bytes of a connection to ask for. */
function versionIn(first: Buffer): Version {
  let at = 1;
  while (at < 4 && first[at]! > 127) at++;
  const end = at + 1 + MQTT.length;
  const level = first[end];
  // A level of a time to come is answered as 5.0 is, if at all; that of a bridge as 3.1.1 is.
  return first.subarray(at + 1, end).equals(MQTT) && level !== undefined && level >= 5 && level !== 0x84 ? 5 : 4;
}

const MQTT = Buffer.from('00044d515454', 'hex');

/** What a client owes for a packet. */
export function answerTo(packet: Packet): Acknowledgement | undefined {
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
