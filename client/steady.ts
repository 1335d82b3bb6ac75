/**
 * Hysteresis: what failed is bad at once, and good again only after it has been good for a while. Whatever fails soon
 * after it came back has to be good for twice as long the next time. Pure.
 */
import type { SteadyRule } from './policy.js';

export interface Steady {
  readonly good: boolean;
  /** Good answers in a row since the last bad one. */
  readonly streak: number;
  /** When the streak began. Milliseconds of a monotonic clock. */
  readonly streakSinceMs: number;
  /** How long the next streak has to last. Milliseconds. */
  readonly holdMs: number;
  /** When it became good. */
  readonly goodSinceMs: number;
}

export const startSteady = (rule: SteadyRule): Steady => ({
  good: true,
  streak: 0,
  streakSinceMs: -Infinity,
  holdMs: rule.forMs,
  goodSinceMs: -Infinity,
});

/** One more answer was seen. */
export function steadyAfter(state: Steady, good: boolean, nowMs: number, rule: SteadyRule): Steady {
  if (!good) {
    if (!state.good) return { ...state, streak: 0 };
    const relapsed = nowMs - state.goodSinceMs < 2 * state.holdMs;
    const holdMs = relapsed ? Math.min(Math.max(rule.forMs, 2 * state.holdMs), rule.atMostMs) : rule.forMs;
    return { ...state, good: false, streak: 0, holdMs: Math.max(holdMs, rule.forMs) };
  }
  if (state.good) return state;
  const streak = state.streak + 1;
  const streakSinceMs = streak === 1 ? nowMs : state.streakSinceMs;
  if (streak < rule.answers || nowMs - streakSinceMs < state.holdMs) return { ...state, streak, streakSinceMs };
  return { ...state, good: true, streak: 0, goodSinceMs: nowMs };
}
