/** A subscriber in this process: a function that hears messages at the end of the turn in which they came. */
import type { Subscriber, Ticket } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import type { QoS } from '../packet/packet.js';
import { attempt } from '../util/attempt.js';
import type { Turn } from './turn.js';

/** It may be async; what it returns otherwise is ignored. */
export type MessageListener = (message: Message) => unknown;

export class Listener implements Subscriber {
  readonly clientId: string;
  readonly durable = false;
  readonly #listener: MessageListener;
  readonly #turn: Turn;
  readonly #failed: (where: string, error: unknown) => void;
  #heard: Message[] = [];
  #ended = false;

  constructor(clientId: string, listener: MessageListener, turn: Turn, failed: (where: string, error: unknown) => void) {
    this.clientId = clientId;
    this.#listener = listener;
    this.#turn = turn;
    this.#failed = failed;
  }

  /** It hears each message after the broker has routed it: what the listener does then, or throws, is no part of that. */
  deliver(message: Message, _qos: QoS): Ticket {
    message.keep();
    if (this.#heard.length === 0) this.#turn.later(() => this.#hear());
    this.#heard.push(message);
    return 0;
  }

  takes(): boolean {
    return true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    this.#heard = [];
  }

  #hear(): void {
    const heard = this.#heard;
    this.#heard = [];
    for (const message of heard) {
      if (this.#ended) return;
      attempt(this.#listener, message, (error) => this.#failed('a message listener', error));
    }
  }
}
