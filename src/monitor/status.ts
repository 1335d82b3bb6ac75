/** What `pipelines` shows of the monitor. Pure. */
import { CONDITION_NAMES, type Judgements } from './conditions.js';
import type { Figures } from './figures.js';

/** Null where REST is not configured or has not told it yet. What is shown is said by src/resolvers/context.ts. */
export function pipelineFigures(figures: Figures | null, judged: Judgements | null) {
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
