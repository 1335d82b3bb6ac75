/** What an answer must be good for: the arguments of `@consistency`, and how two of them become one. */
import { mergeTokens } from './token.js';
import { levelMeets, ON_UNMET, scopeMeets } from './words.js';
import type { ConfidenceLevel, ConsistencyScope, OnUnmet } from './words.js';

export interface Requirement {
  readonly minConfidence?: ConfidenceLevel;
  readonly scope?: ConsistencyScope;
  readonly maxStalenessMs?: number;
  /** A token: the answer must reflect it. */
  readonly atLeast?: string;
  readonly onUnmet?: OnUnmet;
  /** How long the server may wait for a store. Milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * Of each part the stricter one, as the server puts demands together.
 * @throws TokenError TOKEN_FOREIGN when the tokens are of two histories
 */
export function stricterOf(...requirements: readonly (Requirement | null | undefined)[]): Requirement {
  return requirements.reduce<Requirement>((a, b) => (b === null || b === undefined ? a : both(a, b)), {});
}

function both(a: Requirement, b: Requirement): Requirement {
  const minConfidence = either(a.minConfidence, b.minConfidence, (x, y) => (levelMeets(x, y) ? x : y));
  const scope = either(a.scope, b.scope, (x, y) => (scopeMeets(x, y) ? x : y));
  const maxStalenessMs = either(a.maxStalenessMs, b.maxStalenessMs, Math.min);
  const atLeast = either(a.atLeast, b.atLeast, mergeTokens);
  const onUnmet = either(a.onUnmet, b.onUnmet, (x, y) => (ON_UNMET.indexOf(x) >= ON_UNMET.indexOf(y) ? x : y));
  const timeoutMs = either(a.timeoutMs, b.timeoutMs, Math.min);
  return {
    ...(minConfidence !== undefined && { minConfidence }),
    ...(scope !== undefined && { scope }),
    ...(maxStalenessMs !== undefined && { maxStalenessMs }),
    ...(atLeast !== undefined && { atLeast }),
    ...(onUnmet !== undefined && { onUnmet }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

const either = <T>(a: T | undefined, b: T | undefined, choose: (x: T, y: T) => T): T | undefined =>
  a === undefined ? b : b === undefined ? a : choose(a, b);

/** Does `requirement` ask for more than `than` does, beside tokens? */
export function isStricter(requirement: Requirement, than: Requirement): boolean {
  const merged = stricterOf(than, { ...requirement, ...(than.atLeast !== undefined && { atLeast: than.atLeast }) });
  return (['minConfidence', 'scope', 'maxStalenessMs'] as const).some((key) => merged[key] !== than[key]);
}
