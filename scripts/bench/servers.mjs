/** The brokers that are measured: where each is found, and how it is started with limits that are alike. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, join } from 'node:path';
import { root } from '../prepare.mjs';

/**
 * A kind of server. `find` answers where its program is and which version it has, or what is missing. `start` answers how it is run on a port,
 * with its state in a folder: `args`, `files` to be written to the folder first, `env`, a `helper` to be run beside it, and `process`, the
 * name of the one that works where the one that is started does not do so itself.
 */
const KINDS = {
  posmq: posmq(),
  'posmq-os': posmq('--durability', 'os'),
  'posmq-memory': posmq('--memory'),
  mosquitto: {
    find: () => onPath('mosquitto', (program) => /version (\S+)/.exec(printed(program, '-h'))?.[1]),
    start: ({ port, folder }) => ({
      args: ['-c', join(folder, 'mosquitto.conf')],
      files: {
        'mosquitto.conf': lines(
          `listener ${port} 127.0.0.1`,
          'allow_anonymous true',
          'persistence false',
          'max_queued_messages 0',
          'max_inflight_messages 0',
        ),
      },
    }),
  },
  nats: {
    find: () => onPath('nats-server', (program) => /\d+(?:\.\d+)+/.exec(printed(program, '--version'))?.[0]),
    start: ({ port, folder }) => ({
      args: ['-c', join(folder, 'nats.conf')],
      files: {
        'nats.conf': lines(
          'listen: "127.0.0.1:-1"',
          'server_name: bench',
          `jetstream { store_dir: "${folder}" }`,
          `mqtt { host: "127.0.0.1", port: ${port}, max_ack_pending: 65535 }`,
        ),
      },
    }),
  },
  rabbitmq: {
    find: () => (existsSync(RABBITMQ) ? { program: RABBITMQ, version: rabbitmqVersion() } : { absent: 'rabbitmq-server is not installed' }),
    start: ({ port, folder, port2, port3 }) => ({
      args: [],
      files: {
        'rabbitmq.conf': lines(
          'listeners.tcp = none',
          `mqtt.listeners.tcp.1 = 127.0.0.1:${port}`,
          'mqtt.allow_anonymous = true',
          'mqtt.prefetch = 65535',
          'log.console = false',
        ),
        enabled_plugins: '[rabbitmq_mqtt].\n',
      },
      // Every node announces itself to a daemon that outlives it, unless there is one that does not.
      helper: ['epmd', '-port', String(port2)],
      env: {
        ERL_EPMD_PORT: port2,
        HOME: folder,
        RABBITMQ_NODENAME: 'bench@localhost',
        RABBITMQ_DIST_PORT: port3,
        RABBITMQ_MNESIA_BASE: folder,
        RABBITMQ_LOG_BASE: folder,
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
        RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      },
      process: 'beam.smp',
    }),
  },
  aedes: {
    find: () => {
      try {
        const entry = createRequire(import.meta.url).resolve('aedes');
        return { program: process.execPath, version: `${packageVersion(entry)} on Node.js ${process.versions.node}` };
      } catch {
        return { absent: 'aedes is not installed' };
      }
    },
    start: ({ port }) => ({ args: [join(root, 'scripts', 'bench', 'aedes.mjs'), String(port)] }),
  },
};

export const KIND_NAMES = Object.keys(KINDS);

const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const COMMAND = join(root, 'dist', 'cli', 'posmq.js');

function posmq(...flags) {
  return {
    find: (node = process.execPath) => {
      const version = printed(node, '-p', 'process.versions.node').trim();
      return version === ''
        ? { absent: `${node} does not run` }
        : { program: node, version: `${ownVersion()} on Node.js ${version}`, node: version };
    },
    start: ({ port, folder }) => {
      const storage = flags.includes('--memory') ? [] : ['--data', join(folder, 'data')];
      return { args: [COMMAND, '--host', '127.0.0.1', '--port', String(port), ...storage, ...flags] };
    },
  };
}

/**
 * The servers to measure, by the names of their kinds; PosMQ once more for each other Node.js.
 *
 * @param peers `name=host:port,pid`: brokers that run already. Those are neither started anew nor bound to a core.
 */
export function serversOf(kinds, nodes, peers) {
  const own = kinds.flatMap((kind) => [
    server(kind, kind),
    ...(kind.startsWith('posmq') ? nodes.map((node) => server(kind, undefined, node)) : []),
  ]);
  return [...own, ...peers.map(peer)];
}

function server(kind, name, node) {
  const { find, start } = KINDS[kind];
  const found = find(node);
  const shown = start({ port: 'PORT', folder: 'DIR', port2: 'PORT', port3: 'PORT' });
  return {
    name: name ?? `${kind} (Node ${found.node?.split('.')[0] ?? node})`,
    kind,
    ...found,
    command: [basename(found.program ?? kind), ...shown.args].join(' ').replace(`node ${COMMAND}`, 'posmq').replace(`${root}/`, ''),
    files: shown.files ?? {},
    start: (place) => start(place),
  };
}

/** @returns undefined where it is not written as it should be. */
export function peerOf(text) {
  const [, name, host, port, pid] = /^([^=,]+)=([^,]+):(\d+)(?:,(\d+))?$/.exec(text) ?? [];
  return name === undefined ? undefined : { name, host, port: Number(port), pid: Number(pid ?? 0) };
}

function peer({ name, host, port, pid }) {
  return { name, kind: 'peer', version: 'unknown', command: `runs already at ${host}:${port}`, files: {}, running: { host, port, pid } };
}

function onPath(name, versionOf) {
  // Debian puts servers into /usr/sbin, which is not on everyone's path.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const program = folders.map((folder) => join(folder, name)).find(executable);
  return program === undefined ? { absent: `${name} is not installed` } : { program, version: versionOf(program) ?? 'unknown' };
}

function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function printed(program, ...args) {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

function rabbitmqVersion() {
  const [folder] = readdirSync('/usr/lib/rabbitmq/lib').filter((name) => name.startsWith('rabbitmq_server-'));
  return folder?.replace('rabbitmq_server-', '') ?? 'unknown';
}

function packageVersion(entry) {
  const folder = entry.slice(0, entry.lastIndexOf(join('node_modules', 'aedes')));
  return JSON.parse(readFileSync(join(folder, 'node_modules', 'aedes', 'package.json'), 'utf8')).version;
}

/** The version in the manifest, and the commit if there is one to name. */
export function ownVersion() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const commit = git('rev-parse', '--short', 'HEAD');
  if (commit.status !== 0) return version;
  const changed = git('status', '--porcelain', '--', 'src').stdout.trim() !== '';
  return `${version} (${commit.stdout.trim()}${changed ? ' and changes' : ''})`;
}

function lines(...all) {
  return `${all.join('\n')}\n`;
}
