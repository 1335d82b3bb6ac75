/** What a page says in one sentence; it changes only when something of weight does, for it is read aloud. Pure. */
import { betweenMs } from './age.js';
import type { PipelineStatus, StalenessEvent, StoreStatus } from './queries.js';
import { ENGINE_NAMES, stateInWords, STORE_NAMES } from './words.js';

/** As the server's own default: beyond it an answer is marked stale. */
const STALE_MS = 5_000;

export function storesInWords(stores: readonly StoreStatus[]): string {
  if (stores.length === 0) return 'The server knows no store.';
  const said = stores.flatMap(({ store, healthy, stalenessMs }) => {
    const name = STORE_NAMES[store] ?? store;
    if (!healthy) return [`${name} is not healthy.`];
    if (stalenessMs === null) return [`Nobody knows how far behind ${name} is.`];
    return stalenessMs > STALE_MS ? [`${name} is more than 5 s behind.`] : [];
  });
  return said.length === 0
    ? `✓ All ${stores.length} stores are healthy and less than 5 s behind.`
    : `✗ ${said.join(' ')}`;
}

export function pipelinesInWords(pipelines: readonly PipelineStatus[]): string {
  if (pipelines.length === 0) return 'No pipeline has ever been heard of.';
  const said = pipelines.flatMap(({ name, state, conditions }) => [
    ...(state === 'RUNNING' ? [] : [`${name} ${stateInWords(state)}.`]),
    ...(conditions.length === 0 ? [] : [`${name}: ${conditions.join(', ')}.`]),
  ]);
  if (said.length > 0) return `✗ ${said.join(' ')}`;
  return pipelines.length === 1 ? '✓ The pipeline runs.' : `✓ All ${pipelines.length} pipelines run.`;
}

/** Ages by the server's clock, at the time of the answer; null: unknown. */
export function agesOf(pipeline: PipelineStatus, time: string | null) {
  return {
    heartbeatMs: betweenMs(pipeline.lastHeartbeatTime, time),
    checkpointMs: betweenMs(pipeline.lastCheckpointSeenTime, time),
    sourceMs: betweenMs(pipeline.sourceAsOf, time),
  };
}

/** Of whom an event speaks. */
export function subjectOf({ kind, businessKey, store, pipeline, engine }: StalenessEvent): string {
  const of = engine === null ? '' : ` (${ENGINE_NAMES[engine] ?? engine})`;
  if (kind !== null && businessKey !== null) return `${businessKey}${of}`;
  return store === null ? (pipeline ?? '') : (STORE_NAMES[store] ?? store);
}
