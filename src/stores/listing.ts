/**
 * What `list` means, in memory: the reference that every store's listing is compared with, and the fake's own. Pure.
 */
import { isExpired } from '../position/expiry.js';
import type { ListQuery, StoredResult } from './port.js';

/** Texts by their UTF-8 bytes, as the databases compare them; JavaScript's `<` compares UTF-16 units. */
export const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const textOf = (result: StoredResult, field: string): string | null => {
  const value = result.calculatedValue[field];
  return typeof value === 'string' ? value : null;
};

/** A result whose `orderBy` field is missing or not a text has no place in the order: it is left out. */
export function listResults(all: Iterable<StoredResult>, query: ListQuery): StoredResult[] {
  const order = (result: StoredResult): string => textOf(result, query.orderBy) ?? '';
  const compare = (a: { order: string; key: string }, b: { order: string; key: string }): number =>
    compareText(a.order, b.order) || compareText(a.key, b.key);
  const place = (result: StoredResult): { order: string; key: string } => ({
    order: order(result),
    key: result.businessKey,
  });
  const sign = query.descending ? -1 : 1;
  const { after } = query;
  return [...all]
    .filter((result) => result.kind === query.kind && result.engine === query.engine && !result.deleted)
    .filter((result) => !isExpired(result.position, { to: query.expiredTo ?? null }))
    .filter((result) => Object.entries(query.equals).every(([field, value]) => textOf(result, field) === value))
    .filter((result) => textOf(result, query.orderBy) !== null)
    .filter((result) => query.from === undefined || compareText(order(result), query.from) >= 0)
    .filter((result) => query.to === undefined || compareText(order(result), query.to) < 0)
    .filter(
      (result) =>
        after === undefined || sign * compare(place(result), { order: after.order, key: after.businessKey }) > 0,
    )
    .sort((a, b) => sign * compare(place(a), place(b)))
    .slice(0, query.limit);
}
