/** Reason codes and the words for the ends of connections, each in the other's terms. */
import { ReasonCode } from '../packet/reason-code.js';
import type { CloseReason } from './tally.js';

/** The word for a connection that is closed for a refusal. */
export function closeReasonOf(reasonCode: ReasonCode): CloseReason {
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
      return 'bad-user-name-or-password';
    case ReasonCode.BadAuthenticationMethod:
      return 'bad-authentication-method';
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
    case ReasonCode.SessionTakenOver:
      return 'taken-over';
    case ReasonCode.ReceiveMaximumExceeded:
      return 'receive-maximum-exceeded';
    case ReasonCode.TopicAliasInvalid:
      return 'topic-alias-invalid';
    case ReasonCode.QoSNotSupported:
      return 'quality-not-supported';
    case ReasonCode.QuotaExceeded:
      return 'quota-exceeded';
    case ReasonCode.PayloadFormatInvalid:
      return 'payload-format-invalid';
    default:
      return 'server-unavailable';
  }
}

/** What a 5.0 client is told of an end that comes from this side; undefined where it came from the other. */
export function reasonCodeOf(reason: CloseReason): ReasonCode | undefined {
  switch (reason) {
    case 'client-disconnect':
    case 'connection-lost':
    case 'socket-error':
      return undefined;
    case 'connect-timeout':
      return ReasonCode.ServerUnavailable;
    case 'taken-over':
      return ReasonCode.SessionTakenOver; // [MQTT5-3.1.4-3]
    case 'keep-alive-timeout':
      return ReasonCode.KeepAliveTimeout;
    case 'server-stopping':
      return ReasonCode.ServerShuttingDown;
    case 'kicked':
      return ReasonCode.AdministrativeAction;
    case 'malformed-packet':
      return ReasonCode.MalformedPacket;
    case 'protocol-error':
      return ReasonCode.ProtocolError;
    case 'packet-too-large':
      return ReasonCode.PacketTooLarge;
    case 'not-authorized':
      return ReasonCode.NotAuthorized;
    case 'receive-maximum-exceeded':
      return ReasonCode.ReceiveMaximumExceeded;
    case 'topic-alias-invalid':
      return ReasonCode.TopicAliasInvalid;
    case 'quality-not-supported':
      return ReasonCode.QoSNotSupported;
    case 'quota-exceeded':
    case 'storage-full':
      return ReasonCode.QuotaExceeded;
    case 'payload-format-invalid':
      return ReasonCode.PayloadFormatInvalid;
    case 'server-unavailable':
    case 'too-many-connections':
      return ReasonCode.ServerBusy;
    case 'unsupported-protocol-version':
    case 'client-identifier-not-valid':
    case 'bad-user-name-or-password':
    case 'bad-authentication-method':
    case 'storage-failed':
    case 'internal-error':
      return ReasonCode.UnspecifiedError;
  }
}
