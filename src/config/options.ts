/** Everything a broker can be told before it starts: one table, from which types, defaults, checks, `--help` and docs follow. */

import { STRATEGIES } from '../broker/share-group.js';
import { WHEN_QUEUE_FULL } from '../session/contracts.js';

interface OptionBase {
  /** The heading under which `--help` and the docs list it. */
  readonly group: 'Listening' | 'Storage' | 'Connections' | 'Sessions' | 'Retained messages' | 'MQTT 5.0' | 'Logging';
  /** The one-letter flag, without its dash. */
  readonly short?: string;
  /** What stands for the value in `--help`; a flag has none. */
  readonly placeholder?: string;
  /** One sentence: what it does, and what a special value means. */
  readonly sentence: string;
}

export interface IntegerOption extends OptionBase {
  readonly type: 'integer';
  readonly min: number;
  readonly max: number;
  readonly unit?: 'bytes' | 'seconds' | 'microseconds';
  readonly default: number;
}

export interface StringOption extends OptionBase {
  readonly type: 'string';
  readonly default: string;
}

export interface ChoiceOption extends OptionBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}

/** A flag on the command line, `true` or `false` elsewhere. */
export interface FlagOption extends OptionBase {
  readonly type: 'flag';
  readonly default: boolean;
}

export type Option = IntegerOption | StringOption | ChoiceOption | FlagOption;

/** Far above any machine, low enough that sums and products stay exact. */
const MANY = 1_000_000_000;
const TEBIBYTE = 1_099_511_627_776;

/** The table. The order is the order of `--help` and of the docs. */
export const OPTIONS = {
  port: {
    group: 'Listening',
    short: 'p',
    placeholder: 'PORT',
    type: 'integer',
    min: 0,
    max: 65_535,
    default: 1_883,
    sentence: 'The TCP port to listen on; 0 takes any free one.',
  },
  host: {
    group: 'Listening',
    short: 'h',
    placeholder: 'HOST',
    type: 'string',
    default: '0.0.0.0',
    sentence: 'The address or name of the interface to listen on.',
  },
  data: {
    group: 'Storage',
    placeholder: 'DIR',
    type: 'string',
    default: './posmq-data',
    sentence: 'The folder of the store: sessions, queues and retained messages; made if it is not there.',
  },
  memory: {
    group: 'Storage',
    type: 'flag',
    default: false,
    sentence: 'Keep no store: everything ends with the process.',
  },
  durability: {
    group: 'Storage',
    placeholder: 'LEVEL',
    type: 'choice',
    choices: ['sync', 'os', 'memory'],
    default: 'sync',
    sentence: 'What an acknowledgement waits for: the disk, the operating system, or nothing.',
  },
  minFreeDisk: {
    group: 'Storage',
    placeholder: 'BYTES',
    type: 'integer',
    min: 0,
    max: TEBIBYTE,
    unit: 'bytes',
    default: 134_217_728,
    sentence: 'How much space the disk of the store must have left: with less, what would need more is refused.',
  },
  maxPacketSize: {
    group: 'Connections',
    placeholder: 'BYTES',
    type: 'integer',
    // Room for a CONNECT with a client id of 23 bytes, the shortest every server must take [MQTT-3.1.3-5].
    min: 64,
    max: 268_435_455,
    unit: 'bytes',
    default: 268_435_455,
    sentence: 'The largest remaining length a packet may have; a larger packet closes its connection.',
  },
  connectTimeout: {
    group: 'Connections',
    placeholder: 'SECONDS',
    type: 'integer',
    min: 1,
    max: 3_600,
    unit: 'seconds',
    default: 30,
    sentence: 'How long a new connection may take to send a complete CONNECT.',
  },
  coalesce: {
    group: 'Connections',
    placeholder: 'MICROSECONDS',
    type: 'integer',
    min: 0,
    max: 10_000,
    unit: 'microseconds',
    default: 400,
    sentence:
      'How long packets may wait for each other, at most, where many come one by one, so that fewer wake-ups handle them all; 0: not at all.',
  },
  maxConnections: {
    group: 'Connections',
    placeholder: 'N',
    type: 'integer',
    min: 1,
    max: MANY,
    default: 100_000,
    sentence: 'How many connections may be open at once.',
  },
  maxBufferedBytes: {
    group: 'Connections',
    placeholder: 'BYTES',
    type: 'integer',
    min: 65_536,
    max: TEBIBYTE,
    unit: 'bytes',
    default: 8_388_608,
    sentence: 'How many bytes may wait for one connection before QoS 0 messages to it are dropped.',
  },
  maxInflight: {
    group: 'Sessions',
    placeholder: 'N',
    type: 'integer',
    min: 1,
    max: 65_535,
    default: 1_000,
    sentence: 'How many QoS 1 and 2 messages may be on their way to one session at once.',
  },
  maxQueuedMessages: {
    group: 'Sessions',
    placeholder: 'N',
    type: 'integer',
    min: 0,
    max: MANY,
    default: 100_000,
    sentence: 'How many messages may wait in the queue of one session; 0 queues none.',
  },
  maxQueuedBytes: {
    group: 'Sessions',
    placeholder: 'BYTES',
    type: 'integer',
    min: 0,
    max: TEBIBYTE,
    unit: 'bytes',
    default: 67_108_864,
    sentence: 'How many bytes may wait in the queue of one session; 0 queues none.',
  },
  maxTotalQueuedMessages: {
    group: 'Sessions',
    placeholder: 'N',
    type: 'integer',
    min: 0,
    max: MANY,
    default: 100_000_000,
    sentence: 'How many messages may wait in the queues of all sessions together.',
  },
  maxTotalQueuedBytes: {
    group: 'Sessions',
    placeholder: 'BYTES',
    type: 'integer',
    min: 0,
    max: TEBIBYTE,
    unit: 'bytes',
    default: 17_179_869_184,
    sentence: 'How many bytes may wait in the queues of all sessions together.',
  },
  whenQueueFull: {
    group: 'Sessions',
    placeholder: 'POLICY',
    type: 'choice',
    choices: WHEN_QUEUE_FULL,
    default: 'drop-newest',
    sentence: 'What becomes of a message for a queue that is full: it, or the oldest there, is dropped, or its publisher is refused.',
  },
  sessionExpiry: {
    group: 'Sessions',
    placeholder: 'SECONDS',
    type: 'integer',
    min: 0,
    max: 4_294_967_295,
    unit: 'seconds',
    default: 2_592_000,
    sentence: 'How long a persistent session is kept, at most, after its connection ended; 4294967295 keeps it for ever.',
  },
  maxSessions: {
    group: 'Sessions',
    placeholder: 'N',
    type: 'integer',
    min: 1,
    max: MANY,
    default: 1_000_000,
    sentence: 'How many sessions, connected or not, may exist at once.',
  },
  maxSubscriptions: {
    group: 'Sessions',
    placeholder: 'N',
    type: 'integer',
    min: 1,
    max: MANY,
    default: 10_000,
    sentence: 'How many subscriptions one session may hold.',
  },
  maxRetainedMessages: {
    group: 'Retained messages',
    placeholder: 'N',
    type: 'integer',
    min: 0,
    max: MANY,
    default: 1_000_000,
    sentence: 'How many messages may be retained; 0 retains none.',
  },
  maxRetainedBytes: {
    group: 'Retained messages',
    placeholder: 'BYTES',
    type: 'integer',
    min: 0,
    max: TEBIBYTE,
    unit: 'bytes',
    default: 1_073_741_824,
    sentence: 'How many bytes of messages may be retained; 0 retains none.',
  },
  receiveMaximum: {
    group: 'MQTT 5.0',
    placeholder: 'N',
    type: 'integer',
    min: 1,
    max: 65_535,
    default: 1_000,
    sentence: 'How many QoS 2 messages of one 5.0 client may be unfinished at once; one QoS 1 or 2 message more closes its connection.',
  },
  topicAliasMaximum: {
    group: 'MQTT 5.0',
    placeholder: 'N',
    type: 'integer',
    min: 0,
    max: 65_535,
    default: 32,
    sentence: 'The highest topic alias a client may use; 0 allows none.',
  },
  maxQos: {
    group: 'MQTT 5.0',
    placeholder: 'QOS',
    type: 'integer',
    min: 0,
    max: 2,
    default: 2,
    sentence: 'The highest QoS served; a message published above it closes its connection, of any protocol version.',
  },
  maxKeepAlive: {
    group: 'MQTT 5.0',
    placeholder: 'SECONDS',
    type: 'integer',
    min: 0,
    max: 65_535,
    unit: 'seconds',
    default: 0,
    sentence: 'The longest keep-alive of a 5.0 client, which is told it in place of a longer one or none; 0 lets clients choose.',
  },
  sharedSubscriptionStrategy: {
    group: 'MQTT 5.0',
    placeholder: 'STRATEGY',
    type: 'choice',
    choices: STRATEGIES,
    default: 'round-robin',
    sentence: 'Which member of a shared subscription is asked first to take a message; sticky goes by publisher.',
  },
  payloadFormat: {
    group: 'MQTT 5.0',
    placeholder: 'MODE',
    type: 'choice',
    choices: ['trust', 'check'],
    default: 'trust',
    sentence: 'Whether payloads that are said to be UTF-8 are checked; one that is not closes its connection.',
  },
  responseInformation: {
    group: 'MQTT 5.0',
    placeholder: 'TEXT',
    type: 'string',
    default: '',
    sentence: 'What 5.0 clients that ask for response information are told, such as the start of a topic; none by default.',
  },
  statusInterval: {
    group: 'Logging',
    placeholder: 'SECONDS',
    type: 'integer',
    min: 0,
    max: 86_400,
    unit: 'seconds',
    default: 30,
    sentence: 'How often a status line is logged; 0 turns it off.',
  },
  logLevel: {
    group: 'Logging',
    placeholder: 'LEVEL',
    type: 'choice',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: 'info',
    sentence: 'The least serious line that is logged.',
  },
  logFormat: {
    group: 'Logging',
    placeholder: 'FORMAT',
    type: 'choice',
    choices: ['pretty', 'json', 'auto'],
    default: 'auto',
    sentence: 'How a line is logged; auto is pretty on a terminal and json elsewhere.',
  },
} as const satisfies Readonly<Record<string, Option>>;

type Table = typeof OPTIONS;

/** The name of an option, as the library spells it. */
export type OptionKey = keyof Table;

type ValueOf<O extends Option> = O extends IntegerOption
  ? number
  : O extends FlagOption
    ? boolean
    : O extends ChoiceOption
      ? O['choices'][number]
      : string;

/** Every option with a value that has been checked. Sizes are bytes, times are whole seconds. */
export type Options = { readonly [K in OptionKey]: ValueOf<Table[K]> };

/** Options as one gives them: what is absent or `undefined` takes its default. */
export type PartialOptions = { readonly [K in OptionKey]?: Options[K] | undefined };

/** A value, name or combination of options the broker refuses to start with; the message is one sentence for its operator. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** The options in the order of the table. */
export const OPTION_KEYS: readonly OptionKey[] = Object.keys(OPTIONS) as OptionKey[];

/** One row of the table, with the precise type of a row forgotten. */
export function optionOf(key: OptionKey): Option {
  return OPTIONS[key];
}

/** Whether a name is the name of an option. */
export function isOptionKey(name: string): name is OptionKey {
  return Object.hasOwn(OPTIONS, name);
}

/** `maxPacketSize` → `--max-packet-size`. */
export function flagOf(key: OptionKey): string {
  return `--${key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}

/** `maxPacketSize` → `POSMQ_MAX_PACKET_SIZE`. */
export function variableOf(key: OptionKey): string {
  return `POSMQ_${key.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

/** `pretty, json or auto` */
export function alternatives(choices: readonly string[]): string {
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
