/** What is wrong with a record, as one sentence. */
import { RecordError } from '../../broker/records.js';
import { MqttError } from '../../packet/reason-code.js';

/** Is told of every record that is damaged. */
export type Damaged = (key: Buffer, sentence: string) => void;

/** @throws the error itself, where it is none that reading a record can have. */
export function sentenceOf(error: unknown): string {
  if (error instanceof RecordError || error instanceof MqttError) return error.message;
  // What Buffer says where a field reaches past the end.
  if (error instanceof RangeError) return 'it is shorter than its fields';
  throw error;
}
