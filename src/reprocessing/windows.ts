/** Recomputes windows (contract.md §4, order_window). Pure. */
import { windowKey } from '../../wire/order-window.js';
import { canonical } from '../../fold/decimal.js';
import { couldBelong, noteLost } from '../../fold/lost.js';
import { iso, type Settings } from '../../fold/settings.js';
import { evidenceOf, fold, openWindow, valueOf, type WindowState } from '../../fold/window.js';
import type { WindowReset } from '../../wire/reset.js';
import { Covered, lostEvidence, type KindFold, type KindKeys, type LostMarks, type Wanted } from './kind.js';

interface Entry {
  readonly wanted: Wanted;
  readonly window: WindowState;
  readonly covered: Covered;
}

/** Order ids of a larger window would not fit into one record; such a window is recomputed, and not reset. */
const MOST_ORDERS = 5_000;

const startOf = (timeMs: number, { windowMs }: Settings): number => Math.floor(timeMs / windowMs) * windowMs;

export const windowKeys =
  (settings: Settings): KindKeys =>
  ({ op, symbol }, timeMs) =>
    op === 'c' || op === 'r' ? [windowKey(symbol, startOf(timeMs, settings))] : [];

export function windowFold(settings: Settings): KindFold {
  const entries = new Map<string, Entry>();
  return {
    want(wanted) {
      const at = wanted.businessKey.lastIndexOf('@');
      const [symbol, startMs] = [wanted.businessKey.slice(0, at), Date.parse(wanted.businessKey.slice(at + 1))];
      if (at < 0 || Number.isNaN(startMs)) return;
      const window = openWindow(symbol, startMs, settings.windowMs);
      entries.set(wanted.businessKey, { wanted, window, covered: new Covered() });
    },
    take(event, timeMs, place) {
      if (event.op !== 'c' && event.op !== 'r') return;
      const entry = entries.get(windowKey(event.symbol, startOf(timeMs, settings)));
      if (entry?.wanted.partitions.has(place.partition) !== true) return;
      if (fold(entry.window, event, timeMs, place.offset)) entry.covered.add(place);
    },
    answer(businessKey, lost) {
      const entry = entries.get(businessKey);
      if (entry === undefined) return null;
      const { window, covered } = entry;
      const named = lostOf(window, lost, settings);
      const empty = window.seen.size === 0;
      const { lost: _, coverage: __, ...evidence } = evidenceOf(window, 0);
      return {
        op: empty ? 'delete' : 'upsert',
        value: empty ? nothing(window) : valueOf(window),
        evidence: empty
          ? { events: 0, digest: '0', duplicates_dropped: 0, ...lostEvidence(named) }
          : { ...evidence, coverage: covered.coverage(), ...lostEvidence(named) },
        state: stateOf(entry, named),
      };
    },
  };
}

function lostOf(window: WindowState, lost: LostMarks, settings: Settings): Map<number, number[]> {
  return new Map(
    [...lost].map(([partition, marks]) => {
      const own = { ...window, lost: [] };
      for (const mark of marks) if (couldBelong(mark, own, settings)) noteLost(own, mark);
      return [partition, own.lost];
    }),
  );
}

/** What is said of a window that the source makes nothing of: it has a value all the same, which the wire asks for. */
const nothing = ({ symbol, startMs, endMs }: WindowState): object => ({
  symbol,
  window_start: iso(startMs),
  window_end: iso(endMs),
  orders_total: 0,
  orders_buy: 0,
  orders_sell: 0,
  total_amount: '0',
  average_price: '0',
  min_price: '0',
  max_price: '0',
});

function stateOf({ window, covered }: Entry, lost: ReadonlyMap<number, readonly number[]>): WindowReset | null {
  const coverage = covered.single();
  if (coverage === null || window.seen.size > MOST_ORDERS) return null;
  return {
    window_start: iso(window.startMs),
    window_end: iso(window.endMs),
    orders: [...window.seen],
    orders_buy: window.buy,
    orders_sell: window.sell,
    total_amount: canonical(window.amount),
    price_sum: canonical(window.priceSum),
    min_price: canonical(window.minPrice),
    max_price: canonical(window.maxPrice),
    digest: window.digest.toString(),
    duplicates_dropped: window.duplicates,
    coverage,
    max_event_time: iso(window.maxEventTimeMs),
    lost: [...lost.values()].flat(),
  };
}
