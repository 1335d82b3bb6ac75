import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { topicEnds } from './kafka.js';
import type { SourceMessage } from './stream.js';

const LIMIT_MS = 60_000;

interface Found extends SourceMessage {
  readonly partition: number;
  readonly offset: number;
  readonly timeMs: number;
}

/** The last records of the topic as they are, oldest first: what a producer sends again that forgot how far it was. */
export async function lastMessages(kafka: Kafka, topic: string, count: number): Promise<SourceMessage[]> {
  const admin = kafka.admin();
  await admin.connect();
  const groupId = `tidemark-generator-replay-${randomUUID()}`;
  try {
    const [ends] = await topicEnds(admin, [topic]);
    // Any partition may hold all of them.
    const wanted = (ends?.partitions ?? []).filter((p) => p.high > p.low);
    if (count === 0 || wanted.length === 0) return [];
    const from = new Map(wanted.map((p) => [p.partition, { at: Math.max(p.low, p.high - count), end: p.high }]));
    const found = await readFrom(kafka, groupId, topic, from);
    found.sort((a, b) => a.timeMs - b.timeMs || a.partition - b.partition || a.offset - b.offset);
    return found.slice(-count).map(({ key, value }) => ({ key, value }));
  } finally {
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect();
  }
}

async function readFrom(
  kafka: Kafka,
  groupId: string,
  topic: string,
  from: ReadonlyMap<number, { readonly at: number; readonly end: number }>,
): Promise<Found[]> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  const missing = new Set(from.keys());
  const found: Found[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`could not read ${topic} to replay it`)), LIMIT_MS);
      const done = (): void => {
        clearTimeout(limit);
        resolve();
      };
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message }) => {
            const range = from.get(partition);
            const offset = Number(message.offset);
            if (range === undefined || offset < range.at || !missing.has(partition)) return;
            if (message.key !== null && message.value !== null && offset < range.end) {
              const [key, value] = [message.key.toString('utf8'), message.value.toString('utf8')];
              found.push({ key, value, partition, offset, timeMs: Number(message.timestamp) });
            }
            if (offset >= range.end - 1) missing.delete(partition);
            if (missing.size === 0) done();
          },
        })
        .catch(reject);
      for (const [partition, { at }] of from) consumer.seek({ topic, partition, offset: String(at) });
    });
    return found;
  } finally {
    await consumer.disconnect();
  }
}
