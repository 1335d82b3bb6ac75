/** Which source offsets a result folds, compared. Pure. */
import type { Coverage } from './state.js';

export const partitionsOf = (coverage: Coverage | null): string[] =>
  coverage === null ? [] : Object.keys(coverage).sort();

/** Does `a` hold every offset that `b` holds? */
const contains = (a: Coverage, b: Coverage): boolean =>
  Object.entries(b).every(([p, [first, last]]) => {
    const own = a[p];
    return own !== undefined && own[0] <= first && own[1] >= last;
  });

/** How much `now` covers, seen from `before`. */
export function compareCoverage(
  now: Coverage | null,
  before: Coverage | null,
): 'EQUAL' | 'LESS' | 'GREATER' | 'INCOMPARABLE' | 'UNKNOWN' {
  if (now === null || before === null || partitionsOf(now).length === 0) return 'UNKNOWN';
  const [more, less] = [contains(now, before), contains(before, now)];
  if (more && less) return 'EQUAL';
  return more ? 'GREATER' : less ? 'LESS' : 'INCOMPARABLE';
}

/** The same of results that are their newest record alone: of two such records the one further on in the log is the newer. */
export function comparePlaces(now: Coverage | null, before: Coverage | null): ReturnType<typeof compareCoverage> {
  const [partition, more] = partitionsOf(now);
  const [own, old] = [now?.[partition ?? ''], before?.[partition ?? '']];
  if (own === undefined || old === undefined || more !== undefined) return compareCoverage(now, before);
  if (own[1] === old[1]) return 'EQUAL';
  return own[1] > old[1] ? 'GREATER' : 'LESS';
}

export const covers = (coverage: Coverage | null, partition: string, offset: number): boolean => {
  const own = coverage?.[partition];
  return own !== undefined && own[0] <= offset && offset <= own[1];
};
