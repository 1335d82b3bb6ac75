/**
 * Reading: position first, then data, in one causally consistent majority session on the primary. The data is then at
 * least as new as the position (contract.md §7), and it is the data of the collection that the position speaks of.
 */
import { Long, type ClientSession, type Db, type Document, type MongoClient } from 'mongodb';
import { AppError } from '../../errors.js';
import type { ResultKey } from '../../position/commit-log.js';
import type { Answer, ListQuery, StoredResult } from '../port.js';
import { findAll, type MongoLimits } from './command.js';
import { readApplied } from './binding.js';
import { fromMongo, idOf } from './document.js';
import type { Meta } from './position.js';

export interface MongoPlace {
  readonly client: MongoClient;
  readonly db: Db;
  readonly limits: MongoLimits;
}

/** @throws AppError POSITION_UNKNOWN (wiped, being rebuilt for the first time) or STORE_UNAVAILABLE, both retryable */
export async function answer<T>(
  { client, db, limits }: MongoPlace,
  data: (meta: Meta, session: ClientSession) => Promise<T>,
): Promise<Answer<T>> {
  const once = (): Promise<Answer<T>> =>
    client.withSession({ causalConsistency: true }, async (session) => {
      const meta = await readApplied(db, limits, session);
      return { applied: meta.applied, data: await data(meta, session) };
    });
  try {
    return await once();
  } catch (error) {
    // A swap, and the drop of the old collection, between the two reads: the position read again knows the new one.
    if (error instanceof AppError && error.code === 'POSITION_UNKNOWN') return once();
    throw error;
  }
}

/** @throws AppError POSITION_UNKNOWN (wiped, being rebuilt for the first time) or STORE_UNAVAILABLE, both retryable */
export function readMany(
  place: MongoPlace,
  keys: readonly ResultKey[],
): Promise<Answer<readonly (StoredResult | null)[]>> {
  const ids = keys.map(idOf);
  return answer(place, async (meta, session) => {
    const filter = { _id: { $in: [...new Set(ids)] } };
    const find = { find: meta.collection, collectionUUID: meta.collectionUuid, filter, batchSize: ids.length };
    const found = await findAll(place.db, find, place.limits.readMs, session);
    const byId = new Map(found.map((document) => [document['_id'] as string, fromMongo(document)]));
    return ids.map((id) => byId.get(id) ?? null);
  });
}

const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;

function field(name: string): string {
  if (FIELD.test(name)) return `calculated_value.${name}`;
  throw new AppError('LIST_QUERY_INVALID', `A listing can't use the field ${JSON.stringify(name)}.`, {
    retryable: false,
    outcome: 'none',
  });
}

/** The find of a listing. Text is compared byte by byte (UTF-8), which is MongoDB's order without a collation. */
export function listFilter(query: ListQuery): { filter: Document; sort: Document } {
  const order = field(query.orderBy);
  const direction = query.descending ? -1 : 1;
  const beyond = query.descending ? '$lt' : '$gt';
  const after = query.after;
  const conditions: Document[] = [
    { kind: query.kind, processing_engine: query.engine, deleted: false },
    ...Object.entries(query.equals).map(([name, value]) => ({ [field(name)]: { $eq: value } })),
    // A comparison with a text matches texts only, so that a result without one is left out.
    { [order]: { $gte: query.from ?? '', ...(query.to === undefined ? {} : { $lt: query.to }) } },
  ];
  if (query.expiredTo != null) conditions.push({ position: { $gt: Long.fromBigInt(query.expiredTo) } });
  if (after !== undefined) {
    conditions.push({
      $or: [
        { [order]: { [beyond]: after.order } },
        { [order]: after.order, business_key: { [beyond]: after.businessKey } },
      ],
    });
  }
  return { filter: { $and: conditions }, sort: { [order]: direction, business_key: direction } };
}

/** @throws AppError LIST_QUERY_INVALID (not retryable), POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable) */
export async function list(place: MongoPlace, query: ListQuery): Promise<Answer<readonly StoredResult[]>> {
  const { filter, sort } = listFilter(query);
  const { limit } = query;
  return answer(place, async (meta, session) => {
    const find = { find: meta.collection, collectionUUID: meta.collectionUuid, filter, sort, limit, batchSize: limit };
    // The server takes a limit of 0 for none.
    if (limit === 0) return [];
    return (await findAll(place.db, find, place.limits.readMs, session)).map(fromMongo);
  });
}
