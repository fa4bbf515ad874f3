/**
 * `npm run test:lts`: the tests again, under the newest Node.js with long-term support.
 *
 * Its binary comes from npm but is no development dependency: node_modules/.bin/node would take the place of the user's own Node.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail, install, npm, root } from './prepare.mjs';

const VERSION = '24.21.0';

install();
const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const home = join(root, '.cache', `node-${VERSION}`);
const bin = join(home, 'node_modules', platform, 'bin');
const node = join(bin, process.platform === 'win32' ? 'node.exe' : 'node');

if (!existsSync(node)) {
  console.log(`posmq: installing Node.js ${VERSION} …`);
  mkdirSync(home, { recursive: true });
  const { status, stderr } = npm(
    ['install', '--prefix', home, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${platform}@${VERSION}`],
    {
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  if (status !== 0) fail(`Node.js ${VERSION} could not be installed: ${stderr.trim().split('\n').at(-1)}`);
}

const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
for (const half of ['unit', 'live']) {
  const { status } = spawnSync(node, [join('scripts', 'test.mjs'), half, ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
