/** The table of packets: every Control Packet of MQTT 3.1 and 3.1.1, whole and broken. */

import { acknowledgements, badAcknowledgements } from './acknowledgement.js';
import { badBare, bare } from './bare.js';
import { badConnects, connects } from './connect.js';
import type { BadCase, GoodCase } from './packet-case.js';
import { badPublishes, publishes } from './publish.js';
import { badSubscribes, subscribes } from './subscribe.js';

export const goodCases: readonly GoodCase[] = [...connects, ...publishes, ...acknowledgements, ...subscribes, ...bare];
export const badCases: readonly BadCase[] = [...badConnects, ...badPublishes, ...badAcknowledgements, ...badSubscribes, ...badBare];
