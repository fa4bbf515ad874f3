/** Two healthy clients in the middle of it all: what one publishes the other receives, whatever goes on around them. */

import assert from 'node:assert/strict';
import { PacketType, type QoS } from '../../src/packet/packet.js';
import { encode, Publish, type TestBroker, type TestConnection } from '../../src/testing.js';
import { answerTo } from './actor.js';

export const WITNESSED = 'witness/of/it/all';

export class Witness {
  readonly #test: TestBroker;
  readonly #publisher: TestConnection;
  readonly #subscriber: TestConnection;
  #published = 0;
  #acknowledged = 0;

  constructor(test: TestBroker) {
    this.#test = test;
    this.#publisher = arrived(test, 'the witness who publishes');
    this.#subscriber = arrived(test, 'the witness who hears');
    this.#subscriber.send({ type: PacketType.Subscribe, packetId: 1, subscriptions: [{ filter: WITNESSED, qos: 2 }] });
    test.endTurn();
    assert.deepEqual(
      this.#subscriber.take().map(({ type }) => type),
      [PacketType.Connack, PacketType.Suback],
    );
    assert.deepEqual(
      this.#publisher.take().map(({ type }) => type),
      [PacketType.Connack],
    );
  }

  /** One message, at each QoS in turn, from one to the other. */
  check(): void {
    const number = ++this.#published;
    const qos = (number % 3) as QoS;
    const payload = `message ${number}`;
    const publish = Publish.of({ topic: WITNESSED, payload: Buffer.from(payload), qos, retain: false, packetId: 1 + (number % 65_535) });
    const chunk = encode(publish, 4);
    this.#publisher.transport.send(chunk);
    chunk.fill(0xee);
    const heard: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      this.#test.endTurn();
      for (const packet of this.#subscriber.take()) {
        if (packet instanceof Publish) heard.push(`${packet.topic}: ${packet.payload.toString()} at QoS ${packet.qos}`);
        const answer = answerTo(packet);
        if (answer !== undefined) this.#subscriber.send(answer);
      }
      this.answer();
    }
    assert.deepEqual(heard, [`${WITNESSED}: ${payload} at QoS ${qos}`], 'the witness hears what was published, once');
  }

  /** Everything that was published has been acknowledged; both say goodbye. */
  leave(): void {
    assert.equal(this.#acknowledged, this.#published - Math.floor(this.#published / 3), 'every message above QoS 0 was acknowledged');
    for (const connection of [this.#publisher, this.#subscriber]) {
      assert.equal(connection.closed, false, 'nobody closes the connection of a witness');
      connection.send({ type: PacketType.Disconnect, reasonCode: 0 });
    }
  }

  /** The publisher reads what has come, and answers. */
  answer(): void {
    for (const packet of this.#publisher.take()) {
      if (packet.type === PacketType.Puback || packet.type === PacketType.Pubcomp) this.#acknowledged++;
      const answer = answerTo(packet);
      if (answer !== undefined) this.#publisher.send(answer);
    }
  }
}

function arrived(test: TestBroker, clientId: string): TestConnection {
  return test.connect().send({ type: PacketType.Connect, version: 4, clean: true, keepAlive: 0, clientId });
}
