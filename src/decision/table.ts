/**
 * The decision table (contract.md §3) as data. Several rules may match one record: a refusal wins over "stable", that
 * over an upsert; the lowest level wins and every reason is listed. `decide.ts` reads this and nothing else.
 *
 * Here are the rows that the Kafka-only engine can reach. Rows of the FLINK engine come with its ingest.
 */
import type { ConfidenceLevel, ProcessingEngine, ReasonCode } from '../words.js';
import type { Observation } from './observe.js';

export type PostgresAction = 'UPSERT' | 'STABLE' | 'REFUSE';

export interface DecisionRule {
  readonly scenario: string;
  readonly engine: ProcessingEngine | 'ANY';
  /** All listed words must hold; a word left out holds always. */
  readonly when: { readonly [Word in keyof Observation]?: readonly Observation[Word][] };
  readonly postgres: PostgresAction;
  /** null: the row keeps its level. */
  readonly level: ConfidenceLevel | null;
  readonly reason: ReasonCode | null;
  readonly stale: boolean;
  /** The result can only be repaired by recomputing it from the source. */
  readonly reprocess: boolean;
  /** For people: what the read models do, and what the service tells its clients. */
  readonly readModels: string;
  readonly decision: string;
}

const CDC = 'CDC applied';

export const DECISION_TABLE: readonly DecisionRule[] = [
  {
    scenario: 'in order',
    engine: 'KAFKA_ONLY',
    when: {},
    postgres: 'UPSERT',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'NO_CHECKPOINT',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'provisional: nothing proves that each event was counted once',
  },
  {
    scenario: 'late event',
    engine: 'KAFKA_ONLY',
    when: { arrival: ['LATE'] },
    postgres: 'UPSERT',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'LATE_UPDATE',
    stale: true,
    reprocess: false,
    readModels: CDC,
    decision: 'marked stale until verified',
  },
  {
    scenario: 'restart duplication: two runs touched the result',
    engine: 'KAFKA_ONLY',
    when: { touched: ['OTHER_RUN'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'RESTART_DUPLICATION',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'confidence = LOW until verified',
  },
  {
    scenario: 'restart duplication: the result may have begun before the run',
    engine: 'KAFKA_ONLY',
    when: { begun: ['MAYBE_BEFORE_RUN'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'RESTART_DUPLICATION',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'confidence = LOW until verified',
  },
  {
    scenario: "an older run's record after the new run's assignment",
    engine: 'KAFKA_ONLY',
    when: { run: ['SUPERSEDED'] },
    postgres: 'REFUSE',
    level: null,
    reason: null,
    stale: false,
    reprocess: false,
    readModels: 'unchanged',
    decision: 'refused; the row keeps its level',
  },
  {
    scenario: 'the same result again',
    engine: 'ANY',
    when: { repeat: ['EQUAL'], touched: ['SAME_RUN'], lost: ['NONE'] },
    postgres: 'STABLE',
    level: null,
    reason: null,
    stale: false,
    reprocess: false,
    readModels: 'unchanged',
    decision: 'the row keeps its level',
  },
  {
    scenario: 'violation: same run and coverage, another value',
    engine: 'ANY',
    when: { repeat: ['CONFLICT'] },
    postgres: 'REFUSE',
    level: 'LOW',
    reason: 'VIOLATION_VALUE_CONFLICT',
    stale: false,
    reprocess: true,
    readModels: CDC,
    decision: 'confidence = LOW until reprocessed',
  },
  {
    scenario: 'violation: output lost before the result',
    engine: 'ANY',
    when: { seq: ['GAP_BEFORE'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_OUTPUT_GAP',
    stale: false,
    reprocess: true,
    readModels: CDC,
    decision: 'confidence = LOW until reprocessed',
  },
  {
    scenario: 'violation: an undecodable source record could belong to the result',
    engine: 'ANY',
    when: { lost: ['SOME'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_DEAD_LETTER',
    stale: false,
    reprocess: true,
    readModels: CDC,
    decision: 'confidence = LOW until replayed or reprocessed',
  },
  {
    scenario: 'violation: the key moved to another source partition',
    engine: 'ANY',
    when: { coverage: ['MOVED'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_SOURCE_KEY_MOVED',
    stale: false,
    reprocess: true,
    readModels: CDC,
    decision: 'confidence = LOW until reprocessed',
  },
  {
    scenario: 'evidence missing: where the run began',
    engine: 'KAFKA_ONLY',
    when: { run: ['UNASSIGNED'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'EVIDENCE_MISSING_assignment',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'a restart could not be told from normal running',
  },
  {
    scenario: 'evidence missing: which offsets are covered',
    engine: 'ANY',
    when: { coverage: ['MISSING'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'EVIDENCE_MISSING_coverage',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'a restart could not be told from normal running',
  },
  {
    scenario: 'evidence missing: sequence numbers',
    engine: 'ANY',
    when: { seq: ['MISSING'] },
    postgres: 'UPSERT',
    level: 'EVENTUALLY_CONSISTENT',
    reason: 'EVIDENCE_MISSING_seq',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'lost output would go unnoticed',
  },
  {
    scenario: 'retention: an earlier result of the key may have expired',
    engine: 'ANY',
    when: { earlier: ['MAYBE_EXPIRED'] },
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'RESULT_EXPIRED',
    stale: false,
    reprocess: false,
    readModels: CDC,
    decision: 'what was held against it may be forgotten: confidence = LOW until verified',
  },
];

/**
 * Rows of the table that no result record decides: a control record lowers its row, and the reader lowers what the facts
 * hold against a row and what it can't prove. Kept here so that the table people see is whole.
 */
export const READ_TIME_RULES: readonly Omit<DecisionRule, 'when' | 'stale' | 'reprocess'>[] = [
  {
    scenario: 'restart duplication: open results of a run that was taken over',
    engine: 'KAFKA_ONLY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'RESTART_DUPLICATION',
    readModels: 'unchanged',
    decision: 'confidence = LOW until verified',
  },
  {
    scenario: 'violation: output lost after an open result of the same run',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'VIOLATION_OUTPUT_GAP',
    readModels: 'unchanged',
    decision: 'confidence = LOW until reprocessed',
  },
  {
    scenario: 'violation: a too-late event was dropped',
    engine: 'ANY',
    postgres: 'UPSERT',
    level: 'LOW',
    reason: 'VIOLATION_LATE_DROPPED',
    readModels: CDC,
    decision: 'confidence = LOW until reprocessed',
  },
  {
    scenario: 'violation: an undecodable record could belong to an open result that was there before it',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'VIOLATION_DEAD_LETTER',
    readModels: 'unchanged',
    decision: 'confidence = LOW until a person replays or dismisses it',
  },
  {
    scenario: 'pipeline failed or stopped',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'PIPELINE_STOPPED',
    readModels: 'unchanged',
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
    scenario: 'retention: a null, or a set, in which a result may be missing that has expired',
    engine: 'ANY',
    postgres: 'STABLE',
    level: 'LOW',
    reason: 'RESULT_EXPIRED',
    readModels: 'left out',
    decision: 'confidence = LOW; later results are not touched',
  },
];

/** Reasons that stay with a result until it is verified, whatever it emits next (contract.md §3, "until verified"). */
export const STICKY_REASONS: ReadonlySet<string> = new Set<ReasonCode>([
  'LATE_UPDATE',
  'RESTART_DUPLICATION',
  'VIOLATION_VALUE_CONFLICT',
  'VIOLATION_OUTPUT_GAP',
  'VIOLATION_DEAD_LETTER',
  'VIOLATION_SOURCE_KEY_MOVED',
  'VIOLATION_LATE_DROPPED',
  'RESULT_EXPIRED',
]);
