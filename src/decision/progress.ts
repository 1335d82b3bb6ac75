/** How far the subtasks of a run have come in the source (contract.md §5, heartbeats). Pure. */

/** Subtask → source partition → next offset that it will fold. */
export type Progress = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Source partition → next offset that all subtasks will fold: what any of them makes of a record below has been said.
 * @param subtasks how many there are: as long as one has not spoken of a partition, nothing is known of it; null or left
 *   out: the job does not say, and those that have spoken are taken for all
 */
export function slowest(progress: Progress, subtasks: number | null = null): Record<string, number> {
  const slow: Record<string, number> = {};
  const spoken: Record<string, number> = {};
  for (const own of Object.values(progress)) {
    for (const [p, next] of Object.entries(own)) {
      slow[p] = Math.min(slow[p] ?? next, next);
      spoken[p] = (spoken[p] ?? 0) + 1;
    }
  }
  return Object.fromEntries(Object.entries(slow).filter(([p]) => subtasks === null || (spoken[p] ?? 0) >= subtasks));
}
