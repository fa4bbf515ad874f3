/** The public surface of PosMQ. */
export {
  deriveScramCredentials,
  saslprep,
  scramSha256,
  type ScramCredentials,
  type ScramLookup,
  type ScramOptions,
} from './access/scram.js';
export {
  createBroker,
  type CreateOptions,
  type MessageProperties,
  type Plugin,
  type PublishOptions,
  type RunningBroker as Broker,
} from './create.js';
export type { AuthenticationExchange, AuthenticationMethod, AuthenticationStep, Entry, Log, Storage } from './broker/contracts.js';
export type { Asker, ConnectRefusal, ConnectRequest, EventListener, EventName, Events, Gates, Verdict } from './broker/hooks.js';
export type { MessageListener } from './broker/listener.js';
export type { ConnectionView, SessionView } from './broker/session-view.js';
export type { CloseReason, DropReason, Stats } from './broker/stats.js';
export { ConfigurationError, type Options } from './config/options.js';
export type { Receiver, Transport } from './net/transport.js';
export type { QoS, Version, Will } from './packet/packet.js';
export type { Properties, UserProperty } from './packet/properties.js';
export { MqttError, ReasonCode } from './packet/reason-code.js';
export type { Message } from './session/message.js';
export { MemoryStorage } from './storage/memory.js';
