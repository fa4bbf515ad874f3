/** The compiler as a library. `import` would first read all of its nine megabytes for what they export, twice as long as they take to load. */
import { createRequire } from 'node:module';
import type typescript from 'typescript';

export const compiler = createRequire(import.meta.url)('typescript') as typeof typescript;
