/** What is on record of one delivery: the journal's notes on it. Hot. */
import { type Delivery, identifierAt, SHARED } from '../session/inflight.js';

/** What of a delivery is on record, or will be with this commit: bits of {@link Delivery.filed}. */
export const Filed = {
  Touched: 1,
  Record: 2,
  Apart: 4,
  Addressed: 8,
  Sent: 16,
  Released: 32,
  Expiry: 64,
  Read: 128,
  Shelved: 256,
} as const;

/** Bits that tell whether it is on record, and under which packet identifier it was sent. */
const IS_SENT = Filed.Record | Filed.Addressed | Filed.Sent;

/** Whether it is on record, but not under which packet identifier it was sent. */
export function isSentUnrecorded({ filed }: Delivery): boolean {
  return (filed & IS_SENT) === Filed.Record;
}

/** Whether it waits on record and nowhere else: nothing in memory will ask for it but by reading. */
export function isShelved({ filed }: Delivery): boolean {
  return (filed & Filed.Shelved) !== 0;
}

/**
 * Whether a delivery that waited may go out before it is on record that it did. At QoS 2 if a restart would send it under the same packet identifier:
 * what was read from its record is sure to be there. But what may be given to another member, or expire, unless it was sent, must be on record as sent.
 */
export function mayGoUnrecorded({ packetId, sequence, qos, filed, extras }: Delivery): boolean {
  // At QoS 1 another identifier does as well, and takes none from a place of others.
  if (qos === 1) return packetId <= SHARED;
  return packetId === identifierAt(sequence) && (filed & (Filed.Read | Filed.Expiry)) === Filed.Read && extras.share === undefined;
}
