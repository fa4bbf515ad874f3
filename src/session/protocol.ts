/** The rule-book of one Network Connection: what each packet may do, when, and what answers it. Hot. */
import {
  PacketType,
  packetName,
  type Auth,
  type Connect,
  type Disconnect,
  type Packet,
  type Subscribe,
  type Unsubscribe,
  type Version,
} from '../packet/packet.js';
import { encode } from '../packet/encode.js';
import { propertiesSize, type Properties } from '../packet/properties.js';
import { isReasonCodeOf, MqttError, ReasonCode } from '../packet/reason-code.js';
import { filterOf, isTopicFilter } from '../topic/name.js';
import { variableIntegerSize } from '../packet/bytes.js';
import { closeReasonOf, reasonCodeOf } from './close-reason.js';
import { judge } from './connect.js';
import type { Attempt, AuthOutcome, ConnectOutcome, Server, Wire } from './contracts.js';
import { Inbound } from './inbound.js';
import type { Session } from './session.js';
import type { CloseReason } from './tally.js';
import { NO_TERMS, termsOf } from './terms.js';

type State = 'awaiting-connect' | 'connecting' | 'open' | 'closed';

export class Protocol {
  readonly #server: Server;
  readonly #wire: Wire;
  #state: State = 'awaiting-connect';
  #session: Session | undefined;
  #connect: Connect | undefined;
  /** None until a message comes: most connections only listen. */
  #inbound: Inbound | undefined;
  /** An authentication that takes more than one packet. */
  #attempt: Attempt | undefined;
  #reauthenticating = false;
  #isRefused = false;
  /** Why we close, where it is more than the close reason says. */
  #refusal: MqttError | undefined;

  constructor(server: Server, wire: Wire) {
    this.#server = server;
    this.#wire = wire;
  }

  /** The session of this connection, once it is open. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The CONNECT, without its password: from when it has come until the session is open, and of a 5.0 connection as long as it lasts. */
  get connect(): Connect | undefined {
    return this.#connect;
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
        return this.#messages(session).publish(packet);
      case PacketType.Puback:
        return session.acknowledged(packet.packetId);
      case PacketType.Pubrec:
        return session.recorded(packet.packetId, packet.reasonCode);
      case PacketType.Pubrel:
        return this.#messages(session).release(packet.packetId);
      case PacketType.Pubcomp:
        return session.completed(packet.packetId);
      case PacketType.Subscribe:
        return this.#subscribe(session, packet);
      case PacketType.Unsubscribe:
        return this.#unsubscribe(session, packet);
      case PacketType.Pingreq:
        return this.#wire.send({ type: PacketType.Pingresp }, 0); // [MQTT-3.12.4-1]
      case PacketType.Disconnect:
        return this.#disconnect(session, packet);
      case PacketType.Auth:
        return this.#authenticate(session, packet);
      case PacketType.Connect:
        throw new MqttError(ReasonCode.ProtocolError, 'a second CONNECT came'); // [MQTT-3.1.0-2]
      case PacketType.Connack:
      case PacketType.Suback:
      case PacketType.Unsuback:
      case PacketType.Pingresp:
        throw new MqttError(ReasonCode.ProtocolError, `${packetName(packet.type)} is not for a server`);
    }
  }

  /** The peer broke a rule, or is not welcome: tells it as far as its protocol can, and closes. */
  refuse(error: MqttError, properties?: Properties): void {
    const { reasonCode, message } = error;
    const closeReason = closeReasonOf(reasonCode);
    if (this.#state === 'awaiting-connect' || this.#state === 'connecting') {
      const version = this.#connect?.version ?? error.version;
      if (version === 5) this.#wire.speaks(5);
      // In 3.1.1 bytes that are no CONNECT get no answer; a CONNECT that was understood gets its return code [MQTT-3.2.2-6].
      // The fixed header, the flags, the code and the length of the properties take seven bytes at most, and five without properties.
      const size = properties === undefined ? 5 : 7 + propertiesSize(properties);
      if (version === 5 ? size <= this.#maximumPacketSize : isTold(closeReason)) {
        this.#wire.send(
          {
            type: PacketType.Connack,
            sessionPresent: false,
            reasonCode: connackCode(reasonCode),
            ...(version === 5 ? { properties: { ...this.#reasonString(error, propertiesSize(properties)), ...properties } } : undefined),
          },
          0,
        ); // [MQTT-3.2.2-5]
      }
      this.#isRefused = true;
    } else {
      this.#refusal = error;
    }
    this.#wire.close(closeReason, message);
  }

  /** The last packet of a connection that is being closed from this side; 3.1.1 has none [MQTT5-3.14.1-1]. */
  farewell(reason: CloseReason): Packet | undefined {
    if (this.#connect?.version !== 5) return undefined;
    const reasonCode = this.#refusal?.reasonCode ?? reasonCodeOf(reason);
    if (reasonCode === undefined) return undefined;
    // [MQTT5-3.14.0-1] before its CONNACK a client is told by that; one that was refused has been.
    if (this.#state === 'connecting' && !this.#isRefused) {
      return { type: PacketType.Connack, sessionPresent: false, reasonCode: connackCode(reasonCode) };
    }
    if (this.#state !== 'open') return undefined;
    const properties = this.#refusal === undefined ? undefined : this.#reasonString(this.#refusal, 0);
    return {
      type: PacketType.Disconnect,
      reasonCode: disconnectCode(reasonCode),
      ...(properties === undefined ? undefined : { properties }),
    };
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

  /** Why, in words, where the client takes a packet so long beside `others` bytes of properties [MQTT5-3.2.2-19] [MQTT5-3.14.2-3]. */
  #reasonString({ reasonCode, message }: MqttError, others: number): Properties | undefined {
    // Who speaks another version can hardly read more than the code.
    if (reasonCode === ReasonCode.UnsupportedProtocolVersion) return undefined;
    // The fixed header, the code and what is around the string take eleven bytes at most.
    return 11 + others + Buffer.byteLength(message) <= this.#maximumPacketSize ? { reasonString: message } : undefined;
  }

  get #maximumPacketSize(): number {
    return (this.#connect === undefined ? NO_TERMS : termsOf(this.#connect)).maximumPacketSize;
  }

  #receiveFirst(packet: Packet): void {
    if (this.#state === 'connecting' && packet.type === PacketType.Auth && this.#attempt !== undefined) {
      return this.#answerChallenge(this.#attempt, packet, ReasonCode.ContinueAuthentication);
    }
    // [MQTT5-3.1.2-30] a client that is being authenticated may give up, and no more.
    if (this.#state === 'connecting' && packet.type === PacketType.Disconnect) return this.#wire.close('client-disconnect');
    if (packet.type !== PacketType.Connect || this.#state !== 'awaiting-connect') {
      throw new MqttError(ReasonCode.ProtocolError, `${packetName(packet.type)} came before CONNECT`); // [MQTT-3.1.0-1]
    }
    this.#connect = withoutPassword(packet);
    this.#wire.speaks(packet.version);
    judge(packet, this.#server.offer);
    this.#state = 'connecting';
    this.#wire.pause();
    const attempt = this.#server.connect(packet, this.#wire, (outcome) => this.#open(packet, outcome));
    if (this.#state === 'connecting') this.#attempt = attempt;
  }

  #open(connect: Connect, outcome: ConnectOutcome): void {
    if (this.#state !== 'connecting') return;
    if ('refused' in outcome) {
      const { refused, because, serverReference } = outcome;
      return this.refuse(new MqttError(refused, because), serverReference === undefined ? undefined : { serverReference });
    }
    if ('challenge' in outcome) return this.#challenge(outcome.challenge);
    const { session, sessionPresent, ticket, keepAlive, properties } = outcome;
    this.#state = 'open';
    this.#attempt = undefined;
    this.#session = session;
    // Only 5.0 asks what the CONNECT said once it is answered.
    if (connect.version !== 5) this.#connect = undefined;
    session.username = outcome.username;
    session.will = connect.will;
    this.#wire.accepted(keepAlive);
    const connack = { type: PacketType.Connack, sessionPresent, reasonCode: ReasonCode.Success } as const;
    this.#wire.send(properties === undefined ? connack : { ...connack, properties }, ticket); // [MQTT-3.2.0-1]
    session.resume(this.#wire, termsOf(connect));
    this.#server.connected(session, this.#wire, connect, sessionPresent);
    this.#wire.resume();
  }

  #messages(session: Session): Inbound {
    return (this.#inbound ??= new Inbound(this.#server, this.#wire, session));
  }

  #subscribe(session: Session, packet: Subscribe): void {
    for (const { filter, noLocal } of packet.subscriptions) {
      mustBeFilter(filter, session.version);
      if (noLocal === true && filterOf(filter).share !== undefined) {
        throw new MqttError(ReasonCode.ProtocolError, 'a Shared Subscription asks for No Local'); // [MQTT5-3.8.3-4]
      }
    }
    this.#mustTake(packet.subscriptions.length);
    const identifier = packet.properties?.subscriptionIdentifiers?.[0];
    const { reasonCodes, ticket, replay } = this.#server.subscribe(session, packet.subscriptions, identifier);
    this.#wire.send({ type: PacketType.Suback, packetId: packet.packetId, reasonCodes }, ticket); // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
    replay();
  }

  #unsubscribe(session: Session, packet: Unsubscribe): void {
    for (const filter of packet.filters) mustBeFilter(filter, session.version);
    this.#mustTake(packet.filters.length);
    const { reasonCodes, ticket } = this.#server.unsubscribe(session, packet.filters);
    this.#wire.send({ type: PacketType.Unsuback, packetId: packet.packetId, reasonCodes }, ticket); // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  }

  /** A SUBACK or UNSUBACK with so many codes; what could not be answered is not carried out [MQTT5-3.1.2-24]. */
  #mustTake(codes: number): void {
    const remaining = 3 + codes;
    if (1 + variableIntegerSize(remaining) + remaining <= this.#maximumPacketSize) return;
    throw new MqttError(ReasonCode.PacketTooLarge, `an answer with ${codes} reason codes is larger than the client takes`);
  }

  #disconnect(session: Session, { reasonCode, properties }: Disconnect): void {
    const expiry = properties?.sessionExpiryInterval;
    if (expiry !== undefined) {
      // [MQTT5-3.1.2-10] a session that was to end with its connection cannot be kept after all
      if ((this.#connect?.properties?.sessionExpiryInterval ?? 0) === 0 && expiry > 0)
        throw new MqttError(ReasonCode.ProtocolError, 'DISCONNECT wants to keep a session that ends');
      this.#server.expire(session, expiry);
    }
    if (reasonCode === ReasonCode.NormalDisconnection) session.will = undefined; // [MQTT-3.14.4-3]
    this.#wire.close('client-disconnect');
  }

  #authenticate(session: Session, packet: Auth): void {
    if (this.#attempt !== undefined) return this.#answerChallenge(this.#attempt, packet, ReasonCode.ContinueAuthentication);
    const method = this.#connect?.properties?.authenticationMethod;
    if (method === undefined || packet.reasonCode !== ReasonCode.ReAuthenticate) {
      throw new MqttError(ReasonCode.ProtocolError, 'AUTH came where no authentication is under way'); // [MQTT5-4.12.0-7]
    }
    this.#reauthenticating = true;
    this.#attempt = this.#server.reauthenticate(session, method, (outcome) => this.#reauthenticated(session, outcome));
    this.#answerChallenge(this.#attempt, packet, ReasonCode.ReAuthenticate);
  }

  #answerChallenge(attempt: Attempt, { reasonCode, properties }: Auth, expected: ReasonCode): void {
    if (reasonCode !== expected)
      throw new MqttError(ReasonCode.ProtocolError, `AUTH has reason code ${reasonCode} where ${expected} is due`);
    if (properties?.authenticationMethod !== this.#connect?.properties?.authenticationMethod) {
      throw new MqttError(ReasonCode.ProtocolError, 'AUTH changes the Authentication Method'); // [MQTT5-4.12.0-5]
    }
    this.#wire.pause();
    attempt.next(properties?.authenticationData);
  }

  #challenge(properties: Properties): void {
    this.#sendAuth(ReasonCode.ContinueAuthentication, properties); // [MQTT5-4.12.0-2]
  }

  #sendAuth(reasonCode: ReasonCode, properties: Properties): void {
    const packet = { type: PacketType.Auth, reasonCode, properties } as const;
    const { maximumPacketSize } = termsOf(this.#connect!);
    if (encode(packet, 5).length > maximumPacketSize) {
      return this.refuse(new MqttError(ReasonCode.PacketTooLarge, 'an AUTH is larger than the client takes')); // [MQTT5-3.1.2-24]
    }
    this.#wire.send(packet, 0);
    this.#wire.resume();
  }

  #reauthenticated(session: Session, outcome: AuthOutcome): void {
    if (this.#state !== 'open' || !this.#reauthenticating) return;
    // A DISCONNECT has no code for a bad method or password.
    if ('refused' in outcome) return this.refuse(new MqttError(ReasonCode.NotAuthorized, outcome.because));
    if ('challenge' in outcome) return this.#challenge(outcome.challenge);
    if (outcome.username !== session.username) {
      return this.refuse(new MqttError(ReasonCode.NotAuthorized, 'the client authenticated as somebody else'));
    }
    this.#reauthenticating = false;
    this.#attempt = undefined;
    this.#sendAuth(ReasonCode.Success, outcome.authenticated);
  }
}

function withoutPassword(connect: Connect): Connect {
  if (connect.password === undefined) return connect;
  const { password: _, ...rest } = connect;
  return rest;
}

/** The code a CONNACK tells a refusal by, where it has none for it: that of a server that stops, or that of anything [MQTT5-3.2.2-8]. */
function connackCode(reasonCode: ReasonCode): ReasonCode {
  if (reasonCode === ReasonCode.ServerShuttingDown) return ReasonCode.ServerUnavailable;
  return isReasonCodeOf(PacketType.Connack, reasonCode) ? reasonCode : ReasonCode.UnspecifiedError;
}

/** The code a DISCONNECT tells a refusal by, where it has none for it: that of a second CONNECT, of whatever version [MQTT5-3.14.2-1]. */
function disconnectCode(reasonCode: ReasonCode): ReasonCode {
  return isReasonCodeOf(PacketType.Disconnect, reasonCode) ? reasonCode : ReasonCode.ProtocolError;
}

/** Whether 3.1.1 has a return code for it. */
function isTold(reason: CloseReason): boolean {
  return reason !== 'malformed-packet' && reason !== 'protocol-error' && reason !== 'packet-too-large' && reason !== 'taken-over';
}

/** 5.0 has a reason code for one bad filter among others; 3.1.1 can only close. */
function mustBeFilter(filter: string, version: Version): void {
  if (version !== 5 && !isTopicFilter(filterOf(filter).filter)) {
    throw new MqttError(ReasonCode.MalformedPacket, 'a Topic Filter breaks the rules for wildcards or is empty');
  }
}
