/** A recomputed result as a message of its engine's result topic, and the command to reset the engine's state to it. Pure. */
import { RESULT_SCHEMA } from '../../wire/topics.js';
import type { ResultMessage } from '../../wire/result.js';
import type { Reset } from '../../wire/reset.js';
import type { ProcessingEngine } from '../words.js';
import type { Recomputed } from './kind.js';

/** Who recomputes is no run of the pipeline. */
export const REPROCESSING_RUN = 'reprocessing';

export interface Asked {
  readonly id: string;
  readonly nonce: string;
  readonly kind: string;
  readonly businessKey: string;
  readonly engine: ProcessingEngine;
  readonly pipeline: string;
  readonly revision: number;
}

/** @param upTo source partition → next offset: all below it was read, from the beginning */
export function resultMessage(
  asked: Asked,
  { op, value, evidence }: Recomputed,
  upTo: Readonly<Record<string, number>>,
  nowMs: number,
): ResultMessage<object> {
  // Of a result that the source makes nothing of, all that was read is covered.
  const looked = Object.entries(upTo).map(([p, next]) => [p, [0, Math.max(0, next - 1)]] as const);
  return {
    schema: RESULT_SCHEMA,
    kind: asked.kind,
    business_key: asked.businessKey,
    op,
    calculated_value: value,
    processing_engine: asked.engine,
    pipeline: asked.pipeline,
    delivery: 'AT_LEAST_ONCE',
    checkpoint_interval_ms: null,
    run: { id: REPROCESSING_RUN, subtask: 0, lineage: [] },
    epoch: null,
    completed_checkpoint: null,
    revision: Math.max(1, asked.revision),
    cause: 'REPROCESSED',
    final: false,
    evidence: { ...evidence, coverage: evidence.coverage ?? Object.fromEntries(looked) },
    reprocessing: { request: asked.id, nonce: asked.nonce, up_to: upTo },
    emitted_at: new Date(nowMs).toISOString(),
  };
}

/** null: the result has no state to be reset. */
export function resetCommand(
  asked: Asked,
  { value, state }: Recomputed,
  upTo: Readonly<Record<string, number>>,
): Reset | null {
  const { symbol } = value as { symbol?: unknown };
  const [reached, ...others] = Object.entries(upTo);
  if (state === null || typeof symbol !== 'string' || reached === undefined || others.length > 0) return null;
  return {
    schema: 1,
    kind: asked.kind,
    business_key: asked.businessKey,
    processing_engine: asked.engine,
    symbol,
    source_partition: Number(reached[0]),
    up_to: reached[1],
    nonce: asked.nonce,
    state,
  };
}
