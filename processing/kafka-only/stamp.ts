import { PIPELINE_KAFKA_ONLY, RESULT_SCHEMA, type DeadLetterPayload, type LateDroppedPayload } from './wire.js';
import type { Effect } from './partition.js';
import { iso } from '../../fold/settings.js';

export const MAX_PAYLOAD_BYTES = 64 * 1024;

interface Fields {
  readonly kind: string;
  readonly business_key: string;
  readonly calculated_value: object;
  readonly [more: string]: unknown;
}

/** Gives a record its run and its number; the partition is chosen by the caller, so that the numbers are gapless in it. */
export type Stamp = (
  resultPartition: number,
  nowMs: number,
  fields: Fields,
) => { resultPartition: number; value: string };

export function makeStamp(runId: string): Stamp {
  const seqs = new Map<number, number>();
  const run = { id: runId, subtask: 0, lineage: [] };
  return (resultPartition, nowMs, { kind, business_key, calculated_value, ...more }) => {
    const seq = (seqs.get(resultPartition) ?? 0) + 1;
    seqs.set(resultPartition, seq);
    const message = {
      schema: RESULT_SCHEMA,
      kind,
      business_key,
      op: 'upsert',
      calculated_value,
      processing_engine: 'KAFKA_ONLY',
      pipeline: PIPELINE_KAFKA_ONLY,
      delivery: 'AT_LEAST_ONCE',
      checkpoint_interval_ms: null,
      run,
      seq,
      epoch: null,
      completed_checkpoint: null,
      ...more,
      emitted_at: iso(nowMs),
    };
    return { resultPartition, value: JSON.stringify(message) };
  };
}

export function lateDroppedPayload(
  effect: Extract<Effect, { kind: 'late_dropped' }>,
  partition: number,
): LateDroppedPayload {
  return {
    kind: effect.resultKind,
    event_id: effect.event.event_id,
    order_id: effect.event.order_id,
    source_partition: partition,
    source_offset: effect.offset,
    event_time: effect.event.event_time,
    watermark: iso(effect.watermarkMs),
  };
}

export function deadLetterPayload(
  { record, reason }: Extract<Effect, { kind: 'dead_letter' }>,
  topic: string,
  partition: number,
): DeadLetterPayload {
  const bytes = record.value ?? Buffer.alloc(0);
  return {
    source_topic: topic,
    source_partition: partition,
    source_offset: record.offset,
    kafka_key: record.key === null ? null : record.key.slice(0, 256), // no symbol is longer than 64
    cause: reason.code,
    message: reason.message,
    payload_base64: bytes.subarray(0, MAX_PAYLOAD_BYTES).toString('base64'),
    truncated: bytes.length > MAX_PAYLOAD_BYTES,
  };
}
