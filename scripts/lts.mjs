/**
 * `npm run test:lts`: the tests again, under the newer Node.js with long-term support: 24, and 26, which has it since October 2026.
 *
 * Their binaries come from npm but are no development dependency: node_modules/.bin/node would take the place of the user's own Node.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fail, install, npm, root } from './prepare.mjs';

const VERSIONS = ['24.21.0', '26.10.0'];

install();
for (const version of VERSIONS) test(version, nodeOf(version));

function test(version, node) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  for (const half of ['unit', 'live']) {
    console.log(`posmq: ${half} tests on Node.js ${version} …`);
    const { status } = spawnSync(node, [join('scripts', 'test.mjs'), half, ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
}

/** The program of a version, installed where it is not there yet. */
function nodeOf(version) {
  const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const home = join(root, '.cache', `node-${version}`);
  const node = join(home, 'node_modules', platform, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(node)) return node;
  console.log(`posmq: installing Node.js ${version} …`);
  mkdirSync(home, { recursive: true });
  const { status, stderr } = npm(
    ['install', '--prefix', home, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${platform}@${version}`],
    { cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) fail(`Node.js ${version} could not be installed: ${stderr.trim().split('\n').at(-1)}`);
  return node;
}
