/**
 * The one table of what an answer costs, in units of a read by key from MongoDB. Not measured times: an order of preference
 * with distances, so that a wait can be held against a read elsewhere. Postgres is the dearest of those that answer by the
 * same path: it is the one that takes in every write.
 */
import type { ConsistencyScope, Store } from '../words.js';

/** What is read: a result by its key, a listing, a statistic, or a search. */
export type ReadShape = 'key' | 'list' | 'stats' | 'search';

export const COSTS = {
  read: {
    /** By its key Elasticsearch answers in real time. */
    key: { MONGODB: 1, ELASTICSEARCH: 2, CLICKHOUSE: 4, POSTGRES: 8 },
    /** Its listing is a search, which is the last to stand in for another store. */
    list: { MONGODB: 1, CLICKHOUSE: 4, POSTGRES: 8, ELASTICSEARCH: 16 },
    /** Statistics are not kept elsewhere than where they are listed. */
    stats: { CLICKHOUSE: 1, POSTGRES: 8 },
    search: { ELASTICSEARCH: 1 },
  } as Readonly<Record<ReadShape, Readonly<Partial<Record<Store, number>>>>>,
  /** Of a store that failed just now: all others come first. */
  suspect: 100,
  /** Per millisecond that a store is expected to need: for 80 ms it is waited for rather than asking Postgres. */
  waitMs: 0.1,
} as const;

/** By which path a store answers. */
export const pathOf = (shape: ReadShape, store: Store): ConsistencyScope =>
  store === 'POSTGRES'
    ? 'STRONG'
    : store === 'ELASTICSEARCH' && (shape === 'list' || shape === 'search')
      ? 'SEARCH'
      : 'EVENTUAL';
