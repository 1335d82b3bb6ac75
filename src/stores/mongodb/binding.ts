import type { ClientSession, Db, Document } from 'mongodb';
import { AppError } from '../../errors.js';
import type { Binding } from '../port.js';
import { findAll, positionUnknown, type MongoLimits } from './command.js';
import { DOCUMENT_VERSION } from './document.js';
import { parseMeta, readRawMeta, type Meta } from './position.js';

export interface Bound {
  readonly binding: Binding;
  /** The trusted one: null unless bound. */
  readonly meta: Meta | null;
  /** What is written there, trusted or not: a rebuild replaces exactly this. */
  readonly raw: Document | null;
}

/** Is the collection that the applied position speaks of still there, the very same one? */
export async function verifyIdentity(db: Db, limits: MongoLimits, session: ClientSession, meta: Meta): Promise<void> {
  const find = { find: meta.collection, collectionUUID: meta.collectionUuid, filter: { _id: null }, limit: 1 };
  await findAll(db, find, limits.readMs, session);
}

function trusted(raw: Document | null): Meta {
  if (raw === null) throw positionUnknown('it holds no applied position');
  const version: unknown = raw['documentVersion'];
  if (version !== DOCUMENT_VERSION) throw positionUnknown(`its documents are of version ${String(version)}`);
  return parseMeta(raw);
}

/** @throws AppError STORE_UNAVAILABLE when MongoDB doesn't answer: that says nothing about the binding */
export async function readBinding(db: Db, limits: MongoLimits, session: ClientSession): Promise<Bound> {
  const raw = await readRawMeta(db, limits, session);
  try {
    const meta = trusted(raw);
    await verifyIdentity(db, limits, session, meta);
    return { binding: { status: 'bound', applied: meta.applied }, meta, raw };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'POSITION_UNKNOWN') throw error;
    return { binding: { status: 'unbound', reason: error.message }, meta: null, raw };
  }
}

/** For readers. @throws AppError POSITION_UNKNOWN, which the read paths know how to be honest about */
export const readApplied = async (db: Db, limits: MongoLimits, session: ClientSession): Promise<Meta> =>
  trusted(await readRawMeta(db, limits, session));
