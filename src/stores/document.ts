/**
 * The JSON form of a result, as it travels in the `documents` column of the commit log (contract.md §7). Names are
 * snake_case. Position and commit time are the transaction's, so they are not repeated in each document.
 */
import { z } from 'zod';
import { AppError } from '../errors.js';
import type { Micros, Position } from '../position/position.js';
import { CONFIDENCE_LEVELS, PROCESSING_ENGINES, type ConfidenceLevel, type ProcessingEngine } from '../words.js';
import type { StoredResult } from './port.js';

export interface ResultDocument {
  readonly kind: string;
  readonly business_key: string;
  readonly processing_engine: ProcessingEngine;
  readonly calculated_value: Readonly<Record<string, unknown>>;
  readonly deleted: boolean;
  readonly final: boolean;
  readonly stale: boolean;
  /** The cap: what the evidence allowed when the row was written. */
  readonly confidence_level: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly pipeline: string;
  readonly result_partition: number;
  readonly run: string;
  readonly revision: number;
  readonly coverage: Readonly<Record<string, readonly [number, number]>> | null;
  readonly last_checkpoint_time: string | null;
  readonly epoch: number | null;
  readonly result_offset: number;
  readonly verified: boolean;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const integer = z.number().int().nonnegative();
const documentSchema = z.object({
  kind: z.string().min(1),
  business_key: z.string().min(1),
  processing_engine: z.enum(PROCESSING_ENGINES),
  // Not copied field by field: what the engine calculated passes through untouched.
  calculated_value: z.custom<Record<string, unknown>>(isObject, 'an object is expected'),
  deleted: z.boolean(),
  final: z.boolean(),
  stale: z.boolean(),
  confidence_level: z.enum(CONFIDENCE_LEVELS),
  reasons: z.array(z.string()),
  pipeline: z.string(),
  result_partition: integer,
  run: z.string(),
  revision: integer,
  coverage: z.record(z.string(), z.tuple([integer, integer])).nullable(),
  last_checkpoint_time: z.string().nullable(),
  // Absent in what a release before 0.3.0 wrote: nothing was verified then, and no epoch was known.
  epoch: integer.nullable().default(null),
  result_offset: z.number().int().min(-1).default(-1),
  verified: z.boolean().default(false),
});

/** A result as one element of `documents`; `JSON.stringify` of an array of them is the column. */
export function encodeDocument(result: Omit<StoredResult, 'position' | 'committedAt'>): ResultDocument {
  return {
    kind: result.kind,
    business_key: result.businessKey,
    processing_engine: result.engine,
    calculated_value: result.calculatedValue,
    deleted: result.deleted,
    final: result.final,
    stale: result.stale,
    confidence_level: result.cap,
    reasons: result.reasons,
    pipeline: result.pipeline,
    result_partition: result.resultPartition,
    run: result.run,
    revision: result.revision,
    coverage: result.coverage,
    last_checkpoint_time: result.lastCheckpointTime,
    epoch: result.epoch,
    result_offset: result.resultOffset,
    verified: result.verified,
  };
}

/**
 * One parsed element of `documents`, with the position and commit time of its transaction.
 * @throws AppError DOCUMENT_INVALID (not retryable): the sentence names the field
 */
export function decodeDocument(json: unknown, position: Position, committedAt: Micros): StoredResult {
  const parsed = documentSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined ? 'it' : issue.path.join('.') || 'the document';
    throw new AppError(
      'DOCUMENT_INVALID',
      `A document of position ${position} is malformed: ${where}: ${issue?.message ?? ''}`,
      {
        retryable: false,
        outcome: 'none',
      },
    );
  }
  const document = parsed.data;
  return {
    kind: document.kind,
    businessKey: document.business_key,
    engine: document.processing_engine,
    calculatedValue: document.calculated_value,
    deleted: document.deleted,
    final: document.final,
    stale: document.stale,
    cap: document.confidence_level,
    reasons: document.reasons,
    pipeline: document.pipeline,
    resultPartition: document.result_partition,
    run: document.run,
    revision: document.revision,
    coverage: document.coverage,
    lastCheckpointTime: document.last_checkpoint_time,
    epoch: document.epoch,
    resultOffset: document.result_offset,
    verified: document.verified,
    position,
    committedAt,
  };
}
