/** The source topic, record by record, and what engines say in the result topics of records that they could not count. */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import kafkajs, { type Consumer, type EachBatchPayload, type Kafka, type KafkaMessage } from 'kafkajs';
import { RESULT_TOPICS, TOPIC_ORDERS, TOPIC_RESULTS_KAFKA_ONLY } from '../../wire/topics.js';
import { pause, until } from './now.js';
import { Numbering } from './numbering.js';
import type { Line, Notice } from './types.js';

interface Control {
  readonly kind: string;
  readonly business_key: string;
  readonly pipeline: string;
  readonly calculated_value: { readonly source_partition: number; readonly source_offset: number };
}

const KINDS: Readonly<Record<string, Notice['kind']>> = { _late_dropped: 'late-dropped', _dead_letter: 'dead-letter' };

/** null: a result, or a control record that says nothing of a single source record. */
export function noticeOf(value: string): Notice | null {
  if (!value.includes('"_late_dropped"') && !value.includes('"_dead_letter"')) return null;
  const control = JSON.parse(value) as Control;
  const kind = KINDS[control.kind];
  if (kind === undefined) return null;
  const { source_partition: partition, source_offset: offset } = control.calculated_value;
  return { type: 'notice', kind, partition, offset, result: control.business_key || null, from: control.pipeline };
}

/** Before it joins again. */
const AGAIN_MS = 500;

export class SourceTail {
  private readonly kafka: Kafka;
  private consumer: Consumer | null = null;
  private stopped = false;
  private readonly next = new Map<string, bigint>();
  private heardAt = performance.now();
  /** Of the engine that sends without transactions: of the other, kafkajs may show what was aborted. */
  readonly numbering = new Numbering();
  private topics: string[] = [TOPIC_ORDERS];

  constructor(
    brokers: string,
    private readonly write: (line: Line) => void,
  ) {
    this.kafka = new kafkajs.Kafka({
      clientId: 'tidemark-lab',
      brokers: brokers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { retries: 20, maxRetryTime: 2_000 },
    });
  }

  async start(): Promise<void> {
    const existing = await this.withAdmin((admin) => admin.listTopics());
    this.topics = [TOPIC_ORDERS, ...RESULT_TOPICS].filter((topic) => existing.includes(topic));
    await this.read();
  }

  /** kafkajs begins anew only after what it takes for passing, and gives up for good after the rest: then it's ours to begin. */
  private async read(): Promise<void> {
    const consumer = this.kafka.consumer({ groupId: `tidemark-lab-${randomUUID()}`, maxWaitTimeInMs: 200 });
    this.consumer = consumer;
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) void this.readAgain(consumer);
    });
    await consumer.connect();
    for (const topic of this.topics) await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch: async (payload) => this.take(payload) });
  }

  private async readAgain(ended: Consumer): Promise<void> {
    await ended.disconnect().catch(() => undefined);
    while (!this.stopped) {
      await pause(AGAIN_MS);
      if (this.stopped) return;
      try {
        return await this.read();
      } catch {
        await this.consumer?.disconnect().catch(() => undefined);
      }
    }
  }

  /** Everything that the topics hold now has been written down. */
  async caughtUp(timeoutMs: number): Promise<boolean> {
    const ends = await this.ends();
    return until(
      async () =>
        [...ends].every(([place, end]) => (this.next.get(place) ?? 0n) >= end) ||
        // The end of a transactional log is a marker that nobody is shown.
        (!this.waitsForSource(ends) && performance.now() - this.heardAt > 2_000),
      { timeoutMs, everyMs: 100 },
    );
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.consumer?.disconnect();
  }

  /** Exclusive ends of the source partitions. */
  async sourceEnds(): Promise<number[]> {
    const offsets = await this.withAdmin((admin) => admin.fetchTopicOffsets(TOPIC_ORDERS));
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  }

  private waitsForSource(ends: ReadonlyMap<string, bigint>): boolean {
    return [...ends].some(([place, end]) => place.startsWith(`${TOPIC_ORDERS}/`) && (this.next.get(place) ?? 0n) < end);
  }

  private async ends(): Promise<Map<string, bigint>> {
    return this.withAdmin(async (admin) => {
      const ends = new Map<string, bigint>();
      for (const topic of this.topics) {
        for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
          if (high !== low) ends.set(`${topic}/${partition}`, BigInt(high));
        }
      }
      return ends;
    });
  }

  private async withAdmin<T>(use: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  private take({ batch }: EachBatchPayload): void {
    const place = `${batch.topic}/${batch.partition}`;
    for (const message of batch.messages) {
      // After a rebalance the beginning is read again.
      const offset = BigInt(message.offset);
      if (offset < (this.next.get(place) ?? 0n)) continue;
      this.next.set(place, offset + 1n);
      this.heardAt = performance.now();
      if (batch.topic === TOPIC_ORDERS) this.event(batch.partition, message);
      else {
        const value = message.value?.toString('utf8') ?? '';
        if (batch.topic === TOPIC_RESULTS_KAFKA_ONLY) this.numbering.take(batch.partition, value);
        const notice = noticeOf(value);
        if (notice !== null) this.write(notice);
      }
    }
  }

  private event(partition: number, { offset, key, value, timestamp }: KafkaMessage): void {
    this.write({
      type: 'event',
      partition,
      offset: Number(offset),
      key: key?.toString('utf8') ?? null,
      value: value?.toString('utf8') ?? null,
      appendedAtMs: Number(timestamp),
    });
  }
}
