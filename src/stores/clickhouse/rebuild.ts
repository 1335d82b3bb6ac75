/** A copy of the truth in a new table beside the old one, then one swap that only one server can make (contract.md §7). */
import { AppError } from '../../errors.js';
import type { Applied, StoredResult } from '../port.js';
import { readBinding, type Bound } from './binding.js';
import { codeOf, command, insert, query, storeConflict, TABLE_EXISTS, type ClickhousePlace } from './command.js';
import { chunks, COLUMNS, DOCUMENT_VERSION, markRow } from './document.js';
import { insertMeta, readMeta, type Meta } from './position.js';
import { META_TABLE, metaTable, qualified, REBUILD_PREFIX, RESULTS_PREFIX, resultsTable } from './schema.js';

export interface RebuildInput {
  readonly copy: AsyncIterable<readonly StoredResult[]>;
  readonly applied: Applied;
  readonly progress: (rows: number) => void;
  /** A short random name, never used before. */
  readonly newName: () => string;
}

/** Rows are gathered over batches of the copy: each insert is a part that is waited for on disk. */
const GATHERED_ROWS = 10_000;

/**
 * @returns what readers see from now on
 * @throws AppError STORE_CONFLICT (retryable) when the store moved meanwhile, or would be taken back in its own history
 */
export async function rebuild(place: ClickhousePlace, input: RebuildInput): Promise<Meta> {
  const seen = await readBinding(place);
  refuseStepBack(seen, input.applied);
  await command(place, `CREATE DATABASE IF NOT EXISTS ${place.database}`);
  await command(place, metaTable(qualified(place, META_TABLE)));
  await dropOthers(place, seen.raw);
  const copy = `${REBUILD_PREFIX}${input.newName()}`;
  await command(place, resultsTable(qualified(place, copy)));
  try {
    const tableUuid = await uuidOf(place, copy);
    await fill(place, copy, tableUuid, input);
    return await swap(place, { copy, tableUuid, seen: seen.raw, applied: input.applied });
  } catch (error) {
    await drop(place, copy).catch(() => undefined);
    throw error;
  }
}

/** A server that slept through another's rebuild holds an old snapshot: it must not replace the newer copy. */
function refuseStepBack({ binding }: Bound, applied: Applied): void {
  if (binding.status === 'unbound' || binding.applied.incarnation !== applied.incarnation) return;
  if (binding.applied.position > applied.position) {
    throw storeConflict(`it is at position ${binding.applied.position}, the copy only at ${applied.position}`);
  }
}

async function uuidOf(place: ClickhousePlace, name: string): Promise<string> {
  const [row] = await query(
    place,
    'SELECT toString(uuid) AS uuid FROM system.tables WHERE database = {database:String} AND name = {name:String}',
    { database: place.database, name },
  );
  const uuid: unknown = row?.['uuid'];
  if (typeof uuid === 'string' && !/^[0-]+$/.test(uuid)) return uuid;
  throw new AppError(
    'STORE_UNAVAILABLE',
    'ClickHouse: its tables have no UUID: the database must be of engine Atomic.',
    {
      retryable: true,
      outcome: 'none',
    },
  );
}

async function fill(place: ClickhousePlace, copy: string, tableUuid: string, input: RebuildInput): Promise<void> {
  const table = qualified(place, copy);
  let rows = 0;
  let gathered: StoredResult[] = [];
  const flush = async (): Promise<void> => {
    for (const chunk of chunks(gathered)) {
      await insert(place, table, COLUMNS, chunk);
      rows += chunk.length;
      input.progress(rows);
    }
    gathered = [];
  };
  for await (const batch of input.copy) {
    gathered.push(...batch);
    if (gathered.length >= GATHERED_ROWS) await flush();
  }
  await flush();
  await insert(place, table, COLUMNS, [markRow(tableUuid)]);
}

interface Swap {
  readonly copy: string;
  readonly tableUuid: string;
  /** What was there before the copy began. */
  readonly seen: Meta | null;
  readonly applied: Applied;
}

/**
 * The name of the next generation can be taken once: of two servers that saw the same generation one gets it. An applied
 * position that moves between the look and the rename belongs to the older generation and is not seen any more: the log
 * is read again from the copy's position.
 */
async function swap(place: ClickhousePlace, { copy, tableUuid, seen, applied }: Swap): Promise<Meta> {
  const now = await readMeta(place);
  const moved = 'another server has applied or rebuilt meanwhile';
  if (now?.tableUuid !== seen?.tableUuid || now?.applied.position !== seen?.applied.position)
    throw storeConflict(moved);
  const generation = (seen?.generation ?? 0n) + 1n;
  const table = `${RESULTS_PREFIX}${generation}`;
  try {
    await command(place, `RENAME TABLE ${qualified(place, copy)} TO ${qualified(place, table)}`);
  } catch (error) {
    if (codeOf(error) === TABLE_EXISTS || (error instanceof AppError && error.code === 'POSITION_UNKNOWN')) {
      throw storeConflict(moved);
    }
    throw error;
  }
  const next: Meta = {
    generation,
    table,
    tableUuid,
    documentVersion: DOCUMENT_VERSION,
    applied,
    previous: seen?.table ?? null,
  };
  await insertMeta(place, next);
  return next;
}

/** Between taking its name and being entered as the newest generation a table is nobody's for a moment. */
const SWAP_SECONDS = 30;

/**
 * Left over from rebuilds that did not end. A copy that another server is filling goes too, and that server notices. A
 * table of a later generation than the one seen stays while it is young: another server may have just swapped it in.
 */
async function dropOthers(place: ClickhousePlace, seen: Meta | null): Promise<void> {
  const found = await query(
    place,
    `SELECT name FROM system.tables WHERE database = {database:String} AND name != {current:String}
       AND (startsWith(name, '${REBUILD_PREFIX}') OR (startsWith(name, '${RESULTS_PREFIX}')
         AND (toUInt64OrZero(substring(name, ${RESULTS_PREFIX.length + 1})) <= {generation:UInt64}
           OR metadata_modification_time < now() - ${SWAP_SECONDS})))`,
    { database: place.database, current: seen?.table ?? '', generation: (seen?.generation ?? 0n).toString() },
  );
  for (const { name } of found) await drop(place, name);
}

export const drop = (place: ClickhousePlace, table: string): Promise<void> =>
  command(place, `DROP TABLE IF EXISTS ${qualified(place, table)} SYNC`);
