import { randomUUID } from 'node:crypto';
import { Kafka, PartitionAssigners, Partitioners, logLevel } from 'kafkajs';
import { pino } from 'pino';
import { readConfig, type Config } from './config.js';
import { Processor } from './processor.js';
import { readResets } from './reset-reader.js';
import { Sender } from './sender.js';
import { StateFiles } from './state-files.js';

const TICK_MS = 100;
const STOP_LIMIT_MS = 9_000;

function every(intervalMs: number, what: () => void | Promise<void>, fatal: (error: unknown) => void): NodeJS.Timeout {
  let busy = false;
  return setInterval(() => {
    if (busy) return;
    busy = true;
    void (async () => what())()
      .catch(fatal)
      .finally(() => (busy = false));
  }, intervalMs);
}

async function main(config: Config): Promise<void> {
  const log = pino({ name: 'kafka-only', level: config.logLevel });
  const fatal = (error: unknown): void => {
    log.fatal({ err: error }, 'cannot go on: a restart begins a new run');
    process.exit(1);
  };
  const kafka = new Kafka({
    clientId: 'tidemark-kafka-only',
    brokers: [...config.brokers],
    logCreator:
      () =>
      ({ level, log: entry }) =>
        // A rebalance is an error to kafkajs; what we cannot recover from is said by `fatal`.
        log[level <= logLevel.WARN ? 'warn' : 'debug']({ ...entry }, entry.message),
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 20 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  const consumer = kafka.consumer({
    groupId: config.group,
    sessionTimeout: 6_000,
    heartbeatInterval: 1_500,
    rebalanceTimeout: 10_000,
    maxWaitTimeInMs: 100,
    partitionAssigners: [PartitionAssigners.roundRobin],
  });
  await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
  const topic = config.settings.sourceTopic;
  const processor = new Processor({
    config,
    consumer,
    admin,
    sender: new Sender(producer, config.resultTopic, fatal),
    files: new StateFiles(config.stateDir, topic),
    log,
    now: Date.now,
    newRunId: randomUUID,
    fatal,
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => processor.onJoin(payload.memberAssignment[topic] ?? []));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) fatal(payload.error);
  });
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (p) => processor.onBatch(p) });
  const resets = readResets({
    consumer: (groupId) => kafka.consumer({ groupId, sessionTimeout: 10_000, maxWaitTimeInMs: 250 }),
    group: `${config.group}-resets-${randomUUID()}`,
    topic: config.resetTopic,
    onReset: (command) => processor.onReset(command),
    log,
  });
  const timers = [
    every(TICK_MS, () => processor.tick(), fatal),
    every(config.heartbeatIntervalMs, () => processor.heartbeat(), fatal),
    every(config.snapshotIntervalMs, () => processor.snapshot(), fatal),
    every(config.offsetCommitIntervalMs, () => processor.commit(), fatal),
  ];
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => fatal(new Error(`not stopped within ${STOP_LIMIT_MS} ms`)), STOP_LIMIT_MS).unref();
    for (const timer of timers) clearInterval(timer);
    await processor.stop();
    await Promise.all([consumer.disconnect(), resets.stop()]);
    await Promise.all([producer.disconnect(), admin.disconnect()]);
    log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop().catch(fatal));
}

const config = readConfig(process.env);
if ('problems' in config) {
  for (const problem of config.problems) process.stderr.write(`kafka-only: ${problem}\n`);
  process.exit(2);
}
main(config).catch((error: unknown) => {
  process.stderr.write(`kafka-only: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
