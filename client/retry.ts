/** Asking again, within bounds: pauses that grow and are spread by chance, and a budget over all reads of a session. */
import type { RetryRule } from './policy.js';

/** The pause before the n-th repetition (from 1). @param random from 0 to 1 */
export const pauseMs = (repetition: number, rule: RetryRule, random: number): number =>
  Math.min(rule.capMs, rule.baseMs * 2 ** repetition) * random;

/**
 * Repetitions are paid from what reads pay in: when everything fails, the load grows by `ratio` at most, however many
 * readers there are and however often each would try.
 */
export class RetryBudget {
  private readonly ratio: number;
  private readonly burst: number;
  private saved: number;

  /** @param ratio repetitions per read, in the long run. @param burst and so many at once */
  constructor(ratio: number, burst: number) {
    this.ratio = ratio;
    this.burst = burst;
    this.saved = burst;
  }

  /** A read begins. */
  deposit(): void {
    this.saved = Math.min(this.burst, this.saved + this.ratio);
  }

  /** May one more request be sent? */
  withdraw(): boolean {
    if (this.saved < 1) return false;
    this.saved -= 1;
    return true;
  }
}
