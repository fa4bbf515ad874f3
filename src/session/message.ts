/** An Application Message: immutable, and shared by everybody it is delivered to. Hot. */
import type { QoS, Version } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import type { Publish } from '../packet/publish.js';

export class Message {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The PUBLISH it came in. */
  readonly origin: Publish;
  /** The layout the origin does not have: with a packet identifier where it has none, without where it has one. */
  #other: Publish | undefined;

  constructor(origin: Publish) {
    this.topic = origin.topic;
    this.qos = origin.qos;
    this.retain = origin.retain;
    this.origin = origin;
    this.#other = undefined;
  }

  /** A view of the bytes; it outlives the turn only after {@link keep}. */
  get payload(): Buffer {
    return this.origin.payload;
  }

  get payloadLength(): number {
    return this.origin.payloadLength;
  }

  get properties(): Properties | undefined {
    return this.origin.properties;
  }

  /** Bytes this message takes while it is kept: what queues and the retained store count. */
  get size(): number {
    return this.origin.length;
  }

  /**
   * The message laid out for a version and a QoS, made once and shared. Its first byte is the sender's to write: DUP, the QoS and RETAIN
   * belong to each delivery [MQTT-3.3.1-3] [MQTT-3.3.1-9].
   */
  frame(version: Version, qos: QoS): Publish {
    const origin = this.origin;
    if (origin.qos > 0 === qos > 0) return origin;
    if (this.#other !== undefined && this.#other.qos > 0 === qos > 0) return this.#other;
    return (this.#other = origin.as(version, qos, false));
  }

  /** Makes the bytes the message's own, once; who keeps a message beyond the turn calls this first. */
  keep(): void {
    this.origin.keep();
  }
}
