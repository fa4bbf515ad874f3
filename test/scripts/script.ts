/** Scripts are not compiled; tests run in the root of the repository and import them from there. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A module in scripts/bench, as the test that uses it describes it. */
export async function benchScript<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(process.cwd(), 'scripts', 'bench', `${name}.mjs`)).href)) as Module;
}
