/** Builds every part of one server and wires them: ingest, projections, proof, API. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { TOPIC_COMMIT_LOG, TOPIC_ORDERS, TOPIC_RESULTS_FLINK, TOPIC_RESULTS_KAFKA_ONLY } from '../wire/topics.js';
import { startAuditing } from './auditing.js';
import type { Config } from './config.js';
import { createProofSource, monotonicMs, postgresClockRead } from './contract/proof.js';
import { READ_TIME_RULES } from './decision/read-rules.js';
import { DECISION_TABLE } from './decision/table.js';
import { drain } from './drain.js';
import { renewal, shownBy } from './incarnation.js';
import { createFaultDesk } from './lab/desk.js';
import { limitsOf } from './limits.js';
import { createLogConsumer } from './ingest/consumer.js';
import type { LogConsumerOptions } from './ingest/consumer-options.js';
import { startHeartbeat } from './ingest/heartbeat.js';
import { createDesk } from './ingest/desk.js';
import { createLogProducer } from './ingest/producer.js';
import { startPeriodic } from './ingest/periodic.js';
import { createPostgresIngestStore } from './ingest/postgres.js';
import { createIngest } from './ingest/run.js';
import type { WatchedConsumer } from './log/port.js';
import { AppError } from './errors.js';
import { createExpiryJob } from './expire.js';
import { Highest } from './position/highest.js';
import { createPool, IDLE_IN_TRANSACTION_MS, INGEST_STATEMENT_MS } from './pools.js';
import { createProjection, type Projection, type ProjectionOptions } from './projections/run.js';
import { watchEngines, watchLiveness, watchPipelines, watchStores } from './pipelines.js';
import { createRawHandler } from './raw/run.js';
import { createReadModels } from './read-models.js';
import { createReprocessingDesk } from './reprocessing/desk.js';
import { startReprocessing } from './reprocess.js';
import { createApp } from './server/app.js';
import { createHealth } from './server/status.js';
import { ingestMetrics } from './server/ingest-metrics.js';
import { storeMetrics, type StoreMetrics } from './server/store-metrics.js';
import { troubleMetrics } from './server/trouble-metrics.js';
import type { ReadModel, ResultReader, StatsReader } from './stores/port.js';
import { createPostgresAudit } from './stores/postgres/audit.js';
import { startClock } from './stores/postgres/clock.js';
import { createPostgresLedgers } from './stores/postgres/ledgers.js';
import { createListener } from './stores/postgres/listen.js';
import { migrate } from './stores/postgres/migrate.js';
import { createPostgresReader } from './stores/postgres/read.js';
import { prune } from './stores/postgres/retention.js';
import { createTruth } from './stores/postgres/snapshot.js';
import { createPostgresStats } from './stores/postgres/stats.js';
import type { TraceExport } from './tracing/export.js';
import type { ProcessingEngine, Store } from './words.js';

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

const PRUNE_EVERY_MS = 30_000;
const EXPIRE_EVERY_MS = 60_000;
/** How long after a replay was counted confidence may still be held back. */
const SETTLE_EVERY_MS = 1_000;
/** Of one request to Kafka: a person waits, and a busy broker takes its time. */
const REPLAY_TIMEOUT_MS = 5_000;
/** Result topic → the one engine that may write to it. */
const ENGINES = new Map<string, ProcessingEngine>([
  [TOPIC_RESULTS_KAFKA_ONLY, 'KAFKA_ONLY'],
  [TOPIC_RESULTS_FLINK, 'FLINK'],
]);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

interface Pools {
  readonly reads: Pool;
  readonly ingest: Pool;
  /** Its own: a proof must not queue behind reads. */
  readonly proof: Pool;
}

function createPools(config: Config, log: Logger): Pools {
  const pool = (name: string, max: number, statementMs: number): Pool =>
    createPool({
      connectionString: config.POSTGRES_URL,
      name,
      max,
      statementMs,
      idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
      onBroken: (err) => log.warn({ err }, `an idle Postgres connection of ${name} broke`),
    });
  return {
    reads: pool('reads', config.POSTGRES_POOL, 5_000),
    ingest: pool('ingest', config.INGEST_CONCURRENCY + 2, INGEST_STATEMENT_MS),
    proof: pool('proof', 2, 5_000),
  };
}

const brokersOf =
  (config: Config, log: Logger) =>
  (group: string, topics: readonly string[], partitions: number): WatchedConsumer => {
    const tell: LogConsumerOptions['log'] = (level, message, fields) => {
      const { error, ...rest } = fields;
      log[level]({ ...rest, err: error }, message);
    };
    return createLogConsumer({
      brokers: config.KAFKA_BROKERS,
      clientId: `tidemark-${process.pid}`,
      groupId: `${config.TIDEMARK_GROUP}-${group}`,
      topics,
      partitionsConcurrently: partitions,
      maxBytesPerPartition: config.INGEST_MAX_BYTES,
      sessionTimeoutMs: 10_000,
      backoffMs: { first: 100, most: 5_000 },
      // The rest is for the connections, which close after it.
      stopTimeoutMs: (config.DRAIN_TIMEOUT_MS * 3) / 4,
      monotonicMs,
      log: tell,
    });
  };

/** @throws AppError with what stopped the start; nothing that was started stays */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  const started: (() => Promise<unknown>)[] = [];
  const stop = (): Promise<void> =>
    drain(started.splice(0), config.DRAIN_TIMEOUT_MS, (err) => log.warn({ err }, 'not drained cleanly'));
  try {
    const url = await start(config, log, (end) => started.push(end));
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(config: Config, log: Logger, onStop: (end: () => Promise<unknown>) => void): Promise<string> {
  await migrate(config.POSTGRES_URL);
  const pools = createPools(config, log);
  onStop(() => Promise.all([pools.reads.end(), pools.ingest.end(), pools.proof.end()]));

  const { models, elastic, clickhouse } = createReadModels(config, log);
  for (const model of models) onStop(() => model.close());

  // Before anything is served or written: is this still the history that the stores have seen?
  const clock = await startClock(pools.ingest, await shownBy(models, log));
  if (clock.forked !== null) log.warn({ incarnation: clock.incarnation }, `a new incarnation begins: ${clock.forked}`);

  const registry = new Registry();
  const metrics = ingestMetrics(registry);
  const consumerOf = brokersOf(config, log);
  const consumer = consumerOf('ingest', [...ENGINES.keys()], config.INGEST_CONCURRENCY);
  const highest = new Highest();
  const renew = renewal(pools.ingest, models, highest, log);
  const ingestStore = createPostgresIngestStore(pools.ingest);
  const exported = await tracesOf(config);
  onStop(async () => exported?.stop());
  const ingest = createIngest({
    store: ingestStore,
    highest,
    engines: ENGINES,
    onCommitted: (place, committed, ...rest) => {
      metrics.committed(place, committed, ...rest);
      if (committed.tick !== null) exported?.traces.committed(committed.tick.position, committed.rows);
    },
    monotonicMs,
  });
  const rawConsumer = consumerOf('raw', [TOPIC_ORDERS], config.INGEST_CONCURRENCY);
  const raw = createRawHandler({ rawLog: clickhouse.rawLog, monotonicMs });
  const projectionConsumers = models.map((model) =>
    consumerOf(`projection-${model.store.toLowerCase()}`, [TOPIC_COMMIT_LOG], 1),
  );
  let stores: StoreMetrics | null = null;
  const projections = models.map((model, i) =>
    projectionOf(exported?.traces.projection(model) ?? model, projectionConsumers[i]!, pools, log, (changes) =>
      stores?.applied(model.store, changes),
    ),
  );

  const heartbeat = startHeartbeat(ingestStore, config.HEARTBEAT_MS, highest, (err) => {
    log.warn({ err }, 'the commit clock did not beat');
    if (err instanceof AppError && err.code === 'CLOCK_REWOUND') renew();
  });
  onStop(() => heartbeat.stop());
  const { rawLog } = clickhouse;
  const monitor = watchPipelines({ config, log, registry, pool: pools.ingest, highest, consumer, rawLog });
  onStop(() => monitor.stop());
  const proofs = createProofSource({
    read: postgresClockRead(pools.proof),
    monotonicMs,
    horizon: { positions: config.PROOF_HORIZON, keys: config.PROOF_KEYS },
    timeoutMs: config.PROOF_TIMEOUT_MS,
    highest,
    onRewound: renew,
    sourceAsOf: monitor.sourceAsOf,
  });
  const retention = startPeriodic({
    everyMs: PRUNE_EVERY_MS,
    run: () => pruneOnce(config, pools.ingest, models, proofs, log),
    onError: (err) => log.warn({ err }, 'retention failed; it is tried again'),
  });
  onStop(() => retention.stop());

  const expiry = createExpiryJob({
    pool: pools.ingest,
    models,
    retentionMs: config.RESULTS_RETENTION_HOURS * 3_600_000,
    registry,
    log,
  });
  const expiring = startPeriodic({ everyMs: EXPIRE_EVERY_MS, run: expiry.run, onError: () => undefined });
  onStop(() => expiring.stop());

  const auditing = startAuditing({ config, pool: pools.ingest, highest, models, registry, log });
  onStop(async () => auditing?.stop());

  const readers = new Map<Store, ResultReader>([
    ['POSTGRES', createPostgresReader(pools.reads)],
    ...models.map((model) => [model.store, model] as const),
  ]);
  const ledgers = createPostgresLedgers(pools.reads);
  const listener = createListener({
    connectionString: config.POSTGRES_URL,
    warn: (err, message) => log.warn({ err }, message),
  });
  onStop(() => listener.stop());
  const producer = createLogProducer(config.KAFKA_BROKERS, `tidemark-${process.pid}-replay`, REPLAY_TIMEOUT_MS);
  onStop(() => producer.stop());
  const desk = createDesk({
    pool: pools.ingest,
    highest,
    engines: ENGINES,
    sourceTopic: TOPIC_ORDERS,
    send: (topic, message) => producer.send(topic, message),
    accepted: monitor.accepted,
  });
  const settling = startPeriodic({
    everyMs: SETTLE_EVERY_MS,
    run: () => desk.settle(),
    onError: (err) => log.warn({ err }, 'settling dead letters failed; it is tried again'),
  });
  onStop(() => settling.stop());
  const engines = watchEngines({ log, pool: pools.ingest, highest });
  onStop(() => engines.stop());
  const reprocessing = startReprocessing({
    config,
    pool: pools.ingest,
    rawLog: clickhouse.rawLog,
    highest,
    producer,
    consumerOf,
    monotonicMs,
    log,
  });
  onStop(async () => reprocessing?.stop());
  troubleMetrics(
    registry,
    new Map([
      ['ingest', consumer],
      ['raw', rawConsumer],
      ...models.map((model, i) => [`projection-${model.store.toLowerCase()}`, projectionConsumers[i]!] as const),
    ]),
  );
  const health = createHealth({
    projections,
    models,
    proofs,
    consumers: [consumer, rawConsumer],
    projectionConsumers,
    expiryProblems: expiry.problems,
    connectUrl: config.CONNECT_URL,
    connector: config.CONNECTOR_NAME,
  });
  stores = storeMetrics(registry, {
    statuses: health.storeStatuses,
    prove: () => proofs.prove(),
    now: () => proofs.now(),
    staleMs: config.STALE_MS,
    monotonicMs,
  });
  const storeWatch = watchStores({ config, log, pool: pools.ingest, highest }, health.storeStatuses);
  onStop(() => storeWatch.stop());
  const liveness = watchLiveness({ config, log, registry, highest, pool: pools.proof, writes: pools.ingest, models, projections }); // prettier-ignore
  onStop(() => liveness.stop());
  const app = await createApp({
    config: {
      host: config.TIDEMARK_HOST,
      port: config.TIDEMARK_PORT,
      ...(config.TIDEMARK_TOKEN === undefined ? {} : { token: config.TIDEMARK_TOKEN }),
      corsOrigins: config.CORS_ORIGINS ?? [],
      limits: limitsOf(config),
      bounds: { pipelineSilentMs: config.PIPELINE_SILENT_MS, staleMs: config.STALE_MS },
    },
    readers,
    search: elastic,
    stats: new Map<Store, StatsReader>([
      ['POSTGRES', createPostgresStats(pools.reads)],
      ['CLICKHOUSE', clickhouse.model],
    ]),
    deadLetters: ledgers,
    desk,
    events: ledgers,
    history: ledgers,
    audit: createPostgresAudit(pools.reads),
    ...(config.LAB_URL === undefined ? {} : { faults: createFaultDesk(config.LAB_URL) }),
    reprocessing: createReprocessingDesk(pools.ingest, config.REPROCESSING === 'on'),
    listen: (channel, told) => listener.on(channel, told),
    locateEvents: (eventIds) => clickhouse.rawLog.find(eventIds),
    proofs,
    storeStatuses: health.storeStatuses,
    pipelineFigures: monitor.figures,
    liveness: () => [
      ...liveness.all(),
      ...[...monitor.activities()].map(([subject, state]) => ({ subject, state, since: null, detail: null })),
    ],
    accepted: monitor.accepted,
    readiness: health.readiness,
    decisionTable: [...DECISION_TABLE, ...READ_TIME_RULES],
    registry,
    logger: log,
    traces: exported?.traces,
    version,
    monotonicMs,
    newId: randomUUID,
  });
  onStop(() =>
    // Beside each other, while the stores still answer all of them.
    Promise.all([
      app.close(),
      consumer.stop(),
      rawConsumer.stop(),
      ...projections.map((projection) => projection.stop()),
    ]),
  );
  const { url } = await app.listen();
  // Joining their groups takes seconds; what is stored is served meanwhile, and readiness says what is still missing.
  for (const projection of projections) void projection.start();
  void consumer.run(exported?.traces.ingest(ingest) ?? ingest);
  void rawConsumer.run(raw);
  return url;
}

/** Loaded only where it is asked for. */
const tracesOf = async ({ TRACE_URL: url, TRACE_RATIO: ratio }: Config): Promise<TraceExport | null> =>
  url === undefined ? null : (await import('./tracing/export.js')).startTraces(url, ratio, version);

function projectionOf(
  model: ReadModel,
  consumer: WatchedConsumer,
  pools: Pools,
  log: Logger,
  onApplied: NonNullable<ProjectionOptions['onApplied']>,
): Projection {
  return createProjection({
    onApplied,
    model,
    truth: createTruth(pools.ingest),
    consumer,
    log: (level, message, { error, ...fields }) => log[level]({ ...fields, err: error, store: model.store }, message),
  });
}

async function pruneOnce(
  config: Config,
  pool: Pool,
  models: readonly ReadModel[],
  proofs: ReturnType<typeof createProofSource>,
  log: Logger,
): Promise<void> {
  const { position } = await proofs.prove();
  const applied = (await shownBy(models, log)).map((reached) => reached.position);
  await prune(pool, position, applied, {
    keep: config.COMMIT_LOG_KEEP,
    most: config.COMMIT_LOG_MOST,
    days: config.RETENTION_DAYS,
  });
}
