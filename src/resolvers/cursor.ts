/** Cursors: the place of a row in its listing, opaque to clients. A place, not an offset, so that they stay stable. */
import { AppError } from '../errors.js';

export interface Place {
  readonly order: string;
  readonly businessKey: string;
}

/** @param kind a cursor is only good for listings of its kind */
export const encodeCursor = (kind: string, place: Place): string =>
  Buffer.from(JSON.stringify([1, kind, place.order, place.businessKey]), 'utf8').toString('base64url');

/** @throws AppError BAD_CURSOR */
export function decodeCursor(kind: string, cursor: string): Place {
  const parts = /^[\w-]{1,2048}$/.test(cursor) ? parse(Buffer.from(cursor, 'base64url').toString('utf8')) : null;
  if (Array.isArray(parts) && parts.length === 4 && parts[0] === 1 && parts[1] === kind) {
    const [, , order, businessKey] = parts as unknown[];
    if (typeof order === 'string' && typeof businessKey === 'string') return { order, businessKey };
  }
  throw badCursor();
}

export const badCursor = (): AppError =>
  new AppError(
    'BAD_CURSOR',
    'This is not a cursor of this listing: pass pageInfo.endCursor or an edge’s cursor unchanged.',
    { retryable: false, outcome: 'none' },
  );

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Is `a` before `b` in the order of the stores: by `order`, then by business key, as UTF-8 bytes? */
export const precedes = (a: Place, b: Place): boolean =>
  (compareText(a.order, b.order) || compareText(a.businessKey, b.businessKey)) < 0;

/** JavaScript's own `<` compares UTF-16 units, and would put some characters elsewhere than every database does. */
const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
