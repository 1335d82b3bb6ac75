/**
 * What can be done about each reason, as data. `docs/CONTRACT.md` has the same in sentences; a test holds both to the
 * server's list, so that no code is missing.
 */

/**
 * - `ASK_STRICTER`: another store may know better; it also mends itself once that store has caught up.
 * - `WAIT`: it mends itself, whatever is asked.
 * - `NOTHING`: neither waiting nor asking helps: it takes reprocessing, a person, or another pipeline.
 */
export type Advice = 'ASK_STRICTER' | 'WAIT' | 'NOTHING';

export const ADVICE: Readonly<Record<string, Advice>> = {
  NO_CHECKPOINT: 'NOTHING',
  RESTART_DUPLICATION: 'NOTHING',
  EPOCH_OPEN: 'WAIT',
  ROLLBACK_UNCONFIRMED: 'WAIT',
  ROLLBACK_REFUSED: 'NOTHING',
  CHECKPOINT_OVERDUE: 'WAIT',
  LATE_UPDATE: 'NOTHING',
  PIPELINE_STOPPED: 'NOTHING',
  STORE_BEHIND: 'ASK_STRICTER',
  POSITION_UNKNOWN: 'ASK_STRICTER',
  PROOF_UNAVAILABLE: 'WAIT',
  RESULT_EXPIRED: 'NOTHING',
  SEARCH_SET: 'NOTHING',
  VIOLATION_OUTPUT_GAP: 'NOTHING',
  VIOLATION_LATE_DROPPED: 'NOTHING',
  VIOLATION_DEAD_LETTER: 'NOTHING',
  VIOLATION_SOURCE_EXPIRED: 'NOTHING',
  VIOLATION_ENGINE_DIVERGENCE: 'NOTHING',
  VIOLATION_SOURCE_KEY_MOVED: 'NOTHING',
  VIOLATION_VALUE_CONFLICT: 'NOTHING',
  VIOLATION_REVISION_REGRESSION: 'NOTHING',
  VIOLATION_STORE_DIVERGENCE: 'ASK_STRICTER',
  EVIDENCE_MISSING_assignment: 'NOTHING',
  EVIDENCE_MISSING_coverage: 'NOTHING',
  EVIDENCE_MISSING_seq: 'NOTHING',
  EVIDENCE_MISSING_run: 'NOTHING',
  EVIDENCE_MISSING_lineage: 'NOTHING',
  EVIDENCE_MISSING_epoch: 'NOTHING',
  EVIDENCE_MISSING_delivery: 'NOTHING',
  EVIDENCE_MISSING_revision: 'NOTHING',
  EVIDENCE_MISSING_digest: 'NOTHING',
  EVIDENCE_MISSING_checkpoint_interval_ms: 'NOTHING',
  // This library's own.
  CLIENT_AGED: 'ASK_STRICTER',
};

/** A code that a newer server made is not known to mend itself. */
export const adviceFor = (code: string): Advice => ADVICE[code] ?? 'NOTHING';
