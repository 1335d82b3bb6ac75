/**
 * Records of aborted Kafka transactions never come through, whatever the order in which transactions overlap and end and
 * wherever a fetch begins (check 2): what the server's consumer delivers is what Kafka's own console consumer shows.
 */
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { startKafka, type KafkaServer } from '../../test/harness/kafka-server.js';
import { consoleRecords, END, randomSchedule, Writers, type Seen, type Step } from '../../test/harness/transactions.js';
import { checkTopicOf } from '../cli/check-topic.js';
import type { LogBatch, LogConsumer } from '../log/port.js';
import { createLogConsumer } from './consumer.js';
import { golden } from './test-support/world.js';

const send = (by: number, count = 1, key?: string): Step => ({ does: 'send', by, count, ...(key && { key }) });
const commit = (by: number): Step => ({ does: 'commit', by });
const abort = (by: number): Step => ({ does: 'abort', by });
const plain: Step = { does: 'plain' };

/** Each of its own partition; the rest is drawn. */
const CASES: Readonly<Record<string, readonly Step[]>> = {
  'the one that began second is aborted first': [send(0), send(1), send(0), abort(1), send(0), abort(0)],
  'the one that began first is aborted first': [send(0), send(1), abort(0), send(1), send(0), abort(1), commit(0)],
  'two aborts of one producer around a commit of another': [send(0), send(1), abort(0), send(0), commit(1), abort(0)],
  'begun first, aborted last; the other one commits afterwards': [
    ...[send(0), send(1), abort(1), send(1, 2), commit(1), send(1), abort(1), send(1), commit(1), abort(0)],
  ],
  'three at once, aborted backwards': [send(0), send(1), send(2), abort(2), abort(1), send(2), commit(2), abort(0)],
  'a key that reads like a marker': [send(0, 1, '\0\0\0\0'), send(0), send(0, 1, '\0\0\0\0'), abort(0), plain],
};
const DRAWN = 8;
const SCHEDULES = [...Object.values(CASES), ...Array.from({ length: DRAWN }, (_, n) => randomSchedule(n + 1, 24))];
const PARTITIONS = SCHEDULES.map((_, partition) => partition);
const TOPIC = 'committed';
const RESULTS = 'results.checked';

let kafka: KafkaServer;
const consumers: LogConsumer[] = [];
/** From the first record on, with a fetch for every single batch, while all of it was being written. */
const live = collector();
let java: Seen;

function consumerOf(maxBytesPerPartition: number): LogConsumer {
  const consumer = createLogConsumer({
    brokers: [kafka.brokers],
    clientId: 'test',
    groupId: randomUUID(),
    topics: [TOPIC],
    partitionsConcurrently: PARTITIONS.length,
    maxBytesPerPartition,
    sessionTimeoutMs: 30_000,
    backoffMs: { first: 1, most: 1 },
    stopTimeoutMs: 5_000,
    monotonicMs: () => performance.now(),
    log: () => undefined,
  });
  consumers.push(consumer);
  return consumer;
}

function collector(): { seen: Seen; bits: string[]; take(batch: LogBatch): boolean } {
  const seen: Seen = {};
  const bits: string[] = [];
  return {
    seen,
    bits,
    /** @returns whether the partition's end was in it */
    take({ partition, records, transactional }) {
      const texts = records.map(({ value }) => value?.toString() ?? 'null');
      (seen[partition] ??= []).push(...records.map(({ offset }, n) => `${offset} ${texts[n]}`));
      const wrong = records.filter(({ inTransaction }, n) => inTransaction !== texts[n]?.startsWith('t'));
      bits.push(...wrong.map(({ offset }) => `${partition}/${offset}`));
      if (transactional !== texts.every((text) => text.startsWith('t'))) bits.push(`batch of ${partition}`);
      return texts.includes(END);
    },
  };
}

/** Resolves when every partition has come to its end. */
async function readAll(maxBytes: number, into: ReturnType<typeof collector>): Promise<void> {
  const ended = new Set<number>();
  let all: () => void = () => undefined;
  const whole = new Promise<void>((resolve) => (all = resolve));
  await consumerOf(maxBytes).run({
    start: () => Promise.resolve(0n),
    handle: (batch) => {
      if (into.take(batch)) ended.add(batch.partition);
      if (ended.size === PARTITIONS.length) all();
      return Promise.resolve();
    },
  });
  await whole;
}

beforeAll(async () => {
  kafka = await startKafka([
    { name: TOPIC, partitions: PARTITIONS.length, config: {} },
    { name: RESULTS, partitions: 2, config: {} },
  ]);
  const reading = readAll(1, live);
  const writers = await Writers.connect(kafka.brokers, TOPIC);
  for (const [partition, steps] of SCHEDULES.entries()) await writers.write(partition, steps);
  await writers.end(PARTITIONS);
  await writers.disconnect();
  java = await consoleRecords(kafka.classpath, kafka.brokers, TOPIC, PARTITIONS.length, 'read_committed');
  await reading;
}, 180_000);
afterAll(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  await kafka?.stop();
}, 60_000);

test('one batch per fetch, live: exactly the records of the console consumer, with their transaction bit', () => {
  expect(live.seen).toEqual(java);
  expect(live.bits).toEqual([]);
  // It says something only if there was something to leave out.
  expect(Object.values(java).flat().length).toBeLessThan(SCHEDULES.flat().length);
});

test('whole partitions in one fetch: exactly the records of the console consumer', async () => {
  const whole = collector();
  await readAll(1_048_576, whole);
  expect(whole.seen).toEqual(java);
  expect(whole.bits).toEqual([]);
}, 60_000);

/** Reads each partition to its end again and again, each time from `by` offsets further on. @returns what was wrong */
async function sweep(first: number, by: number): Promise<string[]> {
  const wrong: string[] = [];
  const from = new Map(PARTITIONS.map((partition) => [partition, first - by]));
  const reads = new Map<number, ReturnType<typeof collector>>();
  const finished = new Set<number>();
  let all: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (all = resolve));
  await consumerOf(1_048_576).run({
    start: (_topic, partition) => {
      reads.set(partition, collector());
      from.set(partition, (from.get(partition) ?? 0) + by);
      return Promise.resolve(BigInt(from.get(partition) ?? 0));
    },
    handle: (batch) => {
      const { partition } = batch;
      const read = reads.get(partition) ?? collector();
      if (finished.has(partition) || !read.take(batch)) return Promise.resolve();
      const begin = from.get(partition) ?? 0;
      const expected = (java[partition] ?? []).filter((line) => Number.parseInt(line) >= begin);
      const seen = read.seen[partition]?.join();
      if (seen !== expected.join()) wrong.push(`${partition} from ${begin}: ${seen}`);
      wrong.push(...read.bits);
      const end = Number.parseInt(expected.at(-1) ?? '');
      if (begin + by <= end) return Promise.reject(new Error('again, from further on'));
      finished.add(partition);
      if (finished.size === PARTITIONS.length) all();
      return Promise.resolve();
    },
  });
  await done;
  return wrong;
}

test('from every single offset, inside of transactions too: what the console consumer shows from there on', async () => {
  const by = 6;
  const found = await Promise.all(Array.from({ length: by }, (_, first) => sweep(first, by)));
  expect(found.flat()).toEqual([]);
}, 120_000);

test('a consumer that lets aborted records through would have been noticed', async () => {
  const all = await consoleRecords(kafka.classpath, kafka.brokers, TOPIC, PARTITIONS.length, 'read_uncommitted');
  const unlike = PARTITIONS.filter((partition) => all[partition]?.join() !== java[partition]?.join());
  expect(unlike).toEqual(PARTITIONS);
}, 60_000);

const without = (message: Record<string, unknown>, ...names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(message).filter(([name]) => !names.includes(name)));

/** One record in each partition, in one transaction. */
async function transaction(messages: readonly object[]): Promise<void> {
  const producer = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).producer({
    transactionalId: randomUUID(),
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const open = await producer.transaction();
  const values = messages.flatMap((message) =>
    [0, 1].map((partition) => ({ partition, value: JSON.stringify(message) })),
  );
  await open.send({ topic: RESULTS, messages: values });
  await open.commit();
  await producer.disconnect();
}

test('check-topic judges what it reads of a real broker: committed transactions, each partition to its end', async () => {
  const lines: string[] = [];
  const out = { say: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
  const run = { id: 'job/0', subtask: 0, lineage: [] };
  const stamped = { ...golden('result.flink'), run, epoch: 1, completed_checkpoint: null };
  await transaction([
    {
      ...golden('control.run'),
      run,
      seq: 1,
      calculated_value: { parent: null, restored_checkpoint: null, counters: [] },
    },
    {
      ...golden('control.heartbeat'),
      ...without(stamped, 'kind', 'business_key', 'calculated_value', 'revision', 'cause', 'final', 'evidence'),
      seq: 2,
    },
    { ...stamped, seq: 3 },
  ]);
  const options = { brokers: kafka.brokers, records: '100' };
  expect([await checkTopicOf(RESULTS, { ...options, json: true }, out), JSON.parse(lines[0] ?? '')]).toMatchObject([
    0,
    {
      topic: RESULTS,
      partitions: 2,
      records: 6,
      complete: true,
      pipelines: [{ kinds: [{ best: 'HIGH', records: 2 }] }],
    },
  ]);
  await transaction([{ ...without(stamped, 'revision'), seq: 4 }]);
  // The newest record of each partition alone: where its run began is not known, and not held against it.
  expect(await checkTopicOf(RESULTS, { ...options, records: '4' }, out)).toBe(2);
  expect(lines[1]).toMatch(
    /2 records read of 2 partitions[\s\S]*before what was read[\s\S]*EVIDENCE_MISSING_revision \(all\)/,
  );
  expect([await checkTopicOf('nobody', options, out), lines[2]]).toEqual([
    1,
    `There is no topic nobody at ${kafka.brokers}.`,
  ]);
}, 60_000);
