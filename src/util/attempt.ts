/** Calls a listener of somebody else's: what it throws, at once or as a promise, is told and goes no further. */
export function attempt<A>(listener: (argument: A) => unknown, argument: A, failed: (error: unknown) => void): void {
  try {
    const result = listener(argument);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}

/** What is read, or undefined where reading it throws: of what is damaged there is nothing. */
export function attempted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
