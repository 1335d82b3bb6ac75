/** Composes the monitor of the pipelines (src/monitor). */
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from './config.js';
import { monotonicMs } from './contract/proof.js';
import type { WatchedConsumer } from './log/port.js';
import { monitorMetrics } from './monitor/metrics.js';
import { startMonitor } from './monitor/monitor.js';
import { createFlinkRest } from './monitor/rest.js';
import { pipelineFigures, type PipelineFigures } from './monitor/status.js';
import type { Highest } from './position/highest.js';

/** Of everything that one round asks of Flink. */
const REST_TIMEOUT_MS = 2_000;

export interface Watching {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly pool: Pool;
  readonly highest: Highest;
  /** Of the result topics. */
  readonly consumer: WatchedConsumer;
}

export interface PipelineWatch {
  figures(pipeline: string): PipelineFigures;
  stop(): Promise<void>;
}

export function watchPipelines({ config, log, registry, pool, highest, consumer }: Watching): PipelineWatch {
  const monitor = startMonitor({
    pool,
    highest,
    rest: config.FLINK_REST_URL === undefined ? null : createFlinkRest(config.FLINK_REST_URL, REST_TIMEOUT_MS),
    reads: () => consumer.troubles().length === 0,
    silentMs: config.PIPELINE_SILENT_MS,
    monotonicMs,
    warn: (err, message) => log.warn({ err }, message),
  });
  monitorMetrics(registry, monitor);
  return {
    figures: (pipeline) => pipelineFigures(monitor.figures(pipeline), monitor.judgements().get(pipeline) ?? null),
    stop: () => monitor.stop(),
  };
}
