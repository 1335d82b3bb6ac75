/** What the auditor asks of Elasticsearch (docs/adr/0018): what lies under each key, and to put there what belongs there. */
import type { Answer, Repair, Scanned, ScanRange } from '../port.js';
import { chunks, replaceOlder, toWritten, type Written } from './apply.js';
import { answer, verifyIdentity } from './binding.js';
import { fromElastic, idOf } from './document.js';
import type { Meta } from './position.js';
import { searchHits } from './read.js';
import { storeConflict, unavailable, type ElasticPlace, type Json } from './request.js';
import { refresh } from './schema.js';

/**
 * A search finds what was refreshed, and a stranger's writes need not have been: refreshed first, it finds what a read by key
 * would, and all that was applied before.
 * @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE, both retryable
 */
export function scan(place: ElasticPlace, range: ScanRange): Promise<Answer<readonly Scanned[]>> {
  const { kind, engine, after, limit } = range;
  const body = {
    query: { bool: { filter: [{ term: { kind } }, { term: { processing_engine: engine } }] } },
    sort: [{ business_key: 'asc' }],
    search_after: [after],
    size: limit,
  };
  return answer(
    place,
    (meta) => meta.applied,
    async (meta) => {
      // Before the search as well: an index without our mapping can't be sorted.
      await verifyIdentity(place, meta);
      await refreshed(place, meta.index);
      return (await searchHits(place, meta.index, body)).flatMap((hit) => scanned(hit, range));
    },
  );
}

async function refreshed(place: ElasticPlace, index: string): Promise<void> {
  if (!(await refresh(place, index))) throw unavailable('a shard was not refreshed', 'none');
}

function scanned({ _id: id, _source: source }: Json, { kind, engine }: ScanRange): Scanned[] {
  const businessKey = String(source.business_key);
  // Under another id it is nobody's document: no key is answered from it (ADR 18).
  if (idOf({ kind, engine, businessKey }) !== id) return [];
  try {
    return [{ businessKey, result: fromElastic(source) }];
  } catch {
    return [{ businessKey, result: null }];
  }
}

/** @throws AppError STORE_CONFLICT, POSITION_UNKNOWN, STORE_UNAVAILABLE (retryable) or CHANGE_REJECTED */
export async function repair(
  place: ElasticPlace,
  meta: Meta,
  repairs: readonly Repair[],
  { incarnation, writtenAt }: { readonly incarnation: string; readonly writtenAt: Date },
): Promise<void> {
  if (meta.applied.incarnation !== incarnation) throw storeConflict('it belongs to another incarnation');
  // An index that was made anew may refuse a document for its mapping, and that would be the document's fault.
  await verifyIdentity(place, meta);
  const documents = repairs.map(({ document, over }): Written => ({ ...toWritten(document, writtenAt), over }));
  for (const chunk of chunks(documents)) await replaceOlder(place, meta.index, chunk);
  // So that a search finds it, too.
  await refreshed(place, meta.index);
  await verifyIdentity(place, meta);
}
