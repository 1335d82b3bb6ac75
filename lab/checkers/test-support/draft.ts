/** A copy of a good history that may be changed, and how to find the places in it. */
import type { Answer, Contract, History, RowClaim } from '../../history/types.js';
import { indexOf, type Seen } from '../claims.js';

export type Mutable<T> = T extends string | number | boolean | null | undefined
  ? T
  : { -readonly [P in keyof T]: Mutable<T[P]> };
export type Draft = Mutable<History>;
export type Row = Mutable<RowClaim>;
export type Place = {
  readonly seen: Seen;
  readonly row: Row;
  readonly contract: Mutable<Contract>;
  readonly answer: Mutable<Answer>;
};

export interface Corruption {
  readonly name: string;
  readonly checker: string;
  readonly sentence: string;
  /** At the n-th place where that is possible; false: there is none. */
  readonly apply: (draft: Draft, good: History, n: number) => boolean;
}

export const nth = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
export const iso = (us: number): string => new Date(Math.floor(us / 1000)).toISOString();
export const commitOf = (good: History, position: number): number =>
  good.truth.find((truth) => truth.position === position)?.committedAtUs ?? 0;

/** The row claims for which `where` holds in the good history, in the draft. */
export function rows(draft: Draft, good: History, where: (seen: Seen) => boolean): Place[] {
  const { seen } = indexOf(good);
  return seen.filter(where).flatMap((one) => {
    const answer = draft.answers.find(({ id }) => id === one.answer.id);
    const at = one.answer.claims.indexOf(one.claim);
    const row = answer?.claims[at];
    if (answer === undefined || row === undefined || row.subject !== 'row') return [];
    return [{ seen: one, row: row, contract: row.contract, answer }];
  });
}

export const onRow =
  (where: (seen: Seen, good: History) => boolean, change: (place: Place, good: History) => void) =>
  (draft: Draft, good: History, n: number): boolean => {
    const place = nth(
      rows(draft, good, (seen) => where(seen, good)),
      n,
    );
    if (place === undefined) return false;
    change(place, good);
    return true;
  };
