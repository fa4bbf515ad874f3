/** Deliveries at QoS 1 and 2 on their way to one receiver, by packet identifier, in the order they were sent. Hot. */
import type { QoS } from '../packet/packet.js';
import { RollingMap } from '../util/rolling-map.js';
import { PLAIN, type Extras } from './contracts.js';
import type { Message } from './message.js';
import type { Parcel } from './parcel.js';
import type { Release } from './release.js';

/** Which packet a delivery waits for. */
export const Awaiting = { Nothing: 0, Puback: 1, Pubrec: 2, Pubcomp: 3 } as const;
export type Awaiting = (typeof Awaiting)[keyof typeof Awaiting];

/** One message on its way to one session. */
export class Delivery {
  /** None once its receiver has it, none where it will never be sent again, and none while it lies on record only. */
  message: Message | undefined;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly extras: Extras;
  /** Bytes of the message. */
  readonly size: number;
  packetId = 0;
  awaiting: Awaiting = Awaiting.Nothing;
  /** Whether it may have been sent before the process ended, without that being on record. */
  isRepeat = false;
  /** Whether it is over: acknowledged, or given up. */
  done = false;
  /** Where it stands in the journal: of which session, and in which order. */
  number = 0;
  sequence = 0;
  /** What of it is on record: the journal's own notes. */
  filed = 0;
  /** The parcel it is in on record, and its bit there; none where it has a record of its own. */
  parcel: Parcel | undefined;
  bit = 0;
  /** The release it is in on record; none before its PUBREC. */
  release: Release | undefined;

  constructor(message: Message | undefined, qos: QoS, retain: boolean, extras: Extras, size: number) {
    this.message = message;
    this.qos = qos;
    this.retain = retain;
    this.extras = extras;
    this.size = size;
    this.parcel = undefined;
    this.release = undefined;
  }

  /** It goes, or went, out under this packet identifier. */
  sentAs(packetId: number): void {
    this.packetId = packetId;
    this.awaiting = this.qos === 1 ? Awaiting.Puback : Awaiting.Pubrec;
  }
}

/** In the window of a session that ends with its connection stands only what its receiver owes us: nothing is ever sent again. */
export const OWES_PUBACK = owed(Awaiting.Puback, 1);
export const OWES_PUBREC = owed(Awaiting.Pubrec, 2);
export const OWES_PUBCOMP = owed(Awaiting.Pubcomp, 2);

function owed(awaiting: Awaiting, qos: QoS): Delivery {
  const delivery = new Delivery(undefined, qos, false, PLAIN, 0);
  delivery.awaiting = awaiting;
  return delivery;
}

const MAX_PACKET_ID = 65_535;

/** Packet identifiers up to this one are given to deliveries as they are sent; those above it belong to places in a queue. */
export const SHARED = 32_767;

/** As many places later the packet identifier of one comes again. */
export const AROUND = 32_768;

/**
 * The packet identifier that belongs to a place in a queue: a QoS 2 message that has waited goes out under it where it is free, and so again after a
 * restart, though it is not on record that it went out.
 */
export function identifierAt(sequence: number): number {
  return SHARED + 1 + (sequence % AROUND);
}

const NONE: readonly Delivery[] = [];

export class Inflight {
  /** None until there is a delivery: most sessions only listen at QoS 0, or only publish. */
  #deliveries: RollingMap<Delivery> | undefined;
  #lastId = 0;

  get size(): number {
    return this.#deliveries === undefined ? 0 : this.#deliveries.size;
  }

  /** A packet identifier not in use [MQTT-2.3.1-2] [MQTT-2.3.1-4]; who calls has seen that fewer than 65,535 are. */
  nextId(): number {
    // Beyond its own half only where that may be in use.
    const highest = this.size < SHARED ? SHARED : MAX_PACKET_ID;
    do this.#lastId = this.#lastId >= highest ? 1 : this.#lastId + 1;
    while (this.#deliveries?.has(this.#lastId) === true);
    return this.#lastId;
  }

  add(packetId: number, delivery: Delivery): void {
    (this.#deliveries ??= new RollingMap()).set(packetId, delivery);
  }

  get(packetId: number): Delivery | undefined {
    return this.#deliveries?.get(packetId);
  }

  delete(packetId: number): void {
    this.#deliveries?.delete(packetId);
  }

  clear(): void {
    this.#deliveries = undefined;
  }

  /** In the order they were sent, which is the order they are sent again in [MQTT-4.6.0-1]. */
  [Symbol.iterator](): Iterator<Delivery> {
    return this.#deliveries === undefined ? NONE.values() : this.#deliveries.values();
  }

  /** Goes on after this identifier, as after a restart. */
  continueAfter(packetId: number): void {
    this.#lastId = packetId;
  }
}
