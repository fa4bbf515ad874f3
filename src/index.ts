/** The public surface of PosMQ. */
export { createBroker, type CreateOptions, type Plugin, type PublishOptions, type RunningBroker as Broker } from './create.js';
export type { Entry, Log, Storage } from './broker/contracts.js';
export type { Asker, ConnectRequest, EventListener, EventName, Events, Gates } from './broker/hooks.js';
export type { MessageListener } from './broker/listener.js';
export type { ConnectionView, SessionView } from './broker/session-view.js';
export type { CloseReason, DropReason, Stats } from './broker/stats.js';
export { ConfigurationError, type Options } from './config/options.js';
export type { Receiver, Transport } from './net/transport.js';
export type { QoS, Version, Will } from './packet/packet.js';
export type { Properties } from './packet/properties.js';
export { MqttError, ReasonCode } from './packet/reason-code.js';
export type { Message } from './session/message.js';
export { MemoryStorage } from './storage/memory.js';
