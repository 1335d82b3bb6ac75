import type { Decimal } from './decimal.js';
import type { Half } from './digest.js';

/** An order of a symbol, as far as a later one needs it. */
export interface Neighbour {
  readonly offset: number;
  readonly timeMs: number;
  readonly digest: Half;
  /** From the snapshot of a former run: it may not be what the topic says. */
  readonly restored: boolean;
}

export interface Order extends Neighbour {
  readonly price: Decimal;
}

/**
 * What is remembered of one symbol: its last order, and the orders of the recent past by event time. After a restart the last
 * order may be in doubt: one from before the run may lie between, or what looks new repeats one from before the run.
 * Both candidates are kept, so that a spike against either is found, with the age of the doubt in its evidence.
 */
export class SymbolState {
  /** How many orders were ever added. */
  count = 0;
  /** By event time. */
  recent: Neighbour[] = [];
  /** Event time of the oldest order in doubt since the last certain one. */
  doubtSinceMs = Infinity;
  doubtRestored = false;
  #certain: Order | null = null;
  #doubtful: Order | null = null;

  /** Candidates for "the previous order", the later one first. */
  previous(): Order[] {
    return [this.#doubtful, this.#certain].filter((order) => order !== null);
  }

  add(order: Order, certain: boolean): void {
    this.count++;
    if (certain) {
      this.#certain = order;
      this.#doubtful = null;
      this.doubtSinceMs = Infinity;
      this.doubtRestored = false;
    } else {
      this.#doubtful = order;
      this.doubtSinceMs = Math.min(this.doubtSinceMs, order.timeMs);
      this.doubtRestored ||= order.restored;
    }
    const { price: _, ...neighbour } = order;
    this.recent.splice(firstFrom(this.recent, order.timeMs + 1), 0, neighbour);
  }

  /** State of a former run. It may be of another position: whatever rests on it does not know where it begins. */
  restore({ last, recent }: SymbolMemory): void {
    this.count = recent.length;
    this.recent = recent.map((order) => ({ ...order, restored: true })).sort((a, b) => a.timeMs - b.timeMs);
    if (last === null) return;
    this.#doubtful = { ...last, restored: true };
    this.doubtSinceMs = last.timeMs;
    this.doubtRestored = true;
  }

  remember(count: number): SymbolMemory {
    return { last: this.previous()[0] ?? null, recent: this.recent.slice(-count) };
  }

  /** Drops orders older than this: no rule reaches back so far. */
  forget(beforeMs: number): void {
    const gone = firstFrom(this.recent, beforeMs);
    if (gone > 0) this.recent.splice(0, gone);
  }
}

/** What a snapshot keeps of a symbol: enough to find most anomalies whose predecessors lie before a restart. */
export interface SymbolMemory {
  readonly last: Order | null;
  readonly recent: readonly Neighbour[];
}

/** Index of the first order at or after the time. */
function firstFrom(orders: readonly Neighbour[], timeMs: number): number {
  let low = 0;
  let high = orders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((orders[middle]?.timeMs ?? Infinity) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Orders with an event time within [fromMs, toMs], by event time. */
export function neighbourhood(orders: readonly Neighbour[], fromMs: number, toMs: number): readonly Neighbour[] {
  return orders.slice(firstFrom(orders, fromMs), firstFrom(orders, toMs + 1));
}
