/** Enhanced authentication: exchanges of AUTH before a CONNACK, and again on an open connection (MQTT 5.0 section 4.12). */
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import { deriveScramCredentials, scramSha256 } from '../../src/access/scram.js';
import type { AuthenticationMethod, AuthenticationStep } from '../../src/broker/contracts.js';
import type { CreateOptions } from '../../src/create.js';
import type { Properties } from '../../src/packet/properties.js';
import type { ReasonCode } from '../../src/packet/reason-code.js';
import { createTestBroker, PacketType, type Packet, type TestBroker } from '../../src/testing.js';
import {
  arrive5,
  Client,
  closeReasons,
  connect,
  held,
  knock,
  NOTHING,
  pingreq,
  pingresp,
  publish,
  puback,
  subscribe,
  suback,
  welcomeOf,
} from './client.js';

/** A packet of an exchange: `AUTH 24 method data`, without what is not there. */
function exchanged(packet: Packet): string {
  const { type } = packet;
  if (type !== PacketType.Auth && type !== PacketType.Connack && type !== PacketType.Disconnect) return `packet type ${type}`;
  const { reasonCode, properties = {} } = packet;
  const word = { [PacketType.Auth]: 'AUTH', [PacketType.Connack]: 'CONNACK', [PacketType.Disconnect]: 'DISCONNECT' }[type];
  const { authenticationMethod, authenticationData } = properties;
  return [word, `0x${reasonCode.toString(16).padStart(2, '0')}`, authenticationMethod, authenticationData?.toString()].join(' ').trimEnd();
}

function authentication(method: string | undefined, data: string | undefined): Properties {
  return {
    ...(method === undefined ? undefined : { authenticationMethod: method }),
    ...(data === undefined ? undefined : { authenticationData: Buffer.from(data) }),
  };
}

function auth(reasonCode: 0 | 0x18 | 0x19, method: string | undefined, data?: string): Packet {
  return { type: PacketType.Auth, reasonCode, properties: authentication(method, data) };
}

const more = (data: string): Packet => auth(0x18, 'echo', data);
const anew = (data?: string): Packet => auth(0x19, 'echo', data);

/** Fields of a CONNECT that asks for a method. */
function asking(method: string, data?: string): { properties: Properties } {
  return { properties: authentication(method, data) };
}

/**
 * `ask` is asked on, `let NAME in` is let in as NAME, `refuse` is refused, `throw` fails; anything else is asked on, too.
 * Where it answers later, it does when it is told.
 */
class Echo implements AuthenticationMethod {
  readonly name = 'echo';
  readonly asked: (string | undefined)[] = [];
  begun: string[] = [];
  later = false;
  refusal: ReasonCode = 0x87;
  readonly #waiting: (() => void)[] = [];

  begin(clientId: string): { step: (data: Buffer | undefined) => AuthenticationStep | Promise<AuthenticationStep> } {
    this.begun.push(clientId);
    if (clientId === 'nobody begins') throw new Error('a method of the test');
    return { step: (data) => this.#step(data?.toString()) };
  }

  /** Answers everything that waits. */
  answer(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  #step(data: string | undefined): AuthenticationStep | Promise<AuthenticationStep> {
    this.asked.push(data);
    if (!this.later) return this.#judge(data);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.#judge(data));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #judge(data = ''): AuthenticationStep {
    const [, username] = /^let (.+) in$/.exec(data) ?? [];
    if (username !== undefined) return { success: Buffer.from(`welcome ${username}`), username };
    if (data === 'silently') return { success: undefined, username: 'silent' };
    if (data === 'refuse') return { refused: this.refusal };
    if (data === 'throw') throw new Error('a method of the test');
    return { continue: Buffer.from(`${data}?`) };
  }
}

interface Scene {
  readonly echo: Echo;
  readonly broker: TestBroker;
  /** Takes what has come to a client, told by {@link exchanged}. */
  readonly told: (client: Client) => Promise<string[]>;
}

async function scene(options: CreateOptions = {}): Promise<Scene> {
  const echo = new Echo();
  const broker = await createTestBroker({ authenticationMethods: [echo], ...options });
  return { echo, broker, told: async (client) => (await client.take()).map(exchanged) };
}

const knocking = (broker: TestBroker, data?: string, clientId = 'ann'): Client =>
  knock(broker, clientId, { version: 5, ...asking('echo', data) });

/** Ann, who was let in as `ann`. */
async function inside(options: CreateOptions = {}): Promise<Scene & { ann: Client }> {
  const all = await scene(options);
  const ann = knocking(all.broker, 'let ann in');
  assert.deepEqual(await all.told(ann), ['CONNACK 0x00 echo welcome ann']);
  return { ...all, ann };
}

test('a client is let in by an exchange of one step: its CONNACK has the method and the data [MQTT5-4.12.0-5]', async () => {
  const { broker, echo } = await inside();
  assert.deepEqual(echo.begun, ['ann']);
  assert.deepEqual(echo.asked, ['let ann in']);
  assert.equal(broker.broker.session('ann')?.username, 'ann');
});

test('a client is let in by an exchange of many steps, each asked for with AUTH 0x18 [MQTT5-4.12.0-2] [MQTT5-4.12.0-5]', async () => {
  const { broker, echo, told } = await scene();
  const ann = knocking(broker, 'one');
  assert.deepEqual(await told(ann), ['AUTH 0x18 echo one?']);
  assert.equal(broker.broker.stats.sessions.connected, 0);
  assert.deepEqual(await told(ann.send(more('two'))), ['AUTH 0x18 echo two?']);
  assert.deepEqual(await told(ann.send(more('let ann in'))), ['CONNACK 0x00 echo welcome ann']);
  assert.deepEqual(echo.begun, ['ann'], 'one exchange');
  await ann.send(pingreq).expect(pingresp);
});

test('an AUTH we send has the method and the data, and nothing it could go without [MQTT5-3.15.2-2] [MQTT5-3.15.2-3]', async () => {
  const { broker } = await scene();
  const ann = knocking(broker, 'one');
  const properties = (data: string): Properties => ({ authenticationMethod: 'echo', authenticationData: Buffer.from(data) });
  await ann.expect({ type: PacketType.Auth, reasonCode: 0x18, properties: properties('one?') });
  await ann.send(more('let ann in')).take();
  await ann.send(anew('let ann in')).expect({ type: PacketType.Auth, reasonCode: 0, properties: properties('welcome ann') });
});

test('an exchange may go without data, in both directions', async () => {
  const { broker, echo, told } = await scene();
  const ann = knocking(broker);
  assert.deepEqual(await told(ann), ['AUTH 0x18 echo ?']);
  assert.deepEqual(await told(ann.send(more('silently'))), ['CONNACK 0x00 echo']);
  assert.deepEqual(echo.asked, [undefined, 'silently']);
});

test('a client that asks for no method is sent no AUTH, and a CONNACK without the property [MQTT5-4.12.0-6]', async () => {
  const { broker, echo } = await scene();
  const ann = knock(broker, 'ann', { version: 5 });
  const { reasonCode, properties } = await welcomeOf(broker, ann);
  assert.equal(reasonCode, 0);
  assert.equal(properties?.authenticationMethod, undefined);
  assert.deepEqual(echo.begun, []);
});

for (const method of ['nobody knows', 'Echo', '']) {
  test(`the method ${JSON.stringify(method)} is unknown: CONNACK 0x8C and the end [MQTT5-4.12.0-1]`, async () => {
    const { broker, told } = await scene();
    const ann = knock(broker, 'ann', { version: 5, ...asking(method, 'let ann in') });
    assert.deepEqual(await told(ann), ['CONNACK 0x8c']);
    assert.equal(ann.closed, true);
    assert.deepEqual(closeReasons(broker), { 'bad-authentication-method': 1 });
  });
}

test('a broker without methods knows none [MQTT5-4.12.0-1]', async () => {
  const broker = await createTestBroker();
  assert.equal((await welcomeOf(broker, knocking(broker))).reasonCode, 0x8c);
});

for (const [step, act] of [
  ['first', (client: Client) => client],
  ['second', (client: Client) => client.send(more('refuse'))],
] as const) {
  for (const refusal of [0x80, 0x86, 0x87, 0x89, 0x8a, 0x8c] as const) {
    test(`an exchange refused with 0x${refusal.toString(16)} at the ${step} step ends with that CONNACK [MQTT5-4.12.0-4]`, async () => {
      const { broker, echo, told } = await scene();
      echo.refusal = refusal;
      const ann = act(knocking(broker, step === 'first' ? 'refuse' : 'one'));
      assert.equal((await told(ann)).at(-1), `CONNACK 0x${refusal.toString(16)}`);
      assert.equal(ann.closed, true);
      assert.deepEqual(held(broker), NOTHING);
    });
  }
}

for (const later of [false, true]) {
  test(`a method that ${later ? 'rejects' : 'throws'} is a bug of ours: CONNACK 0x88 [MQTT5-4.12.0-4]`, async () => {
    const { broker, echo, told } = await scene();
    echo.later = later;
    const ann = knocking(broker, 'throw');
    echo.answer();
    assert.deepEqual(await told(ann), ['CONNACK 0x88']);
    assert.equal(ann.closed, true);
    assert.equal(broker.broker.stats.bugs, 1);
  });
}

test('a method that does not even begin is a bug of ours: CONNACK 0x88 [MQTT5-4.12.0-4]', async () => {
  const { broker, told } = await scene();
  const ann = knocking(broker, 'one', 'nobody begins');
  assert.deepEqual(await told(ann), ['CONNACK 0x88']);
  assert.equal(broker.broker.stats.bugs, 1);
});

/** What a client may not say while it is being authenticated. */
const offences: { name: string; packet: Packet; tag: string }[] = [
  { name: 'AUTH 0x00', packet: auth(0x00, 'echo', 'let ann in'), tag: '[MQTT5-4.12.0-3] [MQTT5-3.15.2-1]' },
  { name: 'AUTH 0x19', packet: auth(0x19, 'echo', 'let ann in'), tag: '[MQTT5-4.12.0-3] [MQTT5-3.15.2-1]' },
  { name: 'AUTH without a method', packet: auth(0x18, undefined), tag: '[MQTT5-4.12.0-5]' },
  { name: 'AUTH with another method', packet: auth(0x18, 'other', 'let ann in'), tag: '[MQTT5-4.12.0-5]' },
  { name: 'AUTH without properties', packet: { type: PacketType.Auth, reasonCode: 0 }, tag: '[MQTT5-4.12.0-5]' },
  { name: 'CONNECT', packet: connect('ann', { version: 5 }), tag: '[MQTT5-3.1.2-30]' },
  { name: 'PUBLISH', packet: publish('t', 'x'), tag: '[MQTT5-3.1.2-30]' },
  { name: 'SUBSCRIBE', packet: subscribe(1, ['t', 0]), tag: '[MQTT5-3.1.2-30]' },
  { name: 'PINGREQ', packet: pingreq, tag: '[MQTT5-3.1.2-30]' },
];
for (const { name, packet, tag } of offences) {
  test(`${name} while a client is being authenticated ends that with CONNACK 0x82, and has no effect ${tag}`, async () => {
    const { broker, echo, told } = await scene();
    const ann = knocking(broker, 'one');
    assert.deepEqual(await told(ann), ['AUTH 0x18 echo one?']);
    assert.deepEqual(await told(ann.send(packet)), ['CONNACK 0x82']);
    assert.equal(ann.closed, true);
    assert.deepEqual(echo.asked, ['one']);
    assert.deepEqual(closeReasons(broker), { 'protocol-error': 1 });
    assert.deepEqual(held(broker), NOTHING);
  });
}

/** Bytes of an AUTH that are none. */
const malformed = [
  ['a flag bit set', 'f1 00', 0x81, '[MQTT5-3.15.1-1]'],
  ['reason code 1', 'f0 01 01', 0x82, '[MQTT5-3.15.2-1]'],
  ['reason code 0x87', 'f0 01 87', 0x82, '[MQTT5-3.15.2-1]'],
  ['its method twice', 'f0 10 18 0e 15 0004 6563686f 15 0004 6563686f', 0x82, '[MQTT5-4.12.0-5]'],
] as const;
for (const [name, hex, reasonCode, tag] of malformed) {
  const code = `0x${reasonCode.toString(16)}`;
  test(`AUTH with ${name} ends an exchange with CONNACK ${code} ${tag}`, async () => {
    const { broker, told } = await scene();
    const ann = knocking(broker, 'one');
    await ann.take();
    ann.connection.sendHex(hex);
    assert.deepEqual(await told(ann), [`CONNACK ${code}`]);
  });

  test(`AUTH with ${name} ends an open connection with DISCONNECT ${code} ${tag}`, async () => {
    const { ann, told } = await inside();
    ann.connection.sendHex(hex);
    assert.deepEqual(await told(ann), [`DISCONNECT ${code}`]);
  });
}

test('a client that is being authenticated may give up with DISCONNECT, and is told nothing', async () => {
  const { broker, told } = await scene();
  const ann = knocking(broker, 'one');
  await ann.take();
  ann.leave();
  assert.deepEqual(await told(ann), []);
  assert.equal(ann.closed, true);
  assert.deepEqual(closeReasons(broker), { 'client-disconnect': 1 });
});

test('AUTH before CONNECT closes the connection without an answer [MQTT5-3.1.0-1]', async () => {
  const { broker } = await scene();
  const ann = new Client(broker);
  ann.connection.version = 5;
  ann.send(more('let ann in'));
  await ann.expectClosed();
});

test('AUTH on a connection of 3.1.1 closes it', async () => {
  const { broker } = await scene();
  const ann = knock(broker, 'ann');
  await ann.take();
  await ann.sendBytes(Buffer.of(0xf0, 0)).expectClosed();
});

test('Authentication Data without a method is refused with CONNACK 0x82', async () => {
  const { broker, told } = await scene();
  const ann = knock(broker, 'ann', { version: 5, properties: { authenticationData: Buffer.from('x') } });
  assert.deepEqual(await told(ann), ['CONNACK 0x82']);
});

test('a method may answer later; what the client sends meanwhile waits', async () => {
  const { broker, echo, told } = await scene();
  echo.later = true;
  const ann = knocking(broker, 'one');
  ann.send(more('let ann in'), pingreq);
  assert.deepEqual(await told(ann), []);
  assert.deepEqual(echo.asked, ['one']);
  echo.answer();
  assert.deepEqual(await told(ann), ['AUTH 0x18 echo one?']);
  assert.deepEqual(echo.asked, ['one', 'let ann in']);
  echo.answer();
  assert.deepEqual(await told(ann), ['CONNACK 0x00 echo welcome ann', `packet type ${PacketType.Pingresp}`]);
});

for (const data of ['one', 'let ann in', 'refuse', 'throw']) {
  test(`a connection that is closed while it is being authenticated stays closed, whatever is answered then (${data})`, async () => {
    const { broker, echo } = await scene();
    echo.later = true;
    const ann = knocking(broker, data);
    ann.hangUp();
    echo.answer();
    await broker.settle();
    assert.deepEqual(held(broker), NOTHING);
    assert.deepEqual(closeReasons(broker), { 'connection-lost': 1 });
  });
}

test('an exchange must be over in the time a CONNECT has', async () => {
  const { broker, told } = await scene({ connectTimeout: 10 });
  const ann = knocking(broker, 'one');
  assert.deepEqual(await told(ann), ['AUTH 0x18 echo one?']);
  broker.advance(9_000);
  assert.deepEqual(await told(ann.send(more('two'))), ['AUTH 0x18 echo two?']);
  broker.advance(2_000);
  assert.equal(ann.closed, true);
  assert.deepEqual(closeReasons(broker), { 'connect-timeout': 1 });
});

test('a client that is not authenticated yet takes over nothing', async () => {
  const { broker, ann, told } = await inside();
  const eve = knocking(broker, 'one');
  assert.deepEqual(await told(eve), ['AUTH 0x18 echo one?']);
  await ann.send(pingreq).expect(pingresp);
  assert.deepEqual(await told(eve.send(more('refuse'))), ['CONNACK 0x87']);
  await ann.send(pingreq).expect(pingresp);
});

test('the connect gate is asked when the client is authenticated, under the name that came of it', async () => {
  const { broker, echo, told } = await scene();
  const asked: object[] = [];
  broker.broker.gate({
    connect: ({ clientId, username, properties }) => {
      asked.push({ clientId, username, method: properties?.authenticationMethod });
      return username === 'eve' ? 0x8a : true;
    },
  });
  const ann = knock(broker, 'ann', { version: 5, username: 'claimed', ...asking('echo', 'one') });
  await ann.take();
  assert.deepEqual(asked, []);
  assert.deepEqual(await told(ann.send(more('let ann in'))), ['CONNACK 0x00 echo welcome ann']);
  const eve = knocking(broker, 'let eve in', 'eve');
  assert.deepEqual(await told(eve), ['CONNACK 0x8a']);
  knocking(broker, 'refuse', 'nobody');
  await broker.settle();
  assert.deepEqual(asked, [
    { clientId: 'ann', username: 'ann', method: 'echo' },
    { clientId: 'eve', username: 'eve', method: 'echo' },
  ]);
  assert.equal(broker.broker.session('ann')?.username, 'ann');
  assert.equal(echo.asked.length, 4);
});

test('gates of a client that was authenticated know it by its name', async () => {
  const { broker, ann } = await inside();
  const asked: (string | undefined)[] = [];
  broker.broker.gate({
    publish: (_, { username }) => (asked.push(username), true),
    subscribe: (_, { username }) => (asked.push(username), true),
  });
  ann.publish('t', 'x').send(subscribe(1, ['t', 0]));
  await ann.expect(suback(1, 0));
  assert.deepEqual(asked, ['ann', 'ann']);
});

test('a client authenticates again with AUTH 0x19, in one step or many, and stays who it is [MQTT5-4.12.1-1]', async () => {
  const { broker, ann, echo, told } = await inside();
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(await told(ann.send(anew('let ann in'))), ['AUTH 0x00 echo welcome ann']);
    assert.deepEqual(await told(ann.send(anew('one'))), ['AUTH 0x18 echo one?']);
    assert.deepEqual(await told(ann.send(more('two'))), ['AUTH 0x18 echo two?']);
    assert.deepEqual(await told(ann.send(more('let ann in'))), ['AUTH 0x00 echo welcome ann']);
  }
  assert.deepEqual(echo.begun, ['ann', 'ann', 'ann', 'ann', 'ann'], 'an exchange each');
  assert.equal(broker.broker.session('ann')?.username, 'ann');
});

test('other packets flow while a client authenticates again, in both directions [MQTT5-4.12.1-1]', async () => {
  const { broker, ann, told } = await inside();
  const bob = await (await arrive5(broker, 'bob')).subscribe('#', 1);
  await ann.send(subscribe(1, ['t', 1])).expect(suback(1, 1));
  assert.deepEqual(await told(ann.send(anew('one'))), ['AUTH 0x18 echo one?']);
  ann.publish('t', 'from ann', { qos: 1, packetId: 5 });
  await bob.expect(publish('t', 'from ann', { qos: 1, packetId: 1 }));
  await ann.expect(publish('t', 'from ann', { qos: 1, packetId: 1 }), puback(5));
  bob.publish('t', 'from bob');
  await ann.send(pingreq).expect(publish('t', 'from bob'), pingresp);
  assert.deepEqual(await told(ann.send(more('let ann in'))), ['AUTH 0x00 echo welcome ann']);
  ann.publish('t', 'after');
  await ann.expect(publish('t', 'after'));
});

test('what a client sends while its method takes its time is taken then, and what others send reaches it at once', async () => {
  const { broker, ann, echo, told } = await inside();
  const bob = await (await arrive5(broker, 'bob')).subscribe('#');
  await ann.send(subscribe(1, ['b', 0])).expect(suback(1, 0));
  echo.later = true;
  ann.send(anew('let ann in')).publish('a', 'x');
  bob.publish('b', 'y');
  await ann.expect(publish('b', 'y'));
  assert.deepEqual(await bob.payloads(), ['y']);
  echo.answer();
  assert.deepEqual(await told(ann), ['AUTH 0x00 echo welcome ann']);
  assert.deepEqual(await bob.payloads(), ['x']);
});

test('a method that takes long is not the silence of the client', async () => {
  const { broker, echo, told } = await scene();
  const ann = knock(broker, 'ann', { version: 5, keepAlive: 10, ...asking('echo', 'let ann in') });
  await ann.take();
  echo.later = true;
  ann.send(anew('let ann in'));
  for (let i = 0; i < 4; i++) {
    broker.advance(5_000);
    ann.send(pingreq);
  }
  echo.answer();
  const pong = `packet type ${PacketType.Pingresp}`;
  assert.deepEqual(await told(ann), ['AUTH 0x00 echo welcome ann', pong, pong, pong, pong]);
});

for (const [name, packets, because] of [
  ['is refused at once', [anew('refuse')], 0x87],
  ['is refused in the end', [anew('one'), more('refuse')], 0x87],
  ['fails', [anew('throw')], 0x87],
  ['proves somebody else', [anew('let eve in')], 0x87],
  ['begins with another method', [auth(0x19, 'other', 'let ann in')], 0x82],
  ['begins without a method', [auth(0x19, undefined)], 0x82],
  ['goes on with another method', [anew('one'), auth(0x18, 'other', 'let ann in')], 0x82],
  ['begins with AUTH 0x18', [more('let ann in')], 0x82],
  ['begins with AUTH 0x00', [auth(0, 'echo', 'let ann in')], 0x82],
  ['begins a second time before it is over', [anew('one'), anew('let ann in')], 0x82],
] as const) {
  test(`a client whose new authentication ${name} gets DISCONNECT 0x${because.toString(16)}, and is out [MQTT5-4.12.1-1] [MQTT5-4.12.1-2]`, async () => {
    const { broker, ann, told } = await inside();
    for (const packet of packets) ann.send(packet);
    ann.publish('t', 'too late', { retain: true });
    assert.equal((await told(ann)).at(-1), `DISCONNECT 0x${because.toString(16)}`);
    assert.equal(ann.closed, true);
    assert.deepEqual(closeReasons(broker), { [because === 0x87 ? 'not-authorized' : 'protocol-error']: 1 });
    assert.equal(broker.broker.stats.retained.messages, 0);
  });
}

test('AUTH from a client that asked for no method is a protocol error [MQTT5-4.12.0-7]', async () => {
  const { broker, told } = await scene();
  for (const packet of [anew('let ann in'), more('let ann in'), auth(0x19, undefined)]) {
    const ann = await arrive5(broker, 'ann');
    assert.deepEqual(await told(ann.send(packet)), ['DISCONNECT 0x82']);
    assert.equal(ann.closed, true);
  }
});

test('a client that leaves while it authenticates again has left: its Will is discarded, and no answer comes', async () => {
  const { broker, echo, told } = await scene();
  const will = { topic: 'w', payload: Buffer.from('gone'), qos: 0, retain: true } as const;
  const ann = knock(broker, 'ann', { version: 5, will, ...asking('echo', 'let ann in') });
  await ann.take();
  await ann.send(anew('one')).take();
  ann.leave();
  assert.deepEqual(await told(ann), []);
  assert.equal(broker.broker.stats.retained.messages, 0);
  const again = knock(broker, 'ann', { version: 5, will, ...asking('echo', 'let ann in') });
  await again.take();
  echo.later = true;
  again.send(anew('let ann in')).hangUp();
  echo.answer();
  await broker.settle();
  assert.deepEqual(held(broker), NOTHING);
  assert.equal(broker.broker.stats.retained.messages, 1, 'a lost connection leaves its Will');
});

test('a new authentication does not outlive a take-over', async () => {
  const { broker, ann, echo, told } = await inside();
  echo.later = true;
  ann.send(anew('let eve in'));
  echo.later = false;
  const next = knocking(broker, 'let ann in');
  assert.deepEqual(await told(ann), ['DISCONNECT 0x8e']);
  echo.answer();
  assert.deepEqual(await told(next), ['CONNACK 0x00 echo welcome ann']);
  await next.send(pingreq).expect(pingresp);
});

// SCRAM-SHA-256, end to end.

const credentials = await deriveScramCredentials('pencil', { iterations: 4_096 });
const SCRAM = 'SCRAM-SHA-256';
const scram = (): AuthenticationMethod => scramSha256(async (name) => (name === 'user' ? credentials : undefined), { iterations: 4_096 });

/** A client's side of one exchange, by RFC 5802 section 3. */
class ScramClient {
  readonly first: string;
  serverFinal = '';
  readonly #password: string;

  constructor(username: string, password: string) {
    this.first = `n,,n=${username},r=nonce-of-the-client`;
    this.#password = password;
  }

  final(serverFirst: string): string {
    const [, nonce, salt, iterations] = /^r=(.+),s=(.+),i=(\d+)$/.exec(serverFirst) ?? assert.fail(serverFirst);
    const unproved = `c=biws,r=${nonce}`;
    const said = `${this.first.slice(3)},${serverFirst},${unproved}`;
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256');
    const sign = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const clientKey = sign(salted, 'Client Key');
    const signature = sign(createHash('sha256').update(clientKey).digest(), said);
    this.serverFinal = `v=${sign(sign(salted, 'Server Key'), said).toString('base64')}`;
    return `${unproved},p=${Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')}`;
  }
}

/** Sends the first packet of an exchange, answers the challenge, and takes what comes of it. */
async function prove(client: Client, told: Scene['told'], side: ScramClient): Promise<string[]> {
  const [challenge = '', ...others] = await told(client);
  const prefix = `AUTH 0x18 ${SCRAM} `;
  assert.ok(challenge.startsWith(prefix) && others.length === 0, challenge);
  return told(client.send(auth(0x18, SCRAM, side.final(challenge.slice(prefix.length)))));
}

const atDoor = (broker: TestBroker, side: ScramClient): Client => knock(broker, 'ann', { version: 5, ...asking(SCRAM, side.first) });

test('SCRAM-SHA-256 lets in who knows the password, proves that the broker knows it too, and does so again', async () => {
  const { broker, told } = await scene({ authenticationMethods: [scram()] });
  const side = new ScramClient('user', 'pencil');
  const ann = atDoor(broker, side);
  assert.deepEqual(await prove(ann, told, side), [`CONNACK 0x00 ${SCRAM} ${side.serverFinal}`]);
  assert.equal(broker.broker.session('ann')?.username, 'user');
  const again = new ScramClient('user', 'pencil');
  ann.send(auth(0x19, SCRAM, again.first));
  assert.deepEqual(await prove(ann, told, again), [`AUTH 0x00 ${SCRAM} ${again.serverFinal}`]);
});

for (const [name, side] of [
  ['a wrong password', new ScramClient('user', 'pencils')],
  ['a name nobody has', new ScramClient('nobody', 'pencil')],
] as const) {
  test(`SCRAM-SHA-256 with ${name} ends with CONNACK 0x87, and again with DISCONNECT 0x87 [MQTT5-4.12.0-4] [MQTT5-4.12.1-2]`, async () => {
    const { broker, told } = await scene({ authenticationMethods: [scram()] });
    const stranger = atDoor(broker, side);
    assert.deepEqual(await prove(stranger, told, side), ['CONNACK 0x87']);
    assert.equal(stranger.closed, true);
    const known = new ScramClient('user', 'pencil');
    const ann = atDoor(broker, known);
    await prove(ann, told, known);
    ann.send(auth(0x19, SCRAM, side.first));
    assert.deepEqual(await prove(ann, told, side), ['DISCONNECT 0x87']);
    assert.equal(ann.closed, true);
  });
}

test('SCRAM-SHA-256 with no data at all is refused as malformed', async () => {
  const { broker, told } = await scene({ authenticationMethods: [scram()] });
  assert.deepEqual(await told(knock(broker, 'ann', { version: 5, ...asking(SCRAM) })), ['CONNACK 0x81']);
});

test('of several methods each client has the one it asks for', async () => {
  const { broker, told } = await scene({ authenticationMethods: [new Echo(), scram()] });
  assert.deepEqual(await told(knocking(broker, 'let ann in')), ['CONNACK 0x00 echo welcome ann']);
  const side = new ScramClient('user', 'pencil');
  const bob = knock(broker, 'bob', { version: 5, ...asking(SCRAM, side.first) });
  assert.deepEqual(await prove(bob, told, side), [`CONNACK 0x00 ${SCRAM} ${side.serverFinal}`]);
});
