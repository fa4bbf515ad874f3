/** A broker for tests: connections without a network, a clock that is advanced and turns that are ended by hand. */
import { RunningBroker, type CreateOptions } from './create.js';
import { MemoryTransport } from './net/memory.js';
import { Decoder } from './packet/decoder.js';
import { encode } from './packet/encode.js';
import { PacketType, type Packet, type Version } from './packet/packet.js';
import { Publish } from './packet/publish.js';

export { Publish, type PublishFields } from './packet/publish.js';
export { PacketType, packetName, type Packet, type QoS, type Version } from './packet/packet.js';
export { MemoryTransport, type FarEnd } from './net/memory.js';
export { MemoryStorage } from './storage/memory.js';
export { encode } from './packet/encode.js';
export { Decoder } from './packet/decoder.js';

/** The moment a {@link TestBroker}'s clock starts at: ms since the epoch. */
const START = Date.UTC(2026, 0, 1);

/** More turns in a row than any broker needs to come to rest. */
const MANY_TURNS = 100_000;

/**
 * Assembles a broker that does nothing by itself: no port, no timer, no turn ends unless the test says so.
 * @throws ConfigurationError where an option is unknown or out of bounds.
 */
export async function createTestBroker(options: CreateOptions = {}): Promise<TestBroker> {
  const world = new TestWorld();
  return new TestBroker(await RunningBroker.assemble(options, world), world);
}

/** The clock of a test broker, and its turns, which end by hand. */
export class TestWorld {
  /** ms since the epoch. */
  time = START;
  /** How often the broker has rested. */
  rests = 0;
  readonly now = (): number => this.time;
  /** Few: a test makes a broker of its own, and has few connections. */
  readonly slabs = 8;
  /** Turns end by hand. */
  readonly schedule = (): void => {};
  /** Time passes by hand, too. */
  readonly rest = (): void => void this.rests++;
}

export class TestBroker {
  readonly broker: RunningBroker;
  readonly #world: TestWorld;

  constructor(broker: RunningBroker, world: TestWorld) {
    this.broker = broker;
    this.#world = world;
  }

  /** ms since the epoch. */
  get now(): number {
    return this.#world.time;
  }

  /** Lets time pass, in ms, in steps of a tenth of a second as the real broker sees it, and ends a turn after each. */
  advance(milliseconds: number): void {
    const end = this.#world.time + milliseconds;
    while (this.#world.time < end) {
      this.#world.time = Math.min(end, this.#world.time + 100);
      this.broker.tick();
      this.broker.endTurn();
    }
  }

  /** Ends the turn: facts are handed to the storage, bytes to the connections. */
  endTurn(): void {
    this.broker.endTurn();
  }

  /**
   * Ends turns until nothing is left to do: promises are kept, commits have landed, listeners have heard.
   * @throws Error where that never comes, as while a commit is held.
   */
  async settle(): Promise<void> {
    for (let turns = 0; turns === 0 || !this.broker.idle; turns++) {
      if (turns === MANY_TURNS) throw new Error('the broker does not come to rest: a commit of its storage is not concluded');
      this.broker.endTurn();
      // By then every promise that can be kept is, whatever chain of them there is.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A new Network Connection, with nothing sent on it. */
  connect(address?: string): TestConnection {
    return new TestConnection(this.broker, address);
  }
}

/** The client's end of one connection to a {@link TestBroker}. */
export class TestConnection {
  /** Packets that have come and were not taken, in order. */
  readonly packets: Packet[] = [];
  readonly transport: MemoryTransport;
  /** Whether the broker has closed the connection. */
  closed = false;
  /** Bytes that have come in all. */
  bytesReceived = 0;
  #version: Version = 4;
  readonly #decoder = new Decoder();

  constructor(broker: RunningBroker, address?: string) {
    this.transport = new MemoryTransport({ received: (bytes) => this.#receive(bytes), closed: () => void (this.closed = true) }, address);
    if (!broker.accept(this.transport)) this.transport.destroy();
  }

  /** Sends packets, one segment each. A CONNECT sets the version of what follows. */
  send(...packets: Packet[]): this {
    for (const packet of packets) {
      if (packet.type === PacketType.Connect) this.version = packet.version;
      this.sendBytes(encode(packet, this.#version));
    }
    return this;
  }

  /** Sends bytes as one segment. */
  sendBytes(bytes: Uint8Array): this {
    this.transport.send(Buffer.from(bytes));
    return this;
  }

  /** Sends bytes as text: `'c0 00'`. */
  sendHex(hex: string): this {
    return this.sendBytes(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
  }

  set version(version: Version) {
    this.#version = this.#decoder.version = version;
  }

  /** Takes every packet that has come. */
  take(): Packet[] {
    return this.packets.splice(0);
  }

  /** Closes without DISCONNECT. */
  hangUp(): void {
    this.transport.hangUp();
  }

  #receive(bytes: Buffer): void {
    this.bytesReceived += bytes.length;
    this.#decoder.feed(bytes);
    for (let packet = this.#decoder.next(); packet !== undefined; packet = this.#decoder.next()) {
      if (packet instanceof Publish) packet.keep();
      this.packets.push(packet);
    }
    this.#decoder.keep();
  }
}
