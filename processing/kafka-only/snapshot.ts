import { Decimal, canonical } from '../../fold/decimal.js';
import type { LostMark, SymbolMark } from '../../fold/lost.js';
import type { SourcePartition } from './partition.js';
import type { Order, SymbolMemory } from '../../fold/symbol.js';
import { openWindow, type WindowState } from '../../fold/window.js';

/**
 * The state of one source partition as it was at `position`: sums and watermark, not the order ids behind them; of each symbol
 * the last orders; of the orders themselves nothing (order.ts).
 */
export interface PartitionSnapshot {
  readonly position: number;
  readonly maxEventTimeMs: number | null;
  readonly marks: readonly LostMark[];
  /** Whether the run that wrote it had the marks from before its own start: a second restart must not take none for all. */
  readonly marksRestored: boolean;
  readonly windows: readonly WindowState[];
  readonly symbols: readonly (SymbolMemory & { readonly symbol: string })[];
  readonly lostSymbols: readonly SymbolMark[];
}

const VERSION = 2;

/** `unacked`: windows whose last emission the broker has not confirmed; the next run has to say it again. */
export function encodeSnapshot(partition: SourcePartition, topic: string, unacked: ReadonlySet<WindowState>): string {
  const windows = [...partition.windows.values()].map((w) => ({
    ...w,
    seen: undefined,
    resetBy: undefined,
    emittedAtMs: undefined,
    amount: canonical(w.amount),
    priceSum: canonical(w.priceSum),
    minPrice: canonical(w.minPrice),
    maxPrice: canonical(w.maxPrice),
    digest: w.digest.toString(),
    dirtySince: w.dirtySince ?? (unacked.has(w) ? w.lastOffset : null),
  }));
  const symbols = partition.anomalies.remember().map(({ last, ...rest }) => ({
    ...rest,
    last: last && { ...last, price: canonical(last.price) },
  }));
  const { position, maxEventTimeMs, marks, marksRestored } = partition;
  return JSON.stringify({
    v: VERSION,
    topic,
    partition: partition.partition,
    position,
    maxEventTimeMs,
    marks,
    marksRestored,
    windows,
    symbols,
    lostSymbols: partition.lostSymbols.all(),
  });
}

type Plain = Omit<WindowState, 'amount' | 'priceSum' | 'minPrice' | 'maxPrice' | 'digest' | 'resetBy'> &
  Record<'amount' | 'priceSum' | 'minPrice' | 'maxPrice' | 'digest', string>;

interface PlainSymbol extends Omit<SymbolMemory, 'last'> {
  readonly symbol: string;
  readonly last: (Omit<Order, 'price'> & { readonly price: string }) | null;
}

/** Null for anything that is not a snapshot of this partition by this version: state is then rebuilt, visibly. */
export function decodeSnapshot(text: string, topic: string, partition: number): PartitionSnapshot | null {
  try {
    const json = JSON.parse(text) as Omit<PartitionSnapshot, 'windows' | 'symbols'> & {
      windows: Plain[];
      symbols: PlainSymbol[];
    } & Record<string, unknown>;
    if (json['v'] !== VERSION || json['topic'] !== topic || json['partition'] !== partition) return null;
    const symbols = json.symbols.map(({ last, ...rest }) => ({
      ...rest,
      last: last && { ...last, price: new Decimal(last.price) },
    }));
    return { ...json, windows: json.windows.map(reviveWindow), symbols };
  } catch {
    return null;
  }
}

function reviveWindow(plain: Plain): WindowState {
  return {
    ...openWindow(plain.symbol, plain.startMs, plain.endMs - plain.startMs),
    ...plain,
    amount: new Decimal(plain.amount),
    priceSum: new Decimal(plain.priceSum),
    minPrice: new Decimal(plain.minPrice),
    maxPrice: new Decimal(plain.maxPrice),
    digest: BigInt(plain.digest),
  };
}
