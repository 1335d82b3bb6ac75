/**
 * One read of one store, with what proves it (contract.md §8), for one request. Postgres is read after the proof's reply; a read
 * model is read beside it, because its answer says how far it was *before* its data. One proof per request, asked for when
 * first needed.
 */
import { AppError, asError } from '../errors.js';
import type { Position } from '../position/position.js';
import type { Answer, ExpiredTo } from '../stores/port.js';
import type { After } from '../timers.js';
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import type { Admission } from './admission.js';
import type { AppliedPosition, Bounds } from './assess.js';
import type { ReadEvidence } from './evidence.js';
import { within } from './limit.js';
import { pathOfScope, type Observed } from './observed.js';
import type { Proof, ProofSource } from './proof-port.js';
import type { AppliedWatch } from './watch.js';

export interface StoreReadsDeps {
  readonly proofs: ProofSource;
  readonly observed: Observed;
  readonly admission: Admission;
  readonly watch: AppliedWatch;
  readonly bounds: Bounds;
  readonly limits: { readonly proofMs: number; readonly readMs: number };
  /** Brings what is known of the read models' progress up to date; answers within its own limit. */
  readonly freshenSyncs: () => Promise<void>;
  readonly warn: (error: Error, message: string) => void;
  readonly after?: After;
}

export interface Read<T> {
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

export class StoreReads {
  private readonly deps: StoreReadsDeps;
  private readonly incarnations = new Set<string>();
  private proving: Promise<Proof | null> | null = null;
  private latest: Proof | null | undefined = undefined;

  constructor(deps: StoreReadsDeps) {
    this.deps = deps;
  }

  /** The one history that all answers so far speak of; null without one, or when they disagree. */
  get incarnation(): string | null {
    const [first] = this.incarnations;
    return first !== undefined && this.incarnations.size === 1 ? first : null;
  }

  /** What the last proof brought: null, that there was none; undefined, that none has answered yet. */
  get proven(): Proof | null | undefined {
    return this.latest;
  }

  /** The proof of this request, null when the source of truth can't be asked. Asked for once. */
  proof(): Promise<Proof | null> {
    return (this.proving ??= this.prove());
  }

  /** What was proven is old: the next read is proven anew. */
  forgetProof(): void {
    this.proving = null;
  }

  /** Proven after a write of this request: its position reflects the write. */
  async afterWrite(): Promise<Position | null> {
    this.forgetProof();
    const proof = await this.proof();
    if (proof !== null) this.incarnations.add(proof.incarnation);
    return proof?.position ?? null;
  }

  /** The engine that was asked for, else the default one (contract.md §8). */
  async engine(asked: ProcessingEngine | null | undefined): Promise<ProcessingEngine> {
    if (asked !== null && asked !== undefined) return asked;
    if (this.deps.observed.defaultEngine() === null) await this.proof();
    return this.deps.observed.defaultEngine() ?? 'KAFKA_ONLY';
  }

  /** @throws AppError STORE_UNAVAILABLE, POSTGRES_BUSY, or what the store says of the question */
  async read<T>(
    store: Store,
    scope: ConsistencyScope,
    ask: Ask<T>,
    newest: (data: T) => Position,
    limitMs = this.deps.limits.readMs,
  ): Promise<Read<T>> {
    const { observed, proofs, bounds, watch } = this.deps;
    const limited: Ask<T> = (to) => this.ask(store, () => ask(to), limitMs);
    const { proof, answer, expiredTo } =
      store === 'POSTGRES' ? await this.readTruth(limited) : await this.readModel(limited, newest);
    if (proof !== null) this.incarnations.add(proof.incarnation);
    if (answer.applied !== null) {
      this.incarnations.add(answer.applied.incarnation);
      observed.sawReached(store, answer.applied, scope);
      watch.saw(store, pathOfScope(scope), answer.applied);
    }
    return {
      data: answer.data,
      expiredTo,
      evidence: {
        store,
        scope,
        applied: appliedOf(store, answer.applied),
        proof,
        lastProof: observed.lastProof,
        lastCdcSync: observed.lastSync(store, scope),
        now: proofs.now(),
        bounds,
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
    const { observed, admission, warn, after } = this.deps;
    if (!observed.ask(store)) throw unavailable(store, 'it has failed several times in a row');
    const given = new AbortController();
    const call = store === 'POSTGRES' ? () => admission.run(ask, given.signal) : ask;
    try {
      const answer = await within(call(), limitMs, () => new Error(`no answer within ${limitMs} ms`), after);
      observed.sawAnswer(store);
      return answer;
    } catch (error) {
      given.abort();
      // The question is at fault, not the store: no other one would answer it either.
      if (isFinal(error)) {
        observed.sawAnswer(store);
        throw error;
      }
      // Busy is not broken.
      if (isBusy(error)) throw error;
      observed.sawFailure(store);
      warn(asError(error), `${store} could not be read`);
      throw unavailable(store, error);
    }
  }

  private async prove(): Promise<Proof | null> {
    const { proofMs } = this.deps.limits;
    const tooLate = (): Error => new Error(`no proof within ${proofMs} ms`);
    try {
      const proof = await within(this.deps.proofs.prove(), proofMs, tooLate, this.deps.after);
      this.deps.observed.sawProof(proof);
      this.latest = proof;
      return proof;
    } catch (error) {
      this.deps.warn(asError(error), 'no proof: answers are labelled PROOF_UNAVAILABLE');
      this.latest = null;
      return null;
    }
  }
}

const expiredToOf = (proof: Proof | null): ExpiredTo => proof?.expiry.to ?? null;

/** A read model that can't say how far it is proves nothing; Postgres has no lag to speak of. */
const appliedOf = (store: Store, applied: AppliedPosition | null): AppliedPosition | null | 'unknown' =>
  store === 'POSTGRES' ? null : (applied ?? 'unknown');

export const isFinal = (error: unknown): boolean => error instanceof AppError && !error.retryable;
export const isBusy = (error: unknown): boolean => error instanceof AppError && error.code === 'POSTGRES_BUSY';

export const unavailable = (store: Store, cause: unknown): AppError =>
  new AppError('STORE_UNAVAILABLE', `${store} does not answer, and no other store could. Try again.`, {
    retryable: true,
    outcome: 'none',
    cause,
  });
