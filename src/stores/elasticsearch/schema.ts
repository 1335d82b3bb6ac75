/** The indices: their names, settings and mapping, all explicit, and nothing of ours is ever made by a write. */
import { call, isIndexMissing, refusalOf, type ElasticPlace } from './request.js';

export const metaIndex = ({ prefix }: ElasticPlace): string => `${prefix}-meta`;
const resultsPrefix = ({ prefix }: ElasticPlace): string => `${prefix}-results-`;

const keyword = { type: 'keyword' };
const unsearched = { type: 'keyword', index: false, doc_values: false };

/** `_source` is what is answered from; everything else is only there to find it. */
const RESULTS_MAPPING = {
  dynamic: 'strict',
  properties: {
    kind: keyword,
    business_key: keyword,
    processing_engine: keyword,
    // Not looked into: decimals, dates and field names stay exactly what the engine calculated.
    calculated_value: { type: 'object', enabled: false },
    // One Lucene field for all names, so that no kind of result can make the mapping grow.
    texts: { type: 'flattened', depth_limit: 1 },
    search_text: { type: 'text', analyzer: 'standard' },
    consistency_scope: unsearched,
    confidence_level: keyword,
    reasons: keyword,
    deleted: { type: 'boolean' },
    final: { type: 'boolean' },
    stale: { type: 'boolean' },
    pipeline: keyword,
    result_partition: { type: 'integer' },
    run: unsearched,
    revision: { type: 'long' },
    coverage: { type: 'object', enabled: false },
    last_checkpoint_time: unsearched,
    epoch: { type: 'long', index: false },
    result_offset: { type: 'long', index: false },
    verified: { type: 'boolean' },
    last_cdc_sync_time: { type: 'date' },
    position: { type: 'long' },
    committed_at_us: { type: 'long' },
    updated_at: { type: 'date' },
  },
};

const SETTINGS = {
  number_of_shards: 1,
  // A copy that has fallen behind would answer by id without knowing it; a lost index is made anew from the truth.
  number_of_replicas: 0,
  // Nothing becomes searchable by itself: the projection refreshes, and only then moves the search position.
  refresh_interval: '-1',
  // An acknowledged write is on the disk: the applied position, which is written after it, never outlives it.
  'translog.durability': 'request',
  // What is read again after a kill -9, before the index answers.
  'translog.flush_threshold_size': '64mb',
};

/** Whatever the cluster allows: a write never creates an index of ours, so a wiped store stays visibly empty. */
export async function forbidAutoCreate(place: ElasticPlace): Promise<void> {
  const body = { index_patterns: [`${place.prefix}-*`], priority: 500, allow_auto_create: false };
  await call(place, { method: 'PUT', path: `/_index_template/${place.prefix}`, body }, place.limits.writeMs, 'unknown');
}

export async function createMetaIndex(place: ElasticPlace): Promise<void> {
  const body = { settings: SETTINGS, mappings: { dynamic: false } };
  try {
    await call(place, { method: 'PUT', path: `/${metaIndex(place)}`, body }, place.limits.writeMs, 'unknown');
  } catch (error) {
    if (refusalOf(error)?.type !== 'resource_already_exists_exception') throw error;
  }
}

/** @returns name and UUID of a new, empty index */
export async function createResultsIndex(place: ElasticPlace, name: string): Promise<{ index: string; uuid: string }> {
  const index = `${resultsPrefix(place)}${name}`;
  const body = { settings: SETTINGS, mappings: RESULTS_MAPPING };
  await call(place, { method: 'PUT', path: `/${index}`, body }, place.limits.writeMs, 'unknown');
  const uuid = (await uuids(place, index)).get(index);
  if (uuid === undefined) throw new Error(`${index} has no UUID`);
  return { index, uuid };
}

/** UUID by name. @throws AppError POSITION_UNKNOWN when the index `pattern` names is gone */
export async function uuids(place: ElasticPlace, pattern: string): Promise<Map<string, string>> {
  const query = { filter_path: '*.settings.index.uuid', flat_settings: false };
  const found = await call(place, { method: 'GET', path: `/${pattern}/_settings`, query }, place.limits.readMs);
  return new Map(
    Object.entries(found as Record<string, { settings: { index: { uuid: string } } }>).map(([name, { settings }]) => [
      name,
      settings.index.uuid,
    ]),
  );
}

export const resultsIndices = async (place: ElasticPlace): Promise<string[]> => [
  ...(await uuids(place, `${resultsPrefix(place)}*`)).keys(),
];

export async function deleteIndex(place: ElasticPlace, index: string): Promise<void> {
  try {
    await call(place, { method: 'DELETE', path: `/${index}` }, place.limits.writeMs, 'unknown');
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null || !isIndexMissing(refusal)) throw error;
  }
}

/** @throws AppError STORE_UNAVAILABLE when any shard did not refresh: then nothing is known to be searchable */
export async function refresh(place: ElasticPlace, index: string): Promise<boolean> {
  const { _shards: shards } = await call(place, { method: 'POST', path: `/${index}/_refresh` }, place.limits.writeMs);
  return shards.failed === 0 && shards.successful > 0;
}
