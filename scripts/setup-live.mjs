/** The programs the live tests talk to: found, installed if we may, or asked for in one sentence. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail } from './prepare.mjs';

const NEEDED = [
  { what: 'mosquitto', package: 'mosquitto', present: () => onPath('mosquitto') },
  { what: 'mosquitto_pub', package: 'mosquitto-clients', present: () => onPath('mosquitto_pub') },
  { what: 'mosquitto_sub', package: 'mosquitto-clients', present: () => onPath('mosquitto_sub') },
  { what: 'cc', package: 'gcc', present: () => onPath('cc') },
  { what: 'the C library headers', package: 'libc6-dev', present: () => existsSync('/usr/include/stdio.h') },
  { what: 'strace', package: 'strace', present: () => process.platform !== 'linux' || onPath('strace') },
  { what: 'the Paho MQTT C library', package: 'libpaho-mqtt-dev', present: () => existsSync('/usr/include/MQTTClient.h') },
];

// Debian asks this script before it starts a service: a second broker on port 1883 is the last thing wanted here.
const POLICY = '/usr/sbin/policy-rc.d';

export function setUpLive() {
  const missing = NEEDED.filter((program) => !program.present());
  if (missing.length === 0) return;

  const packages = [...new Set(missing.map((program) => program.package))];
  const names = missing.map((program) => program.what).join(', ');
  if (!onDebianAsRoot()) {
    fail(`the live tests need ${names}; on Debian or Ubuntu: apt-get install --no-install-recommends ${packages.join(' ')}`);
  }

  console.log(`posmq: installing ${packages.join(', ')} …`);
  const problem = installPackages(packages);
  const still = NEEDED.filter((program) => !program.present()).map((program) => program.what);
  if (still.length > 0)
    fail(`the live tests need ${still.join(', ')}, which could not be installed: ${problem ?? 'not in these packages'}`);
}

/** Answers what went wrong, if something did. */
function installPackages(packages) {
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const problem = apt('update') ?? apt('install', '-y', '--no-install-recommends', ...packages);
    if (packages.includes('mosquitto') && existsSync('/run/systemd/system')) spawnSync('systemctl', ['disable', 'mosquitto']);
    return problem;
  } finally {
    if (ownPolicy) rmSync(POLICY);
  }
}

function apt(...args) {
  const { status, stderr } = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return status === 0 ? undefined : `apt-get ${args[0]}: ${stderr.trim().split('\n').at(-1)}`;
}

function onDebianAsRoot() {
  if (process.getuid?.() !== 0 || !onPath('apt-get') || !existsSync('/etc/os-release')) return false;
  return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
}

function onPath(program) {
  // Debian puts servers into /usr/sbin, which is not on everyone's path.
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
