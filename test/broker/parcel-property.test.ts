/** Queues against a model of them: whatever is published, answered and interrupted in whatever order, what waits is what the model says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AROUND } from '../../src/session/inflight.js';
import { PacketType, Publish, type Packet, type QoS, type TestConnection } from '../../src/testing.js';
import { checked } from '../admin/text.js';
import { answerTo, connect } from '../conversations/client.js';
import { inventory } from '../conversations/store.js';
import { heard } from '../storage/held.js';
import { runs } from '../util/runs.js';
import { Stage } from './stage.js';

/** As long as a message that expires waits, in ms, and until the broker has looked for it. */
const EXPIRY = 2_000;
const LOOKED_FOR = 3_500;

/** A message that was published. */
interface Letter {
  /** Its place in the order of all. */
  readonly place: number;
  readonly topic: string;
  readonly expiresAt: number;
  /** Bytes, as they are counted in a queue. */
  readonly size: number;
  /** Whether its publisher was told that the broker has it. */
  isPromised: boolean;
}

/** One client with a session that is kept, and what the model knows of its queue. */
class Hearer {
  readonly name: string;
  readonly topics: readonly string[];
  /** Letters the broker has for it: waiting, or in flight. */
  readonly due = new Set<Letter>();
  /** Of those, what it was sent by this process, and where PUBREC was said. */
  readonly inFlight = new Set<Letter>();
  readonly released = new Set<Letter>();
  /** Letters the broker may have for it, or not: what became of them last may have gone with a process. */
  readonly unsure = new Set<Letter>();
  /** Over since the broker came to rest last. */
  readonly overLately = new Set<Letter>();
  readonly releasedLately = new Set<Letter>();
  readonly heard = new Set<Letter>();
  /** Letters of a session that was ended. */
  readonly forgiven = new Set<Letter>();
  /** By packet identifier: what came under it last, and QoS 2 letters until PUBREL. */
  readonly #last = new Map<number, Letter>();
  readonly #open = new Map<number, Letter>();
  connection: TestConnection | undefined;
  #highest = -1;
  #highestOfConnection = -1;
  #answers: Packet[] = [];

  constructor(name: string, ...topics: string[]) {
    this.name = name;
    this.topics = topics;
  }

  lose(): void {
    this.connection?.hangUp();
    this.connection = undefined;
    this.#answers = [];
  }

  join(stage: Stage): void {
    this.connection ??= stage.come(this.name);
    this.#highestOfConnection = -1;
  }

  /** The process has died. */
  bereave(): void {
    this.lose();
    for (const letter of this.overLately) this.unsure.add(letter);
    for (const letter of this.releasedLately) {
      this.released.delete(letter);
      this.doubt(letter);
    }
    for (const letter of this.due) if (!letter.isPromised) this.doubt(letter);
    this.inFlight.clear();
    this.rest();
  }

  doubt(letter: Letter): void {
    if (this.due.delete(letter)) this.unsure.add(letter);
  }

  /** A new session has taken the place of the one there was. */
  beginAnew(): void {
    for (const letter of [...this.due, ...this.unsure]) this.forgiven.add(letter);
    for (const letters of [this.due, this.inFlight, this.released, this.unsure]) letters.clear();
    this.rest();
    this.#open.clear();
  }

  /** All that has happened is on record. */
  rest(): void {
    this.overLately.clear();
    this.releasedLately.clear();
  }

  /** Takes what has come. */
  take(letters: readonly Letter[]): void {
    for (const packet of this.connection?.take() ?? []) {
      if (packet instanceof Publish) this.#hear(letters[Number(packet.payload.subarray(0, 6).toString())]!, packet);
      else if (packet.type === PacketType.Pubrel) this.#open.delete(packet.packetId);
      const answer = answerTo(packet);
      if (answer !== undefined) this.#answers.push(answer);
    }
    assert.notEqual(this.connection?.closed, true, `the broker closed the connection of ${this.name}`);
  }

  #hear(letter: Letter, { packetId, qos }: Publish): void {
    const about = `${this.name}: letter ${letter.place} under ${packetId}`;
    assert.ok(letter.place > this.#highestOfConnection, `${about} comes after ${this.#highestOfConnection}`);
    this.#highestOfConnection = letter.place;
    const open = this.#open.get(packetId);
    assert.ok(open === undefined || open === letter, `${about}, which letter ${open?.place} has`);
    assert.ok(qos === 1 || open === letter || !this.heard.has(letter), `${about} comes a second time`);
    assert.ok(this.due.has(letter) || this.unsure.has(letter), `${about} is over`);
    if (!this.heard.has(letter)) {
      assert.ok(letter.place > this.#highest, `${about} is new, and comes after ${this.#highest}`);
      this.#highest = letter.place;
    }
    this.heard.add(letter);
    this.unsure.delete(letter);
    this.due.add(letter);
    this.inFlight.add(letter);
    this.#last.set(packetId, letter);
    if (qos === 2) this.#open.set(packetId, letter);
  }

  get isSilent(): boolean {
    return this.#answers.length === 0;
  }

  /** Sends some of the answers that are due. @param from which of them is the first. */
  answer(from: number, many: number): void {
    for (const packet of this.#answers.splice(from % Math.max(1, this.#answers.length), many)) {
      assert.ok('packetId' in packet);
      const letter = this.#last.get(packet.packetId);
      this.connection!.send(packet);
      if (letter === undefined) continue;
      if (packet.type === PacketType.Pubrec) {
        this.released.add(letter);
        this.releasedLately.add(letter);
        continue;
      }
      // Of a letter that is over for the broker a PUBREL may come again.
      for (const letters of [this.due, this.unsure, this.inFlight, this.released]) letters.delete(letter);
      this.overLately.add(letter);
    }
  }
}

class Scene {
  readonly bob = new Hearer('bob', 'b', 's');
  readonly cy = new Hearer('cy', 'c', 's');
  readonly hearers = [this.bob, this.cy];
  readonly letters: Letter[] = [];
  readonly #maxInflight: number;
  #stage: Stage | undefined;

  constructor(maxInflight: number) {
    this.#maxInflight = maxInflight;
  }

  get stage(): Stage {
    return this.#stage!;
  }

  async start(): Promise<void> {
    this.#stage = await Stage.set(this.#options);
    for (const { name, topics } of this.hearers) this.stage.come(name, ...topics);
    await this.stage.settle();
    for (const { name } of this.hearers) this.stage.broker.broker.kick(name);
    await this.stage.settle();
  }

  get #options() {
    return { maxInflight: this.#maxInflight, maxQueuedMessages: 100_000 } as const;
  }

  /** The process dies; the next finds what has landed. */
  async die(): Promise<void> {
    this.take();
    for (const hearer of this.hearers) hearer.bereave();
    this.#stage = await this.stage.next(this.#options);
  }

  publish(topic: string, qos: QoS, size: number, many: number, expires: boolean): void {
    for (let i = 0; i < many; i++) {
      const place = this.letters.length;
      const properties = expires ? { messageExpiryInterval: EXPIRY / 1_000 } : {};
      const payload = Buffer.from(String(place).padStart(6, '0').padEnd(size, '.'));
      const packet = Publish.of({ topic, payload, qos, retain: false, packetId: place + 1, version: 5, properties });
      const expiresAt = expires ? this.stage.broker.now + EXPIRY : Infinity;
      const letter: Letter = { place, topic, expiresAt, size: packet.length, isPromised: false };
      this.letters.push(letter);
      for (const hearer of this.hearers) if (hearer.topics.includes(topic)) hearer.due.add(letter);
      this.stage.ann.send(packet);
    }
  }

  /** Others have so many messages that packet identifiers come again: the next is that of the message so many places before it. */
  goAround(places: number): void {
    for (let i = AROUND - places; i > 0; i--) this.stage.journal.number();
  }

  /** Takes what has come to everybody. */
  take(): void {
    for (const packet of this.stage.ann.take()) {
      if (packet.type !== PacketType.Puback && packet.type !== PacketType.Pubrec) continue;
      this.letters[packet.packetId - 1]!.isPromised = true;
      const answer = answerTo(packet);
      if (answer !== undefined) this.stage.ann.send(answer);
    }
    for (const hearer of this.hearers) hearer.take(this.letters);
    const { now } = this.stage.broker;
    for (const hearer of this.hearers) {
      for (const letter of hearer.due) if (letter.expiresAt <= now && !hearer.inFlight.has(letter)) hearer.doubt(letter);
    }
  }

  async settle(): Promise<void> {
    await this.stage.settle();
    this.take();
    await this.stage.settle();
    for (const hearer of this.hearers) hearer.rest();
    await this.#expectCounts();
  }

  /** What waits and is in flight is what the model says. */
  async #expectCounts(): Promise<void> {
    const { broker, storage } = this.stage;
    const onRecord = { records: 0, bytes: 0 };
    for (const { name, due, unsure, inFlight, released, connection } of this.hearers) {
      const { inflight, queuedMessages, queuedBytes } = broker.broker.session(name)!;
      const total = inflight + queuedMessages;
      assert.ok(
        total >= due.size && total <= due.size + unsure.size,
        `${name} has ${total} of ${due.size} letters, and of ${unsure.size} perhaps`,
      );
      const kept = [...due].filter((letter) => !released.has(letter));
      onRecord.records += kept.length;
      onRecord.bytes += bytesOf(kept);
      const waiting = kept.filter((letter) => !inFlight.has(letter));
      // What a connection that was lost was sent may not have come.
      if (unsure.size > 0 || (connection === undefined && queuedMessages < waiting.length)) continue;
      assert.deepEqual({ queuedMessages, queuedBytes }, { queuedMessages: waiting.length, queuedBytes: bytesOf(waiting) }, name);
    }
    const { check, damages } = await checked(storage.kept);
    assert.deepEqual(damages, []);
    const { records, bytes } = check.queued;
    if (this.hearers.every(({ unsure }) => unsure.size === 0)) assert.deepEqual({ records, bytes }, onRecord);
  }

  /** The session of a client is ended, and another begins. */
  async beginAnew(hearer: Hearer): Promise<void> {
    hearer.lose();
    const connection = this.stage.broker.connect().send(connect(hearer.name));
    await this.settleQuietly();
    connection.hangUp();
    hearer.beginAnew();
    this.stage.come(hearer.name, ...hearer.topics).hangUp();
    await this.settle();
  }

  async settleQuietly(): Promise<void> {
    await this.stage.settle();
    this.take();
  }

  /** Everybody comes and answers everything. */
  async finish(): Promise<void> {
    do {
      for (const hearer of this.hearers) hearer.join(this.stage);
      for (const hearer of this.hearers) hearer.answer(0, Infinity);
      await this.settleQuietly();
    } while (!this.hearers.every(({ isSilent }) => isSilent));
    await this.settle();
    for (let passed = 0; passed < LOOKED_FOR; passed += 500) {
      this.stage.broker.advance(500);
      await this.stage.settle();
    }
  }

  async expectEverythingHeard(): Promise<void> {
    const { broker, storage, journal } = this.stage;
    for (const { name, topics, heard: found, forgiven, due } of this.hearers) {
      const promised = this.letters.filter(
        ({ topic, isPromised, expiresAt }) => topics.includes(topic) && isPromised && expiresAt === Infinity,
      );
      const missing = promised.filter((letter) => !found.has(letter) && !forgiven.has(letter));
      assert.deepEqual(missing, [], `${name} misses letters`);
      assert.equal(due.size, 0);
    }
    const { queued, bugs } = broker.broker.stats;
    assert.deepEqual({ queued, bugs }, { queued: { messages: 0, bytes: 0 }, bugs: 0 });
    assert.deepEqual(await inventory(storage.kept), { Format: 1, Sequence: 1, Session: 2 });
    assert.equal(journal.filing.parcels.size, 0);
  }
}

function bytesOf(letters: readonly Letter[]): number {
  return letters.reduce((sum, { size }) => sum + size, 0);
}

const who = fc.constantFrom('bob' as const, 'cy' as const);
const event = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('publish' as const),
      topic: fc.constantFrom('b', 'b', 'c', 's'),
      qos: fc.constantFrom<QoS>(1, 2),
      size: fc.constantFrom(6, 6, 6, 700, 6_000, 17_000),
      many: fc.constantFrom(1, 1, 3, 8, 40),
      expires: fc.constantFrom(false, false, false, false, false, true),
    }),
  },
  // More than the window of a queue takes.
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('publish' as const),
      topic: fc.constant('b'),
      qos: fc.constantFrom<QoS>(1, 2),
      size: fc.constant(6_000),
      many: fc.constant(190),
      expires: fc.constant(false),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constantFrom('answer' as const, 'answer' as const, 'answer and flap' as const),
      who,
      from: fc.nat(20),
      many: fc.constantFrom(1, 1, 5, 40),
    }),
  },
  { weight: 5, arbitrary: fc.record({ does: fc.constantFrom('join' as const, 'join' as const, 'lose' as const), who }) },
  { weight: 12, arbitrary: fc.record({ does: fc.constantFrom('turn' as const, 'land' as const, 'land' as const) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('pass' as const), time: fc.constantFrom(100, 200, 1_500, LOOKED_FOR) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('die' as const) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('go around' as const), places: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('begin anew' as const), who }) },
);

test('each message is delivered in order, none is lost once it is acknowledged or comes twice at QoS 2, and the counts are those of a model [MQTT-4.3.3-1][MQTT-4.4.0-1][MQTT-4.6.0-1][MQTT-4.6.0-6]', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 10, maxLength: 80, size: 'max' }),
      fc.constantFrom(1, 3, 50),
      async (events, maxInflight) => {
        const scene = new Scene(maxInflight);
        await scene.start();
        for (const deed of events) {
          const hearer = 'who' in deed ? scene[deed.who] : scene.bob;
          if (deed.does === 'publish') scene.publish(deed.topic, deed.qos, deed.size, deed.many, deed.expires);
          else if (deed.does === 'answer') hearer.answer(deed.from, deed.many);
          else if (deed.does === 'answer and flap') {
            hearer.answer(deed.from, deed.many);
            hearer.lose();
            hearer.join(scene.stage);
          } else if (deed.does === 'join') hearer.join(scene.stage);
          else if (deed.does === 'lose') hearer.lose();
          else if (deed.does === 'turn') scene.stage.broker.endTurn();
          else if (deed.does === 'land') await (scene.stage.storage.underWay ? scene.stage.storage.land() : heard());
          else if (deed.does === 'settle') await scene.settle();
          else if (deed.does === 'pass') scene.stage.broker.advance(deed.time);
          else if (deed.does === 'die') await scene.die();
          else if (deed.does === 'go around') scene.goAround(deed.places);
          else await scene.beginAnew(hearer);
          scene.take();
        }
        await scene.finish();
        await scene.expectEverythingHeard();
      },
    ),
    runs(15),
  );
});
