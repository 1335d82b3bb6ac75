/** What the auditor asks of ClickHouse (docs/adr/0018): what lies under each key, and to put there what belongs there. */
import type { Answer, Repair, Scanned, ScanRange } from '../port.js';
import { command, insert, query, storeConflict, type ClickhousePlace, type Row } from './command.js';
import { chunks, COLUMNS, fromRow, MARK, SELECTED, unmarked } from './document.js';
import { verifyIdentity, type Meta } from './position.js';
import { answer } from './read.js';
import { qualified } from './schema.js';

/** @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE, both retryable */
export const scan = (
  place: ClickhousePlace,
  { kind, engine, after, limit }: ScanRange,
): Promise<Answer<readonly Scanned[]>> =>
  answer(place, async (meta) => {
    // The mark comes first, and is not counted.
    const sql = `SELECT ${SELECTED} FROM ${qualified(place, meta.table)} FINAL
      WHERE ${MARK} OR (kind = {kind:String} AND processing_engine = {engine:String} AND business_key > {after:String})
      ORDER BY kind != '', business_key LIMIT {limit:UInt32}`;
    const rows = await query(place, sql, { kind, engine, after, limit: limit + 1 });
    return unmarked(rows, meta.tableUuid).map(scanned);
  });

function scanned(row: Row): Scanned {
  const businessKey: string = row['business_key'];
  try {
    return { businessKey, result: fromRow(row) };
  } catch {
    // Its JSON is none any more.
    return { businessKey, result: null };
  }
}

/**
 * Of equal positions FINAL shows the row that was inserted last. A row of a position that was never true would win against all that come, so
 * it is deleted, exactly that one.
 * @throws AppError STORE_CONFLICT, POSITION_UNKNOWN, STORE_UNAVAILABLE (retryable) or CHANGE_REJECTED
 */
export async function repair(
  place: ClickhousePlace,
  meta: Meta,
  repairs: readonly Repair[],
  incarnation: string,
): Promise<void> {
  if (meta.applied.incarnation !== incarnation) throw storeConflict('it belongs to another incarnation');
  const table = qualified(place, meta.table);
  for (const { document, over } of repairs) {
    if (over === null || over <= document.position) continue;
    await command(
      place,
      `ALTER TABLE ${table} DELETE WHERE kind = {kind:String} AND processing_engine = {engine:String}
         AND business_key = {key:String} AND position = {over:UInt64}`,
      { kind: document.kind, engine: document.engine, key: document.businessKey, over: String(over) },
    );
  }
  for (const rows of chunks(repairs.map(({ document }) => document))) await insert(place, table, COLUMNS, rows);
  await verifyIdentity(place, meta);
}
