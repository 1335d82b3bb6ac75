/**
 * When a result has expired, and what may be said where one may have been (docs/adr/0010). Pure, and one rule for all stores:
 * commit times grow with positions, so that everything last changed at or below one position has expired, wherever it still
 * lies. Removing it from a store changes no answer.
 */
import { keyOf, type ResultKey } from './commit-log.js';
import type { ProcessingEngine } from '../words.js';
import { position, type Position } from './position.js';

/** What of one kind and engine has expired. */
export interface ExpiredKind {
  /**
   * No expired result of the kind is about an event, or has a key or a place in a listing, later than this: ISO-8601 with
   * milliseconds and Z, compared as text. null: nothing is known.
   */
  readonly until: string | null;
}

export interface Expiry {
  /** Results last changed at or below it have expired; null: none has. */
  readonly to: Position | null;
  /** By `expiredKindOf`: the kinds of which any result has expired. */
  readonly kinds: ReadonlyMap<string, ExpiredKind>;
}

export const NOTHING_EXPIRED: Expiry = { to: null, kinds: new Map() };

export const expiredKindOf = ({ kind, engine }: Pick<ResultKey, 'kind' | 'engine'>): string =>
  keyOf({ kind, engine, businessKey: '' });

/** A row of `expired_kinds` as it is stored. */
export interface StoredExpiredKind {
  readonly kind: string;
  readonly engine: ProcessingEngine;
  readonly until: string | null;
}

/** @param to the highest floor; null: none was ever raised */
export const expiryOf = (to: string | null, kinds: readonly StoredExpiredKind[]): Expiry => ({
  to: to === null ? null : position(to),
  kinds: new Map(kinds.map((expired) => [expiredKindOf(expired), { until: expired.until }])),
});

export const isExpired = (lastChange: Position, { to }: Pick<Expiry, 'to'>): boolean => to !== null && lastChange <= to;

const KEY_TIME = /@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The time that a business key ends in, after an `@`; null: it carries none. */
export const keyTime = (businessKey: string): string | null => KEY_TIME.exec(businessKey)?.[1] ?? null;

/** Is the time known, of the one form, and later? */
export const beyond = (time: string | null, until: string | null): boolean =>
  time !== null && until !== null && TIME.test(time) && time > until;

/**
 * May a result of this key have expired? No, if none of its kind has; or if its key's time, or all its events, are later
 * than anything that has.
 * @param begins no event of the key is older (ADR 7), ISO-8601; null: unknown
 */
export function mayHaveExpired(
  { kinds }: Pick<Expiry, 'kinds'>,
  key: ResultKey,
  begins: string | null = null,
): boolean {
  const expired = kinds.get(expiredKindOf(key));
  if (expired === undefined) return false;
  return !beyond(keyTime(key.businessKey), expired.until) && !beyond(begins, expired.until);
}

/** The fields of calculated_value whose expired values `until` covers. */
export const EXPIRY_FIELDS: readonly string[] = ['window_start', 'event_time', 'detected_at'];

/** The part of a listing that an answer speaks of. */
export interface Range {
  readonly orderBy: string;
  /** Nothing before it is spoken of; null: everything is. */
  readonly from: string | null;
}

/** May results that belong into the set have expired? */
export function setMayLack(
  { kinds }: Pick<Expiry, 'kinds'>,
  of: Pick<ResultKey, 'kind' | 'engine'>,
  range: Range | null,
): boolean {
  const expired = kinds.get(expiredKindOf(of));
  if (expired === undefined) return false;
  return range === null || !EXPIRY_FIELDS.includes(range.orderBy) || !beyond(range.from, expired.until);
}

/**
 * What part of its listing a page speaks of. Going down, a full page says nothing of what is below its last row; going up it
 * begins at its cursor.
 */
export function rangeOf(
  query: {
    readonly orderBy: string;
    readonly from?: string;
    readonly after?: { readonly order: string };
    readonly descending: boolean;
    readonly limit: number;
  },
  rows: readonly { readonly calculatedValue: Readonly<Record<string, unknown>> }[],
): Range {
  const { orderBy, descending, limit } = query;
  const last = rows.length < limit ? undefined : rows.at(-1)?.calculatedValue[orderBy];
  const starts = [query.from, descending ? last : query.after?.order];
  const from = starts.filter((start) => typeof start === 'string').reduce((a, b) => (a > b ? a : b), '');
  return { orderBy, from: from === '' ? null : from };
}
