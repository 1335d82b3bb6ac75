import { Gauge, type Registry } from 'prom-client';
import { CONDITION_NAMES } from './conditions.js';
import { failureRate, slowestMs, type Figures } from './figures.js';
import type { Monitor } from './monitor.js';

type Read = (figures: Figures) => number | null;

/** By name: what it is, and where it stands. Seed 003 names its alerts after these. */
const FIGURES: Readonly<Record<string, readonly [help: string, read: Read]>> = {
  tidemark_flink_checkpoint_duration_seconds: [
    'Of the newest completed checkpoint, or of the one under way if that takes longer already. Alert above 300.',
    (figures) => seconds(slowestMs(figures)),
  ],
  tidemark_flink_checkpoint_size_bytes: [
    'Written by the newest completed checkpoint.',
    ({ lastCheckpoint }) => lastCheckpoint?.sizeBytes ?? null,
  ],
  tidemark_flink_checkpoints_completed: ['Since this server looks.', (figures) => figures.completedCheckpoints],
  tidemark_flink_checkpoints_failed: [
    'Since this server looks, without triggers while tasks were not running.',
    (figures) => figures.failedCheckpoints,
  ],
  tidemark_flink_checkpoint_failure_ratio: [
    'Of the checkpoints that ended within ten minutes, 0 to 1. Alert above 0.1.',
    failureRate,
  ],
  tidemark_flink_restarts: ['Of the job, and times that it was submitted again.', (figures) => figures.restarts],
  tidemark_flink_restarts_10m: [
    'The same, within ten minutes. Alert above 0.5.',
    (figures) => figures.restartedAtMs.length,
  ],
  tidemark_flink_watermark_seconds: [
    'The lowest of all subtasks, as a time. Heuristic: no claim rests on it.',
    ({ watermarkMs }) => seconds(watermarkMs),
  ],
  tidemark_flink_source_lag_records: [
    'Records of the source that were not fetched yet.',
    (figures) => figures.sourceLag,
  ],
};

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

/** Read when they are asked for, so they can't be out of date; what is unknown has no sample. */
export function monitorMetrics(registry: Registry, monitor: Monitor): void {
  for (const [name, [help, read]] of Object.entries(FIGURES)) {
    new Gauge({
      name,
      help,
      labelNames: ['pipeline'] as const,
      registers: [registry],
      collect() {
        this.reset();
        for (const pipeline of monitor.judgements().keys()) {
          const figures = monitor.figures(pipeline);
          const value = figures === null ? null : read(figures);
          if (value !== null) this.set({ pipeline }, value);
        }
      },
    });
  }
  new Gauge({
    name: 'tidemark_pipeline_condition',
    help: '1 while it holds, 0 while it does not; no sample: not known.',
    labelNames: ['pipeline', 'condition'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const [pipeline, judged] of monitor.judgements()) {
        for (const condition of CONDITION_NAMES) {
          const one = judged[condition];
          if (one !== null) this.set({ pipeline, condition }, one.holds ? 1 : 0);
        }
      }
    },
  });
  new Gauge({
    name: 'tidemark_flink_rest_up',
    help: "1 while Flink's REST interface answers. It is for display: nothing that it says raises a claim.",
    registers: [registry],
    collect() {
      const answers = monitor.restAnswers();
      this.reset();
      if (answers !== null) this.set(answers ? 1 : 0);
    },
  });
}
