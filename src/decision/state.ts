/** What the decision knows: a result as stored or as it came in, and the facts of a pipeline. Plain data. */
import type { ResultKey } from '../position/commit-log.js';
import type { Micros } from '../position/position.js';
import type { ConfidenceLevel, ProcessingEngine } from '../words.js';
import type { Progress } from './progress.js';

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
  /** How many source events it folds; null when the engine did not say. */
  readonly events: number | null;
  /**
   * Run → what was once held against its state of this key. It outlives a verification: what the run, or one restored
   * from it, emits next rests on the same state (contract.md §3, taints).
   */
  readonly taints: Taints;
  /**
   * The nonce of the newest verified fold of the key (ADR 13): a record that was emitted from a state that was reset to that
   * fold is held to no older taint. null: there is none, or that state was found wrong since.
   */
  readonly verification: string | null;
  /** Of a verified row: source partition → next offset, every record below it was read; null: not verified, or not known. */
  readonly verifiedTo: Readonly<Record<string, number>> | null;
  /** null: nothing was decided yet, or nobody wrote it down (before 0.3.0). */
  readonly decided: Decided | null;
}

/**
 * Why a row has its cap: what the table saw of the record that its value comes from, and what is held against the row beside.
 * The cap and its reasons follow from this alone (reproduce.ts).
 */
export interface Decided {
  /** Which table decided it (decided.ts): that of another release may say something else of the same words. */
  readonly table: string;
  /** The words of the observation, encoded; null: no record made the row. */
  readonly observed: string | null;
  /** Reasons that do not follow from those words: from before, or held against the key. In the order in which they came. */
  readonly held: readonly string[];
}

export type Taints = Readonly<Record<string, readonly string[]>>;

/** The chain of (run, checkpoint) that a run was restored through, oldest first. */
export type Lineage = readonly (readonly [run: string, checkpoint: number])[];

/** Who sent a record, its number in the sender's own sequence, and what the sender vouches for with it. */
export interface Stamp {
  readonly pipeline: string;
  readonly engine: ProcessingEngine;
  readonly run: string;
  readonly subtask: number;
  /** null: the sender does not number its records. */
  readonly seq: number | null;
  /** In its result partition. */
  readonly offset: number;
  /** null: the sender does not say through which checkpoints its state came. */
  readonly lineage: Lineage | null;
  readonly epoch: number | null;
  /** What the sender promises of its sink; null: nothing. */
  readonly delivery: 'AT_MOST_ONCE' | 'AT_LEAST_ONCE' | 'EXACTLY_ONCE' | null;
  /** Seen in a committed Kafka transaction: what the broker vouches for. */
  readonly transactional: boolean;
  /** The newest completed checkpoint that the sender knows of. */
  readonly completed: { readonly id: number; readonly time: string } | null;
  readonly intervalMs: number | null;
}

/** An event that a recomputation must have read. */
export interface SourcePlace {
  readonly partition: string;
  readonly offset: number;
}

/** What a recomputed result says of itself, and, once its request was found, what that asks of it. */
export interface Verification {
  readonly request: string;
  readonly nonce: string;
  /** Source partition → next offset: every record below it was read, from the beginning of the topic. */
  readonly upTo: Readonly<Record<string, number>>;
  readonly mustReach: readonly SourcePlace[];
}

/** A decoded result. `state` is what would be stored if nothing were held against it. */
export interface IncomingResult {
  readonly type: 'result';
  /** Place in its batch: ties the decision to the copied record. */
  readonly ordinal: number;
  readonly offset: bigint;
  readonly stamp: Stamp;
  readonly state: ResultState;
  /** UNREQUESTED: it says that it was recomputed, and no open request says so. */
  readonly arrival: 'IN_ORDER' | 'LATE' | 'REPROCESSED' | 'UNREQUESTED';
  readonly verification: Verification | null;
  /** The verified fold that its sender's state of the key was reset to, as the sender says; null: to none. */
  readonly resetBy: string | null;
  /** Its sender has sent it before, by its own number: what it says was taken in then. */
  readonly redelivered: boolean;
  /** Some source record that could belong to it was undecodable. */
  readonly lost: boolean;
  /** No event of it is older than this, ISO-8601; null when the kind does not say. */
  readonly begins: string | null;
  /** It is what its newest record says, whatever came before: its coverage is the place of that record, and moves. */
  readonly newestOnly?: boolean;
}

/** FLINK: what a run says before anything else, in every result partition. */
export interface IncomingRun {
  readonly type: 'run';
  readonly stamp: Stamp;
  readonly parent: string | null;
  /** How many records each subtask of the parent had emitted here at the checkpoint that the run was restored from. */
  readonly counters: readonly { readonly subtask: number; readonly seq: number }[];
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
  /** FLINK: how many subtasks the run has, each of which speaks for itself; null or left out: it does not say. */
  readonly subtasks?: number | null;
}

/** A result that an engine dropped an event of, or that something else is held against by key. */
export interface IncomingLateDrop {
  readonly type: 'late-drop';
  readonly stamp: Stamp;
  readonly key: ResultKey;
  readonly resultPartition: number;
  /** Where the dropped event lies. */
  readonly source: SourcePlace;
}

/** Any further control record: it only takes part in the sequence. */
export interface IncomingOther {
  readonly type: 'other';
  readonly stamp: Stamp;
}

export type Incoming =
  IncomingResult | IncomingAssignment | IncomingRun | IncomingHeartbeat | IncomingLateDrop | IncomingOther;

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

/** FLINK: the run that a result partition's log speaks of now. */
export interface CurrentRun {
  readonly run: string;
  /** It came with a `_run` record, so that lost output at its start would have been noticed. */
  readonly announced: boolean;
  readonly lineage: Lineage;
  /** The newest completed checkpoint that it has shown in this partition. */
  readonly completed: number | null;
  readonly intervalMs: number | null;
  /** Subtask → source partition → next offset to fold: how far it has (re)played, as far as it says. */
  readonly progress: Progress;
  /** How many subtasks it has; null or left out: it does not say. */
  readonly subtasks?: number | null;
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
  /** FLINK: null before its first record. */
  readonly current: CurrentRun | null;
  /** FLINK: the runs that were current before, oldest first. */
  readonly earlier: readonly string[];
  /** FLINK: the runs in whose output a loss was noticed, as long as the current run descends from one of them. */
  readonly losses: readonly string[];
  /** Offset of the newest record by which lost output was noticed. */
  readonly lossOffset: number | null;
  /**
   * Of losses noticed up to this offset: whatever had got lost and had no row has been made again from the source, as far as it is
   * of these kinds (ADR 19). Left out: of none.
   */
  readonly recovered?: { readonly offset: number; readonly kinds: readonly string[] };
  /** FLINK: when ingest last saw, in this partition, that a further checkpoint had completed. */
  readonly provenAt: Micros | null;
  /** FLINK: time of the newest completed checkpoint, by Flink's clock. Never goes back. */
  readonly checkpointTime: string | null;
}

export const NO_FACTS: PipelineFacts = {
  assignments: {},
  lastSeq: {},
  gaps: {},
  heartbeats: {},
  current: null,
  earlier: [],
  losses: [],
  lossOffset: null,
  provenAt: null,
  checkpointTime: null,
};

export const counterOf = (stamp: Stamp): string => `${stamp.run}/${stamp.subtask}`;
