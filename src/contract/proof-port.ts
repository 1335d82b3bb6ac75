/** What the readers need of the proof (contract.md §8); `proof.ts` implements it over Postgres. */
import type { ResultKey } from '../position/commit-log.js';
import type { Expiry } from '../position/expiry.js';
import type { Micros, Position } from '../position/position.js';
import type { OpenLetters } from './dead-letters.js';
import type { Divergences } from './divergences.js';
import type { PipelineEvidence, PendingChange, ProvenPosition } from './assess.js';
import type { ProcessingEngine } from '../words.js';

/** What is known of one pipeline in one result partition. */
export interface PipelineFact extends PipelineEvidence {
  readonly pipeline: string;
  readonly engine: ProcessingEngine;
  readonly resultTopic: string;
  readonly resultPartition: number;
  readonly run: string | null;
  /** source partition → next offset that the pipeline will count, as it reported last. */
  readonly sources: Readonly<Record<string, string>>;
  /** The lowest watermark that the runs reported, ISO-8601; for display, never evidence. */
  readonly watermark: string | null;
  /** The position that last changed this fact. */
  readonly position: Position;
}

export interface Proof extends ProvenPosition {
  /** The last accepted change of the key since the floor; null: none. */
  pending(key: ResultKey): PendingChange | null;
  /** The last accepted change of any key of the kind and engine since the floor; null: none. */
  pendingOfKind(kind: string, engine: ProcessingEngine): PendingChange | null;
  /** How many accepted transactions after `applied` changed a result (heartbeats don't); null: beyond the floor. */
  changesAfter(applied: Position): number | null;
  /** null: nothing was ever heard of it. */
  pipeline(pipeline: string, resultPartition: number): PipelineFact | null;
  readonly pipelines: readonly PipelineFact[];
  /** What has expired, of the same snapshot. */
  readonly expiry: Expiry;
  /** Dead letters that are not settled. */
  readonly letters: OpenLetters;
  /** What read models hold otherwise than Postgres. */
  readonly divergences: Divergences;
}

export interface ProofSource {
  /**
   * A proof whose read is *sent after* this call: it may be shared with others who called before it was sent, never
   * with a read already in flight.
   * @throws AppError PROOF_UNAVAILABLE within its time limit
   */
  prove(): Promise<Proof>;
  /** Upper bound of Postgres' time now, by monotonic extrapolation; null before the first proof or after a step back. */
  now(): Micros | null;
}
