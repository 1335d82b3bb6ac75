/**
 * A token says "a later answer must reflect at least this position" (contract.md §8). Opaque to clients, versioned, and
 * bound to the incarnation: positions of another one are not comparable, so its tokens are refused, not misread. The
 * format, for other implementations: docs/TOKENS.md, with test vectors in wire/tokens.json.
 */
import { AppError } from '../errors.js';
import { maxPosition, position, type Position } from './position.js';

export interface Token {
  /** 1 to 64 letters, digits and hyphens: a UUID. */
  readonly incarnation: string;
  readonly position: Position;
}

export type TokenOrder = 'BEFORE' | 'AFTER' | 'EQUAL' | 'INCOMPARABLE';

const VERSION = 2;
/** Of the text. Those of this version stay below 130. */
export const MOST_CHARACTERS = 256;
/** Of Postgres' bigint. */
const MOST_POSITION = 2n ** 63n - 1n;

/** The token as text for clients. `decodeToken` is its inverse. */
export function encodeToken({ incarnation, position: at }: Token): string {
  const signed = `${VERSION}.${incarnation}.${at}`;
  return base64url(`${signed}.${check(signed)}`);
}

/**
 * @throws AppError TOKEN_MALFORMED when the text is not a token
 * @throws AppError TOKEN_TAMPERED when it was one, and was changed
 * @throws AppError TOKEN_VERSION when another version of the server made it
 */
export function decodeToken(text: string): Token {
  const body = parse(text);
  if (body === null) throw malformed();
  const version = /^(\d{1,4})\./.exec(body)?.[1] ?? (body.startsWith('{"v":1,') ? '1' : null);
  if (version === null) throw malformed();
  if (Number(version) !== VERSION)
    throw refuse('TOKEN_VERSION', 'The token has another version: read again and use the new one.');
  const [, signed, incarnation, at, sum] =
    /^(2\.([\dA-Za-z-]{1,64})\.(0|[1-9]\d{0,18}))\.([\da-f]{8})$/.exec(body) ?? [];
  if (signed === undefined || incarnation === undefined || at === undefined) throw malformed();
  if (BigInt(at) > MOST_POSITION) throw malformed();
  if (sum !== check(signed))
    throw refuse('TOKEN_TAMPERED', 'The token was changed: pass extensions.consistency.token as it came.');
  return { incarnation, position: position(at) };
}

/** How `a` lies to `b`. Tokens of two incarnations speak of different histories. */
export function compareTokens(a: Token, b: Token): TokenOrder {
  if (a.incarnation !== b.incarnation) return 'INCOMPARABLE';
  return a.position === b.position ? 'EQUAL' : a.position < b.position ? 'BEFORE' : 'AFTER';
}

/**
 * The token that demands what both demand.
 * @throws AppError TOKEN_FOREIGN when they are of two incarnations: no answer can reflect both
 */
export function mergeTokens(a: Token, b: Token): Token {
  if (a.incarnation !== b.incarnation)
    throw refuse('TOKEN_FOREIGN', 'The tokens are of different histories of Postgres: read again and use the new one.');
  return { incarnation: a.incarnation, position: maxPosition(a.position, b.position) };
}

const base64url = (ascii: string): string => Buffer.from(ascii, 'latin1').toString('base64url');

/** The body; null when the text is not the one base64url of one. */
function parse(text: string): string | null {
  if (text.length > MOST_CHARACTERS || !/^[\w-]+$/.test(text)) return null;
  const body = Buffer.from(text, 'base64url').toString('latin1');
  return base64url(body) === text ? body : null;
}

/** CRC-32 (IEEE 802.3) of ASCII text, as 8 hexadecimal digits. Against damage, not against forging: see docs/TOKENS.md. */
function check(ascii: string): string {
  let crc = 0xffffffff;
  for (let i = 0; i < ascii.length; i++) {
    crc ^= ascii.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

const malformed = (): AppError =>
  refuse('TOKEN_MALFORMED', 'This is not a token of this server: pass extensions.consistency.token unchanged.');

const refuse = (code: string, message: string): AppError =>
  new AppError(code, message, { retryable: false, outcome: 'none' });
