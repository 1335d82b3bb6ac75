/**
 * Writing: the documents first, each only over an older one, waited for by the majority; then the applied position.
 * Idempotent by position, so that whatever was lost between the two is simply written again.
 */
import { BSON, type ClientSession, type Document } from 'mongodb';
import { AppError } from '../../errors.js';
import type { Applied, Change } from '../port.js';
import { newestPerKey } from '../newest.js';
import { verifyIdentity } from './binding.js';
import {
  changeRejected,
  DUPLICATE_KEY,
  findAll,
  serverRefusal,
  storeConflict,
  write,
  type WriteError,
} from './command.js';
import { toMongo } from './document.js';
import { moveApplied, type Meta } from './position.js';
import type { MongoPlace } from './read.js';

/** A command is one BSON document of at most 16 MB. */
export const CHUNK_BYTES = 6 * 1024 * 1024;
const CHUNK_DOCUMENTS = 2_000;
const DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Tries of a document that lost an insert race to an older one. */
const RACES = 5;

/** Documents in groups that fit into one command. @throws AppError CHANGE_REJECTED for one that never fits */
export function* chunks(documents: readonly Document[]): Generator<Document[]> {
  let chunk: Document[] = [];
  let size = 0;
  for (const document of documents) {
    const bytes = sizeOf(document);
    if (bytes > DOCUMENT_BYTES) throw changeRejected(`${String(document['_id'])} has ${bytes} bytes, more than 16 MB`);
    if (chunk.length === CHUNK_DOCUMENTS || (chunk.length > 0 && size + bytes > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(document);
    size += bytes;
  }
  if (chunk.length > 0) yield chunk;
}

function sizeOf(document: Document): number {
  try {
    return BSON.calculateObjectSize(document);
  } catch (error) {
    throw changeRejected(`${String(document['_id'])} has no BSON form`, error);
  }
}

/** @throws AppError CHANGE_REJECTED, STORE_CONFLICT, POSITION_UNKNOWN or STORE_UNAVAILABLE; all but the first are retryable */
export async function apply(
  place: MongoPlace,
  meta: Meta,
  changes: readonly Change[],
  applied: Applied,
  writtenAt: Date,
): Promise<void> {
  if (meta.applied.incarnation !== applied.incarnation) throw storeConflict('it belongs to another incarnation');
  const documents = newestPerKey(changes).map((result) => toMongo(result, writtenAt));
  await place.client.withSession({ causalConsistency: true }, async (session) => {
    for (const chunk of chunks(documents)) await upsert(place, session, meta, chunk);
    // Heartbeats write nothing that would notice a dropped collection.
    if (documents.length === 0) await verifyIdentity(place.db, place.limits, session, meta);
    await moveApplied(place.db, place.limits, session, meta, { changes, applied });
  });
}

async function upsert(
  place: MongoPlace,
  session: ClientSession,
  meta: Meta,
  documents: readonly Document[],
): Promise<void> {
  let pending = documents;
  for (let tries = 0; tries < RACES; tries += 1) {
    const updates = pending.map((u) => ({ q: { _id: u['_id'], position: { $lt: u['position'] } }, u, upsert: true }));
    const body = { update: meta.collection, collectionUUID: meta.collectionUuid, updates, ordered: false };
    const reply = await write(place.db, body, place.limits.writeMs, session);
    const refused = duplicates(reply['writeErrors'] ?? [], pending);
    if (refused.length === 0) return;
    pending = await older(place, session, meta, refused);
    if (pending.length === 0) return;
  }
  throw new AppError('STORE_UNAVAILABLE', `MongoDB: ${pending.length} documents lost ${RACES} insert races.`, {
    retryable: true,
    outcome: 'unknown',
  });
}

/** The documents for which an insert met an existing one. Any other error ends the write. */
function duplicates(errors: readonly WriteError[], pending: readonly Document[]): Document[] {
  return errors.map(({ index, code, errmsg }) => {
    const document = pending[index] ?? {};
    if (code !== DUPLICATE_KEY) throw serverRefusal(code, `${String(document['_id'])}: ${errmsg}`, 'unknown');
    return document;
  });
}

/** Of the refused documents, those that are newer than what is stored: only a stored position ≥ theirs makes them stale. */
async function older(
  place: MongoPlace,
  session: ClientSession,
  meta: Meta,
  refused: readonly Document[],
): Promise<Document[]> {
  const filter = { _id: { $in: refused.map((document) => document['_id']) } };
  const find = { find: meta.collection, collectionUUID: meta.collectionUuid, filter, projection: { position: 1 } };
  const stored = await findAll(place.db, find, place.limits.readMs, session);
  const positions = new Map(
    stored.map((document) => [document['_id'] as string, BigInt(String(document['position']))]),
  );
  return refused.filter((document) => (positions.get(document['_id']) ?? -1n) < BigInt(String(document['position'])));
}
