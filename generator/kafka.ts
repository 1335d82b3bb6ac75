import { Kafka, Partitioners, logLevel, type Admin, type Producer } from 'kafkajs';

/** Long enough for a broker to restart. */
export const PATIENT_RETRIES = 40;
const QUICK_RETRIES = 3;

/** The generator's and the CLI's door to Kafka: a person waits for the one, the other outlives a broker's restart. */
export function kafkaClient(brokers: string, clientId: string, retries = QUICK_RETRIES): Kafka {
  return new Kafka({
    clientId,
    brokers: brokers.split(',').map((b) => b.trim()),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries },
  });
}

export async function connectedProducer(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  return producer;
}

export interface TopicEnds {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly low: number; readonly high: number }[];
}

/** Log start and end offsets of the topics that exist. */
export async function topicEnds(admin: Admin, topics: readonly string[]): Promise<TopicEnds[]> {
  const existing = new Set(await admin.listTopics());
  const ends: TopicEnds[] = [];
  for (const topic of topics.filter((t) => existing.has(t))) {
    const offsets = await admin.fetchTopicOffsets(topic);
    const partitions = offsets.map((o) => ({ partition: o.partition, low: Number(o.low), high: Number(o.high) }));
    ends.push({ topic, partitions: partitions.sort((a, b) => a.partition - b.partition) });
  }
  return ends;
}

/** The same with a connection of its own. */
export async function readTopicEnds(brokers: string, topics: readonly string[]): Promise<TopicEnds[]> {
  const admin = kafkaClient(brokers, 'tidemark-cli').admin();
  try {
    await admin.connect();
    return await topicEnds(admin, topics);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
