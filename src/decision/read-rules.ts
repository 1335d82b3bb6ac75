/**
 * Rows of the decision table that no result record decides: a control record lowers its row, and the reader
 * (contract/assess.ts) lowers what the facts hold against a row and what it can't prove. Kept here so that the table that
 * people see is whole.
 */
import type { DecisionRule } from './table.js';
import { CDC, UNCHANGED } from './table-words.js';

type ReadTimeRule = Omit<DecisionRule, 'when' | 'stale' | 'reprocess'>;

const LOWERED = 'confidence = LOW until reprocessed';

export const READ_TIME_RULES: readonly ReadTimeRule[] = [
  {
    scenario: 'restart duplication: open results of a run that was taken over',
    engine: 'KAFKA_ONLY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'RESTART_DUPLICATION',
    readModels: UNCHANGED,
    decision: 'confidence = LOW until verified',
  },
  {
    scenario: 'row off the current lineage, replay not yet past its coverage',
    engine: 'FLINK',
    postgres: 'STABLE',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'ROLLBACK_UNCONFIRMED',
    readModels: UNCHANGED,
    decision:
      'provisional until it is emitted again; LOW once the replay is past its coverage, or does not say how far it is',
  },
  {
    scenario: 'checkpoint overdue: more than 3 intervals since the last proof in band',
    engine: 'FLINK',
    postgres: 'STABLE',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'CHECKPOINT_OVERDUE',
    readModels: UNCHANGED,
    decision: 'at most EVENTUALLY_CONSISTENT: a rollback could be under way unseen',
  },
  {
    scenario: 'violation: output lost after an open result',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'VIOLATION_OUTPUT_GAP',
    readModels: UNCHANGED,
    decision: LOWERED,
  },
  {
    scenario: 'violation: a too-late event was dropped',
    engine: 'ANY',
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_LATE_DROPPED',
    readModels: CDC,
    decision: LOWERED,
  },
  {
    scenario: 'violation: reprocessing can not reach the first event',
    engine: 'ANY',
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_SOURCE_EXPIRED',
    readModels: CDC,
    decision: 'confidence = LOW: nothing is left to verify it from',
  },
  {
    scenario: 'violation: the engines folded the same offsets into different values',
    engine: 'KAFKA_ONLY',
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_ENGINE_DIVERGENCE',
    readModels: CDC,
    decision: LOWERED,
  },
  {
    scenario: 'violation: an undecodable record could belong to an open result that was there before it',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'VIOLATION_DEAD_LETTER',
    readModels: UNCHANGED,
    decision: 'confidence = LOW until a person replays or dismisses it',
  },
  {
    scenario: 'pipeline failed or stopped',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'PIPELINE_STOPPED',
    readModels: UNCHANGED,
    decision: 'non-final results: confidence = LOW while it is silent',
  },
  {
    scenario: 'CDC delay: a change of the key is in flight',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'STORE_BEHIND',
    readModels: 'lagging',
    decision: 'marked EVENTUAL; stale beyond the bound of the store',
  },
  {
    scenario: 'CDC delay: the position of the store is unknown',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'POSITION_UNKNOWN',
    readModels: 'lagging',
    decision: 'marked EVENTUAL; rebuilt',
  },
  {
    scenario: 'violation: a read model holds something else than Postgres',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'VIOLATION_STORE_DIVERGENCE',
    readModels: 'repaired from Postgres, and read again',
    decision: 'that store alone: confidence = LOW, sets of the kind too, until its repair is verified',
  },
  {
    scenario: 'retention: a null, or a set, in which a result may be missing that has expired',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'RESULT_EXPIRED',
    readModels: 'left out',
    decision: 'confidence = LOW; later results are not touched',
  },
];
