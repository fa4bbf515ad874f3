/** What a run of the load generator is told, and what it tells. */
import type { QoS, Version } from '../packet/packet.js';

export const SCENARIOS = ['p2p', 'fanout', 'fanin', 'shared', 'latency', 'conn', 'idle', 'drain', 'retained', 'sink'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export interface Plan {
  readonly scenario: Scenario;
  readonly host: string;
  readonly port: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: QoS;
  /** Bytes of a payload. */
  readonly payload: number;
  /** Messages on their way at once; connects under way at once where it is connects that are measured. */
  readonly window: number;
  /** How long the load lasts, a quarter of it unmeasured. */
  readonly seconds: number;
  /** Messages a second in all, whether answered or not; 0 sends as the window allows. */
  readonly rate: number;
  readonly version: Version;
  /** The broker's process, where it can be looked at; 0 where not. */
  readonly brokerPid: number;
  /** Whether subscribers have sessions that outlive their connections. */
  readonly persistent: boolean;
  /** Whether messages are published to be retained. */
  readonly retained: boolean;
  /** Topics of each publisher, or in all where topics are what is measured. */
  readonly topics: number;
  /** Subscriptions besides, to filters with wildcards that match nothing. */
  readonly filters: number;
  /** Messages for each session that is away. */
  readonly queue: number;
  /** Subscribers besides that hear everything and never read. */
  readonly slow: number;
  /** Ends the run early, with what has been measured. */
  readonly signal: AbortSignal;
  /** Told now and then what is going on. */
  readonly progress: (state: string) => void;
}

export type Figure = string | number | Readonly<Record<string, number>>;

/** What was measured, by the names it has in JSON, in the order in which it is printed; what does not apply is undefined. */
export type Figures = Readonly<Record<string, Figure | undefined>>;

export interface Outcome {
  readonly figures: Figures;
  /** One sentence if messages were lost, or came that should not have. */
  readonly failure?: string | undefined;
}
