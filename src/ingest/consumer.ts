/**
 * The log port over kafkajs 2.2.4; with kafkajs-fetch.ts, all of the server that knows kafkajs (ADR 0003).
 *
 * Where to read from is asked of the handler at each assignment (Postgres, or the read model itself), never of Kafka:
 * its committed offset is a hint for lag monitors. A fetch that was under way before the seek is recognised by the offset
 * it asked for, and dropped.
 */
import {
  Kafka,
  logLevel,
  Partitioners,
  type Admin,
  type Batch,
  type Consumer,
  type EachBatchPayload,
  type KafkaConfig,
  type Producer,
} from 'kafkajs';
import { AppError, asError } from '../errors.js';
import type { LogExtent, LogHandler, LogRecord, Trouble, WatchedConsumer } from '../log/port.js';
import { assignedOf, idOf, partitionTroubles, recovered, safe, type Assigned } from './assigned.js';
import type { GroupOffsets, LogConsumerOptions } from './consumer-options.js';
import { fetchOf } from './kafkajs-fetch.js';

const HINT_EVERY_MS = 5_000;

const KAFKAJS_LEVELS = new Map<logLevel, 'info' | 'warn' | 'error'>([
  [logLevel.ERROR, 'error'],
  [logLevel.WARN, 'warn'],
]);

function recordOf(message: Batch['messages'][number]): LogRecord {
  const traceparent = message.headers?.['traceparent'];
  return {
    offset: BigInt(message.offset),
    key: message.key?.toString('utf8') ?? null,
    value: message.value,
    timestampMs: Number(message.timestamp),
    inTransaction: inTransaction(message),
    ...(traceparent === undefined ? {} : { traceparent: String(traceparent) }),
  };
}

const retryable = (error: Error): boolean => !(error instanceof AppError) || error.retryable;

export function createLogConsumer(options: LogConsumerOptions): WatchedConsumer {
  return new KafkaJsConsumer(options);
}

/** kafkajs' clients from one connect to the next crash: a new try begins with new ones. */
interface Life {
  readonly consumer: Consumer;
  readonly admin: Admin;
}

class KafkaJsConsumer implements WatchedConsumer {
  private readonly kafka: Kafka;
  private life: Life | null = null;
  private readonly assigned = new Map<string, Assigned>();
  private epoch = 0;
  private failures = 0;
  /** Why there is no group now; null while it is joined. */
  private down: string | null = 'the group is being joined';
  /** When Kafka answered last. */
  private heardMs = 0;
  private stopping = false;
  private ended: () => void = () => undefined;
  private readonly end = new Promise<void>((resolve) => (this.ended = resolve));

  constructor(private readonly options: LogConsumerOptions) {
    this.kafka = new Kafka({
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
  }

  private newLife(): Life {
    const { options } = this;
    const consumer = this.kafka.consumer({
      groupId: options.groupId,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: this.heartbeatMs,
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: options.maxBytesPerPartition,
      // kafkajs starts anew only after what it takes for passing, and never if it could not begin: that is ours to do.
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 5_000,
        retries: 8,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
    return { consumer, admin: this.kafka.admin() };
  }

  private get heartbeatMs(): number {
    return Math.floor(this.options.sessionTimeoutMs / 4);
  }

  async run(handler: LogHandler): Promise<void> {
    const joined = new Promise<void>((resolve) => void this.live(handler, resolve));
    await Promise.race([joined, this.end]);
  }

  /** One life after the other, with a growing delay between them, until it is stopped. */
  private async live(handler: LogHandler, joined: () => void): Promise<void> {
    const { first, most } = this.options.backoffMs;
    while (!this.stopping) {
      const error = await this.liveOnce(handler, joined);
      if (this.stopping) return;
      const delay = Math.min(first * 2 ** Math.min(this.failures, 16), most);
      this.failures += 1;
      this.down = error.message;
      this.options.log('warn', `joining ${this.options.groupId} again in ${delay} ms: ${error.message}`, { error });
      await Promise.race([new Promise((resolve) => setTimeout(resolve, delay)), this.end]);
    }
  }

  /** @returns what ended it */
  private async liveOnce(handler: LogHandler, joined: () => void): Promise<Error> {
    const life = this.newLife();
    const { consumer, admin } = life;
    this.life = life;
    const { GROUP_JOIN, HEARTBEAT, FETCH, CRASH } = consumer.events;
    const crashed = new Promise<Error>((resolve) => consumer.on(CRASH, ({ payload }) => resolve(payload.error)));
    for (const event of [HEARTBEAT, FETCH] as const) consumer.on(event, () => this.heard());
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.stopping || this.life !== life) return;
      this.heard();
      this.failures = 0;
      this.down = null;
      this.joined(life, payload.memberAssignment, handler);
      joined();
    });
    try {
      await admin.connect();
      await consumer.connect();
      await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
      if (this.stopping) throw new Error('it was stopped');
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.options.partitionsConcurrently,
        eachBatch: (payload) => this.eachBatch(life, payload, handler),
      });
      return await crashed;
    } catch (error) {
      return asError(error);
    } finally {
      this.forget();
      if (!this.stopping) await this.close(life, this.options.sessionTimeoutMs);
    }
  }

  private async close({ consumer, admin }: Life, limitMs: number): Promise<void> {
    const limit = new Promise<void>((resolve) => setTimeout(resolve, limitMs).unref());
    await Promise.race([Promise.allSettled([consumer.disconnect(), admin.disconnect()]), limit]);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.forget();
    this.ended();
    if (this.life !== null) await this.close(this.life, this.options.stopTimeoutMs);
  }

  private heard(): void {
    this.heardMs = this.options.monotonicMs();
  }

  troubles(): readonly Trouble[] {
    const { groupId, sessionTimeoutMs, monotonicMs } = this.options;
    if (this.down !== null) return [{ place: null, message: `${groupId} reads nothing: ${this.down}` }];
    const silentMs = Math.round(monotonicMs() - this.heardMs);
    // While it is joined Kafka answers a heartbeat every quarter of the session.
    const silent =
      silentMs > sessionTimeoutMs
        ? [{ place: null, message: `${groupId}: Kafka has not answered for ${silentMs} ms` }]
        : [];
    return [...silent, ...partitionTroubles(this.assigned)];
  }

  private forget(): void {
    for (const tp of this.assigned.values()) if (tp.retry !== null) clearTimeout(tp.retry);
    this.assigned.clear();
  }

  private joined(life: Life, assignment: Record<string, number[]>, handler: LogHandler): void {
    this.epoch += 1;
    this.forget();
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const tp = assignedOf(this.epoch, topic, partition);
        this.assigned.set(idOf(topic, partition), tp);
        void this.start(life, tp, handler);
      }
    }
  }

  private current(tp: Assigned): boolean {
    return !this.stopping && this.assigned.get(idOf(tp.topic, tp.partition)) === tp;
  }

  private async extent({ admin }: Life, topic: string, partition: number): Promise<LogExtent> {
    const offsets = await admin.fetchTopicOffsets(topic);
    const found = offsets.find((offset) => offset.partition === partition);
    if (found === undefined) throw new Error(`${topic} has no partition ${partition}`);
    return { low: BigInt(found.low), high: BigInt(found.high) };
  }

  /** Asks where to read from, and seeks there. Nothing of the partition is delivered before. */
  private async start(life: Life, tp: Assigned, handler: LogHandler): Promise<void> {
    const { topic, partition } = tp;
    try {
      const from = await handler.start(topic, partition, await this.extent(life, topic, partition));
      if (!this.current(tp)) return;
      life.consumer.seek({ topic, partition, offset: from.toString() });
      tp.expected = from;
      life.consumer.resume([{ topic, partitions: [partition] }]);
      // A failed batch has to succeed first.
      if (tp.failures === 0) tp.trouble = null;
    } catch (error) {
      this.failed(life, tp, handler, asError(error));
    }
  }

  private pause({ consumer }: Life, { topic, partition }: Assigned): void {
    try {
      consumer.pause([{ topic, partitions: [partition] }]);
    } catch {
      // kafkajs has given up its group: the next life begins without pauses.
    }
  }

  /** Reads the partition again after a growing delay, or blocks it: either way nothing of it is skipped. */
  private failed(life: Life, tp: Assigned, handler: LogHandler, error: Error): void {
    if (!this.current(tp)) return;
    const { topic, partition } = tp;
    tp.expected = null;
    this.pause(life, tp);
    if (!retryable(error)) {
      tp.blocked = true;
      tp.trouble = `is blocked: ${error.message}`;
      this.options.log('error', error.message, { topic, partition, error });
      handler.onBlocked?.(topic, partition, error);
      return;
    }
    const delay = Math.min(this.options.backoffMs.first * 2 ** Math.min(tp.failures, 16), this.options.backoffMs.most);
    tp.failures += 1;
    tp.trouble = `waits, and is read again: ${error.message}`;
    this.options.log('warn', `reading again in ${delay} ms: ${error.message}`, { topic, partition, error });
    tp.retry = setTimeout(() => void this.start(life, tp, handler), delay);
  }

  private async eachBatch(
    life: Life,
    { batch, resolveOffset, heartbeat, isStale }: EachBatchPayload,
    handler: LogHandler,
  ): Promise<void> {
    const { topic, partition } = batch;
    const tp = this.assigned.get(idOf(topic, partition));
    if (tp === undefined || tp.blocked || isStale()) return;
    if (tp.expected === null) {
      // Not started yet, which may take a while: without a pause the same records would be fetched again and again.
      this.pause(life, tp);
      return;
    }
    const wanted = tp.expected;
    if (!this.continues(life, tp, wanted, batch, handler)) return;
    const records = batch.messages.map(recordOf).filter((record) => record.offset >= wanted);
    // A handler may take longer than the session: the group must not take the partition away from a working member.
    // What a heartbeat fails with is found out by the last one.
    const beating = setInterval(() => void heartbeat().catch(() => undefined), this.heartbeatMs);
    try {
      if (records.length > 0) {
        await handler.handle({ topic, partition, records, transactional: records.every((r) => r.inTransaction) });
      }
      if (!this.current(tp)) return;
      recovered(tp);
      const last = BigInt(batch.lastOffset());
      tp.expected = last + 1n;
      resolveOffset(last.toString());
      this.hint(life, tp, tp.expected);
    } catch (error) {
      this.failed(life, tp, handler, asError(error));
    } finally {
      clearInterval(beating);
    }
    await heartbeat();
  }

  /**
   * Was this fetched from where we are? kafkajs moves on by itself over control and aborted records, so a fetch from
   * beyond may be right; it may also have been under way before a seek. So it is sought once more: what then comes from
   * beyond really has nothing in between. It also moves on, silently, to where the log begins when what we want has been
   * deleted: then the handler is asked again, and sees it.
   */
  private continues(life: Life, tp: Assigned, wanted: bigint, batch: Batch, handler: LogHandler): boolean {
    const { topic, partition } = tp;
    const { offset, logStart } = fetchOf(batch);
    if (offset <= wanted) return true;
    if (logStart > wanted) {
      tp.expected = null;
      this.pause(life, tp);
      void this.start(life, tp, handler);
      return false;
    }
    if (tp.sought === wanted) return true;
    tp.sought = wanted;
    life.consumer.seek({ topic, partition, offset: wanted.toString() });
    return false;
  }

  /** Kafka's own committed offset, for lag monitors only: failing to write it costs nothing. */
  private hint({ consumer }: Life, tp: Assigned, next: bigint): void {
    if (Date.now() - tp.hintedAt < HINT_EVERY_MS) return;
    tp.hintedAt = Date.now();
    const { topic, partition } = tp;
    void consumer
      .commitOffsets([{ topic, partition, offset: next.toString() }])
      .then(() => this.options.hook?.('kafka-committed'))
      .catch(() => undefined);
  }
}

/** @param timeoutMs of one request to the broker */
export function createGroupOffsets(brokers: readonly string[], clientId: string, timeoutMs: number): GroupOffsets {
  const kafka = new Kafka({ clientId, brokers: [...brokers], ...limitsOf(timeoutMs) });
  const asked = async <T>(ask: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = kafka.admin();
    const answer = admin.connect().then(() => ask(admin));
    return answer.finally(() => admin.disconnect().catch(() => undefined));
  };
  const next = (offset: string): bigint | null => (BigInt(offset) < 0n ? null : BigInt(offset));
  return {
    committed: (group, topic) =>
      asked(async (admin) => {
        const [own] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        return new Map(own?.partitions.map(({ partition, offset }) => [partition, next(offset)]));
      }),
    ends: (topic) =>
      asked(async (admin) => {
        const ends = await admin.fetchTopicOffsets(topic);
        return new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
      }),
  };
}

const limitsOf = (timeoutMs: number): Omit<KafkaConfig, 'brokers'> => ({
  connectionTimeout: timeoutMs,
  requestTimeout: timeoutMs,
  retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 3 },
  logLevel: logLevel.NOTHING,
});

/** For producer.ts. @param timeoutMs of one request to the broker */
export async function connectProducer(
  brokers: readonly string[],
  clientId: string,
  timeoutMs: number,
): Promise<Producer> {
  const kafka = new Kafka({ clientId, brokers: [...brokers], ...limitsOf(timeoutMs) });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ createPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  return producer;
}

/** kafkajs hands each record the context of its record batch, though its types don't say so. */
const inTransaction = (message: Batch['messages'][number]): boolean =>
  (message as { batchContext?: { inTransaction?: boolean } }).batchContext?.inTransaction === true;
