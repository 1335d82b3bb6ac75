/** Relay's four arguments → one listing, and its rows → a page. Pure. */
import { AppError } from '../errors.js';
import { decodeCursor, precedes, type Place } from './cursor.js';

export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export interface PagePlan {
  readonly size: number;
  /** Read from the end: the rows come newest first and are turned round. */
  readonly backward: boolean;
  /** Where to start, exclusive, in reading direction. */
  readonly start: Place | null;
  /** Where to stop, exclusive, in reading direction. */
  readonly end: Place | null;
}

/** Of a page whose size is not given. */
export const DEFAULT_PAGE_SIZE = 50;

/**
 * @param cursors the kind that the cursors must be of, or how to read them
 * @throws AppError BAD_PAGE_SIZE, BAD_CURSOR
 */
export function planPage(
  cursors: string | ((cursor: string) => Place),
  given: PageArguments,
  maxPageSize: number,
): PagePlan {
  const place = typeof cursors === 'string' ? (cursor: string): Place => decodeCursor(cursors, cursor) : cursors;
  const { first, last } = given;
  if (isGiven(first) && isGiven(last)) throw badSize('Give first or last, not both.');
  const size = first ?? last ?? Math.min(DEFAULT_PAGE_SIZE, maxPageSize);
  if (size < 1 || size > maxPageSize) throw badSize(`A page has 1 to ${maxPageSize} results.`);
  const after = isGiven(given.after) ? place(given.after) : null;
  const before = isGiven(given.before) ? place(given.before) : null;
  const backward = isGiven(last);
  return { size, backward, start: backward ? before : after, end: backward ? after : before };
}

export interface Page<T> {
  /** In the order of the listing, whatever the direction they were read in. */
  readonly rows: readonly T[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/** @param read one row more than the page, in reading direction */
export function cutPage<T>(plan: PagePlan, read: readonly T[], placeOf: (row: T) => Place): Page<T> {
  const { end } = plan;
  const inBounds =
    end === null
      ? read
      : read.filter((row) => (plan.backward ? precedes(end, placeOf(row)) : precedes(placeOf(row), end)));
  const rows = inBounds.slice(0, plan.size);
  const more = inBounds.length > plan.size || inBounds.length < read.length;
  return plan.backward
    ? { rows: rows.reverse(), hasNextPage: plan.start !== null, hasPreviousPage: more }
    : { rows, hasNextPage: more, hasPreviousPage: plan.start !== null };
}

const isGiven = <T>(value: T | null | undefined): value is T => value !== null && value !== undefined;
const badSize = (message: string): AppError =>
  new AppError('BAD_PAGE_SIZE', message, { retryable: false, outcome: 'none' });
