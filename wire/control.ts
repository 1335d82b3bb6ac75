/** The control kinds of the result topics (contract §5). Their payloads ride in `calculated_value`. */
export const CONTROL_KINDS = ['_assignment', '_heartbeat', '_late_dropped', '_dead_letter', '_run'] as const;
export type ControlKind = (typeof CONTROL_KINDS)[number];

/**
 * KAFKA_ONLY: where a run begins to read a source partition; in every result partition before the run's first result.
 *
 * `max_event_time_before` is the maximum over ALL decodable events at offsets < `start_offset`; null means unknown, except
 * with `start_offset` 0, where nothing precedes. Hence a window may have begun before the run iff its start is
 * ≤ `max_event_time_before`, or that is null and `start_offset` > 0.
 */
export interface AssignmentPayload {
  readonly source_topic: string;
  readonly source_partition: number;
  readonly start_offset: number;
  readonly log_start_offset: number;
  readonly max_event_time_before: string | null;
}

/** Everything below `next_offset` has been emitted and acknowledged before this heartbeat was written. */
export interface SourceProgress {
  readonly next_offset: number;
  /** LogAppendTime of the last record below `next_offset` that this run has read; null if it has read none. */
  readonly append_time: string | null;
  /** This run's watermark of the partition, for display only: it is never evidence. */
  readonly watermark?: string | null;
}

/** `sources` is keyed by source partition; a FLINK heartbeat may leave it out. */
export interface HeartbeatPayload {
  readonly state: 'RUNNING' | 'STOPPING';
  readonly sources?: Readonly<Record<string, SourceProgress>>;
  /** FLINK: how many subtasks the run has, each of which speaks for itself. */
  readonly subtasks?: number;
}

/** `business_key` of the message is the result that the event would have belonged to. */
export interface LateDroppedPayload {
  /** Kind of that result; absent: `order_window`. */
  readonly kind?: string;
  readonly event_id: string;
  readonly order_id: string;
  readonly source_partition: number;
  readonly source_offset: number;
  readonly event_time: string;
  readonly watermark: string;
}

/** Stable: they reach dead letters, docs and people's scripts. */
export const PARSE_CODES = [
  'BAD_JSON',
  'NOT_AN_OBJECT',
  'OP_UNKNOWN',
  'IMAGE_MISSING',
  'FIELD_MISSING',
  'FIELD_INVALID',
  'TOO_LARGE',
] as const;
export type ParseCode = (typeof PARSE_CODES)[number];

/** A record nobody could decode. `cause` is one of PARSE_CODES from our own processors. */
export interface DeadLetterPayload {
  readonly source_topic: string;
  readonly source_partition: number;
  readonly source_offset: number;
  readonly kafka_key: string | null;
  readonly cause: string;
  readonly message: string;
  /** At most 64 KiB of the record's value. */
  readonly payload_base64: string;
  readonly truncated: boolean;
}

/** FLINK: the counters the run restored for this result partition, of all subtasks of its parent. */
export interface RunPayload {
  readonly parent: string | null;
  readonly restored_checkpoint: number | null;
  readonly counters: readonly { readonly subtask: number; readonly seq: number }[];
}

export interface ControlPayload {
  readonly _assignment: AssignmentPayload;
  readonly _heartbeat: HeartbeatPayload;
  readonly _late_dropped: LateDroppedPayload;
  readonly _dead_letter: DeadLetterPayload;
  readonly _run: RunPayload;
}
