/**
 * Tokens, as docs/TOKENS.md of the server describes them and `wire/tokens.json` tests them: a position in one history of
 * Postgres. The server remains the judge of a token; here they are only read to keep the later of two. Pure.
 */
export interface Token {
  /** The history that the position belongs to. */
  readonly incarnation: string;
  readonly position: bigint;
}

export type TokenOrder = 'BEFORE' | 'AFTER' | 'EQUAL' | 'INCOMPARABLE';
export type TokenFault = 'TOKEN_MALFORMED' | 'TOKEN_VERSION' | 'TOKEN_TAMPERED' | 'TOKEN_FOREIGN';

/** The codes with which a server refuses a token: it has to be dropped, and what it stood for is not promised any more. */
export const TOKEN_REFUSALS: readonly string[] = [
  'TOKEN_MALFORMED',
  'TOKEN_VERSION',
  'TOKEN_TAMPERED',
  'TOKEN_FOREIGN',
  'TOKEN_FUTURE',
];

export class TokenError extends Error {
  readonly code: TokenFault;
  constructor(code: TokenFault) {
    super(`${code}: see docs/TOKENS.md`);
    this.name = 'TokenError';
    this.code = code;
  }
}

const VERSION = '2';
const MOST_CHARACTERS = 256;
const MOST_POSITION = 2n ** 63n - 1n;

/** @throws TokenError TOKEN_MALFORMED, TOKEN_VERSION or TOKEN_TAMPERED */
export function readToken(token: string): Token {
  const body = decode(token);
  if (body === null) throw new TokenError('TOKEN_MALFORMED');
  const version = /^(\d{1,4})\./.exec(body)?.[1] ?? (body.startsWith('{"v":1,') ? '1' : null);
  if (version !== null && Number(version) !== Number(VERSION)) throw new TokenError('TOKEN_VERSION');
  const match = /^(2\.([\dA-Za-z-]{1,64})\.(0|[1-9]\d{0,18}))\.([\da-f]{8})$/.exec(body);
  const [, signed = '', incarnation = '', digits = '0', check] = match ?? [];
  const position = BigInt(digits);
  if (match === null || position > MOST_POSITION) throw new TokenError('TOKEN_MALFORMED');
  if (check !== crc32(signed)) throw new TokenError('TOKEN_TAMPERED');
  return { incarnation, position };
}

/** How `a` lies to `b`. @throws TokenError */
export function compareTokens(a: string, b: string): TokenOrder {
  const [first, second] = [readToken(a), readToken(b)];
  if (first.incarnation !== second.incarnation) return 'INCOMPARABLE';
  if (first.position === second.position) return 'EQUAL';
  return first.position < second.position ? 'BEFORE' : 'AFTER';
}

/** The token that demands what both demand: one of the two, unchanged. @throws TokenError, TOKEN_FOREIGN when there is none */
export function mergeTokens(a: string, b: string): string {
  const order = compareTokens(a, b);
  if (order === 'INCOMPARABLE') throw new TokenError('TOKEN_FOREIGN');
  return order === 'BEFORE' ? b : a;
}

/** The body; null when the text is not the one base64url of one. */
function decode(token: string): string | null {
  if (token.length > MOST_CHARACTERS || !/^[\w-]+$/.test(token)) return null;
  try {
    const body = atob(token.replaceAll('-', '+').replaceAll('_', '/'));
    return btoa(body).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') === token ? body : null;
  } catch {
    return null;
  }
}

/** CRC-32 (IEEE 802.3) of ASCII text, eight hexadecimal digits. */
export function crc32(ascii: string): string {
  let crc = 0xffffffff;
  for (let i = 0; i < ascii.length; i++) {
    crc ^= ascii.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}
