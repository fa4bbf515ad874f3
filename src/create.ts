/** Puts a broker together: the only file that knows all its edges. Starts bottom-up, stops top-down. */
import { reportStatus } from './admin/status-report.js';
import { Broker } from './broker/broker.js';
import { Coalescing } from './broker/coalescing.js';
import type { AuthenticationMethod, Log, Storage } from './broker/contracts.js';
import type { EventListener, EventName, Gates } from './broker/hooks.js';
import { forgetful } from './broker/journal.js';
import { Keeping } from './broker/keeping.js';
import type { MessageListener } from './broker/listener.js';
import type { Stats } from './broker/stats.js';
import { Turn } from './broker/turn.js';
import { sessionView, type SessionView } from './broker/session-view.js';
import { checkOptions } from './config/check.js';
import type { Options } from './config/options.js';
import { Arena } from './net/arena.js';
import { Connection, type ConnectionSurroundings } from './net/connection.js';
import { TcpListener } from './net/tcp.js';
import type { Transport } from './net/transport.js';
import { Publish } from './packet/publish.js';
import { MqttError, ReasonCode } from './packet/reason-code.js';
import type { QoS } from './packet/packet.js';
import type { Properties } from './packet/properties.js';
import { Message } from './session/message.js';
import { Tally } from './session/tally.js';
import { LevelStorage } from './storage/level.js';
import { isTopicFilter, isTopicName } from './topic/name.js';
import { Wheel } from './util/wheel.js';
import { realWorld, type World } from './world.js';

/** How exactly deadlines are kept, in ms, and how exactly where nothing goes on: waking up is most of what an idle broker does. */
const TICK = 100;
const SILENT_TICK = 300;
/** Ticks of one rotation of the wheel: deadlines within seven minutes are looked at once. */
const SLOTS = 4_096;
/** Sockets beyond `maxConnections` that are kept long enough to be told that there are too many. */
const TURNED_AWAY = 64;

/** A function that extends a broker: it calls {@link RunningBroker.gate}, {@link RunningBroker.on} and their like. */
export type Plugin = (broker: RunningBroker) => void | Promise<void>;

/** What `createBroker` takes: every option of the command line by its name there, and what only a program can give. */
export interface CreateOptions extends Partial<Options> {
  /** Where lines of log go; none by default. A `pino` logger fits. */
  readonly log?: Log;
  /** The folder of the store; in a program there is none by default, and everything is kept in memory. */
  readonly data?: string;
  /** Rests block whoever shares this thread, for that long each; in a program there are none by default. */
  readonly coalesce?: number;
  /** Where sessions, queues and retained messages are kept, in place of `data`. Whoever opened it closes it. */
  readonly storage?: Storage;
  readonly gates?: Partial<Gates>;
  readonly plugins?: readonly Plugin[];
  /** Methods of enhanced authentication (MQTT 5.0 section 4.12), such as `scramSha256`; none by default. */
  readonly authenticationMethods?: readonly AuthenticationMethod[];
}

export interface PublishOptions {
  /** 0 by default. */
  readonly qos?: QoS;
  /** False by default. */
  readonly retain?: boolean;
  /** Properties for 5.0 subscribers (MQTT 5.0 section 3.3.2.3); those of 3.1.1 hear the message without. */
  readonly properties?: MessageProperties;
}

/** The properties an Application Message may have. */
export type MessageProperties = Pick<
  Properties,
  'payloadFormatIndicator' | 'messageExpiryInterval' | 'contentType' | 'responseTopic' | 'correlationData' | 'userProperties'
>;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Starts a broker.
 * @throws ConfigurationError where an option is unknown or out of bounds.
 * @throws Error of the operating system where it cannot listen: its `code` is EADDRINUSE, EACCES, ENOTFOUND …
 */
export async function createBroker(options: CreateOptions = {}): Promise<RunningBroker> {
  const broker = await RunningBroker.assemble(options, realWorld);
  try {
    await broker.listen();
  } catch (error) {
    await broker.close();
    throw error;
  }
  return broker;
}

/** A broker that runs, in this process. */
export class RunningBroker {
  readonly #options: Options;
  readonly #core: Broker;
  readonly #keeping: Keeping | undefined;
  /** The store this broker has opened, and closes. */
  readonly #store: LevelStorage | undefined;
  readonly #turn: Turn;
  readonly #wheel: Wheel;
  readonly #log: Log;
  readonly #world: World;
  readonly #connections: ConnectionSurroundings;
  #listener: TcpListener | undefined;
  #beat: NodeJS.Timeout | undefined;
  /** Packets that had come at the last tick. */
  #heard = 0;
  #closing: Promise<void> | undefined;

  private constructor(
    options: Options,
    { log = silent, storage, coalesce = 0, authenticationMethods = [] }: CreateOptions,
    world: World,
    store: LevelStorage | undefined,
  ) {
    this.#store = store;
    this.#options = options;
    this.#log = log;
    this.#world = world;
    const tally = new Tally();
    const { now, rest } = world;
    const pause = coalesce / 1_000;
    const coalescing = pause === 0 ? undefined : new Coalescing({ pause, now, received: () => tally.packetsReceived, rest });
    this.#turn = new Turn({
      schedule: world.schedule,
      commit: async () => this.#keeping?.journal.commit(),
      failed: (error) => this.#storageFailed(error),
      bug: (where, error) => this.#core.bug(where, error),
      ended: coalescing === undefined ? undefined : () => coalescing.ended(),
    });
    this.#wheel = new Wheel({ tick: TICK, slots: SLOTS, now: world.now(), onError: (error) => this.#core.bug('a deadline', error) });
    this.#keeping =
      storage === undefined
        ? undefined
        : new Keeping({
            storage,
            turn: this.#turn,
            wheel: this.#wheel,
            log,
            now: world.now,
            waits: options.durability !== 'memory',
            outOfSpace: () => this.#refuseWaiting(),
          });
    this.#core = new Broker({
      limits: options,
      tally,
      journal: this.#keeping?.journal ?? forgetful,
      shelf: this.#keeping?.shelf,
      warm: async (session) => this.#keeping?.warm(session),
      turn: this.#turn,
      wheel: this.#wheel,
      log,
      now: world.now,
      authenticationMethods,
      identify: () => `posmq-${crypto.randomUUID()}`,
    });
    this.#connections = {
      broker: this.#core,
      turn: this.#turn,
      wheel: this.#wheel,
      now: world.now,
      arena: new Arena(world.slabs),
      limits: options,
      log,
      register: new Set(),
    };
  }

  /** A broker with its state restored and its plugins in place that does not listen yet. */
  static async assemble(given: CreateOptions, world: World): Promise<RunningBroker> {
    const { log = silent, storage: _storage, authenticationMethods: _methods, gates, plugins = [], ...unchecked } = given;
    const options = checkOptions(unchecked);
    const { minFreeDisk, durability } = options;
    const isOwn = given.data !== undefined && given.storage === undefined && !options.memory;
    const store = isOwn ? await LevelStorage.open(given.data, { sync: durability === 'sync', minFreeDisk, log }) : undefined;
    const broker = new RunningBroker(options, { ...given, ...(store === undefined ? undefined : { storage: store }) }, world, store);
    try {
      await broker.#keeping?.restart(broker.#core);
      if (gates !== undefined) broker.gate(gates);
      for (const plugin of plugins) await plugin(broker);
      broker.#core.wills.begin();
    } catch (error) {
      await store?.close();
      throw error;
    }
    return broker;
  }

  /** Opens the TCP listener and lets time pass. */
  async listen(): Promise<void> {
    const { port, host, statusInterval } = this.#options;
    this.#listener = await TcpListener.listen({
      port,
      host,
      arena: this.#connections.arena,
      accept: (transport) => this.accept(transport),
      failed: (error) => this.#log.error({ err: error }, 'the listener failed'),
    });
    this.#awaitTick();
    reportStatus(statusInterval, () => this.stats, this.#wheel, this.#log);
    this.#log.info(this.address, 'listening');
  }

  /** Where it listens. The port is the real one where 0 was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    if (this.#listener === undefined) throw new Error('this broker does not listen');
    return this.#listener.address;
  }

  /** The figures of this moment. */
  get stats(): Stats {
    return this.#core.stats();
  }

  /** Every session with its connection, where it has one, as they are at this moment. */
  *sessions(): Generator<SessionView, void, undefined> {
    for (const session of this.#core.sessions) yield sessionView(session);
  }

  /** The session of one client. */
  session(clientId: string): SessionView | undefined {
    const session = this.#core.sessions.get(clientId);
    return session === undefined ? undefined : sessionView(session);
  }

  /**
   * Publishes from within this process; gates are not asked.
   * @param topic a Topic Name (MQTT 3.1.1 section 4.7). @param payload a string is sent as UTF-8.
   * @returns when all that must be kept of it is kept.
   * @throws MqttError TopicNameInvalid or PacketTooLarge.
   */
  async publish(topic: string, payload: string | Uint8Array, { qos = 0, retain = false, properties }: PublishOptions = {}): Promise<void> {
    if (!isTopicName(topic)) throw new MqttError(ReasonCode.TopicNameInvalid, `${JSON.stringify(topic)} is no Topic Name`);
    if (qos !== 0 && qos !== 1 && qos !== 2)
      throw new MqttError(ReasonCode.QoSNotSupported, `the QoS must be 0, 1 or 2, got ${String(qos)}`);
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    // The topic with its length, a packet identifier, the payload.
    if (2 + Buffer.byteLength(topic) + 2 + bytes.length > this.#options.maxPacketSize) {
      throw new MqttError(ReasonCode.PacketTooLarge, `a payload of ${bytes.length} bytes makes a packet larger than is allowed`);
    }
    const version = properties === undefined ? 4 : 5;
    const origin = Publish.of({ topic, payload: bytes, qos, retain, version, properties });
    const { messageExpiryInterval } = properties ?? {};
    const expiresAt = messageExpiryInterval === undefined ? Infinity : this.#world.now() + messageExpiryInterval * 1_000;
    await this.#turn.settled(this.#core.route(new Message(origin, undefined, expiresAt)));
  }

  /**
   * Hears messages within this process: what is retained under the filter, then what is published.
   * @param listener is called after the turn in which a message came; what it throws is logged.
   * @returns a function that ends the subscription.
   * @throws MqttError TopicFilterInvalid.
   */
  subscribe(filter: string, listener: MessageListener): () => void {
    if (!isTopicFilter(filter)) throw new MqttError(ReasonCode.TopicFilterInvalid, `${JSON.stringify(filter)} is no Topic Filter`);
    return this.#core.listen(filter, listener);
  }

  /** Listens for a lifecycle event. @returns a function that ends that. */
  on<E extends EventName>(name: E, listener: EventListener<E>): () => void {
    return this.#core.hooks.on(name, listener);
  }

  /** Adds gates: functions that are asked before something happens. Those set earlier are asked first, and all must agree. */
  gate(gates: Partial<Gates>): this {
    this.#core.hooks.gate(gates);
    return this;
  }

  /** Calls a plugin with this broker. */
  async use(plugin: Plugin): Promise<this> {
    await plugin(this);
    return this;
  }

  /** Closes the connection of a client; its Will is published. @returns whether it had one. */
  kick(clientId: string): boolean {
    return this.#core.kick(clientId);
  }

  /** Brings a connection from elsewhere. @returns false where there are too many: who brought it destroys it. */
  accept(transport: Transport): boolean {
    const { register } = this.#connections;
    if (this.#closing !== undefined || register.size >= this.#options.maxConnections + TURNED_AWAY) {
      this.#core.tally.closed[this.#closing === undefined ? 'too-many-connections' : 'server-stopping']++;
      return false;
    }
    void new Connection(transport, this.#connections);
    return true;
  }

  /** Connections that hold a transport, the ones being closed among them. */
  get transports(): number {
    return this.#connections.register.size;
  }

  #awaitTick(): void {
    const { packetsReceived } = this.#core.tally;
    const isSilent = packetsReceived === this.#heard && this.#turn.idle;
    this.#heard = packetsReceived;
    const beat = (): void => {
      if (this.#beat === undefined) return;
      this.tick();
      this.#awaitTick();
    };
    // Packets that have come are read before deadlines are judged: a process that was held up must not blame its clients.
    this.#beat = setTimeout(() => setImmediate(beat), isSilent ? SILENT_TICK : TICK);
  }

  /** Lets the broker see what time it is. */
  tick(): void {
    this.#wheel.advance(this.#world.now());
    this.#keeping?.journal.beat();
    this.#turn.hasten();
  }

  /** Ends the turn: facts are committed, bytes are written. */
  endTurn(): void {
    this.#turn.hasten();
    this.#turn.end();
  }

  /** Whether nothing waits for the end of a turn or for the storage. */
  get idle(): boolean {
    return this.#turn.idle;
  }

  /**
   * Stops: accepts no more, closes every connection (their Wills are published), and keeps what must be kept.
   * @throws what the storage threw, where it could not keep it.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#core.stop();
    this.#keeping?.stop();
    const released = this.#listener?.close();
    for (const connection of this.#connections.register) connection.close('server-stopping');
    await released;
    clearTimeout(this.#beat);
    this.#beat = undefined;
    const last = this.#turn.wrote();
    this.#turn.end();
    try {
      await this.#turn.settled(last);
    } finally {
      this.#turn.stop();
      await this.#store?.close();
      if (this.#listener !== undefined) this.#log.info({}, 'stopped');
    }
  }

  /** There is no space: who waits for an acknowledgement is not left waiting. */
  #refuseWaiting(): void {
    for (const connection of this.#connections.register) {
      if (connection.awaitsDisk) connection.close('storage-full', 'there is no space for what is to be acknowledged');
    }
  }

  #storageFailed(error: unknown): void {
    this.#log.error({ err: error }, 'the storage failed; closing, for nothing more can be acknowledged');
    this.#core.stop();
    for (const connection of this.#connections.register) connection.close('storage-failed');
    this.#core.hooks.emit('failed', { error });
    // The storage has failed already, and that has been told.
    this.close().catch(() => {});
  }
}
