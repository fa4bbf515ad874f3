/** What a client asked of this one connection when it connected (MQTT 5.0 section 3.1.2.11); 3.1.1 asks for nothing. */
import { MAX_REMAINING_LENGTH, type Connect, type Version } from '../packet/packet.js';

export interface Terms {
  readonly version: Version;
  /** QoS 1 and 2 messages it takes at one time, 1 to 65,535. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet it takes, fixed header and all. */
  readonly maximumPacketSize: number;
  /** The highest Topic Alias it takes; 0 is none. */
  readonly topicAliasMaximum: number;
}

/** A fixed header is five bytes long at most. */
const UNLIMITED = MAX_REMAINING_LENGTH + 5;

/** Of a session nobody is connected to. */
export const NO_TERMS: Terms = { version: 4, receiveMaximum: 65_535, maximumPacketSize: UNLIMITED, topicAliasMaximum: 0 };
const TERMS_OF_3_1: Terms = { ...NO_TERMS, version: 3 };

export function termsOf({ version, properties }: Connect): Terms {
  // Shared: an object for each connection would be memory.
  if (version !== 5) return version === 4 ? NO_TERMS : TERMS_OF_3_1;
  return {
    version,
    receiveMaximum: properties?.receiveMaximum ?? 65_535,
    maximumPacketSize: properties?.maximumPacketSize ?? UNLIMITED,
    topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
  };
}
