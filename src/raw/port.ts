/** The raw log, in the words of the need: every source event as it came, by (partition, offset), to audit and recompute from. */
export interface RawRecord {
  readonly partition: number;
  readonly offset: bigint;
  /**
   * The offset of the record before it; null where the chain begins. Control and aborted records use up offsets, so only
   * this tells a hole from none.
   */
  readonly predecessor: bigint | null;
  readonly key: string | null;
  /** The bytes as they came, decodable or not; null is a tombstone. */
  readonly value: Buffer | null;
  /** Append time by the broker's clock, milliseconds since the epoch. */
  readonly appendedAtMs: number;
}

/** A source event and one place at which it was written. */
export interface RawPlace {
  readonly eventId: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface RawLog {
  /** Makes the table, and its retention what it should be. Asked before anything else; may be asked again. */
  prepare(): Promise<void>;
  /** The largest offset held of a partition; null when there is none. */
  lastOffset(partition: number): Promise<bigint | null>;
  /** Append time of the newest record held at or below the offset, milliseconds since the epoch; null when there is none. */
  appendedAtMs(partition: number, offset: bigint): Promise<number | null>;
  /** Idempotent by (partition, offset). Readable and on disk when it resolves. */
  append(records: readonly RawRecord[]): Promise<void>;
  /** Of a partition, the records from this offset on, in offset order, each once; at most so many. */
  read(partition: number, from: bigint, limit: number): Promise<readonly RawRecord[]>;
  /** Where events of these ids were written; an id that is not held is left out, one that was written twice comes twice. */
  find(eventIds: readonly string[]): Promise<readonly RawPlace[]>;
}
