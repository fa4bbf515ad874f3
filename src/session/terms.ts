/** What a client asked of this one connection when it connected (MQTT 5.0 section 3.1.2.11), and messages on these terms. Hot. */
import { MAX_REMAINING_LENGTH, type Connect, type QoS, type Version } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import type { Publish } from '../packet/publish.js';
import type { Extras } from './contracts.js';
import type { Message } from './message.js';
import { OutboundAliases } from './topic-alias.js';

/** A fixed header is five bytes long at most. */
const UNLIMITED = MAX_REMAINING_LENGTH + 5;

export class Terms {
  readonly version: Version;
  /** QoS 1 and 2 messages it takes at one time, 1 to 65,535. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet it takes, fixed header and all. */
  readonly maximumPacketSize: number;
  /** None where it takes no Topic Alias, and none once the connection is over. */
  #aliases: OutboundAliases | undefined;

  constructor(version: Version, properties?: Properties) {
    this.version = version;
    this.receiveMaximum = properties?.receiveMaximum ?? 65_535;
    this.maximumPacketSize = properties?.maximumPacketSize ?? UNLIMITED;
    const topicAliasMaximum = properties?.topicAliasMaximum ?? 0;
    this.#aliases = topicAliasMaximum > 0 ? new OutboundAliases(topicAliasMaximum) : undefined;
  }

  /** The message as this client is to read it, or undefined where it takes no packet that large [MQTT5-3.1.2-24]. */
  frame(message: Message, qos: QoS, extras: Extras, now: () => number): Publish | undefined {
    if (this.version !== 5) return message.frame(this.version, qos);
    const isPlain = extras.identifiers === undefined && message.expiresAt === Infinity && this.#aliases === undefined;
    const frame = isPlain ? message.frame(5, qos) : this.#personalFrame(message, qos, extras, now);
    return frame.length > this.maximumPacketSize ? undefined : frame;
  }

  /** The connection is over: what we have named is of no use. */
  forgetAliases(): void {
    this.#aliases = undefined;
  }

  /** The message with what is this receiver's alone: identifiers, the time that is left, a Topic Alias. */
  #personalFrame(message: Message, qos: QoS, { identifiers }: Extras, now: () => number): Publish {
    const { topic, expiresAt } = message;
    const properties = {
      ...message.properties,
      ...(identifiers === undefined ? undefined : { subscriptionIdentifiers: identifiers }), // [MQTT5-3.3.4-3] [MQTT5-3.3.4-4]
      // [MQTT5-3.3.2-6] what is left; what has been sent once may have none
      ...(expiresAt === Infinity ? undefined : { messageExpiryInterval: Math.max(0, Math.ceil((expiresAt - now()) / 1_000)) }),
    };
    const aliases = this.#aliases;
    const known = aliases?.of(topic, qos);
    if (aliases !== undefined && known !== undefined) {
      const { alias, isNew } = known;
      const frame = message.frameWith({ ...properties, topicAlias: alias }, isNew ? topic : '', qos);
      if (frame.length <= this.maximumPacketSize) {
        if (isNew) aliases.told(topic, alias, qos);
        return frame;
      }
    }
    return message.frameWith(properties, topic, qos);
  }
}

/** Of 3.1.1, which asks for nothing, and of a session nobody is connected to. Shared: an object for each connection would be memory. */
export const NO_TERMS = new Terms(4);
const TERMS_OF_3_1 = new Terms(3);

export function termsOf({ version, properties }: Connect): Terms {
  if (version === 5) return new Terms(version, properties);
  return version === 4 ? NO_TERMS : TERMS_OF_3_1;
}
