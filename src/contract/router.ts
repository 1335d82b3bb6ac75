/** Does what the planner says, one step after the other, until one field has its answer (src/planner/route.ts). */
import { AppError, asError } from '../errors.js';
import type { Position } from '../position/position.js';
import type { Token } from '../position/token.js';
import { pathOf, type ReadShape } from '../planner/costs.js';
import { isFree, lacks, type Offer, type Requirement } from '../planner/requirement.js';
import { retryAfterMs, route, type Attempt, type Situation, type StoreView } from '../planner/route.js';
import type { After } from '../timers.js';
import type { Store } from '../words.js';
import type { Admission } from './admission.js';
import { within } from './limit.js';
import { pathOfScope, type Observed } from './observed.js';
import type { SendingClock } from './staleness.js';
import { isBusy, isFinal, unavailable, type StoreReads } from './store-reads.js';
import { Unmet, type Step, type Taken } from './unmet.js';
import type { AppliedWatch } from './watch.js';

export interface RouterDeps {
  readonly observed: Observed;
  readonly admission: Admission;
  readonly watch: AppliedWatch;
  readonly clock: SendingClock;
  /** Of one field, with all stores that had to stand in for another, without waiting. */
  readonly limits: { readonly answerMs: number };
  readonly after?: After;
}

/** What one field demands, and who is told how it went. */
export interface Errand {
  readonly requirement: Requirement;
  readonly tell: (taken: Taken) => void;
}

/** How one field is read. */
export interface Question<T> {
  readonly shape: ReadShape;
  readonly stores: readonly Store[];
  readonly ask: (store: Store) => Promise<T>;
  readonly offer: (answer: T) => Offer;
  /** What was read of the store is old: the next read is a new one. */
  readonly forget?: (store: Store) => void;
}

/** What each store that may have to stand in gets at least of the time for an answer. Milliseconds. */
const LEAST_MS = 100;

/** How long the next store may take, so that those behind it can still answer in time. Pure. */
export const shareMs = (leftMs: number, behind: number): number => Math.max(LEAST_MS, leftMs - behind * LEAST_MS);

export class Router {
  constructor(
    private readonly deps: RouterDeps,
    private readonly reads: StoreReads,
  ) {}

  /** @throws AppError CONSISTENCY_UNMET, STORE_UNAVAILABLE, POSTGRES_BUSY, TOKEN_FOREIGN, TOKEN_FUTURE; Unmet where null is the answer */
  async answer<T>(question: Question<T>, errand: Errand): Promise<T> {
    const { requirement } = errand;
    if (requirement.atLeast !== null) await this.check(requirement.atLeast);
    return new Journey(this.deps, this.reads, question, errand).end();
  }

  /** A token is held against the history before anything is read. */
  private async check(token: Token): Promise<void> {
    const proof = (await this.reads.proof()) ?? this.deps.observed.lastProof;
    if (proof === null) return;
    if (proof.incarnation !== token.incarnation)
      throw refuse(
        'TOKEN_FOREIGN',
        'The token is of another history: Postgres was restored. Read again and use the new one.',
      );
    if (this.reads.proven === proof && token.position > proof.position)
      throw refuse('TOKEN_FUTURE', 'The token is of a position that was never reached: use one that this server gave.');
  }
}

const refuse = (code: string, message: string): AppError =>
  new AppError(code, message, { retryable: false, outcome: 'none' });

/** The way of one field. */
class Journey<T> {
  private readonly tried: Attempt[] = [];
  private readonly answers: (T | undefined)[] = [];
  private readonly steps: Step[] = [];
  private last: Error | null = null;
  private leftMs: number;
  private endMs: number;

  constructor(
    private readonly deps: RouterDeps,
    private readonly reads: StoreReads,
    private readonly question: Question<T>,
    private readonly errand: Errand,
  ) {
    this.leftMs = errand.requirement.timeoutMs;
    this.endMs = deps.clock.monotonicMs() + deps.limits.answerMs;
  }

  async end(): Promise<T> {
    for (;;) {
      const situation = this.situation();
      const next = route(situation);
      switch (next.kind) {
        case 'read':
          await this.read(next.store);
          break;
        case 'wait':
          await this.wait(next.store, next.until, next.limitMs);
          break;
        case 'answer':
          this.tell(situation, next.met, next.attempt);
          return this.answers[next.attempt] as T;
        case 'unmet':
          throw this.unmet(situation, next.as);
        case 'unavailable':
          throw this.last ?? unavailable('POSTGRES', undefined);
      }
    }
  }

  private situation(): Situation {
    const { observed, admission } = this.deps;
    const { shape } = this.question;
    const { requirement } = this.errand;
    const { proven } = this.reads;
    const free = isFree(requirement);
    const stores = this.question.stores.map((store): StoreView => {
      const health = observed.health(store);
      // Nobody asks how far it is.
      if (free || store === 'POSTGRES') return { store, health, applied: null, lagMs: null };
      const applied = observed.lastReached(store, pathOfScope(pathOf(shape, store)));
      const known = applied !== null && (proven ?? observed.lastProof)?.incarnation === applied.incarnation;
      const at = (proven ?? observed.lastProof)?.committedAt ?? null;
      return known && at !== null
        ? { store, health, applied, lagMs: Math.max(0, (at - applied.committedAt) / 1000) }
        : { store, health, applied: null, lagMs: null };
    });
    return {
      shape,
      requirement,
      stores,
      proven: proven?.position ?? null,
      unproven: proven === null,
      budget: admission.budget(),
      tried: this.tried,
      leftMs: this.leftMs,
    };
  }

  private async read(store: Store): Promise<void> {
    const { clock, after } = this.deps;
    const { requirement } = this.errand;
    const started = clock.monotonicMs();
    const others = this.question.stores.filter((other) => !this.tried.some((attempt) => attempt.store === other));
    // Each gets its share of the time, so that a hanging one leaves some for those that stand in for it.
    const share = shareMs(this.endMs - started, others.filter((other) => other !== store).length);
    const attempt = await within(this.question.ask(store), share, () => this.tooSlow(store, share), after).then(
      (answer): Attempt => {
        this.answers[this.tried.length] = answer;
        return { kind: 'offered', store, offer: isFree(requirement) ? null : this.question.offer(answer) };
      },
      (error: unknown): Attempt => {
        this.last = asError(error);
        if (isFinal(error)) throw this.last;
        return { kind: isBusy(error) ? 'refused' : 'failed', store };
      },
    );
    this.tried.push(attempt);
    const lacking = attempt.kind === 'offered' && attempt.offer !== null ? lacks(requirement, attempt.offer) : [];
    const outcome =
      attempt.kind === 'offered'
        ? lacking.length === 0
          ? 'MET'
          : 'UNMET'
        : attempt.kind === 'refused'
          ? 'REFUSED'
          : 'FAILED';
    this.steps.push({ did: 'READ', store, outcome, lacks: lacking, tookMs: round(clock.monotonicMs() - started) });
  }

  private tooSlow(store: Store, limitMs: number): AppError {
    this.deps.observed.sawFailure(store);
    return unavailable(store, new Error(`no answer within ${limitMs} ms`));
  }

  private async wait(store: Store, until: Position, limitMs: number): Promise<void> {
    const { clock, watch } = this.deps;
    const started = clock.monotonicMs();
    const path = pathOfScope(pathOf(this.question.shape, store));
    const said = this.tried.findLast((attempt) => attempt.kind === 'offered' && attempt.store === store);
    const incarnation =
      this.reads.proven?.incarnation ??
      this.errand.requirement.atLeast?.incarnation ??
      (said?.kind === 'offered' ? said.offer?.reflects?.incarnation : undefined);
    const reached =
      incarnation !== undefined && (await watch.reached(store, path, { incarnation, position: until }, limitMs));
    const tookMs = clock.monotonicMs() - started;
    this.leftMs = reached ? Math.max(0, this.leftMs - tookMs) : 0;
    this.endMs += tookMs;
    this.tried.push({ kind: 'waited', store, reached });
    this.steps.push({ did: 'WAIT', store, outcome: reached ? 'REACHED' : 'TIMED_OUT', until, tookMs: round(tookMs) });
    if (!reached) return;
    this.reads.forgetProof();
    this.question.forget?.(store);
  }

  private tell(situation: Situation, met: boolean, given: number | null): Taken {
    const { requirement } = this.errand;
    const answer = given === null ? undefined : this.answers[given];
    const taken: Taken = {
      requirement,
      met,
      servedBy: given === null ? null : (this.tried[given]?.store ?? null),
      steps: this.steps,
      offered: this.tried.flatMap((attempt) =>
        attempt.kind === 'offered' && attempt.offer !== null ? [attempt.offer] : [],
      ),
      retryAfterMs: met ? null : retryAfterMs(situation),
      stalenessMs: () => (answer === undefined ? null : this.question.offer(answer).stalenessMs),
    };
    this.errand.tell(taken);
    return taken;
  }

  private unmet(situation: Situation, as: 'NULL' | 'ERROR'): Error {
    const taken = this.tell(situation, false, null);
    return new Unmet(taken, as);
  }
}

const round = (ms: number): number => Math.round(ms * 10) / 10;
