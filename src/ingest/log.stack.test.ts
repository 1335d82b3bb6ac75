/** The consumer over kafkajs does what the port says (src/log/conformance.ts), on a real broker. */
import { randomUUID } from 'node:crypto';
import { deleteRecords, produce } from '../../test/harness/kafka.js';
import { eventually } from '../../test/harness/eventually.js';
import { startKafka, type KafkaServer } from '../../test/harness/kafka-server.js';
import { ensureTopics } from '../../stack/servers/topics.js';
import { describeLogConsumer } from '../log/conformance.js';
import type { LogConsumer } from '../log/port.js';
import { createLogConsumer } from './consumer.js';

let kafka: KafkaServer;
beforeAll(async () => {
  kafka = await startKafka([]);
}, 180_000);
afterAll(() => kafka?.stop(), 60_000);

describeLogConsumer(
  'the one over kafkajs',
  async () => {
    const topic = `log-${randomUUID()}`;
    await ensureTopics(kafka.brokers, [{ name: topic, partitions: 1, config: {} }]);
    const consumers: LogConsumer[] = [];
    return {
      append: async (...values) => {
        for (const value of values) await produce(kafka.brokers, topic, [{ key: 'k', value }]);
      },
      cut: (below) => deleteRecords(kafka.brokers, topic, 0, below),
      consumer: (group = 'one') => {
        const consumer = createLogConsumer({
          brokers: [kafka.brokers],
          clientId: 'test',
          groupId: `${topic}-${group}`,
          topics: [topic],
          partitionsConcurrently: 1,
          // One record batch per fetch.
          maxBytesPerPartition: 1,
          sessionTimeoutMs: 30_000,
          backoffMs: { first: 1, most: 1 },
          stopTimeoutMs: 5_000,
          monotonicMs: () => performance.now(),
          log: () => undefined,
        });
        consumers.push(consumer);
        return consumer;
      },
      until: (condition) => eventually(() => expect(condition()).toBe(true), { timeoutMs: 60_000, everyMs: 20 }),
      close: async () => void (await Promise.all(consumers.map((consumer) => consumer.stop()))),
    };
  },
  120_000,
);
