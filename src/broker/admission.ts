/** Who is let in: the connect gate, and authentication that takes several packets (MQTT 5.0 section 4.12). */
import type { Connect } from '../packet/packet.js';
import type { Properties } from '../packet/properties.js';
import { isRefusal, ReasonCode } from '../packet/reason-code.js';
import type { Attempt, AuthOutcome, ConnectOutcome, Refusal, Wire } from '../session/contracts.js';
import type { AuthenticationExchange, AuthenticationMethod, AuthenticationStep } from './contracts.js';
import type { ConnectRefusal, ConnectRequest, Hooks, Verdict } from './hooks.js';

/** A connection that wants to come in. */
export interface Candidate {
  readonly connect: Connect;
  readonly wire: Wire;
  /** Which of all CONNECTs, in the order they came. */
  readonly arrival: number;
}

/** What an admission needs of the broker. */
export interface Host {
  readonly hooks: Hooks;
  /** Lets a client in that everybody agreed to: its session, or why not after all. */
  admit(candidate: Candidate, username: string | undefined, properties: Properties): ConnectOutcome;
  bug(where: string, error: unknown): void;
}

/** An attempt that is decided by its first packet. */
const DECIDED: Attempt = { next: () => {} };

export class Admission {
  readonly #host: Host;
  readonly #methods: ReadonlyMap<string, AuthenticationMethod>;
  #arrivals = 0;

  constructor(host: Host, methods: readonly AuthenticationMethod[]) {
    this.#host = host;
    this.#methods = new Map(methods.map((method) => [method.name, method]));
  }

  /** Calls `answer` at once, unless a gate or a method answers later. */
  begin(connect: Connect, wire: Wire, answer: (outcome: ConnectOutcome) => void): Attempt {
    const candidate = { connect, wire, arrival: ++this.#arrivals };
    const name = connect.properties?.authenticationMethod;
    if (name === undefined) {
      this.#ask(candidate, connect.username, {}, answer);
      return DECIDED;
    }
    const attempt = this.#exchange(name, connect.clientId, wire, (outcome) => {
      if ('authenticated' in outcome) this.#ask(candidate, outcome.username, outcome.authenticated, answer);
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
    const method = this.#methods.get(name);
    if (method === undefined) {
      return {
        next: () => answer({ refused: ReasonCode.BadAuthenticationMethod, because: 'the Authentication Method is not one of ours' }),
      };
    }
    let exchange: AuthenticationExchange | undefined;
    const conclude = (step: AuthenticationStep): void => answer(outcomeOf(step, name));
    const failed = (): void => answer({ refused: ReasonCode.ServerUnavailable, because: 'the authentication could not be carried out' });
    return {
      next: (data) => this.#whenever('an authentication', wire, () => (exchange ??= method.begin(clientId)).step(data), conclude, failed),
    };
  }

  #ask(candidate: Candidate, username: string | undefined, properties: Properties, answer: (outcome: ConnectOutcome) => void): void {
    const { connect, wire } = candidate;
    const gate = this.#host.hooks.gates.connect;
    const admit = (): void => answer(this.#host.admit(candidate, username, properties));
    if (gate === undefined) return admit();
    const { clientId, password, clean, keepAlive, version, will, properties: asked } = connect;
    const { remoteAddress } = wire.vitals;
    const request: ConnectRequest = { clientId, username, password, clean, keepAlive, version, will, properties: asked, remoteAddress };
    const decide = (verdict: true | Refusal): void => {
      if (verdict === true) admit();
      else answer(verdict);
    };
    const failed = (): void => answer({ refused: ReasonCode.ServerUnavailable, because: 'the connect gate failed' });
    this.#whenever('the connect gate', wire, () => checked(gate(request)), decide, failed);
  }

  /** Asks somebody who may answer later, or fail; what comes of it is for those who are still there. */
  #whenever<T>(where: string, wire: Wire, ask: () => T | PromiseLike<T>, then: (value: T) => void, otherwise: () => void): void {
    const failed = (error: unknown): void => {
      this.#host.bug(where, error);
      if (!wire.closed) otherwise();
    };
    let answer: T | PromiseLike<T>;
    try {
      answer = ask();
    } catch (error) {
      return failed(error);
    }
    if (!isLater(answer)) return then(answer);
    const go = (value: T): void => {
      if (!wire.closed) then(value);
    };
    Promise.resolve(answer)
      .then(go, failed)
      .catch((error: unknown) => {
        this.#host.bug(where, error);
        wire.close('internal-error');
      });
  }
}

function isLater<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof (answer as Partial<PromiseLike<T>> | undefined)?.then === 'function';
}

function outcomeOf(step: AuthenticationStep, name: string): AuthOutcome {
  const properties = (data: Buffer | undefined): Properties =>
    data === undefined ? { authenticationMethod: name } : { authenticationMethod: name, authenticationData: data };
  if ('refused' in step) return { refused: step.refused, because: 'the authentication failed' };
  if ('continue' in step) return { challenge: properties(step.continue) };
  return { authenticated: properties(step.success), username: step.username };
}

/** Gates come from elsewhere, perhaps without types: nothing but `true` and a refusal is an answer. */
function checked(verdict: Verdict | PromiseLike<Verdict>): true | Refusal | PromiseLike<true | Refusal> {
  if (isLater(verdict)) return verdict.then(judged);
  return judged(verdict);
}

function judged(verdict: Verdict): true | Refusal {
  if (verdict === true) return true;
  const given: Partial<ConnectRefusal> | undefined = typeof verdict === 'number' ? { reasonCode: verdict } : verdict;
  const { reasonCode, because = 'the connect gate refused', serverReference } = given ?? {};
  if (typeof reasonCode !== 'number' || !isRefusal(reasonCode)) {
    throw new TypeError('a connect gate must answer true, a reason code of 0x80 and above, or an object with one');
  }
  return { refused: reasonCode, because, ...(serverReference === undefined ? undefined : { serverReference }) };
}
