/** The last message of each topic that was published with RETAIN, for those who subscribe later (MQTT 3.1.1 section 3.3.1.3). */
import type { Message } from '../session/message.js';
import { NameTree } from '../topic/name-tree.js';

export class Retained {
  readonly #messages = new NameTree<Message>();
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#messages.size;
  }

  /** Bytes of the messages kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a message in place of the topic's last one [MQTT-3.3.1-5]; false where it would go over the bounds. */
  set(message: Message): boolean {
    const replaced = this.#messages.get(message.topic);
    const bytes = this.#bytes - (replaced?.size ?? 0) + message.size;
    if (bytes > this.#maxBytes || (replaced === undefined && this.#messages.size >= this.#maxMessages)) return false;
    message.keep();
    this.#messages.set(message.topic, message);
    this.#bytes = bytes;
    return true;
  }

  /** [MQTT-3.3.1-10] [MQTT-3.3.1-11]; whether there was one. */
  delete(topic: string): boolean {
    const deleted = this.#messages.delete(topic);
    if (deleted === undefined) return false;
    this.#bytes -= deleted.size;
    return true;
  }

  /** The messages whose topics match a filter, one at a time: the store may change in between. */
  match(filter: string): Generator<Message, void, undefined> {
    return this.#messages.match(filter);
  }
}
