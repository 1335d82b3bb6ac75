import type { PipelineFact } from '../contract/proof-port.js';
import { weakestOf } from '../contract/evidence.js';
import { microsToIso, type Micros } from '../position/position.js';
import type { PipelineStatus } from '../schema/system-types.js';

/** One status per pipeline: what all its result partitions have reached. Pure. */
export function pipelineStatuses(
  facts: readonly PipelineFact[],
  now: Micros | null,
  silentMs: number,
): PipelineStatus[] {
  const byName = group(facts);
  return [...byName.values()].map((own) => statusOf(own, now, silentMs));
}

function statusOf(own: readonly PipelineFact[], now: Micros | null, silentMs: number): PipelineStatus {
  const [first] = own as readonly [PipelineFact];
  const weakest = weakestOf(own);
  const heard = weakest.lastHeartbeatAt;
  const silent = heard === null || now === null || now - heard > silentMs * 1000;
  return {
    name: first.pipeline,
    engine: first.engine,
    run: newestRun(own),
    state: weakest.state === 'RUNNING' && silent ? 'SILENT' : weakest.state,
    lastHeartbeatTime: heard === null ? null : microsToIso(heard),
    sourceAsOf: weakest.sourceAsOf,
    lastCheckpointTime: weakest.lastCheckpointTime,
    watermark: lowest(own.map((fact) => fact.watermark)),
    // Known once a pipeline with checkpoints and a REST interface is there.
    sourceLag: null,
    lastCheckpointId: null,
    lastCheckpointDurationMs: null,
    lastCheckpointSizeBytes: null,
    completedCheckpoints: null,
    failedCheckpoints: null,
    restarts: null,
  };
}

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
