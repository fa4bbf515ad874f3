import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QoS } from '../../src/packet/packet.js';
import { Books, type Arrival, type Fault } from './books.js';
import { idIn, letterOf, payloadOf, type Letter } from './letter.js';
import { Shelf } from './shelf.js';

/** What happens, told in order. */
class Tale {
  now = 1_000_000;
  readonly books = new Books(() => this.now);

  letter(sequence: number, qos: QoS = 1, topic = 'a/1', publisher = 'p', expiry?: number): Letter {
    const letter = letterOf(publisher, sequence, topic, qos, expiry);
    this.books.sent(letter);
    return letter;
  }

  acknowledged(...about: Parameters<Tale['letter']>): Letter {
    const letter = this.letter(...about);
    this.books.acknowledged(letter);
    return letter;
  }

  subscribed(session = 'anna', filter = 'a/+', qos: QoS = 2): void {
    this.books.subscribes(session, filter, qos);
    this.books.subscribed(session, filter);
  }

  unsubscribed(): void {
    this.books.unsubscribes('anna', 'a/+');
    this.books.unsubscribed('anna', 'a/+');
  }

  comes({ id, topic, qos }: Letter, how: Partial<Arrival> = {}, session = 'anna'): void {
    this.books.arrived(session, { id, topic, qos, dup: false, repeated: false, ...how });
  }

  get faults(): Fault[] {
    return [...this.books.findings, ...this.books.missing()].map(({ fault }) => fault);
  }
}

const GROUP = '$share/g/a/+';

const cases: readonly [title: string, happens: (tale: Tale) => void, faults: readonly Fault[]][] = [
  [
    'what is acknowledged and comes, in order, is well',
    (tale) => {
      tale.subscribed();
      for (const letter of [tale.acknowledged(1), tale.acknowledged(2), tale.acknowledged(3)]) tale.comes(letter);
    },
    [],
  ],
  [
    'what is acknowledged and does not come is lost',
    (tale) => {
      tale.subscribed();
      tale.comes(tale.acknowledged(1));
      tale.acknowledged(2);
    },
    ['lost'],
  ],
  [
    'what comes to one session is lost to the other',
    (tale) => {
      tale.subscribed('anna');
      tale.subscribed('bert');
      tale.comes(tale.acknowledged(1));
    },
    ['lost'],
  ],
  [
    'what is not acknowledged need not come',
    (tale) => {
      tale.subscribed();
      tale.letter(1);
    },
    [],
  ],
  [
    'what is on another topic need not come',
    (tale) => {
      tale.subscribed('anna', 'b/#');
      tale.acknowledged(1);
    },
    [],
  ],
  [
    'what was sent before SUBACK need not come, and may',
    (tale) => {
      tale.books.subscribes('anna', 'a/+', 1);
      const [first] = [tale.acknowledged(1), tale.acknowledged(2)];
      tale.books.subscribed('anna', 'a/+');
      tale.comes(first);
    },
    [],
  ],
  [
    'what was acknowledged before UNSUBSCRIBE is still due',
    (tale) => {
      tale.subscribed();
      tale.acknowledged(1);
      tale.unsubscribed();
    },
    ['lost'],
  ],
  [
    'what was sent after UNSUBSCRIBE may come until UNSUBACK',
    (tale) => {
      tale.subscribed();
      tale.books.unsubscribes('anna', 'a/+');
      const [first] = [tale.acknowledged(1), tale.acknowledged(2)];
      tale.books.unsubscribed('anna', 'a/+');
      tale.comes(first);
    },
    [],
  ],
  [
    'what was sent after UNSUBACK must not come',
    (tale) => {
      tale.subscribed();
      tale.unsubscribed();
      tale.comes(tale.acknowledged(1));
    },
    ['not-subscribed'],
  ],
  [
    'QoS 2 comes once',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1, 2);
      tale.comes(letter);
      tale.comes(letter, { dup: true });
    },
    ['twice'],
  ],
  [
    'QoS 2 may be sent again under the packet identifier it has',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1, 2);
      tale.comes(letter);
      tale.comes(letter, { dup: true, repeated: true });
    },
    [],
  ],
  [
    'QoS 1 may be delivered again with DUP',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1);
      tale.comes(letter);
      tale.comes(letter, { dup: true });
    },
    [],
  ],
  [
    'QoS 1 that was published once comes once without DUP',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1);
      tale.comes(letter);
      tale.comes(letter);
    },
    ['twice'],
  ],
  [
    'QoS 1 that was published again may come again',
    (tale) => {
      tale.subscribed();
      const letter = tale.letter(1);
      tale.books.sentAgain(letter);
      tale.books.acknowledged(letter);
      tale.comes(letter);
      tale.comes(letter);
    },
    [],
  ],
  [
    'a first delivery does not overtake',
    (tale) => {
      tale.subscribed();
      const [first, second] = [tale.acknowledged(1), tale.acknowledged(2)];
      tale.comes(second);
      tale.comes(first);
    },
    ['overtaken'],
  ],
  [
    'nor does it where the one before was published again',
    (tale) => {
      tale.subscribed();
      const [first, second] = [tale.letter(1), tale.letter(2)];
      for (const letter of [first, second]) tale.books.sentAgain(letter);
      tale.comes(second);
      tale.comes(first);
    },
    ['overtaken'],
  ],
  [
    'an older message may come again after a later one',
    (tale) => {
      tale.subscribed();
      const [first, second] = [tale.acknowledged(1), tale.acknowledged(2)];
      for (const letter of [first, second]) tale.comes(letter);
      for (const letter of [first, second]) tale.comes(letter, { dup: true });
    },
    [],
  ],
  [
    'what was published before the subscription, and again, may come after a later one',
    (tale) => {
      const first = tale.letter(1);
      tale.subscribed();
      const second = tale.acknowledged(2);
      tale.books.sentAgain(first);
      tale.books.acknowledged(first);
      tale.comes(second);
      tale.comes(first);
    },
    [],
  ],
  [
    'topics, publishers and QoS have orders of their own',
    (tale) => {
      tale.subscribed();
      tale.comes(tale.acknowledged(5));
      tale.comes(tale.acknowledged(4, 1, 'a/2'));
      tale.comes(tale.acknowledged(3, 2));
      tale.comes(tale.acknowledged(2, 1, 'a/1', 'q'));
    },
    [],
  ],
  [
    'what nobody published must not come',
    (tale) => {
      tale.subscribed();
      tale.comes(letterOf('p', 1, 'a/1', 1));
    },
    ['never-published'],
  ],
  [
    'a topic does not change',
    (tale) => {
      tale.subscribed();
      tale.comes({ ...tale.acknowledged(1), topic: 'a/2' });
    },
    ['changed'],
  ],
  [
    'it comes at the lower QoS',
    (tale) => {
      tale.subscribed('anna', 'a/+', 1);
      const letter = tale.acknowledged(1, 2);
      tale.comes(letter);
      tale.comes(letter, { qos: 1, dup: true });
    },
    ['changed'],
  ],
  [
    'after a clean start nothing of what was before is due',
    (tale) => {
      tale.subscribed();
      tale.acknowledged(1);
      tale.books.beginsAnew('anna');
    },
    [],
  ],
  [
    'after a clean start nothing of what was before comes',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1);
      tale.books.beginsAnew('anna');
      tale.subscribed();
      tale.comes(letter);
    },
    ['not-subscribed'],
  ],
  [
    'what has expired is not due, and does not come for the first time',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1, 1, 'a/1', 'p', 1);
      tale.acknowledged(2, 1, 'a/1', 'p', 1);
      tale.now += 5_000;
      tale.comes(letter);
    },
    ['expired'],
  ],
  [
    'what has expired may be sent again',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1, 1, 'a/1', 'p', 1);
      tale.now += 5_000;
      tale.comes(letter, { dup: true, left: 0 });
    },
    [],
  ],
  [
    'what it has waited is taken off the time it has',
    (tale) => {
      tale.subscribed();
      const letter = tale.acknowledged(1, 2, 'a/1', 'p', 3_600);
      tale.now += 60_000;
      tale.comes(letter, { left: 3_600 });
    },
    ['changed'],
  ],
  [
    'a Shared Subscription gives it to one member',
    (tale) => {
      for (const member of ['anna', 'bert']) tale.subscribed(member, GROUP);
      tale.comes(tale.acknowledged(1, 2), {}, 'anna');
      tale.comes(tale.acknowledged(2, 2), {}, 'bert');
    },
    [],
  ],
  [
    'what came to no member is lost',
    (tale) => {
      for (const member of ['anna', 'bert']) tale.subscribed(member, GROUP);
      tale.acknowledged(1);
    },
    ['lost'],
  ],
  [
    'at QoS 2 it comes to no second member',
    (tale) => {
      for (const member of ['anna', 'bert']) tale.subscribed(member, GROUP);
      const letter = tale.acknowledged(1, 2);
      tale.comes(letter, {}, 'anna');
      tale.comes(letter, {}, 'bert');
    },
    ['twice'],
  ],
  [
    'at QoS 1 it may come to a second member',
    (tale) => {
      for (const member of ['anna', 'bert']) tale.subscribed(member, GROUP);
      const letter = tale.acknowledged(1);
      tale.comes(letter, {}, 'anna');
      tale.comes(letter, {}, 'bert');
    },
    [],
  ],
  [
    'with a session that is lost what was acknowledged before is lost, and what comes after is not due',
    (tale) => {
      tale.subscribed();
      tale.acknowledged(1);
      tale.books.killed('here');
      tale.acknowledged(2);
      tale.books.sessionLost('anna');
      tale.acknowledged(3);
    },
    ['session-lost', 'lost'],
  ],
  [
    'a Will that is due and does not come is lost',
    (tale) => {
      tale.subscribed();
      tale.books.owed(tale.letter(1), 'is due');
    },
    ['lost'],
  ],
  [
    'a Will that is revoked must not come',
    (tale) => {
      tale.subscribed();
      const [first, second] = [tale.letter(1), tale.letter(2)];
      tale.books.revoked(first, 'is revoked');
      tale.books.revoked(second, 'is revoked');
      tale.comes(second);
    },
    ['not-subscribed'],
  ],
];

describe('the books', () => {
  for (const [title, happens, faults] of cases) {
    it(title, () => {
      const tale = new Tale();
      happens(tale);
      assert.deepEqual(tale.faults, faults);
    });
  }

  it('find what is missing once', () => {
    const tale = new Tale();
    tale.subscribed();
    tale.acknowledged(1);
    const later = tale.letter(2);
    assert.equal(tale.books.missing().length, 1);
    tale.books.close();
    assert.equal(tale.books.missing().length, 0);
    tale.books.acknowledged(later);
    assert.equal(tale.books.missing().length, 1);
  });

  it('tell the history of a finding', () => {
    const tale = new Tale();
    tale.subscribed();
    tale.acknowledged(1);
    tale.acknowledged(2);
    tale.books.killed('under load');
    const [finding] = tale.books.missing();
    const history = tale.books.history(finding!).map((line) => line.replace(/^ *\d+ ms +/, ''));
    assert.deepEqual(history, [
      'anna SUBSCRIBE a/+ at QoS 2',
      'anna SUBACK for a/+',
      'p#1 is sent',
      'p#1 is acknowledged',
      '—— the broker is killed under load',
    ]);
  });

  it('know what is on disk by what was sent after it at QoS 2', () => {
    const tale = new Tale();
    const before = tale.letter(1, 2);
    const { now } = tale.books;
    tale.books.acknowledged(before);
    tale.acknowledged(2, 1);
    assert.equal(tale.books.proves(now), false);
    tale.acknowledged(3, 2);
    assert.equal(tale.books.proves(now), true);
  });
});

describe('the shelf', () => {
  const shelves: readonly [title: string, acknowledged: number, found: readonly [string, string][], faults: number][] = [
    ['what was acknowledged last is right', 3, [['r/1', 'three']], 0],
    ['what was acknowledged before is not', 3, [['r/1', 'two']], 1],
    ['nor is nothing', 3, [], 1],
    ['what was published after it may be there', 1, [['r/1', 'three']], 0],
    ['what was published before anything was acknowledged need not', 0, [], 0],
    [
      'a topic nobody published to is strange',
      3,
      [
        ['r/1', 'three'],
        ['r/2', 'two'],
      ],
      1,
    ],
  ];
  for (const [title, acknowledged, found, faults] of shelves) {
    it(title, () => {
      const shelf = new Shelf();
      const places = ['one', 'two', 'three'].map((value) => shelf.sent('r/1', value));
      for (const place of places.slice(0, acknowledged)) shelf.acknowledged('r/1', place);
      assert.equal(shelf.faults(new Map(found)).length, faults);
    });
  }

  it('what was cleared, and acknowledged, must be gone', () => {
    const shelf = new Shelf();
    shelf.sent('r/1', 'one');
    const cleared = shelf.sent('r/1', '');
    assert.deepEqual(shelf.faults(new Map([['r/1', 'one']])), []);
    shelf.acknowledged('r/1', cleared);
    assert.equal(shelf.faults(new Map([['r/1', 'one']])).length, 1);
    assert.deepEqual(shelf.faults(new Map()), []);
  });
});

describe('a letter', () => {
  it('is read where it is whole', () => {
    const letter = letterOf('p', 17, 'a/1', 1);
    for (const filler of [0, 1, 5_000]) assert.equal(idIn(payloadOf(letter, filler)), 'p#17');
  });

  it('is not read where a byte of it is another', () => {
    const payload = payloadOf(letterOf('p', 17, 'a/1', 1), 20);
    for (let i = 0; i < payload.length; i++) {
      const mutilated = Buffer.from(payload);
      mutilated[i]! ^= 1;
      assert.equal(idIn(mutilated), undefined, `byte ${i}`);
    }
  });
});
