/** Messages that come in on one Network Connection, and what answers them. Hot. */
import { isUtf8 } from '../packet/bytes.js';
import { PacketType, type QoS } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { Publish } from '../packet/publish.js';
import { isRefusal, MqttError, ReasonCode } from '../packet/reason-code.js';
import { isTopicName } from '../topic/name.js';
import type { Server, Ticket, Wire } from './contracts.js';
import { Message } from './message.js';
import type { Session } from './session.js';
import { InboundAliases } from './topic-alias.js';

export class Inbound {
  readonly #server: Server;
  readonly #wire: Wire;
  readonly #session: Session;
  #aliases: InboundAliases | undefined;
  /** QoS 2 messages that came in on this connection of 5.0 and are not released: what its Receive Maximum counts. */
  #unreleased: Set<number> | undefined;

  constructor(server: Server, wire: Wire, session: Session) {
    this.#server = server;
    this.#wire = wire;
    this.#session = session;
  }

  /** @throws MqttError where the connection is to be closed for it. */
  publish(publish: Publish): void {
    const session = this.#session;
    session.messagesReceived++;
    this.#server.tally.messagesReceived++;
    const { qos, packetId } = publish;
    const message = this.#messageOf(publish);
    if (qos > 0 && session.version === 5) this.#mustHaveQuota(qos, packetId);
    if (qos === 2 && this.#isRepeated(packetId)) return;
    const refusal = this.#server.judge(message, session);
    if (qos === 0) {
      if (refusal === ReasonCode.Success) this.#server.route(message);
      return;
    }
    if (isRefusal(refusal)) {
      // What is not kept is not acknowledged, and who cannot be told otherwise is told by the end of the connection.
      if (refusal === ReasonCode.QuotaExceeded && session.version !== 5) {
        throw new MqttError(ReasonCode.QuotaExceeded, 'a message cannot be kept for all who are to have it');
      }
      // 5.0 is told; 3.1.1 cannot be, so it is acknowledged [MQTT-3.3.5-2].
      const told = session.version === 5 ? refusal : ReasonCode.Success;
      if (qos === 1) return this.#answer(PacketType.Puback, packetId, 0, told);
      if (told !== ReasonCode.Success) return this.#answer(PacketType.Pubrec, packetId, 0, told);
    }
    const ticket = isRefusal(refusal) ? 0 : this.#server.route(message);
    if (qos === 1) return this.#answer(PacketType.Puback, packetId, ticket, ReasonCode.Success); // [MQTT-4.3.2-2]
    if (session.version === 5) (this.#unreleased ??= new Set()).add(packetId);
    this.#answer(PacketType.Pubrec, packetId, Math.max(ticket, session.receive(packetId)), ReasonCode.Success);
  }

  /** PUBREL: the sender has released a QoS 2 message. */
  release(packetId: number): void {
    const known = this.#session.hasReceived(packetId);
    this.#unreleased?.delete(packetId);
    const reasonCode = known ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound;
    this.#answer(PacketType.Pubcomp, packetId, this.#session.release(packetId), reasonCode);
  }

  /** Whether a QoS 2 message is ours already: then it is answered again, for the first answer may have been lost [MQTT-4.3.3-2]. */
  #isRepeated(packetId: number): boolean {
    if (!this.#session.hasReceived(packetId)) return false;
    if (this.#session.version === 5) (this.#unreleased ??= new Set()).add(packetId);
    this.#answer(PacketType.Pubrec, packetId, 0, ReasonCode.Success);
    return true;
  }

  /** One message more than may be unfinished is refused before anybody is sent it; one that is sent again is not one more. */
  #mustHaveQuota(qos: QoS, packetId: number): void {
    const unreleased = this.#unreleased;
    const { receiveMaximum } = this.#server.offer;
    if (unreleased === undefined || unreleased.size < receiveMaximum || (qos === 2 && unreleased.has(packetId))) return;
    throw new MqttError(ReasonCode.ReceiveMaximumExceeded, `more than ${receiveMaximum} messages are unfinished`); // [MQTT5-3.3.4-7]
  }

  #answer(type: 4 | 5 | 7, packetId: number, ticket: Ticket, reasonCode: ReasonCode): void {
    this.#wire.send({ type, packetId, reasonCode }, ticket);
  }

  /** The message a PUBLISH carries; what only 5.0 has is looked at here. */
  #messageOf(publish: Publish): Message {
    const { properties } = publish;
    const { clientId } = this.#session;
    const { offer } = this.#server;
    if (publish.qos > offer.maxQos)
      throw new MqttError(ReasonCode.QoSNotSupported, `QoS ${publish.qos} is above the maximum of ${offer.maxQos}`); // [MQTT5-3.2.2-11]
    if (properties === undefined) {
      if (publish.topic === '') throw new MqttError(ReasonCode.ProtocolError, 'PUBLISH has neither a Topic Name nor a Topic Alias');
      return new Message(publish, clientId, Infinity);
    }
    if (properties.subscriptionIdentifiers !== undefined) {
      throw new MqttError(ReasonCode.ProtocolError, 'PUBLISH to a server has a Subscription Identifier'); // [MQTT5-3.3.4-6]
    }
    if (properties.responseTopic !== undefined && !isTopicName(properties.responseTopic)) {
      throw new MqttError(ReasonCode.ProtocolError, 'the Response Topic is no Topic Name'); // [MQTT5-3.3.2-14]
    }
    if (offer.checkPayloadFormat && properties.payloadFormatIndicator === 1 && !isUtf8(publish.payload)) {
      throw new MqttError(ReasonCode.PayloadFormatInvalid, 'a payload is not the UTF-8 it says it is');
    }
    const { messageExpiryInterval } = properties;
    const expiresAt = messageExpiryInterval === undefined ? Infinity : this.#server.now() + messageExpiryInterval * 1_000;
    return new Message(this.#withoutAlias(publish, properties), clientId, expiresAt);
  }

  /** An alias belongs to this connection, so the message goes on without it, under the name it stands for. */
  #withoutAlias(publish: Publish, { topicAlias, ...properties }: Properties): Publish {
    if (topicAlias === undefined) {
      if (publish.topic === '') throw new MqttError(ReasonCode.ProtocolError, 'PUBLISH has neither a Topic Name nor a Topic Alias');
      return publish;
    }
    this.#aliases ??= new InboundAliases(this.#server.offer.topicAliasMaximum);
    const topic = this.#aliases.resolve(topicAlias, publish.topic);
    const { payload, qos, retain, version } = publish;
    return Publish.of({ topic, payload, qos, retain, version, ...(Object.keys(properties).length > 0 ? { properties } : undefined) });
  }
}
