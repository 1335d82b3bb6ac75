/**
 * Health check of a program that writes into a topic: `flows.ts <topic> <seconds>` ends with 0 if a record came within
 * the last seconds, by the broker's clock (our topics are stamped by the broker), else with 1 and a sentence.
 */
import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;

/** Whether any partition holds a record that was written at or after `sinceMs`. */
export async function hasRecordsSince(brokers: readonly string[], topic: string, sinceMs: number): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'tidemark-flows',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 1 },
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const [since, ends] = await Promise.all([
      admin.fetchTopicOffsetsByTimestamp(topic, sinceMs),
      admin.fetchTopicOffsets(topic),
    ]);
    const end = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
    return since.some(({ partition, offset }) => BigInt(offset) < (end.get(partition) ?? 0n));
  } finally {
    await admin.disconnect();
  }
}

const [topic, seconds] = process.argv.slice(2);
if (topic !== undefined && seconds !== undefined) {
  const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
  const flowing = await hasRecordsSince(brokers, topic, Date.now() - Number(seconds) * 1_000);
  if (!flowing) process.stderr.write(`No record came into ${topic} within ${seconds} s.\n`);
  process.exit(flowing ? 0 : 1);
}
