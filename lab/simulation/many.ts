/** One simulation after the other, each from its own seed, and what they came to. */
import type { Bug } from './bugs.js';
import { simulate, type RunResult } from './simulate.js';

export interface ManyOptions {
  readonly from: number;
  readonly count: number;
  readonly bug?: Bug | null;
  /** A run in which a sentence was found false. */
  readonly onFalse?: (run: RunResult) => void;
  /** After each run: how many are done. */
  readonly onRun?: (done: number) => void;
  /** End with the first run in which a sentence was found false. */
  readonly first?: boolean;
}

export interface Many {
  readonly claims: number;
  /** Claims to be current, among all. */
  readonly proven: number;
  readonly answers: number;
  readonly positions: number;
  /** How often each fault came. */
  readonly fires: ReadonlyMap<string, number>;
  /** Seeds of the runs in which a sentence was found false. */
  readonly failed: readonly number[];
}

export async function simulateMany({
  from,
  count,
  bug = null,
  onFalse,
  onRun,
  first = false,
}: ManyOptions): Promise<Many> {
  const fires = new Map<string, number>();
  const failed: number[] = [];
  let [claims, proven, answers, positions] = [0, 0, 0, 0];
  for (let seed = from; seed < from + count; seed += 1) {
    const run = await simulate({ seed, bug });
    claims += run.claims;
    proven += run.proven;
    answers += run.answers;
    positions += run.positions;
    for (const [fault, times] of run.fires) fires.set(fault, (fires.get(fault) ?? 0) + times);
    if (run.violations.length > 0) {
      failed.push(seed);
      onFalse?.(run);
    }
    onRun?.(seed - from + 1);
    if (first && failed.length > 0) break;
  }
  return { claims, proven, answers, positions, fires, failed };
}

/** The command that shows a run again, step by step. */
export const replayCommand = (seed: number, bug: Bug | null): string =>
  `npx tsx lab/simulation/run.ts --seed ${seed}${bug === null ? '' : ` --bug ${bug}`} --trace`;
