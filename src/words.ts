/**
 * The words of the contract (contract.md §1, §2): the closed sets that every room shares.
 * Nothing is imported here, so that the pure rooms can use them.
 */

/** How far a value can be trusted, strongest first. The order of this tuple is the order of the levels. */
export const CONFIDENCE_LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'] as const;
export type ConfidenceLevel = (typeof CONFIDENCE_LEVELS)[number];

/** The path an answer took: Postgres after the request began; a read model; a search. */
export const CONSISTENCY_SCOPES = ['STRONG', 'EVENTUAL', 'SEARCH'] as const;
export type ConsistencyScope = (typeof CONSISTENCY_SCOPES)[number];

export const PROCESSING_ENGINES = ['KAFKA_ONLY', 'FLINK'] as const;
export type ProcessingEngine = (typeof PROCESSING_ENGINES)[number];

export const STORES = ['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'] as const;
export type Store = (typeof STORES)[number];

/** What can happen to how far a result can be trusted, as clients hear of it (contract.md §9). */
export const STALENESS_EVENTS = [
  'STORE_BEHIND',
  'STORE_CAUGHT_UP',
  'STORE_UNAVAILABLE',
  'CHECKPOINT_OVERDUE',
  'CHECKPOINT_RESUMED',
  'RUN_STARTED',
  'PIPELINE_STOPPED',
  'PIPELINE_RESUMED',
  'ALERT_RAISED',
  'ALERT_CLEARED',
  'ROLLBACK_REFUSED',
  'CONFIDENCE_LOWERED',
  'CONFIDENCE_RAISED',
  'LATE_UPDATE',
  'VIOLATION',
  'REPROCESSED',
  'DIVERGENCE_FOUND',
  'DIVERGENCE_REPAIRED',
  'CDC_PAUSED',
  'CDC_RESUMED',
  'GAP',
] as const;
export type StalenessEventType = (typeof STALENESS_EVENTS)[number];

/**
 * Why a field is not HIGH. Each code is stable and public: clients switch on it. The sentence is for people.
 * `EVIDENCE_MISSING_<field>` codes are made with `evidenceMissing`.
 */
export const REASONS = {
  NO_CHECKPOINT:
    'The engine takes no checkpoints, so state and offsets are not atomic: nothing proves that each event was counted once.',
  RESTART_DUPLICATION:
    'Two runs touched this result, or it may have begun before the current run: events may be counted twice or be missing.',
  EPOCH_OPEN:
    'The sink gives a result before its checkpoint has completed, and no completed checkpoint has reached this one yet.',
  ROLLBACK_UNCONFIRMED:
    'The job was restored from before this result; it stands until the job, on its way again, confirms or replaces it.',
  ROLLBACK_REFUSED:
    'A record that contradicts this result, or does not continue it, was refused; one of the two is wrong.',
  CHECKPOINT_OVERDUE: 'No completed checkpoint has been seen for more than three intervals.',
  LATE_UPDATE: 'An event arrived after the window had closed and changed it; not verified since.',
  PIPELINE_STOPPED: 'The pipeline has stopped or is silent, and this result is not final.',
  STORE_BEHIND: 'A newer change of this key is accepted, and this store has not applied it yet.',
  POSITION_UNKNOWN: 'How far this store has come cannot be proven right now.',
  PROOF_UNAVAILABLE: 'The source of truth cannot be asked right now, so nothing proves that this is the newest value.',
  RESULT_EXPIRED:
    'Retention may have removed a result that belongs here: something may be missing, or forgotten that was held against it.',
  SEARCH_SET: 'A search is not proven to have found everything that there is.',
  VIOLATION_OUTPUT_GAP: 'Output of the pipeline was lost before this result.',
  VIOLATION_LATE_DROPPED: 'An event of this result came too late and was dropped by the engine.',
  VIOLATION_DEAD_LETTER: 'A source record that could belong to this result could not be decoded.',
  VIOLATION_SOURCE_KEY_MOVED:
    'Events of this result came from more than one source partition, so their order is not known.',
  VIOLATION_VALUE_CONFLICT: 'The same coverage was reported with two different values.',
  VIOLATION_REVISION_REGRESSION: 'The job went back behind what it had emitted before, without a restore.',
  VIOLATION_SOURCE_EXPIRED: 'It is in doubt, and the source no longer holds the first events that it was made from.',
  VIOLATION_ENGINE_DIVERGENCE:
    'An engine with better evidence says something else of the very same source offsets; one of the two is wrong.',
  VIOLATION_STORE_DIVERGENCE:
    'This store holds something else than the source of truth; it is being repaired. Other stores are not affected.',
  EVIDENCE_MISSING_assignment: 'The pipeline did not say where its run began.',
  EVIDENCE_MISSING_coverage: 'The result does not say which source offsets it covers.',
  EVIDENCE_MISSING_seq: 'The result carries no sequence number, so lost output would go unnoticed.',
  EVIDENCE_MISSING_run: 'The job did not say where its run began, so output lost at a restart would go unnoticed.',
  EVIDENCE_MISSING_lineage: 'The result does not say through which checkpoints its state came.',
  EVIDENCE_MISSING_epoch:
    'The result does not say which checkpoint commits it, so a restore can roll it back unnoticed.',
  EVIDENCE_MISSING_delivery: 'The job does not say what its sink promises.',
  EVIDENCE_MISSING_revision: 'The result does not say how often it was emitted.',
  EVIDENCE_MISSING_digest: 'The result does not say which events it folds.',
  EVIDENCE_MISSING_checkpoint_interval_ms:
    'The job does not say how often it takes checkpoints, so an overdue one would go unnoticed.',
} as const;
export type ReasonCode = keyof typeof REASONS;

/** Why a record was refused, or a recomputation asked for, where that is held against no row; beside the codes above. */
export const LEDGER_REASONS = {
  COVERAGE_LESS: 'It folds less than what is stored: what was served is not taken back.',
  RUN_SUPERSEDED: 'Another run has taken over, and its state does not hold what this record says.',
  REPROCESSING_UNREQUESTED: 'It says that it was recomputed, and no open request says so.',
  REQUESTED: 'A person asked for it.',
} as const;

/** Why no change reaches any read model (`CDC_PAUSED`, `liveness`): what has to be mended before changes flow again. */
export const CDC_CAUSES = {
  CONNECTOR_PAUSED: 'The connector is paused.',
  CONNECTOR_STOPPED: 'The connector is stopped.',
  CONNECTOR_MISSING: 'Kafka Connect does not know the connector.',
  CONNECT_DOWN: 'Kafka Connect does not run.',
  TASK_FAILED: 'The task of the connector has failed.',
  SLOT_UNREAD: 'Nobody reads the replication slot, though the connector says that it runs.',
  SLOT_MISSING: 'There is no replication slot.',
  SLOT_LOST: 'The replication slot was invalidated: the log that it needs is gone.',
} as const;
export type CdcCause = keyof typeof CDC_CAUSES;

/** What `compareEngines` finds. */
export const ENGINE_FINDINGS = {
  ENGINE_UNKNOWN: 'No pipeline of this engine was ever heard of.',
  NOT_READ_YET: 'This engine has not counted all source events that the other one has folded.',
  RESULT_MISSING: 'This engine has counted all that the other one has folded, and has no such result.',
  COVERAGE_UNKNOWN:
    'The result of this engine does not say which source offsets it folds: nothing can be held side by side.',
  FOLDED_LESS: 'This engine has folded less of the source than the other one: it is behind, and not wrong for that.',
  FOLDED_OTHER_OFFSETS: 'Each has folded source offsets that the other one has not.',
  OTHER_EVENTS: 'The same source offsets, and not the same events: one of them counts an event twice, or lacks one.',
  OTHER_FOLD: 'The same source events, and another value: the engines calculate, or are configured, differently.',
  EVENTS_UNKNOWN: 'The same source offsets; which events were folded is not known of both.',
} as const;
export type EngineFindingCode = keyof typeof ENGINE_FINDINGS;

const rank = (level: ConfidenceLevel): number => CONFIDENCE_LEVELS.indexOf(level);

/** The weaker of two levels. */
export const weakest = (a: ConfidenceLevel, b: ConfidenceLevel): ConfidenceLevel => (rank(a) >= rank(b) ? a : b);

/** True when `level` is at least as strong as `wanted`. */
export const atLeast = (level: ConfidenceLevel, wanted: ConfidenceLevel): boolean => rank(level) <= rank(wanted);

/** For the `default` of a closed switch: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
