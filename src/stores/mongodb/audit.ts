/** What the auditor asks of MongoDB (docs/adr/0018): what lies under each key, and to put there what belongs there. */
import { Long, type Document } from 'mongodb';
import type { Answer, Repair, Scanned, ScanRange } from '../port.js';
import { chunks } from './apply.js';
import { DUPLICATE_KEY, findAll, serverRefusal, storeConflict, write, type WriteError } from './command.js';
import { fromMongo, idOf, toMongo } from './document.js';
import type { Meta } from './position.js';
import { answer, type MongoPlace } from './read.js';

/** @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE, both retryable */
export function scan(place: MongoPlace, range: ScanRange): Promise<Answer<readonly Scanned[]>> {
  const prefix = idOf({ ...range, businessKey: '' });
  // '}' follows '|', in which the prefix ends: all ids that begin with it lie between.
  const filter = { _id: { $gt: `${prefix}${range.after}`, $lt: `${prefix.slice(0, -1)}}` } };
  const { limit } = range;
  return answer(place, async (meta, session) => {
    const find = { find: meta.collection, collectionUUID: meta.collectionUuid, filter, sort: { _id: 1 } };
    const found = await findAll(place.db, { ...find, limit, batchSize: limit }, place.limits.readMs, session);
    return found.map((document) => scanned(String(document['_id']), prefix.length, document));
  });
}

function scanned(id: string, prefix: number, document: Document): Scanned {
  const businessKey = id.slice(prefix);
  try {
    const result = fromMongo(document);
    return { businessKey, result: idOf(result) === id ? result : null };
  } catch {
    return { businessKey, result: null };
  }
}

/** Every position of ours is a Long: what has none was not written here. */
const replaceable = (position: unknown, over: Repair['over']): Document[] => [
  { position: { $not: { $type: 'long' } } },
  { position: { $lte: position } },
  ...(over === null ? [] : [{ position: Long.fromBigInt(over) }]),
];

/** @throws AppError STORE_CONFLICT, POSITION_UNKNOWN, STORE_UNAVAILABLE (retryable) or CHANGE_REJECTED */
export async function repair(
  place: MongoPlace,
  meta: Meta,
  repairs: readonly Repair[],
  { incarnation, writtenAt }: { readonly incarnation: string; readonly writtenAt: Date },
): Promise<void> {
  if (meta.applied.incarnation !== incarnation) throw storeConflict('it belongs to another incarnation');
  const overs = new Map(repairs.map(({ document, over }) => [idOf(document), over]));
  for (const chunk of chunks(repairs.map(({ document }) => toMongo(document, writtenAt)))) {
    const updates = chunk.map((u) => {
      const id = u['_id'] as string;
      return { q: { _id: id, $or: replaceable(u['position'], overs.get(id) ?? null) }, u, upsert: true };
    });
    const body = { update: meta.collection, collectionUUID: meta.collectionUuid, updates, ordered: false };
    const reply = await write(place.db, body, place.limits.writeMs);
    const errors: readonly WriteError[] = reply['writeErrors'] ?? [];
    // What the condition left alone is newer; whoever repairs looks again.
    const refused = errors.find(({ code }) => code !== DUPLICATE_KEY);
    if (refused !== undefined) throw serverRefusal(refused.code, refused.errmsg, 'unknown');
  }
}
