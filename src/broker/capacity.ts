/** Whether there is room: for one more client, for a subscription, for a message that everybody who is to have it keeps. */
import type { Connect } from '../packet/packet.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Journal, Refusal } from '../session/contracts.js';
import type { Message } from '../session/message.js';
import { Session } from '../session/session.js';
import type { DropReason, Tally } from '../session/tally.js';
import { hasWildcard, levels } from '../topic/name.js';
import type { Limits } from './contracts.js';
import type { Retained } from './retained.js';
import type { Route, Router } from './router.js';
import type { Sessions } from './sessions.js';
import { expiryAsked } from './welcome.js';

/** Levels of a filter with wildcards at most: more than any naming scheme has, few enough to match against quickly. */
const MAX_WILDCARD_LEVELS = 256;

export interface CapacityParts {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly journal: Journal;
  readonly router: Router;
  readonly sessions: Sessions;
  readonly retained: Retained;
}

export class Capacity {
  readonly #parts: CapacityParts;

  constructor(parts: CapacityParts) {
    this.#parts = parts;
  }

  /** Why a client cannot be let in, if so. @param session the one it has already. */
  refusal(connect: Connect, session: Session | undefined): Refusal | undefined {
    const { limits, journal, sessions } = this.#parts;
    if (session?.wire === undefined && sessions.connected >= limits.maxConnections) {
      return { refused: ReasonCode.ServerBusy, because: 'as many clients are connected as are allowed' };
    }
    if (journal.full && (connect.will !== undefined || (session === undefined && expiryAsked(connect) > 0))) {
      return { refused: ReasonCode.QuotaExceeded, because: 'there is no space for what would have to be kept' };
    }
    if (session === undefined && sessions.size >= limits.maxSessions) {
      return { refused: ReasonCode.QuotaExceeded, because: 'there are as many sessions as are allowed' };
    }
    return undefined;
  }

  /** Whether a session may subscribe to a filter. */
  takes(filter: string, session: Session): boolean {
    const { limits, journal } = this.#parts;
    if (session.subscriptions.size >= limits.maxSubscriptions && !session.subscriptions.has(filter)) return false;
    if (session.durable && journal.full) return false;
    return !hasWildcard(filter) || levels(filter) <= MAX_WILDCARD_LEVELS;
  }

  /** What there is too little of to keep a message, if anything. */
  lack(message: Message, publisher: Session): DropReason | undefined {
    const { limits, tally, journal, router, retained } = this.#parts;
    const isOwn = ({ subscriber }: Route): boolean => subscriber.clientId === message.publisher;
    const audience = router
      .audience(message.topic)
      .map((route) => (route.noLocal && isOwn(route) ? route.foreign : route)) // [MQTT5-3.8.3-3]
      .filter((route) => route !== undefined);
    const isToBeRetained = message.retain && message.payloadLength > 0;
    const needsDisk =
      isToBeRetained || (message.qos === 2 && publisher.durable) || audience.some(({ subscriber, qos }) => qos > 0 && subscriber.durable);
    if (journal.full && needsDisk) return 'storage-full';
    if (limits.whenQueueFull !== 'reject') return undefined;
    if (isToBeRetained && !retained.takes(message)) return 'retained-full';
    let waiting = 0;
    for (const { subscriber, qos } of audience) {
      if (!subscriber.takes(message, message.qos < qos ? message.qos : qos)) return 'queue-full';
      const isSent = subscriber instanceof Session ? subscriber.hasRoom && subscriber.queue.length === 0 : !subscriber.durable;
      if (qos > 0 && !isSent) waiting++;
    }
    // Each has room for it; whether there is room for all of them together nobody of them knows.
    const { queuedMessages, queuedBytes } = tally;
    const isTooMuch =
      queuedMessages + waiting > limits.maxTotalQueuedMessages || queuedBytes + waiting * message.size > limits.maxTotalQueuedBytes;
    return waiting > 0 && isTooMuch ? 'queue-full' : undefined;
  }
}
