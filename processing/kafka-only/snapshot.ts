import { Decimal, canonical } from './decimal.js';
import type { LostMark } from './lost.js';
import type { SourcePartition } from './partition.js';
import { openWindow, type WindowState } from './window.js';

/** The state of one source partition as it was at `position`: sums and watermark, not the order ids behind them. */
export interface PartitionSnapshot {
  readonly position: number;
  readonly maxEventTimeMs: number | null;
  readonly marks: readonly LostMark[];
  readonly windows: readonly WindowState[];
}

/** `unacked`: windows whose last emission the broker has not confirmed; the next run has to say it again. */
export function encodeSnapshot(partition: SourcePartition, topic: string, unacked: ReadonlySet<WindowState>): string {
  const windows = [...partition.windows.values()].map((w) => ({
    ...w,
    seen: undefined,
    emittedAtMs: undefined,
    amount: canonical(w.amount),
    priceSum: canonical(w.priceSum),
    minPrice: canonical(w.minPrice),
    maxPrice: canonical(w.maxPrice),
    digest: w.digest.toString(),
    dirtySince: w.dirtySince ?? (unacked.has(w) ? w.lastOffset : null),
  }));
  const { position, maxEventTimeMs, marks } = partition;
  return JSON.stringify({ v: 1, topic, partition: partition.partition, position, maxEventTimeMs, marks, windows });
}

type Plain = Omit<WindowState, 'amount' | 'priceSum' | 'minPrice' | 'maxPrice' | 'digest'> &
  Record<'amount' | 'priceSum' | 'minPrice' | 'maxPrice' | 'digest', string>;

/** Null for anything that is not a snapshot of this partition by this version: state is then rebuilt, visibly. */
export function decodeSnapshot(text: string, topic: string, partition: number): PartitionSnapshot | null {
  try {
    const json = JSON.parse(text) as Omit<PartitionSnapshot, 'windows'> & { windows: Plain[] } & Record<
        string,
        unknown
      >;
    if (json['v'] !== 1 || json['topic'] !== topic || json['partition'] !== partition) return null;
    return { ...json, windows: json.windows.map(reviveWindow) };
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
