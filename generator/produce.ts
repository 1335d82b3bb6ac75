import { partitionOf } from '../wire/partition.js';
import { connectedProducer, kafkaClient, topicEnds } from './kafka.js';
import type { SourceMessage } from './stream.js';

const BATCH = 1_000;

export interface OffsetRange {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

/** Sends messages in order and says where they landed: one range per partition and request. */
export async function sendMessages(
  brokers: string,
  topic: string,
  messages: readonly SourceMessage[],
): Promise<OffsetRange[]> {
  const kafka = kafkaClient(brokers, 'tidemark-cli');
  const admin = kafka.admin();
  await admin.connect();
  const [ends] = await topicEnds(admin, [topic]).finally(() => admin.disconnect());
  if (ends === undefined) throw new Error(`there is no topic ${topic} at ${brokers}`);
  const ranges: OffsetRange[] = [];
  const producer = await connectedProducer(kafka);
  try {
    for (let i = 0; i < messages.length; i += BATCH) {
      // Partitions named here rather than by the partitioner, so that the ranges below can be told.
      const batch = messages
        .slice(i, i + BATCH)
        .map((m) => ({ ...m, partition: partitionOf(m.key, ends.partitions.length) }));
      for (const { partition, baseOffset } of await producer.send({ topic, acks: -1, messages: batch })) {
        const first = Number(baseOffset);
        ranges.push({ partition, first, last: first + batch.filter((m) => m.partition === partition).length - 1 });
      }
    }
  } finally {
    await producer.disconnect();
  }
  return ranges.sort((a, b) => a.partition - b.partition || a.first - b.first);
}
