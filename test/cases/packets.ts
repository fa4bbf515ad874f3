/** The table of packets: every Control Packet of MQTT 3.1, 3.1.1 and 5.0, whole and broken. */

import { acknowledgements, badAcknowledgements } from './acknowledgement.js';
import { badBare, bare } from './bare.js';
import { badConnects, connects } from './connect.js';
import { badMqtt5, mqtt5 } from './mqtt5.js';
import type { BadCase, GoodCase } from './packet-case.js';
import { badProperties, properties } from './properties.js';
import { badPublishes, publishes } from './publish.js';
import { badSubscribes, subscribes } from './subscribe.js';

export const goodCases: readonly GoodCase[] = [
  ...connects,
  ...publishes,
  ...acknowledgements,
  ...subscribes,
  ...bare,
  ...mqtt5,
  ...properties,
];
export const badCases: readonly BadCase[] = [
  ...badConnects,
  ...badPublishes,
  ...badAcknowledgements,
  ...badSubscribes,
  ...badBare,
  ...badMqtt5,
  ...badProperties,
];
