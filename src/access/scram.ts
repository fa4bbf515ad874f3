/** SCRAM-SHA-256 (RFC 5802, RFC 7677): client and broker prove to each other that they know a password, and never send it. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { AuthenticationExchange, AuthenticationMethod, AuthenticationStep } from '../broker/contracts.js';
import { ReasonCode } from '../packet/reason-code.js';

/** What is kept of a password: enough to check a proof, not enough to make one. */
export interface ScramCredentials {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** The credentials of a user by the name that {@link saslprep} makes of the one in the message; undefined for nobody. */
export type ScramLookup = (username: string) => ScramCredentials | undefined | Promise<ScramCredentials | undefined>;

export interface ScramOptions {
  /** What users that do not exist are said to have, with a salt of 16 bytes: what all others have, or the difference tells them apart. */
  readonly iterations?: number;
  /** What the salts of users that do not exist are made of. A new one at each start, or in each of several brokers, gives them away. */
  readonly secret?: Buffer;
  /** The broker's part of a nonce: printable ASCII without a comma, never the same twice. */
  readonly nonce?: () => string;
}

/** RFC 7677 section 4 asks for no fewer, and some clients refuse fewer. */
const MIN_ITERATIONS = 4_096;

/**
 * The rule of thumb of RFC 7677 section 4. A client pays for them once a connection, who stole the credentials at each guess, the broker
 * never. Clients too slow for it, with passwords too random to be guessed, do with fewer.
 */
const ITERATIONS = 15_000;

const SALT_SIZE = 16;

/** Bytes. Names and nonces of any use are far shorter. */
const MAX_MESSAGE = 4_096;

const derive = promisify(pbkdf2);

/**
 * What to keep of a password. The work is done in Node's thread pool.
 * @param options for credentials that others know too; by default a new salt and 15,000 iterations.
 * @throws RangeError (as a rejection) for a password that is empty or has characters SASLprep prohibits, and for fewer than 4,096 iterations.
 */
export async function deriveScramCredentials(
  password: string,
  options: { readonly salt?: Buffer; readonly iterations?: number } = {},
): Promise<ScramCredentials> {
  const { salt = randomBytes(SALT_SIZE), iterations = ITERATIONS } = options;
  const prepared = saslprep(password);
  if (prepared === undefined) throw new RangeError('a password must have characters, and none that SASLprep prohibits');
  if (!(iterations >= MIN_ITERATIONS)) throw new RangeError(`iterations must be at least ${MIN_ITERATIONS}, got ${iterations}`);
  const saltedPassword = await derive(prepared, salt, iterations, 32, 'sha256');
  const clientKey = hmac(saltedPassword, 'Client Key');
  return { salt, iterations, storedKey: hash(clientKey), serverKey: hmac(saltedPassword, 'Server Key') };
}

/**
 * The authentication method `SCRAM-SHA-256`, without channel binding and without acting for others.
 * What `lookup` throws goes to the caller of the step, and ends the exchange.
 */
export function scramSha256(lookup: ScramLookup, options: ScramOptions = {}): AuthenticationMethod {
  const { iterations = ITERATIONS, secret = randomBytes(32), nonce = newNonce } = options;
  // Made for every name that is asked for, so that time does not tell either. Nobody knows a key that hashes to this one.
  const decoy = (username: string): ScramCredentials => {
    const [salt, key] = [hmac(secret, `salt ${username}`).subarray(0, SALT_SIZE), hmac(secret, `key ${username}`)];
    return { salt, iterations, storedKey: key, serverKey: key };
  };
  return { name: 'SCRAM-SHA-256', begin: () => new Exchange(lookup, decoy, nonce) };
}

// Not of this grammar, and so refused: channel binding (`p=`) and mandatory extensions (`m=`). Extensions (RFC 5802 section 7) pass unread.
const EXTENSIONS = String.raw`(?:,[A-Za-ln-z]=[^,\0]+)*`;
const NONCE = String.raw`r=([!-+\--~]+)`;
const CLIENT_FIRST = new RegExp(String.raw`^([ny],(?:a=([^,\0]+))?,)(n=((?:[^,=\0]|=2C|=3D)+),${NONCE}${EXTENSIONS})$`);
const CLIENT_FINAL = new RegExp(String.raw`^(c=([A-Za-z0-9+/=]+),${NONCE}${EXTENSIONS}),p=([A-Za-z0-9+/]{43}=)$`);

/**
 * One client's two messages. A message that is none of SCRAM is refused as malformed, one out of turn as a protocol error, and all else as
 * not authorized: these three may stand in a CONNACK as well as in the DISCONNECT that ends an authentication again.
 */
class Exchange implements AuthenticationExchange {
  readonly #lookup: ScramLookup;
  readonly #decoy: (username: string) => ScramCredentials;
  readonly #nonce: () => string;
  #expects: 'first' | 'nothing' | 'final' | 'over' = 'first';
  #username = '';
  #header = '';
  /** Both nonces, one after the other. */
  #nonces = '';
  /** What both sides said so far, as it is signed. */
  #said = '';
  #credentials!: ScramCredentials;

  constructor(lookup: ScramLookup, decoy: (username: string) => ScramCredentials, nonce: () => string) {
    this.#lookup = lookup;
    this.#decoy = decoy;
    this.#nonce = nonce;
  }

  step(data: Buffer | undefined): AuthenticationStep | Promise<AuthenticationStep> {
    const expected = this.#expects;
    this.#expects = 'over';
    if (expected === 'nothing' || expected === 'over') return { refused: ReasonCode.ProtocolError };
    const message = textOf(data);
    if (message === undefined) return { refused: ReasonCode.MalformedPacket };
    return expected === 'first' ? this.#first(message) : this.#final(message);
  }

  #first(message: string): AuthenticationStep | Promise<AuthenticationStep> {
    const [, header, authzid, bare, saslname, nonce] = CLIENT_FIRST.exec(message) ?? [];
    if (header === undefined || bare === undefined || saslname === undefined || nonce === undefined) {
      return { refused: ReasonCode.MalformedPacket };
    }
    // A client may act for itself only.
    if (authzid !== undefined && authzid !== saslname) return { refused: ReasonCode.NotAuthorized };
    const username = saslprep(saslname.replaceAll('=2C', ',').replaceAll('=3D', '='));
    if (username === undefined) return { refused: ReasonCode.NotAuthorized };
    this.#username = username;
    this.#header = header;
    this.#nonces = nonce + this.#nonce();
    this.#said = bare;
    this.#expects = 'nothing';
    const decoy = this.#decoy(username);
    const found = this.#lookup(username);
    return found instanceof Promise ? found.then((credentials) => this.#challenge(credentials ?? decoy)) : this.#challenge(found ?? decoy);
  }

  #challenge(credentials: ScramCredentials): AuthenticationStep {
    // The client did not wait for this answer.
    if (this.#expects !== 'nothing') return { refused: ReasonCode.ProtocolError };
    const serverFirst = `r=${this.#nonces},s=${credentials.salt.toString('base64')},i=${credentials.iterations}`;
    this.#said += `,${serverFirst}`;
    this.#credentials = credentials;
    this.#expects = 'final';
    return { continue: Buffer.from(serverFirst) };
  }

  #final(message: string): AuthenticationStep {
    const [, unproved, binding, nonces, proof] = CLIENT_FINAL.exec(message) ?? [];
    if (unproved === undefined || proof === undefined) return { refused: ReasonCode.MalformedPacket };
    // `biws` or `eSws`: what the client first said of channel binding, which somebody in between might have changed.
    const bound = binding === Buffer.from(this.#header).toString('base64');
    if (!bound || nonces !== this.#nonces) return { refused: ReasonCode.NotAuthorized };
    const { storedKey, serverKey } = this.#credentials;
    const said = `${this.#said},${unproved}`;
    const clientKey = xor(Buffer.from(proof, 'base64'), hmac(storedKey, said));
    if (!timingSafeEqual(hash(clientKey), storedKey)) return { refused: ReasonCode.NotAuthorized };
    return { success: Buffer.from(`v=${hmac(serverKey, said).toString('base64')}`), username: this.#username };
  }
}

const SPACES = /[\p{Zs}\u200B]/gu;
const NOTHINGS = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;
const PROHIBITED = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u2FF0-\u2FFB\uFFFC\uFFFD]/u;

/**
 * A user name or a password as SASLprep (RFC 4013) writes it, so that one typed in two ways is one; undefined where it is empty or prohibited.
 * Other than there, the tables are those of Node's Unicode rather than of 3.2, all format characters are prohibited, characters not assigned
 * yet are allowed, and writing from the right may be mixed with writing from the left.
 */
export function saslprep(text: string): string | undefined {
  const prepared = text.replace(SPACES, ' ').replace(NOTHINGS, '').normalize('NFKC');
  return prepared === '' || PROHIBITED.test(prepared) ? undefined : prepared;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(data: Buffer | undefined): string | undefined {
  if (data === undefined || data.length > MAX_MESSAGE) return undefined;
  try {
    return utf8.decode(data);
  } catch {
    return undefined;
  }
}

function newNonce(): string {
  return randomBytes(18).toString('base64');
}

function hash(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, i) => byte ^ right[i]!));
}
