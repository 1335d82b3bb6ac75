/**
 * Reading a Kafka topic, in the words of the need: by ingest (result topics) and by the projections (the CDC topic).
 * `src/ingest/consumer.ts` implements it with kafkajs; beside `kafkajs-fetch.ts` nothing else of the server knows kafkajs.
 */
export interface LogRecord {
  readonly offset: bigint;
  readonly key: string | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  /** Append time (the topics are LogAppendTime), milliseconds since the epoch. */
  readonly timestampMs: number;
  /** It was written in a Kafka transaction, read committed: the transaction was committed. Absent: not known. */
  readonly inTransaction?: boolean;
  /** Of the trace that it was written in (W3C), if its headers name one. */
  readonly traceparent?: string;
}

export interface LogBatch {
  readonly topic: string;
  readonly partition: number;
  /** In offset order, never empty. Control and aborted records use up offsets, so these may have holes. */
  readonly records: readonly LogRecord[];
  /** Every record of it was written in a committed Kafka transaction. */
  readonly transactional: boolean;
}

/** What the broker holds of a partition: [low, high). */
export interface LogExtent {
  readonly low: bigint;
  readonly high: bigint;
}

export interface LogHandler {
  /**
   * The offset to read from. Asked at each assignment, before anything is delivered; after a failure; and when what comes next
   * was deleted before it was read, which `extent.low` then shows.
   */
  start(topic: string, partition: number, extent: LogExtent): Promise<bigint>;
  /**
   * At least once, in order, one call at a time per partition. If it throws, the same records are delivered again after
   * a bounded, growing delay; an AppError that is not retryable pauses the partition and raises `onBlocked`.
   */
  handle(batch: LogBatch): Promise<void>;
  /** The partition was paused: nothing of it is skipped, and nothing of it goes on until a restart. */
  onBlocked?(topic: string, partition: number, error: Error): void;
}

export interface LogConsumer {
  /** Resolves once the group is joined for the first time, however long that takes; or when it is stopped. */
  run(handler: LogHandler): Promise<void>;
  /** Lets the running handlers finish, then leaves the group. Bounded by the consumer's own limit. */
  stop(): Promise<void>;
}

/** Something that keeps records from being taken in. */
export interface Trouble {
  /** `topic/partition`; null: all that the consumer reads. */
  readonly place: string | null;
  /** One sentence. */
  readonly message: string;
}

/** A consumer that says how it fares. */
export interface WatchedConsumer extends LogConsumer {
  /** What is not as it should be now; empty when all is well. */
  troubles(): readonly Trouble[];
}
