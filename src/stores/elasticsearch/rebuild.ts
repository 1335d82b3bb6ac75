/** A copy of the truth in a new index beside the old one, then one conditional swap (contract.md §7). */
import type { Applied, StoredResult } from '../port.js';
import { chunks, toWritten, write } from './apply.js';
import { readBinding, type Bound } from './binding.js';
import { DOCUMENT_VERSION } from './document.js';
import { swapMeta, type Stored } from './position.js';
import { storeConflict, unavailable, type ElasticPlace } from './request.js';
import {
  createMetaIndex,
  createResultsIndex,
  deleteIndex,
  forbidAutoCreate,
  refresh,
  resultsIndices,
} from './schema.js';

export interface RebuildInput {
  readonly copy: AsyncIterable<readonly StoredResult[]>;
  readonly applied: Applied;
  readonly progress: (rows: number) => void;
  /** A short random name in lower case, never used before. */
  readonly newName: () => string;
  readonly writtenAt: Date;
}

/**
 * @returns what readers see from now on
 * @throws AppError STORE_CONFLICT (retryable) when the store moved meanwhile, or would be taken back in its own history
 */
export async function rebuild(place: ElasticPlace, input: RebuildInput): Promise<Stored> {
  const { applied } = input;
  const seen = await readBinding(place);
  refuseStepBack(seen, applied);
  await forbidAutoCreate(place);
  await createMetaIndex(place);
  const previous: string | null = seen.raw?.source?.index ?? null;
  await deleteOthers(place, previous);
  const { index, uuid } = await createResultsIndex(place, input.newName());
  await fill(place, index, input);
  // A copy is searchable as a whole from its first moment.
  if (!(await refresh(place, index))) throw unavailable('a shard of the copy was not refreshed', 'none');
  const next = { index, indexUuid: uuid, documentVersion: DOCUMENT_VERSION, applied, search: applied, previous };
  return swapMeta(place, seen.raw, next);
}

/** A server that slept through another's rebuild holds an old snapshot: it must not replace the newer copy. */
function refuseStepBack({ binding }: Bound, applied: Applied): void {
  if (binding.status === 'unbound' || binding.applied.incarnation !== applied.incarnation) return;
  if (binding.applied.position > applied.position) {
    throw storeConflict(`it is at position ${binding.applied.position}, the copy only at ${applied.position}`);
  }
}

async function fill(place: ElasticPlace, index: string, input: RebuildInput): Promise<void> {
  let rows = 0;
  for await (const batch of input.copy) {
    for (const documents of chunks(batch.map((result) => toWritten(result, input.writtenAt)))) {
      await write(place, index, documents);
      rows += documents.length;
      input.progress(rows);
    }
  }
}

/** Left over from rebuilds that did not end. A rebuild of another server loses its index too, and notices. */
async function deleteOthers(place: ElasticPlace, current: string | null): Promise<void> {
  for (const index of await resultsIndices(place)) {
    if (index !== current) await deleteIndex(place, index);
  }
}
