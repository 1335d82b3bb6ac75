import type { ControlKind, ControlPayload } from './control.js';

/** How sure the pipeline is that each change reaches the topic exactly once; a claim of the sender, checked by ingest. */
export const DELIVERIES = ['AT_MOST_ONCE', 'AT_LEAST_ONCE', 'EXACTLY_ONCE'] as const;
export const ENGINES = ['KAFKA_ONLY', 'FLINK'] as const;
export const CAUSES = ['IN_ORDER', 'LATE', 'REPROCESSED'] as const;
export const RESULT_OPS = ['upsert', 'delete'] as const;

export type Delivery = (typeof DELIVERIES)[number];
export type ProcessingEngine = (typeof ENGINES)[number];
export type Cause = (typeof CAUSES)[number];
export type ResultOp = (typeof RESULT_OPS)[number];

/** One life of a processor. `lineage`: the chain of (run, checkpoint) it was restored through; empty for KAFKA_ONLY. */
export interface RunRef {
  readonly id: string;
  readonly subtask?: number;
  readonly lineage?: readonly (readonly [run: string, checkpoint: number])[];
}

/** Source partition (a decimal string) → first and last folded offset, inclusive. */
export type Coverage = Readonly<Record<string, readonly [first: number, last: number]>>;

/** What lets ingest check a result instead of believing it. A missing piece caps the level. */
export interface Evidence {
  readonly events?: number;
  /** Sum mod 2^64 of the first 8 bytes of sha-256(event_id), as a decimal string. */
  readonly digest?: string;
  readonly duplicates_dropped?: number;
  readonly coverage?: Coverage;
  readonly max_event_time?: string;
  /**
   * No event folded into this result, or decisive for it, is older than this; null or absent: unknown. A window says it by
   * its `window_start`. Ingest compares it with the run's `_assignment` (ADR 5, ADR 7).
   */
  readonly begins?: string | null;
  /** Source partition → offsets of undecodable records that could belong to this result. */
  readonly lost?: Readonly<Record<string, readonly number[]>>;
}

/** What every message of a result topic carries: only these fields are required by the schema. */
interface Required {
  readonly schema: 1;
  readonly business_key: string;
  readonly op: ResultOp;
  readonly processing_engine: ProcessingEngine;
  readonly pipeline: string;
  readonly run: RunRef;
}

/** What a complete sender adds; a foreign job may lack any of it. */
interface Optional {
  readonly delivery?: Delivery;
  readonly checkpoint_interval_ms?: number | null;
  /** Gapless from 1 per (run, subtask, result partition), control records included. */
  readonly seq?: number;
  readonly epoch?: number | null;
  readonly completed_checkpoint?: { readonly id: number; readonly time: string } | null;
  readonly emitted_at?: string;
}

/** A result (contract §5). `calculated_value` belongs to the kind; snake_case throughout. */
export interface ResultMessage<V extends object = Record<string, unknown>> extends Required, Optional {
  readonly kind: string;
  readonly calculated_value: V;
  readonly revision?: number;
  readonly cause?: Cause;
  readonly final?: boolean;
  readonly evidence?: Evidence;
  /** With `cause: REPROCESSED`: which request it answers. Ingest believes nobody who does not know an open one. */
  readonly reprocessing?: ReprocessingRef;
  /**
   * The state that this was emitted from was replaced by the verified fold of the request with this nonce (reset.ts), by this
   * very run, and folded on from there without a gap.
   */
  readonly state_reset?: string;
}

export interface ReprocessingRef {
  readonly request: string;
  readonly nonce: string;
  /** Source partition → next offset: every record below it was read, from the beginning of the topic. */
  readonly up_to: Readonly<Record<string, number>>;
}

/** A control record: the same stamp, its payload in `calculated_value`. */
export interface ControlMessage<K extends ControlKind = ControlKind> extends Required, Optional {
  readonly kind: K;
  readonly calculated_value: ControlPayload[K];
}

export type WireMessage = ResultMessage | ControlMessage;
