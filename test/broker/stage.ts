/** A broker whose commits land when the test says so, with its journal, and what clients do with it. */
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { Entry } from '../../src/broker/contracts.js';
import { StorageJournal } from '../../src/broker/journal.js';
import * as keys from '../../src/broker/record-keys.js';
import { Kind } from '../../src/broker/record-keys.js';
import type { CreateOptions } from '../../src/create.js';
import {
  MemoryStorage,
  PacketType,
  Publish,
  type PublishFields,
  type QoS,
  type TestBroker,
  type TestConnection,
} from '../../src/testing.js';
import { answerTo, connect, subscribe } from '../conversations/client.js';
import { copyOf, recordsOf } from '../conversations/store.js';
import { HeldStorage, heard, started } from '../storage/held.js';

export class Stage {
  readonly storage: HeldStorage;
  readonly broker: TestBroker;
  readonly journal: StorageJournal;
  #ann: TestConnection | undefined;
  #lastId = 0;

  private constructor(storage: HeldStorage, broker: TestBroker, journal: StorageJournal) {
    this.storage = storage;
    this.broker = broker;
    this.journal = journal;
  }

  static async set(options: CreateOptions = {}, kept = new MemoryStorage(), time?: number): Promise<Stage> {
    const spy = mock.method(StorageJournal.prototype, 'continueAfter');
    const storage = new HeldStorage(kept);
    const broker = await started(storage, options, time);
    const journal = spy.mock.calls[0]!.this as StorageJournal;
    spy.mock.resetCalls(); // or it would be kept for ever
    spy.mock.restore();
    return new Stage(storage, broker, journal);
  }

  /** What the next process finds if this one dies now: what has landed. */
  async next(options: CreateOptions = {}): Promise<Stage> {
    return Stage.set(options, await copyOf(this.storage.kept), this.broker.now);
  }

  /** Lets commits land until nothing is left to do. */
  async settle(): Promise<void> {
    do {
      this.broker.endTurn();
      await heard();
      while (this.storage.underWay) await this.storage.land();
    } while (!this.broker.broker.idle);
  }

  /** Has a commit under way, so that what comes now is not on record until that has landed. */
  async hold(): Promise<void> {
    await this.settle();
    this.ann.send(publish('held', 'x', 1, ++this.#lastId, { retain: true }));
    this.broker.endTurn();
    assert.ok(this.storage.underWay);
  }

  /** A client with a session that is kept; it hears the filters at QoS 2. */
  come(clientId: string, ...filters: string[]): TestConnection {
    const client = this.broker.connect().send(connect(clientId, { clean: false }));
    return filters.length === 0 ? client : client.send(subscribe(1, ...filters.map((filter) => [filter, 2] as const)));
  }

  /** Sessions that are kept, whose clients subscribe and are gone. */
  async leave(...subscriptions: (readonly [clientId: string, filter: string])[]): Promise<void> {
    for (const [clientId, filter] of subscriptions) this.come(clientId, filter);
    await this.settle();
    for (const [clientId] of subscriptions) this.broker.broker.kick(clientId);
    await this.settle();
  }

  /** The same client again: what it is sent, behind its CONNACK, when everything has come to rest. */
  async back(clientId: string): Promise<TestConnection> {
    const client = this.come(clientId);
    await this.settle();
    client.packets.shift();
    return client;
  }

  /** Messages that come in one turn. */
  say(topic: string, payloads: readonly string[], qos: QoS = 1, fields: Partial<PublishFields> = {}): this {
    for (const payload of payloads) this.ann.send(publish(topic, payload, qos, ++this.#lastId, fields));
    return this;
  }

  /** Who publishes. */
  get ann(): TestConnection {
    this.#ann ??= this.broker.connect().send(connect('ann', { version: 5 }));
    return this.#ann;
  }

  /** How many deliveries each of their records has, in the order of the records. */
  async counts(): Promise<number[]> {
    return (await this.deliveries()).map(({ key }) => keys.placeOf(key).count);
  }

  deliveries(): Promise<Entry[]> {
    return recordsOf(this.storage.kept, Kind.Delivery);
  }
}

function publish(topic: string, payload: string, qos: QoS, packetId: number, fields: Partial<PublishFields>): Publish {
  return Publish.of({ topic, payload: Buffer.from(payload), qos, retain: false, packetId, version: 5, ...fields });
}

/** Takes what a client was sent: payloads with what matters of how they were sent, such as `a 1` or `b 2 again`; PUBRELs as `release 2`. */
export function taken(client: TestConnection): string[] {
  return client.take().flatMap((packet) => {
    if (packet instanceof Publish) return [`${packet.payload.toString()} ${packet.packetId}${packet.dup ? ' again' : ''}`];
    return packet.type === PacketType.Pubrel ? [`release ${packet.packetId}`] : [];
  });
}

/** Has a client answer everything until nothing comes any more. @returns the payloads it was sent. */
export async function drained(stage: Stage, client: TestConnection): Promise<string[]> {
  const payloads: string[] = [];
  for (;;) {
    await stage.settle();
    const packets = client.take();
    if (packets.length === 0) return payloads;
    for (const packet of packets) {
      if (packet instanceof Publish) payloads.push(packet.payload.toString());
      const answer = answerTo(packet);
      if (answer !== undefined) client.send(answer);
    }
  }
}
