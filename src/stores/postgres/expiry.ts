/**
 * Expiry of results in the source of truth (docs/adr/0010). Raising the floor is the decision; removing what lies below it is
 * housekeeping, and comes so much later that nobody still answers from an older floor.
 */
import type { Pool, PoolClient } from 'pg';
import { EXPIRY_FIELDS } from '../../position/expiry.js';
import { position, type Position } from '../../position/position.js';

/** Rows looked at per raise: what one transaction may scan. */
const ROWS_PER_RAISE = 5_000;
const ROWS_PER_DELETE = 2_000;
/** Of one round: what is left then waits for the next one. */
const STEPS = 200;

const NOW_US = `(extract(epoch from clock_timestamp()) * 1e6)::bigint`;
const KEY_TIME = String.raw`substring(r.business_key from '@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$')`;
/** The latest thing that the row is about; null: it does not say. */
const LATEST = `greatest(r.evidence ->> 'max_event_time' collate "C", ${KEY_TIME} collate "C",
  ${EXPIRY_FIELDS.map((field) => `r.calculated_value ->> '${field}' collate "C"`).join(', ')})`;

/**
 * One statement, one snapshot. Rows of older commit times have smaller positions, so a prefix of positions is taken, of whole
 * transactions; a row that is changed meanwhile leaves it, and was counted in vain.
 */
const RAISE = `
  with floor as (select coalesce(max(position), -1) as position from result_floors),
  next as (
    select max(position) as position from
      (select r.position, r.committed_at_us from results r, floor where r.position > floor.position
        order by r.position limit ${ROWS_PER_RAISE}) candidates
     where committed_at_us < ${NOW_US} - $1::bigint),
  expired as (
    select r.kind, r.engine, coalesce(max(${LATEST}), '') as until from results r, floor, next
     where r.position > floor.position and r.position <= next.position group by r.kind, r.engine),
  noted as (
    insert into expired_kinds (kind, engine, until) select kind, engine, until from expired
    on conflict (kind, engine) do update set until = case when expired_kinds.until is null then null
      else greatest(expired_kinds.until, excluded.until) end)
  insert into result_floors (position, raised_at_us) select position, ${NOW_US} from next where position is not null
  on conflict do nothing`;

/** Raises the floor over all that is older than `retentionMs`, by Postgres' clock. @returns how often it was raised */
export async function raiseFloor(pool: Pool, retentionMs: number): Promise<number> {
  for (let raised = 0; raised < STEPS; raised++) {
    const { rowCount } = await pool.query(RAISE, [retentionMs * 1000]);
    if (rowCount === 0) return raised;
  }
  return STEPS;
}

/**
 * The newest floor that was raised at least `graceMs` ago, with the history that it is of; older floors are forgotten.
 * @returns null: nothing may be removed yet
 */
export async function removableTo(
  pool: Pool,
  graceMs: number,
): Promise<{ readonly to: Position; readonly incarnation: string } | null> {
  const { rows } = await pool.query<{ to: string | null; incarnation: string }>(
    `select (select max(position)::text from result_floors where raised_at_us <= ${NOW_US} - $1::bigint) as to, incarnation
     from commit_clock`,
    [graceMs * 1000],
  );
  const [row] = rows;
  if (row === undefined || row.to === null) return null;
  await pool.query('delete from result_floors where position < $1', [row.to]);
  return { to: position(row.to), incarnation: row.incarnation };
}

/**
 * What is held against a key and can't be told from what comes later (ADR 10): a late drop, or a row without the time of its
 * newest event. Nobody reads it any more, ingest does.
 */
const HELD = `(r.evidence ->> 'max_event_time' is null or 'VIOLATION_LATE_DROPPED' = any (r.reasons))`;

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Removes expired rows, partition by partition.
 * @param heldMost held rows that each partition keeps
 * @returns how many were removed
 */
export async function purgeResults(pool: Pool, to: Position, heldMost: number): Promise<number> {
  const { rows: places } = await pool.query<Place>('select topic, partition from ingest_offsets');
  let removed = 0;
  for (const place of places) {
    let gone = ROWS_PER_DELETE;
    for (let step = 0; step < STEPS && gone === ROWS_PER_DELETE; step++) {
      gone = await locked(pool, place, (client) => remove(client, place, to));
      removed += gone;
    }
    removed += await locked(pool, place, (client) => removeHeld(client, place, to, heldMost));
  }
  return removed;
}

const OF_PLACE = `r.position <= $1 and r.result_topic = $2 and r.result_partition = $3`;

interface Gone {
  readonly gone: string;
}

/** Nobody recomputes what has expired: its request goes with it. */
const DELETE_SURPLUS = `
  requests as (
    delete from reprocessing_requests where (kind, business_key, engine) in (select kind, business_key, engine from surplus)),
  results_gone as (
    delete from results where (kind, business_key, engine) in (select kind, business_key, engine from surplus) returning 1)
  select count(*) as gone from results_gone`;

async function remove(client: PoolClient, { topic, partition }: Place, to: Position): Promise<number> {
  const { rows } = await client.query<Gone>(
    `with surplus as (
       select r.kind, r.business_key, r.engine from results r where ${OF_PLACE} and not ${HELD}
        order by r.position limit ${ROWS_PER_DELETE}),
     ${DELETE_SURPLUS}`,
    [to, topic, partition],
  );
  return Number(rows[0]?.gone ?? 0);
}

/**
 * The oldest of too many held rows. Of their kinds nothing is known from then on, and that is written down with the deletion,
 * so that no key is ever taken for new that is not.
 */
async function removeHeld(client: PoolClient, place: Place, to: Position, most: number): Promise<number> {
  const { rows } = await client.query<Gone>(
    `with surplus as (
       select r.kind, r.business_key, r.engine from results r where ${OF_PLACE} and ${HELD}
        order by r.position desc offset $4 limit ${ROWS_PER_DELETE}),
     noted as (
       update expired_kinds e set until = null where (e.kind, e.engine) in (select kind, engine from surplus)),
     ${DELETE_SURPLUS}`,
    [to, place.topic, place.partition, most],
  );
  return Number(rows[0]?.gone ?? 0);
}

/** Every writer of a result row takes its partition's lock first (contract.md §6): ingest never finds half of a row's life. */
async function locked<T>(
  pool: Pool,
  { topic, partition }: Place,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin');
    await client.query('select 1 from ingest_offsets where topic = $1 and partition = $2 for update', [
      topic,
      partition,
    ]);
    const done = await work(client);
    await client.query('commit');
    return done;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await client.query('rollback').then(
      () => (failure = undefined),
      () => undefined,
    );
    throw error;
  } finally {
    client.release(failure);
  }
}
