/** How the stores stand, from what was seen of them and how they stood before; and what there is to tell of it (contract.md §9). Pure. */
import type { Position } from '../position/position.js';
import type { StalenessEventType, Store } from '../words.js';
import type { NewEvent } from './transitions.js';

/** FRESH: at most as old as its bound. BEHIND: older. UNAVAILABLE: it does not answer, or nobody can tell how far it is. */
export type StoreState = 'FRESH' | 'BEHIND' | 'UNAVAILABLE';

/** A read model, as it was seen just now. */
export interface StoreSeen {
  readonly store: Store;
  /** Age of the newest position that it has applied, heartbeats included: an upper bound. null: it did not say. Milliseconds. */
  readonly ageMs: number | null;
  readonly applied: Position | null;
  /** Times in a row that it did not say, this time included. */
  readonly failures: number;
  /** For people. */
  readonly detail: string | null;
}

/** One unanswered question is no outage. */
const FAILURES = 2;
/** Fresh again well within the bound: a store that stands at it would come and go. */
const BACK = 0.5;

/** @param boundMs what `stale: true` is judged by */
export function storeState(before: StoreState, { ageMs, failures }: StoreSeen, boundMs: number): StoreState {
  if (ageMs === null) return failures >= FAILURES ? 'UNAVAILABLE' : before;
  return ageMs > (before === 'FRESH' ? boundMs : boundMs * BACK) ? 'BEHIND' : 'FRESH';
}

const TYPES: Readonly<Record<StoreState, StalenessEventType>> = {
  FRESH: 'STORE_CAUGHT_UP',
  BEHIND: 'STORE_BEHIND',
  UNAVAILABLE: 'STORE_UNAVAILABLE',
};

const NOTHING_ELSE = {
  pipeline: null,
  run: null,
  engine: null,
  kind: null,
  businessKey: null,
  symbol: null,
  levelBefore: null,
  levelAfter: null,
} as const;

/** One event per transition; null: there is none. */
export function eventOfStore(before: StoreState, after: StoreState, seen: StoreSeen): NewEvent | null {
  if (before === after) return null;
  const { store, ageMs, detail } = seen;
  const why = detail === null ? '' : `: ${detail}`;
  const reasons = { FRESH: [], BEHIND: ['STORE_BEHIND'], UNAVAILABLE: ['POSITION_UNKNOWN'] }[after];
  const message = {
    FRESH: `${store} is up to date again.`,
    BEHIND: `${store} may be ${Math.round((ageMs ?? 0) / 1000)} s old${why}.`,
    UNAVAILABLE: `${store} does not say how far it is${why}.`,
  }[after];
  return { ...NOTHING_ELSE, type: TYPES[after], store, reasons, message };
}

export type CdcState = 'FLOWING' | 'PAUSED';

/** What was seen of the whole path from Postgres to the read models. */
export interface CdcSeen {
  /** For so long none of the read models that answer has moved, though Postgres' clock has. null: none answers. Milliseconds. */
  readonly stillMs: number | null;
  /** One of them has moved since the look before. */
  readonly moved: boolean;
  /** A projection is blocked by a record that it can't apply: then standing still says nothing of CDC. */
  readonly blocked: boolean;
  readonly detail: string | null;
}

/** One read model that stands still may be at fault itself; all of them, with heartbeats due all the time, are cut off. */
export function cdcState(before: CdcState, { stillMs, moved, blocked }: CdcSeen, boundMs: number): CdcState {
  if (moved) return 'FLOWING';
  return stillMs !== null && stillMs > boundMs && !blocked ? 'PAUSED' : before;
}

export function eventOfCdc(before: CdcState, after: CdcState, { stillMs, detail }: CdcSeen): NewEvent | null {
  if (before === after) return null;
  const why = detail === null ? '' : `: ${detail}`;
  return after === 'PAUSED'
    ? {
        ...NOTHING_ELSE,
        type: 'CDC_PAUSED',
        reasons: [],
        message: `No change has reached any read model for ${Math.round((stillMs ?? 0) / 1000)} s${why}.`,
      }
    : { ...NOTHING_ELSE, type: 'CDC_RESUMED', reasons: [], message: 'Changes reach the read models again.' };
}

/** How long nothing has moved, from one look to the next. Pure. */
export interface Stillness {
  readonly highest: Position | null;
  readonly sinceMs: number;
  /** Since the look before; not at the first look, which has nothing to compare with. */
  readonly moved: boolean;
}

export function stillness(before: Stillness | null, seen: readonly StoreSeen[], nowMs: number): Stillness {
  const applied = seen.flatMap((one) => (one.applied === null ? [] : [one.applied]));
  const highest = applied.reduce<Position | null>((high, one) => (high === null || one > high ? one : high), null);
  if (before?.highest === highest) return { ...before, moved: false };
  // Lower than before it is rebuilt, or of another history: it moved all the same.
  return { highest, sinceMs: nowMs, moved: before !== null && before.highest !== null && highest !== null };
}
