/**
 * Requirement + proof + budget + health → what to do next (contract.md §8): the preferred store, waiting for it, the other read
 * models, Postgres; the cheapest by one table. Pure: the caller does it, adds what came of it, and asks again.
 *
 * An answer that does not meet its requirement is given only where `onUnmet` is FALLBACK, and with the contract that it has.
 */
import { maxPosition, next, ORIGIN, type Position } from '../position/position.js';
import type { Token } from '../position/token.js';
import { atLeast as reaches, CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, type ReasonCode, type Store } from '../words.js';
import type { Health } from './breaker.js';
import { COSTS, pathOf, type ReadShape } from './costs.js';
import { lacks, scopeMeets, type Lack, type Offer, type Requirement } from './requirement.js';

/** What is known of a store before it is asked. */
export interface StoreView {
  readonly store: Store;
  readonly health: Health;
  /** How far it was when it was last heard of, by the path on which it would be read; null: never heard, or Postgres. */
  readonly applied: Token | null;
  /** How far behind the proof that was; null: unknown. Milliseconds. */
  readonly lagMs: number | null;
}

/** May Postgres be read? NAMED_ONLY: when it was asked for by name, not in place of another store. */
export type Budget = 'FREE' | 'NAMED_ONLY' | 'FULL';

export type Attempt =
  /** `offer` null: nothing was demanded, so nobody looked. */
  | { readonly kind: 'offered'; readonly store: Store; readonly offer: Offer | null }
  | { readonly kind: 'failed'; readonly store: Store }
  /** Postgres had no room. */
  | { readonly kind: 'refused'; readonly store: Store }
  | { readonly kind: 'waited'; readonly store: Store; readonly reached: boolean };

export interface Situation {
  readonly shape: ReadShape;
  readonly requirement: Requirement;
  readonly stores: readonly StoreView[];
  /** Of the proof; null: none, or not asked for yet. */
  readonly proven: Position | null;
  /** Postgres was asked for a proof, and did not answer. */
  readonly unproven: boolean;
  readonly budget: Budget;
  readonly tried: readonly Attempt[];
  /** For waiting. */
  readonly leftMs: number;
}

export type Route =
  | { readonly kind: 'read'; readonly store: Store }
  | { readonly kind: 'wait'; readonly store: Store; readonly until: Position; readonly limitMs: number }
  /** The answer of this attempt. */
  | { readonly kind: 'answer'; readonly attempt: number; readonly met: boolean }
  | { readonly kind: 'unmet'; readonly as: 'NULL' | 'ERROR' }
  /** Nobody answered at all. */
  | { readonly kind: 'unavailable' };

/** So many reads and waits, and it is over: changes that come faster than they can be waited for. */
export const MOST_STEPS = 12;

const DIVERGED: ReasonCode = 'VIOLATION_STORE_DIVERGENCE';

interface Offered {
  readonly index: number;
  readonly offer: Offer;
  readonly lacks: readonly Lack[];
}

export function route(situation: Situation): Route {
  const { tried, requirement } = situation;
  const offers: Offered[] = [];
  for (const [index, attempt] of tried.entries()) {
    if (attempt.kind !== 'offered') continue;
    const lacking = attempt.offer === null ? [] : lacks(requirement, attempt.offer);
    if (lacking.length === 0 || attempt.offer === null) return { kind: 'answer', attempt: index, met: true };
    offers.push({ index, offer: attempt.offer, lacks: lacking });
  }
  if (tried.length >= MOST_STEPS) return giveUp(situation, offers);
  const read = cheapest(situation, offers);
  const wait = waiting(situation, offers);
  if (wait !== null && (read === null || wait.cost <= read.cost)) return wait.route;
  if (read !== null) return { kind: 'read', store: read.store };
  // Nobody can meet it. Something to offer, at least.
  const spare = offers.length > 0 ? undefined : usable(situation)[0];
  return spare === undefined ? giveUp(situation, offers) : { kind: 'read', store: spare.store };
}

/** The stores in the order in which they would be asked, without regard to what was tried. */
export const preference = (situation: Situation): readonly Store[] =>
  [...situation.stores].sort((a, b) => costOf(situation, a) - costOf(situation, b)).map(({ store }) => store);

function costOf({ shape, requirement }: Situation, { store, health }: StoreView): number {
  const named =
    (requirement.scope === 'STRONG' && store === 'POSTGRES') ||
    (requirement.scope === 'SEARCH' && pathOf(shape, store) === 'SEARCH');
  // Who was asked for by name comes first, even if it failed just now where nothing else is the same.
  if (named) return store === 'POSTGRES' || health !== 'SUSPECT' ? 0 : COSTS.suspect;
  return (COSTS.read[shape][store] ?? Infinity) + (health === 'SUSPECT' ? COSTS.suspect : 0);
}

/** Stores that may be asked now, the cheapest first. One that was tried may be asked again only after a wait for it. */
function usable(situation: Situation): { readonly store: Store; readonly view: StoreView; readonly cost: number }[] {
  const { tried, budget, requirement } = situation;
  return situation.stores
    .filter((view) => view.health !== 'OPEN')
    .filter(({ store }) => {
      const last = tried.findLast((attempt) => attempt.store === store);
      return last === undefined || (last.kind === 'waited' && last.reached);
    })
    .filter(({ store }) => {
      if (store !== 'POSTGRES') return true;
      return requirement.scope === 'STRONG' ? budget !== 'FULL' : budget === 'FREE';
    })
    .map((view) => ({ store: view.store, view, cost: costOf(situation, view) }))
    .filter(({ cost }) => cost < Infinity)
    .sort((a, b) => a.cost - b.cost);
}

/** The cheapest store that may meet the requirement. */
function cheapest(
  situation: Situation,
  offers: readonly Offered[],
): { readonly store: Store; readonly cost: number } | null {
  const { requirement, shape } = situation;
  if (isHopeless(situation, offers)) return null;
  const candidates = usable(situation).filter(({ store }) => {
    const path = pathOf(shape, store);
    // What a search found is never proven to be all.
    return scopeMeets(requirement.scope, path) && !(requirement.minConfidence === 'HIGH' && path === 'SEARCH');
  });
  // The first one is asked whatever was last heard of it: it may have come further.
  if (offers.length === 0) return candidates[0] ?? null;
  const need = needed(situation, offers);
  return candidates.find((candidate) => mayHave(situation, candidate.view, need)) ?? candidates[0] ?? null;
}

/** No other store's answer would be better, and no later one: not with what is accepted, and nothing is HIGH without a proof. */
const isHopeless = ({ requirement, unproven }: Situation, offers: readonly Offered[]): boolean => {
  const { minConfidence } = requirement;
  if (minConfidence === null) return false;
  return (unproven && minConfidence === 'HIGH') || offers.some(({ offer }) => !reaches(offer.potential, minConfidence));
};

/** What a store must have applied, by all that is known so far. */
function needed({ requirement, proven }: Situation, offers: readonly Offered[]): Position {
  const asked = requirement.atLeast?.position ?? ORIGIN;
  return offers.reduce((most, { offer, lacks: lacking }) => {
    if (!lacking.includes('LEVEL') && !lacking.includes('STALENESS')) return most;
    if (offer.current) return lacking.includes('STALENESS') ? maxPosition(most, next(proven ?? ORIGIN)) : most;
    return maxPosition(most, offer.currentAt ?? proven ?? ORIGIN);
  }, asked);
}

function mayHave({ proven, unproven }: Situation, { store, applied }: StoreView, need: Position): boolean {
  if (store === 'POSTGRES') return !unproven && (proven === null || need <= proven);
  return applied !== null && applied.position >= need;
}

/** Waiting for a store that has answered and only has to come further. */
function waiting(
  situation: Situation,
  offers: readonly Offered[],
): { readonly cost: number; readonly route: Route } | null {
  const { requirement, leftMs, stores, tried } = situation;
  if (leftMs <= 0 || isHopeless(situation, offers)) return null;
  const need = needed(situation, offers);
  let best: { readonly cost: number; readonly route: Route } | null = null;
  for (const { offer, lacks: lacking } of offers) {
    const { store } = offer;
    if (store === 'POSTGRES' || lacking.includes('SCOPE')) continue;
    if (lacking.includes('LEVEL') && offer.scope === 'SEARCH' && requirement.minConfidence === 'HIGH') continue;
    // It has come as far as it says, and holds something else than it should.
    if (offer.reasons.includes(DIVERGED)) continue;
    // It has come there, and was not read again yet; or it did not in time.
    if (tried.findLast((attempt) => attempt.store === store)?.kind === 'waited') continue;
    const expectedMs = stores.find((view) => view.store === store)?.lagMs ?? Infinity;
    if (requirement.onUnmet !== 'WAIT' && expectedMs > leftMs) continue;
    // What it has already is nothing to wait for.
    const has = offer.reflects?.position ?? null;
    const until = has === null || need > has ? need : next(has);
    if (until === ORIGIN) continue;
    const cost = expectedMs * COSTS.waitMs;
    if (best === null || cost < best.cost) best = { cost, route: { kind: 'wait', store, until, limitMs: leftMs } };
  }
  return best;
}

function giveUp({ requirement }: Situation, offers: readonly Offered[]): Route {
  if (requirement.onUnmet === 'NULL') return { kind: 'unmet', as: 'NULL' };
  if (offers.length === 0) return { kind: 'unavailable' };
  if (requirement.onUnmet !== 'FALLBACK') return { kind: 'unmet', as: 'ERROR' };
  const best = offers.reduce((a, b) => (isBetter(b.offer, a.offer) ? b : a));
  return { kind: 'answer', attempt: best.index, met: false };
}

/** By level, then by what it reflects, then by its path; the first one stays. */
function isBetter(a: Offer, b: Offer): boolean {
  const byLevel = CONFIDENCE_LEVELS.indexOf(a.level) - CONFIDENCE_LEVELS.indexOf(b.level);
  if (byLevel !== 0) return byLevel < 0;
  const [x, y] = [a.reflects?.position ?? -1n, b.reflects?.position ?? -1n];
  if (x !== y) return x > y;
  return CONSISTENCY_SCOPES.indexOf(a.scope) < CONSISTENCY_SCOPES.indexOf(b.scope);
}

/** When it could be met, by what is known now: milliseconds; null: nobody knows, or not by waiting. */
export function retryAfterMs(situation: Situation): number | null {
  const offers = situation.tried.flatMap((attempt) =>
    attempt.kind === 'offered' && attempt.offer !== null ? [attempt.offer] : [],
  );
  const { minConfidence } = situation.requirement;
  if (minConfidence !== null && offers.some(({ potential }) => !reaches(potential, minConfidence))) return null;
  const lags = situation.stores.flatMap(({ store, lagMs }) =>
    lagMs !== null && offers.some((offer) => offer.store === store) ? [lagMs] : [],
  );
  return lags.length === 0 ? null : Math.ceil(Math.max(1, Math.min(...lags)));
}
