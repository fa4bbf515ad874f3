/** A client of MQTT 5.0 that sends what it is told to, be it right or wrong; mqtt-packet makes and reads its packets. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { generate, parser, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { until } from '../util/until.js';

export type Kind = Packet['cmd'];
export type PacketOf<K extends Kind> = Extract<Packet, { cmd: K }>;
export type PublishProperties = NonNullable<IPublishPacket['properties']>;

export class V5Client {
  readonly socket: Socket;
  /** Bytes of everything that has come. */
  received = Buffer.alloc(0);
  /** Whether the broker has closed its side. */
  ended = false;
  readonly #packets: Packet[] = [];
  readonly #reader = parser({ protocolVersion: 5 });

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#reader.on('packet', (packet) => this.#packets.push(packet));
    this.socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.#reader.parse(bytes);
    });
    this.socket.on('end', () => (this.ended = true));
    this.socket.on('close', () => (this.ended = true));
    this.socket.on('error', () => {});
  }

  /** A client that is connected in the sense of MQTT. */
  static async open(port: number, fields: Partial<IConnectPacket> = {}): Promise<V5Client> {
    const client = new V5Client(port);
    client.send(connectPacket(fields));
    const connack = await client.next('connack');
    assert.equal(connack.reasonCode, 0);
    return client;
  }

  send(...what: (Packet | Buffer)[]): this {
    const bytes = what.map((part) => (Buffer.isBuffer(part) ? part : generate(part, { protocolVersion: 5 })));
    this.socket.write(Buffer.concat(bytes));
    return this;
  }

  /** Waits for the next packet, which must be of this kind. */
  async next<K extends Kind>(kind: K): Promise<PacketOf<K>> {
    await until(`${kind} comes`, () => this.#packets.length > 0 || this.ended);
    const packet = this.#packets.shift();
    assert.equal(packet?.cmd, kind);
    return packet as PacketOf<K>;
  }

  /** What has come and was not taken, up to the answer to a PINGREQ sent now. */
  async rest(): Promise<Packet[]> {
    this.send({ cmd: 'pingreq' });
    const isThere = (): boolean => this.#packets.at(-1)?.cmd === 'pingresp';
    await until('pingresp comes', () => isThere() || this.ended);
    assert.ok(isThere(), 'the connection was closed');
    return this.#packets.splice(0).slice(0, -1);
  }

  /** The payloads of the messages among {@link rest}. */
  async messages(): Promise<string[]> {
    return (await this.rest()).flatMap((packet) => (packet.cmd === 'publish' ? [packet.payload.toString()] : []));
  }

  /** Waits for the broker to close; what came last, with its reason code. */
  async end(): Promise<{ last: Kind | undefined; reasonCode: number | undefined; packets: readonly Packet[] }> {
    await until('the broker closes', () => this.ended);
    const last = this.#packets.at(-1);
    const reasonCode = last !== undefined && 'reasonCode' in last ? last.reasonCode : undefined;
    return { last: last?.cmd, reasonCode, packets: this.#packets.splice(0) };
  }

  async subscribe(topic: string, qos: 0 | 1 | 2 = 0, options: object = {}, subscriptionIdentifier?: number): Promise<readonly number[]> {
    const properties = subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } };
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos, ...options }], ...properties });
    return (await this.next('suback')).granted as number[];
  }

  /** Publishes at QoS 1, and waits until it is acknowledged. */
  async publish(topic: string, payload: string, fields: Partial<IPublishPacket> = {}): Promise<number> {
    this.send(publishPacket(topic, payload, { qos: 1, messageId: 1, ...fields }));
    return (await this.next('puback')).reasonCode ?? 0;
  }

  /** Breaks the connection. */
  lose(): void {
    this.socket.resetAndDestroy();
  }
}

/** A CONNECT with Clean Start and without a keep-alive, unless it is said otherwise. */
export function connectPacket(fields: Partial<IConnectPacket> = {}): IConnectPacket {
  return { cmd: 'connect', clientId: '', clean: true, keepalive: 0, protocolId: 'MQTT', protocolVersion: 5, ...fields };
}

export function publishPacket(topic: string, payload: string, fields: Partial<IPublishPacket> = {}): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...fields };
}
