/**
 * A session: what one user, or one page, has seen and done. It keeps the newest token, so that no answer is older than
 * what it saw before (monotonic reads) or wrote itself (read-your-writes), whichever store and server answers. It judges each
 * answer by a policy, asks stricter where that helps, within bounds, and does not flap.
 */
import { Contracts, type GraphQLFailure, type GraphQLResponse } from './answer.js';
import { systemClock, type Clock } from './clock.js';
import type { Contract } from './contract.js';
import { WHY, type Decision } from './decide.js';
import { affectedBy, followEvents, type Followed, type FollowOptions, type Subscribe } from './events.js';
import { Memories, type Memory } from './memory.js';
import type { Fallback, Policy } from './policy.js';
import { attempts, codeOf, type Attempt, type ReadDeps, type Send } from './read.js';
import { stricterOf, type Requirement } from './requirement.js';
import { RetryBudget } from './retry.js';
import { mergeTokens, TOKEN_REFUSALS, TokenError } from './token.js';

export interface SessionOptions {
  /** Of an earlier session of the same user. */
  readonly token?: string | null;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Repetitions per read, in the long run, over the whole session. Default 0.2. */
  readonly retryRatio?: number;
  /** Repetitions at once. Default 10. */
  readonly retryBurst?: number;
  /** Questions whose memory is kept. Default 500. */
  readonly memories?: number;
  /**
   * The server refused the token, with this code: Postgres was restored from a copy, say. What was seen or written before
   * may be gone, and nothing is promised of it any more. The session goes on with what it sees next.
   */
  readonly onReset?: (code: string) => void;
}

export interface ReadOptions {
  readonly policy: Policy;
  /** Beside what the policy asks for. */
  readonly requirement?: Requirement;
  /** Which question this is: reads of the same one share what was learned about the way to ask it. */
  readonly key: string;
  readonly signal?: AbortSignal;
}

export interface Answer<T = unknown> {
  /** What the policy says to use: of a USE the data; else its fallback, null if that is nothing. */
  readonly shown: T | null;
  /** What `shown` is. */
  readonly from: 'ANSWER' | Fallback;
  /** The contracts of `shown`. */
  readonly contracts: Contracts;
  readonly decision: Decision;
  /** Of the answer, the weakest; null when it carried none. */
  readonly contract: Contract | null;
  /** The answer, whatever it is worth. */
  readonly data: T | null;
  readonly errors: readonly GraphQLFailure[];
  /** The whole answer, and its contracts; null when none came. */
  readonly response: GraphQLResponse | null;
  readonly dataContracts: Contracts;
  /** Why no answer came, if none did. */
  readonly failure: unknown;
  /** The way that the policy asks first, or its stricter one. */
  readonly way: 'PREFERRED' | 'STRICTER';
  /** Requests that were sent for it. */
  readonly attempts: number;
  /** The server refused the session's token meanwhile: what was promised of earlier reads and writes is not any more. */
  readonly reset: boolean;
}

const RANK: Readonly<Record<Decision['action'], number>> = { USE: 0, WAIT: 1, FALL_BACK: 2 };

export class Session {
  private readonly clock: Clock;
  private readonly budget: RetryBudget;
  private readonly memories: Memories;
  private readonly deps: ReadDeps;
  private readonly onReset: (code: string) => void;
  private newest: string | null;
  private resets = 0;

  constructor(options: SessionOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.budget = new RetryBudget(options.retryRatio ?? 0.2, options.retryBurst ?? 10);
    this.memories = new Memories(options.memories ?? 500);
    this.onReset = options.onReset ?? (() => undefined);
    this.newest = options.token ?? null;
    this.deps = {
      now: this.clock,
      random: options.random ?? Math.random,
      token: () => this.newest,
      saw: (sent, contracts, errors) => this.saw(sent, contracts.token, errors),
      mayRepeat: () => this.budget.withdraw(),
    };
  }

  /** What every later answer reflects. Keep it to go on in another session. null: nothing was seen yet. */
  get token(): string | null {
    return this.newest;
  }

  /** A token from elsewhere: of a mutation, of `awaitIngested`, of another session of the same user. */
  observe(token: string | null | undefined): void {
    if (token === null || token === undefined) return;
    try {
      this.newest = this.newest === null ? token : mergeTokens(this.newest, token);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      // Of another history, or of a format that this version can't compare: the one that came last is held on to.
      this.newest = token;
      if (error.code === 'TOKEN_FOREIGN') this.reset(error.code);
    }
  }

  /** Reads by a policy. Rejects only when `signal` says so. */
  async read<T>(send: Send, options: ReadOptions): Promise<Answer<T>> {
    const { policy, signal } = options;
    const memory = this.memories.of(policy, options.key);
    const resetsBefore = this.resets;
    this.budget.deposit();
    const first = stricterOf(policy.ask, options.requirement);
    const strict = stricterOf(first, policy.stricter);
    const { preferred } = memory;
    if (memory.probeDue(this.nowMs())) {
      // Nobody waits for it; what it could not find out it has not found out.
      this.probe(send, first, policy, memory).catch(() => undefined);
    }
    const task = {
      send,
      policy,
      requirement: preferred ? first : strict,
      waitedMs: memory.waitedMs(this.nowMs()),
      signal,
    };
    const made = await attempts(task, this.deps);
    if (preferred && made[0]?.failure === null) memory.sawPreferred(noBetterElsewhere(made[0]), this.nowMs());
    const best = made.reduce((a, b) => (better(b, a) ? b : a));
    const decision = this.steadied(best.decision, memory, policy);
    const asked = made.indexOf(best) === 0 && preferred ? 'PREFERRED' : 'STRICTER';
    return {
      ...this.shownBy<T>(best, decision, memory, policy),
      decision,
      contract: best.contract,
      data: (best.response.data ?? null) as T | null,
      errors: best.response.errors ?? [],
      response: best.failure === null ? best.response : null,
      dataContracts: best.contracts,
      failure: best.failure,
      way: asked,
      attempts: made.length,
      reset: this.resets > resetsBefore,
    };
  }

  /** One request that demands the session's token and is not judged. Rejects when no answer comes. */
  async send(send: Send, requirement: Requirement = {}, signal?: AbortSignal): Promise<GraphQLResponse> {
    const sent = this.newest;
    const since = this.clock();
    const response = await send(stricterOf(requirement, sent === null ? {} : { atLeast: sent }), signal);
    this.saw(sent, new Contracts(response.extensions, since).token, response.errors ?? []);
    return response;
  }

  /**
   * Follows staleness events, across cut connections. What an event puts in doubt is not shown any more as a last good answer; `onAffected`
   * says what to read again. @returns where it has come to, and its end
   */
  subscribe(subscribe: Subscribe, options: FollowOptions): Followed {
    return followEvents(subscribe, {
      random: this.deps.random,
      ...options,
      onEvent: (event) => {
        if (affectedBy(event).what !== 'NOTHING') this.memories.forgetGood();
        options.onEvent(event);
      },
    });
  }

  /** Is the preferred way good again? Its answer is looked at and not shown, so that what is shown stays on one way. */
  private async probe(send: Send, requirement: Requirement, policy: Policy, memory: Memory): Promise<void> {
    const once = { ...policy, retry: { ...policy.retry, attempts: 1 } };
    const [attempt] = await attempts({ send, policy: once, requirement, waitedMs: 0, signal: undefined }, this.deps);
    memory.sawPreferred(attempt?.failure === null && noBetterElsewhere(attempt), this.nowMs());
  }

  private steadied(decision: Decision, memory: Memory, policy: Policy): Decision {
    const mayUse = memory.sawAnswer(decision.action === 'USE', this.nowMs());
    if (decision.action !== 'USE' || mayUse) return decision;
    const why = [{ code: 'STEADYING', message: WHY.STEADYING, reasons: [] }] as const;
    return { action: 'WAIT', why, stricter: null, waitMs: Math.max(1, policy.steady.forMs / policy.steady.answers) };
  }

  private shownBy<T>(
    { response, contracts }: Attempt,
    { action }: Decision,
    memory: Memory,
    policy: Policy,
  ): Pick<Answer<T>, 'shown' | 'from' | 'contracts'> {
    const data = (response.data ?? null) as T | null;
    if (action === 'USE') {
      memory.lastGood = policy.fallback === 'LAST_GOOD' ? { data, contracts, atMs: this.nowMs() } : null;
      return { shown: data, from: 'ANSWER', contracts };
    }
    const { lastGood } = memory;
    // Older than what this session has seen or written: not even with a warning.
    if (policy.fallback === 'AS_IS' && !contracts.behindToken) return { shown: data, from: 'AS_IS', contracts };
    if (policy.fallback !== 'LAST_GOOD' || lastGood === null || this.nowMs() - lastGood.atMs > policy.lastGoodForMs)
      return { shown: null, from: 'NOTHING', contracts };
    return { shown: lastGood.data as T, from: 'LAST_GOOD', contracts: lastGood.contracts };
  }

  private saw(sent: string | null, token: string | null, errors: readonly GraphQLFailure[]): void {
    const refusal = errors.map(codeOf).find((code) => TOKEN_REFUSALS.includes(code));
    // Another read may have put a newer one in its place meanwhile, which nobody has refused.
    if (refusal !== undefined && sent !== null && this.newest === sent) {
      this.newest = null;
      this.reset(refusal);
    }
    this.observe(token);
  }

  private reset(code: string): void {
    this.resets += 1;
    // A last good answer of another history is no answer.
    this.memories.clear();
    this.onReset(code);
  }

  private nowMs(): number {
    return this.clock().monotonicMs;
  }
}

/** Good enough, or such that another store knows no better: then the way it was asked is as good as any. */
const noBetterElsewhere = ({ decision }: Attempt): boolean => decision.action === 'USE' || decision.stricter === null;

/** A later attempt that is worth as much is newer; one without data is worth less than any with. */
function better(a: Attempt, b: Attempt): boolean {
  const [has, had] = [hasData(a), hasData(b)];
  return has === had ? RANK[a.decision.action] <= RANK[b.decision.action] : has;
}

const hasData = ({ response }: Attempt): boolean => response.data !== null && response.data !== undefined;
