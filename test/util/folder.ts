/** Folders of a test's own, gone when its process is done. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const made: string[] = [];
// What was killed a moment ago may still write.
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** An empty folder nobody else knows. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'posmq-test-'));
  made.push(folder);
  return folder;
}
