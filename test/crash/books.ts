/** The books of a crash test: what was published, acknowledged and delivered, and what of it must not be. */

import type { QoS } from '../../src/packet/packet.js';
import type { Letter } from './letter.js';

export type Fault =
  /** An acknowledged message did not come. */
  | 'lost'
  /** A message came once more than it may. */
  | 'twice'
  /** A message came first after one that was published behind it. */
  | 'overtaken'
  /** Another topic, QoS, or time to live than it was published with. */
  | 'changed'
  | 'never-published'
  /** It came where nothing was subscribed that it could have come by. */
  | 'not-subscribed'
  /** Its time was over before it was first sent. */
  | 'expired'
  | 'session-lost'
  /** A session was there that had ended. */
  | 'session-back'
  /** What is retained is not what was last acknowledged, or later. */
  | 'retained'
  /** The broker said no, or hung up. */
  | 'refused'
  /** The broker logged an error, or ended by itself. */
  | 'broken'
  /** Something did not come to its end in time. */
  | 'stuck';

export interface Finding {
  readonly fault: Fault;
  readonly sentence: string;
  readonly letter?: string | undefined;
  readonly session?: string | undefined;
}

/** A PUBLISH as a subscriber reads it. */
export interface Arrival {
  /** Of the letter. */
  readonly id: string;
  readonly topic: string;
  readonly qos: QoS;
  readonly dup: boolean;
  /** Whether the subscriber has it already under this packet identifier, so that it does not count. */
  readonly repeated: boolean;
  /** Seconds it has left, as its Message Expiry Interval says. */
  readonly left?: number | undefined;
}

interface Entry {
  readonly letter: Letter;
  /** Moments are counted, not measured: what the test process saw later is later. */
  readonly sent: number;
  readonly sentAt: number;
  acknowledged: number;
  acknowledgedAt: number;
  /** How often it was sent. */
  times: number;
  /** It must not come any more, or at all. */
  revoked: boolean;
}

/** A subscription, from its first SUBSCRIBE to the last UNSUBACK, as far as it has come. */
interface Interval {
  readonly filter: string;
  /** Levels of the filter, without its group. */
  readonly pattern: readonly string[];
  readonly qos: QoS;
  readonly group: string | undefined;
  readonly subscribing: number;
  subscribed: number;
  unsubscribing: number;
  unsubscribed: number;
}

interface Account {
  readonly name: string;
  /** Of the session as it is: one that begins anew has none. */
  intervals: Interval[];
  /** How often each letter came without DUP, and in all. */
  taken: Map<string, { fresh: number; all: number }>;
  /** By publisher, topic and QoS: the highest sequence that came. */
  highest: Map<string, number>;
}

interface Event {
  readonly at: number;
  readonly what: string;
  readonly letter: string | undefined;
  readonly session: string | undefined;
}

/** ms a message may be on its way after it was sent, on a busy machine. */
const ON_ITS_WAY = 1_500;
/** Seconds: what lives shorter may have expired before it came. */
const LONG_LIVED = 600;
const SHOWN = 40;

export class Books {
  readonly findings: Finding[] = [];
  readonly #clock: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #accounts = new Map<string, Account>();
  /** Which letters a Shared Subscription has taken. */
  readonly #groups = new Map<string, Set<string>>();
  readonly #events: Event[] = [];
  /** Entries that were not found complete yet. */
  #open: Entry[] = [];
  #moment = 0;
  #killed = 0;
  #proven = 0;
  acknowledgements = 0;
  deliveries = 0;
  /** Deliveries at QoS 1 of what had come before. */
  repetitions = 0;

  /** @param clock ms. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** This moment, later than all before. */
  get now(): number {
    return ++this.#moment;
  }

  get letters(): number {
    return this.#entries.size;
  }

  /** Whether something that was sent after this moment is on the broker's disk: then all that it did before is. */
  proves(moment: number): boolean {
    return this.#proven > moment;
  }

  found(fault: Fault, sentence: string, about: { letter?: string | undefined; session?: string | undefined } = {}): void {
    this.note(`FOUND ${fault}: ${sentence}`, about.letter, about.session);
    this.findings.push({ fault, sentence, ...about });
  }

  /** Writes down what happened, for the history of a finding. */
  note(what: string, letter?: string, session?: string): void {
    this.#events.push({ at: this.#clock(), what, letter, session });
  }

  sent(letter: Letter): void {
    this.note('is sent', letter.id);
    const entry: Entry = {
      letter,
      sent: this.now,
      sentAt: this.#clock(),
      acknowledged: Infinity,
      acknowledgedAt: Infinity,
      times: 1,
      revoked: false,
    };
    this.#entries.set(letter.id, entry);
    if (letter.qos > 0) this.#open.push(entry);
  }

  sentAgain({ id }: Letter): void {
    this.note('is sent again', id);
    this.#entries.get(id)!.times++;
  }

  acknowledged(letter: Letter): void {
    this.acknowledgements++;
    this.owed(letter, 'is acknowledged');
    // The identifier of a QoS 2 message must be kept, whoever hears the message.
    if (letter.qos === 2) this.#proven = Math.max(this.#proven, this.#entries.get(letter.id)!.sent);
  }

  /** From now on the broker must deliver it: it is acknowledged, or a Will of somebody who is gone. */
  owed({ id }: Letter, because: string): void {
    this.note(because, id);
    const entry = this.#entries.get(id)!;
    entry.acknowledged = Math.min(entry.acknowledged, this.now);
    entry.acknowledgedAt = Math.min(entry.acknowledgedAt, this.#clock());
  }

  /** A Will that must not be published. */
  revoked({ id }: Letter, by: string): void {
    this.note(by, id);
    this.#entries.get(id)!.revoked = true;
  }

  killed(how: string): void {
    this.#killed = this.now;
    this.note(`—— the broker is killed ${how}`);
  }

  subscribes(session: string, filter: string, qos: QoS): void {
    this.note(`SUBSCRIBE ${filter} at QoS ${qos}`, undefined, session);
    const account = this.#account(session);
    const last = account.intervals.filter((interval) => interval.filter === filter).at(-1);
    if (last !== undefined && last.unsubscribed === Infinity) return;
    const isShared = filter.startsWith('$share/');
    account.intervals.push({
      filter,
      pattern: filter.split('/').slice(isShared ? 2 : 0),
      qos,
      group: isShared ? filter : undefined,
      subscribing: this.now,
      subscribed: Infinity,
      unsubscribing: Infinity,
      unsubscribed: Infinity,
    });
  }

  subscribed(session: string, filter: string): void {
    this.note(`SUBACK for ${filter}`, undefined, session);
    const interval = this.#last(session, filter);
    if (interval.subscribed === Infinity) interval.subscribed = this.now;
  }

  unsubscribes(session: string, filter: string): void {
    this.note(`UNSUBSCRIBE ${filter}`, undefined, session);
    const interval = this.#last(session, filter);
    if (interval.unsubscribing === Infinity) interval.unsubscribing = this.now;
  }

  unsubscribed(session: string, filter: string): void {
    this.note(`UNSUBACK for ${filter}`, undefined, session);
    this.#last(session, filter).unsubscribed = this.now;
  }

  /** Its client asks for a clean start: nothing of what it had is to come. */
  beginsAnew(session: string): void {
    this.note('asks for a clean start', undefined, session);
    const account = this.#account(session);
    account.intervals = [];
    account.taken = new Map();
    account.highest = new Map();
  }

  /** The session is gone that should be there; what was acknowledged before the broker was killed remains due. */
  sessionLost(session: string): void {
    this.found('session-lost', `${session} had its CONNACK, and its session is not there`, { session });
    for (const interval of this.#account(session).intervals) {
      interval.unsubscribing = Math.min(interval.unsubscribing, this.#killed);
      interval.unsubscribed = Math.min(interval.unsubscribed, this.now);
    }
  }

  arrived(session: string, arrival: Arrival): void {
    const { id, topic, qos, dup, repeated, left } = arrival;
    const about = { letter: id, session };
    this.deliveries++;
    this.note(`comes to ${session} at QoS ${qos}${dup ? ' with DUP' : ''}${repeated ? ', which has it' : ''}`, id);
    const entry = this.#entries.get(id);
    if (entry === undefined) return this.found('never-published', `${session} got ${id}, which nobody published`, about);
    const { letter } = entry;
    if (letter.topic !== topic) this.found('changed', `${session} got ${id} under ${topic}, it was published to ${letter.topic}`, about);
    const account = this.#account(session);
    const interval = account.intervals.find((known) => mayCome(entry, known));
    if (entry.revoked) return this.found('not-subscribed', `${session} got the Will ${id}, which was not to be published any more`, about);
    if (interval === undefined) {
      return this.found('not-subscribed', `${session} got ${id}, and has no subscription it could have come by`, about);
    }
    const due = Math.min(letter.qos, interval.qos);
    if (qos !== due) this.found('changed', `${session} got ${id} at QoS ${qos}, QoS ${due} was due`, about);
    if (repeated) return;
    this.#mustBeInTime(entry, arrival, session);
    this.#mustBeInOrder(entry, interval, account);
    const taken = account.taken.get(id) ?? { fresh: 0, all: 0 };
    account.taken.set(id, { fresh: taken.fresh + (dup ? 0 : 1), all: taken.all + 1 });
    const before = interval.group === undefined ? taken.all > 0 : this.#takenByGroup(interval.group, id);
    if (before && qos === 1) this.repetitions++;
    if (before && qos !== 1) this.found('twice', `${interval.group ?? session} got ${id} twice at QoS ${qos}`, about);
    else if (qos === 1 && taken.fresh >= entry.times && !dup) {
      this.found('twice', `${session} got ${id} ${taken.fresh + 1} times without DUP, it was published ${entry.times} times`, about);
    }
    if (left !== undefined) this.#mustHaveAged(entry, left, session);
  }

  /** What is due and has not come. */
  missing(): Finding[] {
    const missing: Finding[] = [];
    const groups = new Map<string, Interval[]>();
    for (const account of this.#accounts.values()) {
      for (const interval of account.intervals) {
        if (interval.group === undefined) continue;
        const members = groups.get(interval.group);
        if (members === undefined) groups.set(interval.group, [interval]);
        else members.push(interval);
      }
    }
    for (const entry of this.#open) {
      if (!isOwed(entry)) continue;
      const { id } = entry.letter;
      for (const { name, intervals, taken } of this.#accounts.values()) {
        if (!taken.has(id) && intervals.some((interval) => interval.group === undefined && isDue(entry, interval))) {
          missing.push({ fault: 'lost', sentence: `${id} was due and did not come to ${name}`, letter: id, session: name });
        }
      }
      for (const [group, intervals] of groups) {
        if (this.#groups.get(group)?.has(id) !== true && intervals.some((interval) => isDue(entry, interval))) {
          missing.push({ fault: 'lost', sentence: `${id} was due and came to no member of ${group}`, letter: id });
        }
      }
    }
    return missing;
  }

  /** All that is due has come, or was found missing: it is not looked for again. */
  close(): void {
    this.#open = this.#open.filter((entry) => entry.acknowledged === Infinity);
  }

  /** What happened to the letter and the session of a finding, the last of it. */
  history({ letter, session }: Finding): string[] {
    const events = this.#events.filter((event) => {
      if (event.letter !== undefined) return event.letter === letter;
      return event.session === undefined || event.session === session;
    });
    const began = this.#events[0]?.at ?? 0;
    return events
      .slice(-SHOWN)
      .map(({ at, what, letter, session }) => `${String(at - began).padStart(7)} ms  ${letter ?? session ?? ''} ${what}`.trimEnd());
  }

  #account(name: string): Account {
    let account = this.#accounts.get(name);
    if (account === undefined) this.#accounts.set(name, (account = { name, intervals: [], taken: new Map(), highest: new Map() }));
    return account;
  }

  #last(session: string, filter: string): Interval {
    return this.#account(session)
      .intervals.filter((interval) => interval.filter === filter)
      .at(-1)!;
  }

  #takenByGroup(group: string, id: string): boolean {
    let taken = this.#groups.get(group);
    if (taken === undefined) this.#groups.set(group, (taken = new Set()));
    const before = taken.has(id);
    taken.add(id);
    return before;
  }

  /** What was sent once, with DUP, may be sent again after its time; nothing else may [MQTT5-3.3.2-5]. */
  #mustBeInTime({ letter, acknowledgedAt }: Entry, { dup }: Arrival, session: string): void {
    if (letter.expiry === undefined || dup) return;
    const late = this.#clock() - (acknowledgedAt + letter.expiry * 1_000);
    if (late > ON_ITS_WAY) {
      this.found('expired', `${session} got ${letter.id} ${late} ms after it expired`, { letter: letter.id, session });
    }
  }

  /** [MQTT5-3.3.2-6] the time it waited, also for a broker that was not there, is taken off. */
  #mustHaveAged({ letter, acknowledgedAt }: Entry, left: number, session: string): void {
    const waited = Math.max(0, this.#clock() - acknowledgedAt - ON_ITS_WAY);
    const atMost = Math.max(0, letter.expiry! - Math.floor(waited / 1_000));
    if (left <= atMost) return;
    this.found('changed', `${session} got ${letter.id} with ${left} s left, it has ${atMost} at most`, { letter: letter.id, session });
  }

  #mustBeInOrder(entry: Entry, interval: Interval, { name, taken, highest }: Account): void {
    const { id, publisher, topic, qos, sequence } = entry.letter;
    if (taken.has(id)) return;
    const line = `${publisher} ${topic} ${qos}`;
    const last = highest.get(line) ?? 0;
    if (sequence > last) highest.set(line, sequence);
    // What is published again at QoS 1 is another message to the broker: it may be the first that this session hears, and behind later ones,
    // where the session did not certainly hear the one before, or that one may have expired.
    else if (qos === 2 || entry.times === 1 || (interval.group === undefined && isLongLived(entry) && wasHeard(entry, interval))) {
      this.found('overtaken', `${id}, at QoS ${qos}, came to ${name} for the first time after ${publisher}#${last}`, {
        letter: id,
        session: name,
      });
    }
  }
}

function hears({ pattern }: Interval, topic: string): boolean {
  const names = topic.split('/');
  for (const [i, level] of pattern.entries()) {
    if (level === '#') return true;
    if (i >= names.length || (level !== '+' && level !== names[i])) return false;
  }
  return pattern.length === names.length;
}

/** Whether the letter may have been routed to the subscription. */
function mayCome(entry: Entry, interval: Interval): boolean {
  return entry.sent < interval.unsubscribed && entry.acknowledged > interval.subscribing && hears(interval, entry.letter.topic);
}

/** Whether the letter was certainly routed to the subscription. */
function isDue(entry: Entry, interval: Interval): boolean {
  return interval.subscribed < entry.sent && entry.acknowledged < interval.unsubscribing && hears(interval, entry.letter.topic);
}

/** Whether the letter, if the broker had it when it was first sent, was certainly routed to the subscription. */
function wasHeard(entry: Entry, { subscribed, unsubscribing }: Interval): boolean {
  return subscribed < entry.sent && unsubscribing === Infinity;
}

function isOwed(entry: Entry): boolean {
  return entry.acknowledged < Infinity && !entry.revoked && isLongLived(entry);
}

function isLongLived({ letter }: Entry): boolean {
  return letter.expiry === undefined || letter.expiry >= LONG_LIVED;
}
