import kafkajs, { type Admin } from 'kafkajs';
import { StackError } from '../errors.js';
import { holdsWithin } from '../process/wait.js';
import type { TopicSetting } from '../settings.js';

const { Kafka, logLevel, ConfigResourceTypes } = kafkajs;

/** The launcher's only use of kafkajs: its admin client. */
async function withAdmin<T>(brokers: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new Kafka({
    clientId: 'tidemark-stack',
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 10_000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Whether the broker serves metadata; throws or says no while it starts. */
export function kafkaAnswers(brokers: string): Promise<boolean> {
  return withAdmin(brokers, async (admin) => (await admin.describeCluster()).brokers.length === 1);
}

/** Creates what is missing and brings the settings of what exists up to date. Partition counts never change. */
export function ensureTopics(brokers: string, topics: readonly TopicSetting[]): Promise<void> {
  return withAdmin(brokers, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter((topic) => !existing.has(topic.name));
    if (missing.length > 0) await create(admin, missing);
    const present = topics.filter((topic) => existing.has(topic.name));
    if (present.length > 0) await align(admin, present);
  });
}

/**
 * Returns once every partition has a leader. The controller has made a topic a moment before the broker knows of it: kafkajs' own
 * `waitForLeaders` takes that for an error.
 */
export async function create(
  admin: Pick<Admin, 'createTopics' | 'fetchTopicMetadata'>,
  topics: readonly TopicSetting[],
  { timeoutMs = 15_000, everyMs = 100 } = {},
): Promise<void> {
  await admin.createTopics({
    waitForLeaders: false,
    timeout: timeoutMs,
    topics: topics.map(({ name, partitions, config }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: entries(config),
    })),
  });
  const led = async (): Promise<boolean> => {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) });
    return found.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
  };
  if (await holdsWithin(led, { timeoutMs, everyMs })) return;
  throw new StackError(
    'STACK_NOT_READY',
    `Kafka has made its topics, and ${timeoutMs / 1000} s later they have no leaders: look at its log, then run the same command again.`,
  );
}

async function align(admin: Admin, topics: readonly TopicSetting[]): Promise<void> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map((topic) => topic.name) });
  for (const topic of topics) {
    const count = found.find((each) => each.name === topic.name)?.partitions.length;
    if (count !== topic.partitions) {
      throw new StackError(
        'STACK_NOT_READY',
        `topic ${topic.name} has ${count} partitions where ${topic.partitions} are meant: counts are fixed, so run "npm run reset" and start again.`,
      );
    }
  }
  await admin.alterConfigs({
    validateOnly: false,
    resources: topics.map((topic) => ({
      type: ConfigResourceTypes.TOPIC,
      name: topic.name,
      configEntries: entries(topic.config),
    })),
  });
}

function entries(config: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(config).map(([name, value]) => ({ name, value }));
}
