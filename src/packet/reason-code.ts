/** The reason codes of MQTT 5.0 and what 3.1.1 says in their place. */

/**
 * Reason codes by their names in the specification, numbers 0 to 0xFF (MQTT 5.0 section 2.4).
 * PosMQ reasons in these whatever the protocol version; the border to 3.1.1 is {@link connectReturnCode}.
 */
export const ReasonCode = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQoS0: 0x00,
  GrantedQoS1: 0x01,
  GrantedQoS2: 0x02,
  DisconnectWithWillMessage: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QoSNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const;

/** One of the values of the {@link ReasonCode} table. */
export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode];

/** The reason codes each packet may carry, by packet type (MQTT 5.0 table 2-6). */
const BY_PACKET: Readonly<Record<number, ReadonlySet<number>>> = {
  2: new Set([0, ...range(0x80, 0x8a), 0x8c, 0x90, 0x95, 0x97, ...range(0x99, 0x9d), 0x9f]),
  4: new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
  5: new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]),
  6: new Set([0, 0x92]),
  7: new Set([0, 0x92]),
  9: new Set([0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]),
  11: new Set([0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]),
  14: new Set([0, 4, ...range(0x80, 0x83), 0x87, 0x89, 0x8b, ...range(0x8d, 0x90), ...range(0x93, 0xa2)]),
  15: new Set([0, 0x18, 0x19]),
};

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Whether a packet of this type may carry the code. */
export function isReasonCodeOf(packetType: number, code: number): code is ReasonCode {
  return BY_PACKET[packetType]?.has(code) === true;
}

/** Whether a reason code refuses (MQTT 5.0 section 2.4: 0x80 and above). */
export function isRefusal(code: ReasonCode): boolean {
  return code >= ReasonCode.UnspecifiedError;
}

/** The CONNACK return code, 0 to 5, by which 3.1 and 3.1.1 tell of a reason code (MQTT 3.1.1 table 3.1). */
export function connectReturnCode(code: ReasonCode): 0 | 1 | 2 | 3 | 4 | 5 {
  switch (code) {
    case ReasonCode.Success:
      return 0;
    case ReasonCode.UnsupportedProtocolVersion:
      return 1;
    case ReasonCode.ClientIdentifierNotValid:
      return 2;
    case ReasonCode.BadUserNameOrPassword:
    case ReasonCode.BadAuthenticationMethod:
      return 4;
    case ReasonCode.NotAuthorized:
    case ReasonCode.Banned:
      return 5;
    default:
      return 3;
  }
}

/** The reason code a 3.1.1 return code stands for: the inverse of {@link connectReturnCode}. */
export function reasonOfReturnCode(code: number): ReasonCode {
  switch (code) {
    case 0:
      return ReasonCode.Success;
    case 1:
      return ReasonCode.UnsupportedProtocolVersion;
    case 2:
      return ReasonCode.ClientIdentifierNotValid;
    case 3:
      return ReasonCode.ServerUnavailable;
    case 4:
      return ReasonCode.BadUserNameOrPassword;
    case 5:
      return ReasonCode.NotAuthorized;
    default:
      throw new MqttError(ReasonCode.MalformedPacket, `CONNACK has return code ${code}, 0 to 5 are defined`);
  }
}

/** A refusal: what the other side did that the specification, or the operator, does not allow. Never a bug of ours. */
export class MqttError extends Error {
  readonly reasonCode: ReasonCode;
  /** Of a CONNECT that could not be read to its end: the protocol version it had told by then. */
  version: number | undefined;

  /** @param reasonCode what a 5.0 peer would be told. @param message one sentence for the log, without payloads or secrets. */
  constructor(reasonCode: ReasonCode, message: string) {
    super(message);
    this.name = 'MqttError';
    this.reasonCode = reasonCode;
  }
}
