/** The truth that a store is held against: one snapshot of Postgres, with the clock and the expiry in it (docs/adr/0018). */
import type { Pool, PoolClient } from 'pg';
import { asError } from '../errors.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { position, type Position } from '../position/position.js';
import type { Applied, ScanRange, StoredResult } from '../stores/port.js';
import { RESULT_COLUMNS, storedResult, type ResultRow } from '../stores/postgres/row.js';

export interface Truth {
  readonly rows: readonly StoredResult[];
  /** Results last changed at or below it are shown to nobody. */
  readonly expiredTo: Position | null;
}

interface ClockRow {
  same: boolean;
  expired_to: string | null;
}

/**
 * Is what the store has applied a part of this history? By its nonce: after a restore from a copy, positions come again. What the log does
 * not hold any more can't be told apart, and is not judged.
 */
const CLOCK = `
  select (select max(position)::text from result_floors) as expired_to,
    c.incarnation::text = $3 and c.position >= $1 and (
      (c.position = $1 and c.nonce::text = $2)
      or exists (select from commit_log l where l.position = $1 and l.part = 0 and l.nonce::text = $2)) as same
  from commit_clock c`;

async function snapshot(
  pool: Pool,
  applied: Applied,
  rowsOf: (client: PoolClient) => Promise<ResultRow[]>,
): Promise<Truth | null> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin isolation level repeatable read read only');
    const { position: at, nonce, incarnation } = applied;
    const { rows: clocks } = await client.query<ClockRow>(CLOCK, [at, nonce, incarnation]);
    const [clock] = clocks;
    if (clock?.same !== true) return null;
    const expiredTo = clock.expired_to === null ? null : position(clock.expired_to);
    return { rows: (await rowsOf(client)).map(storedResult), expiredTo };
  } catch (error) {
    broken = asError(error);
    throw error;
  } finally {
    await client.query('rollback').catch((error: unknown) => (broken = asError(error)));
    client.release(broken);
  }
}

/** null: the store speaks of another history, or nobody can tell. @throws what Postgres says */
export const truthOfRange = (
  pool: Pool,
  { kind, engine, after, limit }: ScanRange,
  applied: Applied,
): Promise<Truth | null> =>
  snapshot(pool, applied, async (client) => {
    const { rows } = await client.query<ResultRow>(
      `select ${RESULT_COLUMNS} from results r where r.kind = $1 and r.engine = $2 and r.business_key > $3
       order by r.business_key limit $4`,
      [kind, engine, after, limit],
    );
    return rows;
  });

/** The same, of single keys, by `keyOf`. */
export async function truthOfKeys(
  pool: Pool,
  keys: readonly ResultKey[],
  applied: Applied,
): Promise<{ readonly rows: ReadonlyMap<string, StoredResult>; readonly expiredTo: Position | null } | null> {
  const truth = await snapshot(pool, applied, async (client) => {
    const { rows } = await client.query<ResultRow>(
      `select ${RESULT_COLUMNS} from unnest($1::text[], $2::text[], $3::text[]) as k(kind, business_key, engine)
       join results r using (kind, business_key, engine)`,
      [keys.map((key) => key.kind), keys.map((key) => key.businessKey), keys.map((key) => key.engine)],
    );
    return rows;
  });
  return truth === null ? null : { ...truth, rows: new Map(truth.rows.map((row) => [keyOf(row), row])) };
}
