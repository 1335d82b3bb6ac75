/** Composes what watches the pipelines and the stores (src/monitor). */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from './config.js';
import { monotonicMs } from './contract/proof.js';
import { TOPIC_COMMIT_LOG, TOPIC_ORDERS, TOPIC_RESULTS_FLINK } from '../wire/topics.js';
import { createGroupOffsets } from './ingest/consumer.js';
import { logEnds } from './ingest/kafkajs-fetch.js';
import { createDivergenceWatch } from './ingest/divergence.js';
import { startPeriodic, type Periodic } from './ingest/periodic.js';
import type { WatchedConsumer } from './log/port.js';
import { AcceptedSources } from './monitor/accepted.js';
import { livenessMetrics } from './monitor/liveness-metrics.js';
import { monitorMetrics } from './monitor/metrics.js';
import { startLiveness, type LivenessWatch } from './monitor/liveness.js';
import { startMonitor } from './monitor/monitor.js';
import { createFlinkRest } from './monitor/rest.js';
import { readSourceAsOf } from './monitor/source-as-of.js';
import { startStoreWatch, type StoreStatus } from './monitor/stores.js';
import { pipelineFigures } from './monitor/status.js';
import type { Highest } from './position/highest.js';
import type { RawLog } from './raw/port.js';
import type { Projection } from './projections/run.js';
import type { PipelineFigures } from './resolvers/context.js';
import type { ReadModel } from './stores/port.js';

/** Of everything that one round asks of Flink. */
const REST_TIMEOUT_MS = 2_000;
/** Of one request to Kafka. */
const OFFSETS_TIMEOUT_MS = 2_000;
const SOURCE_EVERY_MS = 2_000;
/** While somebody waits for what has been accepted. */
const ACCEPTED_EVERY_MS = 250;
const DIVERGENCE_EVERY_MS = 1_000;

export interface Watching {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly pool: Pool;
  readonly highest: Highest;
  /** Of the result topics. */
  readonly consumer: WatchedConsumer;
  readonly rawLog: RawLog;
}

/** Looks whether the engines say the same where they have folded the same. */
export const watchEngines = ({ log, pool, highest }: Pick<Watching, 'log' | 'pool' | 'highest'>): Periodic =>
  startPeriodic({
    everyMs: DIVERGENCE_EVERY_MS,
    run: createDivergenceWatch(pool, highest),
    onError: (err) => log.warn({ err }, 'the engines could not be compared; it is tried again'),
  });

/** Tells of stores that fall behind, stop answering, come back. */
export const watchStores = (
  { config, log, pool, highest }: Pick<Watching, 'config' | 'log' | 'pool' | 'highest'>,
  statuses: () => Promise<readonly StoreStatus[]>,
): Periodic =>
  startStoreWatch({
    pool,
    highest,
    statuses,
    boundMs: config.STALE_MS,
    holder: randomUUID(),
    warn: (err, message) => log.warn({ err }, message),
  });

export interface LivenessParts extends Pick<Watching, 'config' | 'log' | 'registry' | 'highest'> {
  /** Its own: what is seen must not queue behind what waits. */
  readonly pool: Pool;
  readonly writes: Pool;
  readonly models: readonly ReadModel[];
  readonly projections: readonly Projection[];
}

/** Says of each part of the path whether it goes on, and why not; tells of CDC. */
export function watchLiveness(parts: LivenessParts): LivenessWatch {
  const { config, log, registry, highest, pool, writes, models, projections } = parts;
  const watch = startLiveness({
    pool,
    writes,
    highest,
    projections: () =>
      models.map((model, i) => {
        const status = projections[i]?.status();
        return {
          store: model.store,
          state: status?.state ?? 'starting',
          known: status?.applied ?? null,
          ask: async () => {
            const binding = await model.binding();
            return binding.status === 'bound' ? binding.applied : null;
          },
        };
      }),
    kafkaAnswers: () => logEnds.of(TOPIC_COMMIT_LOG, 0) !== null,
    connectUrl: config.CONNECT_URL,
    connector: config.CONNECTOR_NAME,
    slot: config.REPLICATION_SLOT,
    heartbeatMs: config.HEARTBEAT_MS,
    staleMs: config.STALE_MS,
    monotonicMs,
    wallMs: Date.now,
    warn: (err, message) => log.warn({ err }, message),
  });
  livenessMetrics(registry, watch);
  return watch;
}

export interface PipelineWatch {
  figures(pipeline: string): PipelineFigures;
  /** What each pipeline is at, by name. */
  activities(): ReadonlyMap<string, string>;
  /** Of the FLINK pipeline, as it was read last: once covered, always covered. ISO-8601; null: not known. */
  sourceAsOf(): string | null;
  /** Of the FLINK pipeline: source partition → next offset; everything below is counted, and accepted. */
  accepted(): ReadonlyMap<number, bigint>;
  stop(): Promise<void>;
}

export function watchPipelines({ config, log, registry, pool, highest, consumer, rawLog }: Watching): PipelineWatch {
  const monitor = startMonitor({
    pool,
    highest,
    rest: config.FLINK_REST_URL === undefined ? null : createFlinkRest(config.FLINK_REST_URL, REST_TIMEOUT_MS),
    reads: () => consumer.troubles().length === 0,
    silentMs: config.PIPELINE_SILENT_MS,
    monotonicMs,
    endOf: (topic, partition) => logEnds.of(topic, partition),
    sourceTopic: TOPIC_ORDERS,
    warn: (err, message) => log.warn({ err }, message),
  });
  monitorMetrics(registry, monitor);
  const group = createGroupOffsets(config.KAFKA_BROKERS, `tidemark-${process.pid}-offsets`, OFFSETS_TIMEOUT_MS);
  let sourceAsOf: string | null = null;
  const source = startPeriodic({
    everyMs: SOURCE_EVERY_MS,
    run: async () => {
      if (![...monitor.judgements().values()].some(({ CHECKPOINT_OVERDUE: due }) => due !== null)) return;
      sourceAsOf = await readSourceAsOf({ committed: () => group.committed(config.FLINK_GROUP, TOPIC_ORDERS), rawLog });
    },
    onError: (err) => log.debug({ err }, 'sourceAsOf could not be read: it stays as it was'),
  });
  const accepted = new AcceptedSources({
    committed: () => group.committed(config.FLINK_GROUP, TOPIC_ORDERS),
    written: () => group.ends(TOPIC_RESULTS_FLINK),
    taken: () => takenOf(pool, TOPIC_RESULTS_FLINK),
    monotonicMs,
  });
  const acceptance = startPeriodic({
    everyMs: ACCEPTED_EVERY_MS,
    run: () => accepted.round(),
    onError: (err) => log.debug({ err }, 'what is accepted could not be read: it stays as it was'),
  });
  return {
    figures: (pipeline) => pipelineFigures(monitor.figures(pipeline), monitor.judgements().get(pipeline) ?? null),
    activities: () => monitor.activities(),
    sourceAsOf: () => sourceAsOf,
    accepted: () => accepted.sources(),
    stop: async () => void (await Promise.all([monitor.stop(), source.stop(), acceptance.stop()])),
  };
}

/** How far ingest is in a result topic; committed, so that every later proof shows it. */
async function takenOf(pool: Pool, topic: string): Promise<ReadonlyMap<number, bigint>> {
  const { rows } = await pool.query<{ partition: number; next_offset: string }>(
    'select partition, next_offset from ingest_offsets where topic = $1',
    [topic],
  );
  return new Map(rows.map(({ partition, next_offset: next }) => [partition, BigInt(next)]));
}
