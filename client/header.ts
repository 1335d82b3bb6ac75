import type { Requirement } from './requirement.js';

/** The request header that carries a requirement for clients that leave their documents alone. */
export const CONSISTENCY_HEADER = 'tidemark-consistency';

/** The requirement as the header's value: a dictionary of a structured field (RFC 9651). Empty: nothing is required. */
export function headerOf(requirement: Requirement): string {
  const { minConfidence, scope, maxStalenessMs, atLeast, onUnmet, timeoutMs } = requirement;
  const parts: readonly (readonly [string, string | number | undefined])[] = [
    ['min-confidence', minConfidence],
    ['scope', scope],
    ['max-staleness-ms', maxStalenessMs],
    // Letters, digits, - and _ only: nothing to escape.
    ['at-least', atLeast === undefined ? undefined : `"${atLeast}"`],
    ['on-unmet', onUnmet],
    ['timeout-ms', timeoutMs],
  ];
  return parts.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])).join(', ');
}
