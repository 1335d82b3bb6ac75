/**
 * What kafkajs' fetches lack: which records were aborted, where the log begins, and how far it is written and can be read. It knows kafkajs' insides (2.2.4), and is
 * held to them by committed.stack.test.ts and log.stack.test.ts.
 */
import { createRequire } from 'node:module';
import type { Batch } from 'kafkajs';
import { abortedRecords, type AbortedTransaction, type FetchedRecord } from '../log/committed.js';
import { LogEnds } from '../log/ends.js';

interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  /** Absent: the broker is old and does not say. */
  readonly lastStableOffset?: string;
  abortedTransactions?: readonly AbortedTransaction[];
  /** Where the log began when it was fetched; kafkajs' name for log_start_offset. Absent: the broker is old and does not say. */
  readonly lastStartOffset?: string;
  readonly messages: readonly (FetchedRecord & { isControlRecord: boolean })[];
}

interface FetchRequest {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string | number }[];
  }[];
}
interface FetchedTopic {
  readonly topicName: string;
  readonly partitions: readonly FetchedPartition[];
}

interface KafkaJsBroker {
  fetch(request: FetchRequest): Promise<{ readonly responses: readonly FetchedTopic[] }>;
}

/** Of all topics that this process reads. */
export const logEnds = new LogEnds(() => performance.now());

function noteEnds({ topics }: FetchRequest, responses: readonly FetchedTopic[]): void {
  for (const { topicName: topic, partitions } of responses) {
    const asked = topics.find((one) => one.topic === topic)?.partitions ?? [];
    for (const { partition, errorCode, highWatermark, lastStableOffset } of partitions) {
      const from = asked.find((one) => one.partition === partition);
      if (errorCode !== 0 || from === undefined || lastStableOffset === undefined) continue;
      const [stable, high] = [BigInt(lastStableOffset), BigInt(highWatermark)];
      if (stable >= 0n) logEnds.note(topic, partition, { asked: BigInt(from.fetchOffset), stable, high });
    }
  }
}

/** Where the log of a partition began when these were fetched. */
const logStarts = new WeakMap<object, bigint>();

/**
 * Takes the place of kafkajs' own filter, which takes the aborted transactions for sorted and one per record: where they
 * overlap, or a fetch begins inside one, it lets aborted records through and drops committed ones. What was aborted is
 * marked as the broker's own before kafkajs looks at it: it is left out then, and its offsets are passed over.
 */
function readCommittedOnly(broker: KafkaJsBroker): void {
  const { fetch } = broker;
  broker.fetch = async function (request) {
    const fetched = await fetch.call(this, request);
    noteEnds(request, fetched.responses);
    for (const partition of fetched.responses.flatMap(({ partitions }) => partitions)) {
      for (const record of abortedRecords(partition.messages, partition.abortedTransactions ?? [])) {
        record.isControlRecord = true;
      }
      partition.abortedTransactions = [];
      if (partition.lastStartOffset !== undefined) {
        logStarts.set(partition.messages, BigInt(partition.lastStartOffset));
      }
    }
    return fetched;
  };
}
const load = createRequire(import.meta.url);
readCommittedOnly((load('kafkajs/src/broker/index.js') as { prototype: KafkaJsBroker }).prototype);

/**
 * @returns the offset that was asked for, and where the log began then (0: the broker did not say). kafkajs has both and does
 * not show them.
 */
export function fetchOf(batch: Batch): { readonly offset: bigint; readonly logStart: bigint } {
  const { fetchedOffset, rawMessages } = batch as { fetchedOffset?: string; rawMessages?: object };
  const offset = BigInt(fetchedOffset ?? batch.firstOffset() ?? '-1');
  return { offset, logStart: logStarts.get(rawMessages ?? batch) ?? 0n };
}
