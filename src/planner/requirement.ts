/** What an answer must be good for, what a store offers, and what an offer lacks (contract.md §8). Pure. */
import { mergeTokens, type Token } from '../position/token.js';
import type { Position } from '../position/position.js';
import {
  atLeast as reaches,
  CONFIDENCE_LEVELS,
  CONSISTENCY_SCOPES,
  type ConfidenceLevel,
  type ConsistencyScope,
  type Store,
} from '../words.js';

/** What to do when nobody can meet a requirement; the least strict first. */
export const ON_UNMET = ['FALLBACK', 'WAIT', 'NULL', 'ERROR'] as const;
export type OnUnmet = (typeof ON_UNMET)[number];

/** What one place (the operation, a field, the header) demands; null: nothing. */
export interface Demand {
  readonly minConfidence: ConfidenceLevel | null;
  readonly scope: ConsistencyScope | null;
  readonly maxStalenessMs: number | null;
  readonly atLeast: Token | null;
  readonly onUnmet: OnUnmet | null;
  readonly timeoutMs: number | null;
  readonly explainPlan: boolean | null;
}

/** What holds for one field, after all demands on it have been put together. */
export interface Requirement {
  readonly minConfidence: ConfidenceLevel | null;
  readonly scope: ConsistencyScope | null;
  readonly maxStalenessMs: number | null;
  readonly atLeast: Token | null;
  readonly onUnmet: OnUnmet;
  /** How long may be waited for a store, milliseconds. */
  readonly timeoutMs: number;
  readonly explainPlan: boolean;
}

export const NO_DEMAND: Demand = {
  minConfidence: null,
  scope: null,
  maxStalenessMs: null,
  atLeast: null,
  onUnmet: null,
  timeoutMs: null,
  explainPlan: null,
};
export const DEFAULT_TIMEOUT_MS = 300;

/** Of two demands the stricter part of each. @throws AppError TOKEN_FOREIGN when their tokens are of two incarnations */
export function stricter(a: Demand, b: Demand): Demand {
  return {
    minConfidence: either(a.minConfidence, b.minConfidence, earlier(CONFIDENCE_LEVELS)),
    scope: either(a.scope, b.scope, earlier(CONSISTENCY_SCOPES)),
    maxStalenessMs: either(a.maxStalenessMs, b.maxStalenessMs, Math.min),
    atLeast: either(a.atLeast, b.atLeast, mergeTokens),
    onUnmet: either(a.onUnmet, b.onUnmet, (x, y) => (earlier(ON_UNMET)(x, y) === x ? y : x)),
    timeoutMs: either(a.timeoutMs, b.timeoutMs, Math.min),
    explainPlan: either(a.explainPlan, b.explainPlan, (x, y) => x || y),
  };
}

/** @param mostMs what a request has left for waiting */
export const requirementOf = (demand: Demand, mostMs: number): Requirement => ({
  ...demand,
  onUnmet: demand.onUnmet ?? 'FALLBACK',
  timeoutMs: Math.min(demand.timeoutMs ?? DEFAULT_TIMEOUT_MS, mostMs),
  explainPlan: demand.explainPlan ?? false,
});

/** Whatever a store says will do. */
export const NO_REQUIREMENT: Requirement = requirementOf(NO_DEMAND, 0);

export const isFree = ({ minConfidence, scope, maxStalenessMs, atLeast }: Requirement): boolean =>
  minConfidence === null && scope === null && maxStalenessMs === null && atLeast === null;

/** What a store said of all that one field shows: of each claim the weakest. */
export interface Offer {
  readonly store: Store;
  readonly scope: ConsistencyScope;
  readonly level: ConfidenceLevel;
  /** The highest level that any store could give now, or this one later. */
  readonly potential: ConfidenceLevel;
  readonly stalenessMs: number | null;
  /** Every change up to it is shown; null: unknown. */
  readonly reflects: Token | null;
  /** It is proven to be the newest. */
  readonly current: boolean;
  /** Once the store has applied it, the answer is current; null: it is, or nobody knows. */
  readonly currentAt: Position | null;
  readonly reasons: readonly string[];
}

export type Lack = 'LEVEL' | 'SCOPE' | 'STALENESS' | 'POSITION';

/** What keeps the offer from meeting the requirement; empty: it meets it. */
export function lacks(requirement: Requirement, offer: Offer): readonly Lack[] {
  const { minConfidence, scope, maxStalenessMs, atLeast } = requirement;
  return [
    ...(minConfidence === null || reaches(offer.level, minConfidence) ? [] : (['LEVEL'] as const)),
    ...(scopeMeets(scope, offer.scope) ? [] : (['SCOPE'] as const)),
    ...(maxStalenessMs === null || (offer.stalenessMs ?? Infinity) <= maxStalenessMs ? [] : (['STALENESS'] as const)),
    ...(atLeast === null || reflectsToken(offer.reflects, atLeast) ? [] : (['POSITION'] as const)),
  ];
}

/** A stricter scope than demanded will do. */
export const scopeMeets = (demanded: ConsistencyScope | null, given: ConsistencyScope): boolean =>
  demanded === null || CONSISTENCY_SCOPES.indexOf(given) <= CONSISTENCY_SCOPES.indexOf(demanded);

export const reflectsToken = (reflects: Token | null, token: Token): boolean =>
  reflects !== null && reflects.incarnation === token.incarnation && reflects.position >= token.position;

function either<T>(a: T | null, b: T | null, both: (a: T, b: T) => T): T | null {
  return a === null ? b : b === null ? a : both(a, b);
}

const earlier =
  <T>(order: readonly T[]) =>
  (a: T, b: T): T =>
    order.indexOf(a) <= order.indexOf(b) ? a : b;
