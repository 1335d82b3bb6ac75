import {
  windowKey,
  type Cause,
  type Evidence,
  type OrderEvent,
  type OrderWindowValue,
  type WindowReset,
} from './wire.js';
import { addToDigest } from './digest.js';
import { Decimal, ZERO, average, canonical } from './decimal.js';
import { iso } from './settings.js';

/** A window of one symbol, as far as it has been folded. Mutable: it is the processor's hot state. */
export interface WindowState {
  readonly symbol: string;
  readonly startMs: number;
  readonly endMs: number;
  buy: number;
  sell: number;
  amount: Decimal;
  priceSum: Decimal;
  minPrice: Decimal;
  maxPrice: Decimal;
  digest: bigint;
  duplicates: number;
  firstOffset: number;
  lastOffset: number;
  maxEventTimeMs: number;
  /** Sticky: once a late event changed the window, every further emission says so. */
  late: boolean;
  revision: number;
  lost: number[];
  /** Lowest source offset whose change has not been emitted. */
  dirtySince: number | null;
  emittedAtMs: number | null;
  /** Order ids folded by this run. Never snapshotted: after a crash the processor recounts, visibly. */
  readonly seen: Set<string>;
  /** The verified fold that this run replaced it by, and has folded on from (ADR 13); null: none. Never snapshotted. */
  resetBy: string | null;
}

export function openWindow(symbol: string, startMs: number, windowMs: number): WindowState {
  return {
    symbol,
    startMs,
    endMs: startMs + windowMs,
    buy: 0,
    sell: 0,
    amount: ZERO,
    priceSum: ZERO,
    minPrice: ZERO,
    maxPrice: ZERO,
    digest: 0n,
    duplicates: 0,
    firstOffset: -1,
    lastOffset: -1,
    maxEventTimeMs: 0,
    late: false,
    revision: 0,
    lost: [],
    dirtySince: null,
    emittedAtMs: null,
    seen: new Set(),
    resetBy: null,
  };
}

/** Folds a create or read into its window; false if its order id is there already. Offsets must come in order. */
export function fold(window: WindowState, event: OrderEvent, eventTimeMs: number, offset: number): boolean {
  if (window.seen.has(event.order_id)) {
    window.duplicates++;
    return false;
  }
  window.seen.add(event.order_id);
  const price = new Decimal(event.price);
  const empty = window.buy + window.sell === 0;
  if (event.side === 'BUY') window.buy++;
  else window.sell++;
  window.amount = window.amount.plus(price.times(event.quantity));
  window.priceSum = window.priceSum.plus(price);
  if (empty || price.lt(window.minPrice)) window.minPrice = price;
  if (empty || price.gt(window.maxPrice)) window.maxPrice = price;
  window.digest = addToDigest(window.digest, event.event_id);
  if (window.firstOffset < 0) window.firstOffset = offset;
  window.lastOffset = Math.max(window.lastOffset, offset);
  window.maxEventTimeMs = Math.max(window.maxEventTimeMs, eventTimeMs);
  return true;
}

/** Replaces what was folded by the verified fold with this nonce; how often and when it was emitted stays. */
export function resetWindow(window: WindowState, state: WindowReset, nonce: string): void {
  window.seen.clear();
  for (const id of state.orders) window.seen.add(id);
  window.buy = state.orders_buy;
  window.sell = state.orders_sell;
  window.amount = new Decimal(state.total_amount);
  window.priceSum = new Decimal(state.price_sum);
  window.minPrice = new Decimal(state.min_price);
  window.maxPrice = new Decimal(state.max_price);
  window.digest = BigInt(state.digest);
  window.duplicates = state.duplicates_dropped;
  [window.firstOffset, window.lastOffset] = state.coverage;
  window.maxEventTimeMs = Date.parse(state.max_event_time);
  window.lost = [...state.lost];
  window.resetBy = nonce;
}

/** Notes the lowest source offset that the next emission will carry. */
export function markDirty(window: WindowState, offset: number): void {
  if (window.dirtySince === null || offset < window.dirtySince) window.dirtySince = offset;
}

export const keyOf = (window: WindowState): string => windowKey(window.symbol, window.startMs);
export const causeOf = (window: WindowState): Cause => (window.late ? 'LATE' : 'IN_ORDER');

export function valueOf(window: WindowState): OrderWindowValue {
  const count = window.buy + window.sell;
  return {
    symbol: window.symbol,
    window_start: iso(window.startMs),
    window_end: iso(window.endMs),
    orders_total: count,
    orders_buy: window.buy,
    orders_sell: window.sell,
    total_amount: canonical(window.amount),
    average_price: canonical(average(window.priceSum, count)),
    min_price: canonical(window.minPrice),
    max_price: canonical(window.maxPrice),
  };
}

export function evidenceOf(window: WindowState, sourcePartition: number): Evidence {
  const partition = String(sourcePartition);
  return {
    events: window.buy + window.sell,
    digest: window.digest.toString(),
    duplicates_dropped: window.duplicates,
    coverage: { [partition]: [window.firstOffset, window.lastOffset] },
    max_event_time: iso(window.maxEventTimeMs),
    ...(window.lost.length > 0 ? { lost: { [partition]: [...window.lost] } } : {}),
  };
}
