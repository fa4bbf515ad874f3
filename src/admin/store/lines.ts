/** Bytes, as the lines of text they are. */
import { isUtf8 } from '../../packet/bytes.js';
import { ImportError } from './import.js';

const NEWLINE = 0x0a;

/**
 * The lines of a stream, as many at a time as a piece of it completes. The end of the last one may be missing.
 * @throws ImportError where they are no UTF-8.
 */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<readonly string[], void, undefined> {
  /** Pieces of a line whose end has not come. */
  let pieces: Buffer[] = [];
  let count = 0;
  const text = (bytes: Buffer): string => {
    count++;
    if (!isUtf8(bytes)) throw new ImportError(`line ${count}: it is no UTF-8`);
    return bytes.toString();
  };
  for await (const piece of stream) {
    const lines: string[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; start = end + 1, end = piece.indexOf(NEWLINE, start)) {
      pieces.push(piece.subarray(start, end));
      lines.push(text(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)));
      pieces = [];
    }
    if (start < piece.length) pieces.push(piece.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (pieces.length > 0) yield [text(Buffer.concat(pieces))];
}
