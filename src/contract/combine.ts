/** One contract for what rests on several. Pure. */
import { weakest } from '../words.js';
import { maxPosition, ORIGIN, type Position } from '../position/position.js';
import type { Contract, Reflected } from './assess.js';

/** The smallest; null when one is unknown. */
function least<T extends number | bigint | string>(a: T | null, b: T | null): T | null {
  return a === null || b === null ? null : a < b ? a : b;
}

/** null when one is unknown, or they speak of two histories. */
const lesser = (a: Reflected | null, b: Reflected | null): Reflected | null =>
  a === null || b === null || a.incarnation !== b.incarnation ? null : a.position <= b.position ? a : b;

/** Both are the newest then; null: they are, or nobody knows when. */
function most(a: Contract, b: Contract): Position | null {
  const unknown = [a, b].some(({ provenAt, currentAt }) => provenAt === null && currentAt === null);
  if (unknown || (a.currentAt === null && b.currentAt === null)) return null;
  return maxPosition(a.currentAt ?? ORIGIN, b.currentAt ?? ORIGIN);
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
    reflects: lesser(a.reflects, b.reflects),
    currentAt: most(a, b),
    potential: weakest(a.potential, b.potential),
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
