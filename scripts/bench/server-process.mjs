/** A broker that was started for one run, in a folder of its own, and is gone after it. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root } from '../prepare.mjs';

/** How long a broker may take until it serves, in milliseconds. */
const START = 60_000;
/** MQTT 3.1.1, clean session, client id `bench`. */
const CONNECT = Buffer.from('101100044d5154540402003c000562656e6368', 'hex');
const DISCONNECT = Buffer.from('e000', 'hex');

const running = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of running) killGroup(child);
  for (const folder of folders) remove(folder);
});

/** A program in a group of its own, so that nothing it starts outlives it. */
export function launch(program, args, { core, env, stdio = ['ignore', 'ignore', 'pipe'] } = {}) {
  const [name, ...rest] = core === undefined ? [program, ...args] : ['taskset', '-c', String(core), program, ...args];
  const child = spawn(name, rest, { stdio, env: { ...cleanEnvironment(), ...env }, detached: true });
  running.add(child);
  const over = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  const state = { child, pid: child.pid, errors: '', ended: false, over };
  child.stderr?.setEncoding('utf8').on('data', (text) => (state.errors = (state.errors + text).slice(-2_000)));
  void over.then(() => {
    state.ended = true;
    running.delete(child);
  });
  return state;
}

/** Ends it and all it has started. */
export async function end(state) {
  killGroup(state.child);
  await state.over;
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function remove(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(folder);
}

function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSMQ_')));
}

/**
 * Starts a server and waits until it has served a first client.
 *
 * @returns {Promise<{ host: string, port: number, pid: number, stop: () => Promise<void> }>}
 * @throws Error with one sentence where it does not start.
 */
export async function startServer(server, core) {
  if (server.running !== undefined) return { ...server.running, stop: async () => {} };
  const home = join(root, '.cache', 'bench');
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, `${server.kind}-`));
  folders.add(folder);
  const launched = [];
  const stop = async () => {
    await Promise.all(launched.map(end));
    remove(folder);
  };
  try {
    const [port, port2, port3] = await freePorts(3);
    const { args, files = {}, env, helper, process: worker } = server.start({ port, folder, port2, port3 });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    if (helper !== undefined) launched.push(launch(helper[0], helper.slice(1), { env }));
    const main = launch(server.program, args, { core, env });
    launched.unshift(main);
    await served(main, port);
    return { host: '127.0.0.1', port, pid: worker === undefined ? main.pid : descendant(main.pid, worker), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Ports nobody listens on, all different. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function served(state, port) {
  for (const until = performance.now() + START; performance.now() < until; await pause(50)) {
    if (state.ended) throw new Error(`it ended at its start: ${lastLine(state.errors) ?? (await state.over)}`);
    if (await accepts(port)) return;
  }
  throw new Error(`it did not serve within ${START / 1_000} s`);
}

/** Whether a client is let in. */
async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise((resolve) => {
      socket.setTimeout(2_000, () => resolve(false));
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(false));
      socket.on('connect', () => socket.write(CONNECT));
      socket.on('data', (bytes) => {
        socket.end(DISCONNECT);
        resolve(bytes[0] === 0x20 && bytes[3] === 0);
      });
    });
  } finally {
    socket.destroySoon();
  }
}

/** The process below another that has this name. */
function descendant(ancestor, name) {
  const parents = new Map();
  const names = new Map();
  for (const entry of readdirSync('/proc').filter((file) => /^\d+$/.test(file))) {
    const [, comm, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(readProcess(entry)) ?? [];
    parents.set(Number(entry), Number(parent));
    names.set(Number(entry), comm);
  }
  const isBelow = (pid) => pid > 1 && (pid === ancestor || isBelow(parents.get(pid) ?? 0));
  const found = [...names].find(([pid, comm]) => comm === name && isBelow(pid));
  if (found === undefined) throw new Error(`it has no process called ${name}`);
  return found[0];
}

function readProcess(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}

export function lastLine(text) {
  return text.trimEnd().split('\n').at(-1) || undefined;
}
