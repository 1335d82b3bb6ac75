/**
 * What the facts of a pipeline with checkpoints say of a row when it is read (contract.md §3): is the checkpoint that
 * commits it complete, was it rolled back, is the evidence fresh, was output lost. Pure.
 *
 * The facts are those of the row's own result partition: commit markers appear partition by partition.
 */
import type { Micros } from '../position/position.js';
import type { ConfidenceLevel } from '../words.js';
import type { Assessment, AssessedRow } from './assess.js';

/** FLINK: what the runs of a pipeline have shown in one result partition. */
export interface CheckpointEvidence {
  /** The run that the partition's log speaks of now. */
  readonly run: string;
  /** (run, checkpoint) that it was restored through, oldest first. */
  readonly lineage: readonly (readonly [run: string, checkpoint: number])[];
  /** The newest completed checkpoint that it has shown here; null: none. */
  readonly completed: number | null;
  /** Source partition → next offset that all its subtasks will fold, as far as they say. */
  readonly progress: Readonly<Record<string, number>>;
  /** When ingest last saw that a further checkpoint had completed; null: never. */
  readonly provenAt: Micros | null;
  /** null: the job does not say. */
  readonly intervalMs: number | null;
}

/** A level that an answer has at most, and why. */
export interface Held {
  readonly level: ConfidenceLevel;
  readonly reason: string;
}

/** A checkpoint is overdue once so many intervals have passed without a proof of a further one. */
export const OVERDUE_INTERVALS = 3;

/** Silence up to here is what an overdue checkpoint explains: heartbeats become visible with it. Milliseconds. */
export const overdueMs = (checkpoints: CheckpointEvidence | null): number =>
  OVERDUE_INTERVALS * (checkpoints?.intervalMs ?? 0);

function overdue(checkpoints: CheckpointEvidence, now: Micros | null): Held[] {
  if (checkpoints.intervalMs === null)
    return [{ level: 'EVENTUALLY_CONSISTENT', reason: 'EVIDENCE_MISSING_checkpoint_interval_ms' }];
  const { provenAt } = checkpoints;
  const fresh = now !== null && provenAt !== null && now - provenAt <= overdueMs(checkpoints) * 1000;
  return fresh ? [] : [{ level: 'EVENTUALLY_CONSISTENT', reason: 'CHECKPOINT_OVERDUE' }];
}

/** Is the state that the row was emitted from part of what the current run was restored with? */
function keeps({ lineage }: CheckpointEvidence, { run, epoch }: AssessedRow): boolean {
  const restored = lineage.findLast(([ancestor]) => ancestor === run)?.[1];
  return restored !== undefined && epoch !== null && epoch <= restored;
}

/**
 * A row that the current run's state does not hold: it will be emitted again, equal or not, while the replay is on its way
 * to what it covers. Beyond that, or if nobody says how far the replay is, nothing promises it.
 */
function rolledBack(checkpoints: CheckpointEvidence, row: AssessedRow): Held[] {
  if (row.run === checkpoints.run || keeps(checkpoints, row)) return [];
  const parts = Object.entries(row.coverage ?? {});
  const told = parts.length > 0 && parts.every(([p]) => checkpoints.progress[p] !== undefined);
  const past = parts.every(([p, [, last]]) => (checkpoints.progress[p] ?? 0) > last);
  return [{ level: told && !past ? 'EVENTUALLY_CONSISTENT' : 'LOW', reason: 'ROLLBACK_UNCONFIRMED' }];
}

/** What is held against a subject of an engine with checkpoints; nothing for any other. */
export function heldByCheckpoints({ engine, pipeline, row, proof, now }: Assessment): Held[] {
  if (engine !== 'FLINK' || pipeline === undefined) return [];
  const checkpoints = pipeline?.checkpoints ?? null;
  if (checkpoints === null) return [{ level: 'EVENTUALLY_CONSISTENT', reason: 'CHECKPOINT_OVERDUE' }];
  const aged = overdue(checkpoints, now);
  // Verified rows rest on no run's state; a row that is newer than the facts was not rolled back when they were read.
  const judged = row !== null && !row.verified && row.resultOffset >= 0;
  if (!judged || (proof !== null && row.position > proof.position)) return aged;
  return [...aged, ...rolledBack(checkpoints, row)];
}

/** Of what the row's cap says, what still holds: the checkpoint that it waited for may have completed since. */
export function capNow(
  row: AssessedRow,
  checkpoints: CheckpointEvidence | null,
): { readonly level: ConfidenceLevel; readonly reasons: readonly string[] } {
  const { cap: level, reasons } = row;
  if (checkpoints === null || !reasons.includes('EPOCH_OPEN')) return { level, reasons };
  const own = row.run === checkpoints.run && row.epoch !== null && row.epoch <= (checkpoints.completed ?? -1);
  if (!own && !keeps(checkpoints, row)) return { level, reasons };
  const left = reasons.filter((reason) => reason !== 'EPOCH_OPEN');
  // Each reason lowers a cap at least this far: without any other it was this one alone.
  return { level: left.length === 0 && level === 'EVENTUALLY_CONSISTENT' ? 'HIGH' : level, reasons: left };
}
