/** A client as the specification wants it: it remembers its side of the session, and its connection may be lost at any point. */
import assert from 'node:assert/strict';
import type { QoS } from '../../src/packet/packet.js';
import { packetName, PacketType, type Publish, type Packet, type TestBroker, type TestConnection } from '../../src/testing.js';
import { connect, puback, pubcomp, publish, pubrec, pubrel, subscribe } from './client.js';

interface Outgoing {
  readonly payload: string;
  readonly qos: QoS;
  /** Its receiver has it: what is left to say is PUBREL. */
  released: boolean;
}

/** It publishes numbered messages to one topic, and hears others' in a session that is kept. */
export class Peer {
  readonly clientId: string;
  /** What it has published: `'2-7'` is the seventh message, at QoS 2. */
  readonly published: string[] = [];
  /** What its application has received. */
  readonly received: string[] = [];
  readonly #filter: string | undefined;
  readonly #outgoing = new Map<number, Outgoing>();
  /** QoS 2 identifiers that came in and were not released. */
  readonly #open = new Set<number>();
  #connection: TestConnection | undefined;
  #welcome = false;
  #subscribed = false;
  /** What it sends is lost. */
  #mute = false;

  /** @param filter what it subscribes to at QoS 2. */
  constructor(clientId: string, filter?: string) {
    this.clientId = clientId;
    this.#filter = filter;
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Messages it has sent that are not acknowledged for good. */
  get unacknowledged(): number {
    return this.#outgoing.size;
  }

  join(broker: TestBroker): void {
    if (this.connected) return;
    this.#connection = broker.connect();
    this.#welcome = this.#mute = false;
    this.#connection.send(connect(this.clientId, { clean: false }));
  }

  /** The connection is lost, with all that is on its way. */
  lose(): void {
    this.#connection?.hangUp();
    this.#connection = undefined;
  }

  /** From now on nothing it sends arrives, until the connection is lost. */
  mute(): void {
    this.#mute = true;
  }

  publish(qos: QoS): void {
    const payload = `${qos}-${this.published.length}`;
    this.published.push(payload);
    if (qos === 0) return this.#send(publish(this.clientId, payload));
    let packetId = 1;
    while (this.#outgoing.has(packetId)) packetId++;
    this.#outgoing.set(packetId, { payload, qos, released: false });
    this.#send(publish(this.clientId, payload, { qos, packetId }));
  }

  /** Handles the next packet that has come; whether there was one. */
  handle(): boolean {
    const packet = this.#connection?.packets.shift();
    if (packet !== undefined) this.#handle(packet);
    else assert.notEqual(this.#connection?.closed, true, `the broker closed the connection of ${this.clientId}`);
    return packet !== undefined;
  }

  /** Says again what it has said and need not: QoS 2 messages and their PUBRELs, and PUBREC. */
  repeat(): void {
    for (const [packetId, { payload, qos, released }] of this.#outgoing) {
      if (released) this.#send(pubrel(packetId));
      else if (qos === 2) this.#send(publish(this.clientId, payload, { qos, packetId, dup: true }));
    }
    for (const packetId of this.#open) this.#send(pubrec(packetId));
  }

  #send(packet: Packet): void {
    if (this.#welcome && !this.#mute) this.#connection?.send(packet);
  }

  #handle(packet: Packet): void {
    switch (packet.type) {
      case PacketType.Connack:
        return this.#resume();
      case PacketType.Suback:
        this.#subscribed = true;
        return;
      case PacketType.Publish:
        return this.#receive(packet);
      case PacketType.Pubrel:
        this.#open.delete(packet.packetId);
        return this.#send(pubcomp(packet.packetId));
      case PacketType.Puback:
        return this.#settle(packet.packetId, 1);
      case PacketType.Pubrec: {
        const outgoing = this.#outgoing.get(packet.packetId);
        if (outgoing?.qos === 2) outgoing.released = true;
        return this.#send(pubrel(packet.packetId));
      }
      case PacketType.Pubcomp:
        return this.#settle(packet.packetId, 2);
      default:
        assert.fail(`${packetName(packet.type)} came`);
    }
  }

  #resume(): void {
    this.#welcome = true;
    if (this.#filter !== undefined && !this.#subscribed) this.#send(subscribe(1, [this.#filter, 2]));
    for (const [packetId, { payload, qos, released }] of this.#outgoing) {
      this.#send(released ? pubrel(packetId) : publish(this.clientId, payload, { qos, packetId, dup: true }));
    }
  }

  #receive(packet: Publish): void {
    const { qos, packetId } = packet;
    const known = qos === 2 && this.#open.has(packetId);
    if (qos === 2) this.#open.add(packetId);
    if (!known) this.received.push(packet.payload.toString());
    if (qos > 0) this.#send(qos === 1 ? puback(packetId) : pubrec(packetId));
  }

  #settle(packetId: number, qos: QoS): void {
    const outgoing = this.#outgoing.get(packetId);
    // A PUBCOMP may answer a PUBREL that was repeated for an earlier message under this identifier.
    if (outgoing?.qos === qos && (qos === 1 || outgoing.released)) this.#outgoing.delete(packetId);
  }
}

/** What must be true of what was received when everything has been said: each QoS keeps its promise, and its order. */
export function expectPromisesKept(publisher: Peer, subscriber: Peer): void {
  const at = (qos: QoS, payloads: readonly string[]): string[] => payloads.filter((payload) => payload.startsWith(`${qos}-`));
  assert.deepEqual(at(2, subscriber.received), at(2, publisher.published), 'exactly once, in order');
  assert.deepEqual([...new Set(at(1, subscriber.received))], at(1, publisher.published), 'at least once, in order');
  const zeros = at(0, subscriber.received);
  assert.deepEqual(
    zeros,
    at(0, publisher.published).filter((payload) => zeros.includes(payload)),
    'at most once, in order',
  );
}
