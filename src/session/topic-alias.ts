/** Topic Aliases of one connection, one table for each direction (MQTT 5.0 section 3.3.2.3.4). */
import type { QoS } from '../packet/packet.js';
import { MqttError, ReasonCode } from '../packet/reason-code.js';

/** What the client has named. */
export class InboundAliases {
  readonly #maximum: number;
  readonly #topics: (string | undefined)[] = [];

  /** @param maximum the highest alias the client may use: 0 to 65,535. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The topic of a PUBLISH that carries an alias; a topic that is not empty is what the alias means from now on.
   * @throws MqttError TopicAliasInvalid, or ProtocolError where the alias means nothing yet.
   */
  resolve(alias: number, topic: string): string {
    if (alias === 0 || alias > this.#maximum) {
      throw new MqttError(ReasonCode.TopicAliasInvalid, `Topic Alias ${alias} is not within 1 and ${this.#maximum}`); // [MQTT5-3.3.2-8] [MQTT5-3.3.2-9]
    }
    if (topic !== '') {
      this.#topics[alias] = topic;
      return topic;
    }
    const named = this.#topics[alias];
    if (named === undefined) throw new MqttError(ReasonCode.ProtocolError, `Topic Alias ${alias} has no topic yet`);
    return named;
  }
}

/** From this length an alias, a property of three bytes, saves more than it costs. */
const WORTH_IT = 4;

/** What we have named. The first topics are named, and keep their names: a table that changes saves less than it costs. */
export class OutboundAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();
  /** Aliases the client was told at QoS 1 or 2 alone: that may wait for the disk, which QoS 0 does not. */
  readonly #late = new Set<number>();

  /** @param maximum the highest alias the client takes. */
  constructor(maximum: number) {
    this.#maximum = Math.min(maximum, MOST_NAMED);
  }

  /** The alias of a topic, one the client may not know yet where it is new, or undefined where none is to be used. */
  of(topic: string, qos: QoS): { readonly alias: number; readonly isNew: boolean } | undefined {
    const alias = this.#aliases.get(topic);
    if (alias !== undefined) return { alias, isNew: qos === 0 && this.#late.has(alias) };
    if (this.#aliases.size >= this.#maximum || topic.length < WORTH_IT) return undefined;
    return { alias: this.#aliases.size + 1, isNew: true };
  }

  /** The client has been told: only a message that was sent names its topic. */
  told(topic: string, alias: number, qos: QoS): void {
    this.#aliases.set(topic, alias);
    if (qos === 0) this.#late.delete(alias);
    else this.#late.add(alias);
  }
}

/** However many a client takes: the names are memory of ours. */
const MOST_NAMED = 256;
