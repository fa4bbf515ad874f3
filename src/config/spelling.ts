/** Names nobody knows, and the names that were probably meant. */

/** `unknown option prot; did you mean port?` */
export function unknown(kind: string, name: string, known: readonly string[]): string {
  // A name with spaces or control characters must not break the one line it is shown on.
  const shown = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
  const near = nearest(name, known);
  return near === undefined ? `unknown ${kind} ${shown}` : `unknown ${kind} ${shown}; did you mean ${near}?`;
}

/** No name that anyone means is longer; the distance of two words takes the product of their lengths. */
const LONGEST_NAME = 64;

function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  // A third of the letters wrong is still a typo; more is another word.
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** How many letters must be put in, left out, replaced or swapped with their neighbour to turn one word into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let edits = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
