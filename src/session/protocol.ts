/** The rule-book of one Network Connection: what each packet may do, when, and what answers it. Hot. */
import { PacketType, packetName, type Connect, type Packet, type Subscribe, type Unsubscribe } from '../packet/packet.js';
import type { Publish } from '../packet/publish.js';
import { MqttError, ReasonCode } from '../packet/reason-code.js';
import { isTopicFilter } from '../topic/name.js';
import { judge } from './connect.js';
import type { ConnectOutcome, Server, Ticket, Wire } from './contracts.js';
import { Message } from './message.js';
import type { Session } from './session.js';
import type { CloseReason } from './tally.js';

type State = 'awaiting-connect' | 'connecting' | 'open' | 'closed';

export class Protocol {
  readonly #server: Server;
  readonly #wire: Wire;
  #state: State = 'awaiting-connect';
  #session: Session | undefined;
  #connect: Connect | undefined;

  constructor(server: Server, wire: Wire) {
    this.#server = server;
    this.#wire = wire;
  }

  /** The session of this connection, once it is open. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The CONNECT, once it has come; without its password. */
  get connect(): Connect | undefined {
    return this.#connect;
  }

  get awaitsConnect(): boolean {
    return this.#state === 'awaiting-connect';
  }

  /**
   * A packet has come.
   * @throws MqttError where the peer broke a rule: the connection is to be closed for it [MQTT-4.8.0-1].
   */
  receive(packet: Packet): void {
    const session = this.#session;
    if (session === undefined) return this.#receiveFirst(packet);
    switch (packet.type) {
      case PacketType.Publish:
        return this.#publish(session, packet);
      case PacketType.Puback:
        return session.acknowledged(packet.packetId);
      case PacketType.Pubrec:
        return session.recorded(packet.packetId);
      case PacketType.Pubrel:
        return this.#answer(PacketType.Pubcomp, packet.packetId, session.release(packet.packetId));
      case PacketType.Pubcomp:
        return session.completed(packet.packetId);
      case PacketType.Subscribe:
        return this.#subscribe(session, packet);
      case PacketType.Unsubscribe:
        return this.#unsubscribe(session, packet);
      case PacketType.Pingreq:
        return this.#wire.send({ type: PacketType.Pingresp }, 0); // [MQTT-3.12.4-1]
      case PacketType.Disconnect:
        session.will = undefined; // [MQTT-3.14.4-3]
        return this.#wire.close('client-disconnect');
      case PacketType.Connect:
        throw new MqttError(ReasonCode.ProtocolError, 'a second CONNECT came'); // [MQTT-3.1.0-2]
      case PacketType.Connack:
      case PacketType.Suback:
      case PacketType.Unsuback:
      case PacketType.Pingresp:
      case PacketType.Auth:
        throw new MqttError(ReasonCode.ProtocolError, `${packetName(packet.type)} is not for a server`);
    }
  }

  /** The peer broke a rule, or is not welcome: tells it as far as its protocol can, and closes. */
  refuse(error: MqttError): void {
    // [MQTT-3.2.2-5] a refused CONNECT is answered, then the connection closed.
    if ((this.#state === 'awaiting-connect' || this.#state === 'connecting') && answersConnect(error.reasonCode)) {
      this.#wire.send({ type: PacketType.Connack, sessionPresent: false, reasonCode: error.reasonCode }, 0);
    }
    this.#wire.close(closeReasonOf(error.reasonCode), error.message);
  }

  /** The connection has ended; whatever it was in the middle of ends with it. */
  closed(reason: CloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const session = this.#session;
    if (session !== undefined) this.#server.disconnect(session, reason);
  }

  /** The peer has taken what waited for it: what waited for that goes on. */
  drained(): void {
    this.#session?.drain();
  }

  #receiveFirst(packet: Packet): void {
    if (packet.type !== PacketType.Connect || this.#state !== 'awaiting-connect') {
      throw new MqttError(ReasonCode.ProtocolError, `${packetName(packet.type)} came before CONNECT`); // [MQTT-3.1.0-1]
    }
    judge(packet);
    const { password: _, ...rest } = packet;
    this.#connect = rest;
    this.#state = 'connecting';
    this.#wire.pause();
    this.#server.connect(packet, this.#wire, (outcome) => this.#open(packet, outcome));
  }

  #open(connect: Connect, outcome: ConnectOutcome): void {
    if (this.#state !== 'connecting') return;
    if ('refused' in outcome) return this.refuse(new MqttError(outcome.refused, outcome.because));
    const { session, sessionPresent, ticket } = outcome;
    this.#state = 'open';
    this.#session = session;
    session.version = connect.version;
    session.username = connect.username;
    session.will = connect.will;
    this.#wire.accepted(connect);
    this.#wire.send({ type: PacketType.Connack, sessionPresent, reasonCode: ReasonCode.Success }, ticket); // [MQTT-3.2.0-1]
    session.resume(this.#wire);
    this.#server.connected(session, this.#wire, sessionPresent);
    this.#wire.resume();
  }

  #publish(session: Session, publish: Publish): void {
    session.messagesReceived++;
    this.#server.tally.messagesReceived++;
    const { qos, packetId } = publish;
    if (qos === 0) {
      this.#server.publish(new Message(publish), session);
    } else if (qos === 1) {
      this.#answer(PacketType.Puback, packetId, this.#server.publish(new Message(publish), session)); // [MQTT-4.3.2-2]
    } else if (session.hasReceived(packetId)) {
      this.#answer(PacketType.Pubrec, packetId, 0); // [MQTT-4.3.3-2] it is ours already; the first answer may have been lost
    } else {
      const ticket = this.#server.publish(new Message(publish), session);
      this.#answer(PacketType.Pubrec, packetId, Math.max(ticket, session.receive(packetId)));
    }
  }

  #answer(type: 4 | 5 | 7, packetId: number, ticket: Ticket): void {
    this.#wire.send({ type, packetId, reasonCode: ReasonCode.Success }, ticket);
  }

  #subscribe(session: Session, packet: Subscribe): void {
    for (const { filter } of packet.subscriptions) mustBeFilter(filter);
    const { reasonCodes, ticket } = this.#server.subscribe(session, packet.subscriptions);
    this.#wire.send({ type: PacketType.Suback, packetId: packet.packetId, reasonCodes }, ticket); // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
    this.#server.replay(session, packet.subscriptions, reasonCodes);
  }

  #unsubscribe(session: Session, packet: Unsubscribe): void {
    for (const filter of packet.filters) mustBeFilter(filter);
    const { reasonCodes, ticket } = this.#server.unsubscribe(session, packet.filters);
    this.#wire.send({ type: PacketType.Unsuback, packetId: packet.packetId, reasonCodes }, ticket); // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  }
}

/** The word for a connection that is closed for a refusal. */
function closeReasonOf(reasonCode: ReasonCode): CloseReason {
  switch (reasonCode) {
    case ReasonCode.ProtocolError:
      return 'protocol-error';
    case ReasonCode.PacketTooLarge:
      return 'packet-too-large';
    case ReasonCode.UnsupportedProtocolVersion:
      return 'unsupported-protocol-version';
    case ReasonCode.ClientIdentifierNotValid:
      return 'client-identifier-not-valid';
    case ReasonCode.BadUserNameOrPassword:
    case ReasonCode.BadAuthenticationMethod:
      return 'bad-user-name-or-password';
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
      return 'not-authorized';
    case ReasonCode.MalformedPacket:
    case ReasonCode.TopicNameInvalid:
    case ReasonCode.TopicFilterInvalid:
      return 'malformed-packet';
    case ReasonCode.ServerBusy:
      return 'too-many-connections';
    case ReasonCode.ServerShuttingDown:
      return 'server-stopping';
    default:
      return 'server-unavailable';
  }
}

/** Bytes that are no CONNECT get no answer; a CONNECT that was understood gets its return code [MQTT-3.2.2-6]. */
function answersConnect(reasonCode: ReasonCode): boolean {
  const reason = closeReasonOf(reasonCode);
  return reason !== 'malformed-packet' && reason !== 'protocol-error' && reason !== 'packet-too-large';
}

function mustBeFilter(filter: string): void {
  if (!isTopicFilter(filter)) throw new MqttError(ReasonCode.MalformedPacket, 'a Topic Filter breaks the rules for wildcards or is empty');
}
