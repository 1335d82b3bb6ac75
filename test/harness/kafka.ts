import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import kafkajs, { type Kafka as KafkaClient, type Producer } from 'kafkajs';
import type { TopicSetting } from '../../stack/settings.js';

/** The tests' only use of kafkajs. */
function client(brokers: string): KafkaClient {
  return new kafkajs.Kafka({ clientId: 'tidemark-test', brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING });
}

export interface ReadRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: string | null;
}

/** How many records each partition has had; the index is the partition. */
export async function endOffsets(brokers: string, topic: string): Promise<number[]> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  } finally {
    await admin.disconnect();
  }
}

/** How a consumer group is: its state, and how many members it has. */
export async function groupOf(brokers: string, group: string): Promise<{ state: string; members: number }> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([group]);
    return { state: groups[0]?.state ?? 'Unknown', members: groups[0]?.members.length ?? 0 };
  } finally {
    await admin.disconnect();
  }
}

/** Lifts the limit of size of these topics: who writes more than they hold would see them cut under their readers. */
export async function keepAll(brokers: string, topics: readonly TopicSetting[]): Promise<void> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    const resources = topics.map(({ name, config }) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      // What is not named goes back to the broker's default.
      configEntries: Object.entries({ ...config, 'retention.bytes': '-1' }).map(([name, value]) => ({ name, value })),
    }));
    await admin.alterConfigs({ validateOnly: false, resources });
  } finally {
    await admin.disconnect();
  }
}

/** Removes all records of a partition below an offset, as retention would. */
export async function deleteRecords(brokers: string, topic: string, partition: number, below: bigint): Promise<void> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    // kafkajs asks the leader, and knows it only once it has asked for something of the topic.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: below.toString() }] });
  } finally {
    await admin.disconnect();
  }
}

export async function produce(
  brokers: string,
  topic: string,
  messages: readonly { key: string | null; value: string | null }[],
): Promise<void> {
  const producer = client(brokers).producer();
  await producer.connect();
  try {
    await producer.send({ topic, messages: [...messages] });
  } finally {
    await producer.disconnect();
  }
}

/** A producer whose transactions its caller begins and ends; without an id, a plain one. Connected. */
export async function transactionalProducer(
  brokers: string,
  id: string | null,
  transactionTimeout = 60_000,
): Promise<Producer> {
  const transactional = { transactionalId: id ?? '', idempotent: true, maxInFlightRequests: 1, transactionTimeout };
  const producer = client(brokers).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    ...(id === null ? {} : transactional),
  });
  await producer.connect();
  return producer;
}

/** The first `count` records of a topic, from its beginning. Rejects when they do not come within the limit. */
export async function readTopic(
  brokers: string,
  topic: string,
  count: number,
  timeoutMs = 20_000,
): Promise<ReadRecord[]> {
  const consumer = client(brokers).consumer({ groupId: `test-${randomUUID()}` });
  const records: ReadRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${topic} has ${records.length} of ${count} records after ${timeoutMs} ms`)),
        timeoutMs,
      );
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      void consumer.run({
        eachMessage: ({ partition, message }) => {
          records.push({
            partition,
            offset: BigInt(message.offset),
            key: message.key?.toString() ?? null,
            value: message.value?.toString() ?? null,
          });
          if (records.length >= count) resolve();
          return Promise.resolve();
        },
      });
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return records.slice(0, count);
}

/** Waits until a record of the topic holds this text, committed or not. Only what is written from now on, or just was, is read. */
export async function untilWritten(brokers: string, topic: string, text: string, timeoutMs = 120_000): Promise<void> {
  const RECENT = 2_000;
  const ends = await endOffsets(brokers, topic);
  const consumer = client(brokers).consumer({ groupId: `test-${randomUUID()}`, readUncommitted: true });
  await consumer.connect();
  let timer: NodeJS.Timeout | undefined;
  try {
    await consumer.subscribe({ topic });
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${topic} has no ${text} after ${timeoutMs} ms`)), timeoutMs);
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      void consumer.run({
        autoCommit: false,
        eachMessage: ({ message }) => {
          if (message.value?.includes(text) === true) resolve();
          return Promise.resolve();
        },
      });
      for (const [partition, end] of ends.entries())
        consumer.seek({ topic, partition, offset: String(Math.max(0, end - RECENT)) });
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}

/** Transactional ids of which the broker has not ended a transaction yet, by Kafka's own tool. */
export async function openTransactions(classpath: string, brokers: string): Promise<string[]> {
  const { stdout } = await execa('java', [
    ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classpath],
    ...['org.apache.kafka.tools.TransactionsCommand', '--bootstrap-server', brokers, 'list'],
  ]);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const [head = []] = rows;
  const [id, state] = [head.indexOf('TransactionalId'), head.indexOf('TransactionState')];
  if (id < 0 || state < 0) throw new Error(`kafka-transactions said: ${stdout}`);
  const ended = ['Empty', 'CompleteCommit', 'CompleteAbort', 'Dead'];
  return rows
    .slice(1)
    .flatMap((row) => (row.length <= state || ended.includes(row[state] ?? '') ? [] : [row[id] ?? '']));
}
