/** The reprocessing of one server, as a job (docs/adr/0013): its parts, wired. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { TOPIC_ORDERS } from '../wire/topics.js';
import type { Config } from './config.js';
import { holdSourceExpired } from './ingest/expired-source.js';
import { startPeriodic, type Periodic } from './ingest/periodic.js';
import type { LogProducer } from './ingest/producer.js';
import { noteRecovered } from './ingest/recovered.js';
import type { WatchedConsumer } from './log/port.js';
import type { Highest } from './position/highest.js';
import type { RawLog } from './raw/port.js';
import { createCensusStore } from './reprocessing/census-store.js';
import { createQueue } from './reprocessing/queue.js';
import { createWorker } from './reprocessing/worker.js';

export interface ReprocessingParts {
  readonly config: Config;
  readonly pool: Pool;
  readonly rawLog: RawLog;
  readonly producer: LogProducer;
  readonly consumerOf: (group: string, topics: readonly string[], partitions: number) => WatchedConsumer;
  readonly highest: Highest;
  readonly monotonicMs: () => number;
  readonly log: Logger;
}

/** Partitions of the source that one scan reads beside each other. */
const PARTITIONS_AT_ONCE = 4;

/** Times as long as a round took: each reads the source from its beginning, and what is dropped late keeps coming. */
const RESTS = 3;

/** null: this server does not recompute. */
export function startReprocessing(parts: ReprocessingParts): Periodic | null {
  const { config, producer, consumerOf, log } = parts;
  if (config.REPROCESSING === 'off') return null;
  const queue = createQueue(parts.pool);
  // Of this life of the server alone: a scan reads all partitions, whoever else scans.
  const group = `reprocessing-${randomUUID()}`;
  const worker = createWorker({
    queue,
    settings: settingsOf(config),
    sourcePartitions: () => queue.sourcePartitions(),
    consumer: () => consumerOf(group, [TOPIC_ORDERS], PARTITIONS_AT_ONCE),
    rawLog: parts.rawLog,
    censuses: {
      store: createCensusStore(parts.pool),
      recovered: (loss, kinds) => noteRecovered(parts.pool, parts.highest, loss, kinds),
    },
    expired: (gone) => holdSourceExpired(parts.pool, parts.highest, gone),
    send: (topic, message) => producer.send(topic, { ...message, headers: {} }),
    monotonicMs: parts.monotonicMs,
    nowMs: Date.now,
    limits: { batch: config.REPROCESSING_BATCH },
    log: (level, message, fields) => log[level](fields, message),
  });
  let restsUntilMs = -Infinity;
  const job = startPeriodic({
    everyMs: config.REPROCESSING_EVERY_MS,
    run: async () => {
      const begunMs = parts.monotonicMs();
      if (begunMs < restsUntilMs || (await worker.run()) === 0) return;
      const endedMs = parts.monotonicMs();
      restsUntilMs = endedMs + RESTS * (endedMs - begunMs);
    },
    onError: (err) => log.warn({ err }, 'reprocessing failed; it is tried again'),
  });
  return {
    stop: () => {
      worker.stop();
      return job.stop();
    },
  };
}

const settingsOf = (config: Config): Parameters<typeof createWorker>[0]['settings'] => ({
  sourceTopic: TOPIC_ORDERS,
  windowMs: config.WINDOW_MS,
  latenessMs: config.ALLOWED_LATENESS_MS,
  watermarkDelayMs: config.WATERMARK_DELAY_MS,
  emitIntervalMs: 1_000,
  poisonSkewMs: config.POISON_SKEW_MS,
  largeOrderQuantity: config.LARGE_ORDER_QUANTITY,
  highAmount: config.HIGH_AMOUNT,
  priceSpikePercent: config.PRICE_SPIKE_PERCENT,
  rapidOrders: config.RAPID_ORDERS,
  rapidWindowMs: config.RAPID_WINDOW_MS,
});
