/** What an application needs of an answer, as data: JSON, so that it can be configured, stored, tested. */
import type { Requirement } from './requirement.js';
import type { ConfidenceLevel, ConsistencyScope } from './words.js';

/**
 * What to show when an answer is not good enough.
 * - `NOTHING`: no value is better than a wrong one.
 * - `LAST_GOOD`: the last answer that was good enough, if it is not older than `lastGoodForMs`.
 * - `AS_IS`: the answer, with a word of warning.
 */
export type Fallback = 'NOTHING' | 'LAST_GOOD' | 'AS_IS';

export interface Policy {
  /** For people and logs; policies of one name share their memory in a session. */
  readonly name: string;

  /** Use nothing below this. */
  readonly minConfidence: ConfidenceLevel;
  /** Use nothing that came by a weaker path. Left out: any. */
  readonly scope?: ConsistencyScope;
  /** Use nothing that may be older than this, milliseconds. Left out: any age, also an unknown one. */
  readonly maxStalenessMs?: number;
  /** A HIGH that is kept (in a cache, on a page) is one for so long. Milliseconds. */
  readonly maxAgeMs: number;
  /** Codes that are never used, whatever the level. */
  readonly refuse: readonly string[];

  /** What every request asks for. Less asked for up front is cheaper; what the answer is worth is looked at anyway. */
  readonly ask: Requirement;
  /** What is asked for when an answer was not good enough and another store may know better. null: it is not asked again. */
  readonly stricter: Requirement | null;

  /** How long something that mends itself is waited for, milliseconds. 0: not at all. */
  readonly patienceMs: number;
  readonly fallback: Fallback;
  readonly lastGoodForMs: number;
  readonly retry: RetryRule;
  readonly steady: SteadyRule;
}

/** Bounds of asking again. A session has one more, over all its reads: `retryRatio`. */
export interface RetryRule {
  /** Requests for one read, the first included. */
  readonly attempts: number;
  /** The pause before the n-th repetition is drawn from 0 to `baseMs` × 2^n, at most `capMs`. Milliseconds. */
  readonly baseMs: number;
  readonly capMs: number;
}

/** What failed is trusted again only after it has been good for a while: no flapping. */
export interface SteadyRule {
  /** Good answers in a row. */
  readonly answers: number;
  /** And over so long, milliseconds. */
  readonly forMs: number;
  /** When it fails again soon after it came back, the time doubles, up to this. Milliseconds. */
  readonly atMostMs: number;
  /** While strict answers are used, the cheaper way is tried so often at most. Milliseconds. */
  readonly probeMs: number;
}

const RETRY: RetryRule = { attempts: 3, baseMs: 50, capMs: 1_000 };

/** Money: a number that is proven, or none. Postgres or a read model that is proven to be as new. */
export const FINANCIAL: Policy = {
  name: 'financial',
  minConfidence: 'HIGH',
  maxStalenessMs: 1_000,
  maxAgeMs: 1_000,
  refuse: [],
  ask: { minConfidence: 'HIGH', maxStalenessMs: 1_000 },
  stricter: { scope: 'STRONG' },
  patienceMs: 2_000,
  fallback: 'NOTHING',
  lastGoodForMs: 0,
  retry: RETRY,
  // Each answer is proven by itself: there is nothing to get used to.
  steady: { answers: 1, forMs: 0, atMostMs: 0, probeMs: 1_000 },
};

/** A screen that somebody watches: a little behind is fine, wrong is not, and it must not flicker. */
export const DASHBOARD: Policy = {
  name: 'dashboard',
  minConfidence: 'EVENTUALLY_CONSISTENT',
  maxStalenessMs: 10_000,
  maxAgeMs: 30_000,
  refuse: [],
  ask: {},
  stricter: { scope: 'STRONG' },
  patienceMs: 1_000,
  fallback: 'LAST_GOOD',
  lastGoodForMs: 60_000,
  retry: RETRY,
  steady: { answers: 3, forMs: 5_000, atMostMs: 60_000, probeMs: 2_000 },
};

/** A search box: what there is, at once; the reader is told when it may be old. */
export const SEARCH: Policy = {
  name: 'search',
  minConfidence: 'EVENTUALLY_CONSISTENT',
  maxStalenessMs: 60_000,
  maxAgeMs: 60_000,
  refuse: [],
  ask: {},
  stricter: null,
  patienceMs: 0,
  fallback: 'AS_IS',
  lastGoodForMs: 0,
  retry: { attempts: 1, baseMs: 0, capMs: 0 },
  steady: { answers: 1, forMs: 0, atMostMs: 0, probeMs: 1_000 },
};
