import type { Settings } from './settings.js';
import type { WindowState } from './window.js';

/** An undecodable record: it could belong to any window of its symbol (of the partition, with a null key) that was not closed. */
export interface LostMark {
  readonly offset: number;
  readonly key: string | null;
  readonly appendTimeMs: number;
  /** The partition's watermark when it arrived; null if there was none. */
  readonly watermarkMs: number | null;
  /** It stands for several, of which not all can be named. */
  readonly merged?: true;
}

/** Named beside or instead of offsets when there are more than can be named: no record has it, so nobody can settle it. */
export const LOST_UNNAMED = Number.MAX_SAFE_INTEGER;

/** Beyond this many marks the oldest are merged into one that matches at least as much: memory stays bounded, soundness stays. */
export const MAX_MARKS = 1000;
/** A window names at most this many lost offsets, and LOST_UNNAMED if there are more. */
export const MAX_LOST_PER_WINDOW = 100;

type Span = Pick<WindowState, 'symbol' | 'startMs' | 'endMs'>;

/** Whether the record could have belonged to the window. */
export function couldBelong(mark: LostMark, window: Span, settings: Settings): boolean {
  if (mark.key !== null && mark.key !== window.symbol) return false;
  if (window.startMs > mark.appendTimeMs + settings.poisonSkewMs) return false;
  return mark.watermarkMs === null || window.endMs + settings.latenessMs > mark.watermarkMs;
}

/** Adds the mark to the window; false if the window already says so. */
export function noteLost(window: WindowState, { offset, merged }: LostMark): boolean {
  const named = merged === true || window.lost.length >= MAX_LOST_PER_WINDOW ? LOST_UNNAMED : offset;
  if (window.lost.includes(named)) return false;
  window.lost.push(named);
  return true;
}

/**
 * The same for orders and anomalies, which never close: per Kafka key the last undecodable record and the event time up to which
 * it, or an earlier one, could lie. Nothing is forgotten; beyond MAX_MARKS keys the oldest joins the mark of all symbols.
 */
export class LostSymbols {
  readonly #marks = new Map<string | null, SymbolMark>();

  constructor(marks: readonly SymbolMark[] = []) {
    for (const mark of marks) this.add(mark);
  }

  add(mark: SymbolMark): void {
    const known = this.#marks.get(mark.key);
    const offset = Math.max(mark.offset, known?.offset ?? -1);
    const untilMs = Math.max(mark.untilMs, known?.untilMs ?? 0);
    const merged = mark.merged ?? known?.merged;
    this.#marks.set(mark.key, { key: mark.key, offset, untilMs, ...(merged && { merged }) });
    if (this.#marks.size <= MAX_MARKS) return;
    const [oldest] = [...this.#marks.values()].filter((m) => m.key !== null);
    if (oldest === undefined) return;
    this.#marks.delete(oldest.key);
    this.add({ ...oldest, key: null, merged: true });
  }

  /**
   * Offsets of undecodable records that could be an event of a result of this symbol: no event of the result is older than
   * `sinceMs` (null: unknown), and those at `firstOffset` and later are what it was made from.
   */
  of(symbol: string, sinceMs: number | null, firstOffset: number): number[] {
    const marks = [this.#marks.get(symbol), this.#marks.get(null)].filter((mark) => mark !== undefined);
    return marks
      .filter((mark) => sinceMs === null || sinceMs <= mark.untilMs || mark.offset >= firstOffset)
      .map((mark) => (mark.merged === true ? LOST_UNNAMED : mark.offset));
  }

  all(): SymbolMark[] {
    return [...this.#marks.values()];
  }
}

export interface SymbolMark {
  readonly key: string | null;
  readonly offset: number;
  /** An event time beyond this can't be the record's. */
  readonly untilMs: number;
  /** Records of other keys are among those that it stands for. */
  readonly merged?: true;
}

/** Drops marks that no window still to be opened can match, and bounds their number. */
export function pruneMarks(marks: readonly LostMark[], watermarkMs: number | null, settings: Settings): LostMark[] {
  const open = (m: LostMark): boolean =>
    watermarkMs === null ||
    m.appendTimeMs + settings.poisonSkewMs + settings.windowMs + settings.latenessMs > watermarkMs;
  const kept = marks.filter(open);
  if (kept.length <= MAX_MARKS) return kept;
  const old = kept.slice(0, kept.length - MAX_MARKS + 1);
  const merged: LostMark = {
    offset: old[0]?.offset ?? 0,
    key: null,
    merged: true,
    appendTimeMs: Math.max(...old.map((m) => m.appendTimeMs)),
    watermarkMs: old.reduce<number | null>(
      (low, m) => (low === null || m.watermarkMs === null ? null : Math.min(low, m.watermarkMs)),
      old[0]?.watermarkMs ?? null,
    ),
  };
  return [merged, ...kept.slice(old.length)];
}
