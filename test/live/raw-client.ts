/** A client that sends what it is told to, be it right or wrong; mqtt-packet makes and reads its packets, so that the ends share no mistake. */
import { connect, type Socket } from 'node:net';
import { generate, parser, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { until } from '../util/until.js';

export class RawClient {
  readonly socket: Socket;
  /** Packets that have come and were not taken, in order. */
  readonly packets: Packet[] = [];
  /** Whether the broker has ended its side, or the connection broke. */
  ended = false;
  /** Whether the connection is gone. */
  closed = false;
  readonly #reader = parser({ protocolVersion: 4 });

  /** `halfOpen`: it does not close when the broker does. `deaf`: it takes what comes and makes nothing of it. */
  constructor(port: number, { halfOpen = false, deaf = false } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: halfOpen });
    this.#reader.on('packet', (packet) => this.packets.push(packet));
    this.socket.on('data', (bytes) => {
      if (!deaf) this.#reader.parse(bytes);
    });
    this.socket.on('end', () => (this.ended = true));
    this.socket.on('close', () => (this.ended = this.closed = true));
    this.socket.on('error', () => {});
  }

  /** A client that is connected in the sense of MQTT. */
  static async open(port: number, connect: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = new RawClient(port);
    client.send(connectPacket(connect));
    await client.next('connack');
    return client;
  }

  send(...packets: Packet[]): void {
    this.socket.write(bytesOf(...packets));
  }

  /** Waits for the next packet, which must be of this kind. */
  async next<Kind extends Packet['cmd']>(kind: Kind): Promise<Extract<Packet, { cmd: Kind }>> {
    await until(`${kind} comes`, () => this.packets.length > 0 || this.closed);
    const packet = this.packets.shift();
    if (packet?.cmd !== kind) throw new Error(`${kind} was to come, ${packet?.cmd ?? 'the end'} came`);
    return packet as Extract<Packet, { cmd: Kind }>;
  }

  async subscribe(topic: string, qos: 0 | 1 | 2 = 0): Promise<void> {
    this.send(subscribePacket(topic, qos));
    await this.next('suback');
  }

  /** Breaks the connection. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

export function bytesOf(...packets: Packet[]): Buffer {
  return Buffer.concat(packets.map((packet) => generate(packet)));
}

/** A CONNECT of MQTT 3.1.1 for a clean session without a keep-alive, unless it is said otherwise. */
export function connectPacket(fields: Partial<IConnectPacket> = {}): IConnectPacket {
  return { cmd: 'connect', clientId: '', clean: true, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4, ...fields };
}

export function publishPacket(topic: string, payload: string | Buffer, qos: 0 | 1 | 2 = 0, messageId?: number): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos, dup: false, retain: false, ...(messageId === undefined ? {} : { messageId }) };
}

export function subscribePacket(topic: string, qos: 0 | 1 | 2): Packet {
  return { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] };
}

/** A publisher and a subscriber who notice whether others are served while something goes on. */
export class Witness {
  readonly #publisher: RawClient;
  readonly #subscriber: RawClient;
  readonly #topic: string;
  #rounds = 0;

  private constructor(publisher: RawClient, subscriber: RawClient, topic: string) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#topic = topic;
  }

  static async open(port: number, topic = 'witness'): Promise<Witness> {
    const [publisher, subscriber] = [await RawClient.open(port), await RawClient.open(port)];
    await subscriber.subscribe(topic, 1);
    return new Witness(publisher, subscriber, topic);
  }

  /** Sees that a message of theirs is delivered and acknowledged, on the connections they have had all the time. */
  async isServed(): Promise<void> {
    const round = String(++this.#rounds);
    this.#publisher.send(publishPacket(this.#topic, round, 1, 1));
    const { payload, messageId = 0 } = await this.#subscriber.next('publish');
    if (payload.toString() !== round) throw new Error(`message ${round} was to come, ${payload.toString()} came`);
    this.#subscriber.send({ cmd: 'puback', messageId });
    await this.#publisher.next('puback');
  }

  close(): void {
    this.#publisher.socket.destroy();
    this.#subscriber.socket.destroy();
  }
}
