/**
 * Reading with a proof (contract.md §8), for one request. Postgres is read after the proof's reply; a read model is read
 * beside it, because its answer says how far it was *before* its data. One proof per request, asked for when first
 * needed; keys of one store go together.
 */
import DataLoader from 'dataloader';
import { AppError, asError } from '../errors.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { isExpired, rangeOf, type Range } from '../position/expiry.js';
import { maxPosition, ORIGIN, type Position } from '../position/position.js';
import type {
  Answer,
  ExpiredTo,
  ListQuery,
  ResultReader,
  SearchHit,
  SearchQuery,
  SearchReader,
  StatsQuery,
  StatsReader,
  StoredResult,
  SymbolStats,
} from '../stores/port.js';
import type { After } from '../timers.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import { assess, type AppliedPosition, type Bounds, type Contract } from './assess.js';
import { both, ofSearch, withReasons } from './combine.js';
import { ofMembers, ofRow, ofSet, type ReadEvidence } from './evidence.js';
import { SharedContract } from './field.js';
import { within } from './limit.js';
import type { Observed } from './observed.js';
import type { Proof, ProofSource } from './proof-port.js';
import type { SendingClock } from './staleness.js';
import { shareMs, storesFor, type ReadShape } from './stores-for.js';

export interface ReaderDeps {
  readonly readers: ReadonlyMap<Store, ResultReader>;
  /** null: this server has no Elasticsearch. */
  readonly search: SearchReader | null;
  readonly stats: ReadonlyMap<Store, StatsReader>;
  readonly proofs: ProofSource;
  readonly observed: Observed;
  readonly bounds: Bounds;
  /** `answerMs`: of one field, with all stores that had to stand in for another. */
  readonly limits: { readonly proofMs: number; readonly readMs: number; readonly answerMs: number };
  readonly clock: SendingClock;
  /** Brings what is known of the read models' progress up to date; answers within its own limit. */
  readonly freshenSyncs: () => Promise<void>;
  readonly warn: (error: Error, message: string) => void;
  readonly after?: After;
}

export interface ServedRow {
  readonly row: StoredResult | null;
  readonly contract: SharedContract;
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

interface Read<T> {
  readonly data: T;
  readonly evidence: ReadEvidence;
  /** What had expired when the store was asked. */
  readonly expiredTo: ExpiredTo;
}

type Ask<T> = (expiredTo: ExpiredTo) => Promise<Answer<T>>;

interface Asked<T> {
  readonly proof: Proof | null;
  readonly answer: Answer<T>;
  readonly expiredTo: ExpiredTo;
}

type Rows = readonly (StoredResult | null)[];

/** The kind that statistics are made of. */
const STATS_KIND = 'order_window';

export class RequestReader {
  private readonly deps: ReaderDeps;
  private readonly loaders = new Map<Store, DataLoader<ResultKey, ServedRow, string>>();
  private readonly incarnations = new Set<string>();
  private proving: Promise<Proof | null> | null = null;

  constructor(deps: ReaderDeps) {
    this.deps = deps;
  }

  /** The stores that are configured, in the order of their declaration. */
  get stores(): readonly Store[] {
    return [...this.deps.readers.keys()];
  }

  /** The one history that all answers so far speak of; null without one, or when they disagree. */
  get incarnation(): string | null {
    const [first] = this.incarnations;
    return first !== undefined && this.incarnations.size === 1 ? first : null;
  }

  /** The proof of this request, null when the source of truth can't be asked. Asked for once. */
  proof(): Promise<Proof | null> {
    return (this.proving ??= this.prove());
  }

  /** The engine that was asked for, else the default one (contract.md §8). */
  async engine(asked: ProcessingEngine | null | undefined): Promise<ProcessingEngine> {
    if (asked !== null && asked !== undefined) return asked;
    if (this.deps.observed.defaultEngine() === null) await this.proof();
    return this.deps.observed.defaultEngine() ?? 'KAFKA_ONLY';
  }

  /** One key from the store that the scope names, or from another one with that one's contract. */
  row(key: ResultKey, scope: ConsistencyScope): Promise<ServedRow> {
    return this.firstThatAnswers('key', scope, (store) => this.rowFrom(store, key));
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

  /** A listing and the contract of the set, by the same rules as `row`. */
  list(query: ListQuery, scope: ConsistencyScope): Promise<ServedList> {
    return this.firstThatAnswers('list', scope, async (store) => {
      const reader = given(this.deps.readers.get(store), store);
      // Elasticsearch lists by searching.
      const as = store === 'ELASTICSEARCH' ? 'SEARCH' : eventual(store);
      const read = await this.read(store, as, (expiredTo) => reader.list({ ...query, expiredTo }), newestOf);
      return this.listed(read, query, rangeOf(query, read.data));
    });
  }

  /** Hits of a search. No other store can stand in. @throws AppError SEARCH_QUERY_INVALID, STORE_UNAVAILABLE */
  async search(query: SearchQuery): Promise<ServedSearch> {
    const searcher = given(this.deps.search, 'ELASTICSEARCH');
    const { data, evidence } = await this.read(
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
  symbolStats(query: StatsQuery, scope: ConsistencyScope): Promise<ServedStats> {
    return this.firstThatAnswers('stats', scope, async (store) => {
      const reader = given(this.deps.stats.get(store), store);
      const { data: stats, evidence } = await this.read(
        store,
        eventual(store),
        (expiredTo) => reader.symbolStats({ ...query, expiredTo }),
        ({ position }) => position ?? ORIGIN,
      );
      const members = stats.members.map((group) => assess(ofMembers(evidence, STATS_KIND, query, group)));
      const set = assess(ofSet(evidence, STATS_KIND, query.engine, statsRange(query)));
      const claim = members.reduce(both, set);
      return { stats, contract: this.shared(withReasons(claim, stats.reasons), evidence) };
    });
  }

  /** The windows of a symbol, oldest first. */
  history(query: StatsQuery & { readonly limit: number }, scope: ConsistencyScope): Promise<ServedList> {
    return this.firstThatAnswers('stats', scope, async (store) => {
      const reader = given(this.deps.stats.get(store), store);
      const ask = (expiredTo: ExpiredTo): ReturnType<StatsReader['history']> => reader.history({ ...query, expiredTo });
      const read = await this.read(store, eventual(store), ask, newestOf);
      return this.listed(read, { kind: STATS_KIND, engine: query.engine }, statsRange(query));
    });
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
    const reader = given(this.deps.readers.get(store), store);
    const read = await this.read(store, eventual(store), () => reader.readMany(keys), newestOf);
    const { data, evidence, expiredTo } = read;
    return keys.map((key, i) => {
      const found = data[i] ?? null;
      // Expired, it is absent, though it may still lie there (ADR 10).
      const row = found === null || isExpired(found.position, { to: expiredTo }) ? null : found;
      return { row, contract: this.rowContract(evidence, key, row) };
    });
  }

  private rowContract(evidence: ReadEvidence, key: ResultKey, row: StoredResult | null): SharedContract {
    return this.shared(assess(ofRow(evidence, key, row)), evidence);
  }

  private shared(claim: Contract, { now }: ReadEvidence): SharedContract {
    return new SharedContract(claim, this.deps.clock, now);
  }

  /** Each store gets its share of the time, so that a hanging one leaves some for those that stand in for it. */
  private async firstThatAnswers<T>(
    shape: ReadShape,
    scope: ConsistencyScope,
    ask: (store: Store) => Promise<T>,
  ): Promise<T> {
    const configured = shape === 'stats' ? [...this.deps.stats.keys()] : this.stores;
    const stores = storesFor(shape, scope, configured, (store) => this.deps.observed.suspect(store));
    const { clock, limits } = this.deps;
    const end = clock.monotonicMs() + limits.answerMs;
    let last: Error | null = null;
    for (const [i, store] of stores.entries()) {
      const share = shareMs(end - clock.monotonicMs(), stores.length - 1 - i);
      try {
        return await within(ask(store), share, () => this.tooSlow(store, share), this.deps.after);
      } catch (error) {
        last = asError(error);
        if (isFinal(last)) throw last;
      }
    }
    throw last ?? unavailable('POSTGRES', undefined);
  }

  private tooSlow(store: Store, limitMs: number): AppError {
    this.deps.observed.sawFailure(store);
    return unavailable(store, new Error(`no answer within ${limitMs} ms`));
  }

  private async read<T>(
    store: Store,
    scope: ConsistencyScope,
    ask: Ask<T>,
    newest: (data: T) => Position,
    limitMs = this.deps.limits.readMs,
  ): Promise<Read<T>> {
    const limited: Ask<T> = (to) => this.ask(store, () => ask(to), limitMs);
    const { proof, answer, expiredTo } =
      store === 'POSTGRES' ? await this.readTruth(limited) : await this.readModel(limited, newest);
    if (proof !== null) this.incarnations.add(proof.incarnation);
    if (answer.applied !== null) {
      this.incarnations.add(answer.applied.incarnation);
      this.deps.observed.sawApplied(store, answer.applied.committedAt, scope);
    }
    return {
      data: answer.data,
      expiredTo,
      evidence: {
        store,
        scope,
        applied: appliedOf(store, answer.applied),
        proof,
        lastProof: this.deps.observed.lastProof,
        lastCdcSync: this.deps.observed.lastSync(store, scope),
        now: this.deps.proofs.now(),
        bounds: this.deps.bounds,
      },
    };
  }

  private async readTruth<T>(ask: Ask<T>): Promise<Asked<T>> {
    const proof = await this.proof();
    const expiredTo = expiredToOf(proof ?? this.deps.observed.lastProof);
    const [answer] = await Promise.all([ask(expiredTo), this.deps.freshenSyncs()]);
    return { proof, answer, expiredTo };
  }

  private async readModel<T>(ask: Ask<T>, newest: (data: T) => Position): Promise<Asked<T>> {
    const known = expiredToOf(this.deps.observed.lastProof);
    const [proof, first] = await Promise.all([this.proof(), ask(known)]);
    const expiredTo = proof === null ? known : expiredToOf(proof);
    // More has expired since this server last looked: seldom, and then the first answer may be short or hold what is gone.
    const answer = expiredTo === known ? first : await ask(expiredTo);
    if (proof === null || newest(answer.data) <= proof.position) return { proof, answer, expiredTo };
    // A row accepted after the proof was read: the facts may be older than the row. Proven once more, for the rest of
    // the request too; if it still runs ahead, `assess` does not claim it.
    const again = await this.prove();
    if (again !== null) this.proving = Promise.resolve(again);
    return { proof: again ?? proof, answer, expiredTo };
  }

  private async ask<T>(store: Store, ask: () => Promise<Answer<T>>, limitMs: number): Promise<Answer<T>> {
    try {
      return await within(ask(), limitMs, () => new Error(`no answer within ${limitMs} ms`), this.deps.after);
    } catch (error) {
      // The question is at fault, not the store: no other one would answer it either.
      if (isFinal(error)) throw error;
      this.deps.observed.sawFailure(store);
      this.deps.warn(asError(error), `${store} could not be read`);
      throw unavailable(store, error);
    }
  }

  private async prove(): Promise<Proof | null> {
    const { proofMs } = this.deps.limits;
    const tooLate = (): Error => new Error(`no proof within ${proofMs} ms`);
    try {
      const proof = await within(this.deps.proofs.prove(), proofMs, tooLate, this.deps.after);
      this.deps.observed.sawProof(proof);
      return proof;
    } catch (error) {
      this.deps.warn(asError(error), 'no proof: answers are labelled PROOF_UNAVAILABLE');
      return null;
    }
  }
}

const newestOf = (rows: Rows): Position =>
  rows.reduce<Position>((high, row) => (row === null ? high : maxPosition(high, row.position)), ORIGIN);

const expiredToOf = (proof: Proof | null): ExpiredTo => proof?.expiry.to ?? null;

/** What an answer over the windows of a range speaks of. */
const statsRange = ({ from }: StatsQuery): Range => ({ orderBy: 'window_start', from });

/** A read model that can't say how far it is proves nothing; Postgres has no lag to speak of. */
const appliedOf = (store: Store, applied: AppliedPosition | null): AppliedPosition | null | 'unknown' =>
  store === 'POSTGRES' ? null : (applied ?? 'unknown');

const eventual = (store: Store): ConsistencyScope => (store === 'POSTGRES' ? 'STRONG' : 'EVENTUAL');

const isFinal = (error: unknown): boolean => error instanceof AppError && !error.retryable;

function given<T>(reader: T | null | undefined, store: Store): T {
  if (reader === null || reader === undefined) throw unavailable(store, 'it is not configured');
  return reader;
}

const unavailable = (store: Store, cause: unknown): AppError =>
  new AppError('STORE_UNAVAILABLE', `${store} does not answer, and no other store could. Try again.`, {
    retryable: true,
    outcome: 'none',
    cause,
  });
