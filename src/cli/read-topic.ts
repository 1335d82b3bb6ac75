/** The newest records of a topic, read committed, through the server's own consumer: what it would take in, this shows. */
import { randomUUID } from 'node:crypto';
import { readTopicEnds } from '../../generator/kafka.js';
import { createLogConsumer } from '../ingest/consumer.js';
import type { LogRecord } from '../log/port.js';

export interface TopicRead {
  readonly partitions: number;
  /** In offset order within a partition. */
  readonly records: readonly { readonly partition: number; readonly record: LogRecord }[];
  /** Partitions that were read from the first record that they ever had. */
  readonly fromStart: ReadonlySet<number>;
}

export interface ReadLimits {
  /** Without a record for so long a partition has ended: control records at its end are never delivered. */
  readonly idleMs: number;
  readonly limitMs: number;
}

const LOOK_EVERY_MS = 50;

/**
 * @param most of all partitions together; each gives an equal part
 * @throws Error whose message says in a sentence what is wrong
 */
export async function readNewest(
  brokers: string,
  topic: string,
  most: number,
  { idleMs, limitMs }: ReadLimits,
): Promise<TopicRead> {
  const [ends] = await readTopicEnds(brokers, [topic]).catch((error: Error) => {
    throw new Error(`Kafka at ${brokers} does not answer: ${error.message}.`, { cause: error });
  });
  if (ends === undefined) throw new Error(`There is no topic ${topic} at ${brokers}.`);
  const filled = ends.partitions.filter(({ low, high }) => high > low);
  const each = Math.max(1, Math.floor(most / Math.max(1, filled.length)));
  const from = new Map(filled.map(({ partition, low, high }) => [partition, Math.max(low, high - each)]));
  const open = new Map(filled.map(({ partition, high }) => [partition, high]));
  const records: { partition: number; record: LogRecord }[] = [];
  const next = new Map<number, bigint>();
  let heardMs = performance.now();
  let failed: Error | null = null;
  const consumer = createLogConsumer({
    brokers: brokers.split(',').map((broker) => broker.trim()),
    clientId: 'tidemark-cli',
    // A group of its own, that commits nothing anybody goes on from.
    groupId: `tidemark-check-${randomUUID()}`,
    topics: [topic],
    partitionsConcurrently: 4,
    maxBytesPerPartition: 1_048_576,
    sessionTimeoutMs: 10_000,
    backoffMs: { first: 100, most: 1_000 },
    stopTimeoutMs: 2_000,
    monotonicMs: () => performance.now(),
    log: (level, message, { error }) => {
      // What it can't decompress it would try for ever.
      if (level === 'error') failed = error instanceof Error ? error : new Error(message);
    },
  });
  void consumer.run({
    start: async (_, partition, { low, high }) => {
      heardMs = performance.now();
      const wanted = BigInt(from.get(partition) ?? 0);
      return open.has(partition) ? (next.get(partition) ?? (wanted < low ? low : wanted)) : high;
    },
    handle: async ({ partition, records: batch }) => {
      const high = open.get(partition);
      if (high === undefined) return;
      heardMs = performance.now();
      for (const record of batch) {
        if (record.offset >= BigInt(high) || record.offset < (next.get(partition) ?? 0n)) continue;
        records.push({ partition, record });
        next.set(partition, record.offset + 1n);
      }
      if ((batch.at(-1)?.offset ?? -1n) >= BigInt(high) - 1n) open.delete(partition);
    },
  });
  try {
    const begunMs = performance.now();
    let joined = false;
    while (open.size > 0) {
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
      const nowMs = performance.now();
      joined ||= heardMs > begunMs;
      if (joined && nowMs - heardMs > idleMs && consumer.troubles().length === 0) break;
      if (nowMs - begunMs <= limitMs) continue;
      const why = (failed as Error | null)?.message ?? consumer.troubles()[0]?.message ?? 'it did not end';
      throw new Error(`${topic} could not be read within ${limitMs / 1000} s: ${why}.`);
    }
  } finally {
    await consumer.stop();
  }
  const fromStart = new Set([...from].flatMap(([partition, offset]) => (offset === 0 ? [partition] : [])));
  return { partitions: ends.partitions.length, records, fromStart };
}
