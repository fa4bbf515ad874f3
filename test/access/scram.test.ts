/** SCRAM-SHA-256: who gets in, who does not, and what the refused may learn. */
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { deriveScramCredentials, saslprep, type ScramLookup, type ScramOptions, scramSha256 } from '../../src/access/scram.js';
import type { AuthenticationExchange, AuthenticationStep } from '../../src/broker/contracts.js';
import { ReasonCode } from '../../src/packet/reason-code.js';
import { runs } from '../util/runs.js';
import { anyString } from '../util/any-string.js';

const { MalformedPacket, NotAuthorized, ProtocolError } = ReasonCode;
const malformed = { refused: MalformedPacket };
const unauthorized = { refused: NotAuthorized };
const outOfTurn = { refused: ProtocolError };

/** The example of RFC 7677 section 3. */
const rfc = {
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  iterations: 4_096,
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  unproved: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  proof: 'p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const clientFinal = `${rfc.unproved},${rfc.proof}`;

const credentials = await deriveScramCredentials('pencil', { salt: rfc.salt, iterations: rfc.iterations });

/** Knows `user` with the password `pencil`, and nobody else. */
const lookup: ScramLookup = (username) => (username === 'user' ? credentials : undefined);

function begin(options: ScramOptions = {}, users = lookup): AuthenticationExchange {
  return scramSha256(users, { iterations: rfc.iterations, ...options }).begin('ann');
}

/** An exchange in which the broker says what it says in the example. */
function beginExample(users = lookup): AuthenticationExchange {
  return begin({ nonce: () => rfc.serverNonce }, users);
}

/** What is answered at once. */
function say(exchange: AuthenticationExchange, message: string | Buffer | undefined): AuthenticationStep {
  const step = exchange.step(typeof message === 'string' ? Buffer.from(message) : message);
  return step instanceof Promise ? assert.fail('an answer that comes later') : step;
}

/** Asserts that the broker asks on, and gives its question as text. */
function challengeOf(step: AuthenticationStep): string {
  assert.ok('continue' in step && step.continue !== undefined, `a challenge, not ${JSON.stringify(step)}`);
  return step.continue.toString();
}

/** One client, written from RFC 5802 section 3 alone; it prepares its name and password as far as these tests need. */
class Client {
  readonly first: Buffer;
  serverFinal = '';
  readonly #header: string;
  readonly #bare: string;
  readonly #password: string;

  constructor(username: string, password: string, { header = 'n,,', nonce = 'of-the-client', extensions = '' } = {}) {
    const saslname = username.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.#header = header;
    this.#bare = `n=${saslname},r=${nonce}${extensions}`;
    this.#password = password.normalize('NFKC');
    this.first = Buffer.from(header + this.#bare);
  }

  /** @param spoil what a client in error, or one whose first message was changed on its way, would prove instead. */
  final(serverFirst: string, spoil: (unproved: string) => string = (unproved) => unproved): Buffer {
    const [, nonce, salt, iterations] = /^r=(.+),s=(.+),i=(\d+)$/.exec(serverFirst) ?? assert.fail(serverFirst);
    const unproved = spoil(`c=${Buffer.from(this.#header).toString('base64')},r=${nonce}`);
    const said = `${this.#bare},${serverFirst},${unproved}`;
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256');
    const sign = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const clientKey = sign(salted, 'Client Key');
    const signature = sign(createHash('sha256').update(clientKey).digest(), said);
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
    this.serverFinal = `v=${sign(sign(salted, 'Server Key'), said).toString('base64')}`;
    return Buffer.from(`${unproved},p=${proof.toString('base64')}`);
  }

  async authenticate(exchange: AuthenticationExchange): Promise<AuthenticationStep> {
    const step = await exchange.step(this.first);
    return 'continue' in step ? exchange.step(this.final(challengeOf(step))) : step;
  }
}

test('the example of RFC 7677 is answered as it is there, at once where the credentials are at hand', () => {
  const exchange = beginExample();
  assert.deepEqual(say(exchange, rfc.clientFirst), { continue: Buffer.from(rfc.serverFirst) });
  assert.deepEqual(say(exchange, clientFinal), { success: Buffer.from(rfc.serverFinal), username: 'user' });
});

test('the same exchange succeeds where the credentials come later', async () => {
  const exchange = beginExample(async (username) => lookup(username));
  assert.deepEqual(await exchange.step(Buffer.from(rfc.clientFirst)), { continue: Buffer.from(rfc.serverFirst) });
  assert.deepEqual(say(exchange, clientFinal), { success: Buffer.from(rfc.serverFinal), username: 'user' });
});

test('the method is asked for as SCRAM-SHA-256', () => {
  assert.equal(scramSha256(lookup).name, 'SCRAM-SHA-256');
});

/** Clients that are `user`, each in its own way. */
const welcome = [
  { name: 'that cannot bind channels (n,,)', client: new Client('user', 'pencil') },
  { name: 'that could bind channels, but sees that the broker does not (y,,)', client: new Client('user', 'pencil', { header: 'y,,' }) },
  { name: 'that acts for itself by name', client: new Client('user', 'pencil', { header: 'n,a=user,' }) },
  { name: 'with extensions nobody has to know', client: new Client('user', 'pencil', { extensions: ',x=1,Y=a=b' }) },
  { name: 'that writes its name with a soft hyphen and a wide r', client: new Client('us\u00ADe\uFF52', 'pencil') },
] as const;

for (const { name, client } of welcome) {
  test(`a client ${name} is let in and gets the broker's proof`, async () => {
    const step = await client.authenticate(begin());
    assert.deepEqual(step, { success: Buffer.from(client.serverFinal), username: 'user' });
  });
}

/** Clients with sound messages that are not let in. */
const strangers = [
  { name: 'a wrong password', client: new Client('user', 'pencils') },
  { name: 'a name nobody has', client: new Client('nobody', 'pencil') },
  { name: 'a name in other letters', client: new Client('User', 'pencil') },
  { name: 'the name of another to act for', client: new Client('user', 'pencil', { header: 'n,a=admin,' }) },
  { name: 'a name of nothing but characters that are dropped', client: new Client('\u00AD', 'pencil') },
  { name: 'a control character in its name', client: new Client('user\u0007', 'pencil') },
] as const;

for (const { name, client } of strangers) {
  test(`a client with ${name} is not authorized`, async () => {
    assert.deepEqual(await client.authenticate(begin()), unauthorized);
  });
}

test('commas and equals signs in a name arrive as such, and what then looks like an escape is none', () => {
  for (const [saslname, username] of [
    ['a=2Cb=3Dc', 'a,b=c'],
    ['=3D2C=2C3D', '=2C,3D'],
  ] as const) {
    const asked: string[] = [];
    const exchange = begin({}, (name) => void asked.push(name));
    challengeOf(say(exchange, `n,,n=${saslname},r=nonce`));
    assert.deepEqual(asked, [username]);
  }
});

/** First messages that are none. */
const badFirsts: readonly (readonly [name: string, message: string | Buffer | undefined])[] = [
  ['no data', undefined],
  ['an empty message', ''],
  ['text of another kind', 'user\0pencil'],
  ['no header', 'n=user,r=nonce'],
  ['a header of neither n nor y', 'x,,n=user,r=nonce'],
  ['channel binding', 'p=tls-unique,,n=user,r=nonce'],
  ['an empty name to act for', 'n,a=,n=user,r=nonce'],
  ['something else for the name to act for', 'n,b=user,n=user,r=nonce'],
  ['a mandatory extension in front', 'n,,m=1,n=user,r=nonce'],
  ['a mandatory extension at the end', 'n,,n=user,r=nonce,m=1'],
  ['no name', 'n,,r=nonce'],
  ['an empty name', 'n,,n=,r=nonce'],
  ['a bare = in the name', 'n,,n=a=b,r=nonce'],
  ['an escape in small letters', 'n,,n=a=2cb,r=nonce'],
  ['half an escape', 'n,,n=user=2,r=nonce'],
  ['NUL in the name', 'n,,n=us\0er,r=nonce'],
  ['no nonce', 'n,,n=user'],
  ['an empty nonce', 'n,,n=user,r='],
  ['a space in the nonce', 'n,,n=user,r=no nce'],
  ['a nonce beyond ASCII', 'n,,n=user,r=n\u00F6nce'],
  ['name and nonce the wrong way round', 'n,,r=nonce,n=user'],
  ['an extension without a value', 'n,,n=user,r=nonce,x='],
  ['an extension without a name', 'n,,n=user,r=nonce,=1'],
  ['an extension with a long name', 'n,,n=user,r=nonce,xy=1'],
  ['NUL in an extension', 'n,,n=user,r=nonce,x=\0'],
  ['a comma at the end', 'n,,n=user,r=nonce,'],
  ['a line feed in front', '\nn,,n=user,r=nonce'],
  ['a line feed at the end', 'n,,n=user,r=nonce\n'],
  ['a byte order mark', '\uFEFFn,,n=user,r=nonce'],
  ['bytes that are not UTF-8', Buffer.from('6e2c2c6e3dff2c723d31', 'hex')],
  ['a final message', clientFinal],
  ['4,097 bytes', `n,,n=user,r=${'r'.repeat(4_097 - 12)}`],
];

for (const [name, message] of badFirsts) {
  test(`a first message with ${name} is malformed, and nobody is looked up`, () => {
    const asked: string[] = [];
    const exchange = begin({}, (username) => void asked.push(username));
    assert.deepEqual(say(exchange, message), malformed);
    assert.deepEqual(asked, []);
  });
}

test('a message of 4,096 bytes is read', () => {
  challengeOf(say(begin(), `n,,n=user,r=${'r'.repeat(4_096 - 12)}`));
});

/** Final messages of the example, spoilt. */
const badFinals: readonly (readonly [name: string, message: string | Buffer | undefined, step: AuthenticationStep])[] = [
  ['no data', undefined, malformed],
  ['an empty message', '', malformed],
  ['the first message again', rfc.clientFirst, malformed],
  ['no proof', rfc.unproved, malformed],
  ['an empty proof', `${rfc.unproved},p=`, malformed],
  ['a proof of 31 bytes', `${rfc.unproved},p=${Buffer.alloc(31).toString('base64')}`, malformed],
  ['a proof of 33 bytes', `${rfc.unproved},p=${Buffer.alloc(33).toString('base64')}`, malformed],
  ['a proof that is not base64', `${rfc.unproved},${rfc.proof.replace('+', '-')}`, malformed],
  ['something after the proof', `${clientFinal},x=1`, malformed],
  ['a line feed after the proof', `${clientFinal}\n`, malformed],
  ['a mandatory extension', `${rfc.unproved},m=1,${rfc.proof}`, malformed],
  ['no channel binding', `${rfc.unproved.slice('c=biws,'.length)},${rfc.proof}`, malformed],
  ['an empty channel binding', `${rfc.unproved.replace('biws', '')},${rfc.proof}`, malformed],
  ['bytes that are not UTF-8', Buffer.from(`${rfc.unproved},x=\u00FF,${rfc.proof}`, 'latin1'), malformed],
  ['more than 4,096 bytes', `${rfc.unproved},x=${'x'.repeat(4_097)},${rfc.proof}`, malformed],
  ['the channel binding of another header', `${rfc.unproved.replace('biws', 'eSws')},${rfc.proof}`, unauthorized],
  ['another spelling of the channel binding', `${rfc.unproved.replace('biws', 'biws====')},${rfc.proof}`, unauthorized],
  ['the nonce of the client alone', `c=biws,r=rOprNGfwEbeRWgbNEkqO,${rfc.proof}`, unauthorized],
  ['a longer nonce', `${rfc.unproved}0,${rfc.proof}`, unauthorized],
  ['another nonce', `${rfc.unproved.replace('hvYD', 'hvYd')},${rfc.proof}`, unauthorized],
  ['a proof with one bit changed', `${rfc.unproved},${rfc.proof.replace('p=d', 'p=e')}`, unauthorized],
  ['a proof of zeros', `${rfc.unproved},p=${Buffer.alloc(32).toString('base64')}`, unauthorized],
  ['an extension that is not in the proof', `${rfc.unproved},x=1,${rfc.proof}`, unauthorized],
];

for (const [name, message, refusal] of badFinals) {
  test(`a final message with ${name} is refused, and a better one comes too late`, () => {
    const exchange = beginExample();
    say(exchange, rfc.clientFirst);
    assert.deepEqual(say(exchange, message), refusal);
    assert.deepEqual(say(exchange, clientFinal), outOfTurn);
  });
}

/** What a right proof does not make good. */
const spoilt: readonly (readonly [name: string, spoil: (unproved: string) => string])[] = [
  ['the nonce of the client alone', () => 'c=biws,r=of-the-client'],
  ['a longer nonce', (unproved) => `${unproved}0`],
  ['the header y,, where it was n,,', (unproved) => unproved.replace('biws', 'eSws')],
  ['a header with bound channels', (unproved) => unproved.replace('biws', 'cD10bHMtdW5pcXVlLCw=')],
];

for (const [name, spoil] of spoilt) {
  test(`a final message with ${name} is not authorized, although its proof is right`, () => {
    const exchange = begin();
    const client = new Client('user', 'pencil');
    const serverFirst = challengeOf(say(exchange, client.first));
    assert.deepEqual(say(exchange, client.final(serverFirst, spoil)), unauthorized);
  });
}

test('whatever the bytes, a step is a refusal and never an exception', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.string({ unit: fc.constantFrom('n', 'y', 'a', 'r', 'c', 'p', 'm', '=', ',', '2C', 'biws', '\0', '\n', '\u00E9'), maxLength: 40 }),
  );
  fc.assert(
    fc.property(bytes, fc.boolean(), (bytes, final) => {
      const exchange = beginExample();
      if (final) say(exchange, rfc.clientFirst);
      const step = say(exchange, typeof bytes === 'string' ? bytes : Buffer.from(bytes));
      assert.ok('refused' in step || (!final && 'continue' in step));
    }),
  );
});

test('a proof that was overheard proves nothing in another exchange', () => {
  const method = scramSha256(lookup);
  const client = new Client('user', 'pencil');
  const [heard, replayed] = [method.begin('ann'), method.begin('eve')];
  const overheard = client.final(challengeOf(say(heard, client.first)));
  challengeOf(say(replayed, client.first));
  assert.deepEqual(say(replayed, overheard), unauthorized);
  assert.deepEqual(say(heard, overheard), { success: Buffer.from(client.serverFinal), username: 'user' });
});

test('a proof is for one name, even where the nonces, the salt and the password are those of another', () => {
  const exchange = beginExample(() => credentials);
  assert.deepEqual(say(exchange, rfc.clientFirst.replace('user', 'uses')), { continue: Buffer.from(rfc.serverFirst) });
  assert.deepEqual(say(exchange, clientFinal), unauthorized);
});

test('the stored key is no key: who has stolen the credentials cannot make a proof by signing with them', () => {
  const exchange = beginExample();
  say(exchange, rfc.clientFirst);
  const said = `${rfc.clientFirst.slice('n,,'.length)},${rfc.serverFirst},${rfc.unproved}`;
  const signature = createHmac('sha256', credentials.storedKey).update(said).digest();
  const proof = Buffer.from(signature.map((byte, i) => byte ^ credentials.storedKey[i]!)).toString('base64');
  assert.deepEqual(say(exchange, `${rfc.unproved},p=${proof}`), unauthorized);
});

test('an exchange that succeeded is over', async () => {
  const exchange = begin();
  const client = new Client('user', 'pencil');
  assert.ok('success' in (await client.authenticate(exchange)));
  assert.deepEqual(say(exchange, client.first), outOfTurn);
});

test('an exchange whose first message was refused is over', () => {
  const exchange = begin();
  assert.deepEqual(say(exchange, undefined), malformed);
  assert.deepEqual(say(exchange, rfc.clientFirst), outOfTurn);
});

test('a client that does not wait for its challenge is refused, and so is what it asked before', async () => {
  let answer: () => void = () => assert.fail('nobody asked');
  const exchange = beginExample(() => new Promise((resolve) => (answer = () => resolve(credentials))));
  const first = exchange.step(Buffer.from(rfc.clientFirst));
  assert.deepEqual(say(exchange, clientFinal), outOfTurn);
  answer();
  assert.deepEqual(await first, outOfTurn);
  assert.deepEqual(say(exchange, clientFinal), outOfTurn);
});

test('a method begins as many exchanges as it is asked for, each for itself', () => {
  const method = scramSha256(lookup);
  const clients = [new Client('user', 'pencil'), new Client('user', 'pencil', { nonce: 'another' })];
  const both = clients.map((client) => ({ client, exchange: method.begin('ann') }));
  const challenges = both.map(({ client, exchange }) => challengeOf(say(exchange, client.first)));
  for (const [i, { client, exchange }] of both.entries()) {
    assert.ok('success' in say(exchange, client.final(challenges[i]!)));
  }
});

test("every exchange has a nonce of its own, after the client's", () => {
  const method = scramSha256(lookup);
  const nonces = Array.from({ length: 100 }, () => {
    const challenge = challengeOf(say(method.begin('ann'), 'n,,n=user,r=mine'));
    return /^r=(mine[!-+\--~]{24}),s=/.exec(challenge)?.[1] ?? assert.fail(challenge);
  });
  assert.equal(new Set(nonces).size, nonces.length);
});

for (const [how, failing] of [
  [
    'throws',
    () => {
      throw new Error('the disk is gone');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the disk is gone'))],
] as const) {
  test(`what a lookup that ${how} says goes to the caller, and the exchange is over`, async () => {
    const exchange = begin({}, failing);
    await assert.rejects(async () => exchange.step(Buffer.from(rfc.clientFirst)), /^Error: the disk is gone$/);
    assert.deepEqual(say(exchange, rfc.clientFirst), outOfTurn);
  });
}

/** The salt and the iterations that anybody is told who knows a name, or guesses one. */
function probe(name: string, method = scramSha256(lookup, { iterations: rfc.iterations })): { salt: Buffer; iterations: number } {
  const challenge = challengeOf(say(method.begin('eve'), `n,,n=${name},r=nonce`));
  const [, salt, iterations] = /,s=(.+),i=(\d+)$/.exec(challenge) ?? assert.fail(challenge);
  return { salt: Buffer.from(salt!, 'base64'), iterations: Number(iterations) };
}

test('a user that does not exist has iterations and a salt like any other, and the same whenever it is asked for', () => {
  const method = scramSha256(lookup, { iterations: rfc.iterations });
  const [known, unknown] = [probe('user', method), probe('nobody', method)];
  assert.equal(unknown.salt.length, known.salt.length);
  assert.equal(unknown.iterations, known.iterations);
  assert.deepEqual(probe('nobody', method), unknown);
  assert.notDeepEqual(probe('somebody', method).salt, unknown.salt);
});

test('the salt of a user that does not exist cannot be foretold without the secret, and stays as long as the secret does', () => {
  const [ours, theirs] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  assert.notDeepEqual(probe('nobody'), probe('nobody'));
  const saltWith = (secret: Buffer) => probe('nobody', scramSha256(lookup, { secret })).salt;
  assert.notDeepEqual(saltWith(ours), saltWith(theirs));
  assert.deepEqual(saltWith(ours), saltWith(ours));
});

test('by default a user that does not exist has the iterations and the size of salt that derived credentials have', async () => {
  const derived = await deriveScramCredentials('pencil');
  const { salt, iterations } = probe(
    'nobody',
    scramSha256(() => undefined),
  );
  assert.equal(iterations, derived.iterations);
  assert.ok(iterations >= 4_096);
  assert.equal(salt.length, derived.salt.length);
});

test('derived credentials are what RFC 7677 makes of the password and the salt, by default a new one', async () => {
  assert.deepEqual(credentials, {
    salt: rfc.salt,
    iterations: 4_096,
    storedKey: Buffer.from('586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6', 'hex'),
    serverKey: Buffer.from('c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5', 'hex'),
  });
  const derive = () => deriveScramCredentials('pencil', { iterations: 4_096 });
  const [one, other] = [await derive(), await derive()];
  assert.notDeepEqual(one.salt, other.salt);
  assert.notDeepEqual(one.storedKey, other.storedKey);
});

test('a password that cannot be kept is refused without a word of it', async () => {
  for (const password of ['', '\u00AD', 'hunter2\u0007', 'hunter2\uD800']) {
    await assert.rejects(
      deriveScramCredentials(password),
      (error: Error) => error instanceof RangeError && !error.message.includes('hunter2'),
    );
  }
});

test('fewer iterations than clients accept are refused', async () => {
  for (const iterations of [0, 4_095, Number.NaN]) {
    const expected = { name: 'RangeError', message: `iterations must be at least 4096, got ${iterations}` };
    await assert.rejects(deriveScramCredentials('pencil', { iterations }), expected);
  }
});

test('the event loop turns while a password is derived', async () => {
  const order: string[] = [];
  const derived = deriveScramCredentials('pencil', { iterations: 100_000 }).then(() => order.push('derived'));
  setImmediate(() => order.push('turn'));
  await derived;
  assert.deepEqual(order, ['turn', 'derived']);
});

/** The examples of RFC 4013 section 3, and one of each kind of character. */
const preparations: readonly (readonly [text: string, prepared: string | undefined])[] = [
  ['I\u00ADX', 'IX'],
  ['user', 'user'],
  ['USER', 'USER'],
  ['\u00AA', 'a'],
  ['\u2168', 'IX'],
  ['\u0007', undefined],
  ['a\u00A0b\u3000c\u200Bd', 'a b c d'],
  ['A\u030A', '\u00C5'],
  ['\uFEFF\uFE0F\u200D', undefined],
  ['\u{1F600}', '\u{1F600}'],
  ['\u007F', undefined],
  ['\u0085', undefined],
  ['\u200E', undefined],
  ['\u2028', undefined],
  ['\u2029', undefined],
  ['\u2FF0', undefined],
  ['\uE000', undefined],
  ['\uD800', undefined],
  ['\uFDD0', undefined],
  ['\u{1FFFF}', undefined],
  ['\uFFFC', undefined],
  ['\uFFFD', undefined],
  ['\u{E0041}', undefined],
];

for (const [text, prepared] of preparations) {
  test(`SASLprep ${prepared === undefined ? 'refuses' : 'accepts'} ${JSON.stringify(text)} as ${JSON.stringify(prepared)}`, () => {
    assert.equal(saslprep(text), prepared);
  });
}

test('what SASLprep has prepared is prepared', () => {
  fc.assert(
    fc.property(anyString({ minLength: 1 }), (text) => {
      const prepared = saslprep(text);
      fc.pre(prepared !== undefined);
      assert.equal(saslprep(prepared), prepared);
    }),
  );
});

test('whatever the name and the password, the client that knows them is let in under that name, and one that does not is not', async () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'Z', '0', '2C', '3D', ' ', ',', '=', '\u00E9', '\u212B', '\uFB01', '\u6F22', '\u{1F600}'),
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.boolean(), async (username, password, guess, later) => {
      const derived = await deriveScramCredentials(password, { iterations: 4_096 });
      const find = (name: string) => (name === username.normalize('NFKC') ? derived : undefined);
      const method = scramSha256(later ? async (name) => find(name) : find);
      const client = new Client(username, password);
      const success = await client.authenticate(method.begin('ann'));
      assert.deepEqual(success, { success: Buffer.from(client.serverFinal), username: username.normalize('NFKC') });
      const right = guess.normalize('NFKC') === password.normalize('NFKC');
      assert.equal('success' in (await new Client(username, guess).authenticate(method.begin('ann'))), right);
    }),
    runs(12),
  );
});
