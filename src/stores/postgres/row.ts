import { position, micros } from '../../position/position.js';
import type { ConfidenceLevel, ProcessingEngine } from '../../words.js';
import type { StoredResult } from '../port.js';

/** The columns of `results` that an answer needs. */
export const RESULT_COLUMNS = `r.kind, r.business_key, r.engine, r.calculated_value, r.deleted, r.final, r.stale, r.cap, r.reasons,
  r.pipeline, r.result_partition, r.run, r.revision, r.evidence -> 'coverage' as coverage, r.last_checkpoint_time,
  r.epoch, r.result_offset, r.cause = 'REPROCESSED' as verified,
  r.position, r.committed_at_us`;

export interface ResultRow {
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  calculated_value: Record<string, unknown>;
  deleted: boolean;
  final: boolean;
  stale: boolean;
  cap: ConfidenceLevel;
  reasons: string[];
  pipeline: string;
  result_partition: number;
  run: string;
  revision: number;
  coverage: StoredResult['coverage'] | undefined;
  last_checkpoint_time: Date | null;
  epoch: string | null;
  result_offset: string;
  verified: boolean;
  position: string;
  committed_at_us: string;
}

export const storedResult = (row: ResultRow): StoredResult => ({
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  calculatedValue: row.calculated_value,
  deleted: row.deleted,
  final: row.final,
  stale: row.stale,
  cap: row.cap,
  reasons: row.reasons,
  pipeline: row.pipeline,
  resultPartition: row.result_partition,
  run: row.run,
  revision: row.revision,
  coverage: row.coverage ?? null,
  lastCheckpointTime: row.last_checkpoint_time?.toISOString() ?? null,
  epoch: row.epoch === null ? null : Number(row.epoch),
  resultOffset: Number(row.result_offset),
  verified: row.verified,
  position: position(row.position),
  committedAt: micros(row.committed_at_us),
});
