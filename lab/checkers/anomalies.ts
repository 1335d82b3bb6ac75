/**
 * The anomalies of contract.md §4, written once more: what each rule finds in the orders of a symbol, by offset. Exact, on big
 * integers; a test compares it with the Python oracle. Shares no code with the engines nor with the server.
 */
import type { Value } from '../history/types.js';
import { compare, decimal, minus, plain, ratio, times, type Decimal } from './decimal.js';

/** A creation of an order, each order once. */
export interface Creation<Place> {
  readonly order_id: string;
  readonly symbol: string;
  readonly quantity: number;
  readonly price: string;
  readonly event_time: string;
  readonly eventMs: number;
  readonly place: Place;
}

export interface FoundAnomaly<Place> {
  readonly businessKey: string;
  readonly value: Value;
  /** The predecessors that decided, then the order itself. */
  readonly members: readonly Place[];
}

const LARGE_ORDER = 500n;
const HIGH_AMOUNT = decimal('100000000');
const PRICE_SPIKE_PERCENT = 5n;
const RAPID_ORDERS = 4;
const RAPID_MS = 10_000;

type Rule = 'LARGE_ORDER' | 'HIGH_AMOUNT' | 'PRICE_SPIKE' | 'RAPID_ORDERS';

/** The rules over one symbol's orders; they are shown in the order of their places. */
export class AnomalyRules<Place> {
  private previous: Creation<Place> | null = null;
  /** By event time, later places behind earlier ones of the same time. */
  private readonly times: Creation<Place>[] = [];

  see(order: Creation<Place>): FoundAnomaly<Place>[] {
    const found = [...this.find(order)];
    this.previous = order;
    this.times.splice(this.firstAfter(order.eventMs), 0, order);
    return found;
  }

  private *find(order: Creation<Place>): Iterable<FoundAnomaly<Place>> {
    const quantity = BigInt(order.quantity);
    const price = decimal(order.price);
    const whole = (n: bigint): Decimal => ({ units: n, scale: 0 });
    if (quantity > LARGE_ORDER) yield anomaly('LARGE_ORDER', order, whole(quantity), String(LARGE_ORDER), []);
    const amount = times(price, quantity);
    if (compare(amount, HIGH_AMOUNT) > 0) yield anomaly('HIGH_AMOUNT', order, amount, plain(HIGH_AMOUNT), []);
    const spike = this.previous && spikeOf(decimal(this.previous.price), price);
    if (this.previous && spike) {
      yield anomaly('PRICE_SPIKE', order, spike, String(PRICE_SPIKE_PERCENT), [this.previous]);
    }
    const near = this.times.slice(this.firstAfter(order.eventMs - RAPID_MS - 1), this.firstAfter(order.eventMs));
    if (near.length >= RAPID_ORDERS) {
      yield anomaly('RAPID_ORDERS', order, whole(BigInt(near.length)), String(RAPID_ORDERS), near);
    }
  }

  /** How many orders are not newer than this. */
  private firstAfter(ms: number): number {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle]?.eventMs ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** |price − before| in percent of before, if that is enough; of a price of 0 there is no percentage. */
function spikeOf(before: Decimal, price: Decimal): Decimal | null {
  if (before.units === 0n) return null;
  const change = times(minus(price, before), 100n);
  const size = { units: change.units < 0n ? -change.units : change.units, scale: change.scale };
  return compare(size, times(before, PRICE_SPIKE_PERCENT)) < 0 ? null : ratio(size, before);
}

function anomaly<Place>(
  rule: Rule,
  { order_id, symbol, event_time, place }: Creation<Place>,
  observed: Decimal,
  threshold: string,
  before: readonly Creation<Place>[],
): FoundAnomaly<Place> {
  const value = { rule, order_id, symbol, observed: plain(observed), threshold, detected_at: event_time };
  return { businessKey: `${rule}:${order_id}`, value, members: [...before.map((one) => one.place), place] };
}
