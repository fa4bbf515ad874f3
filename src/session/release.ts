/** Packet Identifiers of one session whose PUBRELs went on record together: one record, as long as one of them waits for its PUBCOMP. The journal's own notes. */

/** Packet Identifiers a release may have: all that are left are written again for each commit that brings some of their PUBCOMPs. */
export const MAX_PACKET_IDS = 32;

export class Release {
  /** Of the session. */
  readonly number: number;
  /** Where it stands in the order of the session's PUBRELs. */
  readonly place: number;
  /** Those that wait, in the order of their PUBRELs. */
  readonly packetIds: number[];
  /** Whether some do not any more since the last commit. */
  isTouched = false;

  constructor(number: number, place: number, packetIds: number[]) {
    this.number = number;
    this.place = place;
    this.packetIds = packetIds;
  }

  /** Its PUBCOMP has come. */
  complete(packetId: number): void {
    // Mostly they come in order.
    const at = this.packetIds.indexOf(packetId);
    if (at === 0) this.packetIds.shift();
    else if (at > 0) this.packetIds.splice(at, 1);
  }
}
