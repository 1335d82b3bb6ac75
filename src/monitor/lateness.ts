/** How late what was committed is where it should be readable, from one look at Postgres to the next. Pure, but for what it remembers. */
import type { Micros, Position } from '../position/position.js';

/** What a read model has applied, as it was known before Postgres was looked at. */
export interface AppliedSeen {
  readonly position: Position;
  readonly incarnation: string;
  readonly committedAt: Micros;
}

/** One look at the clock. */
export interface ClockLook {
  readonly clock: Position;
  readonly incarnation: string;
  readonly now: Micros;
  /** When it was begun, by a clock that never steps. */
  readonly atMs: number;
  /** From when it was known what is applied until this was answered. Milliseconds. */
  readonly spanMs: number;
}

/** Enough to know of every position since when it can have been seen. */
const LOOKS = 100;

/**
 * A commit time is taken before the commit: of a transaction that took long it is long ago when anybody can see it first. So what is late
 * is late by no more than since the last look that did not show it. And what was applied while the look was under way is not known, so that
 * time is taken off: on a machine that stands still for a second nothing is late for that.
 */
export class Lateness {
  private looks: ClockLook[] = [];

  note(look: ClockLook): void {
    const last = this.looks.at(-1);
    if (last !== undefined && last.incarnation !== look.incarnation) this.looks = [];
    this.looks = [...this.looks, look].slice(-LOOKS);
  }

  /**
   * @param next when the position after the applied one was committed, of the same snapshot as `look`; null: it is not in the log
   * @returns milliseconds, so much at least; 0: nothing is missing. null: it is of another history
   */
  of(applied: AppliedSeen, next: Micros | null, look: ClockLook): number | null {
    if (applied.incarnation !== look.incarnation || applied.position > look.clock) return null;
    if (applied.position === look.clock) return 0;
    const committedMs = (look.now - (next ?? applied.committedAt)) / 1000;
    const unseen = this.looks.findLast(({ clock }) => clock <= applied.position);
    const most = unseen === undefined ? Infinity : look.atMs - unseen.atMs;
    return Math.max(0, Math.min(committedMs, most) - look.spanMs);
  }
}
