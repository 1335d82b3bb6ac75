/** A result ⇄ its Elasticsearch document (contract.md §7). Pure. */
import { createHash } from 'node:crypto';
import type { ResultKey } from '../../position/commit-log.js';
import { micros, microsToIso, position } from '../../position/position.js';
import type { StoredResult } from '../port.js';
import type { Json } from './request.js';

/** Of the documents' shape and the mapping. Another one in the store means: rebuild. */
export const DOCUMENT_VERSION = 2;

/** Elasticsearch takes no longer ids. */
const ID_BYTES = 512;

/** One string per key. Kind and engine can't hold the separator, so two keys never share an id. */
export function idOf({ kind, engine, businessKey }: ResultKey): string {
  const id = `${kind.replaceAll('%', '%25').replaceAll('|', '%7C')}|${engine}|${businessKey}`;
  if (Buffer.byteLength(id) <= ID_BYTES) return id;
  return `%sha256|${createHash('sha256').update(id).digest('hex')}`;
}

/** What a listing may name. */
export const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A term of Lucene has at most 32,766 bytes, the field's name included; a longer text can't be listed by. */
const TERM_CHARACTERS = 4_096;
/** Of all texts of one result together: what a search looks at. */
const SEARCH_CHARACTERS = 65_536;

/** The top-level texts, for equality, bounds and order of a listing. */
const listableTexts = (value: StoredResult['calculatedValue']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, string] =>
        FIELD.test(entry[0]) && typeof entry[1] === 'string' && entry[1].length <= TERM_CHARACTERS,
    ),
  );

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* textsIn(inner);
}

/** Every text of the result, wherever it is in it, each once: what a search looks at. */
export function searchTexts({ businessKey, calculatedValue }: StoredResult): string[] {
  const texts = new Set<string>();
  let left = SEARCH_CHARACTERS;
  for (const text of [businessKey, ...textsIn(calculatedValue)]) {
    if (text === '' || texts.has(text)) continue;
    left -= text.length;
    if (left < 0) break;
    texts.add(text);
  }
  return [...texts];
}

/**
 * Positions and times are strings here: a number beyond 2^53 would not survive a JSON parser.
 * @param writtenAt for people only: when this server wrote the document, by its own clock
 */
export const toElastic = (result: StoredResult, writtenAt: Date): object => ({
  kind: result.kind,
  business_key: result.businessKey,
  processing_engine: result.engine,
  calculated_value: result.calculatedValue,
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
  coverage: result.coverage,
  last_checkpoint_time: result.lastCheckpointTime,
  epoch: result.epoch,
  result_offset: result.resultOffset,
  verified: result.verified,
  last_cdc_sync_time: microsToIso(result.committedAt),
  position: String(result.position),
  committed_at_us: String(result.committedAt),
  updated_at: writtenAt.toISOString(),
  texts: listableTexts(result.calculatedValue),
  search_text: searchTexts(result),
});

export const fromElastic = (source: Json): StoredResult => ({
  kind: source.kind,
  businessKey: source.business_key,
  engine: source.processing_engine,
  calculatedValue: source.calculated_value,
  deleted: source.deleted,
  final: source.final,
  stale: source.stale,
  cap: source.confidence_level,
  reasons: source.reasons,
  pipeline: source.pipeline,
  resultPartition: source.result_partition,
  run: source.run,
  revision: source.revision,
  coverage: source.coverage,
  lastCheckpointTime: source.last_checkpoint_time,
  epoch: source.epoch,
  resultOffset: source.result_offset,
  verified: source.verified,
  position: position(source.position),
  committedAt: micros(source.committed_at_us),
});
