/** A client that keeps its side of its session, whatever happens to the broker. */

import { connect, type Socket } from 'node:net';
import { Decoder } from '../../src/packet/decoder.js';
import { encode } from '../../src/packet/encode.js';
import { PacketType, packetName, type Connack, type Packet, type Will } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import type { Random } from '../fuzz/random.js';
import type { Books } from './books.js';

/** What all clients of a story know. */
export interface World {
  readonly books: Books;
  readonly random: Random;
  readonly port: number;
  /** Whether the broker is there, as far as one can tell. */
  readonly isUp: boolean;
  /** Whether nothing new is begun: what was begun is brought to its end. */
  readonly isClosing: boolean;
  /** A packet of this type has come from the broker. */
  saw(type: PacketType): void;
}

export interface Identity {
  readonly name: string;
  readonly version: 4 | 5;
  /** Properties of its CONNECT, where it speaks 5.0. */
  readonly properties?: Properties | undefined;
  readonly will?: Will | undefined;
}

/** What is known of the session the broker keeps: none, one if a CONNECT was read, one for certain. */
type Session = 'none' | 'perhaps' | 'kept';

export abstract class Peer {
  readonly name: string;
  readonly version: 4 | 5;
  protected readonly world: World;
  readonly #properties: Properties | undefined;
  readonly #will: Will | undefined;
  #socket: Socket | undefined;
  #isHere = false;
  #session: Session = 'none';
  /** Whether a clean start was asked for, and not granted yet. */
  #anew = false;
  /** What was known when it connected. */
  #expected: Session = 'none';
  #isBrief = false;
  #hasCalled = false;
  #lastId = 0;

  constructor(world: World, { name, version, properties, will }: Identity) {
    this.world = world;
    this.name = name;
    this.version = version;
    this.#properties = version === 5 ? properties : undefined;
    this.#will = will;
  }

  /** Whether it has no connection, and none in the making. */
  get isAway(): boolean {
    return this.#socket === undefined;
  }

  /** Whether it is connected in the sense of MQTT. */
  get isHere(): boolean {
    return this.#isHere;
  }

  /** Whether its session ends with its connection: a clean one of 3.1.1. */
  protected get isBrief(): boolean {
    return this.#isBrief;
  }

  /** Whether it has ever tried to connect. */
  protected get hasCalled(): boolean {
    return this.#hasCalled;
  }

  /** Does something, or nothing; called again and again while the broker is there. */
  abstract act(): void;

  /** @param clean whether it asks for a clean start; until that is granted it asks for nothing else. */
  connect(clean = false): void {
    const { world, name, version } = this;
    this.#anew ||= clean;
    this.#hasCalled = true;
    this.#expected = this.#anew ? 'none' : this.#session;
    if (this.#anew) world.books.beginsAnew(name);
    else if (this.#session === 'none') this.#session = 'perhaps';
    const socket = connect({ port: world.port, host: '127.0.0.1', noDelay: true });
    const decoder = new Decoder();
    decoder.version = version;
    this.#socket = socket;
    // A connection from a port to itself is nobody's answer.
    socket.on('connect', () => socket.localPort === socket.remotePort && socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => this.#lost(socket));
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      decoder.feed(chunk);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
        world.saw(packet.type);
        this.#take(packet);
        if (this.#socket !== socket) return;
      }
      this.read();
    });
    this.send({
      type: PacketType.Connect,
      version,
      clean: this.#anew,
      keepAlive: 0,
      clientId: name,
      ...(this.#will === undefined ? undefined : { will: this.#will }),
      ...(this.#properties === undefined ? undefined : { properties: this.#properties }),
    });
  }

  /** Says goodbye and is gone. @param ended is called when the broker, which is still there, has ended the connection. */
  leave(ended = (): void => {}): void {
    this.note('DISCONNECT');
    this.send({ type: PacketType.Disconnect, reasonCode: 0 });
    this.#socket?.once('close', () => this.world.isUp && ended());
    this.#socket?.end();
    this.#away();
  }

  /** Is gone without a word. */
  vanish(): void {
    this.note('breaks its connection');
    this.#socket?.destroy();
    this.#away();
  }

  /** Its session must be gone by now. */
  protected mustBeGone(): void {
    this.#session = 'none';
  }

  protected note(what: string): void {
    this.world.books.note(what, undefined, this.name);
  }

  protected send(...packets: Packet[]): void {
    if (packets.length > 0) this.#socket?.write(Buffer.concat(packets.map((packet) => encode(packet, this.version))));
  }

  /** The next packet identifier that is not in use: of few, so that each is used often. */
  protected nextId(isUsed: (packetId: number) => boolean): number {
    do this.#lastId = (this.#lastId % 200) + 1;
    while (isUsed(this.#lastId));
    return this.#lastId;
  }

  /** It is connected: what was unfinished goes on. */
  protected abstract resume(): void;
  protected abstract receive(packet: Packet): void;
  /** What came together has been received. */
  protected abstract read(): void;
  /** Its connection is gone. */
  protected abstract interrupted(): void;
  /** Its session is gone, and what it kept of it is worth nothing. */
  protected abstract forget(): void;

  #take(packet: Packet): void {
    if (packet.type === PacketType.Connack && !this.#isHere) this.#welcome(packet);
    else if (packet.type === PacketType.Disconnect || !this.#isHere) {
      const code = 'reasonCode' in packet ? `, ${packet.reasonCode}` : '';
      this.#found('refused', `${this.name} was sent ${packetName(packet.type)}${code}`);
    } else this.receive(packet);
  }

  #welcome({ sessionPresent, reasonCode }: Connack): void {
    const { books } = this.world;
    this.note(`CONNACK ${reasonCode}${sessionPresent ? ', Session Present' : ''}`);
    if (reasonCode !== 0) {
      this.#found('refused', `${this.name} was refused with ${reasonCode}`);
      return this.vanish();
    }
    if (sessionPresent && this.#expected === 'none') this.#found('session-back', `${this.name} should have no session, and has one`);
    if (!sessionPresent && this.#expected === 'kept') books.sessionLost(this.name);
    if (!sessionPresent) this.forget();
    this.#isBrief = this.#anew && this.version === 4;
    this.#session = this.#isBrief ? 'none' : 'kept';
    this.#anew = false;
    this.#isHere = true;
    this.resume();
  }

  #lost(socket: Socket): void {
    if (this.#socket !== socket) return;
    if (this.world.isUp) this.#found('refused', `the broker closed the connection of ${this.name}`);
    this.note('lost its connection');
    this.#away();
  }

  #away(): void {
    this.#socket = undefined;
    this.#isHere = false;
    this.interrupted();
  }

  #found(fault: 'refused' | 'session-back', sentence: string): void {
    this.world.books.found(fault, sentence, { session: this.name });
  }
}
