/** Removing what expired long ago (ADR 10), a bounded number at a time. */
import { Long, type Document } from 'mongodb';
import type { Position } from '../../position/position.js';
import { command, findAll, write } from './command.js';
import type { Meta } from './position.js';
import type { MongoPlace } from './read.js';

const DELETE_AT_ONCE = 2_000;
const INDEX_MS = 120_000;

/** Of the last change. */
export const POSITION_INDEX: Document = { name: 'by_position', key: { position: 1 } };

/** Made where it is missing: collections of an older release have none. */
export async function ensurePositionIndex({ db }: MongoPlace, meta: Meta): Promise<void> {
  const body = { createIndexes: meta.collection, collectionUUID: meta.collectionUuid, indexes: [POSITION_INDEX] };
  await command(db, body, INDEX_MS, { outcome: 'unknown' });
}

/** @throws AppError POSITION_UNKNOWN (the collection is another by now) or STORE_UNAVAILABLE, both retryable */
export async function purge({ client, db, limits }: MongoPlace, meta: Meta, to: Position): Promise<number> {
  const position = { $lte: Long.fromBigInt(to) };
  const { collection, collectionUuid: collectionUUID } = meta;
  return client.withSession({ causalConsistency: true }, async (session) => {
    const some = { filter: { position }, sort: { position: 1 }, limit: DELETE_AT_ONCE, projection: { _id: 1 } };
    const find = { find: collection, collectionUUID, ...some, batchSize: DELETE_AT_ONCE };
    const ids = (await findAll(db, find, limits.readMs, session)).map((document) => document['_id'] as string);
    if (ids.length === 0) return 0;
    // Asked for again: a result that was changed since lives.
    const deletes = [{ q: { _id: { $in: ids }, position }, limit: 0 }];
    await write(db, { delete: collection, collectionUUID, deletes }, limits.writeMs, session);
    return ids.length;
  });
}
