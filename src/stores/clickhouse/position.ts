/**
 * The applied position, in a table beside the data. ClickHouse has no transaction over two statements, so nothing here
 * rests on one: within a table of results the largest position wins, however late a smaller one is inserted, and the only
 * step that two servers could take against each other, the swap, is a RENAME to a name that exists once.
 */
import { AppError } from '../../errors.js';
import { micros, position } from '../../position/position.js';
import type { Applied, Change } from '../port.js';
import { command, positionUnknown, query, storeConflict, type ClickhousePlace, type Row } from './command.js';
import { MARK } from './document.js';
import { META_TABLE, qualified } from './schema.js';

export interface Meta {
  /** Grows with every swap. */
  readonly generation: bigint;
  readonly table: string;
  readonly tableUuid: string;
  readonly documentVersion: number;
  readonly applied: Applied;
  /** Swapped out last; dropped once no reader can still be in it. */
  readonly previous: string | null;
}

const toMeta = (row: Row): Meta => ({
  generation: BigInt(row['generation']),
  table: row['table_name'],
  tableUuid: row['table_uuid'],
  documentVersion: row['document_version'],
  previous: row['previous'],
  applied: {
    position: position(row['position']),
    nonce: row['nonce'],
    incarnation: row['incarnation'],
    committedAt: micros(row['committed_at_us']),
    resumeOffset: BigInt(row['resume_offset']),
  },
});

const NEWEST = 'ORDER BY generation DESC, position DESC LIMIT 1';

/** As it is stored, trusted or not; null: there is none. */
export async function readMeta(place: ClickhousePlace): Promise<Meta | null> {
  try {
    const [row] = await query(place, `SELECT * FROM ${qualified(place, META_TABLE)} ${NEWEST}`);
    return row === undefined ? null : toMeta(row);
  } catch (error) {
    // No database or no table yet, or not any more.
    if (error instanceof AppError && error.code === 'POSITION_UNKNOWN') return null;
    throw error;
  }
}

const FIELDS = `generation, table_uuid, table_name, previous, document_version,
  incarnation, position, nonce, committed_at_us, resume_offset`;

const reached = (applied: Applied): Record<string, unknown> => ({
  to: applied.position.toString(),
  nonce: applied.nonce,
  at: String(applied.committedAt),
  resume: applied.resumeOffset.toString(),
});

const REACHED = '{to:UInt64}, {nonce:String}, {at:UInt64}, {resume:UInt64}';

/** What must be there for `changes` to continue it: the prefix claim holds in the store itself, whoever writes. */
const CONTINUED = `(position = {before:UInt64} AND nonce = {predecessor:String})
  OR (position >= {first:UInt64} AND position < {to:UInt64})`;

export interface Move {
  /** In order, without holes, ending at `applied`. */
  readonly changes: readonly Change[];
  readonly applied: Applied;
}

/**
 * Moves the applied position forward, within its table and incarnation, if the mark is still in the table. Being there
 * already is success.
 * @throws AppError STORE_CONFLICT when the store has been rebuilt, holds another history, or would be left with a hole;
 * POSITION_UNKNOWN when the table is not the one that was filled
 */
export async function moveApplied(place: ClickhousePlace, meta: Meta, { changes, applied }: Move): Promise<void> {
  const [first] = changes;
  if (first !== undefined) {
    const table = qualified(place, META_TABLE);
    await command(
      place,
      `INSERT INTO ${table} (${FIELDS})
       SELECT generation, table_uuid, table_name, previous, document_version, incarnation, ${REACHED}
       FROM (SELECT * FROM ${table} ${NEWEST})
       WHERE generation = {generation:UInt64} AND table_uuid = {uuid:String} AND incarnation = {incarnation:String}
         AND (${CONTINUED})
         AND (SELECT count() FROM ${qualified(place, meta.table)} FINAL WHERE ${MARK} AND run = {uuid:String}) = 1`,
      {
        ...reached(applied),
        generation: meta.generation.toString(),
        uuid: meta.tableUuid,
        incarnation: applied.incarnation,
        before: (first.position - 1n).toString(),
        predecessor: first.predecessor,
        first: first.position.toString(),
      },
    );
  }
  await verifyReached(place, meta, applied);
}

async function verifyReached(place: ClickhousePlace, meta: Meta, applied: Applied): Promise<void> {
  const now = await readMeta(place);
  const same = now !== null && now.tableUuid === meta.tableUuid && now.applied.incarnation === applied.incarnation;
  if (same && now.applied.position > applied.position) return;
  if (same && now.applied.position === applied.position && now.applied.nonce === applied.nonce) return;
  await verifyIdentity(place, meta);
  throw storeConflict('what is applied there is not what these changes follow');
}

/** Is the table that the applied position speaks of still there, the very same one, with its data? */
export async function verifyIdentity(place: ClickhousePlace, meta: Meta): Promise<void> {
  const [row] = await query(
    place,
    `SELECT count() AS marks, any((SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = {name:String})) AS uuid
     FROM ${qualified(place, meta.table)} FINAL WHERE ${MARK} AND run = {uuid:String}`,
    { database: place.database, name: meta.table, uuid: meta.tableUuid },
  );
  if (row?.['marks'] !== '1' || row['uuid'] !== meta.tableUuid)
    throw positionUnknown('its table was emptied or replaced');
}

/** Makes `next` the newest generation. Its table has its final name: only one server got that. */
export async function insertMeta(place: ClickhousePlace, next: Meta): Promise<void> {
  await command(
    place,
    `INSERT INTO ${qualified(place, META_TABLE)} (${FIELDS})
     SELECT {generation:UInt64}, {uuid:String}, {name:String}, {previous:Nullable(String)}, {version:UInt32}, {incarnation:String}, ${REACHED}`,
    {
      ...reached(next.applied),
      generation: next.generation.toString(),
      uuid: next.tableUuid,
      name: next.table,
      previous: next.previous,
      version: next.documentVersion,
      incarnation: next.applied.incarnation,
    },
  );
}
