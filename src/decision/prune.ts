/** Runs are remembered while they matter, and this many more: enough to refuse and to number stragglers. */
export const RUNS_KEPT = 16;

/**
 * Forgets the oldest entries of runs that are not kept. Objects keep insertion order.
 * @param byRun keyed by run, or by `<run>/<subtask>`; a run's own name may hold slashes
 */
export function prune<T>(byRun: Readonly<Record<string, T>>, keep: readonly string[]): Record<string, T> {
  const kept = new Set(keep);
  const entries = Object.entries(byRun);
  const owned = (key: string): boolean => kept.has(key) || kept.has(key.slice(0, key.lastIndexOf('/')));
  const surplus = entries.filter(([key]) => !owned(key)).slice(0, -RUNS_KEPT);
  const gone = new Set(surplus.map(([key]) => key));
  return Object.fromEntries(entries.filter(([key]) => !gone.has(key)));
}
