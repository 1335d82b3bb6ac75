/** Two clocks, and what is certain between them. Pure. */
import type { Poll } from './types.js';

/** Postgres' time lies within, in microseconds since the epoch. */
export interface Bounds {
  readonly lowUs: number;
  readonly highUs: number;
}

/** How far two oscillators may drift apart: 200 millionths, four times what a bad one does. */
const DRIFT = 200e-6;

/**
 * Postgres' clock at a moment of the recorder's. A look that was sent at `sent`, answered `pgUs` and came back at `received`
 * bounds the offset by its round trip. Between two looks the offset lies between both bounds, however the clock was slewed or
 * stepped once in between; outside of all looks only the drift is added.
 */
export class PgClock {
  private readonly looks: readonly Poll[];

  constructor(polls: readonly Poll[]) {
    this.looks = [...polls].sort((a, b) => a.sent - b.sent);
  }

  at(mono: number): Bounds | null {
    const after = this.firstSentAfter(mono);
    const before = this.looks[after - 1];
    // A look that was under way may have been answered before or after: then the one before it speaks, too.
    const earlier = before !== undefined && before.received > mono ? this.looks[after - 2] : undefined;
    const around = [earlier, before, this.looks[after]].filter((look) => look !== undefined);
    if (around.length === 0) return null;
    const bounds = around.map((look) => {
      const drift = Math.abs(mono - look.sent) * DRIFT;
      return {
        low: look.pgUs + (mono - look.received - drift) * 1000,
        high: look.pgUs + (mono - look.sent + drift) * 1000,
      };
    });
    return {
      lowUs: Math.min(...bounds.map(({ low }) => low)),
      highUs: Math.max(...bounds.map(({ high }) => high)) + 1,
    };
  }

  private firstSentAfter(mono: number): number {
    let [low, high] = [0, this.looks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.looks[middle]?.sent ?? 0) <= mono) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
