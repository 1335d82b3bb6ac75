/**
 * The log port over kafkajs 2.2.4, and the only file of the server that knows kafkajs (ADR 0003).
 *
 * Where to read from is asked of the handler at each assignment (Postgres, or the read model itself), never of Kafka:
 * its committed offset is a hint for lag monitors. A fetch that was under way before the seek is recognised by the offset
 * it asked for, and dropped.
 */
import { Kafka, logLevel, type Admin, type Batch, type Consumer, type EachBatchPayload } from 'kafkajs';
import { AppError, asError } from '../errors.js';
import type { LogConsumer, LogExtent, LogHandler, LogRecord } from '../log/port.js';

export interface LogConsumerOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly partitionsConcurrently: number;
  readonly maxBytesPerPartition: number;
  readonly sessionTimeoutMs: number;
  /** First and largest delay before a failed batch is read again. */
  readonly backoffMs: { readonly first: number; readonly most: number };
  /** stop() gives up on a running handler after this. */
  readonly stopTimeoutMs: number;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void;
}

const HINT_EVERY_MS = 5_000;

const KAFKAJS_LEVELS = new Map<logLevel, 'info' | 'warn' | 'error'>([
  [logLevel.ERROR, 'error'],
  [logLevel.WARN, 'warn'],
]);

interface Assigned {
  /** The generation it belongs to: answers that come for an older one are dropped. */
  readonly epoch: number;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to deliver; null until the handler has said where to start. */
  expected: bigint | null;
  /** The offset that was sought a second time, because a fetch came from beyond it. */
  sought: bigint | null;
  hintedAt: number;
  failures: number;
  blocked: boolean;
  retry: NodeJS.Timeout | null;
}

const idOf = (topic: string, partition: number): string => `${topic}/${partition}`;

const recordOf = (message: Batch['messages'][number]): LogRecord => ({
  offset: BigInt(message.offset),
  key: message.key?.toString('utf8') ?? null,
  value: message.value,
  timestampMs: Number(message.timestamp),
});

const retryable = (error: Error): boolean => !(error instanceof AppError) || error.retryable;

export function createLogConsumer(options: LogConsumerOptions): LogConsumer {
  return new KafkaJsConsumer(options);
}

class KafkaJsConsumer implements LogConsumer {
  private readonly consumer: Consumer;
  private readonly admin: Admin;
  private readonly assigned = new Map<string, Assigned>();
  private epoch = 0;
  private stopping = false;

  constructor(private readonly options: LogConsumerOptions) {
    const kafka = new Kafka({
      clientId: options.clientId,
      brokers: [...options.brokers],
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 100, factor: 0.2, multiplier: 1.5, maxRetryTime: 5_000, retries: 8 },
      logCreator:
        () =>
        ({ namespace, level, log }) => {
          const named = KAFKAJS_LEVELS.get(level);
          if (named !== undefined) options.log(named, `kafkajs: ${log.message}`, { namespace, ...safe(log) });
        },
    });
    this.admin = kafka.admin();
    this.consumer = kafka.consumer({
      groupId: options.groupId,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.floor(options.sessionTimeoutMs / 4),
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: options.maxBytesPerPartition,
      // After a crash of its loop the consumer starts anew, for as long as it is not stopped.
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 5_000,
        retries: 8,
        restartOnFailure: () => Promise.resolve(!this.stopping),
      },
    });
  }

  async run(handler: LogHandler): Promise<void> {
    await this.admin.connect();
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
    this.consumer.on(this.consumer.events.GROUP_JOIN, ({ payload }) => this.joined(payload.memberAssignment, handler));
    const joined = new Promise<void>((resolve) => {
      const off = this.consumer.on(this.consumer.events.GROUP_JOIN, () => {
        off();
        resolve();
      });
    });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.partitionsConcurrently,
      eachBatch: (payload) => this.eachBatch(payload, handler),
    });
    await joined;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.forget();
    const limit = new Promise<void>((resolve) => setTimeout(resolve, this.options.stopTimeoutMs).unref());
    await Promise.race([this.consumer.disconnect().catch(() => undefined), limit]);
    await Promise.race([this.admin.disconnect().catch(() => undefined), limit]);
  }

  private forget(): void {
    for (const tp of this.assigned.values()) if (tp.retry !== null) clearTimeout(tp.retry);
    this.assigned.clear();
  }

  private joined(assignment: Record<string, number[]>, handler: LogHandler): void {
    this.epoch += 1;
    this.forget();
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const tp: Assigned = {
          epoch: this.epoch,
          topic,
          partition,
          expected: null,
          sought: null,
          hintedAt: 0,
          failures: 0,
          blocked: false,
          retry: null,
        };
        this.assigned.set(idOf(topic, partition), tp);
        void this.start(tp, handler);
      }
    }
  }

  private current(tp: Assigned): boolean {
    return !this.stopping && this.assigned.get(idOf(tp.topic, tp.partition)) === tp;
  }

  private async extent(topic: string, partition: number): Promise<LogExtent> {
    const offsets = await this.admin.fetchTopicOffsets(topic);
    const found = offsets.find((offset) => offset.partition === partition);
    if (found === undefined) throw new Error(`${topic} has no partition ${partition}`);
    return { low: BigInt(found.low), high: BigInt(found.high) };
  }

  /** Asks where to read from, and seeks there. Nothing of the partition is delivered before. */
  private async start(tp: Assigned, handler: LogHandler): Promise<void> {
    try {
      const from = await handler.start(tp.topic, tp.partition, await this.extent(tp.topic, tp.partition));
      if (!this.current(tp)) return;
      this.consumer.seek({ topic: tp.topic, partition: tp.partition, offset: from.toString() });
      tp.expected = from;
      this.consumer.resume([{ topic: tp.topic, partitions: [tp.partition] }]);
    } catch (error) {
      this.failed(tp, handler, asError(error));
    }
  }

  /** Reads the partition again after a growing delay, or blocks it: either way nothing of it is skipped. */
  private failed(tp: Assigned, handler: LogHandler, error: Error): void {
    if (!this.current(tp)) return;
    const { topic, partition } = tp;
    tp.expected = null;
    this.consumer.pause([{ topic, partitions: [partition] }]);
    if (!retryable(error)) {
      tp.blocked = true;
      this.options.log('error', error.message, { topic, partition, error });
      handler.onBlocked?.(topic, partition, error);
      return;
    }
    const delay = Math.min(this.options.backoffMs.first * 2 ** Math.min(tp.failures, 16), this.options.backoffMs.most);
    tp.failures += 1;
    this.options.log('warn', `reading again in ${delay} ms: ${error.message}`, { topic, partition, error });
    tp.retry = setTimeout(() => void this.start(tp, handler), delay);
  }

  private async eachBatch(
    { batch, resolveOffset, heartbeat, isStale }: EachBatchPayload,
    handler: LogHandler,
  ): Promise<void> {
    const tp = this.assigned.get(idOf(batch.topic, batch.partition));
    // Not started yet, or fetched before the seek: the next fetch asks for the right offset.
    if (tp === undefined || tp.blocked || tp.expected === null || isStale()) return;
    const wanted = tp.expected;
    if (!this.continues(tp, wanted, batch)) return;
    const records = batch.messages.map(recordOf).filter((record) => record.offset >= wanted);
    try {
      if (records.length > 0) {
        await handler.handle({
          topic: batch.topic,
          partition: batch.partition,
          records,
          transactional: inTransaction(batch),
        });
      }
      if (!this.current(tp)) return;
      tp.failures = 0;
      tp.sought = null;
      const last = BigInt(batch.lastOffset());
      tp.expected = last + 1n;
      resolveOffset(last.toString());
      this.hint(tp, tp.expected);
    } catch (error) {
      this.failed(tp, handler, asError(error));
    }
    await heartbeat();
  }

  /**
   * Was this fetched from where we are? kafkajs moves on by itself over control and aborted records, so a fetch from
   * beyond may be right; it may also have been under way before a seek. So it is sought once more: what then comes from
   * beyond really has nothing in between.
   */
  private continues(tp: Assigned, wanted: bigint, batch: Batch): boolean {
    const fetched = BigInt((batch as { fetchedOffset?: string }).fetchedOffset ?? batch.firstOffset() ?? '-1');
    if (fetched <= wanted || tp.sought === wanted) return true;
    tp.sought = wanted;
    this.consumer.seek({ topic: tp.topic, partition: tp.partition, offset: wanted.toString() });
    return false;
  }

  /** Kafka's own committed offset, for lag monitors only: failing to write it costs nothing. */
  private hint(tp: Assigned, next: bigint): void {
    if (Date.now() - tp.hintedAt < HINT_EVERY_MS) return;
    tp.hintedAt = Date.now();
    const { topic, partition } = tp;
    void this.consumer.commitOffsets([{ topic, partition, offset: next.toString() }]).catch(() => undefined);
  }
}

const inTransaction = (batch: Batch): boolean =>
  ((batch as { rawMessages?: { batchContext?: { inTransaction?: boolean } }[] }).rawMessages ?? []).some(
    (message) => message.batchContext?.inTransaction === true,
  );

/** kafkajs puts whole messages into its log entries: payloads and keys stay out of our logs. */
function safe(log: Record<string, unknown>): Record<string, unknown> {
  const { error, groupId, broker, stack } = log;
  return { error, groupId, broker, stack };
}
