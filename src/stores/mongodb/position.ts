/**
 * The applied position, in one document beside the data: which collection, by name and UUID, it speaks of, and where in
 * the CDC topic to go on from. Every change of it is conditional, so that a zombie can't move it back.
 */
import { Long, type ClientSession, type Db, type Document, UUID } from 'mongodb';
import { AppError } from '../../errors.js';
import { micros, position } from '../../position/position.js';
import type { Applied, Change } from '../port.js';
import {
  command,
  DUPLICATE_KEY,
  findAll,
  NAMESPACE_EXISTS,
  positionUnknown,
  storeConflict,
  write,
  type MongoLimits,
  type WriteError,
} from './command.js';

export const META_COLLECTION = 'tidemark_meta';
const META_ID = 'results';

export interface Meta {
  readonly collection: string;
  readonly collectionUuid: UUID;
  readonly documentVersion: number;
  readonly applied: Applied;
  /** Swapped out last; dropped once no reader can still be in it. */
  readonly previous: string | null;
}

const toMeta = (document: Document): Meta => ({
  collection: document['collection'],
  collectionUuid: document['collectionUuid'],
  documentVersion: document['documentVersion'],
  previous: document['previous'] ?? null,
  applied: {
    position: position(String(document['position'])),
    nonce: document['nonce'],
    incarnation: document['incarnation'],
    committedAt: micros(String(document['committedAtUs'])),
    resumeOffset: BigInt(String(document['resumeOffset'])),
  },
});

const reachedFields = (applied: Applied): Document => ({
  position: Long.fromBigInt(applied.position),
  nonce: applied.nonce,
  committedAtUs: Long.fromNumber(applied.committedAt),
  resumeOffset: Long.fromBigInt(applied.resumeOffset),
});

/** The document as it is stored, readable or not; null: there is none. */
export async function readRawMeta(db: Db, limits: MongoLimits, session: ClientSession): Promise<Document | null> {
  const found = await findAll(
    db,
    { find: META_COLLECTION, filter: { _id: META_ID }, limit: 1 },
    limits.readMs,
    session,
  );
  return found[0] ?? null;
}

/** @throws AppError POSITION_UNKNOWN when somebody has altered it beyond reading */
export function parseMeta(raw: Document): Meta {
  try {
    // A find with an undefined UUID would be a find without one.
    if (!(raw['collectionUuid'] instanceof UUID) || typeof raw['collection'] !== 'string')
      throw new TypeError('no collection');
    return toMeta(raw);
  } catch (error) {
    throw positionUnknown('its applied position is unreadable', error);
  }
}

const sameCollection = (meta: Meta): Document => ({
  _id: META_ID,
  collection: meta.collection,
  collectionUuid: meta.collectionUuid,
  incarnation: meta.applied.incarnation,
});

/** What must be there for `changes` to continue it: the prefix claim holds in the store itself, whoever writes. */
function continued(changes: readonly Change[], applied: Applied): Document {
  const [first] = changes;
  const before = { $lt: Long.fromBigInt(applied.position) };
  if (first === undefined) return { position: applied.position, nonce: applied.nonce };
  return {
    $or: [
      { position: Long.fromBigInt(first.position - 1n), nonce: first.predecessor },
      { position: { $gte: Long.fromBigInt(first.position), ...before } },
    ],
  };
}

export interface Move {
  /** In order, without holes, ending at `applied`. */
  readonly changes: readonly Change[];
  readonly applied: Applied;
}

/**
 * Moves the applied position forward, within its collection and incarnation. Being there already is success.
 * @throws AppError STORE_CONFLICT when the store has been rebuilt, holds another history, or would be left with a hole
 */
export async function moveApplied(
  db: Db,
  limits: MongoLimits,
  session: ClientSession,
  meta: Meta,
  { changes, applied }: Move,
): Promise<void> {
  const q = { ...sameCollection(meta), ...continued(changes, applied) };
  const updates = [{ q, u: { $set: reachedFields(applied) } }];
  const reply = await write(db, { update: META_COLLECTION, updates }, limits.writeMs, session);
  refuseErrors(reply);
  if (reply['n'] === 1) return;
  const raw = await readRawMeta(db, limits, session);
  const now = raw === null ? null : parseMeta(raw);
  const same =
    now !== null &&
    now.collectionUuid.equals(meta.collectionUuid) &&
    now.applied.incarnation === applied.incarnation &&
    (now.applied.position > applied.position || now.applied.nonce === applied.nonce);
  if (!same) throw storeConflict('what is applied there is not what these changes follow');
}

/**
 * Puts `next` in the place of `seen`, the document before the copy began, if that is still there unchanged.
 * @throws AppError STORE_CONFLICT when another server has applied or rebuilt meanwhile
 */
export async function swapMeta(
  db: Db,
  limits: MongoLimits,
  session: ClientSession,
  seen: Document | null,
  next: Meta,
): Promise<void> {
  const document = {
    _id: META_ID,
    collection: next.collection,
    collectionUuid: next.collectionUuid,
    documentVersion: next.documentVersion,
    incarnation: next.applied.incarnation,
    ...reachedFields(next.applied),
    previous: next.previous,
  };
  const reply =
    seen === null
      ? await write(db, { insert: META_COLLECTION, documents: [document] }, limits.writeMs, session)
      : await write(db, { update: META_COLLECTION, updates: [{ q: seen, u: document }] }, limits.writeMs, session);
  if (hasError(reply, DUPLICATE_KEY) || (!hasError(reply) && reply['n'] !== 1)) {
    throw storeConflict('another server has applied or rebuilt meanwhile');
  }
  refuseErrors(reply);
}

const errorsOf = (reply: Document): readonly WriteError[] => reply['writeErrors'] ?? [];
const hasError = (reply: Document, code?: number): boolean =>
  errorsOf(reply).some((error) => code === undefined || error.code === code);

function refuseErrors(reply: Document): void {
  const error = errorsOf(reply)[0];
  if (error === undefined) return;
  // Not a change's fault: nobody's document is in this write, so it never counts as a rejection.
  throw new AppError('STORE_UNAVAILABLE', `MongoDB: the applied position can't be written: ${error.errmsg}`, {
    retryable: true,
    outcome: 'none',
  });
}

/** Never left to the first write: a store that was wiped must stay visibly empty until it is rebuilt. */
export async function createMetaCollection(db: Db, limits: MongoLimits): Promise<void> {
  const names = await command(
    db,
    { listCollections: 1, filter: { name: META_COLLECTION }, nameOnly: true },
    limits.readMs,
  );
  if (names['cursor'].firstBatch.length > 0) return;
  try {
    await write(db, { create: META_COLLECTION }, limits.writeMs);
  } catch (error) {
    if (!isNamespaceExists(error)) throw error;
  }
}

const isNamespaceExists = (error: unknown): boolean =>
  ((error as { cause?: { code?: unknown } }).cause?.code ?? null) === NAMESPACE_EXISTS;
