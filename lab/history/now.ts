import { performance } from 'node:perf_hooks';
import type { Instant } from './types.js';

/** Both clocks of the recorder, at once. */
export const now = (): Instant => ({ mono: performance.now(), wall: Date.now() });

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Repeats until it says yes; false when the time is over. */
export async function until(
  condition: () => Promise<boolean>,
  limits: { timeoutMs: number; everyMs: number },
): Promise<boolean> {
  const end = performance.now() + limits.timeoutMs;
  while (performance.now() < end) {
    if (await condition().catch(() => false)) return true;
    await pause(limits.everyMs);
  }
  return false;
}

/** Numbers in [0, 1) by a seed (mulberry32): a run's choices can be made again. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
