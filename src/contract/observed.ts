/**
 * What this server has seen so far, across requests: how far each store was, the newest proof, which stores failed just
 * now. Everything here only ever moves forward, so that times reported from it are monotone.
 */
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import type { Micros } from '../position/position.js';
import type { Proof } from './proof-port.js';

export class Observed {
  /** The newest proof of any request: facts to fall back on while the source of truth can't be asked. */
  lastProof: Proof | null = null;
  private readonly syncs = new Map<Store, Micros>();
  /** What a search has been seen to find: later than what is applied, which a read by key sees at once. */
  private readonly searches = new Map<Store, Micros>();
  private readonly failures = new Map<Store, number>();
  private readonly readModels: readonly Store[];
  private readonly monotonicMs: () => number;
  private readonly cooldownMs: number;

  /**
   * @param readModels the configured stores other than Postgres
   * @param cooldownMs a store that failed is not the first choice again before this has passed
   */
  constructor(readModels: readonly Store[], monotonicMs: () => number, cooldownMs: number) {
    this.readModels = readModels;
    this.monotonicMs = monotonicMs;
    this.cooldownMs = cooldownMs;
  }

  /** @param scope the path on which it was seen: what a search finds is applied, but not the other way round */
  sawApplied(store: Store, committedAt: Micros, scope: ConsistencyScope = 'EVENTUAL'): void {
    raise(this.syncs, store, committedAt);
    if (scope === 'SEARCH') raise(this.searches, store, committedAt);
  }

  sawProof(proof: Proof): void {
    if (
      this.lastProof === null ||
      proof.incarnation !== this.lastProof.incarnation ||
      proof.position >= this.lastProof.position
    ) {
      this.lastProof = proof;
    }
  }

  sawFailure(store: Store): void {
    this.failures.set(store, this.monotonicMs());
  }

  /** Did the store fail just now? Then another one is asked first. */
  suspect(store: Store): boolean {
    const failedAt = this.failures.get(store);
    return failedAt !== undefined && this.monotonicMs() - failedAt < this.cooldownMs;
  }

  /**
   * Commit time of the newest position the store is known to have applied, on this path; for Postgres the read models'
   * minimum.
   */
  lastSync(store: Store, scope: ConsistencyScope = 'EVENTUAL'): Micros | null {
    if (scope === 'SEARCH') return this.searches.get(store) ?? null;
    if (store !== 'POSTGRES') return this.syncs.get(store) ?? null;
    const all = this.readModels.map((model) => this.syncs.get(model));
    if (all.length === 0 || all.some((sync) => sync === undefined)) return null;
    return Math.min(...(all as Micros[])) as Micros;
  }

  /** FLINK if a FLINK pipeline has been heard of, else KAFKA_ONLY; null before the first proof (contract.md §8). */
  defaultEngine(): ProcessingEngine | null {
    if (this.lastProof === null) return null;
    return this.lastProof.pipelines.some((fact) => fact.engine === 'FLINK') ? 'FLINK' : 'KAFKA_ONLY';
  }
}

function raise(times: Map<Store, Micros>, store: Store, to: Micros): void {
  const before = times.get(store);
  if (before === undefined || to > before) times.set(store, to);
}
