/**
 * The two sets of scenarios. Each has the arguments of `posmq bench` it is run with, and the goals it is to reach.
 *
 * A goal names a figure and what it may be at most, or must be at least: times Mosquitto's (`beside: 'mosquitto'`), times that of another
 * scenario (`beside: '#name'`), times the 99th percentile of the disk's own sync time (`beside: 'disk'`), or by itself.
 */

const CPU = 'broker_cpu_us_per_delivery';

const ofMosquitto = (atMost, figure = CPU) => ({ figure, beside: 'mosquitto', atMost });
const moreThanMosquitto = (figure) => ({ figure, beside: 'mosquitto', atLeast: 1 });
const ofScenario = (name, atMost) => ({ figure: CPU, beside: `#${name}`, atMost });

/** Shorter runs are misleading: what connections leave behind is cleared up later. */
const CONN_SECONDS = 8;
/** At a rate a broker is compiled slowly, and the thousandth of the messages that is latest should be many. */
const RATE_SECONDS = 10;

const STANDARD = [
  { name: 'conn-tcp', args: 'conn -P 100', seconds: CONN_SECONDS, goals: [ofMosquitto(2, 'broker_cpu_us_per_connect')] },
  {
    name: 'idle-10K',
    args: 'idle -P 10000 -w 10',
    goals: [
      { figure: 'kb_per_connection', atMost: 6 },
      { figure: 'idle_cpu_percent', atMost: 0.5 },
    ],
  },
  { name: 'firehose-16', args: 'p2p -P 1 -S 1 -w 1000 -b 16' },
  { name: 'firehose-64', args: 'p2p -P 1 -S 1 -w 1000', goals: [ofMosquitto(1 / 8)] },
  { name: 'firehose-256', args: 'p2p -P 1 -S 1 -w 1000 -b 256' },
  { name: 'firehose-4096', args: 'p2p -P 1 -S 1 -w 1000 -b 4096' },
  { name: 'firehose-64-5.0', args: 'p2p -P 1 -S 1 -w 1000 -V 5' },
  { name: 'p2p-max', args: 'p2p -P 100 -S 100 -w 10' },
  { name: 'p2p-qos1', args: 'p2p -P 10 -S 10 -q 1 -w 50', goals: [ofMosquitto(1 / 8)] },
  { name: 'p2p-qos1-5.0', args: 'p2p -P 10 -S 10 -q 1 -w 50 -V 5' },
  { name: 'p2p-qos2', args: 'p2p -P 10 -S 10 -q 2 -w 20', goals: [ofMosquitto(1 / 8)] },
  { name: 'p2p-qos2-5.0', args: 'p2p -P 10 -S 10 -q 2 -w 20 -V 5' },
  { name: 'p2p-10K', args: 'p2p -P 100 -S 100 -r 10000', seconds: RATE_SECONDS, goals: [ofMosquitto(1)] },
  { name: 'p2p-30K', args: 'p2p -P 100 -S 100 -r 30000', seconds: RATE_SECONDS, goals: [{ figure: 'latency_ms.p99', atMost: 5 }] },
  { name: 'sparse', args: 'p2p -P 500 -S 500 -w 1', goals: [ofMosquitto(0.9)] },
  { name: 'sparse-qos1', args: 'p2p -P 500 -S 500 -q 1 -w 1', goals: [ofMosquitto(0.95)] },
  { name: 'fanout-100', args: 'fanout -P 1 -S 100 -w 20', goals: [ofMosquitto(1 / 8)] },
  { name: 'fanout-1K', args: 'fanout -P 1 -S 1000 -w 20' },
  { name: 'fanin', args: 'fanin -P 100 -S 1 -w 1000', goals: [ofMosquitto(1 / 6)] },
  { name: 'shared', args: 'shared -P 10 -S 10 -w 100' },
  { name: 'shared-qos1', args: 'shared -P 10 -S 10 -q 1 -w 100' },
  { name: 'slow-consumer', args: 'fanout -P 1 -S 10 -w 20 --slow 1' },
  { name: 'wildcard-10', args: 'fanin -P 10 -S 1 -w 100 --topics 1000 --filters 10' },
  { name: 'wildcard-100K', args: 'fanin -P 10 -S 1 -w 100 --topics 1000 --filters 100000', goals: [ofScenario('wildcard-10', 1.3)] },
  { name: 'topics-10', args: 'p2p -P 1 -S 1 -w 1000 --topics 10' },
  { name: 'topics-1M', args: 'p2p -P 1 -S 1 -w 1000 --topics 1000000', goals: [ofScenario('topics-10', 2)] },
  { name: 'connections-100', args: 'p2p -P 50 -S 50 -r 5000', seconds: RATE_SECONDS },
  { name: 'connections-10K', args: 'p2p -P 5000 -S 5000 -r 5000', seconds: RATE_SECONDS, goals: [ofScenario('connections-100', 1.3)] },
  { name: 'retained-storm', args: 'retained --topics 100000 -S 10 -w 1000' },
  { name: 'offline-drain', args: 'drain -S 100 --queue 1000 -q 1 -w 1000' },
];

const FILL = 'broker_cpu_us_per_fill';
const acknowledgedInTime = { figure: 'ack_latency_ms.p99', beside: 'disk', atMost: 3 };

const DURABLE = [
  { name: 'kept-qos1', args: 'p2p -P 10 -S 10 -q 1 -w 50 --persistent', goals: [ofMosquitto(1)] },
  { name: 'kept-qos2', args: 'p2p -P 10 -S 10 -q 2 -w 20 --persistent', goals: [ofMosquitto(1)] },
  {
    name: 'kept-1000',
    args: 'p2p -P 1 -S 1 -q 1 -w 1000 --persistent',
    goals: [ofMosquitto(1), moreThanMosquitto('delivered_per_s')],
  },
  { name: 'drain-qos1', args: 'drain -S 100 --queue 10000 -q 1', goals: [ofMosquitto(1, FILL), ofMosquitto(1)] },
  { name: 'drain-qos2', args: 'drain -S 100 --queue 10000 -q 2', goals: [ofMosquitto(1, FILL), ofMosquitto(1)] },
  {
    name: 'drain-1000',
    args: 'drain -S 100 --queue 10000 -q 1 -w 1000',
    goals: [ofMosquitto(1, FILL), ofMosquitto(1), moreThanMosquitto('filled_per_s')],
  },
  { name: 'drain-1000-qos2', args: 'drain -S 100 --queue 10000 -q 2 -w 1000', goals: [ofMosquitto(1, FILL), ofMosquitto(1)] },
  { name: 'puback-1K', args: 'p2p -P 10 -S 10 -q 1 -r 1000 --persistent', seconds: RATE_SECONDS, disk: true, goals: [acknowledgedInTime] },
  { name: 'puback-5K', args: 'p2p -P 10 -S 10 -q 1 -r 5000 --persistent', seconds: RATE_SECONDS, disk: true, goals: [acknowledgedInTime] },
];

export const SETS = {
  standard: { title: 'Standard scenarios', servers: ['posmq', 'mosquitto', 'nats', 'rabbitmq', 'aedes'], scenarios: STANDARD },
  durable: { title: 'What must be on disk', servers: ['posmq', 'posmq-os', 'posmq-memory', 'mosquitto'], scenarios: DURABLE },
};
