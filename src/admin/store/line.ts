/** What the lines of an export look like: JSON objects, written from what is on record and read back. */
import { RecordError, type DeliveryRecord, type SessionRecord, type SubscriptionRecord } from '../../broker/records.js';
import { isUtf8 } from '../../packet/bytes.js';
import { MAX_REMAINING_LENGTH, type QoS } from '../../packet/packet.js';
import type { Properties, UserProperty } from '../../packet/properties.js';
import { Publish } from '../../packet/publish.js';
import { PLAIN, type Extras, type PendingWill } from '../../session/contracts.js';
import { Message } from '../../session/message.js';
import { filterOf, isTopicFilter, isTopicName } from '../../topic/name.js';
import { checkedInteger, checkedText, Fields, LineError } from './fields.js';

/** What the first line says, beside the version. */
export const STORE = 'store';
/** The version of the lines: what is written by a PosMQ whose records are of another version can be read as long as this is the same. */
export const LINES = 2;
/** What the last line says: without it the end is missing. */
export const END = 'end';

/** A longer payload is written in base64 also where it is text: nobody reads it, and text may grow sixfold in JSON. */
const LONGEST_TEXT = 1 << 20;

const MAX_UINT32 = 0xffff_ffff;
const MAX_IDENTIFIER = 268_435_455;
/** Half of the sequences there can be: the other half is left to the broker that goes on behind them. */
const MAX_ORDER = 2 ** 47;

export interface SessionLine extends Omit<SessionRecord, 'number'> {
  readonly clientId: string;
  readonly subscriptions: readonly SubscriptionRecord[];
  /** Packet Identifiers, in the order of their PUBRELs. */
  readonly released: readonly number[];
  readonly received: readonly number[];
}

/** A message that several sessions wait for. */
export interface MessageLine {
  readonly order: number;
  readonly message: Message;
}

/** What waits for a session; without a message it is that of the {@link MessageLine} of its order. */
export interface QueuedLine extends Omit<DeliveryRecord, 'sequence'> {
  readonly clientId: string;
  readonly order: number;
}

export interface WillLine extends PendingWill {
  readonly clientId: string;
}

// Writing.

export function headerLine(format: number): string {
  return line({ posmq: STORE, format });
}

export function endLine(): string {
  return line({ posmq: END });
}

export function sessionLine(session: SessionLine): string {
  const { clientId, createdAt, expiryInterval, expiresAt, isConnected, subscriptions, released, received } = session;
  return line({
    type: 'session',
    clientId,
    createdAt: momentText(createdAt),
    expiryInterval,
    expiresAt: momentText(expiresAt),
    isConnected: isConnected ? true : undefined,
    subscriptions: unlessEmpty(subscriptions),
    released: unlessEmpty(released),
    received: unlessEmpty(received),
  });
}

export function messageLine({ order, message }: MessageLine): string {
  return line({ type: 'message', order, message: messageObject(message) });
}

export function queuedLine({ clientId, order, qos, retain, packetId, extras, message }: QueuedLine): string {
  return line({
    type: 'queued',
    clientId,
    order,
    qos,
    retain,
    packetId: packetId === 0 ? undefined : packetId,
    identifiers: extras.identifiers,
    share: extras.share,
    message: message === undefined ? undefined : messageObject(message),
  });
}

export function retainedLine(message: Message): string {
  return line({ type: 'retained', message: messageObject(message) });
}

export function willLine({ clientId, username, expiryInterval, dueAt, will }: WillLine): string {
  const { topic, payload, qos, retain, properties } = will;
  return line({
    type: 'will',
    clientId,
    username,
    expiryInterval,
    dueAt: momentText(dueAt),
    will: { topic, ...payloadObject(payload), qos, retain, properties: propertiesObject(properties) },
  });
}

function line(fields: object): string {
  return `${JSON.stringify(fields)}\n`;
}

function messageObject({ topic, payload, qos, retain, origin, properties, expiresAt, publisher }: Message): object {
  return {
    topic,
    ...payloadObject(payload),
    qos,
    retain,
    properties: propertiesObject(origin.version === 5 ? (properties ?? {}) : undefined),
    expiresAt: momentText(expiresAt),
    publisher,
  };
}

function payloadObject(payload: Buffer): object {
  if (payload.length <= LONGEST_TEXT && isUtf8(payload)) return { payload: payload.toString() };
  return { payloadBase64: payload.toString('base64') };
}

/** Only what a message may have; 3.1.1 knows none. */
function propertiesObject(properties: Properties | undefined): object | undefined {
  if (properties === undefined) return undefined;
  const { correlationData, ...others } = properties;
  return { ...others, correlationData: correlationData?.toString('base64') };
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Times are kept to the millisecond; never is not written. */
function momentText(moment: number): string | undefined {
  if (moment === Infinity) return undefined;
  const date = new Date(Math.ceil(moment));
  if (!(moment >= 0) || Number.isNaN(date.getTime())) throw new RecordError('a time is none');
  return date.toISOString();
}

// Reading.

export function readSession(fields: Fields): SessionLine {
  const clientId = readClientId(fields);
  const createdAt = fields.moment('createdAt');
  const expiryInterval = fields.integer('expiryInterval', 0, MAX_UINT32);
  const expiresAt = readEnd(fields, 'expiresAt');
  const isConnected = fields.flag('isConnected');
  const subscriptions = fields.list('subscriptions', readSubscription);
  const filters = new Set(subscriptions.map(({ filter }) => filter));
  if (filters.size < subscriptions.length) throw new LineError('two subscriptions have one filter');
  const released = readPacketIds(fields, 'released');
  const received = readPacketIds(fields, 'received');
  fields.end();
  return { clientId, createdAt, expiryInterval, expiresAt, isConnected, subscriptions, released, received };
}

export function readMessage(fields: Fields): MessageLine {
  const order = fields.integer('order', 1, MAX_ORDER);
  const message = readMessageObject(fields.object('message'));
  fields.end();
  return { order, message };
}

export function readQueued(fields: Fields): QueuedLine {
  const clientId = readClientId(fields);
  const order = fields.integer('order', 1, MAX_ORDER);
  const qos = fields.integer('qos', 1, 2) as QoS;
  const retain = fields.flag('retain');
  const packetId = fields.has('packetId') ? fields.integer('packetId', 1, 65_535) : 0;
  const extras = readExtras(fields);
  const message = fields.has('message') ? readMessageObject(fields.object('message')) : undefined;
  fields.end();
  return { clientId, order, qos, retain, packetId, extras, message };
}

export function readRetained(fields: Fields): Message {
  const message = readMessageObject(fields.object('message'));
  fields.end();
  return message;
}

export function readWill(fields: Fields): WillLine {
  const clientId = readClientId(fields);
  const username = readOptional(fields, 'username');
  const expiryInterval = fields.integer('expiryInterval', 0, MAX_UINT32);
  const dueAt = readEnd(fields, 'dueAt');
  const inner = fields.object('will');
  const { topic, payload, qos, retain } = readContent(inner);
  const properties = readProperties(inner, true);
  inner.end();
  fields.end();
  const will = { topic, payload, qos, retain };
  mustFit(Publish.of({ ...will, version: properties === undefined ? 4 : 5, properties }));
  return { clientId, username, expiryInterval, dueAt, will: properties === undefined ? will : { ...will, properties } };
}

function readMessageObject(fields: Fields): Message {
  const content = readContent(fields);
  const properties = readProperties(fields, false);
  const expiresAt = readEnd(fields, 'expiresAt');
  const publisher = readOptional(fields, 'publisher');
  fields.end();
  // Which Packet Identifier stands on record does not matter.
  const origin = Publish.of({ ...content, packetId: 1, version: properties === undefined ? 4 : 5, properties });
  mustFit(origin);
  return new Message(origin, publisher, expiresAt);
}

interface Content {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
}

function readContent(fields: Fields): Content {
  const topic = fields.text('topic');
  if (!isTopicName(topic)) throw new LineError(`${JSON.stringify(topic)} is no Topic Name`);
  if (fields.has('payload') === fields.has('payloadBase64')) throw new LineError('a message has either payload or payloadBase64');
  const payload = fields.has('payload') ? Buffer.from(fields.longText('payload')) : fields.bytes('payloadBase64');
  return { topic, payload, qos: fields.integer('qos', 0, 2) as QoS, retain: fields.flag('retain') };
}

function mustFit(publish: Publish): void {
  if (publish.length > 5 + MAX_REMAINING_LENGTH) throw new LineError('the message is larger than a packet can be');
}

function readProperties(outer: Fields, isWill: boolean): Properties | undefined {
  if (!outer.has('properties')) return undefined;
  const fields = outer.object('properties');
  const properties: { -readonly [N in keyof Properties]: Properties[N] } = {};
  if (fields.has('payloadFormatIndicator')) properties.payloadFormatIndicator = fields.integer('payloadFormatIndicator', 0, 1) as 0 | 1;
  for (const name of ['contentType', 'responseTopic'] as const) if (fields.has(name)) properties[name] = fields.text(name);
  const seconds = isWill ? (['messageExpiryInterval', 'willDelayInterval'] as const) : (['messageExpiryInterval'] as const);
  for (const name of seconds) if (fields.has(name)) properties[name] = fields.integer(name, 0, MAX_UINT32);
  if (fields.has('correlationData')) {
    properties.correlationData = fields.bytes('correlationData');
    if (properties.correlationData.length > 65_535) throw new LineError('correlationData has more than 65535 bytes');
  }
  if (fields.has('userProperties')) properties.userProperties = fields.list('userProperties', readUserProperty);
  fields.end();
  return properties;
}

function readUserProperty(item: unknown, path: string): UserProperty {
  if (!Array.isArray(item) || item.length !== 2) throw new LineError(`${path} must be a list of a name and a value`);
  return [checkedText(item[0], path), checkedText(item[1], path)];
}

function readSubscription(item: unknown, path: string): SubscriptionRecord {
  const fields = new Fields(item, `${path}.`);
  const filter = fields.text('filter');
  if (!isTopicFilter(filterOf(filter).filter)) throw new LineError(`${JSON.stringify(filter)} is no Topic Filter`);
  const subscription = {
    filter,
    qos: fields.integer('qos', 0, 2) as QoS,
    noLocal: fields.flag('noLocal'),
    retainAsPublished: fields.flag('retainAsPublished'),
    identifier: fields.has('identifier') ? fields.integer('identifier', 1, MAX_IDENTIFIER) : undefined,
  };
  fields.end();
  return subscription;
}

function readExtras(fields: Fields): Extras {
  const found = fields.list('identifiers', (item, path) => checkedInteger(item, path, 1, MAX_IDENTIFIER));
  if (found.length > 65_535) throw new LineError('there are more than 65535 identifiers');
  const identifiers = unlessEmpty(found);
  const share = readOptional(fields, 'share');
  if (share !== undefined) {
    const { share: group, filter } = filterOf(share);
    if (group === undefined || !isTopicFilter(filter)) throw new LineError(`${JSON.stringify(share)} is no Shared Subscription`);
  }
  return identifiers === undefined && share === undefined ? PLAIN : { identifiers, share };
}

function readPacketIds(fields: Fields, name: string): readonly number[] {
  const found = fields.list(name, (item, path) => checkedInteger(item, path, 1, 65_535));
  if (new Set(found).size < found.length) throw new LineError(`${name} has a Packet Identifier twice`);
  return found;
}

function readClientId(fields: Fields): string {
  const clientId = fields.text('clientId');
  if (clientId === '') throw new LineError('clientId must not be empty');
  return clientId;
}

function readOptional(fields: Fields, name: string): string | undefined {
  return fields.has(name) ? fields.text(name) : undefined;
}

/** Infinity where it never comes. */
function readEnd(fields: Fields, name: string): number {
  return fields.has(name) ? fields.moment(name) : Infinity;
}
