import type { ITopicMetadata } from 'kafkajs';
import { create } from './topics.js';

const TOPICS = [{ name: 'a', partitions: 2, config: {} }];
const QUICK = { timeoutMs: 500, everyMs: 1 };
const metadata = (...leaders: number[]): { topics: ITopicMetadata[] } => ({
  topics: [
    {
      name: 'a',
      partitions: leaders.map((leader, partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader,
        replicas: [],
        isr: [],
      })),
    },
  ],
});

/** A fake of kafkajs' admin client: a real broker forgets what it was just told about once in hundreds of starts. */
function admin(...looks: (() => { topics: ITopicMetadata[] })[]) {
  const asked: string[] = [];
  return {
    asked,
    createTopics: async () => asked.push('create') > 0,
    fetchTopicMetadata: async () => {
      asked.push('look');
      return (looks.length > 1 ? looks.shift() : looks[0])?.() ?? metadata();
    },
  };
}
const unknown = (): never => {
  throw Object.assign(new Error('This server does not host this topic-partition'), {
    type: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
};

test('a topic that the broker does not know of yet, or that has no leader yet, is waited for', async () => {
  const slow = admin(unknown, () => metadata(), () => metadata(0, -1), () => metadata(0, 0)); // prettier-ignore
  await create(slow, TOPICS, QUICK);
  expect(slow.asked).toEqual(['create', 'look', 'look', 'look', 'look']);
});

test('one that never gets a leader ends the wait, with a sentence', async () => {
  await expect(create(admin(unknown), TOPICS, { timeoutMs: 5, everyMs: 1 })).rejects.toMatchObject({
    code: 'STACK_NOT_READY',
  });
});
