/**
 * What this server has seen so far, across requests: how far each store was, the newest proof, how each store's health is.
 * Times and positions only ever move forward (positions within an incarnation), so that what is reported is monotone.
 */
import { asked, CLOSED, failed, healthOf, type BreakerState, type Health } from '../planner/breaker.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import type { Micros } from '../position/position.js';
import type { AppliedPosition } from './assess.js';
import type { Proof } from './proof-port.js';

/** So many failures in a row, and a store is asked by probes only. */
const OPEN_AFTER = 5;
/** Longer than any read may take. */
const PROBE_MS = 5_000;

/** What is applied, or what a search finds of it. */
export type Path = 'APPLIED' | 'SEARCH';
export const pathOfScope = (scope: ConsistencyScope): Path => (scope === 'SEARCH' ? 'SEARCH' : 'APPLIED');
const placeOf = (store: Store, path: Path): string => `${store}/${path}`;

export class Observed {
  /** The newest proof of any request: facts to fall back on while the source of truth can't be asked. */
  lastProof: Proof | null = null;
  private readonly syncs = new Map<Store, Micros>();
  /** What a search has been seen to find: later than what is applied, which a read by key sees at once. */
  private readonly searches = new Map<Store, Micros>();
  private readonly reached = new Map<string, AppliedPosition>();
  private readonly breakers = new Map<Store, BreakerState>();
  private readonly readModels: readonly Store[];
  private readonly monotonicMs: () => number;
  private readonly breakerLimits: { readonly cooldownMs: number; readonly openAfter: number; readonly probeMs: number };

  /**
   * @param readModels the configured stores other than Postgres
   * @param cooldownMs a store that failed is not the first choice again before this has passed
   */
  constructor(readModels: readonly Store[], monotonicMs: () => number, cooldownMs: number) {
    this.readModels = readModels;
    this.monotonicMs = monotonicMs;
    this.breakerLimits = { cooldownMs, openAfter: OPEN_AFTER, probeMs: PROBE_MS };
  }

  /** @param scope the path on which it was seen: what a search finds is applied, but not the other way round */
  sawApplied(store: Store, committedAt: Micros, scope: ConsistencyScope = 'EVENTUAL'): void {
    raise(this.syncs, store, committedAt);
    if (scope === 'SEARCH') raise(this.searches, store, committedAt);
  }

  /** The same, with its position: for the planner. */
  sawReached(store: Store, applied: AppliedPosition, scope: ConsistencyScope): void {
    this.sawApplied(store, applied.committedAt, scope);
    for (const path of scope === 'SEARCH' ? (['SEARCH', 'APPLIED'] as const) : (['APPLIED'] as const)) {
      const known = this.reached.get(placeOf(store, path));
      const newer =
        known === undefined || known.incarnation !== applied.incarnation || applied.position > known.position;
      if (newer) this.reached.set(placeOf(store, path), applied);
    }
  }

  /** How far a store was when last heard of, on this path; null: never heard. */
  lastReached(store: Store, path: Path): AppliedPosition | null {
    return this.reached.get(placeOf(store, path)) ?? null;
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
    this.breakers.set(store, failed(this.breakers.get(store) ?? CLOSED, this.monotonicMs()));
  }

  /** It answered: what failed before is over once its cooldown has passed. */
  sawAnswer(store: Store): void {
    const state = this.breakers.get(store);
    if (state !== undefined && state.failures > 0) this.breakers.set(store, { ...state, failures: 0, probeAtMs: null });
  }

  health(store: Store): Health {
    const state = this.breakers.get(store);
    return state === undefined ? 'UP' : healthOf(state, this.monotonicMs(), this.breakerLimits);
  }

  /** May the store be asked now? If it is open, this caller becomes its probe, or it may not. */
  ask(store: Store): boolean {
    const state = this.breakers.get(store);
    if (state === undefined) return true;
    const now = this.monotonicMs();
    if (healthOf(state, now, this.breakerLimits) === 'OPEN') return false;
    this.breakers.set(store, asked(state, now, this.breakerLimits));
    return true;
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
