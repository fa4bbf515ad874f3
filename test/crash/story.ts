/** One store and what happens to it: rounds of load, each of which ends with kill -9, and what must be so all the same. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PacketType } from '../../src/packet/packet.js';
import { Random } from '../fuzz/random.js';
import { Books, type Finding } from './books.js';
import { cast, type Cast } from './cast.js';
import { Command } from './command.js';
import { Mayfly } from './mayfly.js';
import { Mortal } from './mortal.js';
import type { Peer, World } from './peer.js';
import { Reader } from './reader.js';
import { Shelf } from './shelf.js';

export interface StoryOptions {
  readonly seed: number;
  /** How often the broker is killed under load. */
  readonly rounds: number;
  /** With `memory` what is lost is counted; else it is a failure. */
  readonly durability: 'sync' | 'os' | 'memory';
  /** ms of load at most. */
  readonly killAfterMax: number;
  /** Whether Wills are looked at. */
  readonly wills: boolean;
  /** Whether the folder of the store is kept when all was well. */
  readonly keep: boolean;
}

/** What happened in a story. */
export interface Outcome {
  /** Kills, those during a start among them. */
  readonly kills: number;
  readonly published: number;
  readonly acknowledged: number;
  readonly deliveries: number;
  /** Deliveries at QoS 1 of what had been delivered. */
  readonly repetitions: number;
  /** Messages that were acknowledged and did not come to everybody they were due to. */
  readonly lost: number;
  /** ms of the slowest start. */
  readonly slowestStart: number;
  readonly findings: readonly Finding[];
  /** Where the store is, if it was kept. */
  readonly folder: string | undefined;
}

/** A story that went wrong. */
export class Failure extends Error {
  readonly outcome: Outcome;

  constructor({ seed, rounds }: StoryOptions, round: number, outcome: Outcome, report: string) {
    super(`seed ${seed} fails in round ${round}; again: npm run crash -- --seed ${seed} --rounds ${rounds}\n${report}`);
    this.name = 'Failure';
    this.outcome = outcome;
  }
}

/** ms everything that was begun may take to come to its end. */
const PATIENCE = 30_000;
/** ms without anything new after which what is due does not come any more; without a store nobody waits for it. */
const HOPE = { sync: 4_000, os: 4_000, memory: 300 } as const;
/** ms without anything new after which nothing more is expected. */
const QUIET = 60;
/** Findings that are told with their history. */
const TOLD = 3;
const LETTERS_PER_ROUND = 300;
const BEAT = 2;

/** @throws Failure where something was found. */
export async function story(options: StoryOptions): Promise<Outcome> {
  const told = new Story(options, await mkdtemp(join(tmpdir(), 'posmq-crash-')));
  return told.tell();
}

class Story implements World {
  readonly books = new Books();
  readonly random: Random;
  port = 0;
  isUp = false;
  isClosing = false;
  readonly #options: StoryOptions;
  readonly #folder: string;
  readonly #shelf = new Shelf();
  readonly #cast: Cast;
  readonly #passers = new Set<Mortal | Mayfly>();
  #command: Command | undefined;
  /** Whether the command that runs has been killed. */
  #isKilled = false;
  #round = 0;
  #kills = 0;
  #slowestStart = 0;
  #names = 0;
  /** What kills the broker after so many packets of this type. */
  #trap: { readonly type: PacketType; left: number } | undefined;
  #lastSeen = 0;

  constructor(options: StoryOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.random = new Random(options.seed);
    this.#cast = cast(this, this.#shelf, options.wills);
  }

  saw(type: PacketType): void {
    this.#lastSeen = Date.now();
    if (this.#trap?.type !== type || --this.#trap.left > 0) return;
    this.#kill(`at a packet of type ${type}`);
  }

  async tell(): Promise<Outcome> {
    const { rounds } = this.#options;
    try {
      await this.#start();
      while (this.#round < rounds && this.#isWell) await this.#playRound(this.#round === rounds - 1);
    } catch (error) {
      this.books.found('stuck', error instanceof Error ? error.message : String(error));
    }
    this.#kill('at the end');
    await this.#command?.ended();
    return this.#conclude();
  }

  async #playRound(isLast: boolean): Promise<void> {
    const { random, books } = this;
    this.#round++;
    books.note(`—— round ${this.#round}`);
    for (const publisher of this.#cast.publishers) publisher.budget = LETTERS_PER_ROUND;
    await this.#load(this.#lengthOfLoad());
    await this.#crash();
    if (random.once(3)) await this.#checkRetained();
    if (isLast || random.once(3)) await this.#settle();
  }

  /** Lets everybody act until the broker is killed. */
  async #load(length: number): Promise<void> {
    const { random } = this;
    if (random.once(3)) {
      const { Puback, Pubrec, Pubcomp, Publish, Suback, Connack } = PacketType;
      const type = random.pick([Puback, Pubrec, Pubcomp, Publish, Publish, Suback, Connack]);
      this.#trap = { type, left: 1 + random.below(random.pick([3, 30, 300])) };
    }
    for (const end = Date.now() + length; Date.now() < end && this.isUp && !this.#hasEnded; await pause(BEAT)) {
      this.#cameAndWent();
      this.#act();
    }
    this.#trap = undefined;
    this.#kill('under load');
  }

  /** Often while everybody is still arriving. */
  #lengthOfLoad(): number {
    const { random } = this;
    const { killAfterMax } = this.#options;
    return random.once(5) ? random.below(Math.min(40, killAfterMax)) : random.below(killAfterMax);
  }

  /** The broker is gone: brings it back, and sometimes kills it again on its way. */
  async #crash(): Promise<void> {
    const { random } = this;
    await this.#command?.ended();
    await this.#until('everybody has noticed', () => this.#everybody.every((peer) => peer.isAway));
    if (random.once(8)) await pause(1_800);
    while (random.once(4)) {
      await this.#startAndKill(random.below(300));
    }
    await this.#start();
  }

  async #startAndKill(after: number): Promise<void> {
    this.#command = this.#spawn();
    await pause(after);
    this.#kill(`${after} ms after its start`);
    await this.#command.ended();
  }

  async #start(): Promise<void> {
    const began = performance.now();
    this.#command = this.#spawn();
    this.port = await this.#command.listening();
    this.#slowestStart = Math.max(this.#slowestStart, performance.now() - began);
    this.isUp = true;
    this.books.note('—— the broker listens');
    for (const passer of this.#passers) if (passer instanceof Mayfly) passer.restarted();
  }

  #spawn(): Command {
    this.#isKilled = false;
    return new Command(this.#folder, this.port, this.#options.durability);
  }

  #kill(how: string): void {
    const command = this.#command;
    if (command === undefined || this.#isKilled) return;
    this.#isKilled = true;
    this.isUp = false;
    this.#trap = undefined;
    command.kill();
    this.#kills++;
    for (const complaint of command.complaints) this.books.found('broken', `the broker said: ${complaint}`);
    this.books.killed(how);
    for (const passer of this.#passers) passer.killed();
  }

  /** Everything that was begun comes to its end, everything that is due comes, and nothing else does. */
  async #settle(): Promise<void> {
    const { books } = this;
    const { publishers, subscribers } = this.#cast;
    this.isClosing = true;
    books.note('—— everything is brought to its end');
    let missing: Finding[] = [];
    const end = Date.now() + PATIENCE;
    for (this.#lastSeen = Date.now(); ; await pause(BEAT)) {
      this.#act();
      const isFinished = publishers.every((peer) => peer.isFinished) && subscribers.every((peer) => peer.isFinished);
      const quiet = Date.now() - this.#lastSeen;
      if (isFinished && quiet > QUIET) {
        missing = books.missing();
        if (missing.length === 0) break;
      }
      if (quiet > this.#hope || Date.now() > end || this.#hasEnded) break;
    }
    for (const { fault, sentence, ...about } of missing) books.found(fault, sentence, about);
    for (const peer of [...publishers, ...subscribers]) {
      if (!peer.isFinished) books.found('stuck', `${peer.name} waits in vain: ${peer.waitsFor}`, { session: peer.name });
    }
    books.close();
    if (!this.#hasEnded) await this.#checkRetained();
    this.isClosing = false;
  }

  async #checkRetained(): Promise<void> {
    const { books } = this;
    const reader = new Reader(this, `reader-${++this.#names}`, 'r/#');
    reader.act();
    const end = Date.now() + this.#hope;
    const isDone = (): boolean => reader.isAnswered && this.#shelf.isComplete(reader.found);
    while (!isDone() && Date.now() < end && !this.#hasEnded) await pause(BEAT);
    // What must not be there would come in the same breath.
    await pause(QUIET);
    for (const { topic, sentence } of this.#shelf.faults(reader.found)) books.found('retained', sentence, { letter: topic });
    reader.vanish();
  }

  #act(): void {
    for (const peer of this.#everybody) if (this.isUp) peer.act();
  }

  #cameAndWent(): void {
    const { random } = this;
    if (this.#passers.size > 20) return;
    if (random.once(300)) this.#passers.add(new Mayfly(this, `mayfly-${++this.#names}`));
    if (this.#options.wills && random.once(100)) this.#passers.add(new Mortal(this, `mortal-${++this.#names}`));
    for (const passer of this.#passers) if (passer.isOver) this.#passers.delete(passer);
  }

  get #everybody(): Peer[] {
    return [...this.#cast.publishers, ...this.#cast.subscribers, ...this.#passers];
  }

  get #hope(): number {
    return HOPE[this.#options.durability];
  }

  get #hasEnded(): boolean {
    return this.#command?.hasEnded ?? true;
  }

  get #isWell(): boolean {
    return this.#options.durability === 'memory' || this.books.findings.length === 0;
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    for (const end = Date.now() + PATIENCE; !isSo(); await pause(BEAT)) {
      if (Date.now() > end) throw new Error(`round ${this.#round}: waited ${PATIENCE} ms in vain until ${what}`);
    }
  }

  async #conclude(): Promise<Outcome> {
    const { books } = this;
    const isKept = !this.#isWell || this.#options.keep;
    if (!isKept) await rm(this.#folder, { recursive: true });
    const outcome: Outcome = {
      kills: this.#kills,
      published: books.letters,
      acknowledged: books.acknowledgements,
      deliveries: books.deliveries,
      repetitions: books.repetitions,
      lost: new Set(books.findings.filter(({ fault }) => fault === 'lost').map(({ letter }) => letter)).size,
      slowestStart: this.#slowestStart,
      findings: books.findings,
      folder: isKept ? this.#folder : undefined,
    };
    if (!this.#isWell) throw new Failure(this.#options, this.#round, outcome, this.#report());
    return outcome;
  }

  #report(): string {
    const { findings } = this.books;
    const lines = findings
      .slice(0, TOLD)
      .flatMap((finding) => ['', `${finding.fault}: ${finding.sentence}`, ...this.books.history(finding)]);
    const more = findings.length > TOLD ? [`and ${findings.length - TOLD} findings more`] : [];
    return [...lines, '', ...more, `the store is in ${this.#folder}`].join('\n');
  }
}
