/** A copy of the truth in a new collection beside the old one, then one conditional swap (contract.md §7). */
import type { Db, Document, UUID } from 'mongodb';
import type { Applied, StoredResult } from '../port.js';
import { chunks } from './apply.js';
import { readBinding, type Bound } from './binding.js';
import { command, serverRefusal, storeConflict, write, type MongoLimits } from './command.js';
import { DOCUMENT_VERSION, toMongo } from './document.js';
import { createMetaCollection, swapMeta, type Meta } from './position.js';
import { POSITION_INDEX } from './purge.js';
import type { MongoPlace } from './read.js';

const PREFIX = 'results_';

/** The fields of calculated_value that a kind is listed by. */
const ORDERS = ['window_start', 'event_time', 'detected_at'] as const;

/**
 * What `list` needs, of each order two, with and without a symbol: for results that are not deleted and have the field. Made
 * on the empty collection, so that no build takes long.
 */
const INDEXES: readonly Document[] = ORDERS.flatMap((order) => {
  const field = `calculated_value.${order}`;
  const partialFilterExpression = { deleted: false, [field]: { $exists: true } };
  const of = (names: readonly string[]): Document => Object.fromEntries(names.map((name) => [name, 1]));
  return [
    { name: `by_${order}`, key: of(['kind', 'processing_engine', field, 'business_key']), partialFilterExpression },
    {
      name: `by_symbol_${order}`,
      key: of(['kind', 'processing_engine', 'calculated_value.symbol', field, 'business_key']),
      partialFilterExpression,
    },
  ];
});

export interface RebuildInput {
  readonly copy: AsyncIterable<readonly StoredResult[]>;
  readonly applied: Applied;
  readonly progress: (rows: number) => void;
  /** A short random name, never used before. */
  readonly newName: () => string;
  readonly writtenAt: Date;
}

/**
 * @returns what readers see from now on
 * @throws AppError STORE_CONFLICT (retryable) when the store moved meanwhile, or would be taken back in its own history
 */
export async function rebuild(place: MongoPlace, input: RebuildInput): Promise<Meta> {
  const { client, db, limits } = place;
  return client.withSession({ causalConsistency: true }, async (session) => {
    const seen = await readBinding(db, limits, session);
    refuseStepBack(seen, input.applied);
    await createMetaCollection(db, limits);
    const previous: string | null = seen.raw?.['collection'] ?? null;
    await dropOthers(db, limits, previous);
    const collection = `${PREFIX}${input.newName()}`;
    const collectionUuid = await create(db, limits, collection);
    await fill(place, collection, collectionUuid, input);
    const next = { collection, collectionUuid, documentVersion: DOCUMENT_VERSION, applied: input.applied, previous };
    await swapMeta(db, limits, session, seen.raw, next);
    return next;
  });
}

/** A server that slept through another's rebuild holds an old snapshot: it must not replace the newer copy. */
function refuseStepBack({ binding }: Bound, applied: Applied): void {
  if (binding.status === 'unbound' || binding.applied.incarnation !== applied.incarnation) return;
  if (binding.applied.position > applied.position) {
    throw storeConflict(`it is at position ${binding.applied.position}, the copy only at ${applied.position}`);
  }
}

async function create(db: Db, limits: MongoLimits, collection: string): Promise<UUID> {
  await write(db, { create: collection }, limits.writeMs);
  const listed = await command(db, { listCollections: 1, filter: { name: collection } }, limits.readMs);
  const uuid: UUID = listed['cursor'].firstBatch[0].info.uuid;
  await write(
    db,
    { createIndexes: collection, collectionUUID: uuid, indexes: [...INDEXES, POSITION_INDEX] },
    limits.writeMs,
  );
  return uuid;
}

async function fill(place: MongoPlace, collection: string, collectionUUID: UUID, input: RebuildInput): Promise<void> {
  let rows = 0;
  for await (const batch of input.copy) {
    for (const documents of chunks(batch.map((result) => toMongo(result, input.writtenAt)))) {
      const body = { insert: collection, collectionUUID, documents, ordered: false };
      const reply = await write(place.db, body, place.limits.writeMs);
      const error = reply['writeErrors']?.[0];
      if (error !== undefined) throw serverRefusal(error.code, error.errmsg, 'none');
      rows += documents.length;
      input.progress(rows);
    }
  }
}

/** Left over from rebuilds that did not end. A rebuild of another server loses its collection too, and notices. */
async function dropOthers(db: Db, limits: MongoLimits, current: string | null): Promise<void> {
  const filter = { name: { $regex: `^${PREFIX}` } };
  const listed = await command(
    db,
    { listCollections: 1, filter, nameOnly: true, cursor: { batchSize: 10_000 } },
    limits.readMs,
  );
  for (const { name } of listed['cursor'].firstBatch) {
    if (name !== current) await drop(db, limits, name);
  }
}

export async function drop(db: Db, limits: MongoLimits, collection: string): Promise<void> {
  await write(db, { drop: collection }, limits.writeMs);
}
