/**
 * Reading by id, which is in real time, and listing, which is a search: it sees what was refreshed, and its bound is
 * the search position (contract.md §7).
 */
import { AppError } from '../../errors.js';
import type { ResultKey } from '../../position/commit-log.js';
import type { Answer, ExpiredTo, ListQuery, StoredResult } from '../port.js';
import { answer } from './binding.js';
import { FIELD, fromElastic, idOf } from './document.js';
import { call, refusalError, unavailable, type ElasticPlace, type Json } from './request.js';

/** @throws AppError POSITION_UNKNOWN (wiped, being rebuilt for the first time) or STORE_UNAVAILABLE, both retryable */
export function readMany(
  place: ElasticPlace,
  keys: readonly ResultKey[],
): Promise<Answer<readonly (StoredResult | null)[]>> {
  const ids = keys.map(idOf);
  const wanted = [...new Set(ids)];
  return answer(
    place,
    (meta) => meta.applied,
    async ({ index }) => {
      // The server takes no empty list.
      if (wanted.length === 0) return [];
      const request = {
        method: 'POST',
        path: `/${index}/_mget`,
        query: { realtime: true },
        body: { ids: wanted },
      } as const;
      const { docs } = await call(place, request, place.limits.readMs);
      const byId = new Map((docs as Json[]).map((found) => [found._id as string, found._source]));
      for (const { error } of docs) {
        if (error !== undefined) throw refusalError({ status: 0, ...error }, 'none');
      }
      return ids.map((id) => {
        const source = byId.get(id);
        return source === undefined ? null : fromElastic(source);
      });
    },
  );
}

/** One page of hits. @throws AppError STORE_UNAVAILABLE rather than a part of the answer */
export async function searchHits(place: ElasticPlace, index: string, body: object): Promise<Json[]> {
  const query = { allow_partial_search_results: false };
  const request = {
    method: 'POST',
    path: `/${index}/_search`,
    query,
    body: { track_total_hits: false, ...body },
  } as const;
  const found = await call(place, request, place.limits.readMs);
  if (found.timed_out === true || found._shards.failed > 0) throw unavailable('a search was answered in part', 'none');
  return found.hits.hits;
}

/** The filter of what has not expired. */
export const alive = (expiredTo: ExpiredTo | undefined): object[] =>
  expiredTo == null ? [] : [{ range: { position: { gt: String(expiredTo) } } }];

function field(name: string): string {
  if (FIELD.test(name)) return `texts.${name}`;
  throw new AppError('LIST_QUERY_INVALID', `A listing can't use the field ${JSON.stringify(name)}.`, {
    retryable: false,
    outcome: 'none',
  });
}

/**
 * The search of a listing. Terms are compared byte by byte (UTF-8). A flattened field takes no half-open range, and
 * no text is the largest: so the bounds are said as what is *not* between the smallest text and them.
 */
export function listBody(query: ListQuery): object {
  const order = field(query.orderBy);
  const direction = query.descending ? 'desc' : 'asc';
  const { from, to, after } = query;
  const below = (text: string): object => ({ range: { [order]: { gte: '', lt: text } } });
  const filter = [
    { term: { kind: query.kind } },
    { term: { processing_engine: query.engine } },
    { term: { deleted: false } },
    { exists: { field: order } },
    ...Object.entries(query.equals).map(([name, value]) => ({ term: { [field(name)]: value } })),
    ...(to === undefined ? [] : [below(to)]),
    ...alive(query.expiredTo),
  ];
  return {
    query: { bool: { filter, ...(from === undefined ? {} : { must_not: [below(from)] }) } },
    sort: [{ [order]: direction }, { business_key: direction }],
    ...(after === undefined ? {} : { search_after: [after.order, after.businessKey] }),
    size: query.limit,
  };
}

/** @throws AppError LIST_QUERY_INVALID (not retryable), POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable) */
export async function list(place: ElasticPlace, query: ListQuery): Promise<Answer<readonly StoredResult[]>> {
  const body = listBody(query);
  return answer(
    place,
    (meta) => meta.search,
    async ({ index }) => (await searchHits(place, index, body)).map((hit) => fromElastic(hit._source)),
  );
}
