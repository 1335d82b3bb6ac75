/** What the decision knows: a result as stored or as it came in, and the facts of a pipeline. Plain data. */
import type { ResultKey } from '../position/commit-log.js';
import type { Micros } from '../position/position.js';
import type { ConfidenceLevel } from '../words.js';

/** Source partition → [first, last] offset folded, inclusive. */
export type Coverage = Readonly<Record<string, readonly [number, number]>>;

/** A result as it is stored, without the position that the commit clock gives it. */
export interface ResultState extends ResultKey {
  readonly calculatedValue: Readonly<Record<string, unknown>>;
  readonly deleted: boolean;
  readonly final: boolean;
  readonly stale: boolean;
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly pipeline: string;
  readonly resultPartition: number;
  readonly run: string;
  readonly revision: number;
  readonly coverage: Coverage | null;
  readonly lastCheckpointTime: string | null;
  readonly digest: string | null;
  /** FLINK: a lower bound of the checkpoint that commits its record. */
  readonly epoch: number | null;
  /** Where its record lies in the result partition; -1 for an absence. */
  readonly resultOffset: number;
  /** Its value was recomputed from the source. */
  readonly verified: boolean;
}

/** Who sent a record, and its number in the sender's own sequence. */
export interface Stamp {
  readonly pipeline: string;
  readonly run: string;
  readonly subtask: number;
  /** null: the sender does not number its records. */
  readonly seq: number | null;
}

/** A decoded result. `state` is what would be stored if nothing were held against it. */
export interface IncomingResult {
  readonly type: 'result';
  /** Place in its batch: ties the decision to the copied record. */
  readonly ordinal: number;
  readonly offset: bigint;
  readonly stamp: Stamp;
  readonly state: ResultState;
  readonly arrival: 'IN_ORDER' | 'LATE' | 'REPROCESSED';
  /** Some source record that could belong to it was undecodable. */
  readonly lost: boolean;
  /** No event of it is older than this, ISO-8601; null when the kind does not say. */
  readonly begins: string | null;
}

export interface IncomingAssignment {
  readonly type: 'assignment';
  readonly stamp: Stamp;
  readonly sourcePartition: string;
  readonly startOffset: number;
  /** Maximum event time of all events before `startOffset`; null: unknown, or nothing precedes when that is 0. */
  readonly maxEventTimeBefore: string | null;
}

export interface IncomingHeartbeat {
  readonly type: 'heartbeat';
  readonly stamp: Stamp;
  readonly state: 'RUNNING' | 'STOPPING';
  readonly sources: Readonly<Record<string, SourceProgress>>;
}

/** A result that an engine dropped an event of, or that something else is held against by key. */
export interface IncomingLateDrop {
  readonly type: 'late-drop';
  readonly stamp: Stamp;
  readonly key: ResultKey;
  readonly resultPartition: number;
}

/** Any further control record: it only takes part in the sequence. */
export interface IncomingOther {
  readonly type: 'other';
  readonly stamp: Stamp;
}

export type Incoming = IncomingResult | IncomingAssignment | IncomingHeartbeat | IncomingLateDrop | IncomingOther;

export interface SourceProgress {
  readonly nextOffset: number;
  readonly appendTime: string | null;
  readonly watermark: string | null;
}

export interface Assignment {
  readonly run: string;
  readonly startOffset: number;
  readonly maxEventTimeBefore: string | null;
}

export interface Heartbeat {
  readonly at: Micros;
  readonly state: 'RUNNING' | 'STOPPING';
  readonly sources: Readonly<Record<string, SourceProgress>>;
}

/** What is known of one pipeline in one result partition (contract.md §2). Stored as JSON, versioned by position. */
export interface PipelineFacts {
  /** Source partition → the run that owns it, by the order of the result partition's log. */
  readonly assignments: Readonly<Record<string, Assignment>>;
  /** `<run>/<subtask>` → the last sequence number accepted. */
  readonly lastSeq: Readonly<Record<string, number>>;
  /** `<run>/<subtask>` → the first sequence number after which output was lost. */
  readonly gaps: Readonly<Record<string, number>>;
  /** Run → its newest heartbeat. */
  readonly heartbeats: Readonly<Record<string, Heartbeat>>;
}

export const NO_FACTS: PipelineFacts = { assignments: {}, lastSeq: {}, gaps: {}, heartbeats: {} };

export const counterOf = (stamp: Stamp): string => `${stamp.run}/${stamp.subtask}`;
