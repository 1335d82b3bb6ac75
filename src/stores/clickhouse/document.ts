/** A result ⇄ its row (contract.md §7). Pure. */
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import { micros, position } from '../../position/position.js';
import type { StoredResult } from '../port.js';
import { changeRejected, positionUnknown, type Row } from './command.js';

/** Of the rows' shape. Another one in the store means: rebuild. */
export const DOCUMENT_VERSION = 2;

/** One insert carries at most so much; a document beyond DOCUMENT_BYTES is refused, as by every read model. */
export const CHUNK_BYTES = 8 * 1024 * 1024;
const CHUNK_ROWS = 20_000;
const DOCUMENT_BYTES = 16 * 1024 * 1024;
const ROW_BYTES = 400;

export const COLUMNS = [
  'kind',
  'processing_engine',
  'business_key',
  'position',
  'committed_at_us',
  'deleted',
  'final',
  'stale',
  'confidence_level',
  'reasons',
  'pipeline',
  'result_partition',
  'run',
  'revision',
  'coverage',
  'last_checkpoint_time',
  'epoch',
  'result_offset',
  'verified',
  'calculated_value',
] as const;
export const SELECTED = COLUMNS.map((column) => `\`${column}\``).join(', ');

export const toRow = (result: StoredResult): Row => ({
  kind: result.kind,
  processing_engine: result.engine,
  business_key: result.businessKey,
  position: result.position.toString(),
  committed_at_us: String(result.committedAt),
  deleted: result.deleted,
  final: result.final,
  stale: result.stale,
  confidence_level: result.cap,
  reasons: result.reasons,
  pipeline: result.pipeline,
  result_partition: result.resultPartition,
  run: result.run,
  revision: result.revision,
  coverage: result.coverage === null ? null : JSON.stringify(result.coverage),
  last_checkpoint_time: result.lastCheckpointTime,
  epoch: result.epoch === null ? null : String(result.epoch),
  result_offset: String(result.resultOffset),
  verified: result.verified,
  // As text: what comes back is what was written, whatever types ClickHouse would see in it.
  calculated_value: JSON.stringify(result.calculatedValue),
});

export const fromRow = (row: Row): StoredResult => ({
  kind: row['kind'],
  businessKey: row['business_key'],
  engine: row['processing_engine'],
  calculatedValue: JSON.parse(row['calculated_value']),
  deleted: row['deleted'],
  final: row['final'],
  stale: row['stale'],
  cap: row['confidence_level'],
  reasons: row['reasons'],
  pipeline: row['pipeline'],
  resultPartition: row['result_partition'],
  run: row['run'],
  revision: Number(row['revision']),
  coverage: row['coverage'] === null ? null : JSON.parse(row['coverage']),
  lastCheckpointTime: row['last_checkpoint_time'],
  epoch: row['epoch'] === null ? null : Number(row['epoch']),
  resultOffset: Number(row['result_offset']),
  verified: row['verified'],
  position: position(row['position']),
  committedAt: micros(row['committed_at_us']),
});

/**
 * The mark: a row of no kind that says which table it is in. It is read together with the data, so that a table that was
 * emptied, dropped or made anew meanwhile can't pass for the one that the applied position speaks of.
 */
export const MARK = `(kind = '' AND processing_engine = '' AND business_key = '')`;

export const markRow = (tableUuid: string): Row => ({
  ...Object.fromEntries(COLUMNS.map((column) => [column, ''])),
  position: '0',
  committed_at_us: '0',
  deleted: true,
  final: true,
  stale: false,
  reasons: [],
  result_partition: 0,
  run: tableUuid,
  revision: 0,
  coverage: null,
  last_checkpoint_time: null,
  epoch: null,
  result_offset: '-1',
  verified: false,
  calculated_value: '{}',
});

/** The rows without the mark. @throws AppError POSITION_UNKNOWN when it is missing, or of another table */
export function unmarked(rows: readonly Row[], tableUuid: string): Row[] {
  const mark = rows.find((row) => row['kind'] === '');
  if (mark?.['run'] !== tableUuid) throw positionUnknown('its table was emptied or replaced');
  return rows.filter((row) => row['kind'] !== '');
}

/** Rows in groups that fit into one insert. @throws AppError CHANGE_REJECTED for one that never fits */
export function* chunks(results: readonly StoredResult[]): Generator<Row[]> {
  let chunk: Row[] = [];
  let size = 0;
  for (const result of results) {
    const row = toRow(result);
    const bytes = sizeOf(row);
    if (bytes > DOCUMENT_BYTES) throw changeRejected(`${nameOf(result)} has ${bytes} bytes, more than 16 MB`);
    if (chunk.length === CHUNK_ROWS || (chunk.length > 0 && size + bytes > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(row);
    size += bytes;
  }
  if (chunk.length > 0) yield chunk;
}

const sizeOf = (row: Row): number =>
  ROW_BYTES +
  Buffer.byteLength(row['calculated_value']) +
  String(row['business_key']).length * 2 +
  String(row['coverage']).length;

const nameOf = (key: ResultKey): string => keyOf(key).replaceAll('\u0000', '|');
