/** The machine a run was on, and which of its cores are for whom. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { root } from '../prepare.mjs';

export function machine() {
  const home = join(root, '.cache', 'bench');
  mkdirSync(home, { recursive: true });
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${/^PRETTY_NAME="(.+)"$/m.exec(read('/etc/os-release'))?.[1] ?? type()}, ${type()} ${release()}`,
    fileSystem: printed('df', '--output=fstype', home).split('\n')[1] ?? 'unknown',
    openFiles: Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits'))?.[1] ?? 0) || 'unknown',
  };
}

/** @returns {{ server: number, load: number } | undefined} two cores that are not two threads of one, where a process can be bound to one. */
export function cores() {
  if (spawnSync('taskset', ['-p', String(process.pid)]).status !== 0) return undefined;
  const allowed = numbers(/^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status'))?.[1] ?? '');
  const [server] = allowed;
  const siblings = numbers(read(`/sys/devices/system/cpu/cpu${server}/topology/thread_siblings_list`).trim());
  const load = allowed.find((core) => core !== server && !siblings.includes(core)) ?? allowed[1];
  return load === undefined ? undefined : { server, load };
}

/** @returns the numbers in a list such as `0-2,5`. */
export function numbers(list) {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return part === '' ? [] : Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function printed(program, ...args) {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout?.trim() ?? '';
}
