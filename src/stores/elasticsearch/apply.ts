/**
 * Writing: the documents first, each with its position as version, so that an older one is refused; then the applied
 * position. Idempotent by position, so that whatever was lost between the two is simply written again.
 */
import type { AppError } from '../../errors.js';
import { position, type Position } from '../../position/position.js';
import { newestPerKey } from '../newest.js';
import type { Applied, Change, StoredResult } from '../port.js';
import { verifyIdentity } from './binding.js';
import { idOf, toElastic } from './document.js';
import { advanced, type BoundPosition } from './position.js';
import {
  call,
  changeRejected,
  isIndexMissing,
  refusalError,
  refusalOf,
  storeConflict,
  unavailable,
  type ElasticPlace,
  type Json,
  type Refusal,
} from './request.js';

/** Of one request; the server takes 100 MB, but holds it all in its heap. */
export const CHUNK_BYTES = 4 * 1024 * 1024;
const CHUNK_DOCUMENTS = 2_000;
export const DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Tries of a document whose version somebody else keeps raising. */
const RACES = 5;

/** A result, ready to be sent. */
export interface Written {
  readonly id: string;
  readonly position: Position;
  readonly source: string;
  /** Of exactly this position, what is there is replaced, too (a repair). */
  readonly over?: Position | null;
}

/** @throws AppError CHANGE_REJECTED for a document that is too large */
export function toWritten(result: StoredResult, writtenAt: Date): Written {
  const id = idOf(result);
  const source = JSON.stringify(toElastic(result, writtenAt));
  const bytes = Buffer.byteLength(source);
  if (bytes > DOCUMENT_BYTES) throw changeRejected(`${id} has ${bytes} bytes, more than 16 MB`);
  return { id, position: result.position, source };
}

/** Documents in groups that fit into one request. */
export function* chunks(documents: Iterable<Written>): Generator<Written[]> {
  let chunk: Written[] = [];
  let size = 0;
  for (const document of documents) {
    if (chunk.length === CHUNK_DOCUMENTS || (chunk.length > 0 && size + document.source.length > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(document);
    size += document.source.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** @throws AppError CHANGE_REJECTED, STORE_CONFLICT, POSITION_UNKNOWN or STORE_UNAVAILABLE; all but the first are retryable */
export async function apply(
  place: ElasticPlace,
  bound: BoundPosition,
  changes: readonly Change[],
  applied: Applied,
  writtenAt: Date,
): Promise<void> {
  const { meta } = bound;
  if (meta.applied.incarnation !== applied.incarnation) throw storeConflict('it belongs to another incarnation');
  const documents = newestPerKey(changes).map((result) => toWritten(result, writtenAt));
  for (const chunk of chunks(documents)) await write(place, meta.index, chunk);
  // Before the position moves: a heartbeat, or a write into an index made anew, would not notice by itself.
  await verifyIdentity(place, meta);
  await bound.update((now) => advanced(now, changes, applied));
}

/** What is newer in the store stays. */
export async function write(place: ElasticPlace, index: string, documents: readonly Written[]): Promise<void> {
  const lines = documents.map(
    ({ id, position, source }) =>
      `{"index":{"_id":${JSON.stringify(id)},"version":${position},"version_type":"external_gte"}}\n${source}\n`,
  );
  await replaceOlder(place, index, refusedOf(await bulk(place, index, lines), documents));
}

/** Whatever the versions say: what is there of a newer position stays, everything else is replaced. */
export async function replaceOlder(place: ElasticPlace, index: string, documents: readonly Written[]): Promise<void> {
  let refused = documents;
  for (let tries = 0; refused.length > 0; tries += 1) {
    if (tries === RACES) throw unavailable(`${refused.length} documents lost ${RACES} races`, 'unknown');
    refused = await overwrite(place, index, refused);
  }
}

/** null: there is none, or a stranger has made something else of it. */
function positionIn(stored: Json): Position | null {
  try {
    return stored?.found === true ? position(String(stored._source.position)) : null;
  } catch {
    return null;
  }
}

async function bulk(place: ElasticPlace, index: string, lines: readonly string[]): Promise<readonly Json[]> {
  const query = { refresh: false, filter_path: 'items.*.status,items.*.error.type,items.*.error.reason' };
  const request = { method: 'POST', path: `/${index}/_bulk`, query, lines: lines.join('') } as const;
  try {
    return (await call(place, request, place.limits.writeMs, 'unknown')).items;
  } catch (error) {
    const refusal = refusalOf(error);
    // 413: one document that this server's own limit forbids will never be taken.
    if (refusal?.status === 413 && lines.length === 1) throw changeRejected(refusal.reason);
    throw error;
  }
}

/** The documents that met a higher version. Any other failure of a document ends the write. */
function refusedOf(items: readonly Json[], documents: readonly Written[]): Written[] {
  if (items.length !== documents.length) throw unavailable('a bulk answer is not whole', 'unknown');
  return documents.filter(({ id }, at) => {
    const { status, error } = items[at].index;
    if (status < 300) return false;
    const refusal: Refusal = { status, type: String(error?.type), reason: `${id}: ${String(error?.reason)}` };
    if (refusal.status === 409) return true;
    throw itemError(refusal);
  });
}

function itemError(refusal: Refusal): AppError {
  // It speaks of the document, not of the server: the same write will never succeed.
  if (refusal.status === 400 && !isIndexMissing(refusal)) return changeRejected(`${refusal.type}: ${refusal.reason}`);
  return refusalError(refusal, 'unknown');
}

/**
 * A higher version means a newer position only while nobody else writes: a stranger's update raises the version by one.
 * So the stored *position* decides, and what is not newer is replaced, on condition that it is still what was looked at.
 */
async function overwrite(place: ElasticPlace, index: string, refused: readonly Written[]): Promise<Written[]> {
  const body = { docs: refused.map(({ id }) => ({ _id: id, _source: ['position'] })) };
  const { docs } = await call(place, { method: 'POST', path: `/${index}/_mget`, body }, place.limits.readMs);
  const pending = refused.flatMap((document, at) => {
    const stored: Json = docs[at];
    const there = positionIn(stored);
    const isNewer = there !== null && there > document.position && there !== document.over;
    return isNewer ? [] : [{ document, stored }];
  });
  if (pending.length === 0) return [];
  const lines = pending.map(({ document: { id, source }, stored }) => {
    const condition =
      stored?.found === true ? { if_seq_no: stored._seq_no, if_primary_term: stored._primary_term } : {};
    const verb = stored?.found === true ? 'index' : 'create';
    return `${JSON.stringify({ [verb]: { _id: id, ...condition } })}\n${source}\n`;
  });
  const items = (await bulk(place, index, lines)).map((item) => ({ index: item.index ?? item.create }));
  return refusedOf(
    items,
    pending.map(({ document }) => document),
  );
}
