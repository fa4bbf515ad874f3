/** What the heap holds once the garbage is gone. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes in use after a full collection. */
export function heapUsed(): number {
  collect();
  // The first may only end one that was under way, which spares what died meanwhile.
  collect();
  return process.memoryUsage().heapUsed;
}
