/** Who is let in: the connect gate, and authentication that takes several packets (MQTT 5.0 section 4.12). */
import type { Connect } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import type { Attempt, AuthOutcome, ConnectOutcome, Refusal, Wire } from '../session/contracts.js';
import type { AuthenticationMethod, AuthenticationStep } from './contracts.js';
import type { ConnectRequest, Hooks, Verdict } from './hooks.js';

/** What an admission needs of the broker. */
export interface Host {
  readonly hooks: Hooks;
  /** Lets a client in that everybody agreed to: its session, or why not after all. */
  admit(connect: Connect, wire: Wire, username: string | undefined, properties: Properties): ConnectOutcome;
  bug(where: string, error: unknown): void;
}

/** An attempt that is decided by its first packet. */
const DECIDED: Attempt = { next: () => {} };

export class Admission {
  readonly #host: Host;
  readonly #methods: ReadonlyMap<string, AuthenticationMethod>;

  constructor(host: Host, methods: readonly AuthenticationMethod[]) {
    this.#host = host;
    this.#methods = new Map(methods.map((method) => [method.name, method]));
  }

  /** Calls `answer` at once, unless a gate or a method answers later. */
  begin(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): Attempt {
    const name = connect.properties?.authenticationMethod;
    if (name === undefined) {
      this.#ask(connect, wire, connect.username, {}, answer);
      return DECIDED;
    }
    const attempt = this.#exchange(name, connect.clientId, wire, (outcome) => {
      if ('authenticated' in outcome) this.#ask(connect, wire, outcome.username, outcome.authenticated, answer);
      else answer(outcome);
    });
    attempt.next(connect.properties?.authenticationData);
    return attempt;
  }

  /** Authenticates a client that is in already. */
  again(clientId: string, method: string, wire: Wire, answer: (outcome: AuthOutcome) => void): Attempt {
    return this.#exchange(method, clientId, wire, answer);
  }

  #exchange(name: string, clientId: string, wire: Wire, answer: (outcome: AuthOutcome) => void): Attempt {
    const exchange = this.#methods.get(name)?.begin(clientId);
    if (exchange === undefined) {
      return {
        next: () => answer({ refused: ReasonCode.BadAuthenticationMethod, because: 'the Authentication Method is not one of ours' }),
      };
    }
    const conclude = (step: AuthenticationStep): void => answer(outcomeOf(step, name));
    return {
      next: (data) => {
        this.#whenever('an authentication', wire, () => exchange.step(data), conclude);
      },
    };
  }

  #ask(
    connect: Connect,
    wire: Wire,
    username: string | undefined,
    properties: Properties,
    answer: (outcome: ConnectOutcome) => void,
  ): void {
    const gate = this.#host.hooks.gates.connect;
    const admit = (): void => answer(this.#host.admit(connect, wire, username, properties));
    if (gate === undefined) return admit();
    const { clientId, password, clean, keepAlive, version, will } = connect;
    const { remoteAddress } = wire.vitals;
    const request: ConnectRequest = { clientId, username, password, clean, keepAlive, version, will, remoteAddress };
    this.#whenever(
      'the connect gate',
      wire,
      () => gate(request),
      (verdict) => {
        if (verdict === true) return admit();
        const refusal = refusalOf(verdict);
        if (refusal === undefined) throw new TypeError('a connect gate must answer true or a reason code of 0x80 and above');
        answer(refusal);
      },
    );
  }

  /** Asks something that may answer later, or fail: then the client is turned away, as far as it is still there. */
  #whenever<T>(where: string, wire: Wire, ask: () => T | Promise<T>, then: (value: T) => void): void {
    const failed = (error: unknown): void => {
      this.#host.bug(where, error);
      wire.close('server-unavailable', `${where} failed`);
    };
    const go = (value: T): void => {
      if (!wire.closed) then(value);
    };
    try {
      const value = ask();
      if (value instanceof Promise) value.then(go).catch(failed);
      else go(value);
    } catch (error) {
      failed(error);
    }
  }
}

function outcomeOf(step: AuthenticationStep, name: string): AuthOutcome {
  const properties = (data: Buffer | undefined): Properties =>
    data === undefined ? { authenticationMethod: name } : { authenticationMethod: name, authenticationData: data };
  if ('refused' in step) return { refused: step.refused, because: 'the authentication failed' };
  if ('continue' in step) return { challenge: properties(step.continue) };
  return { authenticated: properties(step.success), username: step.username };
}

/** Gates come from elsewhere, perhaps without types: nothing but `true` and a refusal is an answer. */
function refusalOf(verdict: Exclude<Verdict, true>): Refusal | undefined {
  const {
    reasonCode,
    because = 'the connect gate refused',
    serverReference,
  } = typeof verdict === 'number' ? { reasonCode: verdict } : verdict;
  if (!isRefusal(reasonCode)) return undefined;
  return { refused: reasonCode, because, ...(serverReference === undefined ? undefined : { serverReference }) };
}
