/** Removing what expired long ago (ADR 10). */
import type { Position } from '../../position/position.js';
import { command, query, type ClickhousePlace } from './command.js';
import type { Meta } from './position.js';
import { qualified } from './schema.js';

/** A deletion writes every part anew that it touches, so it waits until one row in so many has expired. */
const WORTH_ONE_IN = 20;

/**
 * Also removes older versions of results that live: FINAL never shows them. The mark is of no kind, and stays.
 * @throws AppError POSITION_UNKNOWN (the table is gone) or STORE_UNAVAILABLE, both retryable
 */
export async function purge(place: ClickhousePlace, meta: Meta, to: Position): Promise<number> {
  const table = qualified(place, meta.table);
  const expired = `kind != '' AND position <= {to:UInt64}`;
  const params = { to: String(to) };
  const [counted] = await query(place, `SELECT countIf(${expired}) AS expired, count() AS total FROM ${table}`, params);
  const found = Number(counted?.['expired']);
  if (found === 0 || found * WORTH_ONE_IN < Number(counted?.['total'])) return 0;
  await command(place, `ALTER TABLE ${table} DELETE WHERE ${expired}`, params);
  return found;
}
