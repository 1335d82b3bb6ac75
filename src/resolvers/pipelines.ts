import type { PipelineFact } from '../contract/proof-port.js';
import { overdueMs } from '../contract/checkpoints.js';
import { weakestOf } from '../contract/evidence.js';
import { microsToIso, type Micros } from '../position/position.js';
import type { PipelineStatus } from '../schema/system-types.js';
import type { PipelineFigures } from './context.js';

/** One status per pipeline: what all its result partitions have reached. Pure. */
export function pipelineStatuses(
  facts: readonly PipelineFact[],
  now: Micros | null,
  silentMs: number,
  figuresOf: (pipeline: string) => PipelineFigures | null,
): PipelineStatus[] {
  const byName = group(facts);
  return [...byName.values()].map((own) => statusOf(own, now, silentMs, figuresOf(own[0]?.pipeline ?? '')));
}

function statusOf(
  own: readonly PipelineFact[],
  now: Micros | null,
  silentMs: number,
  figures: PipelineFigures | null,
): PipelineStatus {
  const [first] = own as readonly [PipelineFact];
  const weakest = weakestOf(own);
  const heard = weakest.lastHeartbeatAt;
  // As an answer is judged (contract/assess.ts): heartbeats become visible with their checkpoint.
  const mostMs = silentMs + overdueMs(weakest.checkpoints);
  const silent = heard === null || now === null || now - heard > mostMs * 1000;
  const seen = longestAgo(own);
  const blocked = figures?.conditions.includes('LSO_BLOCKED') === true;
  return {
    name: first.pipeline,
    engine: first.engine,
    run: newestRun(own),
    state: blocked ? 'LSO_BLOCKED' : weakest.state === 'RUNNING' && silent ? 'SILENT' : weakest.state,
    jobState: figures?.jobState ?? null,
    conditions: figures?.conditions ?? [],
    lastHeartbeatTime: heard === null ? null : microsToIso(heard),
    sourceAsOf: weakest.sourceAsOf,
    lastCheckpointTime: weakest.lastCheckpointTime,
    lastCheckpointSeenTime: seen === null ? null : microsToIso(seen),
    checkpointIntervalMs: weakest.checkpoints?.intervalMs ?? null,
    watermark: lowest(own.map((fact) => fact.watermark)) ?? figures?.watermark ?? null,
    sourceLag: bigintOf(figures?.sourceLag),
    lastCheckpointId: bigintOf(figures?.lastCheckpointId ?? newestCompleted(own)),
    lastCheckpointDurationMs: figures?.lastCheckpointDurationMs ?? null,
    lastCheckpointSizeBytes: bigintOf(figures?.lastCheckpointSizeBytes),
    completedCheckpoints: figures?.completedCheckpoints ?? null,
    failedCheckpoints: figures?.failedCheckpoints ?? null,
    restarts: figures?.restarts ?? null,
  };
}

const bigintOf = (value: number | null | undefined): bigint | null =>
  value === null || value === undefined ? null : BigInt(value);

/** Of the run that the partitions speak of: what it has shown in band, when nobody tells more. */
function newestCompleted(own: readonly PipelineFact[]): number | null {
  const shown = own.flatMap(({ run, checkpoints }) =>
    run === newestRun(own) && checkpoints?.completed != null ? [checkpoints.completed] : [],
  );
  return shown.length === 0 ? null : Math.max(...shown);
}

/** When a further checkpoint was proven, in the partition where that is longest ago; null: nowhere, or not everywhere. */
const longestAgo = (own: readonly PipelineFact[]): Micros | null =>
  own
    .map(({ checkpoints }) => checkpoints?.provenAt ?? null)
    .reduce((a, b) => (a === null || b === null ? null : a < b ? a : b));

/** The run that was reported last; its partitions hear of it one after another. */
const newestRun = (own: readonly PipelineFact[]): string | null =>
  own.reduce((newest, fact) => (fact.position > newest.position ? fact : newest)).run;

function group(facts: readonly PipelineFact[]): Map<string, PipelineFact[]> {
  const byName = new Map<string, PipelineFact[]>();
  for (const fact of facts) byName.set(fact.pipeline, [...(byName.get(fact.pipeline) ?? []), fact]);
  return byName;
}

/** ISO-8601 texts of one form compare like times. Partitions that said nothing are left out: it is for display. */
const lowest = (watermarks: readonly (string | null)[]): string | null =>
  watermarks.reduce((low, mark) => (low === null || (mark !== null && mark < low) ? mark : low), null);
