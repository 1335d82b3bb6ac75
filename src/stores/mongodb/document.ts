/** A result ⇄ its MongoDB document (contract.md §7). Pure. */
import { Long, type Document } from 'mongodb';
import type { ResultKey } from '../../position/commit-log.js';
import { micros, microsToIso, position } from '../../position/position.js';
import type { StoredResult } from '../port.js';
import { changeRejected } from './command.js';

/** Of the documents' shape. Another one in the store means: rebuild. */
export const DOCUMENT_VERSION = 3;

/** One string per key. Kind and engine can't hold the separator, so two keys never share an id. */
export const idOf = ({ kind, engine, businessKey }: ResultKey): string =>
  `${kind.replaceAll('%', '%25').replaceAll('|', '%7C')}|${engine}|${businessKey}`;

/** Names that the driver takes for something else, so that they would not come back as they were. */
const MISREAD = new Set(['_bsontype', '$ref', '$id', '$db']);
const INT32 = 2 ** 31;

/**
 * JSON as BSON: integers beyond 32 bits stay integers (the driver would write doubles).
 * @throws AppError CHANGE_REJECTED for a field name that MongoDB can't hold exactly
 */
function exact(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && (value >= INT32 || value < -INT32) ? Long.fromNumber(value) : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(exact);
  // fromEntries defines properties, so that a field called __proto__ is one.
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (MISREAD.has(name)) throw changeRejected(`a field of calculated_value can't be called ${name}`);
      return [name, exact(inner)];
    }),
  );
}

/** @param writtenAt for people only: when this server wrote the document, by its own clock */
export function toMongo(result: StoredResult, writtenAt: Date): Document {
  return {
    _id: idOf(result),
    kind: result.kind,
    business_key: result.businessKey,
    processing_engine: result.engine,
    calculated_value: exact(result.calculatedValue),
    consistency_scope: 'EVENTUAL',
    confidence_level: result.cap,
    reasons: result.reasons,
    deleted: result.deleted,
    final: result.final,
    stale: result.stale,
    pipeline: result.pipeline,
    result_partition: result.resultPartition,
    run: result.run,
    revision: result.revision,
    coverage: exact(result.coverage),
    last_checkpoint_time: result.lastCheckpointTime,
    epoch: exact(result.epoch),
    result_offset: exact(result.resultOffset),
    verified: result.verified,
    last_cdc_sync_time: microsToIso(result.committedAt),
    position: Long.fromBigInt(result.position),
    committed_at_us: Long.fromNumber(result.committedAt),
    updated_at: writtenAt,
  };
}

/** Longs come as numbers where they fit, else as Long. */
export const fromMongo = (document: Document): StoredResult => ({
  kind: document['kind'],
  businessKey: document['business_key'],
  engine: document['processing_engine'],
  calculatedValue: document['calculated_value'],
  deleted: document['deleted'],
  final: document['final'],
  stale: document['stale'],
  cap: document['confidence_level'],
  reasons: document['reasons'],
  pipeline: document['pipeline'],
  resultPartition: document['result_partition'],
  run: document['run'],
  revision: document['revision'],
  coverage: document['coverage'],
  lastCheckpointTime: document['last_checkpoint_time'],
  epoch: document['epoch'],
  resultOffset: document['result_offset'],
  verified: document['verified'],
  position: position(String(document['position'])),
  committedAt: micros(String(document['committed_at_us'])),
});
