/**
 * Writing: the documents first, then the applied position. Idempotent by position, so that whatever was lost between the
 * two is simply written again: FINAL shows the row with the largest position of each key.
 */
import { newestPerKey } from '../newest.js';
import type { Applied, Change } from '../port.js';
import { insert, storeConflict, type ClickhousePlace } from './command.js';
import { chunks, COLUMNS } from './document.js';
import { moveApplied, type Meta } from './position.js';
import { qualified } from './schema.js';

/** @throws AppError CHANGE_REJECTED, STORE_CONFLICT, POSITION_UNKNOWN or STORE_UNAVAILABLE; all but the first are retryable */
export async function apply(
  place: ClickhousePlace,
  meta: Meta,
  changes: readonly Change[],
  applied: Applied,
): Promise<void> {
  if (meta.applied.incarnation !== applied.incarnation) throw storeConflict('it belongs to another incarnation');
  const table = qualified(place, meta.table);
  for (const rows of chunks(newestPerKey(changes))) await insert(place, table, COLUMNS, rows);
  await moveApplied(place, meta, { changes, applied });
}
