/**
 * The decision table (contract.md §3) as data. Several rules may match one record: a refusal wins over "stable", that
 * over an upsert; the lowest level wins and every reason is listed. `decide.ts` reads this and nothing else.
 *
 * What is held when a row is read, from the facts of its pipeline and the proof, is in `read-rules.ts`.
 */
import type { ConfidenceLevel, ProcessingEngine, ReasonCode } from '../words.js';
import type { Observation } from './observe.js';
import { FLINK_RULES } from './table-flink.js';
import { KAFKA_ONLY_RULES } from './table-kafka-only.js';
import { SHARED_RULES } from './table-shared.js';

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
  /** Why a refused record was refused, where that is not held against the row: stored with both values. */
  readonly refusal?: string;
  /** Stable, and the row's provenance becomes the record's: what was rolled back has been confirmed. */
  readonly confirms?: true;
  /** Holds against the key, whatever becomes of the record. */
  readonly keyed?: true;
  /** Nothing that the record carries counts: it speaks of a state that is gone, or was taken in before. */
  readonly silent?: true;
  /** Held against the sender's state of the key though not against the row. */
  readonly taint?: ReasonCode;
  /** For people: what the read models do, and what the service tells its clients. */
  readonly readModels: string;
  readonly decision: string;
}

export const DECISION_TABLE: readonly DecisionRule[] = [...KAFKA_ONLY_RULES, ...FLINK_RULES, ...SHARED_RULES];

/** Reasons that stay with a result until it is verified, whatever it emits next (contract.md §3, "until verified"). */
export const STICKY_REASONS: ReadonlySet<string> = new Set<ReasonCode>([
  'LATE_UPDATE',
  'RESTART_DUPLICATION',
  'ROLLBACK_REFUSED',
  'RESULT_EXPIRED',
  'VIOLATION_VALUE_CONFLICT',
  'VIOLATION_REVISION_REGRESSION',
  'VIOLATION_OUTPUT_GAP',
  'VIOLATION_DEAD_LETTER',
  'VIOLATION_SOURCE_KEY_MOVED',
  'VIOLATION_LATE_DROPPED',
  'VIOLATION_ENGINE_DIVERGENCE',
  'VIOLATION_SOURCE_EXPIRED',
]);

const NOT_OF_THE_STATE: ReadonlySet<string> = new Set([
  'LATE_UPDATE',
  'VIOLATION_DEAD_LETTER',
  'VIOLATION_SOURCE_EXPIRED',
]);

/**
 * Those that speak of the sender's own state of the key: a verification repairs the row, not the state. A dead letter is held
 * by itself until a person settles it; a late update is counted in the state as it should be; what the source holds is not its.
 */
export const TAINTING_REASONS: ReadonlySet<string> = new Set(
  [...STICKY_REASONS].filter((r) => !NOT_OF_THE_STATE.has(r)),
);
