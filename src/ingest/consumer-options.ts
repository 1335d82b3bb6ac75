/** What a log consumer is made of; nothing of Kafka's client in here. */
/** Called where the lab and the tests break in: when Kafka has been told the offset. */
export type ConsumerHook = (point: 'kafka-committed') => void | Promise<void>;

export interface LogConsumerOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly partitionsConcurrently: number;
  readonly maxBytesPerPartition: number;
  readonly sessionTimeoutMs: number;
  /** First and largest delay before a failed batch is read again, or a lost group is joined again. */
  readonly backoffMs: { readonly first: number; readonly most: number };
  /** stop() gives up on a running handler after this. */
  readonly stopTimeoutMs: number;
  /** Milliseconds, monotonic. */
  readonly monotonicMs: () => number;
  readonly hook?: ConsumerHook;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
}

/** What a consumer group has committed of a topic: asked now and then, each time anew. */
export interface GroupOffsets {
  /** Partition → next offset; null: none was committed. Every partition of the topic is in it. */
  committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint | null>>;
  /** Partition → end of what is written, whether committed or not. */
  ends(topic: string): Promise<ReadonlyMap<number, bigint>>;
}
