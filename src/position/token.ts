/**
 * A token says "a later answer must reflect at least this position" (contract.md §8). Opaque to clients, versioned, and
 * bound to the incarnation: positions of another one are not comparable, so its tokens are refused, not misread.
 */
import { AppError } from '../errors.js';
import { position, type Position } from './position.js';

export interface Token {
  readonly incarnation: string;
  readonly position: Position;
}

const VERSION = 1;

/** The token as text for clients. `decodeToken` is its inverse. */
export function encodeToken(token: Token): string {
  const body = { v: VERSION, incarnation: token.incarnation, position: token.position.toString() };
  return Buffer.from(JSON.stringify(body), 'utf8').toString('base64url');
}

/**
 * @throws AppError TOKEN_MALFORMED when the text is not a token
 * @throws AppError TOKEN_VERSION when another version of the server made it
 */
export function decodeToken(text: string): Token {
  const body = parse(text);
  if (body === null || typeof body['v'] !== 'number')
    throw refuse('TOKEN_MALFORMED', 'This is not a token of this server: pass extensions.consistency.token unchanged.');
  if (body['v'] !== VERSION)
    throw refuse('TOKEN_VERSION', 'The token has another version: read again and use the new one.');
  const { incarnation, position: at } = body;
  if (typeof incarnation !== 'string' || incarnation === '' || typeof at !== 'string' || !/^\d{1,19}$/.test(at)) {
    throw refuse('TOKEN_MALFORMED', 'The token is damaged: pass extensions.consistency.token unchanged.');
  }
  return { incarnation, position: position(at) };
}

function parse(text: string): Record<string, unknown> | null {
  if (!/^[\w-]{1,512}$/.test(text)) return null;
  try {
    const body: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const refuse = (code: string, message: string): AppError =>
  new AppError(code, message, { retryable: false, outcome: 'none' });
