/**
 * Reading for one request (contract.md §8): by the planner's route, from stores whose answers carry what proves them
 * (store-reads.ts). Keys of one store go together.
 */
import DataLoader from 'dataloader';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { isExpired, rangeOf, type Range } from '../position/expiry.js';
import { maxPosition, ORIGIN, type Position } from '../position/position.js';
import { NO_REQUIREMENT } from '../planner/requirement.js';
import {
  isVacant,
  type ExpiredTo,
  type ListQuery,
  type ResultReader,
  type SearchHit,
  type SearchQuery,
  type SearchReader,
  type StatsQuery,
  type StatsReader,
  type StoredResult,
  type SymbolStats,
} from '../stores/port.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import { assess, type Assessment, type Contract, type ProvenPosition } from './assess.js';
import { both, ofSearch, withReasons } from './combine.js';
import { ofMembers, ofRow, ofSet, type ReadEvidence } from './evidence.js';
import { SharedContract } from './field.js';
import { offerOf } from './offer.js';
import type { Proof } from './proof-port.js';
import { Router, type Errand, type RouterDeps } from './router.js';
import { StoreReads, unavailable, type Read, type StoreReadsDeps } from './store-reads.js';

export interface ReaderDeps extends StoreReadsDeps, Omit<RouterDeps, 'limits'> {
  readonly readers: ReadonlyMap<Store, ResultReader>;
  /** null: this server has no Elasticsearch. */
  readonly search: SearchReader | null;
  readonly stats: ReadonlyMap<Store, StatsReader>;
  /** `answerMs`: of one field, with all stores that had to stand in for another. */
  readonly limits: { readonly proofMs: number; readonly readMs: number; readonly answerMs: number };
}

export interface ServedRow {
  readonly row: StoredResult | null;
  readonly contract: SharedContract;
}

/** With all that its contract was made of, as it was then. */
export interface ExplainedRow extends ServedRow {
  readonly assessment: Assessment;
}

export interface ServedList {
  readonly rows: readonly ServedRow[];
  /** Of the set itself. */
  readonly contract: SharedContract;
}

export interface ServedSearch {
  readonly hits: readonly (SearchHit & { readonly contract: SharedContract })[];
  /** Of the set: never HIGH. */
  readonly contract: SharedContract;
}

export interface ServedStats {
  readonly stats: SymbolStats;
  /** Of every figure: at most its lowest member's. */
  readonly contract: SharedContract;
}

type Rows = readonly (StoredResult | null)[];

/** The kind that statistics are made of. */
const STATS_KIND = 'order_window';

/** Nothing is demanded, and nobody needs to know how it went. */
export const NO_ERRAND: Errand = { requirement: NO_REQUIREMENT, tell: () => undefined };

export class RequestReader {
  private readonly deps: ReaderDeps;
  private readonly reads: StoreReads;
  private readonly router: Router;
  private readonly loaders = new Map<Store, DataLoader<ResultKey, ServedRow, string>>();

  constructor(deps: ReaderDeps) {
    this.deps = deps;
    this.reads = new StoreReads(deps);
    this.router = new Router(deps, this.reads);
  }

  /** The stores that are configured, in the order of their declaration. */
  get stores(): readonly Store[] {
    return [...this.deps.readers.keys()];
  }

  /** The one history that all answers so far speak of; null without one, or when they disagree. */
  get incarnation(): string | null {
    return this.reads.incarnation;
  }

  /** The proof of this request, null when the source of truth can't be asked. Asked for once. */
  proof(): Promise<Proof | null> {
    return this.reads.proof();
  }

  /** A position that reflects what this request has written; null: nobody can say. */
  afterWrite(): Promise<Position | null> {
    return this.reads.afterWrite();
  }

  /** The engine that was asked for, else the default one (contract.md §8). */
  engine(asked: ProcessingEngine | null | undefined): Promise<ProcessingEngine> {
    return this.reads.engine(asked);
  }

  /** One key, from the store that the planner chooses. */
  row(key: ResultKey, errand: Errand = NO_ERRAND): Promise<ServedRow> {
    return this.router.answer(
      {
        shape: 'key',
        stores: this.stores,
        ask: (store) => this.rowFrom(store, key),
        offer: ({ contract }) => offerOf([contract]),
        forget: (store) => void this.loaders.get(store)?.clear(key),
      },
      errand,
    );
  }

  /** One key from this store and no other. @throws AppError STORE_UNAVAILABLE */
  rowFrom(store: Store, key: ResultKey): Promise<ServedRow> {
    let loader = this.loaders.get(store);
    if (loader === undefined) {
      loader = new DataLoader((keys) => this.rows(store, keys), { cacheKeyFn: keyOf });
      this.loaders.set(store, loader);
    }
    return loader.load(key);
  }

  /** One key from this store and no other, read for itself, with what its contract is made of. @throws AppError STORE_UNAVAILABLE */
  async explained(store: Store, key: ResultKey): Promise<ExplainedRow> {
    const read = await this.readKeys(store, [key]);
    const row = livingRow(read, 0);
    const assessment = ofRow(read.evidence, key, row);
    const contract = this.shared(assess(assessment), read.evidence);
    return { row, contract, assessment: { ...assessment, proof: standing(assessment.proof) } };
  }

  /** A listing and the contract of the set, by the same rules as `row`. A requirement holds for the set and for its rows. */
  list(query: ListQuery, errand: Errand = NO_ERRAND): Promise<ServedList> {
    const ask = async (store: Store): Promise<ServedList> => {
      const reader = given(this.deps.readers.get(store), store);
      // Elasticsearch lists by searching.
      const as = store === 'ELASTICSEARCH' ? 'SEARCH' : eventual(store);
      const read = await this.reads.read(store, as, (expiredTo) => reader.list({ ...query, expiredTo }), newestOf);
      return this.listed(read, query, rangeOf(query, read.data));
    };
    // The last one of a full answer only says that there are more.
    const offer = ({ rows, contract }: ServedList) =>
      offerOf([contract, ...rows.slice(0, Math.max(1, query.limit - 1)).map((row) => row.contract)]);
    return this.router.answer({ shape: 'list', stores: this.stores, ask, offer }, errand);
  }

  /** Hits of a search. No other store can stand in. @throws AppError SEARCH_QUERY_INVALID, STORE_UNAVAILABLE */
  search(query: SearchQuery, errand: Errand = NO_ERRAND): Promise<ServedSearch> {
    const offer = ({ hits, contract }: ServedSearch) =>
      offerOf([contract, ...hits.slice(0, Math.max(1, query.limit - 1)).map((hit) => hit.contract)]);
    const ask = (): Promise<ServedSearch> => this.searched(query);
    return this.router.answer({ shape: 'search', stores: ['ELASTICSEARCH'], ask, offer }, errand);
  }

  private async searched(query: SearchQuery): Promise<ServedSearch> {
    const searcher = given(this.deps.search, 'ELASTICSEARCH');
    const { data, evidence } = await this.reads.read(
      'ELASTICSEARCH',
      'SEARCH',
      (expiredTo) => searcher.search({ ...query, expiredTo }),
      (hits) => newestOf(hits.map(({ result }) => result)),
      // Nobody stands in, so nobody needs the rest of the time.
      this.deps.limits.answerMs,
    );
    // The newest change comes first: what has expired would be behind all that a full answer holds.
    const range = data.length < query.limit ? null : 'living';
    const sets = query.kinds.map((kind) => assess(ofSet(evidence, kind, query.engine, range)));
    return {
      hits: data.map((hit) => ({ ...hit, contract: this.rowContract(evidence, hit.result, hit.result) })),
      contract: this.shared(ofSearch(sets.reduce(both)), evidence),
    };
  }

  /** Figures over the windows of a symbol. */
  symbolStats(query: StatsQuery, errand: Errand = NO_ERRAND): Promise<ServedStats> {
    const ask = async (store: Store): Promise<ServedStats> => {
      const reader = given(this.deps.stats.get(store), store);
      const { data: stats, evidence } = await this.reads.read(
        store,
        eventual(store),
        (expiredTo) => reader.symbolStats({ ...query, expiredTo }),
        ({ position }) => position ?? ORIGIN,
      );
      const members = stats.members.map((group) => assess(ofMembers(evidence, STATS_KIND, query, group)));
      const set = assess(ofSet(evidence, STATS_KIND, query.engine, statsRange(query)));
      const claim = members.reduce(both, set);
      return { stats, contract: this.shared(withReasons(claim, stats.reasons), evidence) };
    };
    const stores = [...this.deps.stats.keys()];
    return this.router.answer({ shape: 'stats', stores, ask, offer: ({ contract }) => offerOf([contract]) }, errand);
  }

  /** The windows of a symbol, oldest first. */
  history(query: StatsQuery & { readonly limit: number }, errand: Errand = NO_ERRAND): Promise<ServedList> {
    const ask = async (store: Store): Promise<ServedList> => {
      const reader = given(this.deps.stats.get(store), store);
      const history = (expiredTo: ExpiredTo): ReturnType<StatsReader['history']> =>
        reader.history({ ...query, expiredTo });
      const read = await this.reads.read(store, eventual(store), history, newestOf);
      return this.listed(read, { kind: STATS_KIND, engine: query.engine }, statsRange(query));
    };
    const offer = ({ rows, contract }: ServedList) => offerOf([contract, ...rows.map((row) => row.contract)]);
    return this.router.answer({ shape: 'stats', stores: [...this.deps.stats.keys()], ask, offer }, errand);
  }

  private listed(
    { data, evidence }: Read<readonly StoredResult[]>,
    { kind, engine }: Pick<ListQuery, 'kind' | 'engine'>,
    range: Range,
  ): ServedList {
    const set = assess(ofSet(evidence, kind, engine, range));
    return {
      rows: data.map((row) => ({ row, contract: this.rowContract(evidence, row, row) })),
      contract: this.shared(evidence.scope === 'SEARCH' ? ofSearch(set) : set, evidence),
    };
  }

  private async rows(store: Store, keys: readonly ResultKey[]): Promise<ServedRow[]> {
    const read = await this.readKeys(store, keys);
    return keys.map((key, i) => {
      const row = livingRow(read, i);
      return { row, contract: this.rowContract(read.evidence, key, row) };
    });
  }

  private readKeys(store: Store, keys: readonly ResultKey[]): Promise<Read<Rows>> {
    const reader = given(this.deps.readers.get(store), store);
    return this.reads.read(store, eventual(store), () => reader.readMany(keys), newestOf);
  }

  private rowContract(evidence: ReadEvidence, key: ResultKey, row: StoredResult | null): SharedContract {
    return this.shared(assess(ofRow(evidence, key, row)), evidence);
  }

  private shared(claim: Contract, { now }: ReadEvidence): SharedContract {
    return new SharedContract(claim, this.deps.clock, now);
  }
}

/** Expired, it is absent, though it may still lie there (ADR 10). */
function livingRow({ data, expiredTo }: Read<Rows>, i: number): StoredResult | null {
  const found = data[i] ?? null;
  return found !== null && !isVacant(found) && !isExpired(found.position, { to: expiredTo }) ? found : null;
}

/** The floor of a proof moves on with later proofs: what it was is kept. */
const standing = (proof: ProvenPosition | null): ProvenPosition | null =>
  proof === null
    ? null
    : {
        position: proof.position,
        committedAt: proof.committedAt,
        incarnation: proof.incarnation,
        floor: proof.floor,
      };

const newestOf = (rows: Rows): Position =>
  rows.reduce<Position>((high, row) => (row === null ? high : maxPosition(high, row.position)), ORIGIN);

/** What an answer over the windows of a range speaks of. */
const statsRange = ({ from }: StatsQuery): Range => ({ orderBy: 'window_start', from });

const eventual = (store: Store): ConsistencyScope => (store === 'POSTGRES' ? 'STRONG' : 'EVENTUAL');

function given<T>(reader: T | null | undefined, store: Store): T {
  if (reader === null || reader === undefined) throw unavailable(store, 'it is not configured');
  return reader;
}
