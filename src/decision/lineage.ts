/** Which run a record belongs to, as seen from the run that the result partition's log speaks of now. Pure. */
import type { Lineage, PipelineFacts, ResultState, Stamp } from './state.js';

/** The checkpoint of `run` that the lineage goes through; null when it does not. */
export function restoredFrom(lineage: Lineage, run: string): number | null {
  const entry = lineage.findLast(([ancestor]) => ancestor === run);
  return entry === undefined ? null : entry[1];
}

/**
 * Was what `run` emitted in `epoch` in the state that a run of this lineage was restored with? An epoch is a lower bound of
 * the checkpoint that commits the record, so a checkpoint below it can't hold what led to the record. Without an epoch
 * nothing shows that it was.
 */
export function keeps(lineage: Lineage, run: string, epoch: number | null): boolean {
  const restored = restoredFrom(lineage, run);
  return restored !== null && epoch !== null && epoch <= restored;
}

export type Standing =
  /** Of the run that the log speaks of now. */
  | 'CURRENT'
  /** Of an ancestor, from before the checkpoint that the current run was restored from: it came late, it still counts. */
  | 'ANCESTOR'
  /** Of a run that was rolled back behind it, or that the current one does not descend from. */
  | 'SUPERSEDED'
  /** Of a run that never said where it came from, beside one that did. */
  | 'UNKNOWN';

/** FLINK. By the order of the log alone: two machines' clocks decide nothing here. */
export function standingOf(facts: PipelineFacts, stamp: Stamp): Standing {
  const { current } = facts;
  if (current === null) return 'UNKNOWN';
  if (current.run === stamp.run) return 'CURRENT';
  if (keeps(current.lineage, stamp.run, stamp.epoch)) return 'ANCESTOR';
  const known = restoredFrom(current.lineage, stamp.run) !== null || facts.earlier.includes(stamp.run);
  return known ? 'SUPERSEDED' : 'UNKNOWN';
}

/** What the sender's run was restored through: a record may name only the newest steps, its run's first one named all. */
export const lineageOf = ({ current }: PipelineFacts, stamp: Stamp): Lineage =>
  current?.run === stamp.run ? current.lineage : (stamp.lineage ?? []);

/** How the stored row relates to the state that the record was emitted from. */
export function relation(
  stamp: Stamp,
  stored: ResultState,
  facts: PipelineFacts,
): 'SAME_RUN' | 'ANCESTOR' | 'OFF_LINEAGE' {
  if (stored.run === stamp.run) return 'SAME_RUN';
  return keeps(lineageOf(facts, stamp), stored.run, stored.epoch) ? 'ANCESTOR' : 'OFF_LINEAGE';
}

/** Is the run, or one that it was restored through, among these? */
export const descendsFrom = (runs: readonly string[], run: string, lineage: Lineage): boolean =>
  runs.includes(run) || lineage.some(([ancestor]) => runs.includes(ancestor));
