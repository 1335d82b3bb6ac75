/** How the stores stand, from what was seen of them and how they stood before; and what there is to tell of it (contract.md §9). Pure. */
import type { Position } from '../position/position.js';
import { CDC_CAUSES, type CdcCause, type StalenessEventType, type Store } from '../words.js';
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

/** What clients have been told of it last. PAUSED: that nothing arrives, and not why. */
export type CdcState = 'FLOWING' | 'PAUSED' | CdcCause;

/** What was seen of the whole path from Postgres to the read models. */
export interface CdcTold {
  /** As it was classified (liveness.ts). */
  readonly state: string;
  /** One of the read models has moved since it was told. */
  readonly moved: boolean;
  /** So long ago the oldest position was committed that no read model has applied. null: not known. Milliseconds. */
  readonly lateMs: number | null;
  /** A projection is blocked by a record that it can't apply: then standing still says nothing of CDC. */
  readonly blocked: boolean;
}

const isCause = (state: string): state is CdcCause => state in CDC_CAUSES;

/** A cause is told at once; that nothing arrives, for no reason that is known, after `boundMs`. A cause that is not known any more is not taken back. */
export function cdcState(before: CdcState, { state, moved, lateMs, blocked }: CdcTold, boundMs: number): CdcState {
  if (isCause(state)) return state;
  if (before !== 'FLOWING') return state === 'FLOWING' || moved ? 'FLOWING' : before;
  return state === 'UNKNOWN' && lateMs !== null && lateMs > boundMs && !blocked ? 'PAUSED' : before;
}

export function eventOfCdc(before: CdcState, after: CdcState, { lateMs }: CdcTold): NewEvent | null {
  if (before === after) return null;
  if (after === 'FLOWING')
    return { ...NOTHING_ELSE, type: 'CDC_RESUMED', reasons: [], message: 'Changes reach the read models again.' };
  const reasons = after === 'PAUSED' ? [] : [after];
  const still = `No change has reached any read model for ${((lateMs ?? 0) / 1000).toFixed(1)} s.`;
  const message = after === 'PAUSED' ? still : `${still} ${CDC_CAUSES[after]}`;
  return { ...NOTHING_ELSE, type: 'CDC_PAUSED', reasons, message };
}
