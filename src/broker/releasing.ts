/** Releases of a commit: which PUBRELs go on record with it, and which PUBCOMPs have come. Hot. */
import type { Delivery } from '../session/inflight.js';
import { MAX_PACKET_IDS, Release } from '../session/release.js';
import type { Storage } from './contracts.js';
import { Filed } from './filed.js';
import * as keys from './record-keys.js';
import { Kind } from './record-keys.js';
import * as record from './records.js';

export class Releasing {
  readonly #storage: Storage;
  readonly #next: () => number;
  /** Whose PUBRECs have come since the last commit, in that order, by number of the session. */
  #added = new Map<number, Delivery[]>();
  /** Of which PUBCOMPs have come since. */
  readonly #completed: Release[] = [];

  /** @param next gives a number that has not been given. */
  constructor(storage: Storage, next: () => number) {
    this.#storage = storage;
    this.#next = next;
  }

  /** A PUBREL goes on record with the others of its session. */
  add(delivery: Delivery): void {
    const added = this.#added.get(delivery.number);
    if (added === undefined) this.#added.set(delivery.number, [delivery]);
    else added.push(delivery);
  }

  /** A PUBREL that is on record is over. */
  complete({ release, packetId }: Delivery): void {
    if (release === undefined) return;
    release.complete(packetId);
    if (release.isTouched) return;
    release.isTouched = true;
    this.#completed.push(release);
  }

  write(): void {
    for (const release of this.#completed) {
      release.isTouched = false;
      const key = keys.noteKey(Kind.Released, release.number, release.place);
      if (release.packetIds.length === 0) this.#storage.delete(key);
      else this.#storage.put(key, record.writePacketIds(release.packetIds));
    }
    this.#completed.length = 0;
    for (const [number, all] of this.#added) {
      const added = all.filter(({ done }) => !done);
      for (let i = 0; i < added.length; i += MAX_PACKET_IDS) this.#file(number, added.slice(i, i + MAX_PACKET_IDS));
    }
    this.#added = new Map();
  }

  #file(number: number, deliveries: readonly Delivery[]): void {
    const release = new Release(
      number,
      this.#next(),
      deliveries.map(({ packetId }) => packetId),
    );
    for (const delivery of deliveries) {
      delivery.release = release;
      delivery.filed |= Filed.Released;
    }
    this.#storage.put(keys.noteKey(Kind.Released, number, release.place), record.writePacketIds(release.packetIds));
  }
}
