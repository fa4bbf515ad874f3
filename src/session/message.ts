/** An Application Message: immutable, and shared by everybody it is delivered to. Hot. */
import type { QoS, Version } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { Publish } from '../packet/publish.js';

export class Message {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** ms since the epoch; Infinity where it never expires. */
  readonly expiresAt: number;
  /** The client identifier of who published it; none for what this process published. */
  readonly publisher: string | undefined;
  /** The PUBLISH it came in. */
  readonly origin: Publish;
  /** Whether more than one may wait for it: then the journal keeps its body once, under a sequence. */
  isShared = false;
  sequence = 0;
  /** The layouts the origin does not have: by {@link layoutOf}, made when they are first asked for. */
  #others: (Publish | undefined)[] | undefined;

  constructor(origin: Publish, publisher: string | undefined, expiresAt: number) {
    this.topic = origin.topic;
    this.qos = origin.qos;
    this.retain = origin.retain;
    this.expiresAt = expiresAt;
    this.publisher = publisher;
    this.origin = origin;
    this.#others = undefined;
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
    const layout = layoutOf(version, qos);
    if (layoutOf(origin.version, origin.qos) === layout) return origin;
    this.#others ??= [undefined, undefined, undefined, undefined];
    return (this.#others[layout] ??= origin.as(version, qos, false, origin.properties));
  }

  /** The message with other properties, and perhaps an alias in place of its topic, for one receiver. */
  frameWith(properties: Properties, topic: string, qos: QoS): Publish {
    return Publish.of({ topic, payload: this.payload, qos, retain: false, properties, version: 5 });
  }

  /** Makes the bytes the message's own, once; who keeps a message beyond the turn calls this first. */
  keep(): void {
    this.origin.keep();
  }
}

/** What makes two frames differ in more than their first byte: whether there are properties, and a packet identifier. */
function layoutOf(version: Version, qos: QoS): number {
  return (version === 5 ? 2 : 0) + (qos > 0 ? 1 : 0);
}
