/**
 * Reading with a proof (contract.md §8), for one request. Postgres is read after the proof's reply; a read model is read
 * beside it, because its answer says how far it was *before* its data. One proof per request, asked for when first
 * needed; keys of one store go together.
 */
import DataLoader from 'dataloader';
import { AppError, asError } from '../errors.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { maxPosition, ORIGIN, type Position } from '../position/position.js';
import type { Answer, ListQuery, ResultReader, StoredResult } from '../stores/port.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import { assess, type AppliedPosition, type Assessment, type Bounds } from './assess.js';
import { ofRow, ofSet, type ReadEvidence } from './evidence.js';
import { SharedContract } from './field.js';
import { within } from './limit.js';
import type { Observed } from './observed.js';
import type { Proof, ProofSource } from './proof-port.js';
import type { SendingClock } from './staleness.js';
import { storesFor } from './stores-for.js';

export interface ReaderDeps {
  readonly readers: ReadonlyMap<Store, ResultReader>;
  readonly proofs: ProofSource;
  readonly observed: Observed;
  readonly bounds: Bounds;
  readonly limits: { readonly proofMs: number; readonly readMs: number };
  readonly clock: SendingClock;
  /** Brings what is known of the read models' progress up to date; answers within its own limit. */
  readonly freshenSyncs: () => Promise<void>;
  readonly warn: (error: Error, message: string) => void;
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

interface Read<T> {
  readonly data: T;
  readonly evidence: ReadEvidence;
}

type Rows = readonly (StoredResult | null)[];

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
    return this.firstThatAnswers(scope, (store) => this.rowFrom(store, key));
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
    return this.firstThatAnswers(scope, async (store) => {
      const { data, evidence } = await this.read(store, (reader) => reader.list(query));
      return {
        rows: data.map((row) => ({ row, contract: this.contract(ofRow(evidence, row, row)) })),
        contract: this.contract(ofSet(evidence, query.kind, query.engine)),
      };
    });
  }

  private async rows(store: Store, keys: readonly ResultKey[]): Promise<ServedRow[]> {
    const { data, evidence } = await this.read(store, (reader) => reader.readMany(keys));
    return keys.map((key, i) => {
      const row = data[i] ?? null;
      return { row, contract: this.contract(ofRow(evidence, key, row)) };
    });
  }

  private contract(input: Assessment): SharedContract {
    return new SharedContract(assess(input), this.deps.clock, input.now);
  }

  private async firstThatAnswers<T>(scope: ConsistencyScope, ask: (store: Store) => Promise<T>): Promise<T> {
    const stores = storesFor(scope, this.stores, (store) => this.deps.observed.suspect(store));
    let last: Error | null = null;
    for (const store of stores) {
      try {
        return await ask(store);
      } catch (error) {
        last = asError(error);
      }
    }
    throw last ?? unavailable('POSTGRES', undefined);
  }

  private async read<T extends Rows>(
    store: Store,
    ask: (reader: ResultReader) => Promise<Answer<T>>,
  ): Promise<Read<T>> {
    const [proof, answer] = store === 'POSTGRES' ? await this.readTruth(ask) : await this.readModel(store, ask);
    if (proof !== null) this.incarnations.add(proof.incarnation);
    if (answer.applied !== null) {
      this.incarnations.add(answer.applied.incarnation);
      this.deps.observed.sawApplied(store, answer.applied.committedAt);
    }
    return {
      data: answer.data,
      evidence: {
        store,
        applied: appliedOf(store, answer.applied),
        proof,
        lastProof: this.deps.observed.lastProof,
        lastCdcSync: this.deps.observed.lastSync(store),
        now: this.deps.proofs.now(),
        bounds: this.deps.bounds,
      },
    };
  }

  private async readTruth<T>(ask: (reader: ResultReader) => Promise<Answer<T>>): Promise<[Proof | null, Answer<T>]> {
    const proof = await this.proof();
    const [answer] = await Promise.all([this.ask('POSTGRES', ask), this.deps.freshenSyncs()]);
    return [proof, answer];
  }

  private async readModel<T extends Rows>(
    store: Store,
    ask: (reader: ResultReader) => Promise<Answer<T>>,
  ): Promise<[Proof | null, Answer<T>]> {
    const [proof, answer] = await Promise.all([this.proof(), this.ask(store, ask)]);
    if (proof === null || newest(answer.data) <= proof.position) return [proof, answer];
    // A row accepted after the proof was read: the facts may be older than the row. Proven once more, for the rest of
    // the request too; if it still runs ahead, `assess` does not claim it.
    const again = await this.prove();
    if (again !== null) this.proving = Promise.resolve(again);
    return [again ?? proof, answer];
  }

  private async ask<T>(store: Store, ask: (reader: ResultReader) => Promise<Answer<T>>): Promise<Answer<T>> {
    const reader = this.deps.readers.get(store);
    if (reader === undefined) throw unavailable(store, 'it is not configured');
    const { readMs } = this.deps.limits;
    try {
      return await within(ask(reader), readMs, () => new Error(`no answer within ${readMs} ms`));
    } catch (error) {
      this.deps.observed.sawFailure(store);
      this.deps.warn(asError(error), `${store} could not be read`);
      throw unavailable(store, error);
    }
  }

  private async prove(): Promise<Proof | null> {
    const { proofMs } = this.deps.limits;
    try {
      const proof = await within(this.deps.proofs.prove(), proofMs, () => new Error(`no proof within ${proofMs} ms`));
      this.deps.observed.sawProof(proof);
      return proof;
    } catch (error) {
      this.deps.warn(asError(error), 'no proof: answers are labelled PROOF_UNAVAILABLE');
      return null;
    }
  }
}

const newest = (rows: Rows): Position =>
  rows.reduce<Position>((high, row) => (row === null ? high : maxPosition(high, row.position)), ORIGIN);

/** A read model that can't say how far it is proves nothing; Postgres has no lag to speak of. */
const appliedOf = (store: Store, applied: AppliedPosition | null): AppliedPosition | null | 'unknown' =>
  store === 'POSTGRES' ? null : (applied ?? 'unknown');

const unavailable = (store: Store, cause: unknown): AppError =>
  new AppError('STORE_UNAVAILABLE', `${store} does not answer, and no other store could. Try again.`, {
    retryable: true,
    outcome: 'none',
    cause,
  });
