/**
 * The tables. Everything in them is derived from the change, never from the moment of the insert, so that a repeated insert
 * is the same row; the version is never part of the key, so that a newer row replaces an older one.
 */
import type { ClickhousePlace } from './command.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A qualified name. @throws RangeError for a name that would need quoting */
export function qualified({ database }: Pick<ClickhousePlace, 'database'>, table: string): string {
  if (!NAME.test(database) || !NAME.test(table)) throw new RangeError(`${database}.${table} is no plain name`);
  return `${database}.${table}`;
}

export const META_TABLE = 'tidemark_meta';
export const RESULTS_PREFIX = 'results_';
export const REBUILD_PREFIX = 'rebuild_';

/**
 * An insert is answered when its part is on disk, and a merge puts the merged part there before the old ones go: what the
 * applied position speaks of then survives a power cut, as far as the disk keeps its word.
 */
export const DURABLE =
  'fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1';

const text = (field: string): string =>
  `Nullable(String) MATERIALIZED if(JSONType(calculated_value, '${field}') = 'String', JSONExtractString(calculated_value, '${field}'), NULL)`;
const integer = (field: string): string =>
  `Nullable(Int64) MATERIALIZED JSONExtract(calculated_value, '${field}', 'Nullable(Int64)')`;
const decimal = (field: string): string =>
  `Nullable(Decimal(76, 18)) MATERIALIZED toDecimal256OrNull(JSONExtractString(calculated_value, '${field}'), 18)`;

/** Fields of calculated_value that have a column of their own. The server extracts them, so they can't disagree with it. */
export const TEXT_COLUMNS: ReadonlySet<string> = new Set(['symbol', 'window_start']);

export const resultsTable = (name: string): string => `CREATE TABLE ${name} (
  kind LowCardinality(String),
  processing_engine LowCardinality(String),
  business_key String,
  position UInt64,
  committed_at_us UInt64,
  deleted Bool,
  \`final\` Bool,
  stale Bool,
  confidence_level LowCardinality(String),
  consistency_scope LowCardinality(String) DEFAULT 'EVENTUAL',
  reasons Array(String),
  pipeline LowCardinality(String),
  result_partition UInt32,
  run String,
  revision UInt64,
  coverage Nullable(String),
  last_checkpoint_time Nullable(String),
  epoch Nullable(UInt64),
  result_offset Int64,
  verified Bool,
  calculated_value String CODEC(ZSTD(1)),
  last_cdc_sync_time DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toInt64(committed_at_us), 'UTC'),
  updated_at DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(toInt64(committed_at_us), 'UTC'),
  symbol ${text('symbol')},
  window_start ${text('window_start')},
  orders_total ${integer('orders_total')},
  orders_buy ${integer('orders_buy')},
  orders_sell ${integer('orders_sell')},
  total_amount ${decimal('total_amount')},
  min_price ${decimal('min_price')},
  max_price ${decimal('max_price')}
) ENGINE = ReplacingMergeTree(position)
ORDER BY (kind, processing_engine, business_key)
-- A result is mostly asked for by its key: a smaller granule is less to unpack.
SETTINGS index_granularity = 256, ${DURABLE}`;

/** One row per swap, the newest position of each; the swap with the highest generation counts. */
export const metaTable = (name: string): string => `CREATE TABLE IF NOT EXISTS ${name} (
  generation UInt64,
  table_uuid String,
  table_name String,
  previous Nullable(String),
  document_version UInt32,
  incarnation String,
  position UInt64,
  nonce String,
  committed_at_us UInt64,
  resume_offset UInt64
) ENGINE = ReplacingMergeTree(position)
ORDER BY (generation, table_uuid)
SETTINGS ${DURABLE}`;

/** Flat or in an envelope, as the source wrote it (wire/event.ts); empty when there is none. */
export const RAW_EVENT_ID = `event_id String MATERIALIZED multiIf(
    JSONHas(ifNull(value, ''), 'event_id'), JSONExtractString(ifNull(value, ''), 'event_id'),
    JSONHas(ifNull(value, ''), 'after', 'event_id'), JSONExtractString(ifNull(value, ''), 'after', 'event_id'),
    JSONExtractString(ifNull(value, ''), 'before', 'event_id'))`;
export const RAW_EVENT_ID_INDEX = `INDEX by_event_id event_id TYPE bloom_filter(0.001) GRANULARITY 1`;

export const rawTable = (name: string, days: number): string => `CREATE TABLE IF NOT EXISTS ${name} (
  source_partition UInt32,
  source_offset UInt64,
  predecessor Nullable(UInt64),
  event_key Nullable(String),
  value Nullable(String) DEFAULT base64Decode(value_base64) CODEC(ZSTD(1)),
  value_base64 Nullable(String) EPHEMERAL,
  appended_at DateTime64(3, 'UTC'),
  ${RAW_EVENT_ID},
  ${RAW_EVENT_ID_INDEX}
) ENGINE = ReplacingMergeTree
ORDER BY (source_partition, source_offset)
TTL toDateTime(appended_at) + INTERVAL ${days} DAY
SETTINGS ${DURABLE}`;
