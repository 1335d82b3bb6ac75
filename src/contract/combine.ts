/** One contract for what rests on several. Pure. */
import { weakest } from '../words.js';
import type { Contract } from './assess.js';

/** The smallest; null when one is unknown. */
function least<T extends number | bigint | string>(a: T | null, b: T | null): T | null {
  return a === null || b === null ? null : a < b ? a : b;
}

/** Of each claim the weaker one; what the two rest on is listed together. Store, scope and times of the first. */
export function both(a: Contract, b: Contract): Contract {
  return {
    ...a,
    confidenceLevel: weakest(a.confidenceLevel, b.confidenceLevel),
    asOf: least(a.asOf, b.asOf),
    sourceAsOf: least(a.sourceAsOf, b.sourceAsOf),
    stale: a.stale || b.stale,
    reasons: [...new Set([...a.reasons, ...b.reasons])],
    provenAt: least(a.provenAt, b.provenAt),
  };
}

/** What a search found is never proven to be all (contract.md §8, Sets). */
export const ofSearch = (set: Contract): Contract => ({
  ...set,
  confidenceLevel: weakest(set.confidenceLevel, 'EVENTUALLY_CONSISTENT'),
  reasons: [...set.reasons, 'SEARCH_SET'],
});

/** The same claim with further reasons: those of the members of a statistic. */
export const withReasons = (contract: Contract, reasons: readonly string[]): Contract => ({
  ...contract,
  reasons: [...new Set([...contract.reasons, ...reasons])],
});
