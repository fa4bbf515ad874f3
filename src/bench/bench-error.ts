/** A run that cannot go on: the broker refused, hung up or lost something. The message is one sentence for whoever started it. */
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
