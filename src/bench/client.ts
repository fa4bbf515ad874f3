/** One connection of the load generator, with the whole of MQTT's handshakes and next to no cost of its own. Hot. */
import { connect, type Socket } from 'node:net';
import { decode } from '../packet/decode.js';
import { encode } from '../packet/encode.js';
import { PacketType, packetName, type Packet, type QoS, type Version } from '../packet/packet.js';
import { isRefusal } from '../packet/reason-code.js';
import { BenchError } from './bench-error.js';
import { micros } from './clock.js';
import type { Frames } from './frames.js';
import { PacketReader } from './packet-reader.js';

const READ_SIZE = 262_144;
/** Every connection reads into this: what came is done with when the callback returns. */
const read = Buffer.allocUnsafeSlow(READ_SIZE);
/** Every connection writes its acknowledgements from this; what one read asks for fits, for none is longer than what it answers. */
let acknowledgements = Buffer.allocUnsafeSlow(READ_SIZE + 8);
const NOTHING = Buffer.alloc(0);
const DISCONNECT = Buffer.of(PacketType.Disconnect << 4, 0);
/** Seconds. A subscriber that only listens to QoS 0 says nothing for as long as a run takes. */
const KEEP_ALIVE = 65_535;
/** What a 5.0 session that is to be kept is kept for, in seconds. */
const SESSION_EXPIRY = 86_400;
const LOWEST_FAILURE = 0x80;

/** Who counts. */
export interface ClientListener {
  /** A message has come. @param latency microseconds since the time in it. */
  heard(client: Client, latency: number, retained: boolean): void;
  /** A message of this client's is settled: PUBACK or PUBCOMP. @param latency microseconds since it was sent. */
  settled(client: Client, latency: number): void;
  /** It can publish again what it could not. */
  ready(client: Client): void;
  /** The connection is lost. */
  lost(error: BenchError): void;
}

/** Nobody counts. */
export const NOBODY: ClientListener = { heard: () => {}, settled: () => {}, ready: () => {}, lost: () => {} };

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  readonly version: Version;
  readonly listener: ClientListener;
  /** Which publisher this is or listens to. */
  readonly source: number;
  /** Where the connection comes from, if that matters. */
  readonly localAddress?: string | undefined;
}

interface Wait {
  readonly type: PacketType;
  readonly resolve: (packet: Packet) => void;
  readonly reject: (error: BenchError) => void;
}

export class Client {
  readonly source: number;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #version: Version;
  readonly #listener: ClientListener;
  readonly #reader: PacketReader;
  #wait: Wait | undefined;
  #closing = false;
  #acknowledging = 0;
  /** Whether the kernel has not taken everything: what is being written must not be patched. */
  #blocked = false;
  /** Whether it was asked to publish more than it could. */
  #short = false;
  #frames: Frames | undefined;
  /** By packet identifier when the message was sent; 0 where the identifier is free. */
  #sentAt = new Int32Array(0);
  #packetId = 0;
  #unsettled = 0;
  #unreleased = 0;
  #mostUnsettled = 65_535;

  private constructor(options: ClientOptions, socket: Socket) {
    const { host, port, version, listener, source } = options;
    this.#socket = socket;
    this.#address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.#version = version;
    this.#listener = listener;
    this.source = source;
    this.#reader = new PacketReader(version, this);
  }

  /** Connects the socket; nothing has been said yet. */
  static async dial(options: ClientOptions): Promise<Client> {
    const { host, port, localAddress } = options;
    return new Promise((resolve, reject) => {
      const socket = connect({
        host,
        port,
        noDelay: true,
        ...(localAddress === undefined ? undefined : { localAddress }),
        onread: {
          buffer: read,
          callback: (length) => {
            client.#received(length);
            return true;
          },
        },
      });
      const client = new Client(options, socket);
      const refused = (error: Error): void => reject(new BenchError(`cannot connect to ${client.#address}: ${reasonOf(error)}`));
      socket.once('error', refused);
      socket.once('connect', () => {
        socket.off('error', refused);
        socket.on('error', (error) => client.#lost(reasonOf(error)));
        socket.on('close', () => client.#lost('the broker closed a connection'));
        resolve(client);
      });
    });
  }

  /** Whether it could not publish all it was asked to; {@link ClientListener.ready} tells when it can again. */
  get held(): boolean {
    return this.#short;
  }

  /** Messages of its own that are not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** QoS 2 messages it was sent whose PUBREL has not come. */
  get unreleased(): number {
    return this.#unreleased;
  }

  /** @throws BenchError where it is refused. */
  async connect(clientId: string, clean: boolean): Promise<void> {
    const version = this.#version;
    const answer = await this.#ask(PacketType.Connack, {
      type: PacketType.Connect,
      version,
      clientId,
      clean,
      keepAlive: KEEP_ALIVE,
      ...(version === 5 && !clean ? { properties: { sessionExpiryInterval: SESSION_EXPIRY } } : undefined),
    });
    if (answer.type !== PacketType.Connack) return;
    if (isRefusal(answer.reasonCode)) throw new BenchError(`the broker refused a CONNECT with reason code ${shown(answer.reasonCode)}`);
    this.#mostUnsettled = answer.properties?.receiveMaximum ?? this.#mostUnsettled;
  }

  /** @throws BenchError where one is refused. */
  async subscribe(qos: QoS, ...filters: readonly string[]): Promise<void> {
    const subscriptions = filters.map((filter) => ({ filter, qos }));
    const answer = await this.#ask(PacketType.Suback, { type: PacketType.Subscribe, packetId: 1, subscriptions });
    if (answer.type !== PacketType.Suback) return;
    const refused = answer.reasonCodes.findIndex(isRefusal);
    if (refused >= 0) throw new BenchError(`the broker refused the subscription ${filters[refused]}`);
  }

  /**
   * Makes it a publisher.
   *
   * @param window messages it will have unsettled at once, about; ignored at QoS 0.
   */
  prepare(frames: Frames, qos: QoS, window: number): void {
    this.#frames = frames;
    if (qos === 0) return;
    // Identifiers go round; with more of them than the window one is seldom still in use when its turn comes again.
    const identifiers = Math.min(65_536, Math.max(256, 2 ** Math.ceil(Math.log2(window * 4))));
    this.#sentAt = new Int32Array(identifiers);
    this.#mostUnsettled = Math.min(this.#mostUnsettled, identifiers - 1);
  }

  /** Lets no more than so many of its messages be unsettled. */
  limit(unsettled: number): void {
    this.#mostUnsettled = Math.min(this.#mostUnsettled, unsettled);
  }

  /**
   * Publishes up to `count` messages in one write and answers how many; {@link ClientListener.ready} tells when more can be. Message `i` says
   * it was sent at `time + i * step`, in microseconds.
   */
  publish(count: number, time: number, step: number): number {
    const frames = this.#frames!;
    if (this.#blocked) {
      this.#short = true;
      return 0;
    }
    let most = count < frames.copies ? count : frames.copies;
    const sentAt = this.#sentAt;
    let sent = 0;
    if (sentAt.length === 0) {
      for (; sent < most; sent++) frames.patch(sent, (time + sent * step) | 0, 0);
    } else {
      const free = this.#mostUnsettled - this.#unsettled;
      if (free < most) {
        most = free;
        this.#short = true;
      }
      const now = micros() | 0 || 1;
      const last = sentAt.length - 1;
      for (; sent < most; sent++) {
        const packetId = this.#packetId === last ? 1 : this.#packetId + 1;
        if (sentAt[packetId] !== 0) {
          this.#short = true;
          break;
        }
        this.#packetId = packetId;
        sentAt[packetId] = now;
        frames.patch(sent, (time + sent * step) | 0, packetId);
      }
      this.#unsettled += sent;
    }
    if (sent > 0) this.#write(frames.view(sent));
    return sent;
  }

  /** Resolves when the broker has come to everything that was said before. */
  async ping(): Promise<void> {
    await this.#ask(PacketType.Pingresp, { type: PacketType.Pingreq });
  }

  /** Stops reading, as a consumer does that hangs. */
  freeze(): void {
    this.#socket.pause();
  }

  /** Says goodbye and closes. */
  end(): void {
    this.#closing = true;
    this.#socket.end(DISCONNECT);
    // The other end may be frozen, or so may this one.
    this.#socket.destroySoon();
  }

  /** Says goodbye and is gone, with no port left waiting. */
  reset(): void {
    this.#closing = true;
    this.#socket.write(DISCONNECT);
    this.#socket.resetAndDestroy();
  }

  // What the reader finds.

  published(first: number, packetId: number, stamp: number): void {
    if ((first & 4) !== 0) this.#unreleased++;
    if ((first & 6) !== 0) this.#acknowledge((first & 4) === 0 ? PacketType.Puback << 4 : PacketType.Pubrec << 4, packetId);
    this.#listener.heard(this, (readAt - stamp) | 0, (first & 1) !== 0);
  }

  acknowledged(type: number, packetId: number, reasonCode: number): void {
    if (reasonCode >= LOWEST_FAILURE) {
      this.#lost(`the broker refused a message with reason code ${shown(reasonCode)}`);
    } else if (type === PacketType.Pubrec) {
      this.#acknowledge((PacketType.Pubrel << 4) | 2, packetId);
    } else if (type === PacketType.Pubrel) {
      this.#unreleased--;
      this.#acknowledge(PacketType.Pubcomp << 4, packetId);
    } else {
      const sent = this.#sentAt[packetId];
      if (sent === undefined || sent === 0) return this.#lost(`the broker acknowledged packet ${packetId}, which was not sent`);
      this.#sentAt[packetId] = 0;
      this.#unsettled--;
      this.#listener.settled(this, (readAt - sent) | 0);
      this.#becomeReady();
    }
  }

  answered(bytes: Buffer, start: number, body: number, end: number): void {
    const wait = this.#wait;
    const type = bytes[start]! >> 4;
    if (wait === undefined || type !== wait.type) return this.#lost(`the broker sent ${packetName(type)}`);
    // Who waits hears of it, too, when it is no MQTT.
    const packet = decode(bytes, start, body, end, this.#version, true);
    this.#wait = undefined;
    wait.resolve(packet);
  }

  #received(length: number): void {
    readAt = micros() | 0;
    try {
      this.#reader.read(read, length);
    } catch (error) {
      this.#lost(`the broker sent what is no MQTT: ${(error as Error).message}`);
    }
    if (this.#acknowledging === 0) return;
    const bytes = acknowledgements.subarray(0, this.#acknowledging);
    this.#acknowledging = 0;
    this.#write(bytes);
    // The kernel has not taken them all: they are somebody's until it has.
    if (this.#blocked) acknowledgements = Buffer.allocUnsafeSlow(acknowledgements.length);
  }

  #acknowledge(first: number, packetId: number): void {
    const bytes = acknowledgements;
    const at = this.#acknowledging;
    bytes[at] = first;
    bytes[at + 1] = 2;
    bytes[at + 2] = packetId >>> 8;
    bytes[at + 3] = packetId;
    this.#acknowledging = at + 4;
  }

  #write(bytes: Buffer): void {
    const socket = this.#socket;
    socket.write(bytes);
    if (socket.writableLength === 0 || this.#blocked) return;
    this.#blocked = true;
    // Written when all before it is. A callback on every write would cost more than the rare write of nothing.
    socket.write(NOTHING, () => {
      this.#blocked = false;
      this.#becomeReady();
    });
  }

  #becomeReady(): void {
    if (!this.#short) return;
    this.#short = false;
    this.#listener.ready(this);
  }

  async #ask(type: PacketType, packet: Packet): Promise<Packet> {
    return new Promise((resolve, reject) => {
      this.#wait = { type, resolve, reject };
      this.#write(encode(packet, this.#version));
    });
  }

  #lost(why: string): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.destroy();
    const error = new BenchError(why);
    if (this.#wait === undefined) this.#listener.lost(error);
    else this.#wait.reject(error);
  }
}

/** When what is being read came. */
let readAt = 0;

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'the connection is refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the broker closed a connection';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name does not resolve';
    case 'ETIMEDOUT':
      return 'nobody answers';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to that host';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many open files; raise the limit (ulimit -n)';
    case 'EADDRNOTAVAIL':
      return 'no local port is free';
    default:
      return error.message;
  }
}

function shown(reasonCode: number): string {
  return `0x${reasonCode.toString(16).padStart(2, '0')}`;
}
