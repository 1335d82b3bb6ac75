/** The raw log in ClickHouse: one row per (partition, offset), however often it is inserted. */
import { isUtf8 } from 'node:buffer';
import type { RawLog, RawPlace, RawRecord } from '../../raw/port.js';
import { command, insert, query, type ClickhousePlace, type Row } from './command.js';
import { CHUNK_BYTES } from './document.js';
import { qualified, RAW_EVENT_ID, RAW_EVENT_ID_INDEX, rawTable } from './schema.js';

export const RAW_TABLE = 'raw_events';

/** Ids travel in the URL. */
const IDS_PER_QUERY = 100;

const COLUMNS = [
  'source_partition',
  'source_offset',
  'predecessor',
  'event_key',
  'value',
  'value_base64',
  'appended_at',
] as const;

/** Text as text, anything else as base64, which the server turns back into the bytes. */
function valueOf(value: Buffer | null): { value: string | null } | { value_base64: string } {
  if (value === null || isUtf8(value)) return { value: value?.toString('utf8') ?? null };
  return { value_base64: value.toString('base64') };
}

const toRow = (record: RawRecord): Row => ({
  source_partition: record.partition,
  source_offset: record.offset.toString(),
  predecessor: record.predecessor?.toString() ?? null,
  event_key: record.key,
  appended_at: new Date(record.appendedAtMs).toISOString().slice(0, -1).replace('T', ' '),
  ...valueOf(record.value),
});

function* chunks(records: readonly RawRecord[]): Generator<Row[]> {
  let chunk: Row[] = [];
  let size = 0;
  for (const record of records) {
    const bytes = (record.value?.length ?? 0) + 200;
    if (chunk.length > 0 && size + bytes > CHUNK_BYTES) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(toRow(record));
    size += bytes;
  }
  if (chunk.length > 0) yield chunk;
}

/** @param days how long a row is kept, counted from its append time */
export function createRawLog(place: ClickhousePlace, days: number): RawLog {
  const table = qualified(place, RAW_TABLE);
  return {
    async prepare() {
      await command(place, `CREATE DATABASE IF NOT EXISTS ${place.database}`);
      await command(place, rawTable(table, days));
      // A log of an older version: computed when read, until a merge has written it.
      await command(place, `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${RAW_EVENT_ID}`);
      await command(place, `ALTER TABLE ${table} ADD ${RAW_EVENT_ID_INDEX.replace('INDEX ', 'INDEX IF NOT EXISTS ')}`);
      const [row] = await query(
        place,
        'SELECT engine_full AS ddl FROM system.tables WHERE database = {database:String} AND name = {name:String}',
        { database: place.database, name: RAW_TABLE },
      );
      // Without materialising: rows that are too old go with the next merges.
      if (!String(row?.['ddl']).includes(`toIntervalDay(${days})`)) {
        const ttl = `ALTER TABLE ${table} MODIFY TTL toDateTime(appended_at) + INTERVAL ${days} DAY`;
        await command(place, `${ttl} SETTINGS materialize_ttl_after_modify = 0`);
      }
    },
    async lastOffset(partition) {
      // Not max(): the last granule of the primary key is enough.
      const [row] = await query(
        place,
        `SELECT source_offset FROM ${table} WHERE source_partition = {partition:UInt32} ORDER BY source_partition DESC, source_offset DESC LIMIT 1`,
        { partition },
      );
      return row === undefined ? null : BigInt(row['source_offset']);
    },
    async appendedAtMs(partition, offset) {
      const [row] = await query(
        place,
        `SELECT toUnixTimestamp64Milli(appended_at) AS at FROM ${table} WHERE source_partition = {partition:UInt32} AND source_offset <= {offset:UInt64} ORDER BY source_partition DESC, source_offset DESC LIMIT 1`,
        { partition, offset: offset.toString() },
      );
      return row === undefined ? null : Number(row['at']);
    },
    async read(partition, from, limit) {
      const rows = await query(
        place,
        `SELECT source_offset, predecessor, event_key, isNull(value) AS tombstone, base64Encode(ifNull(value, '')) AS bytes,
           toUnixTimestamp64Milli(appended_at) AS appended
         FROM ${table} FINAL WHERE source_partition = {partition:UInt32} AND source_offset >= {from:UInt64}
         ORDER BY source_offset LIMIT {limit:UInt32}`,
        { partition, from: from.toString(), limit },
      );
      return rows.map((row) => ({
        partition,
        offset: BigInt(row['source_offset']),
        predecessor: row['predecessor'] === null ? null : BigInt(row['predecessor']),
        key: row['event_key'] as string | null,
        value: Number(row['tombstone']) === 1 ? null : Buffer.from(String(row['bytes']), 'base64'),
        appendedAtMs: Number(row['appended']),
      }));
    },
    async find(eventIds) {
      const wanted = [...new Set(eventIds)];
      const found: RawPlace[] = [];
      for (let at = 0; at < wanted.length; at += IDS_PER_QUERY) {
        const rows = await query(
          place,
          `SELECT DISTINCT event_id, source_partition, source_offset FROM ${table} WHERE event_id IN {ids:Array(String)}`,
          { ids: wanted.slice(at, at + IDS_PER_QUERY) },
        );
        for (const row of rows) {
          const { event_id: eventId, source_partition: partition, source_offset: offset } = row;
          found.push({ eventId, partition, offset: BigInt(offset) });
        }
      }
      return found;
    },
    async append(records) {
      for (const rows of chunks(records)) await insert(place, table, COLUMNS, rows);
    },
  };
}
