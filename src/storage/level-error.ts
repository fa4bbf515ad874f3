/** What an error of LevelDB says: its codes and texts are all there is to tell one from another. */

/** The codes of an error and of what caused it. */
function codesOf(error: unknown): Set<string> {
  const codes = new Set<string>();
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    const { code } = link as NodeJS.ErrnoException;
    if (code !== undefined) codes.add(code);
  }
  return codes;
}

/** What the innermost cause says. */
export function messageOf(error: unknown): string {
  let link = error;
  while (link instanceof Error && link.cause instanceof Error) link = link.cause;
  return link instanceof Error ? link.message : String(link);
}

export function isLocked(error: unknown): boolean {
  return codesOf(error).has('LEVEL_LOCKED');
}

/** Something is not as it was written. */
export function isDamage(error: unknown): boolean {
  return codesOf(error).has('LEVEL_CORRUPTION');
}

/** LevelDB tells an error of the system by its text only. */
export function isOutOfSpace(error: unknown): boolean {
  return /no space left|not enough space|quota exceeded|file too large/i.test(messageOf(error));
}
