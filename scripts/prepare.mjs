/** Brings the checkout up to date with itself: installs what is missing, compiles what is stale, and says so only when it does. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const at = (...parts) => join(root, ...parts);
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Ends the process with one sentence. */
export function fail(sentence) {
  console.error(`posmq: ${sentence}`);
  process.exit(1);
}

/** Runs npm, the one that started us if there is one. */
export function npm(args, options) {
  const own = process.env.npm_execpath;
  if (own?.endsWith('npm-cli.js')) return spawnSync(process.execPath, [own, ...args], { encoding: 'utf8', ...options });
  return spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32', ...options });
}

/** Files below a folder, as sorted paths. */
export function filesBelow(folder, wanted) {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Installs from the lock file unless node_modules already is what the lock file says. */
export function install() {
  const stamp = at('node_modules', '.posmq-stamp');
  if (existsSync(stamp) && read(stamp) === installFingerprint()) return;

  if (!installFits()) {
    console.log('posmq: installing dependencies …');
    // The compiler is a development dependency, so NODE_ENV=production must not leave those out.
    const { status, error, stderr } = npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0)
      fail(`the dependencies could not be installed: ${error?.message ?? reasonOf(stderr) ?? `npm ci ended with ${status}`}`);
  }
  writeFileSync(stamp, installFingerprint());
}

/** What npm says after its error code and before its advice. */
function reasonOf(stderr) {
  const lines = stderr.split('\n').flatMap((line) => /^npm (?:error|ERR!) (.+)/.exec(line)?.[1] ?? []);
  return lines.find((line) => !/^(code|errno|syscall|path|type) /.test(line));
}

// npm rewrites its own record in node_modules whenever it changes something there, so both files together name one state.
function installFingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const file of [at('package-lock.json'), at('node_modules', '.package-lock.json')]) hash.update(read(file));
  return hash.digest('hex');
}

function installFits() {
  const present = read(at('node_modules', '.package-lock.json'));
  if (present === '') return false;
  const installed = JSON.parse(present).packages;
  const { '': own, ...wanted } = JSON.parse(read(at('package-lock.json'))).packages;
  return (
    Object.keys(installed).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, { version, optional }]) => installed[path]?.version === version || (optional && !installed[path]))
  );
}

/** Compiles src/ to dist/ if a source, a compiler option or a dependency changed since the last time. */
export function buildLibrary() {
  const stamp = at('dist', '.stamp');
  const now = sourceFingerprint();
  if (read(stamp) === now) return;

  console.log('posmq: building …');
  rmSync(stamp, { force: true });
  pruneLibrary();
  if (!tsc('src')) fail('the sources do not compile, see above');
  writeFileSync(stamp, now);
}

function sourceFingerprint() {
  const hash = createHash('sha256');
  const sources = filesBelow(at('src'), (name) => name.endsWith('.ts') || name === 'tsconfig.json');
  for (const file of [at('tsconfig.base.json'), at('package-lock.json'), ...sources]) {
    hash.update(`${relative(root, file)}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

// The compiler leaves behind what came from a source that is gone; it must not be packed or imported.
function pruneLibrary() {
  for (const file of filesBelow(at('dist'), (name) => /\.(js|d\.ts)(\.map)?$/.test(name))) {
    const source = at('src', relative(at('dist'), file).replace(/\.(js|d\.ts)(\.map)?$/, '.ts'));
    if (!existsSync(source)) rmSync(file);
  }
}

/** Compiles library, tests and examples; true if there was no error. */
export function compileAll() {
  pruneLibrary();
  mkdirSync(at('dist'), { recursive: true });
  mkdirSync(at('build'), { recursive: true });
  linkLibrary();
  const before = sourceFingerprint();
  const clean = tsc('.');
  if (clean) writeFileSync(at('dist', '.stamp'), before);
  return clean;
}

// Compiled tests find '../../src/x.js' here and get the very modules 'posmq' resolves to.
function linkLibrary() {
  const link = at('build', 'src');
  if (existsSync(link) && realpathSync(link) === realpathSync(at('dist'))) return;
  rmSync(link, { recursive: true, force: true });
  symlinkSync(process.platform === 'win32' ? at('dist') : '../dist', link, 'junction');
}

function tsc(project) {
  const compiler = at('node_modules', 'typescript', 'bin', 'tsc');
  return spawnSync(process.execPath, [compiler, '-b', project], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
