import { ZERO, Decimal, canonical } from './decimal.js';
import { digestOf, sumOf } from './digest.js';
import { iso, type Settings } from './settings.js';
import { SymbolState, neighbourhood, type Neighbour, type Order, type SymbolMemory } from './symbol.js';
import type { AnomalyRule, AnomalyValue, Evidence, OrderEvent } from './wire.js';

/** What a rule found in an order, and what that rests on. */
export interface Anomaly {
  readonly rule: AnomalyRule;
  readonly event: OrderEvent;
  readonly observed: Decimal;
  readonly threshold: string;
  /** The order itself and the predecessors that decided. */
  readonly orders: readonly Neighbour[];
  /** No order that decided, or could have decided otherwise, is older; null: unknown. */
  readonly beginsMs: number | null;
  readonly offset: number;
}

export interface Found {
  readonly anomalies: readonly Anomaly[];
  /** The rules that can't be decided any more: the order is older than what is remembered of its symbol. */
  readonly tooLate: readonly AnomalyRule[];
}

/** Orders not newer than this may repeat one from before the run; with `null` every order may. */
export type SuspectUntil = number | null;

/** The rules of contract §4 over the orders of one source partition, by symbol. No clock, no I/O. */
export class Anomalies {
  readonly #symbols = new Map<string, SymbolState>();

  constructor(
    private readonly settings: Settings,
    private readonly suspectUntilMs: SuspectUntil,
  ) {}

  /** What a snapshot keeps; restored, it is in doubt (symbol.ts). */
  remember(): (SymbolMemory & { readonly symbol: string })[] {
    const count = this.settings.rapidOrders;
    return [...this.#symbols].map(([symbol, state]) => ({ symbol, ...state.remember(count) }));
  }

  restore(symbol: string, memory: SymbolMemory): void {
    this.#symbol(symbol).restore(memory);
  }

  /** A newly created order, in offset order, each order once. */
  see(event: OrderEvent, timeMs: number, offset: number, watermarkMs: number | null): Found {
    const state = this.#symbol(event.symbol);
    const price = new Decimal(event.price);
    const order: Order = { offset, timeMs, price, digest: digestOf(event.event_id), restored: false };
    const found = [this.#large(event, order), this.#amount(event, order), this.#spike(state, event, order)];
    const floorMs = watermarkMs === null ? -Infinity : watermarkMs - this.settings.latenessMs;
    const tooLate = timeMs < floorMs && state.count >= this.settings.rapidOrders;
    if (!tooLate) found.push(this.#rapid(state, event, order));
    state.add(order, this.suspectUntilMs !== null && timeMs > this.suspectUntilMs);
    state.forget(floorMs - this.settings.rapidWindowMs);
    return { anomalies: found.filter((a) => a !== null), tooLate: tooLate ? ['RAPID_ORDERS'] : [] };
  }

  #symbol(symbol: string): SymbolState {
    let state = this.#symbols.get(symbol);
    if (state === undefined) this.#symbols.set(symbol, (state = new SymbolState()));
    return state;
  }

  #large(event: OrderEvent, order: Order): Anomaly | null {
    const threshold = this.settings.largeOrderQuantity;
    if (event.quantity <= threshold) return null;
    return {
      ...alone(event, order),
      rule: 'LARGE_ORDER',
      observed: new Decimal(event.quantity),
      threshold: String(threshold),
    };
  }

  #amount(event: OrderEvent, order: Order): Anomaly | null {
    const amount = order.price.times(event.quantity);
    const threshold = new Decimal(this.settings.highAmount);
    if (amount.lte(threshold)) return null;
    return { ...alone(event, order), rule: 'HIGH_AMOUNT', observed: amount, threshold: canonical(threshold) };
  }

  #spike(state: SymbolState, event: OrderEvent, order: Order): Anomaly | null {
    const threshold = new Decimal(this.settings.priceSpikePercent);
    for (const previous of state.previous()) {
      const change = order.price.minus(previous.price).abs().times(100);
      // A price of 0 has no percentage.
      if (previous.price.lte(ZERO) || change.lt(threshold.times(previous.price))) continue;
      const decisive = [previous, ...state.previous()].map((o) => o.timeMs);
      const restored = state.previous().some((o) => o.restored) || state.doubtRestored;
      return {
        rule: 'PRICE_SPIKE',
        event,
        observed: change.div(previous.price),
        threshold: canonical(threshold),
        orders: [previous, order],
        beginsMs: restored ? null : Math.min(order.timeMs, state.doubtSinceMs, ...decisive),
        offset: order.offset,
      };
    }
    return null;
  }

  #rapid(state: SymbolState, event: OrderEvent, order: Order): Anomaly | null {
    const fromMs = Math.max(0, order.timeMs - this.settings.rapidWindowMs);
    const before = neighbourhood(state.recent, fromMs, order.timeMs);
    if (before.length < this.settings.rapidOrders) return null;
    return {
      rule: 'RAPID_ORDERS',
      event,
      observed: new Decimal(before.length),
      threshold: String(this.settings.rapidOrders),
      orders: [...before, order],
      // Not the earliest of those found: one from before the run could lie anywhere in the window and be missing here.
      beginsMs: before.some((o) => o.restored) ? null : fromMs,
      offset: order.offset,
    };
  }
}

const alone = (event: OrderEvent, order: Order): Pick<Anomaly, 'event' | 'orders' | 'beginsMs' | 'offset'> => ({
  event,
  orders: [order],
  beginsMs: order.timeMs,
  offset: order.offset,
});

export function anomalyValueOf(anomaly: Anomaly): AnomalyValue {
  const { rule, event, observed, threshold } = anomaly;
  return {
    rule,
    order_id: event.order_id,
    symbol: event.symbol,
    observed: canonical(observed),
    threshold,
    detected_at: event.event_time,
  };
}

/** Lowest offset of the orders that decided: coverage starts at the earliest predecessor. */
export const firstOffsetOf = (anomaly: Anomaly): number =>
  anomaly.orders.reduce((low, o) => Math.min(low, o.offset), anomaly.offset);

export function anomalyEvidenceOf(anomaly: Anomaly, sourcePartition: number): Evidence {
  const { orders, beginsMs, offset } = anomaly;
  return {
    events: orders.length,
    digest: sumOf(orders.map((o) => o.digest)).toString(),
    coverage: { [String(sourcePartition)]: [firstOffsetOf(anomaly), offset] },
    max_event_time: iso(orders.reduce((high, o) => Math.max(high, o.timeMs), 0)),
    begins: beginsMs === null ? null : iso(beginsMs),
  };
}
