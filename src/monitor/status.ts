/** What `pipelines` shows of the monitor. Pure. */
import { CONDITION_NAMES, type Judgements } from './conditions.js';
import type { Figures } from './figures.js';

/** Null where REST is not configured or has not told it yet. */
export interface PipelineFigures {
  /** As the JobManager calls it; STARTING while not all of its tasks run. */
  readonly jobState: string | null;
  readonly sourceLag: number | null;
  /** ISO-8601. */
  readonly watermark: string | null;
  readonly lastCheckpointId: number | null;
  readonly lastCheckpointDurationMs: number | null;
  readonly lastCheckpointSizeBytes: number | null;
  readonly completedCheckpoints: number | null;
  readonly failedCheckpoints: number | null;
  readonly restarts: number | null;
  /** Conditions that hold (conditions.ts). */
  readonly conditions: readonly string[];
}

export function pipelineFigures(figures: Figures | null, judged: Judgements | null): PipelineFigures {
  const last = figures?.lastCheckpoint ?? null;
  const watermarkMs = figures?.watermarkMs ?? null;
  return {
    jobState: figures?.job.state ?? null,
    sourceLag: figures?.sourceLag ?? null,
    watermark: watermarkMs === null ? null : new Date(watermarkMs).toISOString(),
    lastCheckpointId: last?.id ?? null,
    lastCheckpointDurationMs: last?.durationMs ?? null,
    lastCheckpointSizeBytes: last?.sizeBytes ?? null,
    completedCheckpoints: figures?.completedCheckpoints ?? null,
    failedCheckpoints: figures?.failedCheckpoints ?? null,
    restarts: figures?.restarts ?? null,
    conditions: CONDITION_NAMES.filter((name) => judged?.[name]?.holds === true),
  };
}
