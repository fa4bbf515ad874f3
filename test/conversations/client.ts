/** Named clients that talk with a test broker, and the packets they say. */
import assert from 'node:assert/strict';
import { variableIntegerSize, writeVariableInteger } from '../../src/packet/bytes.js';
import type { SubscriptionRequest } from '../../src/packet/packet.js';
import type { Properties } from '../../src/packet/properties.js';
import type { ReasonCode } from '../../src/packet/reason-code.js';
import {
  packetName,
  PacketType,
  Publish,
  type Packet,
  type PublishFields,
  type QoS,
  type TestBroker,
  type TestConnection,
} from '../../src/testing.js';

type ConnectFields = Omit<Extract<Packet, { type: typeof PacketType.Connect }>, 'type' | 'clientId'>;
type PublishOptions = Partial<Omit<PublishFields, 'topic' | 'payload'>>;

// Packets.

/** Clean, without keep-alive, in 3.1.1 unless it says otherwise. */
export function connect(clientId: string, fields: Partial<ConnectFields> = {}): Packet {
  return { type: PacketType.Connect, version: 4, clean: true, keepAlive: 0, clientId, ...fields };
}

export function connack(reasonCode: ReasonCode = 0, sessionPresent = false): Packet {
  return { type: PacketType.Connack, sessionPresent, reasonCode };
}

/** The CONNACK of a session that was found. */
export const welcomeBack = connack(0, true);

export function publish(topic: string, payload: string, options: PublishOptions = {}): Publish {
  return Publish.of({ topic, payload: Buffer.from(payload), qos: 0, retain: false, ...options });
}

export const puback = (packetId: number): Packet => ({ type: PacketType.Puback, packetId, reasonCode: 0 });
export const pubrec = (packetId: number): Packet => ({ type: PacketType.Pubrec, packetId, reasonCode: 0 });
export const pubrel = (packetId: number): Packet => ({ type: PacketType.Pubrel, packetId, reasonCode: 0 });
export const pubcomp = (packetId: number): Packet => ({ type: PacketType.Pubcomp, packetId, reasonCode: 0 });

/** Entries are `[filter, qos]`. */
export function subscribe(packetId: number, ...entries: (readonly [filter: string, qos: QoS])[]): Packet {
  return { type: PacketType.Subscribe, packetId, subscriptions: entries.map(([filter, qos]) => ({ filter, qos })) };
}

export function suback(packetId: number, ...reasonCodes: ReasonCode[]): Packet {
  return { type: PacketType.Suback, packetId, reasonCodes };
}

export function unsubscribe(packetId: number, ...filters: string[]): Packet {
  return { type: PacketType.Unsubscribe, packetId, filters };
}

export const unsuback = (packetId: number): Packet => ({ type: PacketType.Unsuback, packetId, reasonCodes: [] });
export const pingreq: Packet = { type: PacketType.Pingreq };
export const pingresp: Packet = { type: PacketType.Pingresp };
export const disconnect: Packet = { type: PacketType.Disconnect, reasonCode: 0 };

/** Bytes of a packet that need not be valid: its first byte, then texts with their length before them and bytes as they are. */
export function rawPacket(first: number, ...parts: (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? withLength(Buffer.from(part)) : Buffer.from(part))));
  const header = Buffer.alloc(1 + variableIntegerSize(body.length), first);
  writeVariableInteger(header, 1, body.length);
  return Buffer.concat([header, body]);
}

/** What a client says to a packet, where it says something. */
export function answerTo(packet: Packet): Packet | undefined {
  if (packet instanceof Publish) {
    if (packet.qos === 0) return undefined;
    return packet.qos === 1 ? puback(packet.packetId) : pubrec(packet.packetId);
  }
  if (packet.type === PacketType.Pubrel) return pubcomp(packet.packetId);
  return packet.type === PacketType.Pubrec ? pubrel(packet.packetId) : undefined;
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}

/** A packet as it is compared and shown: its type by name, of a PUBLISH what a reader would say of it. */
export function told(packet: Packet): object {
  if (!(packet instanceof Publish)) return { ...packet, type: packetName(packet.type) };
  const { topic, payload, qos, retain, dup, packetId } = packet;
  return { type: 'PUBLISH', topic, payload: payload.toString(), qos, retain, dup, packetId };
}

// Clients.

/** A connection whose CONNECT was sent and perhaps not answered yet. */
export function knock(test: TestBroker, clientId: string, fields?: Partial<ConnectFields>): Client {
  return new Client(test).send(connect(clientId, fields));
}

/** A client that was let in, into a new session. */
export async function arrive(test: TestBroker, clientId: string, fields?: Partial<ConnectFields>): Promise<Client> {
  const client = knock(test, clientId, fields);
  await client.expect(connack());
  return client;
}

/** A client that found the session it had; what the broker sent behind the CONNACK is still to be taken. */
export async function comeBack(test: TestBroker, clientId: string, fields?: Partial<ConnectFields>): Promise<Client> {
  const client = knock(test, clientId, { clean: false, ...fields });
  await client.expectFirst(welcomeBack);
  return client;
}

/** What it sends, the broker handles at once; what it expects, it does when the broker has come to rest. */
export class Client {
  readonly connection: TestConnection;
  readonly #test: TestBroker;
  #lastId = 0;

  constructor(test: TestBroker, address?: string) {
    this.#test = test;
    this.connection = test.connect(address);
  }

  get closed(): boolean {
    return this.connection.closed;
  }

  send(...packets: Packet[]): this {
    this.connection.send(...packets);
    return this;
  }

  sendBytes(bytes: Uint8Array): this {
    this.connection.sendBytes(bytes);
    return this;
  }

  /** Sends bytes as text: `'c0 00'`. */
  sendHex(hex: string): this {
    this.connection.sendHex(hex);
    return this;
  }

  /** Above QoS 0 under the next packet identifier, unless one is given; the answer is left to be expected. */
  publish(topic: string, payload: string, options: PublishOptions = {}): this {
    const packetId = (options.qos ?? 0) > 0 ? (options.packetId ?? ++this.#lastId) : 0;
    return this.send(publish(topic, payload, { ...options, packetId }));
  }

  /** Subscribes and takes the SUBACK, which must come first and grant that QoS. */
  async subscribe(filter: string, qos: QoS = 0): Promise<this> {
    const packetId = ++this.#lastId;
    this.send(subscribe(packetId, [filter, qos]));
    return this.expectFirst(suback(packetId, qos));
  }

  /** Takes everything that has come. */
  async take(): Promise<Packet[]> {
    await this.#test.settle();
    return this.connection.take();
  }

  /** Takes everything that has come: exactly these packets in this order, none without arguments. */
  async expect(...packets: Packet[]): Promise<this> {
    assert.deepEqual((await this.take()).map(told), packets.map(told));
    return this;
  }

  /** Takes as many packets as are named: exactly these in this order. */
  async expectFirst(...packets: Packet[]): Promise<this> {
    await this.#test.settle();
    assert.deepEqual(this.connection.packets.splice(0, packets.length).map(told), packets.map(told));
    return this;
  }

  /** The same as {@link expect}, and that the broker closed the connection then. */
  async expectClosed(...packets: Packet[]): Promise<void> {
    await this.expect(...packets);
    assert.equal(this.closed, true, 'the broker closed the connection');
  }

  /** Takes everything that has come: PUBLISHes and nothing else, by their payloads. */
  async payloads(): Promise<string[]> {
    return (await this.#publishes()).map(({ payload }) => payload.toString());
  }

  /** The same as {@link payloads}, and answers each: PUBACK or PUBREC. */
  async accept(): Promise<string[]> {
    const publishes = await this.#publishes();
    this.send(...publishes.flatMap((publish) => answerTo(publish) ?? []));
    return publishes.map(({ payload }) => payload.toString());
  }

  /** Says goodbye. */
  leave(): void {
    this.send(disconnect);
  }

  /** Is gone without a word. */
  hangUp(): void {
    this.connection.hangUp();
  }

  async #publishes(): Promise<Publish[]> {
    return (await this.take()).map((packet) => {
      assert.ok(packet instanceof Publish, packetName(packet.type));
      return packet;
    });
  }
}

// The broker.

/** What a broker holds at this moment. */
export function held({ broker }: TestBroker): object {
  const { connections, sessions, subscriptions, queued } = broker.stats;
  return { transports: broker.transports, connections: connections.open, ...sessions, subscriptions, queued };
}

export const NOTHING = {
  transports: 0,
  connections: 0,
  connected: 0,
  disconnected: 0,
  subscriptions: 0,
  queued: { messages: 0, bytes: 0 },
};

/** Why connections have ended, and how many for each reason. */
export function closeReasons({ broker }: TestBroker): object {
  return Object.fromEntries(Object.entries(broker.stats.closed).filter(([, count]) => count > 0));
}

// MQTT 5.0.

/** The CONNACK of a connection, taken from it. */
export async function welcomeOf(test: TestBroker, { connection }: Client): Promise<Extract<Packet, { type: typeof PacketType.Connack }>> {
  await test.settle();
  const packet = connection.packets.shift();
  assert.ok(packet?.type === PacketType.Connack, packet === undefined ? 'no CONNACK came' : packetName(packet.type));
  return packet;
}

/** A 5.0 client that was let in; whether it found a session must be as it is given. What else its CONNACK says is not looked at. */
export async function arrive5(
  test: TestBroker,
  clientId: string,
  { sessionPresent = false, ...fields }: Partial<ConnectFields> & { sessionPresent?: boolean } = {},
): Promise<Client> {
  const client = knock(test, clientId, { version: 5, ...fields });
  const { reasonCode, sessionPresent: found } = await welcomeOf(test, client);
  assert.deepEqual({ reasonCode, sessionPresent: found }, { reasonCode: 0, sessionPresent });
  return client;
}

/** PUBLISHes as {@link told} tells them, with their properties. */
export function toldWhole(packets: readonly Packet[]): object[] {
  return packets.map((packet) => ({ ...told(packet), properties: 'properties' in packet ? packet.properties : undefined }));
}

/** Options of a PUBLISH with properties. */
export function having(properties: Properties, options: PublishOptions = {}): PublishOptions {
  return { version: 5, properties, ...options };
}

/** An acknowledgement that says more than that all is well. */
export function saying(type: 4 | 5 | 6 | 7, packetId: number, reasonCode: ReasonCode, properties?: Properties): Packet {
  return { type, packetId, reasonCode, ...(properties === undefined ? undefined : { properties }) };
}

/** A SUBSCRIBE with options for each filter and, for all of them, a Subscription Identifier. */
export function subscribe5(packetId: number, requests: readonly SubscriptionRequest[], identifier?: number): Packet {
  const properties = identifier === undefined ? {} : { properties: { subscriptionIdentifiers: [identifier] } };
  return { type: PacketType.Subscribe, packetId, subscriptions: requests, ...properties };
}

/** DISCONNECT, as either side sends it; the Reason String of the broker's is not looked at by {@link expectFarewell}. */
export function farewell(reasonCode: ReasonCode, properties?: Properties): Packet {
  return { type: PacketType.Disconnect, reasonCode, ...(properties === undefined ? undefined : { properties }) };
}

/** Takes everything that has come: these packets, with their properties. */
export async function expectWhole(client: Client, ...packets: Packet[]): Promise<void> {
  assert.deepEqual(toldWhole(await client.take()), toldWhole(packets));
}

/** The last packet is a DISCONNECT with this reason code, behind those that are named, and the connection is closed. */
export async function expectFarewell(client: Client, reasonCode: ReasonCode, ...before: Packet[]): Promise<void> {
  const packets = await client.take();
  const last = packets.pop();
  assert.deepEqual(packets.map(told), before.map(told));
  assert.ok(last?.type === PacketType.Disconnect, last === undefined ? 'no DISCONNECT came' : packetName(last.type));
  assert.equal(last.reasonCode, reasonCode);
  assert.equal(client.closed, true, 'the broker closed the connection');
}

/** The only packet is a CONNACK with this reason code, and the connection is closed. */
export async function expectRefusal(test: TestBroker, client: Client, reasonCode: ReasonCode): Promise<Properties | undefined> {
  const connack = await welcomeOf(test, client);
  assert.equal(connack.reasonCode, reasonCode);
  assert.equal(connack.sessionPresent, false);
  await client.expectClosed();
  return connack.properties;
}
