/** Who takes part in a story: publishers and subscribers with all kinds of habits. */

import type { QoS } from '../../src/packet/packet.js';
import { letterOf, payloadOf } from './letter.js';
import type { World } from './peer.js';
import { Publisher, type Draft } from './publisher.js';
import type { Shelf } from './shelf.js';
import { Subscriber, type SubscriberHabits } from './subscriber.js';

export interface Cast {
  readonly publishers: readonly Publisher[];
  readonly subscribers: readonly Subscriber[];
}

const DAY = 86_400;
const FAMILIES = ['a', 'b', 'c', 'd'];
/** Each is heard by one: what waits shares records. */
const LONELY = ['e', 'f', 'g'];
const TOPICS_OF_A_FAMILY = 3;
const RETAINED_TOPICS = 12;
const WINDOWS = [1, 5, 20, 100];

export function cast(world: World, shelf: Shelf, wills: boolean): Cast {
  const { random } = world;
  const version = (): 4 | 5 => random.pick([4, 5]);
  const qos = (): QoS => random.pick([1, 2, 2]);

  const publishers = Array.from({ length: 4 }, (_, i) => publisher(world, `p${i + 1}`, version()));
  publishers.push(publisher(world, 'p5', version(), LONELY, 100));
  publishers.push(keeper(world, shelf, 'keeper-1', 'r/1'), keeper(world, shelf, 'keeper-2', 'r/2'));

  const usual: SubscriberHabits = {
    presence: 'there',
    isSlow: false,
    wanders: false,
    beginsAnew: false,
    filters: FAMILIES.map((family) => ({ filter: `${family}/${random.pick(['+', '#'])}`, qos: qos() })),
  };
  // Two are always subscribed to everything; of the rest everybody hears some of it.
  const some = (): SubscriberHabits['filters'] => {
    const [first, second] = [random.below(4), random.below(3)];
    const filter = (family: string): string => `${family}/${random.pick(['+', '#', '0', '1'])}`;
    return [FAMILIES[first]!, FAMILIES[(first + 1 + second) % 4]!].map((family) => ({ filter: filter(family), qos: qos() }));
  };
  const habits: Record<string, Partial<SubscriberHabits>> = {
    'away-all': { presence: 'away' },
    'there-all': {},
    'away-some': { presence: 'away', filters: some() },
    slow: { isSlow: true, filters: some() },
    'slow-too': { isSlow: true, filters: some() },
    'now-and-then': { presence: 'now and then', filters: some() },
    'slow-now-and-then': { presence: 'now and then', isSlow: true, filters: some() },
    wanderer: { wanders: true, isSlow: true, filters: some() },
    'wanderer-now-and-then': { wanders: true, presence: 'now and then', filters: some() },
    newcomer: { beginsAnew: true, isSlow: true, filters: some() },
    'newcomer-now-and-then': { beginsAnew: true, presence: 'now and then', filters: some() },
    'lonely-away': { presence: 'away', filters: [{ filter: 'e/+', qos: 2 }] },
    'lonely-slow': { isSlow: true, filters: [{ filter: 'f/+', qos: qos() }] },
    'lonely-now-and-then': { presence: 'now and then', isSlow: true, filters: [{ filter: 'g/#', qos: 2 }] },
  };
  const subscribers = Object.entries(habits).map(([name, own]) => subscriber(world, name, version(), { ...usual, ...own }));

  const shared: SubscriberHabits['filters'] = [
    { filter: '$share/g/a/+', qos: 2 },
    { filter: '$share/h/b/#', qos: qos() },
  ];
  const members: Partial<SubscriberHabits>[] = [
    { isSlow: true },
    { presence: 'now and then' },
    { presence: 'now and then', isSlow: true, wanders: true },
  ];
  for (const [i, own] of members.entries()) {
    subscribers.push(subscriber(world, `member-${i + 1}`, 5, { ...usual, ...own, filters: shared }));
  }
  if (wills) {
    subscribers.push(subscriber(world, 'heir', version(), { ...usual, filters: [{ filter: 'w/#', qos: 2 }] }));
    subscribers.push(subscriber(world, 'heir-away', version(), { ...usual, presence: 'away', filters: [{ filter: 'w/+', qos: 2 }] }));
  }
  return { publishers, subscribers };
}

function subscriber(world: World, name: string, version: 4 | 5, habits: SubscriberHabits): Subscriber {
  const { random } = world;
  const receiveMaximum = random.pick([undefined, 3, 20]);
  return new Subscriber(
    world,
    { name, version, properties: { sessionExpiryInterval: DAY, ...(receiveMaximum && { receiveMaximum }) } },
    habits,
  );
}

function publisher(world: World, name: string, version: 4 | 5, families = [...FAMILIES, ...LONELY], window?: number): Publisher {
  const { random } = world;
  let sequence = 0;
  const write = (): Draft => {
    const topic = `${random.pick(families)}/${random.below(TOPICS_OF_A_FAMILY)}`;
    const expiry = version === 5 && random.once(6) ? random.pick([1, DAY]) : undefined;
    const letter = letterOf(name, ++sequence, topic, random.pick([0, 1, 1, 1, 2, 2, 2, 2]), expiry);
    const filler = random.pick([0, 0, 0, 0, 100, 100, 300, random.once(20) ? 60_000 : 2_000]);
    return {
      topic,
      payload: payloadOf(letter, filler),
      qos: letter.qos,
      retain: false,
      properties: expiry === undefined ? undefined : { messageExpiryInterval: expiry },
      sent: () => world.books.sent(letter),
      sentAgain: () => world.books.sentAgain(letter),
      acknowledged: () => world.books.acknowledged(letter),
    };
  };
  return publisherOf(world, name, version, write, window);
}

/** A publisher of retained messages under topics of its own. */
function keeper(world: World, shelf: Shelf, name: string, prefix: string): Publisher {
  const { random, books } = world;
  let sequence = 0;
  const write = (): Draft => {
    const number = random.below(RETAINED_TOPICS);
    const topic = `${prefix}/${number}`;
    const id = random.once(4) ? '' : `${name}#${++sequence}`;
    const place = shelf.sent(topic, id);
    const payload = id === '' ? Buffer.alloc(0) : payloadOf({ id }, random.pick([0, 100, 3_000]));
    const what = id || 'nothing';
    return {
      // What is sent again at QoS 1 would come behind a later message at QoS 2, which is known already.
      qos: number % 2 === 0 ? 1 : 2,
      topic,
      payload,
      retain: true,
      sent: () => books.note(`is set to ${what}`, topic),
      sentAgain: () => books.note(`is set to ${what} again`, topic),
      acknowledged: () => {
        books.note(`is set to ${what}: acknowledged`, topic);
        shelf.acknowledged(topic, place);
      },
    };
  };
  return publisherOf(world, name, random.pick([4, 5]), write);
}

function publisherOf(world: World, name: string, version: 4 | 5, write: () => Draft, window = world.random.pick(WINDOWS)): Publisher {
  const { random } = world;
  const habits = { window, isSlow: random.once(2), write };
  return new Publisher(world, { name, version, properties: { sessionExpiryInterval: DAY } }, habits);
}
