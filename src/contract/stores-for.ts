import type { ConsistencyScope, Store } from '../words.js';

/** What is read: a result by its key, a listing, or a statistic. */
export type ReadShape = 'key' | 'list' | 'stats';

/**
 * Who answers, the preferred one first (contract.md §8). By its key Elasticsearch answers in real time; its listing is a
 * search, which is the last to stand in for another store. Statistics are not kept elsewhere than where they are listed.
 */
const PREFERENCE: Record<ReadShape, Record<ConsistencyScope, readonly Store[]>> = {
  key: {
    STRONG: ['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'],
    EVENTUAL: ['MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE', 'POSTGRES'],
    SEARCH: ['MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE', 'POSTGRES'],
  },
  list: {
    STRONG: ['POSTGRES', 'MONGODB', 'CLICKHOUSE', 'ELASTICSEARCH'],
    EVENTUAL: ['MONGODB', 'CLICKHOUSE', 'POSTGRES', 'ELASTICSEARCH'],
    SEARCH: ['ELASTICSEARCH', 'MONGODB', 'CLICKHOUSE', 'POSTGRES'],
  },
  stats: {
    STRONG: ['POSTGRES', 'CLICKHOUSE'],
    EVENTUAL: ['CLICKHOUSE', 'POSTGRES'],
    SEARCH: ['CLICKHOUSE', 'POSTGRES'],
  },
};

/**
 * The stores to try for a scope, in order. One that failed just now goes last, so that a dead read model costs its time
 * limit once and not every request; but STRONG was asked for by name, so Postgres stays first there.
 */
export function storesFor(
  shape: ReadShape,
  scope: ConsistencyScope,
  configured: readonly Store[],
  suspect: (store: Store) => boolean,
): readonly Store[] {
  const wanted = PREFERENCE[shape][scope].filter((store) => configured.includes(store));
  const named: readonly Store[] = scope === 'STRONG' ? wanted.filter((store) => store === 'POSTGRES') : [];
  const others = wanted.filter((store) => !named.includes(store));
  return [...named, ...others.filter((store) => !suspect(store)), ...others.filter(suspect)];
}

/** What each store that may have to stand in gets at least of the time for an answer. Milliseconds. */
const LEAST_MS = 100;

/** How long the next store may take, so that those behind it can still answer in time. Pure. */
export const shareMs = (leftMs: number, behind: number): number => Math.max(LEAST_MS, leftMs - behind * LEAST_MS);
