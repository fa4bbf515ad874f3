/** Where others have a say: gates, which are asked, and lifecycle events, which are told. */
import type { QoS, Version, Will } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import type { ReasonCode } from '../packet/reason-code.js';
import type { Message } from '../session/message.js';
import type { CloseReason } from '../session/tally.js';
import { attempt } from '../util/attempt.js';

/** Who wants something. */
export interface Asker {
  readonly clientId: string;
  readonly username: string | undefined;
}

/** What a `connect` gate judges. */
export interface ConnectRequest extends Asker {
  readonly password: Buffer | undefined;
  /** Clean Session (MQTT 3.1.1 section 3.1.2.4). */
  readonly clean: boolean;
  /** Seconds. */
  readonly keepAlive: number;
  readonly version: Version;
  readonly will: Will | undefined;
  /** Of a 5.0 client. */
  readonly properties: Properties | undefined;
  readonly remoteAddress: string;
}

/** Why a client is not let in, where a reason code is not all. */
export interface ConnectRefusal {
  /** 0x80 and above. */
  readonly reasonCode: ReasonCode;
  /** One sentence; 5.0 clients are told it. */
  readonly because?: string;
  /** Where else the client may go (MQTT 5.0 section 4.11); goes with UseAnotherServer and ServerMoved. */
  readonly serverReference?: string;
}

export type Verdict = true | ReasonCode | ConnectRefusal;

/**
 * What others decide. Each gate is one function; where several plugins set the same gate all must agree.
 * A gate that throws refuses, and is logged.
 */
export interface Gates {
  /** `true` lets in; a reason code of 0x80 and above is told by the CONNACK (return codes 2 to 5 in 3.1.1). May answer later. */
  connect: (request: ConnectRequest) => Verdict | PromiseLike<Verdict>;
  /** False drops the message: 0x87 for a 5.0 publisher; 3.1.1 has no way to be told, so it is acknowledged [MQTT-3.3.5-2]. Hot: asked for every message. */
  publish: (message: Message, publisher: Asker) => boolean;
  /** False refuses this one filter: 0x80 in the SUBACK, 0x87 in 5.0. */
  subscribe: (request: { readonly filter: string; readonly qos: QoS }, subscriber: Asker) => boolean;
  /** Asked when a Will is due; false drops it. */
  will: (will: Message, publisher: Asker) => boolean;
}

/** What is told, after the fact and never per message. */
export interface Events {
  connected: {
    readonly clientId: string;
    readonly username: string | undefined;
    readonly version: Version;
    readonly remoteAddress: string;
    readonly sessionPresent: boolean;
    /** Of the CONNECT of a 5.0 client. */
    readonly properties: Properties | undefined;
  };
  disconnected: { readonly clientId: string; readonly reason: CloseReason };
  subscribed: {
    readonly clientId: string;
    readonly filter: string;
    readonly qos: QoS;
    /** The Subscription Identifier of a 5.0 client. */
    readonly identifier: number | undefined;
  };
  unsubscribed: { readonly clientId: string; readonly filter: string };
  /** A session is over: clean, expired, or replaced by a clean one. */
  sessionEnded: { readonly clientId: string };
  /** The storage failed, so the broker has stopped: what was acknowledged is kept, nothing else will be acknowledged. */
  failed: { readonly error: unknown };
}

export type EventName = keyof Events;
/** It may be async; what it returns otherwise is ignored. */
export type EventListener<E extends EventName> = (event: Events[E]) => unknown;

export class Hooks {
  /** The composed gates: `undefined` costs one comparison. */
  readonly gates: { [G in keyof Gates]: Gates[G] | undefined } = {
    connect: undefined,
    publish: undefined,
    subscribe: undefined,
    will: undefined,
  };
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();
  readonly #failed: (where: string, error: unknown) => void;

  /** @param failed is told what a listener or a gate threw. */
  constructor(failed: (where: string, error: unknown) => void) {
    this.#failed = failed;
  }

  /** Sets gates; one that is set already is asked first, and both must agree. */
  gate(gates: Partial<Gates>): void {
    const { publish, subscribe, will, connect } = gates;
    if (publish !== undefined) this.gates.publish = both(this.gates.publish, this.#guarded('the publish gate', publish));
    if (subscribe !== undefined) this.gates.subscribe = both(this.gates.subscribe, this.#guarded('the subscribe gate', subscribe));
    if (will !== undefined) this.gates.will = both(this.gates.will, this.#guarded('the will gate', will));
    if (connect !== undefined) {
      const first = this.gates.connect;
      this.gates.connect = first === undefined ? connect : (request) => inTurn(first(request), () => connect(request));
    }
  }

  /** @returns a function that ends the listening. */
  on<E extends EventName>(name: E, listener: EventListener<E>): () => void {
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  emit<E extends EventName>(name: E, event: Events[E]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      attempt(listener as EventListener<E>, event, (error) => this.#failed(`a listener of '${name}'`, error));
    }
  }

  #guarded<A extends unknown[]>(where: string, gate: (...args: A) => boolean): (...args: A) => boolean {
    return (...args) => {
      try {
        // Nothing but `true` is a yes: a gate that is async by mistake must not let everything through.
        const answer: unknown = gate(...args);
        return answer === true;
      } catch (error) {
        this.#failed(where, error);
        return false;
      }
    };
  }
}

function both<A extends unknown[]>(first: ((...args: A) => boolean) | undefined, second: (...args: A) => boolean): (...args: A) => boolean {
  return first === undefined ? second : (...args) => first(...args) && second(...args);
}

type Answer = Verdict | PromiseLike<Verdict>;

function inTurn(first: Answer, second: () => Answer): Answer {
  if (typeof first === 'object' && 'then' in first) return first.then((verdict) => (verdict === true ? second() : verdict));
  return first === true ? second() : first;
}
